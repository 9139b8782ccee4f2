package catalog

import (
	"context"
	"maps"
	"slices"
	"strings"

	"lambent/internal/lambda"
	"lambent/internal/store"
)

// PutEventInvoke replaces what is done with asynchronous invocations: what was
// not given is no longer chosen (F144).
func (c *Catalog) PutEventInvoke(ctx context.Context, name, qualifier string, chosen lambda.EventInvokeChange) (lambda.EventInvoke, error) {
	return c.changeEventInvoke(ctx, name, qualifier, chosen, func(*lambda.EventInvoke) (lambda.EventInvoke, error) {
		return lambda.EventInvoke{}, nil
	})
}

// UpdateEventInvoke changes what was given and keeps the rest (F144).
func (c *Catalog) UpdateEventInvoke(ctx context.Context, name, qualifier string, chosen lambda.EventInvokeChange) (lambda.EventInvoke, error) {
	return c.changeEventInvoke(ctx, name, qualifier, chosen, func(have *lambda.EventInvoke) (lambda.EventInvoke, error) {
		if have == nil {
			return lambda.EventInvoke{}, c.noEventInvoke(name, qualifier)
		}
		return *have, nil
	})
}

func (c *Catalog) changeEventInvoke(ctx context.Context, name, qualifier string, chosen lambda.EventInvokeChange,
	begin func(have *lambda.EventInvoke) (lambda.EventInvoke, error)) (next lambda.EventInvoke, err error) {
	if chosen == (lambda.EventInvokeChange{}) {
		return next, lambda.Errorf(lambda.InvalidParameter, "You must specify at least one of error handling or destination setting.") // F148
	}
	err = c.change(ctx, name, func(old *function) (*store.FunctionChange, error) {
		if old == nil || old.version(qualifier) == nil {
			return nil, noEventFunction()
		}
		if next, err = begin(old.attached(qualifier).EventInvoke); err != nil {
			return nil, err
		}
		if chosen.MaxRetries != nil {
			next.MaxRetries = chosen.MaxRetries
		}
		if chosen.MaxAgeSeconds != nil {
			next.MaxAgeSeconds = chosen.MaxAgeSeconds
		}
		if d := chosen.Destinations; d != nil {
			if err := c.checkDestinations(name, *d); err != nil {
				return nil, err
			}
			if err := c.checkRights(ctx, old.version(qualifier), *d); err != nil {
				return nil, err
			}
			next.OnSuccess, next.OnFailure = text(d.OnSuccess), text(d.OnFailure)
		}
		next.LastModified = c.now()
		change := &store.FunctionChange{Function: old.stored}
		attached := old.attached(qualifier)
		attached.EventInvoke = &next
		attach(change, qualifier, attached)
		return change, nil
	})
	return next, err
}

func noEventFunction() error {
	return lambda.Errorf(lambda.NotFound, "The function doesn't exist.") // F149
}

// noEventInvoke is said of functions that are not there as well (F150).
func (c *Catalog) noEventInvoke(name, qualifier string) error {
	return lambda.Errorf(lambda.NotFound, "The function %s doesn't have an EventInvokeConfig", c.config.Home.FunctionARN(name, attachedKey(qualifier)))
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// checkDestinations refuses what an outcome cannot be sent to (F151, F152).
func (c *Catalog) checkDestinations(name string, d lambda.Destinations) error {
	for _, arn := range []string{text(d.OnFailure), text(d.OnSuccess)} {
		if service(arn) != "lambda" {
			continue
		}
		ref, err := lambda.ParseReference(arn)
		if err != nil || ref.Region != c.config.Home.Region || ref.Account != c.config.Home.Account || (ref.Name != name && c.function(ref.Name) == nil) {
			return lambda.Errorf(lambda.InvalidParameter, "The destination ARN %s is invalid.", arn)
		}
		if ref.Name == name {
			return lambda.Errorf(lambda.InvalidParameter, "You can't specify the function as a destination for itself.")
		}
	}
	if !receives(text(d.OnSuccess), "lambda", "sqs", "sns", "events") || !receives(text(d.OnFailure), "lambda", "sqs", "sns", "events", "s3") {
		return lambda.Errorf(lambda.InvalidParameter, "The provided destination config DestinationConfig(onSuccess=%s, onFailure=%s) is invalid.",
			printed("OnSuccess", d.OnSuccess), printed("OnFailure", d.OnFailure))
	}
	return nil
}

// service is the third part of an ARN, empty for what is none.
func service(arn string) string {
	parts := strings.SplitN(arn, ":", 4)
	if len(parts) < 4 || parts[0] != "arn" {
		return ""
	}
	return parts[2]
}

func receives(arn string, services ...string) bool {
	return arn == "" || slices.Contains(services, service(arn))
}

// printed is a destination as Java prints it, which AWS's message does.
func printed(name string, arn *string) string {
	if arn == nil {
		return "null"
	}
	return name + "(destination=" + *arn + ")"
}

// EventInvoke answers what was chosen for a function, a version or an alias.
func (c *Catalog) EventInvoke(_ context.Context, name, qualifier string) (lambda.EventInvoke, error) {
	f := c.function(name)
	if f == nil || f.attached(qualifier).EventInvoke == nil {
		return lambda.EventInvoke{}, c.noEventInvoke(name, qualifier)
	}
	return *f.attached(qualifier).EventInvoke, nil
}

// DeleteEventInvoke forgets what was chosen.
func (c *Catalog) DeleteEventInvoke(ctx context.Context, name, qualifier string) error {
	return c.change(ctx, name, func(old *function) (*store.FunctionChange, error) {
		if old == nil || old.attached(qualifier).EventInvoke == nil {
			return nil, c.noEventInvoke(name, qualifier)
		}
		change := &store.FunctionChange{Function: old.stored}
		attached := old.attached(qualifier)
		attached.EventInvoke = nil
		attach(change, qualifier, attached)
		return change, nil
	})
}

// EventInvokes lists what was chosen for a function and all its versions and
// aliases, with their qualifiers.
func (c *Catalog) EventInvokes(_ context.Context, name, marker string, limit int) (qualifiers []string, chosen []lambda.EventInvoke, next string, err error) {
	f := c.function(name)
	if f == nil {
		return nil, nil, "", noEventFunction()
	}
	var all []string
	for _, qualifier := range slices.Sorted(maps.Keys(f.stored.Attached)) {
		if f.stored.Attached[qualifier].EventInvoke != nil {
			all = append(all, qualifier)
		}
	}
	qualifiers, next, err = page(all, func(qualifier string) place { return place{Name: qualifier} }, marker, limit)
	for _, qualifier := range qualifiers {
		chosen = append(chosen, *f.attached(qualifier).EventInvoke)
	}
	return qualifiers, chosen, next, err
}
