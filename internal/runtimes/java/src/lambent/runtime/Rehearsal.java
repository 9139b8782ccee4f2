package lambent.runtime;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.io.DataInputStream;
import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * Plays some invocations against itself, so that the virtual machine can archive the classes that a life needs
 * (-XX:ArchiveClassesAtExit) in the form in which they start quickest.
 */
public final class Rehearsal {
    /** A handler's class can be constructed. */
    public Rehearsal() {}

    private static final String[] EVENTS = {
        "{\"name\":\"a\",\"count\":1,\"rate\":1.5,\"list\":[{\"name\":\"b\"}],\"map\":{\"c\":[true,null]},\"when\":\"2026-01-01T00:00:00Z\"}",
        "\"text\"", "{\"error\":1}",
    };

    /** A value with the usual kinds of properties. */
    public static class Value {
        private String name;
        private Integer count;
        private double rate;
        private List<Value> list;
        private Map<String, Object> map;
        private Date when;
        private Optional<String> maybe = Optional.empty();

        public String getName() {
            return name;
        }

        public void setName(String name) {
            this.name = name;
        }

        public Integer getCount() {
            return count;
        }

        public void setCount(Integer count) {
            this.count = count;
        }

        public double getRate() {
            return rate;
        }

        public void setRate(double rate) {
            this.rate = rate;
        }

        public List<Value> getList() {
            return list;
        }

        public void setList(List<Value> list) {
            this.list = list;
        }

        public Map<String, Object> getMap() {
            return map;
        }

        public void setMap(Map<String, Object> map) {
            this.map = map;
        }

        public Date getWhen() {
            return when;
        }

        public void setWhen(Date when) {
            this.when = when;
        }

        public Optional<String> getMaybe() {
            return maybe;
        }

        public void setMaybe(Optional<String> maybe) {
            this.maybe = maybe;
        }
    }

    /** Answers what it was given. */
    public static class Values implements RequestHandler<Value, Value> {
        @Override public Value handleRequest(Value value, Context context) {
            return value;
        }
    }

    /** Answers what it was given. */
    public static Map<String, Object> map(Map<String, Object> event, Context context) {
        if (event.containsKey("error")) {
            throw new IllegalStateException("rehearsed");
        }
        return event;
    }

    /** Answers what it was given. */
    public static String text(String event) {
        return event;
    }

    /** Answers what it was given, with a reflective call of the kind that most functions have. */
    public Map<String, Object> instance(Map<String, Object> event) {
        return event;
    }

    /** Answers what it was given. */
    public Map<String, Object> both(Map<String, Object> event, Context context) {
        return event;
    }

    /** Answers nothing. */
    public void stream(InputStream event, OutputStream answer, Context context) {}

    static void play() throws Exception {
        String none = "/nonexistent";
        play(0, Values.class.getName(), none);
        play(0, Rehearsal.class.getName() + "::map", none);
        play(1, Rehearsal.class.getName() + "::text", none);
        play(2, Rehearsal.class.getName() + "::map", none);
        for (String method : new String[] {"::instance", "::both", "::stream"}) {
            play(0, Rehearsal.class.getName() + method, none);
        }
        byte[] function = function();
        play(0, "Rehearsed::handle", folder(function));
        play(0, "Rehearsed::handle", library(function));
        warm(2);
        Class.forName(Ahead.class.getName());
    }

    /** The class that build.sh has put where no class loader finds it by its name. */
    private static byte[] function() throws IOException {
        try (InputStream in = Rehearsal.class.getResourceAsStream("/rehearsal/Rehearsed.class")) {
            byte[] code = new byte[in.available()];
            new DataInputStream(in).readFully(code);
            return code;
        }
    }

    /** A function's folder with the class in it, within the working folder. */
    private static String folder(byte[] function) throws IOException {
        File folder = new File("folder").getAbsoluteFile();
        folder.mkdir();
        try (FileOutputStream out = new FileOutputStream(new File(folder, "Rehearsed.class"))) {
            out.write(function);
        }
        return folder.getPath();
    }

    /** A function's folder with the class in a library. */
    private static String library(byte[] function) throws IOException {
        File folder = new File("library").getAbsoluteFile();
        new File(folder, "lib").mkdirs();
        try (ZipOutputStream out = new ZipOutputStream(new FileOutputStream(new File(folder, "lib/function.jar")))) {
            out.putNextEntry(new ZipEntry("Rehearsed.class"));
            out.write(function);
        }
        return folder.getPath();
    }

    /**
     * Exercises what every start needs, without leaving a trace: nothing is written, logged or kept, and the
     * connection to itself is torn down so that the kernel forgets it at once.
     */
    static void warm(int rounds) throws Exception {
        Main.describePlatform(null); // before the first address is made
        String[] handlers = {Values.class.getName(), Rehearsal.class.getName() + "::map"};
        Log log = Log.silent();
        for (int i = 0; i < rounds; i++) {
            ClassLoader loader = Rehearsal.class.getClassLoader();
            Handler handler = Handlers.load(handlers[i % handlers.length], loader, new Binding(loader));
            Invocation invocation = new Invocation(Collections.singletonMap("lambda-runtime-aws-request-id", "1"),
                    EVENTS[0].getBytes(StandardCharsets.UTF_8));
            try {
                handler.handle(invocation.input(), new Bytes(1024), new FunctionContext(invocation, log));
            } catch (Throwable t) {
                throw new IllegalStateException(t);
            }
        }
        converse();
    }

    /** Takes one event from a server of its own and answers it. */
    private static void converse() throws Exception {
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            Thread peer = new Thread(() -> answer(server, EVENTS[0]), "rehearsal");
            peer.setDaemon(true);
            peer.start();
            Client client = new Client("127.0.0.1:" + server.getLocalPort());
            Invocation invocation = client.next();
            Bytes answer = new Bytes(16);
            answer.write('1');
            client.respond(invocation.id, answer);
            client.abort();
            peer.join();
        }
    }

    private static void play(int event, String handler, String task) throws Exception {
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            Thread peer = new Thread(() -> answer(server, EVENTS[event]), "rehearsal");
            peer.setDaemon(true);
            peer.start();
            try {
                Main.run(new Client("127.0.0.1:" + server.getLocalPort()), Log.fromEnvironment(), handler, task, "/nonexistent");
            } catch (Client.Unreachable e) {
                // the play is over
            }
        }
    }

    private static void answer(ServerSocket server, String event) {
        try (Socket peer = server.accept()) {
            InputStream in = peer.getInputStream();
            byte[] buffer = new byte[64 * 1024];
            in.read(buffer);
            peer.getOutputStream().write(("HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: 1\r\nLambda-Runtime-Deadline-Ms: 1\r\nContent-Length: "
                    + event.length() + "\r\n\r\n" + event).getBytes(StandardCharsets.UTF_8));
            in.read(buffer);
            peer.getOutputStream().write("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n".getBytes(StandardCharsets.UTF_8));
            in.read(buffer);
            server.close();
        } catch (IOException e) {
            // the rehearsing side ends on its own
        }
    }
}
