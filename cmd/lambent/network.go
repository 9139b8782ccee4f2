package main

import (
	"fmt"
	"io"
	"os"

	"lambent/internal/linux/tun"
	"lambent/internal/usernet"
)

// network is the stack in user space as the namespace driver asks for it.
type network struct{ *usernet.Stack }

// AttachDevice connects a sandbox whose namespace the daemon may not enter.
func (n network) AttachDevice(id string, create func(tun.Config) (*os.File, error)) (io.Closer, error) {
	a, err := n.Stack.AttachDevice(id, create)
	if err != nil {
		return nil, err
	}
	return a, nil
}

// newNetwork makes the way out that --network names; nil is none.
func newNetwork(mode string) (*network, error) {
	if mode == "none" {
		return nil, nil
	}
	stack, err := usernet.New(usernet.Config{HostLoopback: mode == "host"})
	if err != nil {
		return nil, fmt.Errorf("make the network of environments: %w", err)
	}
	return &network{stack}, nil
}
