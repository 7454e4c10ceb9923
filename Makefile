# The commands of starkd. `make run` and `make test` need Go alone.
GO      ?= go
VERSION ?= $(shell git describe --always --dirty 2>/dev/null || echo dev)
LDFLAGS  = -s -w -X main.version=$(VERSION)
# The suites that STARKD_ENGINE moves to another engine (internal/engines): without it the first are on the VM, the last, which run
# the command, on its default.
ENGINE_TESTS = ./app/... ./abci ./contracts
ENGINE_NODES = ./cmd/starkd
# go test, and at the end one line: what passed, failed and was skipped, and for want of what.
TALLY = $(GO) run ./scripts/tally
RACE  = -race -short -timeout 10m ./internal/... ./crypto/... ./config ./watcher/... ./rpc ./app/state/... ./app

.PHONY: build wasm run test test-full race bench chaos check clean

build: wasm ## bin/starkd, static, with the browser's verifier inside; bin/starkd-cairo
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./cmd/starkd ./cmd/starkd-cairo

# Inlining makes the browser's verifier an eighth larger. Only packages that compute are built with it; of two flags for a package the last one counts.
MODULE := github.com/starkd/starkd
WASMFLAGS := -gcflags=all=-l \
	$(foreach p,math/bits crypto/internal/fips140/sha256 filippo.io/... github.com/consensys/gnark-crypto/ecc/stark-curve/fp \
		$(MODULE)/crypto/... $(addprefix $(MODULE)/prover/stone/,field fri merkle poly stark) \
		$(addprefix $(MODULE)/prover/stwo/,air channel circle fri m31 merkle pcs),-gcflags=$p=)

# Where the explorer embeds the browser's verifier.
WASM := explorer/assets

wasm: ## the verifier for the browser
	GOOS=js GOARCH=wasm $(GO) build -trimpath -ldflags '-s -w' $(WASMFLAGS) -o $(WASM)/verifier.wasm ./cmd/verifier-wasm
	install -m 644 "$$($(GO) env GOROOT)/lib/wasm/wasm_exec.js" $(WASM)/wasm_exec.js

run: build ## four validators, a watcher, a client, a verified proof; RUN_ONCE=1 ends by itself
	scripts/localnet

test: check ## everything that fits in 15 minutes on 2 cores
	$(TALLY) -timeout 14m ./... -- STARKD_ENGINE=both -timeout 5m ./app -- $(RACE)

race: ## the race detector where it is quick
	$(TALLY) $(RACE)

test-full: check ## heavy suites too
	STARKD_FULL=1 $(TALLY) -timeout 120m ./... \
		-- STARKD_ENGINE=native -timeout 60m $(ENGINE_TESTS) \
		-- STARKD_ENGINE=vm -timeout 120m $(ENGINE_NODES) \
		-- STARKD_ENGINE=both -timeout 120m $(ENGINE_TESTS) $(ENGINE_NODES)

bench: ## kernels; whole jobs beside a peer are in scripts/bench
	$(GO) test -run xxx -bench . ./crypto/... ./cairo/... ./prover/...

chaos: build ## 200 kill -9, 20 full disks, 20 partitions over four nodes and a watcher; needs root, half an hour
	$(GO) run ./scripts/chaos -kills 200 -full-disks 20 -partitions 20

check: ## formatting, vet, staticcheck: the same as CI
	scripts/check

clean:
	rm -rf bin testnet explorer/assets/verifier.wasm explorer/assets/wasm_exec.js
