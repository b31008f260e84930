package main

import (
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"strings"

	"github.com/netmond/netmond/capture"
	"github.com/netmond/netmond/config"
)

// maxDefaultWorkers bounds the workers of an interface that nobody has asked for.
const maxDefaultWorkers = 8

// interfaces are those to capture on, in order. Several may stand in one text, with commas between.
func (o *options) interfaces() []string {
	var list []string
	for i, arg := range o.Capture.Interface {
		for name := range strings.SplitSeq(arg, ",") {
			switch name = strings.TrimSpace(name); {
			case name == "":
				o.wrong(fmt.Errorf("%q: an interface has no name", arg), "capture", "interface", fmt.Sprint(i))
			case slices.Contains(list, name):
				o.wrong(fmt.Errorf("%s: named twice, its frames would count twice", name), "capture", "interface", fmt.Sprint(i))
			default:
				list = append(list, name)
			}
		}
	}
	return list
}

// liveCapture is the configuration of the capture, the same for each of the interfaces but its name. There
// may be none, to check the rest.
func (o *options) liveCapture(names []string) capture.LiveConfig {
	cfg := capture.DefaultLiveConfig()
	set := func(key string, change func(*capture.LiveConfig)) {
		change(&cfg)
		alone := capture.DefaultLiveConfig() // so that a fault is this key's
		alone.Interface = "lo"
		change(&alone)
		o.wrong(alone.Validate(), "capture", key)
	}
	c := &o.Capture
	for _, name := range names {
		set("interface", func(l *capture.LiveConfig) { l.Interface = name })
	}
	set("ring_size", func(l *capture.LiveConfig) { l.RingBytes = int(config.Or(c.RingSize, config.Size(l.RingBytes))) })
	set("snaplen", func(l *capture.LiveConfig) { l.Snaplen = int(config.Or(c.Snaplen, int64(l.Snaplen))) })
	cfg.Workers = o.workers(len(names))
	if ring := capture.DefaultLiveConfig(); c.Workers != nil || c.RingSize != nil {
		ring.Interface, ring.Workers, ring.RingBytes = "lo", cfg.Workers, cfg.RingBytes
		if ring.RingBytes%capture.MinBlockBytes == 0 { // else it is told of the ring's size
			o.wrong(ring.Validate(), "capture", "workers")
		}
	}
	cfg.Promiscuous = config.Or(c.Promiscuous, cfg.Promiscuous)
	cfg.Await = c.Wait != nil
	cfg.IgnoreOutgoing = config.Or(c.IgnoreOutgoing, cfg.IgnoreOutgoing)
	return cfg
}

// workers is the number of workers of each of n interfaces. Unless a number is asked for, the cores are
// shared out, and a small ring has fewer.
func (o *options) workers(n int) int {
	ring := int64(config.Or(o.Capture.RingSize, liveRing))
	return int(config.Or(o.Capture.Workers, int64(max(1, min(cores()/max(n, 1), maxDefaultWorkers, int(ring/leastRing))))))
}

// rings is what a memory budget has to hold for the capture from n interfaces.
func (o *options) rings(n int) ringDemand {
	return ringDemand{
		ring: int64(config.Or(o.Capture.RingSize, 0)), interfaces: n, workers: o.workers(n), workersSet: o.Capture.Workers != nil,
	}
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
