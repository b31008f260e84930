package capture

import (
	"errors"
	"net/netip"
	"testing"
)

func TestChoose(t *testing.T) {
	addr := []netip.Prefix{netip.MustParsePrefix("192.0.2.7/24")}
	local := []netip.Prefix{netip.MustParsePrefix("fe80::1/64")}
	of := func(name string, addrs []netip.Prefix, received uint64, route bool, metric uint32) candidate {
		return candidate{InterfaceInfo{Name: name, Up: true, Capturable: true, Addrs: addrs}, received, route, metric}
	}
	lo := of("lo", addr, 5, false, 0)
	lo.Loopback = true
	down := of("down0", nil, 5, false, 0)
	down.Up = false
	for _, c := range []struct {
		name string
		list []candidate
		want string
	}{
		{"default route", []candidate{lo, of("eth0", addr, 5, true, 100), of("eth1", addr, 5, false, 0)}, "eth0"},
		{"mirror port", []candidate{lo, of("eth0", addr, 5, true, 100), of("eth1", nil, 5, false, 0)}, "eth1"},
		{"mirror port with a link-local address", []candidate{of("eth0", addr, 5, true, 0), of("eth1", local, 5, false, 0)}, "eth1"},
		{"nothing received", []candidate{of("eth0", addr, 5, true, 0), of("eth1", nil, 0, false, 0)}, "eth0"},
		{"two without an address", []candidate{of("eth0", addr, 5, true, 0), of("eth1", nil, 5, false, 0), of("eth2", nil, 5, false, 0)}, "eth0"},
		{"least metric", []candidate{of("eth0", addr, 5, true, 200), of("wlan0", addr, 5, true, 100)}, "wlan0"},
		{"down", []candidate{of("eth0", addr, 5, true, 0), down}, "eth0"},
		{"only loopback", []candidate{lo}, ""},
		{"none", nil, ""},
	} {
		got, err := choose(c.list)
		if got.Interface != c.want || (c.want == "") != errors.Is(err, ErrNoChoice) || err == nil && got.Why == "" {
			t.Errorf("%s: %+v, %v; want %q", c.name, got, err, c.want)
		}
	}
}
