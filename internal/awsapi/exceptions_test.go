package awsapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"lambent/internal/lambda"
)

// modelled are all exceptions that the SDK has types for.
var modelled = []error{
	&types.AliasLimitExceededException{},
	&types.CallbackTimeoutException{},
	&types.CapacityProviderLimitExceededException{},
	&types.CodeArtifactUserDeletedException{},
	&types.CodeArtifactUserFailedException{},
	&types.CodeArtifactUserPendingException{},
	&types.CodeSigningConfigNotFoundException{},
	&types.CodeStorageExceededException{},
	&types.CodeVerificationFailedException{},
	&types.DurableExecutionAlreadyStartedException{},
	&types.EC2AccessDeniedException{},
	&types.EC2ThrottledException{},
	&types.EC2UnexpectedException{},
	&types.EFSIOException{},
	&types.EFSMountConnectivityException{},
	&types.EFSMountFailureException{},
	&types.EFSMountTimeoutException{},
	&types.ENILimitReachedException{},
	&types.ENINotReadyException{},
	&types.FunctionVersionsPerCapacityProviderLimitExceededException{},
	&types.InvalidCodeSignatureException{},
	&types.InvalidParameterValueException{},
	&types.InvalidRequestContentException{},
	&types.InvalidRuntimeException{},
	&types.InvalidSecurityGroupIDException{},
	&types.InvalidSubnetIDException{},
	&types.InvalidZipFileException{},
	&types.KMSAccessDeniedException{},
	&types.KMSDisabledException{},
	&types.KMSInvalidStateException{},
	&types.KMSNotFoundException{},
	&types.ModeNotSupportedException{},
	&types.NoPublishedVersionException{},
	&types.PolicyLengthExceededException{},
	&types.PreconditionFailedException{},
	&types.ProvisionedConcurrencyConfigNotFoundException{},
	&types.PublicPolicyException{},
	&types.RecursiveInvocationException{},
	&types.RequestTooLargeException{},
	&types.ResourceConflictException{},
	&types.ResourceInUseException{},
	&types.ResourceNotFoundException{},
	&types.ResourceNotReadyException{},
	&types.S3FilesMountConnectivityException{},
	&types.S3FilesMountFailureException{},
	&types.S3FilesMountTimeoutException{},
	&types.SerializedRequestEntityTooLargeException{},
	&types.ServiceException{},
	&types.ServiceQuotaExceededException{},
	&types.SnapStartException{},
	&types.SnapStartNotReadyException{},
	&types.SnapStartRegenerationFailureException{},
	&types.SnapStartTimeoutException{},
	&types.SubnetIPAddressLimitReachedException{},
	&types.TooManyRequestsException{},
	&types.UnsupportedMediaTypeException{},
}

// errorModel says which operation can have which exceptions, and their statuses, as
// the API's model does.
type errorModel struct {
	Operations map[string][]string
	Status     map[string]int
}

func loadErrors(t *testing.T) (m errorModel) {
	t.Helper()
	text, err := os.ReadFile("testdata/errors.json")
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestExceptionsReachTheSDK: every exception that the model has for an operation
// arrives at the SDK's client as its type, with every member that we send.
func TestExceptionsReachTheSDK(t *testing.T) {
	t.Parallel()
	model, byName := loadErrors(t), map[string]reflect.Type{}
	for _, e := range modelled {
		byName[reflect.TypeOf(e).Elem().Name()] = reflect.TypeOf(e)
	}
	var now exception
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		Stamp(w)
		w.Header().Set("Retry-After", "7")
		writeException(w, now, "why", "ConcurrentInvocationLimitExceeded")
	}))
	t.Cleanup(server.Close)
	client := reflect.ValueOf(sdkClient(server))
	service := testService(t, nil)
	for _, op := range sdkOperations() {
		service.Register(op.name, reflect.PointerTo(op.in), reflect.PointerTo(op.out), nil)
		for _, name := range model.Operations[op.name] {
			typ, ok := byName[name]
			if !ok {
				t.Fatalf("the SDK has no %s", name)
			}
			in := reflect.New(reflect.PointerTo(op.in)).Elem()
			fill(t, service.handlers[op.name].in, in)
			now = exception{name, model.Status[name], name == "ResourceNotFoundException", byUser}
			results := client.MethodByName(op.name).Call([]reflect.Value{reflect.ValueOf(t.Context()), in})
			err, _ := results[1].Interface().(error)
			got := reflect.New(typ)
			if !errors.As(err, got.Interface()) {
				t.Errorf("%s: %s arrived as %v", op.name, name, err)
				continue
			}
			compareException(t, op.name+": "+name, got.Elem().Elem())
		}
	}
	if n := len(model.Operations); n != sdkOperationCount {
		t.Errorf("the model of exceptions has %d operations, not %d", n, sdkOperationCount)
	}
}

// compareException wants each member of an exception to be what was sent.
func compareException(t *testing.T, where string, got reflect.Value) {
	t.Helper()
	for member, want := range map[string]string{"Message": "why", "Type": byUser, "Reason": "ConcurrentInvocationLimitExceeded", "RetryAfterSeconds": "7"} {
		f := got.FieldByName(member)
		if !f.IsValid() {
			continue // this exception has none
		}
		for f.Kind() == reflect.Pointer && !f.IsNil() {
			f = f.Elem()
		}
		if f.Kind() != reflect.String || f.String() != want {
			t.Errorf("%s: %s arrived as %v, want %s", where, member, f, want)
		}
	}
}

// TestStatusesAreTheModels: what we answer for a kind of error has the status that
// the model has for its exception.
func TestStatusesAreTheModels(t *testing.T) {
	t.Parallel()
	model, found := loadErrors(t), 0
	for kind := lambda.Internal; kind < 100; kind++ {
		x := exceptionOf(kind)
		want, ok := model.Status[x.name]
		if !ok {
			continue
		}
		if found++; x.status != want {
			t.Errorf("%s is answered with %d, and the model has %d", x.name, x.status, want)
		}
	}
	if found < 15 {
		t.Errorf("only %d kinds are exceptions of the model", found)
	}
}
