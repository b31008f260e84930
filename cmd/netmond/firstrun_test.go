package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/netmond/netmond/capture"
)

func TestInput(t *testing.T) {
	if _, err := input("eth0", []string{"x"}, io.Discard); !errors.As(err, new(usageError)) {
		t.Errorf("both given: %v", err)
	}
	if got, err := input("eth0", nil, io.Discard); got != "eth0" || err != nil {
		t.Errorf("-i eth0: %q, %v", got, err)
	}
	if got, err := input("", []string{"x"}, io.Discard); got != "" || err != nil {
		t.Errorf("-r x: %q, %v", got, err)
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
	writeGreeting(&b, d.table.Snapshot(), "afpacket", 7)
	for _, want := range []string{"(afpacket), 7 packets lost", "\n  offices  ", "in "} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing in\n%s", want, b.String())
		}
	}
	if n := strings.Count(b.String(), "inner"); n != 3 {
		t.Errorf("%d networks in\n%s", n, b.String())
	}
}
