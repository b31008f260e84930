package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	toolkit "github.com/prometheus/exporter-toolkit/web"

	"github.com/netmond/netmond/capture"
	"github.com/netmond/netmond/config"
	"github.com/netmond/netmond/flows"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/report"
)

// greetTime is by when the busiest networks are shown.
const greetTime = 10 * time.Second

// chooseInterface settles what run reads where neither interfaces nor files are named: the interface that
// stands out, of which it tells errw.
func (o *options) chooseInterface(files []string, errw io.Writer) error {
	if len(o.Capture.Interface) > 0 || len(files) > 0 {
		return nil
	}
	c, err := capture.ChooseInterface()
	if err != nil {
		return usageError{fmt.Errorf("give one of -i IFACE and -r FILE (netmond demo needs neither): %w", err)}
	}
	fmt.Fprintf(errw, "netmond: capturing on %s, %s (-i names another)\n", c.Interface, c.Why)
	o.Capture.Interface = config.Strings{c.Interface}
	return nil
}

// withGrant adds to an error for want of privileges the command that gives them.
func withGrant(err error) error {
	if !errors.Is(err, capture.ErrPermission) {
		return err
	}
	path, pathErr := os.Executable()
	if pathErr == nil {
		path, pathErr = filepath.EvalSymlinks(path) // setcap does not follow a link
	}
	if pathErr != nil {
		return err
	}
	return fmt.Errorf("%w\nthis gives it to netmond for good:  sudo setcap cap_net_raw+ep %s", err, quoted(path))
}

// quoted is path as a shell takes it for one word.
func quoted(path string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+:", r)
	}
	if strings.IndexFunc(path, func(r rune) bool { return !plain(r) }) < 0 {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

// greet tells a person at a terminal where the page is, and within ten seconds what was seen.
func (d *daemon) greet(ctx context.Context, listen *toolkit.FlagConfig) {
	if _, isTTY := terminal(d.std.err); !isTTY || len(d.sources()) == 0 {
		return
	}
	page := pageURL(listen)
	inTerminal := "netmond top"
	if page != "http://"+defaultListen+"/" {
		inTerminal += " --url " + quoted(strings.TrimSuffix(page, "/"))
	}
	fmt.Fprintf(d.std.err, "\n  %s  (in a terminal: %s)\n\n", page, inTerminal)
	go func() { // ends after greetTime or with ctx
		for deadline := time.Now().Add(greetTime - time.Second); ; {
			if sleep(ctx, time.Second) != nil {
				return
			}
			v := d.view()
			if s := v.Snapshot; time.Now().After(deadline) || s.Capture.Packets >= greetPackets {
				writeGreeting(d.std.err, s, d.sources(), lost(&v).Packets)
				return
			}
		}
	}()
}

// greetPackets is when there is enough to tell of.
const greetPackets = 1000

// writeGreeting tells how the capture does, and the three busiest networks.
func writeGreeting(w io.Writer, s *flows.Snapshot, sources []capture.Stats, lost uint64) {
	fmt.Fprintf(w, "\n  %d packets, %s captured, %d packets lost\n", s.Capture.Packets, report.Bytes(s.Capture.Bytes), lost)
	for i := range sources {
		line := "  " + sources[i].Interface + " by " + sources[i].Path
		if sources[i].Reason != "" {
			line += ": " + sources[i].Reason
		}
		fmt.Fprintln(w, line)
	}
	busiest := slices.Clone(s.Nets.Networks)
	all := func(n *localnets.NetworkStats) (sum uint64) {
		for _, c := range n.Traffic {
			sum += c.Bytes
		}
		return sum
	}
	slices.SortStableFunc(busiest, func(a, b localnets.NetworkStats) int { return cmp.Compare(all(&b), all(&a)) })
	shown := 0
	for i := range busiest {
		n := &busiest[i]
		if all(n) == 0 || shown == 3 {
			break
		}
		shown++
		t := &n.Traffic
		fmt.Fprintf(w, "  %-24s in %-10s out %-10s inner %s\n", cmp.Or(n.Alias, n.Prefix.String()),
			report.Bytes(t[localnets.Ingress].Bytes), report.Bytes(t[localnets.Egress].Bytes), report.Bytes(t[localnets.Inner].Bytes))
	}
	if shown == 0 {
		fmt.Fprintln(w, "  no traffic of a local network yet: name yours with -m (netmond networks suggest finds them)")
	}
	fmt.Fprintln(w)
}
