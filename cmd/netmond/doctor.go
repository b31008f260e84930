package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kingpin/v2"
)

func addDoctor(app *kingpin.Application, commands map[string]func(context.Context) error, std streams) {
	cmd := app.Command("doctor", "Tell which capture paths would work on this machine, and what the others lack. Exit code 1 when none does.")
	ifaces := cmd.Flag("interface", "Interface to look at; else all Ethernet interfaces. Repeatable.").Short('i').PlaceHolder("IFACE").Strings()
	asJSON := cmd.Flag("json", "Print JSON.").Bool()
	commands[cmd.FullCommand()] = func(context.Context) error {
		d, err := examine(*ifaces)
		if err != nil {
			return err
		}
		out := bufio.NewWriter(std.out)
		if *asJSON {
			enc := json.NewEncoder(out)
			enc.SetIndent("", "  ")
			err = enc.Encode(d)
		} else {
			d.print(out)
		}
		if err == nil {
			err = out.Flush()
		}
		if err != nil {
			return fmt.Errorf("write result: %w", err)
		}
		if !d.Works {
			return errReported
		}
		return nil
	}
}

// A diagnosis is what doctor finds. The names of its JSON keys do not change.
type diagnosis struct {
	System       string            `json:"system"` // operating system, kernel and processor
	Works        bool              `json:"works"`  // some interface can be captured on
	Capabilities []capabilityState `json:"capabilities"`
	Features     []feature         `json:"features"`
	Interfaces   []interfaceHealth `json:"interfaces"`
	Advice       []string          `json:"advice"` // lines to copy
}

// A capabilityState says what a capability is for and whether this process has it.
type capabilityState struct {
	Name string `json:"name"`
	Have bool   `json:"have"`
	For  string `json:"for"`
}

// A feature is something of the kernel.
type feature struct {
	Name  string `json:"name"`
	Have  bool   `json:"have"`
	Needs string `json:"needs"` // least kernel
	Note  string `json:"note,omitempty"`
}

// An interfaceHealth is what there is to know of an interface.
type interfaceHealth struct {
	Name   string       `json:"name"`
	Driver string       `json:"driver"`
	Up     bool         `json:"up"`
	MTU    int          `json:"mtu"`
	Others []string     `json:"programs_attached"` // by anyone
	Notes  []string     `json:"notes"`
	Paths  []pathHealth `json:"paths"`
	Auto   string       `json:"auto_on_mirror_port"` // what capture.path auto takes there with mirror_port
}

// A pathHealth says whether a path would work.
type pathHealth struct {
	Path  string `json:"path"`
	Works bool   `json:"works"`
	How   string `json:"how"`           // how that was found out: tried, or by what the kernel says
	Why   string `json:"why,omitempty"` // it does not
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "NO"
}

// print writes d for people.
func (d *diagnosis) print(w io.Writer) {
	fmt.Fprintf(w, "%s\n\nCapabilities\n", d.System)
	for _, c := range d.Capabilities {
		fmt.Fprintf(w, "  %-15s %-4s %s\n", c.Name, yes(c.Have), c.For)
	}
	fmt.Fprintf(w, "\nKernel\n")
	for _, f := range d.Features {
		fmt.Fprintf(w, "  %-30s %-4s needs %s%s\n", f.Name, yes(f.Have), f.Needs, prefixed("; ", f.Note))
	}
	for _, i := range d.Interfaces {
		state := "up"
		if !i.Up {
			state = "down"
		}
		fmt.Fprintf(w, "\nInterface %s (%s, %s, MTU %d)\n", i.Name, i.Driver, state, i.MTU)
		for _, p := range i.Paths {
			fmt.Fprintf(w, "  %-12s %-4s %s%s\n", p.Path, yes(p.Works), p.How, prefixed(": ", p.Why))
		}
		fmt.Fprintf(w, "  auto on a mirror port takes %s\n", i.Auto)
		for _, o := range i.Others {
			fmt.Fprintf(w, "  attached: %s\n", o)
		}
		for _, n := range i.Notes {
			fmt.Fprintf(w, "  note: %s\n", n)
		}
	}
	if len(d.Advice) > 0 {
		fmt.Fprintf(w, "\nTo have what is missing, one of\n")
		for _, a := range d.Advice {
			fmt.Fprintf(w, "  %s\n", strings.ReplaceAll(a, "\n", "\n  "))
		}
	}
}

// prefixed is text behind sep, or nothing.
func prefixed(sep, text string) string {
	if text == "" {
		return ""
	}
	return sep + text
}
