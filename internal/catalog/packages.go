package catalog

import (
	"context"
	"fmt"
	"time"

	"lambent/internal/lambda"
)

// obtain turns what a caller gave into code that is kept.
func (c *Catalog) obtain(ctx context.Context, p lambda.Package) (lambda.Code, error) {
	switch {
	case p.Image != "":
		return lambda.Code{}, imagesNotYet()
	case p.Zip != nil && p.Bucket != "":
		return lambda.Code{}, lambda.Errorf(lambda.InvalidParameter,
			"Please do not provide other FunctionCode parameters when providing a ZipFile.")
	case p.Zip != nil:
		return c.keepUpload(ctx, p.Zip)
	case p.Bucket == lambda.HotReload:
		return c.config.Content.Link(p.Key)
	case p.Bucket != "" && p.Key != "":
		zip, err := c.config.Source.Fetch(ctx, p.Bucket, p.Key, p.ObjectVersion)
		if err != nil {
			return lambda.Code{}, err
		}
		return c.config.Content.Put(ctx, zip)
	}
	return lambda.Code{}, lambda.Errorf(lambda.InvalidParameter, "Please provide a source for function code.")
}

func (c *Catalog) keepUpload(ctx context.Context, zip []byte) (lambda.Code, error) {
	if len(zip) > lambda.MaxZipUpload {
		refusal := lambda.Errorf(lambda.EntityTooLarge, "Zipped size must be smaller than %d bytes", lambda.MaxZipUpload) // F056
		refusal.Untyped = true
		return lambda.Code{}, refusal
	}
	return c.config.Content.Put(ctx, zip)
}

// checkSizes holds function and layers together to the limit of one of them.
func checkSizes(v lambda.Version) error {
	var layers int64
	for _, l := range v.Layers {
		layers += l.Code.Unzipped
	}
	if layers > lambda.MaxUnzipped {
		return lambda.Errorf(lambda.InvalidParameter, "Layers consume more than the available size of %d bytes", lambda.MaxUnzipped)
	}
	if all := layers + v.Code.Unzipped; all > lambda.MaxUnzipped {
		return lambda.Errorf(lambda.InvalidParameter, "Function code combined with layers exceeds the maximum allowed size of %d bytes. "+
			"The actual size is %d bytes.", lambda.MaxUnzipped, all)
	}
	return nil
}

// Open tells where a version's package is unpacked, and its layers in order,
// for an environment to mount. They stay until release is called.
func (c *Catalog) Open(ctx context.Context, v *lambda.Version) (task string, opt []string, release func(), err error) {
	var releases []func()
	release = func() {
		for _, r := range releases {
			r()
		}
	}
	open := func(code lambda.Code) (string, error) {
		dir, r, err := c.config.Content.Folder(ctx, code)
		if err == nil {
			releases = append(releases, r)
		}
		return dir, err
	}
	if task, err = open(v.Code); err != nil {
		return "", nil, nil, fmt.Errorf("open code of %s: %w", c.config.Home.FunctionARN(v.Function, v.Number), err)
	}
	for _, layer := range v.Layers {
		dir, err := open(layer.Code)
		if err != nil {
			release()
			return "", nil, nil, fmt.Errorf("open layer %s: %w", layer.ARN, err)
		}
		opt = append(opt, dir)
	}
	return task, opt, release, nil
}

// collectGarbage removes packages that nothing refers to, when something may
// have become garbage and now and then besides, since what is within its grace
// today is not tomorrow.
func (c *Catalog) collectGarbage(ctx context.Context) {
	tick := time.NewTicker(collectEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.collect:
		case <-tick.C:
		}
		needed := c.needed()
		err := c.config.Content.Collect(ctx, func(sha256 string) bool { return needed[sha256] })
		if err != nil && ctx.Err() == nil {
			c.config.Log.Warn("packages that nobody needs could not all be removed", "error", err)
		}
	}
}

// needed has the digest of every package that a version or a layer refers to.
func (c *Catalog) needed() map[string]bool {
	digests := map[string]bool{}
	for _, e := range *c.functions.Load() {
		e.current.Load().codes(func(code lambda.Code) { digests[code.SHA256] = true })
	}
	for _, l := range *c.layers.Load() {
		for _, v := range l.versions {
			if !v.Deleted {
				digests[v.Code.SHA256] = true
			}
		}
	}
	return digests
}
