# netmond: see `make help`. Nothing here is needed to use netmond: `go build ./cmd/netmond` is all.

GO        ?= go
VERSION   ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
PKG_VER   := github.com/prometheus/common/version
LDFLAGS   := -s -w -X $(PKG_VER).Version=$(VERSION) -X $(PKG_VER).Revision=$(shell git rev-parse HEAD 2>/dev/null || echo unknown)
FUZZTIME  ?= 60s
FUZZPKGS  ?= ./...
FUZZ      ?= ^Fuzz
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
# The compiler of the eBPF programs; each version makes other bytes. Debian 12: apt install clang-19 libbpf-dev
CLANG     := clang-19

SOAK      ?= 10m

.PHONY: help build cross test test-root soak lint generate bench bench-live bench-bpf test-kernels fuzz docs page

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

test-root: ## all tests, none skipped (root, the capture corpus, tcpdump, Prometheus, Node and Chromium needed)
	NETMOND_TEST_REQUIRE=shared,root,netns,bpf,tcpdump,prometheus,browser,tmux $(GO) test -count=1 ./...

soak: ## as root, for as long as they take: floods and a steady replay for SOAK (10m; 24h for the slope of memory), and the live faults
	NETMOND_SOAK=$(SOAK) NETMOND_TEST_REQUIRE=root,netns $(GO) test -count=1 -timeout 0 -v ./cmd/netmond -run 'Soak|Flood'
	NETMOND_TEST_SOAK=1 NETMOND_TEST_REQUIRE=root,netns $(GO) test -count=1 -timeout 60m -run 'TestLive|TestGroup' ./capture ./cmd/netmond

lint: ## gofmt, go vet, staticcheck
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "gofmt would change these"; exit 1; }
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...

generate: ## generated files: eBPF objects, sample capture and references
	@command -v $(CLANG) >/dev/null || { echo "the eBPF programs need $(CLANG) and the headers of libbpf"; exit 1; }
	$(GO) generate ./...
	$(MAKE) docs

docs: ## references made from the code
	$(GO) test ./report ./metrics ./config ./web -run TestDocs -update
	$(GO) test ./lua -run TestReference -update
	$(GO) test ./lua/checks -update
	$(GO) test ./cmd/netmond -run '^TestDocs$$' -update

ESBUILD := $(GO) tool -modfile=tools/go.mod esbuild --bundle --minify --log-level=warning
BUNDLED := preact @preact/signals @preact/signals-core uplot d3-sankey d3-array d3-path d3-shape
page: ## the bundles of the web page and of read --html: type check and bundle of web/ui into web/static and report/static (needs Node and npm)
	cd web/ui && npm ci --no-audit --no-fund --silent && npx tsc
	$(ESBUILD) web/ui/src/main.tsx --target=es2022 --jsx=automatic --jsx-import-source=preact --legal-comments=eof --outfile=web/static/app.js
	$(ESBUILD) web/ui/src/style.css --outfile=web/static/app.css
	cp web/ui/index.html web/ui/icon.svg web/static/
	$(ESBUILD) web/ui/src/report.tsx --target=es2022 --jsx=automatic --jsx-import-source=preact --legal-comments=eof --outfile=report/static/report.js
	$(ESBUILD) web/ui/src/report.css --outfile=report/static/report.css
	@{ echo "netmond's web page contains these packages. netmond itself: Apache-2.0, see LICENSE."; \
	for p in $(BUNDLED); do d=web/ui/node_modules/$$p; \
	  v=$$(sed -n 's/^ *"version": "\(.*\)",*$$/\1/p' $$d/package.json | head -1); \
	  printf '\n%s\n%s %s\n\n' ---------------------------------------- $$p $$v; cat $$d/LICENSE; echo; done; } >NOTICE
	cp NOTICE web/static/licenses.txt
	cp NOTICE report/static/licenses.txt

bench: ## every benchmark, five times, for benchstat
	$(GO) test -run '^$$' -bench . -count 5 ./...

bench-live: ## the live path under load beside tcpdump and softflowd (root; both installed; two idle processors, 6 minutes)
	@$(GO) test -v -count=1 -timeout 30m ./internal/loadtest -run '^TestLive$$' -args -live -json "$(CURDIR)/bench-live.json"

bench-bpf: ## the eBPF programs: cost of a packet, drain, live rate (root; a few minutes of a quiet machine)
	NETMOND_BENCH_BPF=1 $(GO) test ./bpf -run '^$$' -bench . -benchtime 1x -timeout 30m
	@$(GO) test -v -count=1 -timeout 30m ./internal/loadtest -run '^TestLiveKernel$$' -args -kernel

KERNELS ?= 6.1 6.12
test-kernels: ## the eBPF programs on other kernels, KERNELS (6.1 6.12, or IMAGE.deb,MODULES.deb), in emulated machines (qemu-system-x86)
	@$(GO) run ./internal/kerneltest $(KERNELS)

fuzz: ## each fuzz target of FUZZPKGS for FUZZTIME; FUZZ narrows the names
	@.ci/fuzz $(FUZZTIME) '$(FUZZ)' $(FUZZPKGS)
