# Lambent: `make demo` shows it, `make test` proves it.

GO        ?= go
VERSION   ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS    = -s -w -X main.version=$(VERSION)
PLATFORMS  = linux/amd64 linux/arm64 darwin/arm64
SEED      ?= 0
SOAK      ?= 30m

.PHONY: build demo test lint sim async-crash soak fuzz bench prepare embedded clean

build: embedded
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/lambent ./cmd/lambent

# What the binary carries inside it: PID 1 of environments, and the Java
# bootstrap where a JDK is at hand.
embedded:
	internal/sandbox/namespace/build-init.sh
	internal/runtimes/java/build.sh

demo: build
	examples/demo.sh

# What the tests need: clients, interpreters and libraries, under build/.
prepare:
	scripts/prepare-tests.sh

test: build prepare
	scripts/test.sh

lint: embedded
	scripts/lint.sh $(PLATFORMS)

# The daemon's engines on simulated sandboxes; SEED=n plays one seed.
sim:
	$(GO) test ./internal/sim -count=1 -v -args $(if $(filter-out 0,$(SEED)),-seed $(SEED),)

# 20 kills of the server while 10,000 asynchronous events are sent and worked off.
async-crash: build
	LAMBENT_BIN=$(CURDIR)/bin/lambent $(GO) test ./internal/e2e/async -count=1 -timeout 60m -run TestKilled -v -args -events 10000 -rounds 20

# 30 minutes of mixed work, or SOAK=duration; everything must be as before in the end.
soak: build
	LAMBENT_BIN=$(CURDIR)/bin/lambent $(GO) test ./internal/e2e/async -count=1 -timeout 24h -run TestSoak -v -args -soak $(SOAK)

fuzz:
	scripts/fuzz.sh

bench: build
	scripts/bench.sh

clean:
	rm -rf bin build
