package lambent.runtime;

import com.amazonaws.services.lambda.runtime.Client;
import com.amazonaws.services.lambda.runtime.ClientContext;
import com.amazonaws.services.lambda.runtime.CognitoIdentity;
import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.LambdaLogger;
import com.amazonaws.services.lambda.runtime.serialization.factories.GsonFactory;
import java.util.Map;

/** What a handler is told about its function and this invocation. */
final class FunctionContext implements Context {
    private final Invocation invocation;
    private final LambdaLogger logger;
    private final Identity identity;
    private final MobileContext clientContext;

    FunctionContext(Invocation invocation, LambdaLogger logger) {
        this.invocation = invocation;
        this.logger = logger;
        identity = parse(invocation.identity, Identity.class);
        clientContext = parse(invocation.clientContext, MobileContext.class);
    }

    // Gson and not Jackson, as on AWS: it fills private fields, and most functions never load it.
    private static <T> T parse(String json, Class<T> type) {
        return json == null || json.isEmpty() ? null : GsonFactory.getInstance().getSerializer(type).fromJson(json);
    }

    @Override public String getAwsRequestId() {
        return invocation.id;
    }

    @Override public String getLogGroupName() {
        return System.getenv("AWS_LAMBDA_LOG_GROUP_NAME");
    }

    @Override public String getLogStreamName() {
        return System.getenv("AWS_LAMBDA_LOG_STREAM_NAME");
    }

    @Override public String getFunctionName() {
        return System.getenv("AWS_LAMBDA_FUNCTION_NAME");
    }

    @Override public String getFunctionVersion() {
        return System.getenv("AWS_LAMBDA_FUNCTION_VERSION");
    }

    @Override public String getInvokedFunctionArn() {
        return invocation.functionArn;
    }

    @Override public CognitoIdentity getIdentity() {
        return identity;
    }

    @Override public ClientContext getClientContext() {
        return clientContext;
    }

    @Override public int getRemainingTimeInMillis() {
        return (int) Math.min(Integer.MAX_VALUE, Math.max(0, invocation.deadlineMillis - System.currentTimeMillis()));
    }

    @Override public int getMemoryLimitInMB() {
        String memory = System.getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE");
        return memory == null ? 0 : Integer.parseInt(memory);
    }

    @Override public LambdaLogger getLogger() {
        return logger;
    }

    @Override public String getTenantId() {
        return invocation.tenantId;
    }

    @Override public String getXrayTraceId() {
        return invocation.traceId;
    }

    private static final class Identity implements CognitoIdentity {
        private String cognitoIdentityId;
        private String cognitoIdentityPoolId;

        @Override public String getIdentityId() {
            return cognitoIdentityId;
        }

        @Override public String getIdentityPoolId() {
            return cognitoIdentityPoolId;
        }
    }

    private static final class MobileContext implements ClientContext {
        private MobileClient client;
        private Map<String, String> custom;
        private Map<String, String> env;

        @Override public Client getClient() {
            return client;
        }

        @Override public Map<String, String> getCustom() {
            return custom;
        }

        @Override public Map<String, String> getEnvironment() {
            return env;
        }
    }

    // The mobile SDKs' names are the wire's names.
    private static final class MobileClient implements Client {
        private String installation_id;
        private String app_title;
        private String app_version_name;
        private String app_version_code;
        private String app_package_name;

        @Override public String getInstallationId() {
            return installation_id;
        }

        @Override public String getAppTitle() {
            return app_title;
        }

        @Override public String getAppVersionName() {
            return app_version_name;
        }

        @Override public String getAppVersionCode() {
            return app_version_code;
        }

        @Override public String getAppPackageName() {
            return app_package_name;
        }
    }
}
