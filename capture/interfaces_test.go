package capture

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestInterfaces(t *testing.T) {
	infos, err := Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	want, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	if len(infos) != len(want) {
		t.Fatalf("%d interfaces, package net has %d", len(infos), len(want))
	}
	if !slices.IsSortedFunc(infos, func(a, b InterfaceInfo) int { return strings.Compare(a.Name, b.Name) }) {
		t.Errorf("not in order of names: %+v", infos)
	}
	for _, w := range want {
		i := slices.IndexFunc(infos, func(info InterfaceInfo) bool { return info.Name == w.Name })
		if i < 0 {
			t.Errorf("no interface %s in %+v", w.Name, infos)
			continue
		}
		if up := w.Flags&net.FlagUp != 0; infos[i].Up != up {
			t.Errorf("%s: up %v, package net has %v", w.Name, infos[i].Up, up)
		}
		if loopback := w.Flags&net.FlagLoopback != 0; infos[i].Loopback != loopback {
			t.Errorf("%s: loopback %v, package net has %v", w.Name, infos[i].Loopback, loopback)
		}
	}
}

func TestPrefixes(t *testing.T) {
	got := prefixes([]net.Addr{
		&net.IPNet{IP: net.ParseIP("2001:db8::1"), Mask: net.CIDRMask(64, 128)},
		&net.IPNet{IP: net.ParseIP("192.0.2.9"), Mask: net.CIDRMask(24, 32)}, // 16 bytes
		&net.IPNet{IP: net.IPv4(192, 0, 2, 1).To4(), Mask: net.CIDRMask(32, 32)},
		&net.IPNet{IP: net.IPv4(192, 0, 2, 1), Mask: net.IPv4Mask(255, 0, 255, 0)}, // no prefix
		&net.IPNet{IP: net.IP{1}, Mask: net.CIDRMask(8, 32)},
		&net.IPAddr{IP: net.IPv4(192, 0, 2, 1)},
	})
	want := []netip.Prefix{
		netip.MustParsePrefix("192.0.2.9/24"), netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("2001:db8::1/64"),
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
		t.Errorf("prefixes (-want +got):\n%s", diff)
	}
}

func TestNoInterface(t *testing.T) {
	err := noInterface("nm-missing")
	if !errors.Is(err, ErrNoInterface) {
		t.Errorf("%v is not ErrNoInterface", err)
	}
	all, listErr := Interfaces()
	if listErr != nil {
		t.Fatal(listErr)
	}
	if msg := err.Error(); !strings.Contains(msg, "nm-missing") || !strings.Contains(msg, all[0].Name) {
		t.Errorf("%q does not name the missing interface and %s, which is present", msg, all[0].Name)
	}
}
