package main

import (
	"slices"
	"testing"
)

func TestNamesOfTheServer(t *testing.T) {
	t.Parallel()
	o := accessOptions{endpoint: "https://Lambent.Example.com:3001/"}
	if names := o.names("Host.example.com:3001"); !slices.Contains(names, "lambent.example.com") || !slices.Contains(names, "host.example.com") {
		t.Errorf("%v", names)
	}
}
