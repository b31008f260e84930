package capture

import (
	"errors"
	"net"
	"net/netip"
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/netmond/netmond/internal/netnstest"
)

// TestChooseInterface has one cable: without traffic, with traffic, and with an address and a default route.
func TestChooseInterface(t *testing.T) {
	pair := netnstest.NewPair(t)
	choice := func() (c Choice, err error) {
		pair.B.Do(func() { c, err = ChooseInterface() })
		return c, err
	}
	if c, err := choice(); !errors.Is(err, ErrNoChoice) {
		t.Errorf("without traffic: %+v, %v", c, err)
	}
	pair.A.Sender().Repeat(make([]byte, 60), 3)
	c, err := choice()
	if err != nil || c.Interface != pair.B.Name {
		t.Errorf("with traffic and no address: %+v, %v", c, err)
	}
	mirror := c.Why
	pair.B.AddAddr(netip.MustParsePrefix("192.0.2.2/24"))
	if c, err := choice(); !errors.Is(err, ErrNoChoice) {
		t.Errorf("with an address: %+v, %v", c, err)
	}
	pair.B.Do(func() {
		link, err := netlink.LinkByName(pair.B.Name)
		if err == nil {
			err = netlink.RouteAdd(&netlink.Route{LinkIndex: link.Attrs().Index, Gw: net.IPv4(192, 0, 2, 1)})
		}
		if err != nil {
			t.Fatal(err)
		}
	})
	if c, err := choice(); err != nil || c.Interface != pair.B.Name || c.Why == mirror {
		t.Errorf("with a default route: %+v, %v", c, err)
	}
}
