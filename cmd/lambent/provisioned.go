package main

import "lambent/internal/lambda"

// provisioner lets the catalog tell the fleet, which is made after it, what is to
// be kept initialised.
type provisioner struct{ d *daemon }

func (p provisioner) Provision(account, function string, targets []lambda.ProvisionedTarget) {
	p.d.fleet.Provision(account, function, targets)
}

func (p provisioner) Allocation(v *lambda.Version) lambda.Allocation { return p.d.fleet.Allocation(v) }
