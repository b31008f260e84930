package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"golang.org/x/term"

	"github.com/netmond/netmond/capture"
	"github.com/netmond/netmond/metrics"
	"github.com/netmond/netmond/top"
	"github.com/netmond/netmond/web"
)

func addTop(app *kingpin.Application, commands map[string]func(context.Context) error, std streams, logger func() *slog.Logger) {
	cmd := app.Command("top", "Show networks, hosts, flows, protocols and alerts live in this terminal: of a running netmond, an interface or capture files. ? there lists the keys.")
	conf := addConfigFlags(cmd, "accounting", "capture.filter")
	at := addServerFlags(cmd)
	iface := cmd.Flag("interface", "Capture on this interface instead. Needs CAP_NET_RAW.").Short('i').PlaceHolder("IFACE").String()
	files := cmd.Flag("read-file", "Play this capture file instead. Repeatable; needs no privileges.").Short('r').PlaceHolder("FILE").Strings()
	speed := cmd.Flag("speed", "How many times faster than real time files are played.").Default("1").Float64()
	interval := cmd.Flag("interval", "Time between two looks.").Default("1s").Duration()
	plain := cmd.Flag("plain", "Print page after page without moving the cursor; so it is where the output is no terminal, or a dumb one.").Bool()
	iterations := cmd.Flag("iterations", "End after so many pages, with --plain.").Short('n').PlaceHolder("N").Int()

	commands[cmd.FullCommand()] = func(ctx context.Context) error {
		chosen := 0
		for _, set := range []bool{at.set, *iface != "", len(*files) > 0} {
			if set {
				chosen++
			}
		}
		switch {
		case chosen > 1:
			return usageError{errors.New("give one of --url, -i and -r")}
		case !(*speed > 0) || math.IsInf(*speed, 0):
			return usageError{fmt.Errorf("--speed %v: want above 0", *speed)}
		case *interval < 100*time.Millisecond:
			return usageError{fmt.Errorf("--interval %v: want 100ms at least", *interval)}
		case *iterations < 0:
			return usageError{fmt.Errorf("--iterations %d: want 0 at least", *iterations)}
		}
		cfg := top.Config{Interval: *interval, In: std.in, Out: std.out, Plain: *plain, Iterations: *iterations}
		dumb := os.Getenv("TERM") == "dumb" || os.Getenv("TERM") == ""
		width, isTTY := terminal(std.out)
		cfg.Width = width
		if f, ok := std.in.(*os.File); !isTTY || dumb || !ok || !term.IsTerminal(int(f.Fd())) {
			cfg.Plain = true
		}
		cfg.Color = os.Getenv("NO_COLOR") == "" && !dumb
		if *iface == "" && len(*files) == 0 {
			var err error
			if cfg.Base, cfg.Client, err = at.client(); err != nil {
				return err
			}
			return at.notServing(top.Run(ctx, cfg))
		}
		if *at.ca != "" {
			return usageError{errors.New("--tls-ca is for --url")}
		}
		o, err := conf.load()
		if err != nil {
			return err
		}
		return runTop(ctx, std, o, *iface, *files, *speed, cfg)
	}
}

// runTop counts in this process, and shows it.
func runTop(ctx context.Context, std streams, o *options, iface string, files []string, speed float64, cfg top.Config) error {
	d := &daemon{log: slog.New(slog.DiscardHandler), std: std} // the screen is taken
	var ifaces []string
	if iface != "" {
		ifaces = []string{iface}
	} else {
		virtualOptions(o, fileMaxFlows)
	}
	live := o.liveCapture(ifaces)
	d.pipeline = o.build(ownPrefixes(ifaces), iface != "", o.rings(len(ifaces)))
	if err := o.err(); err != nil {
		return err
	}
	var err error
	var src *capture.Files
	if iface != "" {
		live.Filter = d.filter
		if d.plan != nil {
			live.RingBytes, live.Workers = int(d.plan.RingPerInterface), d.plan.Workers
		}
		if err = d.openCapture(&setup{live: &live, ifaces: ifaces, kernel: &kernelConfig{path: pathAFPacket}}); err != nil {
			return withGrant(filterFault(err))
		}
		defer d.live.close()
	} else {
		for _, f := range files { // before the screen is taken
			if _, err := os.Stat(f); err != nil {
				return err
			}
		}
		src = capture.OpenFiles(files, nil)
		defer src.Close()
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if err := d.openVirtual(ctx, o, strings.Join(append(files, ifaces...), ",")); err != nil {
		return err
	}
	if src != nil {
		d.generated = &generated{src: newPacer(ctx, src, speed), name: strings.Join(files, " ")}
	}
	err = d.showIn(ctx, cancel, cfg)
	if src != nil && err == nil {
		for _, e := range src.Errors() {
			err = errors.Join(err, e)
		}
	}
	return errorsFirst(err, d.history.Close(), d.closeChecks())
}

// showIn runs top on this daemon's own handler until the user leaves.
func (d *daemon) showIn(ctx context.Context, cancel context.CancelCauseFunc, cfg top.Config) error {
	server, err := d.newServer(web.DefaultConfig("127.0.0.1:0"), metrics.Config{MatrixSeries: -1})
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	wg.Go(func() { d.history.Run(ctx) }) // ends with ctx
	if d.live != nil {
		wg.Go(func() { d.capture(ctx, cancel, server) }) // ends with ctx
		wg.Go(func() {                                   // ends with ctx
			if err := d.engine.Run(ctx); err != nil {
				cancel(err)
			}
		})
	} else {
		wg.Go(func() { d.play(ctx, cancel, server) }) // ends with the files or ctx
	}
	cfg.Base, cfg.Client = "http://localhost", &http.Client{Transport: inProcess{server.Handler()}}
	err = top.Run(ctx, cfg)
	cause := context.Cause(ctx)
	cancel(nil)
	wg.Wait()
	if cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return err
}

// inProcess asks a handler without a socket.
type inProcess struct{ handler http.Handler }

// RoundTrip implements http.RoundTripper.
func (t inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	a := &answer{header: http.Header{}, code: http.StatusOK}
	t.handler.ServeHTTP(a, r)
	return &http.Response{
		StatusCode: a.code, Status: fmt.Sprintf("%d %s", a.code, http.StatusText(a.code)), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.header, Body: io.NopCloser(&a.body), ContentLength: int64(a.body.Len()), Request: r,
	}, nil
}

// An answer is an http.ResponseWriter in memory.
type answer struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(code int) { a.code = code }

// Write implements io.Writer.
func (a *answer) Write(p []byte) (int, error) { return a.body.Write(p) }
