package main

import (
	"context"
	"strings"

	"lambent/internal/asyncq"
	"lambent/internal/catalog"
	"lambent/internal/lambda"
)

// rights are those of functions, for the catalog, which is made before access is.
type rights struct{ d *daemon }

// functionRights are nil, without a cost, where everybody may do everything: nobody is
// asked about a function that is gone, whose outcomes are told all the same.
func (d *daemon) functionRights() catalog.Rights {
	if !d.options.access.enforced(d.address) {
		return nil
	}
	return rights{d}
}

// FunctionMay implements catalog.Rights.
func (r rights) FunctionMay(ctx context.Context, role, functionARN string, act lambda.Act) error {
	return r.d.access.FunctionMay(ctx, role, functionARN, act)
}

// permitted delivers what the function's role allows at that moment: it may have
// changed since the target was chosen.
type permitted struct {
	catalog *catalog.Catalog
	next    asyncq.Destinations
}

// Deliver implements asyncq.Destinations.
func (p permitted) Deliver(ctx context.Context, d lambda.Delivery) error {
	// A rule's or schedule's own dead letter is no function's: who made the rule or
	// schedule had the right to send it.
	if d.DeadLetter == nil || d.Attributes == nil {
		qualifier := d.FunctionARN[strings.LastIndexByte(d.FunctionARN, ':')+1:] // it always has one
		if err := p.catalog.CheckDelivery(ctx, d.Function, qualifier, d.Target); err != nil {
			return err
		}
	}
	return p.next.Deliver(ctx, d)
}
