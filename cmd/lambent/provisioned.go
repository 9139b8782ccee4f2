package main

import "lambent/internal/lambda"

// Provision passes on what is to be kept initialised.
func (r retirer) Provision(account, function string, targets []lambda.ProvisionedTarget) {
	r.d.fleet.Provision(account, function, targets)
}

// Allocation tells what there is of it.
func (r retirer) Allocation(v *lambda.Version) lambda.Allocation { return r.d.fleet.Allocation(v) }
