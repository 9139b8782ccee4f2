package awsapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"lambent/internal/lambda"
)

// TestAdmit: a request for which there is no room is refused before anything of it
// is judged, as AWS refuses callers who ask too often.
func TestAdmit(t *testing.T) {
	t.Parallel()
	var asked []string
	service := NewService(loadModel(t), Options{Log: slog.New(slog.DiscardHandler), MaxBody: 1, Admit: func(operation string) error {
		asked = append(asked, operation)
		return &lambda.Error{Kind: lambda.Throttled, Message: "Rate exceeded", Reason: "CallerRateLimitExceeded"}
	}})
	Handle(service, "CreateFunction", func(context.Context, *sdk.CreateFunctionInput) (*sdk.CreateFunctionOutput, error) {
		t.Error("it was let in")
		return nil, nil
	})
	server := httptest.NewServer(service)
	defer server.Close()
	_, err := sdkClient(server).CreateFunction(t.Context(), &sdk.CreateFunctionInput{FunctionName: aws.String("!"), Role: aws.String("x"), Code: &types.FunctionCode{}})
	var refused *types.TooManyRequestsException
	if !errors.As(err, &refused) || refused.Reason != types.ThrottleReasonCallerRateLimitExceeded || aws.ToString(refused.Message) != "Rate exceeded" {
		t.Errorf("answered %v", err)
	}
	if len(asked) != 1 || asked[0] != "CreateFunction" {
		t.Errorf("asked about %v", asked)
	}
}
