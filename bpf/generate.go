package bpf

// The compiler is pinned: each version gives other bytes. `make generate` says what to install.

//go:generate go run github.com/cilium/ebpf/cmd/bpf2go -cc clang-19 -no-global-types -target amd64,arm64 -tags linux xdp c/xdp.bpf.c -- -O2 -g -Wall -Werror -mcpu=v3 -Ic/include
//go:generate go run github.com/cilium/ebpf/cmd/bpf2go -cc clang-19 -no-global-types -target amd64,arm64 -tags linux tc c/tc.bpf.c -- -O2 -g -Wall -Werror -mcpu=v3 -Ic/include
//go:generate go run github.com/cilium/ebpf/cmd/bpf2go -cc clang-19 -no-global-types -target amd64,arm64 -tags linux -output-suffix _test bench c/bench.bpf.c -- -O2 -g -Wall -Werror -mcpu=v3 -Ic/include
//go:generate go test -run ^TestSources$ -update .
