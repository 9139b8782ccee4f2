package catalog

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"

	"lambent/internal/lambda"
	"lambent/internal/store"
)

// maxName bounds a function's bare name; the API's own constraint is that of
// an ARN and lets more through (F022).
const maxName = 64

// CreateFunction makes a function, Pending until its package is unpacked. With
// Publish the answer is version 1 (F048).
func (c *Catalog) CreateFunction(ctx context.Context, n lambda.NewFunction) (created lambda.Version, err error) {
	if err := checkNew(n); err != nil {
		return lambda.Version{}, err
	}
	if n.CodeSigningConfigARN != "" {
		done, err := c.turns.Take(ctx, signingTurn)
		if err != nil {
			return lambda.Version{}, err
		}
		defer done()
		if err := c.attachableSigning(n.CodeSigningConfigARN); err != nil {
			return lambda.Version{}, err
		}
	}
	err = c.change(ctx, n.Name, func(old *function) (*store.FunctionChange, error) {
		if old != nil {
			return nil, lambda.Errorf(lambda.Conflict, "Function already exist: %s", n.Name)
		}
		v, err := c.draft(ctx, n)
		if err != nil {
			return nil, err
		}
		change := &store.FunctionChange{Versions: []lambda.Version{v}, Function: store.Function{Function: lambda.Function{
			Name: n.Name, Account: c.config.Home.Account, Tags: maps.Clone(n.Tags), NextID: 1, CreatedAt: v.LastModified,
		}, CodeSigningConfig: n.CodeSigningConfigARN}}
		created = v
		if n.Publish {
			created = c.publish(change, v, v.Description)
		}
		return change, nil
	})
	return created, err
}

func checkNew(n lambda.NewFunction) error {
	if len(n.Name) > maxName {
		return lambda.Errorf(lambda.InvalidParameter, "1 validation error detected: Value '%s' at 'functionName' failed to satisfy constraint: "+
			"Member must have length less than or equal to %d", n.Name, maxName)
	}
	s := n.Settings
	if n.Package.Image != "" || (s.PackageType != nil && *s.PackageType == "Image") {
		return imagesNotYet()
	}
	if s.Runtime == nil || *s.Runtime == "" || s.Handler == nil || *s.Handler == "" {
		return lambda.Errorf(lambda.InvalidParameter, "Runtime and Handler are mandatory parameters for functions created with deployment packages.")
	}
	if len(n.Tags) > lambda.MaxTags {
		return tooManyTags()
	}
	return nil
}

// draft is Latest of a new function.
func (c *Catalog) draft(ctx context.Context, n lambda.NewFunction) (lambda.Version, error) {
	v := defaults(c.config.Home, n.Name)
	if err := c.configure(&v, n.Settings); err != nil {
		return v, err
	}
	if err := c.checkDeadLetter(ctx, &v); err != nil {
		return v, err
	}
	code, err := c.obtain(ctx, n.Package)
	if err != nil {
		return v, err
	}
	v.Code = code
	if err := checkSizes(v); err != nil {
		return v, err
	}
	if err := c.afford(code.Size); err != nil {
		return v, err
	}
	v.State, v.StateReason, v.StateReasonCode = lambda.Pending, creatingReason, creatingCode
	c.stamp(&v)
	return v, nil
}

// The reason of everything that is on its way (F035, F070).
const (
	creatingReason = "The function is being created."
	creatingCode   = "Creating"
)

// stamp marks v as new code or settings.
func (c *Catalog) stamp(v *lambda.Version) {
	v.RevisionID, v.Generation, v.LastModified = c.config.NewID(), c.config.NewID(), c.now()
	v.RuntimeVersion = c.runtimeVersion(v.Runtime)
}

// runtimeVersion is an ARN as AWS shows it (F042): the same for a runtime each
// time, another one for another runtime.
func (c *Catalog) runtimeVersion(r lambda.Runtime) string {
	sum := sha256.Sum256([]byte("lambent runtime " + string(r)))
	return "arn:" + c.config.Home.Partition + ":lambda:" + c.config.Home.Region + "::runtime:" + hex.EncodeToString(sum[:])
}

// configure applies the settings and checks them against layers and host.
func (c *Catalog) configure(v *lambda.Version, s lambda.Settings) error {
	if err := c.openVariables(v, s); err != nil {
		return err
	}
	if err := configure(v, s); err != nil {
		return err
	}
	if c.config.Keys != nil && v.KMSKeyARN != "" {
		if err := c.config.Keys.Usable(v.KMSKeyARN); err != nil {
			return err
		}
	}
	if s.Runtime != nil || s.Architecture != nil {
		if err := c.runnable(v.Runtime, v.Architecture); err != nil {
			return err
		}
	}
	if s.Layers != nil {
		layers, err := c.useLayers(*s.Layers)
		if err != nil {
			return err
		}
		v.Layers = layers
	}
	return nil
}

// openVariables puts variables in clear that another key may be about to seal.
// What the caller gives anew need not be opened.
func (c *Catalog) openVariables(v *lambda.Version, s lambda.Settings) error {
	if c.config.Keys == nil || v.KMSKeyARN == "" || s.Environment != nil {
		return nil
	}
	opened, err := c.config.Keys.Open(v)
	if err == nil {
		v.Environment = opened.Environment
		return nil
	}
	if refusal := c.config.Keys.Usable(v.KMSKeyARN); refusal != nil {
		return refusal
	}
	return err
}

func (c *Catalog) runnable(r lambda.Runtime, architecture string) error {
	err := c.config.Runtimes.Check(r, architecture)
	if err == nil || !ours(err) {
		return err
	}
	return lambda.Errorf(lambda.InvalidParameter, "%v", err)
}

// afford refuses code beyond the account's storage.
func (c *Catalog) afford(size int64) error {
	if c.usage().CodeSize+size > lambda.MaxCodeStorage {
		return lambda.Errorf(lambda.StorageExceeded, "Code storage limit exceeded.")
	}
	return nil
}
