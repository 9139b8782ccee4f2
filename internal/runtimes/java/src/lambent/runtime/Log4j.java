package lambent.runtime;

import com.amazonaws.services.lambda.runtime.LambdaRuntimeInternal;
import java.lang.reflect.Method;

/** Gives the request's id to a log4j appender of aws-lambda-java-log4j, which asks for it. */
final class Log4j {
    private Log4j() {}

    static void rememberRequest(String id) {
        if (!LambdaRuntimeInternal.getUseLog4jAppender()) {
            return;
        }
        boolean told = put("org.apache.log4j.MDC", Object.class, id);
        told |= put("org.apache.logging.log4j.ThreadContext", String.class, id);
        if (!told) {
            System.err.println("Customer using log4j appender but unable to load either org.apache.log4j.MDC or "
                    + "org.apache.logging.log4j.ThreadContext. Customer cannot see RequestId in log4j log lines.");
        }
    }

    private static boolean put(String className, Class<?> valueType, String id) {
        try {
            Class<?> type = Class.forName(className, true, Thread.currentThread().getContextClassLoader());
            Method put = type.getMethod("put", String.class, valueType);
            put.invoke(null, "AWSRequestId", id);
            return true;
        } catch (ReflectiveOperationException | LinkageError e) {
            return false;
        }
    }
}
