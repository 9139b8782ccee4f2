import com.amazonaws.services.lambda.runtime.events.*;
import java.util.Collections;

/** Handlers of AWS's event classes. */
public class Events {
    public String sqs(SQSEvent e) {
        SQSEvent.SQSMessage m = e.getRecords().get(0);
        return m.getBody() + " " + m.getEventSourceArn() + " " + m.getMessageAttributes().get("a").getStringValue();
    }

    public String s3(S3Event e) {
        return e.getRecords().get(0).getS3().getBucket().getName() + " " + e.getRecords().get(0).getEventTime().getMillis();
    }

    public String sns(SNSEvent e) {
        return e.getRecords().get(0).getSNS().getMessage() + " " + e.getRecords().get(0).getSNS().getTimestamp().getMillis();
    }

    public S3Event s3back(S3Event e) { return e; }

    public APIGatewayV2HTTPResponse http(APIGatewayV2HTTPEvent e) {
        return APIGatewayV2HTTPResponse.builder().withStatusCode(200).withBody(e.getRawPath() + e.getRequestContext().getHttp().getMethod()).build();
    }

    public SQSBatchResponse batch(SQSEvent e) {
        return new SQSBatchResponse(Collections.singletonList(new SQSBatchResponse.BatchItemFailure(e.getRecords().get(0).getMessageId())));
    }

    public String dynamodb(DynamodbEvent e) {
        return e.getRecords().get(0).getDynamodb().getNewImage().get("k").getN() + " " + e.getRecords().get(0).getDynamodb().getApproximateCreationDateTime().getTime();
    }

    public String kinesis(KinesisEvent e) {
        return new String(e.getRecords().get(0).getKinesis().getData().array());
    }
}
