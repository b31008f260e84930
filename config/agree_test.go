package config_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/capture"
	"github.com/netmond/netmond/config"
	"github.com/netmond/netmond/flows"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/lua/engine"
	"github.com/netmond/netmond/metrics"
	"github.com/netmond/netmond/packet"
)

// The defaults that the table tells are those of the packages.
func TestDefaultsOfPackages(t *testing.T) {
	live, kept, scripts := capture.DefaultLiveConfig(), alerts.DefaultConfig(), engine.DefaultConfig()
	size := func(n int64) string { return config.Size(n).String() }
	span := func(d time.Duration) string { return config.Duration(d).String() }
	for key, want := range map[string]string{
		"capture.ring_size":       size(int64(live.RingBytes)),
		"capture.snaplen":         strconv.Itoa(live.Snaplen),
		"capture.promiscuous":     strconv.FormatBool(live.Promiscuous),
		"capture.ignore_outgoing": strconv.FormatBool(live.IgnoreOutgoing),
		"accounting.max_hosts":    strconv.Itoa(localnets.DefaultConfig().MaxHosts),
		"metrics.matrix_series":   strconv.Itoa(metrics.DefaultMatrixSeries),
		"scripts.limits.time":     span(scripts.Limits.Time),
		"scripts.limits.memory":   size(scripts.Limits.Memory),
		"scripts.max":             strconv.Itoa(scripts.MaxScripts),
		"scripts.reload_interval": span(scripts.ReloadInterval),
		"alerts.max_history":      strconv.Itoa(kept.MaxRows),
		"alerts.retention":        span(kept.MaxAge),
	} {
		if got := config.DefaultText(key); got != want {
			t.Errorf("%s: the table has the default %s, the package %s", key, got, want)
		}
	}
}

// The ends of the ranges that the table tells are taken by the packages, and what is beyond is not.
func TestRangesOfPackages(t *testing.T) {
	valid := map[string]func(n int64) error{
		"capture.ring_size": func(n int64) error {
			c := capture.DefaultLiveConfig()
			c.Interface, c.RingBytes = "eth1", int(n)
			return c.Validate()
		},
		"capture.snaplen": func(n int64) error {
			c := capture.DefaultLiveConfig()
			c.Interface, c.Snaplen = "eth1", int(n)
			return c.Validate()
		},
		"accounting.max_flows": func(n int64) error {
			c := flows.DefaultConfig()
			c.MaxFlows = int(n)
			return c.Validate()
		},
		"accounting.max_hosts": func(n int64) error {
			c := localnets.DefaultConfig()
			c.MaxHosts = int(n)
			return c.Validate()
		},
		"accounting.host_idle_timeout": func(n int64) error {
			c := localnets.DefaultConfig()
			c.HostIdleTimeout = time.Duration(n)
			return c.Validate()
		},
		"scripts.limits.time": func(n int64) error {
			c := engine.DefaultConfig()
			c.Limits.Time = time.Duration(n)
			return c.Validate()
		},
		"scripts.limits.memory": func(n int64) error {
			c := engine.DefaultConfig()
			c.Limits.Memory = n
			return c.Validate()
		},
		"scripts.max": func(n int64) error {
			c := engine.DefaultConfig()
			c.MaxScripts = int(n)
			return c.Validate()
		},
		"scripts.reload_interval": func(n int64) error {
			c := engine.DefaultConfig()
			c.ReloadInterval = time.Duration(n)
			return c.Validate()
		},
		"alerts.retention": func(n int64) error {
			c := alerts.DefaultConfig()
			c.MaxAge = time.Duration(n)
			return c.Validate()
		},
		"alerts.max_history": func(n int64) error {
			c := alerts.DefaultConfig()
			c.MaxRows = int(n)
			return c.Validate()
		},
	}
	// Narrower here than there, on purpose: no check runs in less than a millisecond, and nothing is
	// looked at more often than ten times a second; 0 hosts and 0 flows stand for the default there.
	narrower := map[string]bool{"scripts.limits.time": true, "scripts.reload_interval": true, "accounting.max_hosts": true, "accounting.max_flows": true}
	for key, validate := range valid {
		least, most, or := config.RangeOf(key)
		for _, n := range append([]int64{least, most}, or...) {
			if err := validate(n); err != nil {
				t.Errorf("%s: %d is in the table's range, but: %v", key, n, err)
			}
		}
		if validate(least-1) == nil && !narrower[key] {
			t.Errorf("%s: %d is below the table's range, and is taken", key, least-1)
		}
		if most < 1<<62 && validate(most+1) == nil {
			t.Errorf("%s: %d is above the table's range, and is taken", key, most+1)
		}
	}
}

func TestDecapOfPackage(t *testing.T) {
	words := config.WordsOf("accounting.decap")
	if _, err := packet.ParseDecap(words...); err != nil {
		t.Error(err)
	}
	if got, want := strings.Join(words, ","), packet.DecapAll; len(words) != 2+strings.Count(listOf(want), ",")+1 {
		t.Errorf("the table has %s, the package %s", got, listOf(want))
	}
}

// listOf spells out each tunnel of d.
func listOf(d packet.Decap) string {
	var names []string
	for kind := packet.Decap(1); kind&d != 0; kind <<= 1 {
		names = append(names, kind.String())
	}
	return strings.Join(names, ",")
}
