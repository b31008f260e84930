package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"golang.org/x/term"

	"github.com/netmond/netmond/capture"
	"github.com/netmond/netmond/flows"
	"github.com/netmond/netmond/report"
)

func addRead(app *kingpin.Application, commands map[string]func(context.Context) error, std streams, logger func() *slog.Logger) {
	cmd := app.Command("read", "Count the traffic of capture files and print it. Needs no privileges.")
	conf := addConfigFlags(cmd, "accounting", "capture.filter")
	format := cmd.Flag("format", "Output: a table for people, json (docs/read-json.md) or csv.").
		Default("table").Enum("table", "json", "csv")
	topLists := addTopFlags(cmd)
	files := cmd.Arg("FILE", "Capture files: pcap or pcapng, plain, gzip or zstd; - is standard input. Several are read in order of time.").
		Required().Strings()
	commands[cmd.FullCommand()] = func(ctx context.Context) error {
		request, err := topLists.request(*format)
		if err != nil {
			return err
		}
		_, p, err := conf.buildForFiles(logger())
		if err != nil {
			return err
		}
		if _, err := p.top(report.New(p.table.Snapshot(), nil), request); err != nil { // before the work
			return err
		}
		errs, err := p.readFiles(ctx, *files, std, nil)
		if err != nil {
			if !errors.Is(err, context.Canceled) {
				return err
			}
			fmt.Fprintln(std.err, "netmond: interrupted: these are the figures up to here")
		}
		interrupted := err != nil
		r := p.withFilter(report.New(p.table.Snapshot(), errs))
		lists, err := p.top(r, request)
		if err != nil {
			return err
		}
		r.SetTop(lists)
		out := bufio.NewWriterSize(std.out, 64<<10)
		switch {
		case *format == "json":
			err = r.WriteJSON(out)
		case *format == "csv" && request != nil:
			err = r.WriteTopCSV(out)
		case *format == "csv":
			err = r.WriteCSV(out)
		default:
			if p.assumed {
				fmt.Fprintln(std.err, "netmond: no local networks given: counting private, link-local and loopback space (set yours with -m)")
			}
			width, isTTY := terminal(std.out)
			err = r.WriteTable(out, report.TableOptions{
				Width: width,
				Color: isTTY && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb",
			})
		}
		if err := errorsFirst(err, out.Flush()); err != nil {
			return fmt.Errorf("write result: %w", err)
		}
		if len(errs) > 0 || interrupted {
			return errReported
		}
		return nil
	}
}

// readFiles replays files through the table and reports what was wrong with them, which it also
// prints on standard error as it ends. A returned error means that the replay itself failed.
func (p *pipeline) readFiles(ctx context.Context, paths []string, std streams, onTick func(now int64) error) ([]report.InputError, error) {
	src := capture.OpenFiles(inputs(paths), std.in)
	defer src.Close()
	var counted flows.Source = p.behindFilter(src)
	if !regular(paths) {
		// One worker counts what may pause: several would wait for its next frame with a batch under way, and
		// snapshots with them.
		counted = struct{ flows.Source }{counted}
	}
	progress := startProgress(std.err, src)
	err := untilDone(ctx, func() error { return p.table.Replay(ctx, counted, onTick) })
	progress.stop()
	if err != nil {
		return nil, filterFault(fmt.Errorf("read: %w", err))
	}
	var errs []report.InputError
	for _, e := range src.Errors() {
		fmt.Fprintf(std.err, "netmond: %v\n", e)
		errs = append(errs, report.InputError{File: e.File, Offset: e.Offset, Error: e.Err.Error()})
	}
	for _, u := range src.UnknownLinks() {
		err := fmt.Sprintf("link type %v (%d) is not decoded: its frames count as undecoded", u.Link, uint16(u.Link))
		fmt.Fprintf(std.err, "netmond: %s: %s\n", u.File, err)
		errs = append(errs, report.InputError{File: u.File, Error: err})
	}
	return errs, nil
}

// regular reports whether all inputs are regular files, or none that can be read at all.
func regular(paths []string) bool {
	return !slices.ContainsFunc(paths, func(path string) bool {
		st, err := os.Stat(path)
		return path == "" || path == "-" || err == nil && !st.Mode().IsRegular()
	})
}

// untilDone is f's error, or after a second of grace that of ctx: nothing ends a read that waits for
// standard input, so f may then run until the process ends.
func untilDone(ctx context.Context, f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-done:
		return err
	case <-time.After(time.Second):
		return ctx.Err()
	}
}

// inputs gives "-" back its name, which the parser of the command line took.
func inputs(paths []string) []string {
	named := slices.Clone(paths)
	for i, p := range named {
		if p == "" {
			named[i] = "-"
		}
	}
	return named
}

// terminal gives the width of w and whether it is a terminal; 80 columns where it is not.
func terminal(w io.Writer) (width int, isTTY bool) {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 80, false
	}
	if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
		return width, true
	}
	return 80, true
}

// errorsFirst is the first of errs that is not nil.
func errorsFirst(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
