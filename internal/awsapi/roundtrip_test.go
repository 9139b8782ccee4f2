package awsapi

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"

	"lambent/internal/lambda"
)

// sdkOperationCount is what the pinned SDK has. A newer SDK changes it, and then
// the facts in gen need a look.
const sdkOperationCount = 88

func sdkClient(server *httptest.Server) *sdk.Client {
	return sdk.New(sdk.Options{
		BaseEndpoint: aws.String(server.URL), Region: "us-east-1", RetryMaxAttempts: 1, HTTPClient: server.Client(),
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
}

func testService(t testing.TB, log *slog.Logger) *Service {
	t.Helper()
	return NewService(loadModel(t), Options{Log: log, MaxBody: 6 << 20, Larger: map[string]int64{"CreateFunction": 70167211}})
}

// TestRoundTrip sends every member of every operation through the SDK's own
// client to a server, which must read what was sent and validate it; and back,
// where the client must read what the handler returned.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	operations := sdkOperations()
	if len(operations) != sdkOperationCount {
		t.Fatalf("the SDK has %d operations, not %d", len(operations), sdkOperationCount)
	}
	service := testService(t, slog.New(slog.DiscardHandler))
	trips := map[string]*trip{}
	for _, op := range operations {
		trip := &trip{}
		trips[op.name] = trip
		service.Register(op.name, reflect.PointerTo(op.in), reflect.PointerTo(op.out), trip.handle)
	}
	server := httptest.NewServer(service)
	t.Cleanup(server.Close)
	client := reflect.ValueOf(sdkClient(server))
	for _, op := range operations {
		t.Run(op.name, func(t *testing.T) { trips[op.name].travel(t, service.handlers[op.name], client.MethodByName(op.name)) })
	}
}

// trip is one operation's way there and back.
type trip struct {
	got    any // what the handler was given
	answer any // what it returns
}

func (tr *trip) handle(_ context.Context, in any) (any, error) {
	tr.got = in
	if tr.answer == nil {
		return nil, lambda.Errorf(lambda.NotYet, "an event stream is not the codec's")
	}
	return tr.answer, nil
}

func (tr *trip) travel(t *testing.T, h *handler, call reflect.Value) {
	in := reflect.New(reflect.PointerTo(h.in.typ)).Elem()
	fill(t, h.in, in)
	want := reflect.New(reflect.PointerTo(h.out.typ)).Elem()
	fill(t, h.out, want)
	setStatus(h, want.Elem())
	streaming := h.operation.Output.Payload != "" && len(h.out.fields) < len(h.operation.Output.Members)
	if !streaming {
		tr.answer = want.Interface()
	}
	results := call.Call([]reflect.Value{reflect.ValueOf(t.Context()), in})
	err, _ := results[1].Interface().(error)
	if tr.got == nil {
		t.Fatalf("the handler was not reached: %v", err)
	}
	compareStreams(t, h, reflect.ValueOf(tr.got).Elem(), in.Elem())
	if !reflect.DeepEqual(tr.got, in.Interface()) {
		t.Errorf("the server read\n%s\nof the input\n%s", show(tr.got), show(in.Interface()))
	}
	if streaming {
		return
	}
	if err != nil {
		t.Fatalf("the client could not read the output: %v", err)
	}
	results[0].Elem().FieldByName("ResultMetadata").SetZero()
	if got := results[0].Interface(); !reflect.DeepEqual(got, want.Interface()) {
		t.Errorf("the client read\n%s\nof the output\n%s", show(got), show(want.Interface()))
	}
}

// compareStreams reads a streaming member to its end, and takes it out of the
// comparison of the rest.
func compareStreams(t *testing.T, h *handler, got, sent reflect.Value) {
	t.Helper()
	for _, f := range h.in.fields {
		if f.codec.typ != readerType {
			continue
		}
		text, err := io.ReadAll(got.Field(f.index).Interface().(io.Reader))
		if err != nil || string(text) != sampleStream {
			t.Errorf("the server read %q (%v) of the stream %q", text, err, sampleStream)
		}
		got.Field(f.index).SetZero()
		sent.Field(f.index).SetZero()
	}
}

// setStatus makes the status member a status.
func setStatus(h *handler, out reflect.Value) {
	for _, f := range h.out.fields {
		if f.member.Place == InStatus {
			out.Field(f.index).SetInt(http.StatusOK)
		}
	}
}

func show(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// TestModelKnowsTheSDK holds the model to the SDK: every operation, every
// member of every structure that it can reach, and nothing else.
func TestModelKnowsTheSDK(t *testing.T) {
	t.Parallel()
	model := loadModel(t)
	inSDK := map[string]bool{}
	for _, op := range sdkOperations() {
		inSDK[op.name] = true
		known, ok := model.Operation(op.name)
		if !ok {
			t.Errorf("the model lacks operation %s", op.name)
			continue
		}
		seen := map[reflect.Type]bool{}
		compareShape(t, op.in, known.Input, op.name+" input", seen)
		compareShape(t, op.out, known.Output, op.name+" output", seen)
	}
	for _, name := range model.Operations() {
		if !inSDK[name] {
			t.Errorf("the SDK lacks operation %s", name)
		}
	}
}

func compareShape(t *testing.T, typ reflect.Type, s *Shape, where string, seen map[reflect.Type]bool) {
	t.Helper()
	for typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	if seen[typ] && typ.Name() != "" {
		return
	}
	seen[typ] = true
	switch s.Type {
	case "list":
		compareShape(t, typ.Elem(), s.Element, where+"[]", seen)
	case "map":
		compareShape(t, typ.Elem(), s.Value, where+"{}", seen)
	case "string":
		compareEnum(t, typ, s, where)
	case "structure":
		compareMembers(t, typ, s, where, seen)
	}
}

func compareMembers(t *testing.T, typ reflect.Type, s *Shape, where string, seen map[reflect.Type]bool) {
	t.Helper()
	members := map[string]bool{}
	for _, m := range s.Members {
		members[upperFirst(m.Name)] = true
		f, ok := typ.FieldByName(upperFirst(m.Name))
		if !ok && !m.Shape.EventStream {
			t.Errorf("%s: the SDK's %s lacks member %s", where, typ, m.Name)
		}
		if ok {
			compareShape(t, f.Type, m.Shape, where+"."+m.Name, seen)
		}
	}
	for i := range typ.NumField() {
		f := typ.Field(i)
		if f.IsExported() && f.Name != "ResultMetadata" && !members[f.Name] {
			t.Errorf("%s: the model lacks member %s of %s", where, f.Name, typ)
		}
	}
}

// compareEnum wants every value that the SDK knows to be allowed.
func compareEnum(t *testing.T, typ reflect.Type, s *Shape, where string) {
	t.Helper()
	values := reflect.Zero(typ).MethodByName("Values")
	if !values.IsValid() || len(s.Enum) == 0 || s.Name == "CompatibleRuntime" { // AWS allows fewer runtimes there
		return
	}
	list := values.Call(nil)[0]
	for i := range list.Len() {
		if value := list.Index(i).String(); !s.allows(&node{kind: isString, text: []byte(value)}) {
			t.Errorf("%s: the model does not allow %q of %s", where, value, typ)
		}
	}
}

// TestErrorsReachTheSDK wants each kind of error to arrive as the exception
// that AWS has for it.
func TestErrorsReachTheSDK(t *testing.T) {
	t.Parallel()
	service := testService(t, slog.New(slog.DiscardHandler))
	var fail error
	Handle(service, "GetFunction", func(context.Context, *sdk.GetFunctionInput) (*sdk.GetFunctionOutput, error) { return nil, fail })
	server := httptest.NewServer(service)
	defer server.Close()
	call := func(kind lambda.Kind) error {
		fail = &lambda.Error{Kind: kind, Message: "why", Reason: reasonOf(kind)}
		_, err := sdkClient(server).GetFunction(t.Context(), &sdk.GetFunctionInput{FunctionName: aws.String("f")})
		return err
	}
	var notFound *types.ResourceNotFoundException
	if err := call(lambda.NotFound); !errors.As(err, &notFound) || aws.ToString(notFound.Message) != "why" || aws.ToString(notFound.Type) != "User" {
		t.Errorf("NotFound arrived as %v", err)
	}
	var throttled *types.TooManyRequestsException
	if err := call(lambda.Throttled); !errors.As(err, &throttled) || throttled.Reason != types.ThrottleReasonConcurrentInvocationLimitExceeded {
		t.Errorf("Throttled arrived as %v", err)
	}
	codes := map[lambda.Kind]string{
		lambda.Internal: "ServiceException", lambda.InvalidParameter: "InvalidParameterValueException",
		lambda.InvalidContent: "InvalidRequestContentException", lambda.Validation: "ValidationException",
		lambda.Conflict: "ResourceConflictException", lambda.Precondition: "PreconditionFailedException",
		lambda.EntityTooLarge: "RequestEntityTooLargeException", lambda.PayloadTooLarge: "RequestTooLargeException",
		lambda.StorageExceeded: "CodeStorageExceededException", lambda.UnsupportedMedia: "UnsupportedMediaTypeException",
		lambda.NotReady: "ResourceNotReadyException", lambda.NotYet: "NotImplementedException",
		lambda.InvalidZip: "InvalidZipFileException", lambda.InvalidRuntime: "InvalidRuntimeException",
		lambda.PolicyTooLong: "PolicyLengthExceededException", lambda.SigningNotFound: "CodeSigningConfigNotFoundException",
		lambda.InUse: "ResourceInUseException", lambda.KMSNotFound: "KMSNotFoundException",
		lambda.KMSDisabled: "KMSDisabledException", lambda.KMSAccessDenied: "KMSAccessDeniedException",
		lambda.NotMounted: "EFSMountFailureException",
	}
	for kind, code := range codes {
		var api smithy.APIError
		err := call(kind)
		if !errors.As(err, &api) || api.ErrorCode() != code {
			t.Errorf("kind %d arrived as %v, want %s", kind, err, code)
			continue
		}
		if want := map[bool]string{true: internalText, false: "why"}[kind == lambda.Internal]; api.ErrorMessage() != want {
			t.Errorf("%s says %q, want %q", code, api.ErrorMessage(), want)
		}
	}
}

func reasonOf(kind lambda.Kind) string {
	if kind == lambda.Throttled {
		return "ConcurrentInvocationLimitExceeded"
	}
	return ""
}
