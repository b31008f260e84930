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
	"strconv"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"golang.org/x/term"

	"github.com/netmond/netmond/capture"
	"github.com/netmond/netmond/flows"
	"github.com/netmond/netmond/report"
)

// reading is netmond read: its flags.
type reading struct {
	conf      *configFlags
	format    string
	files     []string
	top       *topFlags
	resolving *resolveFlags
	plot      *plotFlags
	html      string
}

func addRead(app *kingpin.Application, commands map[string]func(context.Context) error, std streams, logger func() *slog.Logger) {
	cmd := app.Command("read", "Count the traffic of capture files and print it. Needs no privileges.")
	c := &reading{conf: addConfigFlags(cmd, "accounting", "capture.filter")}
	cmd.Flag("format", "Output: a table for people, json (docs/read-json.md) or csv.").
		Default("table").EnumVar(&c.format, "table", "json", "csv")
	c.top, c.resolving, c.plot = addTopFlags(cmd), addResolveFlags(cmd), addPlotFlags(cmd)
	cmd.Flag("html", "Write a report with graphs to this file too: one file that needs no server and loads nothing.").PlaceHolder("FILE.html").StringVar(&c.html)
	cmd.Arg("FILE", "Capture files: pcap or pcapng, plain, gzip or zstd; - is standard input. Several are read in order of time.").
		Required().StringsVar(&c.files)
	commands[cmd.FullCommand()] = func(ctx context.Context) error { return c.run(ctx, std, logger()) }
}

// run counts the files and writes what was asked for. What makes no sense it says before that.
func (c *reading) run(ctx context.Context, std streams, log *slog.Logger) error {
	request, err := c.top.request(c.format, c.html != "")
	if err != nil {
		return err
	}
	names, err := c.resolving.resolver()
	if err != nil {
		return err
	}
	if names != nil && request == nil && c.html == "" {
		return usageError{errors.New("--resolve: nothing shows addresses; give --top hosts, --top flows or --html")}
	}
	if c.html != "" {
		if err := checkHTML(c.html); err != nil {
			return err
		}
	}
	_, p, err := c.conf.buildForFiles(log)
	if err != nil {
		return err
	}
	nothing := p.table.Snapshot()
	for _, q := range []*report.TopRequest{request, c.htmlRequest()} {
		if _, err := p.top(report.New(nothing, nil), q); err != nil {
			return err
		}
	}
	if err := c.plot.check(c.format, nothing.Nets); err != nil {
		return err
	}
	if c.plot.on || c.html != "" {
		p.recorder = report.NewRecorder(len(nothing.Nets.Networks))
	}
	errs, err := p.readFiles(ctx, c.files, std, nil)
	interrupted := errors.Is(err, context.Canceled)
	switch {
	case interrupted:
		fmt.Fprintln(std.err, "netmond: interrupted: these are the figures up to here")
	case err != nil:
		return err
	}
	s := p.table.Snapshot()
	r := p.withFilter(report.New(s, errs))
	lists, err := p.top(r, request)
	if err != nil {
		return err
	}
	names.name(ctx, lists, std.err)
	r.SetTop(lists)
	var series *report.Series
	if p.recorder != nil {
		series = p.recorder.Series(s)
	}
	htmlErr := c.report(ctx, p, r, series, names, std.err) // first: who reads the table may go
	out := bufio.NewWriterSize(std.out, 64<<10)
	if err := errorsFirst(c.write(out, std, p, r, s, series), out.Flush()); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	if htmlErr != nil {
		return htmlErr
	}
	if len(errs) > 0 || interrupted {
		return errReported
	}
	return nil
}

// write writes the report in the format that was asked for.
func (c *reading) write(out io.Writer, std streams, p *pipeline, r *report.Report, s *flows.Snapshot, series *report.Series) error {
	switch {
	case c.format == "json":
		return r.WriteJSON(out)
	case c.format == "csv" && len(c.top.lists) > 0:
		return r.WriteTopCSV(out)
	case c.format == "csv":
		return r.WriteCSV(out)
	}
	if p.assumed {
		fmt.Fprintln(std.err, "netmond: no local networks given: counting private, link-local and loopback space (set yours with -m)")
	}
	width, isTTY := terminal(std.out)
	if columns, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && columns > 0 && !isTTY {
		width = columns
	}
	err := r.WriteTable(out, report.TableOptions{
		Width: width,
		Color: isTTY && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb",
	})
	if err == nil && c.plot.on {
		err = c.plot.writePlots(out, width, s.Nets, series)
	}
	return err
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
	if p.recorder != nil {
		counted = newStepper(counted, p.recorder, p.table.Snapshot)
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
