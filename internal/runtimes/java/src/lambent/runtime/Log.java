package lambent.runtime;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.LambdaLogger;
import com.amazonaws.services.lambda.runtime.LambdaRuntime;
import com.amazonaws.services.lambda.runtime.logging.LogFormat;
import com.amazonaws.services.lambda.runtime.logging.LogLevel;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;

/**
 * The function's logger. A message is one event whatever lines it has, because it travels framed through a descriptor
 * of its own; without that descriptor it goes to the standard output.
 */
public final class Log implements LambdaLogger {
    private static final int FRAME = 0xa55a0000;
    private static final int HAS_TIME = 2;
    private static final int IS_TEXT = 1;

    private static volatile Log shared;

    private final String descriptor; // null: standard output
    private boolean looked; // this and frames are guarded by the monitor
    private OutputStream frames;
    private final LogFormat format;
    private final LogLevel least;
    private volatile Context context;

    private Log(String descriptor, LogFormat format, LogLevel least) {
        this.descriptor = descriptor;
        this.format = format;
        this.least = least;
    }

    static Log fromEnvironment() {
        return new Log(System.getenv("_LAMBDA_TELEMETRY_LOG_FD"),
                "JSON".equalsIgnoreCase(System.getenv("AWS_LAMBDA_LOG_FORMAT")) ? LogFormat.JSON : LogFormat.TEXT,
                level(System.getenv("AWS_LAMBDA_LOG_LEVEL")));
    }

    /** One that nothing is written to, and that looks at no variable. */
    static Log silent() {
        return new Log(null, LogFormat.TEXT, LogLevel.UNDEFINED);
    }

    /** What LambdaRuntime.getLogger() answers; whoever is quicker than the runtime, an agent, gets one that prints. */
    public static LambdaLogger shared() {
        Log log = shared;
        return log == null ? silent() : log;
    }

    /** Makes LambdaRuntime.getLogger() this one. */
    void share() throws ReflectiveOperationException {
        shared = this;
        if (LambdaRuntime.getLogger() != this) { // the class has been used before
            Field field = LambdaRuntime.class.getDeclaredField("logger");
            field.setAccessible(true);
            field.set(null, this);
        }
    }

    /** The functions' own variable may say anything: what is no level hides nothing. */
    private static LogLevel level(String name) {
        for (LogLevel level : LogLevel.values()) {
            if (level.name().equalsIgnoreCase(name)) {
                return level;
            }
        }
        return LogLevel.UNDEFINED;
    }

    /** Opened for the first message: not every function logs, and reflection is dear. */
    private OutputStream frames() {
        if (!looked && descriptor != null) {
            frames = open(descriptor);
        }
        looked = true;
        return frames;
    }

    private static OutputStream open(String number) {
        try {
            Constructor<FileDescriptor> constructor = FileDescriptor.class.getDeclaredConstructor(int.class);
            constructor.setAccessible(true); // the jar's manifest opens java.io to us
            return new FileOutputStream(constructor.newInstance(Integer.parseInt(number)));
        } catch (ReflectiveOperationException | RuntimeException e) {
            return null;
        }
    }

    /** Names the invocation that messages belong to from now on. */
    void serving(Context context) {
        this.context = context;
    }

    /** Logs a fault: its level is told in JSON only. */
    void error(String text) {
        log(text, format == LogFormat.JSON ? LogLevel.ERROR : LogLevel.UNDEFINED);
    }

    @Override public void log(String message) {
        log(message, LogLevel.UNDEFINED);
    }

    @Override public void log(byte[] message) {
        log(message, LogLevel.UNDEFINED);
    }

    @Override public void log(String message, LogLevel level) {
        if (wanted(level)) {
            write(format == LogFormat.JSON ? json(message, level) : text(message, level), level);
        }
    }

    @Override public void log(byte[] message, LogLevel level) {
        if (wanted(level)) {
            write(message == null ? "null".getBytes(StandardCharsets.UTF_8) : message, level);
        }
    }

    private boolean wanted(LogLevel level) {
        return level == LogLevel.UNDEFINED || level.ordinal() >= least.ordinal();
    }

    private static byte[] text(String message, LogLevel level) {
        String line = level == LogLevel.UNDEFINED ? String.valueOf(message) : "[" + level + "] " + message;
        return line.getBytes(StandardCharsets.UTF_8);
    }

    private byte[] json(String message, LogLevel level) {
        StringBuilder out = new StringBuilder("{");
        Json.member(out, "timestamp", Clock.FORMAT.format(Instant.now()));
        Json.member(out, "message", message);
        Json.member(out, "level", level.name());
        Context now = context;
        if (now != null) {
            Json.member(out, "AWSRequestId", now.getAwsRequestId());
            Json.member(out, "tenantId", now.getTenantId());
        }
        return out.append("}\n").toString().getBytes(StandardCharsets.UTF_8);
    }

    /** A class of its own, so that text logs do not load the formatter. */
    private static final class Clock {
        static final DateTimeFormatter FORMAT =
                DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSS'Z'").withZone(ZoneOffset.UTC);
    }

    private synchronized void write(byte[] message, LogLevel level) {
        OutputStream frames = frames();
        if (frames == null) {
            System.out.write(message, 0, message.length);
            System.out.flush();
            return;
        }
        Instant now = Instant.now();
        int kind = FRAME | level.ordinal() << 2 | HAS_TIME | (format == LogFormat.JSON ? 0 : IS_TEXT);
        ByteBuffer frame = ByteBuffer.allocate(16 + message.length);
        frame.putInt(kind).putInt(message.length).putLong(now.getEpochSecond() * 1_000_000 + now.getNano() / 1000);
        frame.put(message);
        try {
            frames.write(frame.array()); // one write: frames of several threads must not mix
        } catch (IOException e) {
            e.printStackTrace();
        }
    }
}
