package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/lua"
	"github.com/netmond/netmond/lua/checks"
)

// maxTimeouts is how many runs in a row may reach the time limit before a check is given up.
const maxTimeouts = 3

func addCheck(app *kingpin.Application, commands map[string]func(context.Context) error, std streams) {
	cmd := app.Command("check", "Run a Lua check over capture files: for each local network, at each minute of capture time.")
	acc := addAccountingFlags(cmd)
	dirs := cmd.Flag("scripts-dir", "Folder that require reads modules from, besides the script's own. Repeatable.").PlaceHolder("DIR").Strings()
	limit := cmd.Flag("timeout", "Longest time that one run of the check may take.").Default(lua.DefaultTimeLimit.String()).Duration()
	ntopng := cmd.Flag("ntopng-shape", "Give ingress, egress and inner as plain numbers, as ntopng does.").Bool()
	settings := cmd.Flag("set", "Setting of the check, over its default: a number, true, false or text. Repeatable.").PlaceHolder("NAME=VALUE").Strings()
	script := cmd.Arg("SCRIPT", "The check: a file, or the name of one that netmond brings (docs/checks.md).").Required().String()
	files := cmd.Arg("FILE", "Capture files, as for netmond read.").Required().Strings()
	commands[cmd.FullCommand()] = func(ctx context.Context) error {
		p, err := acc.build(nil, false)
		if err != nil {
			return err
		}
		opts := lua.Options{
			ScriptDirs: *dirs,
			TimeLimit:  *limit,
			Interface:  lua.Interface{Name: strings.Join(*files, ",")},
		}
		if *ntopng {
			opts.Shape = lua.ShapeNtopng
		}
		r := &checkReplay{pipeline: p, err: std.err}
		alerting := alerts.DefaultConfig()
		alerting.Now = func() int64 { return r.last / int64(time.Second) }
		sink := alerts.NewMem(alerting)
		opts.Sink = sink
		if opts.Config, err = parseSettings(*settings); err != nil {
			return usageError{err}
		}
		check, err := loadCheck(ctx, *script, opts)
		if err != nil {
			return err
		}
		defer check.Close()
		out := bufio.NewWriter(std.out)
		r.check, r.sink, r.out = check, sink, out
		errs, err := p.readFiles(ctx, *files, std, func(now int64) error { return r.tick(ctx, now) })
		if err == nil {
			err = r.finish(ctx)
		}
		if flushed := out.Flush(); err == nil && flushed != nil {
			err = fmt.Errorf("write result: %w", flushed)
		}
		if err != nil {
			return err
		}
		r.summary()
		if len(errs) > 0 || r.failed > 0 {
			return errReported
		}
		return nil
	}
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

// loadCheck loads a script file, or a check that netmond brings where there is no such file.
func loadCheck(ctx context.Context, script string, opts lua.Options) (*lua.Check, error) {
	if _, err := os.Stat(script); !errors.Is(err, fs.ErrNotExist) {
		return lua.LoadCheck(ctx, script, opts)
	}
	for _, c := range checks.List() {
		if c.Name != script {
			continue
		}
		for name := range opts.Config {
			if !slices.ContainsFunc(c.Settings, func(s checks.Setting) bool { return s.Name == name }) {
				return nil, usageError{fmt.Errorf("--set %s: %s has no such setting", name, c.Name)}
			}
		}
		src, err := fs.ReadFile(checks.FS, c.Name+".lua")
		if err != nil {
			return nil, err
		}
		return lua.NewCheck(ctx, c.Name+".lua", string(src), opts)
	}
	return nil, fmt.Errorf("%s: no such file, and no check of this name comes with netmond", script)
}

// A checkReplay runs one check along a replay's clock.
type checkReplay struct {
	*pipeline
	check *lua.Check
	sink  *alerts.Mem
	out   io.Writer // what the check says
	err   io.Writer // what went wrong

	started      bool
	last         int64 // clock of the tick before, ns since the Unix epoch
	timeouts     int   // in a row
	runs, failed int
	engaged      int // alerts engaged or recorded
	spent        time.Duration
}

// tick runs what became due between the tick before and now.
func (r *checkReplay) tick(ctx context.Context, now int64) error {
	if !r.started {
		// The clock starts inside a second; periods that end with this very tick are due.
		r.started, r.last = true, now-int64(time.Second)
	}
	due := alerts.Due(r.last, now)
	r.last = now
	for _, period := range due {
		if !r.check.Runs(period) {
			continue
		}
		snap := r.table.Snapshot().Nets
		for id := range snap.Networks {
			result, err := r.check.RunNetwork(ctx, snap, int32(id), now, period)
			if err := ctx.Err(); err != nil {
				return err
			}
			r.show(&result, err)
			if !errors.Is(err, lua.ErrTimeLimit) {
				r.timeouts = 0
			} else if r.timeouts++; r.timeouts == maxTimeouts {
				return fmt.Errorf("%s: given up after %d runs in a row reached the time limit", r.check.Path, maxTimeouts)
			}
		}
	}
	return nil
}

// finish lets the last minute that was begun end, so that a short capture is checked too.
func (r *checkReplay) finish(ctx context.Context) error {
	s := r.table.Snapshot()
	if s.Capture.Packets == 0 {
		return nil
	}
	const minute = int64(time.Minute)
	end := s.Capture.Last / minute * minute
	if end < s.Capture.Last {
		end += minute
	}
	if r.started && end <= r.last {
		return nil
	}
	r.table.Tick(end)
	return r.tick(ctx, end)
}

// show prints one run: what it printed, what it returned, and what became of its alerts.
func (r *checkReplay) show(result *lua.Result, err error) {
	r.runs++
	r.spent += result.Duration
	name := result.Network.Prefix.String()
	if result.Network.Alias != "" {
		name += " " + result.Network.Alias
	}
	head := fmt.Sprintf("%s %s %s: ", time.Unix(0, result.Time).UTC().Format(time.DateTime), result.Periodicity, name)
	for line := range strings.Lines(result.Output) {
		fmt.Fprintf(r.out, "%s%s\n", head, printable(strings.TrimSuffix(line, "\n")))
	}
	if len(result.Values) > 0 {
		fmt.Fprintf(r.out, "%sreturned %s\n", head, printable(strings.Join(result.Values, ", ")))
	}
	for _, e := range r.sink.Events() {
		if e.Kind != alerts.Released {
			r.engaged++
		}
		fmt.Fprintf(r.out, "%salert %s: %s, score %d, %s\n", head, e.Kind, printable(e.Alert.Key.Key), e.Alert.Score, printable(e.Alert.JSON))
	}
	for _, w := range result.Warnings {
		fmt.Fprintf(r.err, "netmond: %swarning: %s\n", head, printable(w))
	}
	if err != nil {
		r.failed++
		fmt.Fprintf(r.err, "netmond: %s%s\n", head, printable(err.Error()))
	}
}

// summary tells how the whole replay went.
func (r *checkReplay) summary() {
	s := r.check.Stats()
	fmt.Fprintf(r.err, "netmond: %s: %d runs over %d networks, %d failed, %d wrong API calls, %d alerts, %v in Lua\n",
		r.check.Key, r.runs, len(r.networks), r.failed, s.ArgumentErrors, r.engaged, r.spent.Round(time.Microsecond))
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
