import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.util.LinkedHashMap;
import java.util.Map;

/** The function of the Maven package's client. */
public class Function implements RequestHandler<Map<String, Object>, Object> {
    @Override public Object handleRequest(Map<String, Object> event, Context context) {
        switch (String.valueOf(event.get("op"))) {
            case "echo":
                return event.get("value");
            case "env":
                return System.getenv((String) event.get("name"));
            case "print":
                System.out.println(event.get("text"));
                return null;
            case "context":
                Map<String, Object> known = new LinkedHashMap<>();
                known.put("id", context.getAwsRequestId());
                known.put("arn", context.getInvokedFunctionArn());
                return known;
            case "raise":
                throw new RuntimeException((String) event.get("message"));
            case "exit":
                System.exit((Integer) event.get("code"));
            default:
                throw new IllegalArgumentException("unknown op " + event.get("op"));
        }
    }
}
