# netmond: see `make help`. Nothing here is needed to use netmond: `go build ./cmd/netmond` is all.

GO        ?= go
VERSION   ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
PKG_VER   := github.com/prometheus/common/version
LDFLAGS   := -s -w -X $(PKG_VER).Version=$(VERSION) -X $(PKG_VER).Revision=$(shell git rev-parse HEAD 2>/dev/null || echo unknown)
FUZZTIME  ?= 60s
FUZZPKGS  ?= ./...
FUZZ      ?= ^Fuzz
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: help build cross test test-root lint generate bench fuzz docs page

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## a static ./netmond for this machine
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o netmond ./cmd/netmond

cross: ## compile for every platform that is promised
	for p in linux/amd64 linux/arm64 darwin/arm64 windows/amd64; do \
	  echo "build $$p"; \
	  CGO_ENABLED=0 GOOS=$${p%/*} GOARCH=$${p#*/} $(GO) build -o /dev/null ./cmd/netmond || exit 1; \
	done

test: ## all tests; those that need root, the corpus or a kernel feature skip without it
	$(GO) test ./...

test-root: ## all tests, none skipped (root, the capture corpus, tcpdump and Prometheus needed)
	NETMOND_TEST_REQUIRE=shared,root,netns,prometheus $(GO) test -count=1 ./...

lint: ## gofmt, go vet, staticcheck
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "gofmt would change these"; exit 1; }
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...

generate: ## generated files: sample capture and references
	$(GO) generate ./...
	$(MAKE) docs

docs: ## references made from the code
	$(GO) test ./report ./metrics ./config -run TestDocs -update
	$(GO) test ./lua -run TestReference -update
	$(GO) test ./lua/checks -update
	$(GO) test ./cmd/netmond -run '^TestDocs$$' -update

ESBUILD := $(GO) tool -modfile=tools/go.mod esbuild --bundle --minify --log-level=warning
page: ## the web page's bundle: type check and bundle of web/ui into web/static (needs Node and npm)
	cd web/ui && npm ci --no-audit --no-fund --silent && npx tsc
	$(ESBUILD) web/ui/src/main.tsx --target=es2022 --jsx=automatic --jsx-import-source=preact --legal-comments=eof --outfile=web/static/app.js
	$(ESBUILD) web/ui/src/style.css --outfile=web/static/app.css
	cp web/ui/index.html web/ui/icon.svg web/static/

bench: ## every benchmark, five times, for benchstat
	$(GO) test -run '^$$' -bench . -count 5 ./...

fuzz: ## each fuzz target of FUZZPKGS for FUZZTIME; FUZZ narrows the names
	@.ci/fuzz $(FUZZTIME) '$(FUZZ)' $(FUZZPKGS)
