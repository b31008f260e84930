package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/version"
	"github.com/rogpeppe/go-internal/diff"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/flows"
	"github.com/netmond/netmond/lua"
	"github.com/netmond/netmond/lua/checks"
	"github.com/netmond/netmond/lua/engine"
)

// maxExpected bounds what --expect compares, bytes.
const maxExpected = 64 << 20

func addCheck(app *kingpin.Application, commands map[string]func(context.Context) error, std streams) {
	cmd := app.Command("check", "Run Lua checks over capture files, on the clock of the capture: for each local network, every minute, 5 minutes, hour and day.")
	acc := addAccountingFlags(cmd)
	cfg := engine.DefaultConfig()
	cfg.ReloadInterval, cfg.AllEnabled = 0, true
	cfg.MaxBackOff = 1 // none: an author wants to see each run
	dirs := cmd.Flag("scripts-dir", "Folder that require reads modules from, besides the script's own. Repeatable.").PlaceHolder("DIR").Strings()
	cmd.Flag("timeout", "Longest time that one run of a check on one network may take.").Default(cfg.Limits.Time.String()).DurationVar(&cfg.Limits.Time)
	memory := cmd.Flag("script-memory", "Most memory that one run of a check may take.").Default("64MiB").Bytes()
	ntopng := cmd.Flag("ntopng-shape", "Give ingress, egress and inner as plain numbers, as ntopng does.").Bool()
	settings := cmd.Flag("set", "Setting of the check, over its default: a number, true, false or text. Repeatable.").PlaceHolder("NAME=VALUE").Strings()
	expect := cmd.Flag("expect", "File with the output that is expected: print the differences, and end with 1 when there are any.").PlaceHolder("FILE").ExistingFile()
	script := cmd.Arg("SCRIPT|DIR", "A check, a folder of checks, or the name of a check that netmond brings (docs/checks.md).").Required().String()
	files := cmd.Arg("FILE", "Capture files, as for netmond read. Without any, the checks are loaded and listed.").Strings()
	commands[cmd.FullCommand()] = func(ctx context.Context) error {
		p, err := acc.build(nil, false, ringDemand{})
		if err != nil {
			return err
		}
		if p.plan != nil {
			p.plan.apply(slog.New(slog.DiscardHandler))
		}
		out := &output{w: bufio.NewWriter(std.out)}
		if *expect != "" {
			if err := out.expect(*expect); err != nil {
				return err
			}
		}
		r := &checkReplay{pipeline: p, out: out, err: std.err}
		cfg.ScriptsDirs = *dirs
		cfg.Limits.Memory = int64(*memory)
		cfg.Interface = lua.Interface{Name: strings.Join(*files, ",")}
		cfg.Version = version.Version
		if *ntopng {
			cfg.Shape = lua.ShapeNtopng
		}
		if err := r.open(cfg, *script, *settings); err != nil {
			return err
		}
		defer r.engine.Close()
		if len(*files) == 0 {
			err = r.list()
		} else {
			err = r.run(ctx, *files, std)
		}
		if done := out.finish(); done != nil && (err == nil || errors.Is(err, errReported)) {
			err = done
		}
		return err
	}
}

// open makes the engine that runs one check, or those of a folder.
func (r *checkReplay) open(cfg engine.Config, script string, settings []string) error {
	values, err := parseSettings(settings)
	if err != nil {
		return usageError{err}
	}
	alerting := alerts.DefaultConfig()
	alerting.Now = func() int64 { return r.last / int64(time.Second) }
	r.sink = alerts.NewMem(alerting)
	deps := engine.Deps{
		Log:   slog.New(slog.DiscardHandler), // OnRun has what the log would, and Status the rest
		Store: r.sink, OnRun: r.show, Now: func() time.Time { return time.Unix(0, r.last) },
	}
	info, err := os.Stat(script)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		i := slices.IndexFunc(checks.List(), func(c checks.Check) bool { return c.Name == script })
		if i < 0 {
			return fmt.Errorf("%s: no such file, and no check of this name comes with netmond", script)
		}
		for name := range values {
			if !slices.ContainsFunc(checks.List()[i].Settings, func(s checks.Setting) bool { return s.Name == name }) {
				return usageError{fmt.Errorf("--set %s: %s has no such setting", name, script)}
			}
		}
		cfg.Only, deps.Shipped = []string{script}, checks.FS
		// The folders are for modules; a check in one must not take the name.
		cfg.ScriptsDirs = nil
	case err != nil:
		return err
	case info.IsDir():
		if len(values) > 0 {
			return usageError{errors.New("--set is for one check, and this is a folder")}
		}
		cfg.ScriptsDirs = append([]string{script}, cfg.ScriptsDirs...)
	default:
		key, isLua := strings.CutSuffix(filepath.Base(script), ".lua")
		if !isLua {
			return fmt.Errorf("%s: the name of a check ends in .lua", script)
		}
		cfg.Only = []string{key}
		cfg.ScriptsDirs = append([]string{filepath.Dir(script)}, cfg.ScriptsDirs...)
	}
	if len(values) > 0 {
		cfg.Checks = map[string]engine.CheckConfig{cfg.Only[0]: {Config: values}}
	}
	if r.engine, err = engine.New(cfg, deps); err != nil {
		return usageError{err}
	}
	r.engine.Reload()
	list := r.engine.Status()
	if len(list) == 0 {
		return fmt.Errorf("%s: no check is there", script)
	}
	broken := 0
	for _, c := range list {
		if c.LoadErr != "" {
			broken++
			fmt.Fprintf(r.err, "netmond: %s\n", printable(c.LoadErr))
		}
	}
	if broken == len(list) {
		r.engine.Close()
		return errReported
	}
	r.broken, r.many = broken, len(list) > 1
	return nil
}

// list shows the checks that were loaded.
func (r *checkReplay) list() error {
	for _, c := range r.engine.Status() {
		if c.LoadErr != "" {
			continue
		}
		hooks := make([]string, len(c.Hooks))
		for i, h := range c.Hooks {
			hooks[i] = h.String()
		}
		fmt.Fprintf(r.out, "%s: style %s, runs every %s\n", c.Key, c.Style, strings.Join(hooks, ", "))
	}
	if r.broken > 0 {
		return errReported
	}
	return nil
}

// run replays files through the checks.
func (r *checkReplay) run(ctx context.Context, files []string, std streams) error {
	errs, err := r.readFiles(ctx, files, std, func(now int64) error { return r.tick(ctx, now) })
	if err == nil {
		err = r.finish(ctx)
	}
	if err != nil {
		return err
	}
	if err := r.out.flush(); err != nil {
		return err
	}
	r.summary()
	if len(errs) > 0 || r.failed > 0 || r.broken > 0 {
		return errReported
	}
	return nil
}

// parseSettings reads NAME=VALUE. What reads as a number or a truth value is one.
func parseSettings(list []string) (map[string]any, error) {
	settings := map[string]any{}
	for _, entry := range list {
		name, text, ok := strings.Cut(entry, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("--set %s: want NAME=VALUE", entry)
		}
		if _, twice := settings[name]; twice {
			return nil, fmt.Errorf("--set %s: %s is set twice", entry, name)
		}
		settings[name] = text
		if v, err := strconv.ParseFloat(text, 64); err == nil {
			settings[name] = v
		} else if text == "true" || text == "false" {
			settings[name] = text == "true"
		}
	}
	return settings, nil
}

// A checkReplay runs checks along a replay's clock.
type checkReplay struct {
	*pipeline
	engine *engine.Engine
	sink   *alerts.Mem
	out    *output   // what the checks say
	err    io.Writer // what went wrong

	last         int64 // clock, ns since the Unix epoch
	broken       int   // checks that could not be loaded
	many         bool  // there is more than one
	runs, failed int
	engaged      int // alerts engaged or recorded
}

// tick runs what became due between the tick before and now.
func (r *checkReplay) tick(ctx context.Context, now int64) error {
	r.last = now
	return r.engine.RunDue(ctx, now, r.table.Snapshot().Nets)
}

// finish lets the last minute that was begun end, so that a short capture is checked too.
func (r *checkReplay) finish(ctx context.Context) error {
	s := r.table.Snapshot()
	if s.Capture.Packets == 0 {
		return nil
	}
	end := lastMinute(s)
	if end <= r.last {
		return nil
	}
	r.table.Tick(end)
	return r.tick(ctx, end)
}

// lastMinute is when the last minute that s's capture began ends, ns since the Unix epoch.
func lastMinute(s *flows.Snapshot) int64 {
	const minute = int64(time.Minute)
	end := s.Capture.Last / minute * minute
	if end < s.Capture.Last {
		end += minute
	}
	return end
}

// show prints one run: what it printed, what it returned, and what became of its alerts.
func (r *checkReplay) show(run engine.RunReport) {
	r.runs++
	name := run.Network.Prefix.String()
	if run.Network.Alias != "" {
		name += " " + run.Network.Alias
	}
	head := fmt.Sprintf("%s %s %s: ", time.Unix(0, run.Time).UTC().Format(time.DateTime), run.Periodicity, name)
	if r.many {
		head += run.Check + ": "
	}
	for line := range strings.Lines(run.Output) {
		fmt.Fprintf(r.out, "%s%s\n", head, printable(strings.TrimSuffix(line, "\n")))
	}
	if len(run.Values) > 0 {
		fmt.Fprintf(r.out, "%sreturned %s\n", head, printable(strings.Join(run.Values, ", ")))
	}
	for _, e := range r.sink.Events() {
		if e.Kind != alerts.Released {
			r.engaged++
		}
		fmt.Fprintf(r.out, "%salert %s: %s, score %d, %s\n", head, e.Kind, printable(e.Alert.Key.Key), e.Alert.Score, printable(e.Alert.JSON))
	}
	for _, w := range run.Warnings {
		fmt.Fprintf(r.err, "netmond: %swarning: %s\n", head, printable(w))
	}
	if run.Outcome != engine.OK {
		r.failed++
		fmt.Fprintf(r.err, "netmond: %s%s: %s\n", head, run.Outcome, printable(run.Err))
	}
}

// summary tells how the whole replay went.
func (r *checkReplay) summary() {
	var wrong, skipped uint64
	var spent time.Duration
	var names []string
	for _, c := range r.engine.Status() {
		wrong += c.Misused
		skipped += c.Runs[engine.Skipped]
		spent += c.Spent
		if c.LoadErr == "" {
			names = append(names, c.Key)
		}
	}
	name := names[0]
	if len(names) > 1 {
		name = fmt.Sprintf("%d checks", len(names))
	}
	after := ""
	if skipped > 0 {
		after = fmt.Sprintf(" and %d skipped after that", skipped)
	}
	fmt.Fprintf(r.err, "netmond: %s: %d runs over %d networks, %d failed%s, %d wrong API calls, %d alerts, %v in Lua\n",
		name, r.runs, len(r.networks), r.failed, after, wrong, r.engaged, spent.Round(time.Microsecond))
}

// An output goes to standard output, or with an expectation is kept and compared.
type output struct {
	w    *bufio.Writer
	file string // with what is expected, or ""
	want []byte
	got  bytes.Buffer
	over bool
}

func (o *output) expect(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("--expect: %w", err)
	}
	defer f.Close()
	o.want, err = io.ReadAll(io.LimitReader(f, maxExpected+1))
	switch {
	case err != nil:
		return fmt.Errorf("--expect: %w", err)
	case len(o.want) > maxExpected:
		return fmt.Errorf("--expect: %s has more than %d bytes", file, maxExpected)
	}
	o.file = file
	return nil
}

// Write implements io.Writer.
func (o *output) Write(b []byte) (int, error) {
	if o.file == "" {
		return o.w.Write(b)
	}
	if o.got.Len()+len(b) > maxExpected {
		o.over = true
		return len(b), nil
	}
	return o.got.Write(b)
}

func (o *output) flush() error {
	if err := o.w.Flush(); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	return nil
}

// finish writes what is left, or the differences to what was expected.
func (o *output) finish() error {
	different := false
	if o.file != "" && (o.over || !bytes.Equal(o.want, o.got.Bytes())) {
		different = true
		o.w.Write(diff.Diff(o.file, o.want, "output", o.got.Bytes())) // Flush has the error
	}
	if err := o.flush(); err != nil {
		return err
	}
	if different {
		return errReported
	}
	return nil
}

// printable replaces what a terminal would interpret: script output is not trusted.
func printable(s string) string {
	return strings.Map(func(c rune) rune {
		if c == '\t' || c >= 0x20 && c != 0x7f && (c < 0x80 || c > 0x9f) {
			return c
		}
		return '\uFFFD'
	}, s)
}
