package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/capture"
	"github.com/netmond/netmond/config"
	"github.com/netmond/netmond/lua/checks"
	"github.com/netmond/netmond/lua/engine"
)

func addCheckConfig(app *kingpin.Application, commands map[string]func(context.Context) error, std streams) {
	cmd := app.Command("check-config", "Check a configuration file as netmond run would take it, all but what needs privileges or sockets, and print what is wrong or what would run.")
	file := cmd.Arg("FILE", "Configuration file (docs/configuration.md).").Required().String()
	commands[cmd.FullCommand()] = func(context.Context) error {
		o, err := (&configFlags{file: *file}).load()
		if err != nil {
			return tellFaults(std.err, err)
		}
		o.dry = true
		s, err := o.setup(nil)
		if err != nil {
			return tellFaults(std.err, err)
		}
		status, err := loadChecks(s)
		if err != nil {
			return tellFaults(std.err, err)
		}
		for _, w := range o.warnings(s, status) {
			fmt.Fprintf(std.err, "warning: %s\n", printable(w.Error()))
		}
		out := bufio.NewWriter(std.out)
		describe(out, *file, o.kernelPath(len(s.ifaces)).describe(), s, status)
		if err := out.Flush(); err != nil {
			return fmt.Errorf("write result: %w", err)
		}
		return nil
	}
}

// tellFaults prints what is wrong, a line for each.
func tellFaults(w io.Writer, err error) error {
	for line := range strings.Lines(err.Error()) {
		fmt.Fprintln(w, printable(strings.TrimSuffix(line, "\n")))
	}
	fmt.Fprint(w, excerpt(err))
	return errReported
}

// loadChecks loads the checks as a start does, and runs none.
func loadChecks(s *setup) ([]engine.CheckStatus, error) {
	if s.checks == nil {
		return nil, nil
	}
	e, err := engine.New(*s.checks, engine.Deps{
		Log: slog.New(slog.DiscardHandler), Store: alerts.NewMem(alerts.DefaultConfig()), Shipped: checks.FS,
	})
	if err != nil {
		return nil, err
	}
	defer e.Close()
	e.Reload()
	return e.Status(), nil
}

// warnings are what would not keep netmond from starting.
func (o *options) warnings(s *setup, status []engine.CheckStatus) []fault {
	list := o.checkWarnings(status, s.registry.Networks())
	for _, c := range status {
		if c.LoadErr != "" {
			list = append(list, fault{err: fmt.Errorf("check %s cannot be loaded: %s", c.Key, c.LoadErr)})
		}
	}
	if len(o.interfaces()) == 0 {
		list = append(list, fault{at: o.Pos("capture"), err: errors.New("no capture.interface: it has to be given by -i")})
	}
	if ifaces, err := capture.Interfaces(); err == nil {
		for _, name := range o.interfaces() {
			if !slices.ContainsFunc(ifaces, func(i capture.InterfaceInfo) bool { return i.Name == name }) {
				list = append(list, fault{at: o.Pos("capture", "interface"), err: fmt.Errorf("this machine has no interface %s", name)})
			}
		}
	}
	if s.alerts.Dir == "" {
		list = append(list, fault{at: o.Pos("data_dir"), err: errors.New("no data_dir: alerts are lost when netmond ends")})
	}
	return list
}

// describe tells what would run.
func describe(w io.Writer, file, path string, s *setup, status []engine.CheckStatus) {
	fmt.Fprintf(w, "%s is valid. It would run:\n", file)
	networks := networkCount(len(s.registry.Networks()))
	if s.assumed {
		networks += " (none given: the interface's own and private, link-local and loopback space)"
	}
	fmt.Fprintf(w, "  networks    %s\n", networks)
	fmt.Fprintf(w, "  capture     %s, ring %v, workers %d\n", cmp.Or(strings.Join(s.ifaces, ", "), "(no interface)"), config.Size(s.live.RingBytes), s.live.Workers)
	fmt.Fprintf(w, "  path        %s\n", path)
	fmt.Fprintf(w, "  flows       %d at most\n", s.table.Snapshot().Table.Capacity)
	if s.plan != nil {
		fmt.Fprintf(w, "  memory      %v\n", size(s.plan.Budget))
	}
	if n := s.places.Load().Bytes(); n > 0 {
		fmt.Fprintf(w, "  geoip       %v of databases\n", size(n))
	}
	fmt.Fprintf(w, "  listen      %s\n", strings.Join(*s.web.Listen.WebListenAddresses, ", "))
	dir := s.alerts.Dir
	if dir == "" {
		dir = "in memory"
	}
	fmt.Fprintf(w, "  alerts      %s, past ones for %v, %d at most\n", dir, config.Duration(s.alerts.MaxAge), s.alerts.MaxRows)
	if s.checks == nil {
		fmt.Fprintln(w, "  checks      none")
		return
	}
	var names []string
	for _, c := range status {
		if c.LoadErr == "" && c.Enabled {
			names = append(names, c.Key)
		}
	}
	fmt.Fprintf(w, "  checks      %d of %d enabled", len(names), len(status))
	if len(names) > 0 {
		fmt.Fprintf(w, ": %s", strings.Join(names, ", "))
	}
	fmt.Fprintf(w, "\n  limits      %v and %v a run\n", s.checks.Limits.Time.Round(time.Millisecond), config.Size(s.checks.Limits.Memory))
}
