package async

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// TestGoneMeanwhile: what an event was sent to is deleted between two attempts. A
// function that is still there has it in its dead letter queue; else it is kept for
// the operator.
func TestGoneMeanwhile(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	s := own(t, "--async-retry-delay=1h", "--aws-endpoint", c.URL)
	rec := s.deploy(t, "f", func(in *lambda.CreateFunctionInput) {
		in.DeadLetterConfig = &types.DeadLetterConfig{TargetArn: aws.String("arn:aws:sqs:us-east-1:000000000000:letters")}
	})
	gone := s.deploy(t, "gone", nil)
	if _, err := s.PublishVersion(t.Context(), &lambda.PublishVersionInput{FunctionName: aws.String("f")}); err != nil {
		t.Fatal(err)
	}
	live := &lambda.CreateAliasInput{FunctionName: aws.String("f"), Name: aws.String("live"), FunctionVersion: aws.String("1")}
	if _, err := s.CreateAlias(t.Context(), live); err != nil {
		t.Fatal(err)
	}
	ids := []string{mustSend(t, s, "f:live", `{"n": 1, "fail": true}`), mustSend(t, s, "gone", `{"n": 2, "fail": true}`)}
	eventually(t, "the first attempts", func() bool {
		page := s.queued(t, false)
		return page.Total == 2 && page.Events[0].Invocations == 1 && page.Events[1].Invocations == 1
	})
	if _, err := s.DeleteAlias(t.Context(), &lambda.DeleteAliasInput{FunctionName: live.FunctionName, Name: live.Name}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.DeleteFunction(t.Context(), &lambda.DeleteFunctionInput{FunctionName: aws.String("gone")}); err != nil {
		t.Fatal(err)
	}
	replay := exec.CommandContext(t.Context(), binary, "queue", "replay", ids[0], ids[1], "--endpoint", s.url)
	if out, err := replay.CombinedOutput(); err != nil {
		t.Fatalf("replay: %v\n%s", err, out)
	}
	eventually(t, "the dead letter", func() bool { return len(c.arrived("sqs", "/letters")) == 1 })
	letter := c.arrived("sqs", "/letters")[0]
	if letter.body != `{"n": 1, "fail": true}` || letter.attributes["RequestID"] != "String "+ids[0] || letter.attributes["ErrorCode"] != "Number 404" ||
		letter.attributes["ErrorMessage"] != "String Function not found: "+arn+"f:live" {
		t.Errorf("dead letter %+v", letter)
	}
	eventually(t, "the dead event", func() bool { return s.queued(t, true).Total == 1 && s.queued(t, false).Total == 0 })
	if e := s.queued(t, true).Events[0]; e.RequestID != ids[1] || e.Condition != "RetriesExhausted" || !strings.Contains(e.Problem, "Function not found") {
		t.Errorf("dead event %+v", e)
	}
	if len(rec.runs()) != 1 || len(gone.runs()) != 1 {
		t.Errorf("%d and %d runs, want the first attempts alone", len(rec.runs()), len(gone.runs()))
	}
}
