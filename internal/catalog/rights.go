package catalog

import (
	"context"
	"errors"
	"strings"

	"lambent/internal/lambda"
)

// Rights knows what functions may do, by their roles.
type Rights interface {
	// FunctionMay answers nil when the role lets the function do something. All
	// refusals are *lambda.Error.
	FunctionMay(ctx context.Context, role, functionARN string, act lambda.Act) error
}

// CheckDelivery refuses to hand an outcome of a function to a target that the
// function's role, as it is now, has no right to. The refusal is a *lambda.Error.
func (c *Catalog) CheckDelivery(ctx context.Context, name, qualifier, target string) error {
	if c.config.Rights == nil {
		return nil
	}
	v, err := c.Function(ctx, name, qualifier)
	if err != nil { // the version or alias may be gone, and its function there
		v, err = c.Function(ctx, name, "")
	}
	if err != nil {
		return err // without it there is no role that could allow anything
	}
	var refusal *lambda.Error
	if err := c.mayDeliver(ctx, &v, target); errors.As(err, &refusal) {
		return &lambda.Error{Kind: lambda.AccessDenied, Message: refusal.Message} // the role may be mended: it can be tried again
	} else if err != nil {
		return err
	}
	return nil
}

// mayDeliver asks the role of v. The policy of a function that is a target speaks
// for itself; those of queues, topics, buses and buckets are their services'.
func (c *Catalog) mayDeliver(ctx context.Context, v *lambda.Version, target string) error {
	act, deliverable := lambda.DeliveryAct(target, v.Function)
	if c.config.Rights == nil || !deliverable {
		return nil
	}
	if ref, err := lambda.ParseReference(target); err == nil && act.Action == "lambda:InvokeFunction" {
		act.Resource = c.config.Home.FunctionARN(ref.Name, ref.Qualifier) // whatever partition was written
		if p, err := c.Policy(ctx, ref.Name, ref.Qualifier); err == nil { // or there is none
			act.Policies = []string{p.JSON()}
		}
	}
	return c.config.Rights.FunctionMay(ctx, v.Role, c.config.Home.FunctionARN(v.Function, ""), act)
}

// checkDeadLetter refuses a dead letter queue to which the function's role cannot send.
func (c *Catalog) checkDeadLetter(ctx context.Context, v *lambda.Version) error {
	return refusedFor(c.mayDeliver(ctx, v, v.DeadLetterARN), func() error {
		return lambda.Errorf(lambda.InvalidParameter, "The provided execution role does not have permissions to call %s on %s",
			operationOf(v.DeadLetterARN), strings.ToUpper(service(v.DeadLetterARN)))
	})
}

// checkRights refuses destinations to which the function's role cannot deliver.
func (c *Catalog) checkRights(ctx context.Context, v *lambda.Version, d lambda.Destinations) error {
	for _, target := range []string{text(d.OnFailure), text(d.OnSuccess)} {
		err := refusedFor(c.mayDeliver(ctx, v, target), func() error {
			return lambda.Errorf(lambda.InvalidParameter, "The function's execution role does not have permissions to call %s on %s",
				operationOf(target), target)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// refusedFor words a refusal for who chose the target. Other errors stay.
func refusedFor(err error, words func() error) error {
	if lambda.KindOf(err) == lambda.AccessDenied {
		return words()
	}
	return err
}

// operationOf is the operation that hands something to a target: SendMessage.
func operationOf(target string) string {
	act, _ := lambda.DeliveryAct(target, "")
	_, operation, _ := strings.Cut(act.Action, ":")
	return operation
}
