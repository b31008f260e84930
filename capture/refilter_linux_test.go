package capture

import (
	"errors"
	"testing"

	"github.com/netmond/netmond/capture/filter"
	"github.com/netmond/netmond/internal/netnstest"
)

func load(t *testing.T, expr string) *filter.Filter {
	t.Helper()
	f, err := filter.Load(expr)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestLiveSetFilter changes the filter of open sockets: from none to one, to a wrong one, which changes
// nothing, and back, also while the interface is gone.
func TestLiveSetFilter(t *testing.T) {
	for _, workers := range []int{1, 2} {
		pair := netnstest.NewPair(t)
		cfg := liveOn(pair.B.Name)
		cfg.Workers, cfg.IgnoreOutgoing = workers, true
		l := openIn(t, pair.B.NS, cfg)
		c := startCrew(t, l)
		var want uint64
		// send sends 10 of each kind; those that are counted come last.
		send := func(what string, each int, types ...[]byte) {
			t.Helper()
			s := pair.A.Sender()
			for _, kind := range types {
				s.Repeat(ether(100, 1, kind...), 10)
			}
			want += uint64(each)
			c.await(what, func(s Stats) bool { return s.Packets >= want })
			if s := l.Stats(); s.Packets != want || s.KernelPackets != want {
				t.Errorf("%d workers, %s: %d frames, %d of the kernel, want %d", workers, what, s.Packets, s.KernelPackets, want)
			}
		}
		arp, ip := []byte{0x08, 0x06}, []byte{0x08, 0x00}
		set := func(f *filter.Filter) {
			t.Helper()
			if err := l.SetFilter(f); err != nil {
				t.Fatal(err)
			}
		}
		send("no filter", 20, ip, arp)
		set(load(t, "arp"))
		send("arp alone", 10, ip, arp)
		var fault *filter.Error
		if err := l.SetFilter(load(t, "tcp and arp")); !errors.As(err, &fault) {
			t.Fatalf("%v, want the filter's fault", err)
		}
		send("arp still", 10, ip, arp)
		set(load(t, "ip"))
		send("ip alone", 10, arp, ip)
		pair.Delete()
		c.await("gone", func(s Stats) bool { return !s.Up })
		set(nil)
		pair.Create()
		index := pair.B.Link().Attrs().Index
		c.await("back", func(s Stats) bool { return s.Up && (workers == 1 || members(l, index) == workers) })
		send("all again", 20, ip, arp)
		set(load(t, "arp"))
		send("arp on the new interface", 10, ip, arp)
		l.Stop()
		set(nil) // of no effect
		pair.A.Sender().Repeat(ether(100, 1, arp...), 10)
		c.finish()
		if s := l.Stats(); s.Packets != want || s.KernelDrops != 0 {
			t.Errorf("%d workers: %d frames after Stop, %d dropped, want %d", workers, s.Packets, s.KernelDrops, want)
		}
	}
}
