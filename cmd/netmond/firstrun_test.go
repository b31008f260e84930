package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/netmond/netmond/capture"
	"github.com/netmond/netmond/config"
)

// What is named is taken; only where nothing is, an interface is chosen.
func TestChooseInterface(t *testing.T) {
	for _, c := range []struct {
		iface config.Strings
		files []string
	}{{config.Strings{"eth0"}, nil}, {nil, []string{"x"}}, {config.Strings{"eth0"}, []string{"x"}}} {
		o := &options{Config: (*config.Config)(nil).With(&config.Config{Capture: config.Capture{Interface: c.iface}})}
		if err := o.chooseInterface(c.files, io.Discard); err != nil || !slices.Equal(o.Capture.Interface, c.iface) {
			t.Errorf("-i %v -r %v: chosen %v, %v", c.iface, c.files, o.Capture.Interface, err)
		}
	}
}

func TestWithGrant(t *testing.T) {
	err := withGrant(fmt.Errorf("open: %w", capture.ErrPermission))
	if !errors.Is(err, capture.ErrPermission) || !strings.Contains(err.Error(), "sudo setcap cap_net_raw+ep /") {
		t.Errorf("%v", err)
	}
	if err := withGrant(io.EOF); err != io.EOF {
		t.Errorf("another error became %v", err)
	}
	if got := quoted("/a b/it's"); got != `'/a b/it'\''s'` {
		t.Errorf("quoted: %s", got)
	}
}

func TestGreeting(t *testing.T) {
	d := playDemo(t, time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC), 20*time.Second)
	var b strings.Builder
	writeGreeting(&b, d.table.Snapshot(), []capture.Stats{{Interface: "eth1", Path: "afpacket", Reason: "it works everywhere"}}, 7)
	for _, want := range []string{" captured, 7 packets lost\n  eth1 by afpacket: it works everywhere\n", "\n  offices  ", "in "} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing in\n%s", want, b.String())
		}
	}
	if n := strings.Count(b.String(), "inner"); n != 3 {
		t.Errorf("%d networks in\n%s", n, b.String())
	}
}
