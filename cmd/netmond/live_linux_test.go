package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os/exec"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/netmond/netmond/internal/netnstest"
	"github.com/netmond/netmond/internal/pcaptest"
	"github.com/netmond/netmond/internal/testneed"
)

// A liveDaemon is netmond run -i on the B end of a pair, asked over HTTP inside the namespace.
type liveDaemon struct {
	t       *testing.T
	pair    *netnstest.Pair
	address string
	client  *http.Client
	cmd     *exec.Cmd
	ended   func() error // waits for the end; set by startLiveOn
}

func startLive(t *testing.T, args ...string) *liveDaemon {
	t.Helper()
	return startLiveWith(t, func(*exec.Cmd) {}, args...)
}

// startLiveWith is startLive, with a change of the command before it starts.
func startLiveWith(t *testing.T, change func(*exec.Cmd), args ...string) *liveDaemon {
	t.Helper()
	testneed.Netns(t)
	d := launchLive(t, netnstest.NewPair(t), change, args...)
	d.awaitReady()
	return d
}

// launchLive starts a daemon on the B end of pair, which need not exist.
func launchLive(t *testing.T, pair *netnstest.Pair, change func(*exec.Cmd), args ...string) *liveDaemon {
	t.Helper()
	d := &liveDaemon{t: t, pair: pair, address: "127.0.0.1:19991"}
	d.pair.B.LoopbackUp()
	d.cmd = exec.Command(netmondBinary(t), append([]string{"run", "-i", d.pair.B.Name}, args...)...)
	change(d.cmd)
	superviseDaemonBy(t, d.cmd, d.pair.B.Start)
	d.client = &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(_ context.Context, network, address string) (conn net.Conn, err error) {
			d.pair.B.Do(func() { conn, err = net.DialTimeout(network, address, 2*time.Second) })
			return conn, err
		},
	}}
	return d
}

// log is what the daemon has logged so far.
func (d *liveDaemon) log() string { return d.cmd.Stderr.(*lockedLog).String() }

func (d *liveDaemon) awaitReady() {
	d.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		if _, err := d.get("/-/ready"); err == nil {
			return
		} else if time.Now().After(deadline) {
			d.t.Fatalf("not ready after 20 s: %v", err)
		}
		time.Sleep(20 * time.Millisecond) // another process: there is no event to wait for
	}
}

func (d *liveDaemon) get(path string) ([]byte, error) {
	resp, err := d.client.Get("http://" + d.address + path)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, body)
	}
	return body, err
}

// figures asks until the daemon has counted or lost all of sent frames.
func (d *liveDaemon) figures(sent uint64) (got readJSON, drops uint64) {
	d.t.Helper()
	deadline := time.Now().Add(15 * time.Second)
	for {
		body, err := d.get("/api/v1/networks")
		if err != nil {
			d.t.Fatal(err)
		}
		got = readJSON{}
		if err := json.Unmarshal(body, &got); err != nil {
			d.t.Fatal(err)
		}
		drops = d.metric(`netmond_capture_drops_total\{[^}]*reason="ring_full"[^}]*\}`)
		if got.Capture.Packets+drops >= sent {
			return got, drops
		}
		if time.Now().After(deadline) {
			d.t.Fatalf("%d captured + %d dropped of %d sent after 15 s", got.Capture.Packets, drops, sent)
		}
		time.Sleep(50 * time.Millisecond) // another process: there is no event to wait for
	}
}

// metric sums the samples of /metrics whose name and labels match.
func (d *liveDaemon) metric(series string) uint64 {
	d.t.Helper()
	return uint64(d.value(series))
}

// value is metric for what is not whole.
func (d *liveDaemon) value(series string) (sum float64) {
	d.t.Helper()
	body, err := d.get("/metrics")
	if err != nil {
		d.t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^`+series+` (\S+)$`).FindAllSubmatch(body, -1)
	if len(found) == 0 {
		d.t.Fatalf("no metric %s", series)
	}
	for _, m := range found {
		v, err := strconv.ParseFloat(string(m[1]), 64)
		if err != nil {
			d.t.Fatal(err)
		}
		sum += v
	}
	return sum
}

// TestLiveKnownFrames sends frames of every kind over a cable and wants each of them back, to the byte.
func TestLiveKnownFrames(t *testing.T) {
	d := startLive(t, "-m", "192.0.2.0/24=v4,2001:db8:1::/64=v6,198.51.100.0/24=other")
	const repeat = 50
	kinds := [][]byte{
		pcaptest.UDP("192.0.2.1:1000", "203.0.113.1:53", make([]byte, 100)),                            // egress of v4
		pcaptest.UDP("203.0.113.1:53", "192.0.2.1:1000", make([]byte, 300)),                            // ingress of v4
		pcaptest.TCP("192.0.2.1:1000", "192.0.2.2:80", pcaptest.Segment{Payload: make([]byte, 200)}),   // inner of v4
		pcaptest.UDP("192.0.2.1:1000", "198.51.100.1:2000", make([]byte, 96), pcaptest.VLAN(7)),        // 142 bytes, tagged
		pcaptest.UDP("192.0.2.1:1000", "198.51.100.1:2000", make([]byte, 92), pcaptest.VLAN(100, 200)), // two tags
		pcaptest.UDP("[2001:db8:1::1]:1", "[2001:db8:1::2]:2", make([]byte, 500)),                      // inner of v6
		pcaptest.ARP("192.0.2.1", "192.0.2.2"),                                                         // no IP
	}
	fragments := pcaptest.Fragments("192.0.2.9", "203.0.113.9", 17, make([]byte, 4000), 1480)
	kinds = append(kinds, fragments...)
	var sent counts
	sender := d.pair.A.Sender()
	for range repeat {
		sender.Send(kinds...)
		for _, f := range kinds {
			sent.Packets++
			sent.Bytes += uint64(len(f))
		}
	}
	got, drops := d.figures(sent.Packets)
	checkClosed(t, got)
	if drops != 0 || got.Capture.Packets != sent.Packets || got.Capture.Bytes != sent.Bytes {
		t.Fatalf("captured %d packets, %d bytes, %d drops; sent %+v", got.Capture.Packets, got.Capture.Bytes, drops, sent)
	}
	size := func(i int) uint64 { return uint64(len(kinds[i])) * repeat }
	var fragBytes uint64
	for _, f := range fragments {
		fragBytes += uint64(len(f)) * repeat
	}
	v4, v6, other := got.Networks[0], got.Networks[1], got.Networks[2]
	for _, c := range []struct {
		what      string
		got, want uint64
	}{
		{"egress of v4", v4.Egress.Bytes, size(0) + size(3) + size(4) + fragBytes},
		{"ingress of v4", v4.Ingress.Bytes, size(1)},
		{"inner of v4", v4.Inner.Bytes, size(2)},
		{"ingress of the other network, tags in", other.Ingress.Bytes, size(3) + size(4)},
		{"inner of v6", v6.Inner.Bytes, size(5)},
		{"non-IP", got.Scopes["non_ip"].Bytes, size(6)},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %d bytes, sent %d", c.what, c.got, c.want)
		}
	}
}

// TestLiveSegmentedTCP moves 20 MB over TCP with segmentation offload on: super-frames of up to 64 kB.
// Packets and bytes must be those that the interface counted.
func TestLiveSegmentedTCP(t *testing.T) {
	d := startLive(t, "-m", "192.0.2.0/24")
	d.pair.A.AddAddr(netip.MustParsePrefix("192.0.2.1/24"))
	d.pair.B.AddAddr(netip.MustParsePrefix("192.0.2.2/24"))
	var listener net.Listener
	d.pair.B.Do(func() {
		var err error
		if listener, err = net.Listen("tcp", "192.0.2.2:7000"); err != nil {
			t.Error(err)
		}
	})
	if t.Failed() {
		return
	}
	defer listener.Close()
	var wg sync.WaitGroup
	const total = 20 << 20
	wg.Go(func() { // ends with the connection
		conn, err := listener.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		if n, err := io.Copy(io.Discard, conn); err != nil || n != total {
			t.Errorf("received %d bytes, %v", n, err)
		}
	})
	d.pair.A.Do(func() {
		conn, err := net.DialTimeout("tcp", "192.0.2.2:7000", 5*time.Second)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		chunk := make([]byte, 1<<20)
		for range total / len(chunk) {
			if _, err := conn.Write(chunk); err != nil {
				t.Error(err)
				return
			}
		}
	})
	wg.Wait()
	stats := d.pair.B.Link().Attrs().Statistics
	got, drops := d.figures(stats.RxPackets + stats.TxPackets)
	checkClosed(t, got)
	want := stats.RxBytes + stats.TxBytes
	if diff := float64(got.Capture.Bytes)/float64(want) - 1; drops != 0 || diff < -0.001 || diff > 0.001 {
		t.Errorf("captured %d bytes with %d drops, the interface counted %d", got.Capture.Bytes, drops, want)
	}
	if got.Networks[0].Inner.Bytes < total {
		t.Errorf("inner holds %d bytes, less than the %d that were sent", got.Networks[0].Inner.Bytes, total)
	}
	if got.Networks[0].Inner.Bytes/got.Networks[0].Inner.Packets < 1600 {
		t.Log("no super-frames seen: segmentation offload is off here")
	}
}

// TestLiveOverload stops the reader with a burst far beyond a small ring: what was not captured is in
// the drop counter, to the packet.
func TestLiveOverload(t *testing.T) {
	d := startLive(t, "-m", "192.0.2.0/24", "--ring-size", "2MiB")
	frame := pcaptest.UDP("192.0.2.1:1000", "203.0.113.1:53", make([]byte, 1400))
	const n = 60000
	d.pair.A.Sender().Repeat(frame, n)
	got, drops := d.figures(n)
	checkClosed(t, got)
	if got.Capture.Packets+drops != n {
		t.Errorf("%d captured + %d dropped, sent %d", got.Capture.Packets, drops, n)
	}
	if got.Networks[0].Egress.Bytes != got.Capture.Packets*uint64(len(frame)) {
		t.Errorf("egress holds %d bytes for %d packets of %d", got.Networks[0].Egress.Bytes, got.Capture.Packets, len(frame))
	}
}
