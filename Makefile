# Everything a developer does here. `make` alone lists it.
# `make check` is what CI runs.

GO       ?= go
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
PKGS     ?= ./...
FUZZTIME ?= 60s

PLATFORMS ?= linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64

# The one setting with which the binary is built, here and by internal/machinetest for the tests:
# so every package is compiled for it once.
export CGO_ENABLED = 0
BUILDFLAGS = -trimpath -ldflags "-s -w -X personae.dev/internal/server.version=$(VERSION)"

# Tools are built once, at the versions of tools.mod, and kept in .cache.
TOOLS    = .cache
GOFUMPT  = $(TOOLS)/gofumpt
LINTER   = $(TOOLS)/golangci-lint

# What `make generate` writes.
GENERATED = internal/kind/kinds_gen.go contract/openapi.yaml apitype/kinds_gen.go client/kinds_gen.go docs/kinds.md \
	docs/cli.md docs/configuration.md

.DEFAULT_GOAL := help
.NOTPARALLEL:

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' Makefile

## Build and run

.PHONY: build
build: ## Build bin/personae, static, without cgo
	$(GO) build $(BUILDFLAGS) -o bin/personae ./cmd/personae

.PHONY: run
run: build ## Build, then serve a demo library on 127.0.0.1:7070 from ./personae.db
	@exec bin/personae serve --demo --database personae.db

.PHONY: generate
generate: ## Write what is generated: OpenAPI, client types, docs of kinds, commands and settings
	$(GO) generate ./internal/kind && $(GO) generate ./contract && $(GO) generate ./internal/cli/gen

.PHONY: dist
dist: ## Build the archives of a release in dist/, with checksums; needs GNU tar
	@GO="$(GO)" scripts/dist $(VERSION) $(PLATFORMS)

.PHONY: docker
docker: ## Build the container image personae:VERSION (needs Docker)
	docker build --build-arg VERSION=$(VERSION) --tag personae:$(VERSION) .

.PHONY: clean
clean: ## Remove what building and testing left, tools too; databases stay
	rm -rf bin dist .cache coverage.out coverage.html

## Test

.PHONY: test
test: test-deps ## Run every test of the product, with the race detector, in random order
	@GO="$(GO)" scripts/go-test -count=1 -shuffle=on $(PKGS)

.PHONY: test-deps
test-deps: ## Find or install what the tests need (PostgreSQL, PgBouncer, Chromium, Node.js, C compiler)
	@GO="$(GO)" scripts/test-deps

.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME (60s)
	@GO="$(GO)" scripts/fuzz $(FUZZTIME)

.PHONY: torture
torture: test-deps ## Stress the binary for an hour: clients, disks (as root), copies, crashes, several servers
	$(GO) test -count=1 -timeout 2h -v ./torture -torture $(TORTURE)

.PHONY: mcp-conformance
mcp-conformance: ## Run the tests of the MCP specification against the server (installs 185 MB with npm)
	$(GO) test -count=1 -v -run TestConformance ./e2e/mcp -conformance

.PHONY: cross
cross: ## Build for all PLATFORMS
	@for platform in $(PLATFORMS); do \
		echo "== build for $$platform"; \
		GOOS=$${platform%/*} GOARCH=$${platform#*/} $(GO) build $(BUILDFLAGS) -o /dev/null ./cmd/personae || exit 1; \
	done

.PHONY: screenshots
screenshots: ## Write pictures of every page of the console into dist/screenshots, in two widths and both themes
	@mkdir -p dist/screenshots
	PERSONAE_SCREENSHOTS=$(CURDIR)/dist/screenshots $(GO) test -count=1 -run '^TestScreenshots$$' ./internal/console

## Measure

.PHONY: bench
bench: ## Measure beside a bare net/http handler and PocketBase; BENCH_FLAGS='-only get,list'
	$(GO) run -C bench . $(BENCH_FLAGS)

.PHONY: bench-quick
bench-quick: ## The same with less data, in some minutes; results are printed only
	$(GO) run -C bench . -quick $(BENCH_FLAGS)

.PHONY: bench-check
bench-check: $(LINTER) ## Lint and test the modules of bench
	@set -e; for module in bench bench/pocketbase; do \
		cd $(CURDIR)/$$module; \
		$(CURDIR)/$(LINTER) run; $(GO) mod tidy -diff; $(GO) test -count=1 ./...; \
	done

## Check

.PHONY: check
# `make lint` is not part of it yet: it has findings, most of them in tests.
check: format-check mod-check generate-check vet test ## What CI runs
	@echo "== check: all passed"

.PHONY: vet
vet:
	@echo "== vet"
	@$(GO) vet ./...

.PHONY: fmt
fmt: $(GOFUMPT) ## Format the Go files
	@$(GOFUMPT) -w .

.PHONY: format-check
format-check: $(GOFUMPT)
	@echo "== format"
	@unformatted=$$($(GOFUMPT) -l .) && \
	if [ -n "$$unformatted" ]; then echo "not formatted; run 'make fmt':"; echo "$$unformatted"; exit 1; fi

.PHONY: lint
lint: $(LINTER) ## Lint; the first run builds the linter, which takes some minutes
	@echo "== lint"
	@GOFLAGS="$(GOFLAGS) -trimpath" $(LINTER) run

.PHONY: mod-check
mod-check:
	@echo "== modules"
	@$(GO) mod verify
	@$(GO) mod tidy -diff

.PHONY: generate-check
generate-check:
	@echo "== generated files"
	@MAKE="$(MAKE)" scripts/generate-check $(GENERATED)

$(GOFUMPT): tools.mod
	@GOBIN=$(CURDIR)/$(TOOLS) $(GO) install -trimpath -ldflags='-s -w' -modfile=tools.mod mvdan.cc/gofumpt
	@touch $@

$(LINTER): tools.mod
	@echo "lint: building the linter of tools.mod, once"
	@GOBIN=$(CURDIR)/$(TOOLS) $(GO) install -trimpath -ldflags='-s -w' -modfile=tools.mod github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	@touch $@
