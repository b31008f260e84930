package main

import (
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"strings"

	"github.com/alecthomas/units"

	"github.com/netmond/netmond/capture"
)

// capturing holds the flags of run that concern interfaces.
type capturing struct {
	interfaces          *[]string
	ring                *units.Base2Bytes
	workers             *int
	ringSet, workersSet bool
	live                capture.LiveConfig
}

// maxDefaultWorkers bounds the workers of an interface that nobody has asked for.
const maxDefaultWorkers = 8

func addCapturingFlags(cmd flagGroup) *capturing {
	c := &capturing{live: capture.DefaultLiveConfig()}
	c.interfaces = cmd.Flag("interface", "Interface to capture on: the one that the mirror port feeds. Repeatable, or comma separated. Needs CAP_NET_RAW.").
		Short('i').PlaceHolder("IFACE").Strings()
	c.workers = cmd.Flag("workers", fmt.Sprintf("Workers of each interface, each with a socket, a part of the ring and at most a core's work; the kernel shares the flows out among them. At most %d (default: the cores divided by the interfaces, at most %d).", capture.MaxWorkers, maxDefaultWorkers)).
		PlaceHolder("N").IsSetByUser(&c.workersSet).Int()
	c.ring = cmd.Flag("ring-size", "Memory of the capture ring of each interface, which its workers share out.").
		Default("64MiB").IsSetByUser(&c.ringSet).Bytes()
	cmd.Flag("snaplen", "Bytes captured of each frame; 0 is all. The wire length always counts.").
		Default(fmt.Sprint(c.live.Snaplen)).IntVar(&c.live.Snaplen)
	cmd.Flag("promiscuous", "See frames for other stations.").Default("true").BoolVar(&c.live.Promiscuous)
	cmd.Flag("ignore-outgoing", "Do not see frames that this machine sends.").BoolVar(&c.live.IgnoreOutgoing)
	return c
}

// names are the interfaces asked for, in order.
func (c *capturing) names() ([]string, error) {
	var list []string
	for _, arg := range *c.interfaces {
		for name := range strings.SplitSeq(arg, ",") {
			name = strings.TrimSpace(name)
			switch {
			case name == "":
				return nil, usageError{fmt.Errorf("--interface %q: an interface has no name", arg)}
			case slices.Contains(list, name):
				return nil, usageError{fmt.Errorf("--interface %s: named twice, its frames would count twice", name)}
			}
			list = append(list, name)
		}
	}
	return list, nil
}

// chooseWorkers settles the number of workers of each of n interfaces on this many cores. A small ring
// has fewer, unless a number is asked for.
func (c *capturing) chooseWorkers(n, cores int) error {
	if c.workersSet {
		if *c.workers < 1 || *c.workers > capture.MaxWorkers {
			return usageError{fmt.Errorf("--workers %d: want 1 to %d", *c.workers, capture.MaxWorkers)}
		}
		return nil
	}
	*c.workers = max(1, min(cores/max(n, 1), maxDefaultWorkers, int(int64(*c.ring)/leastRing)))
	return nil
}

// demand is what a memory budget has to hold for the capture from n interfaces.
func (c *capturing) demand(n int) ringDemand {
	d := ringDemand{interfaces: n, workers: *c.workers, workersSet: c.workersSet}
	if c.ringSet {
		d.ring = int64(*c.ring)
	}
	return d
}

// cores is how many processors the program may use.
func cores() int { return runtime.GOMAXPROCS(0) }

// ownPrefixes are the networks of the interfaces' own addresses.
func ownPrefixes(names []string) (own []netip.Prefix) {
	list, err := capture.Interfaces()
	if err != nil {
		return nil
	}
	for _, i := range list {
		if slices.Contains(names, i.Name) {
			own = append(own, i.Addrs...)
		}
	}
	return own
}

// oneInput says whether exactly one of interfaces and files is given.
func oneInput(interfaces, files []string) error {
	if (len(interfaces) == 0) == (len(files) == 0) {
		return usageError{errors.New("give one of -i IFACE and -r FILE")}
	}
	return nil
}
