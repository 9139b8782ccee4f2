package lambdaapi

import (
	"context"
	_ "embed"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"lambent/internal/awsapi"
	"lambent/internal/lambda"
	"lambent/internal/spare"
	"lambent/internal/stream"
)

//go:embed model.json
var modelText []byte

// Model reads the wire model of the Lambda service.
func Model() (*awsapi.Model, error) { return awsapi.ParseModel(modelText) }

// Functions changes and finds functions. All refusals are *lambda.Error.
type Functions interface {
	CreateFunction(ctx context.Context, f lambda.NewFunction) (lambda.Version, error)
	// Function finds a version by a qualifier as the caller gave it; the empty
	// one means Latest.
	Function(ctx context.Context, name, qualifier string) (lambda.Version, error)
	UpdateCode(ctx context.Context, name string, u lambda.CodeUpdate) (lambda.Version, error)
	UpdateSettings(ctx context.Context, name string, s lambda.Settings, revisionID string) (lambda.Version, error)
	DeleteFunction(ctx context.Context, name, qualifier string) error
}

// Shelf lists what there is and publishes versions. A list returns the marker of
// its next page, empty on the last.
type Shelf interface {
	Functions(ctx context.Context, f lambda.FunctionFilter) ([]lambda.Version, string, error)
	Versions(ctx context.Context, name, marker string, max int) ([]lambda.Version, string, error)
	PublishVersion(ctx context.Context, name, description, codeSHA256, revisionID string) (lambda.Version, error)
	Usage(ctx context.Context) (lambda.AccountUsage, error)
}

// Layers keeps layers.
type Layers interface {
	PublishLayer(ctx context.Context, l lambda.NewLayerVersion) (lambda.LayerVersion, error)
	LayerVersion(ctx context.Context, name string, number int64) (lambda.LayerVersion, error)
	// Layers lists the latest version of each layer.
	Layers(ctx context.Context, f lambda.LayerFilter) ([]lambda.LayerVersion, string, error)
	// LayerVersions lists the versions of one layer, newest first.
	LayerVersions(ctx context.Context, name string, f lambda.LayerFilter) ([]lambda.LayerVersion, string, error)
	DeleteLayerVersion(ctx context.Context, name string, number int64) error
}

// Tags keeps the tags of functions.
type Tags interface {
	Tag(ctx context.Context, name string, tags map[string]string) error
	Untag(ctx context.Context, name string, keys []string) error
	Tags(ctx context.Context, name string) (map[string]string, error)
}

// Catalog is all that the API asks of the one who keeps functions and layers.
type Catalog interface {
	Functions
	Shelf
	Layers
	Tags
	Aliases
	Policies
	LayerPolicies
	Concurrency
	Provisioned
	Management
	CodeSigning
	CodeSigningUse
	CodeSigningTags
	EventInvokes
	URLs
	Mappings
	MappingTags
}

// Invoker runs functions.
type Invoker interface {
	// Invoke runs the version that the reference means and returns what came of
	// it. A function's own failure is a Result with a Fault; an error is a
	// *lambda.Error or ours. When ctx ends the caller is gone and Invoke returns;
	// the function's run goes on.
	Invoke(ctx context.Context, function lambda.Reference, inv lambda.Invocation) (lambda.Result, error)
}

// Resolver tells what a reference means for an invocation, without running it.
type Resolver interface {
	Resolve(name, qualifier string) (*lambda.Version, error)
}

// Content opens the zip of a deployment package, the very bytes that came.
type Content interface {
	Open(ctx context.Context, code lambda.Code) (io.ReadSeekCloser, error)
}

// Keys opens the variables of functions that have a KMSKeyArn.
type Keys interface {
	// Open gives a version with its variables in clear, or a *lambda.Error in the
	// words for one who invokes it.
	Open(v *lambda.Version) (*lambda.Version, error)
}

// Config is what the API is joined to. Every field but Keys, Access and Admit is needed.
type Config struct {
	Model    *awsapi.Model // the service's wire; nil: it is read
	Home     lambda.Home
	Catalog  Catalog
	Invoker  Invoker
	Queue    Queue
	Resolver Resolver
	Content  Content
	Keys     Keys // nil: variables are always in clear

	// Admit answers nil, or the refusal of one request too many. Invocations are not
	// asked about. Nil: there is room for all.
	Admit func(operation string) error

	// Endpoint is the address of this server as its callers know it, such as
	// http://127.0.0.1:3001; the links to deployment packages start with it.
	Endpoint func() string
	// SigningKey signs those links. A link outlives a restart only if the key does.
	SigningKey []byte

	// StreamRate is how quickly responses are streamed. Zero: as quickly as callers read.
	StreamRate stream.Rate

	// Spare takes the large answers of functions when their callers have them. Nil:
	// they are garbage.
	Spare *spare.Buffers

	// Access knows what callers may do; without it everybody may do everything.
	Access Access

	Log *slog.Logger
	Now func() time.Time
}

func (c Config) check() error {
	if c.Catalog == nil || c.Invoker == nil || c.Queue == nil || c.Resolver == nil || c.Content == nil ||
		c.Endpoint == nil || c.Log == nil || c.Now == nil || c.Home.Region == "" {
		return errors.New("lambda API: a part of the configuration is missing")
	}
	if len(c.SigningKey) < 16 {
		return errors.New("lambda API: the signing key is shorter than 16 bytes")
	}
	return nil
}

// API serves the Lambda service.
type API struct {
	Config
	service *awsapi.Service
	codes   *links

	subjects    map[string]subject
	qualifiable map[string]bool
}

// maxBody is what a request may have that carries no deployment package. AWS
// does not publish it; it is as generous as for an invocation.
const maxBody = lambda.MaxSyncPayload

// New makes the API.
func New(config Config) (*API, error) {
	if err := config.check(); err != nil {
		return nil, err
	}
	model := config.Model
	if model == nil {
		var err error
		if model, err = Model(); err != nil {
			return nil, err
		}
	}
	a := &API{Config: config}
	a.codes = &links{key: config.SigningKey, now: config.Now, endpoint: config.Endpoint}
	a.subjects, a.qualifiable = otherSubjects(), qualifiable(model)
	options := awsapi.Options{
		Log:     config.Log,
		Admit:   config.Admit,
		MaxBody: maxBody,
		Larger: map[string]int64{
			"CreateFunction":      lambda.MaxCreateRequest,
			"UpdateFunctionCode":  lambda.MaxCreateRequest,
			"PublishLayerVersion": lambda.MaxCreateRequest,
		},
	}
	if config.Access != nil {
		options.Authorize = a.authorize
	}
	a.service = awsapi.NewService(model, options)
	a.register()
	return a, nil
}

// register names every operation that is available.
func (a *API) register() {
	s := a.service
	awsapi.Handle(s, "CreateFunction", a.createFunction)
	awsapi.Handle(s, "GetFunction", a.getFunction)
	awsapi.Handle(s, "GetFunctionConfiguration", a.getFunctionConfiguration)
	awsapi.Handle(s, "UpdateFunctionCode", a.updateFunctionCode)
	awsapi.Handle(s, "UpdateFunctionConfiguration", a.updateFunctionConfiguration)
	awsapi.Handle(s, "DeleteFunction", a.deleteFunction)
	awsapi.Handle(s, "ListFunctions", a.listFunctions)
	awsapi.Handle(s, "PublishVersion", a.publishVersion)
	awsapi.Handle(s, "ListVersionsByFunction", a.listVersions)

	awsapi.Handle(s, "PublishLayerVersion", a.publishLayerVersion)
	awsapi.Handle(s, "GetLayerVersion", a.getLayerVersion)
	awsapi.Handle(s, "GetLayerVersionByArn", a.getLayerVersionByArn)
	awsapi.Handle(s, "ListLayers", a.listLayers)
	awsapi.Handle(s, "ListLayerVersions", a.listLayerVersions)
	awsapi.Handle(s, "DeleteLayerVersion", a.deleteLayerVersion)

	awsapi.Handle(s, "GetAccountSettings", a.getAccountSettings)
	awsapi.Handle(s, "TagResource", a.tagResource)
	awsapi.Handle(s, "UntagResource", a.untagResource)
	awsapi.Handle(s, "ListTags", a.listTags)

	a.registerAliases()
	a.registerPolicies()
	a.registerConcurrency()
	a.registerProvisioned()
	a.registerManagement()
	a.registerSigning()
	a.registerEventInvokes()
	a.registerURLs()
	a.registerMappings()
}

// ServeHTTP answers one request to the service, or one for a deployment package.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if name, ok := invoked(r); ok {
		a.invoke(w, r, opInvoke, name)
		return
	}
	if name, ok := invokedAsync(r); ok {
		a.invokeAsync(w, r, name)
		return
	}
	if name, ok := streamed(r); ok {
		a.invoke(w, r, opStream, name)
		return
	}
	if strings.HasPrefix(r.URL.Path, CodePath) {
		a.download(w, r)
		return
	}
	a.service.ServeHTTP(w, r)
}
