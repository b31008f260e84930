package netnstest_test

import (
	"bytes"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/netmond/netmond/internal/netnstest"
)

// interfaces are the names that package net finds.
func interfaces(t *testing.T) string {
	t.Helper()
	list, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, i := range list {
		names = append(names, i.Name)
	}
	return strings.Join(names, " ")
}

func TestNamespaces(t *testing.T) {
	outside := interfaces(t)
	pair := netnstest.NewPair(t)
	for _, p := range []*netnstest.Port{pair.A, pair.B} {
		var inside string
		p.Do(func() { inside = interfaces(t) })
		if want := "lo " + p.Name; inside != want {
			t.Errorf("interfaces inside: %s, want %s", inside, want)
		}
	}
	if now := interfaces(t); now != outside {
		t.Errorf("interfaces outside: %s, before %s", now, outside)
	}
}

func TestStart(t *testing.T) {
	if os.Getenv("NETNSTEST_CHILD") != "" {
		t.Log("child has " + interfaces(t))
		return
	}
	pair := netnstest.NewPair(t)
	cmd := exec.Command(os.Args[0], "-test.run=^TestStart$", "-test.v")
	cmd.Env = append(os.Environ(), "NETNSTEST_CHILD=1")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := pair.B.Start(cmd); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil || !strings.Contains(out.String(), "child has lo nmb") {
		t.Errorf("%v, want a child in the namespace:\n%s", err, &out)
	}
}

// TestQuiet holds that the test's frames are the only ones on the cable, so that counts are exact.
func TestQuiet(t *testing.T) {
	pair := netnstest.NewPair(t)
	pair.A.AddAddr(netip.MustParsePrefix("192.0.2.1/24"))
	pair.B.AddAddr(netip.MustParsePrefix("192.0.2.2/24"))
	frame := append(append(append([]byte{}, pair.B.MAC...), pair.A.MAC...), 0x88, 0xb5) // for experiments
	for range 2 {
		before := pair.B.Link().Attrs().Statistics
		pair.A.Sender().Repeat(frame, 100)
		after := pair.B.Link().Attrs().Statistics
		if n, bytes := after.RxPackets-before.RxPackets, after.RxBytes-before.RxBytes; n != 100 || bytes != 1400 || after.TxPackets != 0 {
			t.Errorf("%d frames of %d bytes arrived, %d were sent back; want 100 of 1400, none", n, bytes, after.TxPackets)
		}
		pair.Delete()
		pair.Create()
	}
}

// TestTCP talks over both families.
func TestTCP(t *testing.T) {
	pair := netnstest.NewPair(t)
	for _, addrs := range [][2]string{{"192.0.2.1/24", "192.0.2.2/24"}, {"2001:db8::1/64", "2001:db8::2/64"}} {
		pair.A.AddAddr(netip.MustParsePrefix(addrs[0]))
		to := netip.MustParsePrefix(addrs[1])
		pair.B.AddAddr(to)
		pair.B.Do(func() {
			l, err := net.Listen("tcp", netip.AddrPortFrom(to.Addr(), 0).String())
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			pair.A.Do(func() {
				c, err := net.Dial("tcp", l.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				c.Close()
			})
		})
	}
}
