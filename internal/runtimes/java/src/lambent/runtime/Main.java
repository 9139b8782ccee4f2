package lambent.runtime;

import java.io.File;
import java.io.IOError;
import java.io.IOException;
import java.io.PrintStream;

/**
 * The Java runtime: it loads the handler that _HANDLER names and serves one invocation after the other.
 *
 * <p>The Runtime API's client, the choice of the handler's method, the errors and the log are ours and small; what
 * turns JSON into the handler's types is AWS's own serialization library, because functions depend on its leniency
 * down to single quotes and empty strings that become null.
 */
public final class Main {
    private static final String TRACE_PROPERTY = "com.amazonaws.xray.traceHeader";

    private Main() {}

    /** The first argument is the folder of the layers' Java files; "--rehearse" instead plays a life for the archive. */
    public static void main(String[] args) throws Exception {
        if (args.length == 1 && args[0].equals("--rehearse")) {
            Rehearsal.play();
            return;
        }
        if (Ahead.asked()) {
            Ahead.await();
        }
        String api = System.getenv("AWS_LAMBDA_RUNTIME_API");
        if (api == null || api.isEmpty()) {
            System.err.println("AWS_LAMBDA_RUNTIME_API is not set: this program runs inside a Lambda execution environment");
            System.exit(1);
        }
        String task = System.getenv("LAMBDA_TASK_ROOT");
        if (task == null) {
            task = System.getProperty("user.dir");
        }
        run(new Client(api), Log.fromEnvironment(), System.getenv("_HANDLER"), task, args.length > 0 ? args[0] : "/opt/java");
    }

    static void run(Client client, Log log, String name, String task, String layers) throws Exception {
        describePlatform();
        System.setOut(new PrintStream(System.out, false, "UTF-8"));
        System.setErr(new PrintStream(System.err, false, "UTF-8"));
        log.share();
        ClassLoader loader = new FunctionClassLoader(task, layers, ClassLoader.getSystemClassLoader());
        Thread.currentThread().setContextClassLoader(loader);

        Handler handler;
        try {
            handler = Handlers.load(name == null ? "" : name, loader, new Binding(loader));
        } catch (Fault fault) {
            log.error(fault.report());
            client.reportInitError(fault.toJson(), "Runtime.BadFunctionCode");
            System.exit(1);
            return;
        }
        while (serve(client, log, handler)) {
            Thread.interrupted(); // a flag that user code left set would end the wait for the next event
        }
    }

    /** Serves one invocation and tells whether the process is fit for another. */
    private static boolean serve(Client client, Log log, Handler handler) throws IOException {
        Invocation invocation = client.next();
        if (invocation.traceId != null) {
            System.setProperty(TRACE_PROPERTY, invocation.traceId);
        } else {
            System.clearProperty(TRACE_PROPERTY);
        }
        Bytes answer = new Bytes(1024);
        Fault fault;
        try {
            FunctionContext context = new FunctionContext(invocation, log);
            if (!handler.missing()) { // AWS's log lines of a handler that is not there name no request
                log.serving(context);
            }
            Log4j.rememberRequest(invocation.id);
            handler.handle(invocation.input(), answer, context);
            client.respond(invocation.id, answer);
            return true;
        } catch (Client.Unreachable e) {
            throw e;
        } catch (Fault f) {
            fault = f;
            client.reportError(invocation.id, f.toJson(), "Runtime.BadFunctionCode", null);
        } catch (Throwable t) {
            fault = Fault.of(t, t instanceof VirtualMachineError || t instanceof IOError);
            client.reportError(invocation.id, Fault.toJson(t), "Runtime.UserException", Fault.causeJson(t));
        }
        log.error(fault.report());
        return !fault.fatal;
    }

    /** Sets what functions on AWS find set: short-lived negative DNS answers, the system's certificates. */
    private static void describePlatform() {
        describePlatform(System.getenv("AWS_LAMBDA_JAVA_NETWORKADDRESS_CACHE_NEGATIVE_TTL"));
    }

    static void describePlatform(String ttl) {
        if (!SecurityProperties.chosen("networkaddress.cache.negative.ttl")) {
            SecurityProperties.set("networkaddress.cache.negative.ttl", ttl == null ? "1" : ttl);
        }
        File certificates = new File("/etc/pki/java/cacerts");
        if (System.getProperty("javax.net.ssl.trustStore") == null && certificates.isFile()) {
            System.setProperty("javax.net.ssl.trustStore", certificates.getPath());
        }
    }
}
