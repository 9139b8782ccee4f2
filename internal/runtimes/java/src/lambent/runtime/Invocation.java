package lambent.runtime;

import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.util.Map;

/** One event as the Runtime API handed it out. */
final class Invocation {
    final String id;
    final String traceId;
    final String functionArn;
    final String clientContext;
    final String identity;
    final String tenantId;
    final long deadlineMillis;
    private final byte[] event;

    Invocation(Map<String, String> headers, byte[] event) {
        id = headers.get("lambda-runtime-aws-request-id");
        traceId = headers.get("lambda-runtime-trace-id");
        functionArn = headers.get("lambda-runtime-invoked-function-arn");
        clientContext = headers.get("lambda-runtime-client-context");
        identity = headers.get("lambda-runtime-cognito-identity");
        tenantId = headers.get("lambda-runtime-aws-tenant-id");
        String deadline = headers.get("lambda-runtime-deadline-ms");
        deadlineMillis = deadline == null ? 0 : Long.parseLong(deadline);
        this.event = event;
    }

    InputStream input() {
        return new ByteArrayInputStream(event);
    }
}
