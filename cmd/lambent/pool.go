package main

import (
	"context"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"lambent/internal/bootpool"
	"lambent/internal/environment"
	"lambent/internal/fleet"
	"lambent/internal/lambda"
	"lambent/internal/ownapi"
)

// defaultBootPoolMB holds two booted runtimes of each of the languages that a
// host usually serves, and some more of the one that is in demand.
const defaultBootPoolMB = 256

// bootPool is the pool, and who tells it what will be wanted.
type bootPool struct {
	*bootpool.Pool
	d      *daemon
	ctx    context.Context
	asking sync.WaitGroup
}

// openPool puts a pool before the driver, where that can begin sandboxes.
func (d *daemon) openPool(parts *environment.Parts, memoryMiB int) {
	driver, ok := d.driver.(bootpool.Driver)
	if !ok || d.options.bootPoolMB == 0 {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	d.pool = &bootPool{d: d, ctx: ctx, Pool: bootpool.New(driver, bootpool.Config{
		Blank: environment.Blank(), MemoryMiB: d.options.bootPoolMB, Making: shareOfProcessors(runtime.NumCPU()), Log: d.log,
		Room:      func() int { return memoryMiB - takenMiB(d.fleet) },
		Addresses: func() []bootpool.Address { return listenedAt(parts.Endpoint) },
	})}
	parts.Sandboxes = d.pool
	closeDriver := d.closeDriver // after the catalog has stopped, which may call Activated until then
	d.closeDriver = func() error {
		cancel()
		d.pool.asking.Wait()
		d.pool.Empty()
		return closeDriver()
	}
}

// listenedAt is where every environment listens.
func listenedAt(endpoint environment.Endpoint) (list []bootpool.Address) {
	var a bootpool.Address
	a.Host, a.Port = environment.APIAddress()
	list = append(list, a)
	if endpoint != nil {
		a.Host, a.Port = endpoint.Address()
		list = append(list, a)
	}
	return list
}

// aheadOf shows the pool to people; there may be none.
func aheadOf(p *bootPool) ownapi.Ahead {
	if p == nil {
		return nil
	}
	return p
}

// Stocks tells what waits, and what cold starts have found.
func (p *bootPool) Stocks() (list []ownapi.Stock) {
	for _, s := range p.Pool.Stocks() {
		one := ownapi.Stock{
			Ready: s.Ready, Coming: s.Coming, Wanted: s.Wanted, MemoryMB: int(s.MemoryBytes >> 20),
			Taken: s.Found.Ready + s.Found.Booting, Booting: s.Found.Booting, Bare: s.Found.Bare, Nothing: s.Found.Nothing,
		}
		if s.Ahead != nil {
			one.Program = strings.Join(append([]string{filepath.Base(s.Ahead.Path)}, s.Ahead.Args...), " ")
		}
		list = append(list, one)
	}
	return list
}

// takenMiB is what the limits of all environments add up to.
func takenMiB(f *fleet.Fleet) (sum int) {
	f.Each(func(_ string, e fleet.Environment) {
		if env, ok := e.(*environment.Environment); ok {
			sum += env.Version().MemoryMB
		}
	})
	return sum
}

// Activated has the version compiled, and lets the pool expect its runtime.
func (r retirer) Activated(v *lambda.Version) {
	r.d.compileSoon(v)
	p := r.d.pool
	if p == nil || p.ctx.Err() != nil {
		return
	}
	p.asking.Go(func() {
		select {
		case <-p.d.begun:
			p.expect(v) // runtimes may still be looked for
		case <-p.ctx.Done():
		}
	})
}

// expect says nothing of errors: the first invocation will.
func (p *bootPool) expect(v *lambda.Version) {
	task, opt, release, err := p.d.catalog.Open(p.ctx, v)
	if err != nil {
		return
	}
	defer release()
	if program, err := p.d.runtimes.Program(v, task, opt); err == nil {
		p.Expect(environment.StartedAhead(program))
	}
}
