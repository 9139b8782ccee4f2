package lambda

import (
	"reflect"
	"testing"
)

func TestDeliveryAct(t *testing.T) {
	t.Parallel()
	ours := map[string][]string{"aws:resourceaccount": {"111111111111"}}
	for target, want := range map[string]Act{
		"arn:aws:sqs:us-east-1:111111111111:q":                    {Action: "sqs:SendMessage", Resource: "arn:aws:sqs:us-east-1:111111111111:q", Conditions: ours},
		"arn:aws:sns:us-east-1:111111111111:t":                    {Action: "sns:Publish", Resource: "arn:aws:sns:us-east-1:111111111111:t", Conditions: ours},
		"arn:aws:events:us-east-1:111111111111:event-bus/default": {Action: "events:PutEvents", Resource: "arn:aws:events:us-east-1:111111111111:event-bus/default", Conditions: ours},
		"arn:aws:lambda:us-east-1:111111111111:function:g:live":   {Action: "lambda:InvokeFunction", Resource: "arn:aws:lambda:us-east-1:111111111111:function:g:live", Conditions: ours},
		"arn:aws:s3:::b":                          {Action: "s3:PutObject", Resource: "arn:aws:s3:::b/aws/lambda/async/f/*"},
		"arn:aws:s3:::b/folder":                   {Action: "s3:PutObject", Resource: "arn:aws:s3:::b/aws/lambda/async/f/*"},
		"arn:aws:kinesis:us-east-1:111111111111:": {},
		"q": {},
		"":  {},
	} {
		act, ok := DeliveryAct(target, "f")
		if ok != (want.Action != "") || !reflect.DeepEqual(act, want) {
			t.Errorf("%s: %+v %v, want %+v", target, act, ok, want)
		}
	}
}
