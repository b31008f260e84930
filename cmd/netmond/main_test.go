package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	if isWorker(os.Args) {
		os.Exit(work())
	}
	testscript.Main(m, map[string]func(){
		"netmond": func() {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			context.AfterFunc(ctx, stop)
			os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
		},
	})
}

// TestScripts runs the command line as a user types it: each file of testdata/script is one story.
func TestScripts(t *testing.T) {
	sample, err := os.ReadFile("testdata/office.pcap")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			return os.WriteFile(env.Getenv("WORK")+"/office.pcap", sample, 0o644)
		},
	})
}
