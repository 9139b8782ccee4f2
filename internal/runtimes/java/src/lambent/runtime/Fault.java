package lambent.runtime;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.Set;

/** What is wrong with the function: as the log and the caller are told. */
final class Fault extends RuntimeException {
    private static final long serialVersionUID = 1;
    private static final String OURS = Fault.class.getPackage().getName() + ".";

    final String type;
    final String trace;
    /** The process is not fit for another invocation. */
    final boolean fatal;

    private Fault(String message, String type, String trace, boolean fatal) {
        super(message, null, false, false);
        this.type = type;
        this.trace = trace;
        this.fatal = fatal;
    }

    static Fault saying(String message) {
        return new Fault(message, null, null, false);
    }

    static Fault saying(String message, Throwable t) {
        return new Fault(message, t.getClass().getName(), trace(t), false);
    }

    static Fault of(Throwable t, boolean fatal) {
        return new Fault(message(t), t.getClass().getName(), trace(t), fatal);
    }

    static Fault ofLoading(String className, Throwable t) {
        String detail = t.getMessage() == null ? "" : ": " + t.getMessage();
        return new Fault("Error loading class " + className + detail, t.getClass().getName(), trace(t), true);
    }

    private static String message(Throwable t) {
        return t.getLocalizedMessage() == null ? t.getClass().getName() : t.getLocalizedMessage();
    }

    /** The log's text. */
    String report() {
        if (type == null && trace == null) {
            return getMessage() + "\n";
        }
        return getMessage() + ": " + (type == null ? "" : type) + "\n" + (trace == null ? "" : trace) + "\n";
    }

    /** The caller's text, without a stack: it would show only the runtime's own frames. */
    byte[] toJson() {
        return json(getMessage(), type, null);
    }

    /** The caller's text for what the function threw. */
    static byte[] toJson(Throwable t) {
        return json(message(t), t.getClass().getName(), withoutOurs(t).getStackTrace());
    }

    private static byte[] json(String message, String type, StackTraceElement[] stack) {
        StringBuilder out = new StringBuilder("{");
        Json.member(out, "errorMessage", message);
        Json.member(out, "errorType", type);
        if (stack != null) {
            out.append(",\"stackTrace\":[");
            for (int i = 0; i < stack.length; i++) {
                Json.string(i == 0 ? out : out.append(','), stack[i].toString());
            }
            out.append(']');
        }
        return out.append('}').toString().getBytes(StandardCharsets.UTF_8);
    }

    /** The cause for X-Ray. The order of paths has no meaning, and is that of AWS. */
    static String causeJson(Throwable t) {
        StringBuilder out = new StringBuilder("{");
        Json.member(out, "working_directory", System.getProperty("user.dir"));
        out.append(",\"exceptions\":[{");
        Json.member(out, "message", t.getMessage());
        Json.member(out, "type", t.getClass().getName());
        out.append(out.charAt(out.length() - 1) == '{' ? "" : ",").append("\"stack\":[");
        Set<String> paths = new HashSet<>();
        String comma = "";
        for (StackTraceElement frame : t.getStackTrace()) {
            paths.add(file(frame));
            out.append(comma).append('{');
            Json.member(out, "label", frame.getMethodName());
            Json.member(out, "path", file(frame));
            out.append(",\"line\":").append(frame.getLineNumber()).append('}');
            comma = ",";
        }
        out.append("]}],\"paths\":[");
        comma = "";
        for (String path : paths) {
            Json.string(out.append(comma), path);
            comma = ",";
        }
        return out.append("]}").toString();
    }

    private static String file(StackTraceElement frame) {
        if (frame.getFileName() != null) {
            return frame.getFileName();
        }
        String name = frame.getClassName();
        return name.substring(name.lastIndexOf('.') + 1) + ".java";
    }

    private static String trace(Throwable t) {
        StringWriter text = new StringWriter();
        withoutOurs(t).printStackTrace(new PrintWriter(text));
        return text.toString();
    }

    /** Cuts every stack below t where the runtime begins: what follows is not the function's. */
    static <T extends Throwable> T withoutOurs(T t) {
        cut(t, Collections.newSetFromMap(new IdentityHashMap<>()));
        return t;
    }

    private static void cut(Throwable t, Set<Throwable> seen) {
        if (t == null || !seen.add(t)) {
            return;
        }
        StackTraceElement[] stack = t.getStackTrace();
        for (int i = 0; i < stack.length; i++) {
            if (stack[i].getClassName().startsWith(OURS)) {
                t.setStackTrace(java.util.Arrays.copyOf(stack, i));
                break;
            }
        }
        cut(t.getCause(), seen);
        for (Throwable suppressed : t.getSuppressed()) {
            cut(suppressed, seen);
        }
    }
}
