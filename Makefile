# Everything a developer does here. `make` alone lists it.
# `make check` is all that CI runs.

GO       ?= go
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
PKGS     ?= ./...
FUZZTIME ?= 60s

# Modules of their own, so that the product needs nothing of what it is measured against.
BENCH_MODULES = bench bench/pocketbase

# What `make check` does more of than `make test`. Each can be set from the command line.
TEST_RUNS      ?= 1
FUZZTIME_SMOKE ?= 3s
PLATFORMS      ?= linux/arm64 windows/amd64

TOOL       = $(GO) tool -modfile=tools.mod
BUILDFLAGS = -trimpath -ldflags "-s -w -X personae.dev/internal/app.version=$(VERSION)"

# Begins a loop over the modules of bench, in which it stops at the first failure.
in-bench = set -e; for module in $(BENCH_MODULES); do cd $(CURDIR)/$$module;

.DEFAULT_GOAL := help
.NOTPARALLEL:

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' Makefile

## Build and run

.PHONY: build
build: ## Build bin/personae, static, without cgo
	CGO_ENABLED=0 $(GO) build $(BUILDFLAGS) -o bin/personae ./cmd/personae

.PHONY: run
run: build ## Build, then serve a demo library on 127.0.0.1:7070 from ./personae.db
	@exec bin/personae serve --demo --database sqlite:personae.db

.PHONY: docker
docker: ## Build the container image personae:VERSION (needs Docker)
	docker build --build-arg VERSION=$(VERSION) --tag personae:$(VERSION) .

.PHONY: clean
clean: ## Remove what building and testing left; databases stay
	rm -rf bin dist coverage.out coverage.html

## Test

.PHONY: test
test: test-deps ## Run every test of the product, with the race detector, in random order
	@GO="$(GO)" scripts/go-test -count=1 -shuffle=on $(PKGS)

.PHONY: test-deps
test-deps: ## Find or install what the tests need (Chromium, PostgreSQL, a C compiler)
	@scripts/test-deps

.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME (60s)
	@GO="$(GO)" scripts/fuzz $(FUZZTIME)

.PHONY: torture
torture: test-deps ## Hurt the binary for an hour: clients, disks (as root), copies, crashes, several servers
	$(GO) test -count=1 -timeout 2h -v ./torture -torture $(TORTURE)

.PHONY: bench
bench: bench-build ## Measure against the ceiling and the peers, half an hour; BENCH_FLAGS='-only get,list'
	@bin/bench -readme README.md $(BENCH_FLAGS)

.PHONY: bench-quick
bench-quick: bench-build ## The same with less data, three minutes, into bench/results/quick
	@bin/bench -quick -out bench/results/quick $(BENCH_FLAGS)

.PHONY: bench-build
bench-build:
	@$(GO) build -C bench -o ../bin/bench .

# Compare two with `go tool -modfile=tools.mod benchstat old.txt new.txt`.
.PHONY: bench-hot
bench-hot: ## Run the benchmark of the hot path ten times, as benchstat wants it
	@$(GO) test -run '^$$' -bench . -count 10 ./internal/api

## Check

.PHONY: check
check: format-check vet mod-check lint tests bench-check fuzz-smoke cross ## All that CI runs
	@echo "== check: all passed"

.PHONY: fmt
fmt: ## Format the Go files
	$(TOOL) gofumpt -w .

.PHONY: lint
lint: ## Lint; the first run builds the linter, which takes minutes
	@echo "== lint"
	@$(TOOL) golangci-lint run
	@$(in-bench) $(GO) tool -modfile=$(CURDIR)/tools.mod golangci-lint run; done

.PHONY: format-check
format-check:
	@echo "== format"
	@unformatted=$$($(TOOL) gofumpt -l .) && \
	if [ -n "$$unformatted" ]; then echo "not formatted; run 'make fmt':"; echo "$$unformatted"; exit 1; fi

.PHONY: vet
vet:
	@echo "== vet"
	@$(GO) vet ./...
	@$(in-bench) $(GO) vet ./...; done

.PHONY: mod-check
mod-check:
	@echo "== modules"
	@$(GO) mod verify
	@$(GO) mod tidy -diff
	@$(in-bench) $(GO) mod verify; $(GO) mod tidy -diff; done

.PHONY: tests
tests: test-deps
	@for run in $$(seq $(TEST_RUNS)); do \
		echo "== tests, run $$run of $(TEST_RUNS)"; \
		GO="$(GO)" scripts/go-test -count=1 -shuffle=on $(PKGS) || exit 1; \
	done

.PHONY: bench-check
bench-check:
	@echo "== bench"
	@$(GO) test -count=1 -run '^TestGetPersonaAllocates$$' ./internal/api
	@$(in-bench) $(GO) build -o /dev/null ./...; $(GO) test -count=1 ./...; done

.PHONY: fuzz-smoke
fuzz-smoke:
	@echo "== fuzz, $(FUZZTIME_SMOKE) a target"
	@GO="$(GO)" scripts/fuzz $(FUZZTIME_SMOKE)

.PHONY: cross
cross:
	@for platform in $(PLATFORMS); do \
		echo "== static build for $$platform"; \
		CGO_ENABLED=0 GOOS=$${platform%/*} GOARCH=$${platform#*/} \
			$(GO) build $(BUILDFLAGS) -o /dev/null ./cmd/personae || exit 1; \
	done
