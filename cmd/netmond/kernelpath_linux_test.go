//go:build linux && (amd64 || arm64)

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"

	"github.com/netmond/netmond/internal/netnstest"
	"github.com/netmond/netmond/internal/pcaptest"
	"github.com/netmond/netmond/internal/testneed"
)

// A onPair is a netmond run on the B end of a pair, beside others there.
type onPair struct {
	*liveDaemon
	proc *os.Process
	out  *lockedLog
}

func startOnPair(t *testing.T, pair *netnstest.Pair, port int, args ...string) *onPair {
	t.Helper()
	testneed.BPF(t)
	address := fmt.Sprintf("127.0.0.1:%d", port)
	cmd := exec.Command(netmondBinary(t), append([]string{"run", "-i", pair.B.Name, "--no-checks", "--web.listen-address", address}, args...)...)
	d := &onPair{liveDaemon: &liveDaemon{t: t, pair: pair, address: address, cmd: cmd}}
	superviseDaemonBy(t, cmd, pair.B.Start)
	d.client = clientOf(d.liveDaemon)
	d.awaitReady()
	d.proc, d.out = cmd.Process, cmd.Stderr.(*lockedLog)
	return d
}

// objects are the IDs of a process's programs, maps and links.
func objects(t *testing.T, pid int) (programs, maps, links []uint32) {
	t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/fdinfo/*", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // closed meanwhile
		}
		text := string(b)
		id := func(key string) uint32 {
			m := regexp.MustCompile(`(?m)^` + key + `:\s+(\d+)$`).FindStringSubmatch(text)
			if m == nil {
				return 0
			}
			n, _ := strconv.ParseUint(m[1], 10, 32)
			return uint32(n)
		}
		switch l, m, p := id("link_id"), id("map_id"), id("prog_id"); {
		case l != 0:
			links = append(links, l)
		case m != 0:
			maps = append(maps, m)
		case p != 0:
			programs = append(programs, p)
		}
	}
	return programs, maps, links
}

// detach takes all links of the daemon off, as bpftool link detach does.
func (d *onPair) detach() {
	d.t.Helper()
	_, _, links := objects(d.t, d.proc.Pid)
	if len(links) == 0 {
		d.t.Fatal("the daemon has no link")
	}
	for _, id := range links {
		l, err := link.NewFromID(link.ID(id))
		if err != nil {
			d.t.Fatal(err)
		}
		if err := l.Detach(); err != nil {
			d.t.Fatalf("detach link %d: %v", id, err)
		}
		l.Close()
	}
}

// rxVLANOff leaves the tags in the bytes.
func rxVLANOff(t *testing.T, p *netnstest.Port) {
	t.Helper()
	ethtool := testneed.Command(t, "netns", "ethtool")
	cmd := exec.Command(ethtool, "-K", p.Name, "rxvlan", "off")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := p.Start(cmd); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v: %s", err, &out)
	}
}

// comparableReport takes from a report what the time of the reading decides, and what only the packet path has.
func comparableReport(t *testing.T, body []byte) map[string]any {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal(body, &doc); err != nil {
		t.Fatal(err)
	}
	var strip func(v any) any
	strip = func(v any) any {
		switch v := v.(type) {
		case map[string]any:
			for key := range v {
				if volatile.MatchString(key) {
					delete(v, key)
					continue
				}
				v[key] = strip(v[key])
			}
		case []any:
			for i := range v {
				v[i] = strip(v[i])
			}
		}
		return v
	}
	return strip(doc).(map[string]any)
}

var volatile = regexp.MustCompile(`^(first|last|time|duration|.*_seen|.*_seconds|.*_at|.*throughput.*|.*_bps|.*_pps|memory.*|flow_table|rtt.*|.*_ns|generated.*|minute.*|.*_rate.*|.*per_second.*)$`)

// TestLiveKernelPath sends frames of every kind to one interface on which two daemons count, one by each path:
// their reports are the same.
func TestLiveKernelPath(t *testing.T) {
	for _, path := range []string{"tc", "xdp-generic", "xdp"} {
		t.Run(path, func(t *testing.T) {
			testneed.BPF(t)
			pair := netnstest.NewPair(t)
			pair.B.LoopbackUp()
			rxVLANOff(t, pair.B)
			networks := "192.0.2.0/24=v4,2001:db8:1::/64=v6,198.51.100.0/24=other"
			kernel := startOnPair(t, pair, 19991, "-m", networks, "--capture-path", path)
			packets := startOnPair(t, pair, 19992, "-m", networks, "--capture-path", "afpacket")
			if n := kernel.metric(`netmond_capture_path_info\{[^}]*path="` + path + `"[^}]*\}`); n != 1 {
				t.Fatalf("path %s is not in use", path)
			}
			checkConfined(t, "daemon", kernel.proc.Pid, nil)

			const repeat = 20
			kinds := [][]byte{
				pcaptest.UDP("192.0.2.1:1000", "203.0.113.1:53", make([]byte, 100)),
				pcaptest.UDP("203.0.113.1:53", "192.0.2.1:1000", make([]byte, 300)),
				pcaptest.TCP("192.0.2.1:1000", "192.0.2.2:80", pcaptest.Segment{Payload: make([]byte, 200)}),
				pcaptest.UDP("192.0.2.1:1000", "198.51.100.1:2000", make([]byte, 96), pcaptest.VLAN(7)),
				pcaptest.UDP("192.0.2.1:1000", "198.51.100.1:2000", make([]byte, 92), pcaptest.VLAN(100, 200)),
				pcaptest.UDP("[2001:db8:1::1]:1", "[2001:db8:1::2]:2", make([]byte, 500)),
				pcaptest.ARP("192.0.2.1", "192.0.2.2"),
			}
			kinds = append(kinds, pcaptest.Fragments("192.0.2.9", "203.0.113.9", 17, make([]byte, 4000), 1480)...)
			sender := pair.A.Sender()
			var sent counts
			for range repeat {
				sender.Send(kinds...)
				for _, f := range kinds {
					sent.Packets++
					sent.Bytes += uint64(len(f))
				}
			}
			if path == "tc" { // both directions
				pair.B.Sender().Send(kinds...)
				for _, f := range kinds {
					sent.Packets++
					sent.Bytes += uint64(len(f))
				}
			}
			got, drops := kernel.figures(sent.Packets)
			checkClosed(t, got)
			if drops != 0 || got.Capture.Packets != sent.Packets || got.Capture.Bytes != sent.Bytes {
				t.Errorf("captured %d packets, %d bytes, %d drops; sent %+v", got.Capture.Packets, got.Capture.Bytes, drops, sent)
			}
			packets.figures(sent.Packets)
			want, err := packets.get("/api/v1/networks")
			if err != nil {
				t.Fatal(err)
			}
			have, err := kernel.get("/api/v1/networks")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(comparableReport(t, want), comparableReport(t, have)); diff != "" {
				t.Errorf("the report by packets (-) and by %s (+):\n%s", path, diff)
			}
			if n := kernel.metric(`netmond_capture_packets_total\{[^}]*\}`); n != sent.Packets {
				t.Errorf("netmond_capture_packets_total is %d, sent %d", n, sent.Packets)
			}
		})
	}
}

// passing is another's XDP program.
func passing(t *testing.T) *ebpf.Program {
	t.Helper()
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "xdp_dispatcher", Type: ebpf.XDP, License: "GPL",
		Instructions: asm.Instructions{asm.LoadImm(asm.R0, 2, asm.DWord), asm.Return()},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// TestLiveKernelDetached: programs that another process takes off are attached again; where another's are
// attached meanwhile the packet socket takes over, until they are gone. What is sent then counts once.
func TestLiveKernelDetached(t *testing.T) {
	testneed.BPF(t)
	pair := netnstest.NewPair(t)
	pair.B.LoopbackUp()
	d := startOnPair(t, pair, 19991, "-m", "192.0.2.0/24", "--capture-path", "xdp-generic", "--mirror-port")
	frame := pcaptest.UDP("192.0.2.1:1000", "203.0.113.1:53", make([]byte, 400))
	var sent uint64
	send := func() {
		t.Helper()
		pair.A.Sender().Repeat(frame, 100)
		sent += 100
		got, drops := d.figures(sent)
		if got.Capture.Packets != sent || drops != 0 || got.Networks[0].Egress.Packets != sent {
			t.Errorf("%d packets, %d drops; sent %d", got.Capture.Packets, drops, sent)
		}
	}
	send()

	began := time.Now()
	d.detach()
	d.waitMetric(`netmond_bpf_reattaches_total\{[^}]*reason="detached"[^}]*\}`, 1)
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("attached again after %v", took)
	}
	gap := d.value(`netmond_bpf_uncounted_seconds_total\{[^}]*\}`)
	if took := time.Since(began).Seconds(); gap <= 0 || gap > took+kernelCheck.Seconds() {
		t.Errorf("%v s uncounted, detached %v s ago", gap, took)
	}
	send()

	pair.Delete()
	d.waitMetric(`netmond_bpf_attached\{[^}]*\}`, 0)
	pair.Create()
	d.waitMetric(`netmond_bpf_reattaches_total\{[^}]*reason="interface"[^}]*\}`, 1)
	d.waitMetric(`netmond_capture_up\{[^}]*\}`, 1)
	checkConfined(t, "daemon", d.proc.Pid, nil) // and all that without a capability
	send()

	if err := d.proc.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	d.detach()
	var other link.Link
	pair.B.Do(func() {
		var err error
		other, err = link.AttachXDP(link.XDPOptions{Program: passing(t), Interface: pair.B.Link().Attrs().Index, Flags: link.XDPGenericMode})
		if err != nil {
			t.Error(err)
		}
	})
	if err := d.proc.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if other == nil {
		return
	}
	d.waitMetric(`netmond_bpf_fallbacks_total\{[^}]*\}`, 1)
	d.waitMetric(`netmond_capture_path_info\{[^}]*path="afpacket"[^}]*\}`, 1)
	if later := d.value(`netmond_bpf_uncounted_seconds_total\{[^}]*\}`); later <= gap {
		t.Errorf("%v s uncounted, no more than before", later)
	}
	send()
	if err := other.Close(); err != nil {
		t.Error(err)
	}
	d.waitMetric(`netmond_bpf_reattaches_total\{[^}]*reason="detached"[^}]*\}`, 2)
	send()
}

// failsOnPair runs netmond, which must refuse its arguments with what want says.
func failsOnPair(t *testing.T, pair *netnstest.Pair, want string, args ...string) {
	t.Helper()
	cmd := exec.Command(netmondBinary(t), append([]string{"run", "-i", pair.B.Name, "-m", "192.0.2.0/24", "--no-checks"}, args...)...)
	var out bytes.Buffer
	cmd.Stderr = &out
	if err := pair.B.Start(cmd); err != nil {
		t.Fatal(err)
	}
	stop := time.AfterFunc(30*time.Second, func() { cmd.Process.Kill() })
	defer stop.Stop()
	err := cmd.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitUsage || !strings.Contains(out.String(), want) {
		t.Errorf("%v: %v, want exit code %d and %q:\n%s", args, err, exitUsage, want, &out)
	}
}

// TestLiveKernelRefusals: no program of others is replaced, and this machine is not cut off.
func TestLiveKernelRefusals(t *testing.T) {
	testneed.BPF(t)
	pair := netnstest.NewPair(t)
	pair.B.LoopbackUp()
	fails := func(want string, args ...string) {
		t.Helper()
		failsOnPair(t, pair, want, args...)
	}
	fails("drop needs mirror_port", "--xdp-action", "drop")
	fails("drop needs XDP", "--xdp-action", "drop", "--mirror-port", "--capture-path", "tc")
	pair.B.AddAddr(netip.MustParsePrefix("192.0.2.2/24"))
	fails("it has the address 192.0.2.2/24", "--xdp-action", "drop", "--mirror-port", "--capture-path", "xdp")

	var other link.Link
	pair.B.Do(func() {
		var err error
		other, err = link.AttachXDP(link.XDPOptions{Program: passing(t), Interface: pair.B.Link().Attrs().Index, Flags: link.XDPGenericMode})
		if err != nil {
			t.Fatal(err)
		}
	})
	defer other.Close()
	fails("dispatcher of libxdp", "--capture-path", "xdp-generic", "--mirror-port")
	fails("netmond replaces none", "--capture-path", "xdp")
	d := startOnPair(t, pair, 19991, "-m", "192.0.2.0/24", "--mirror-port")
	if n := d.metric(`netmond_capture_path_info\{[^}]*path="tc"[^}]*reason="[^"]*xdp_dispatcher[^"]*"\}`); n != 1 {
		t.Error("auto does not choose tc because of the program that is there")
	}
}

// TestLiveKernelDefaultRoute: an interface by which everything else leaves is not made to drop, unless forced.
func TestLiveKernelDefaultRoute(t *testing.T) {
	testneed.BPF(t)
	pair := netnstest.NewPair(t)
	pair.B.LoopbackUp()
	for _, all := range []string{"0.0.0.0/0", "::/0"} {
		_, dst, err := net.ParseCIDR(all)
		if err != nil {
			t.Fatal(err)
		}
		if all == "::/0" {
			pair.B.Sysctl("ipv6/conf/"+pair.B.Name+"/disable_ipv6", "0")
		}
		route := &netlink.Route{LinkIndex: pair.B.Link().Attrs().Index, Dst: dst, Scope: netlink.SCOPE_LINK}
		pair.B.Do(func() { err = netlink.RouteAdd(route) })
		if err != nil {
			t.Fatalf("default route %s: %v", all, err)
		}
		failsOnPair(t, pair, "the default route leaves by it", "--xdp-action", "drop", "--mirror-port", "--capture-path", "xdp")
		failsOnPair(t, pair, "the default route leaves by it", "--xdp-action", "drop", "--mirror-port")
		pair.B.Do(func() { err = netlink.RouteDel(route) })
		if err != nil {
			t.Fatal(err)
		}
	}
	pair.B.Do(func() {
		_, dst, _ := net.ParseCIDR("0.0.0.0/0")
		if err := netlink.RouteAdd(&netlink.Route{LinkIndex: pair.B.Link().Attrs().Index, Dst: dst, Scope: netlink.SCOPE_LINK}); err != nil {
			t.Fatal(err)
		}
	})
	d := startOnPair(t, pair, 19991, "-m", "192.0.2.0/24", "--mirror-port", "--xdp-action", "drop", "--capture-path", "xdp", "--force")
	if n := d.metric(`netmond_capture_path_info\{[^}]*path="xdp"[^}]*\}`); n != 1 {
		t.Error("forced, the path is not xdp")
	}
}

// TestLiveKernelDrop: dropped frames are counted, and go no further.
func TestLiveKernelDrop(t *testing.T) {
	testneed.BPF(t)
	pair := netnstest.NewPair(t)
	pair.B.LoopbackUp()
	rxVLANOff(t, pair.B)
	packets := startOnPair(t, pair, 19992, "-m", "192.0.2.0/24", "--capture-path", "afpacket")
	d := startOnPair(t, pair, 19991, "-m", "192.0.2.0/24", "--mirror-port", "--xdp-action", "drop")
	if n := d.metric(`netmond_capture_path_info\{[^}]*path="xdp(?:-generic)?"[^}]*\}`); n != 1 {
		t.Fatal("auto does not choose XDP")
	}
	pair.A.Sender().Repeat(pcaptest.UDP("192.0.2.1:1000", "203.0.113.1:53", make([]byte, 400)), 100)
	if got, _ := d.figures(100); got.Capture.Packets != 100 {
		t.Errorf("%d packets", got.Capture.Packets)
	}
	if got, _ := packets.figures(0); got.Capture.Packets != 0 {
		t.Errorf("%d packets went past the program that drops", got.Capture.Packets)
	}
}

// TestLiveKernelReload: networks come and go while the kernel counts.
func TestLiveKernelReload(t *testing.T) {
	testneed.BPF(t)
	pair := netnstest.NewPair(t)
	pair.B.LoopbackUp()
	file := filepath.Join(t.TempDir(), "netmond.yaml")
	lists := []string{
		"networks: [{cidr: 192.0.2.0/24, name: stays}, 198.51.100.0/24]\n",
		"networks: [203.0.113.0/24, {cidr: 192.0.2.0/24, name: renamed}]\n",
		"networks: [{cidr: 192.0.2.0/24, name: stays}]\n",
	}
	write(t, file, lists[0])
	d := startOnPair(t, pair, 19991, "--config.file", file, "--capture-path", "tc")
	egress := pcaptest.UDP("192.0.2.1:1000", "203.0.113.1:53", make([]byte, 100))
	ingress := pcaptest.UDP("198.51.100.3:53", "192.0.2.1:1000", make([]byte, 300))
	const rounds = 30
	sent := uint64(0)
	sender := pair.A.Sender()
	for i := range rounds {
		sender.Repeat(egress, 50)
		sender.Repeat(ingress, 50)
		sent += 100
		write(t, file, lists[(i+1)%len(lists)])
		d.reload()
	}
	got, drops := d.figures(sent)
	checkClosed(t, got)
	if drops != 0 || got.Capture.Packets != sent {
		t.Errorf("%d captured + %d dropped, sent %d", got.Capture.Packets, drops, sent)
	}
	for _, n := range got.Networks {
		if n.CIDR == "192.0.2.0/24" && (n.Egress.Packets != sent/2 || n.Ingress.Packets != sent/2) {
			t.Errorf("the network that stays: %+v; sent %d of each", n, sent/2)
		}
	}
	write(t, file, "networks_file: many.txt\n")
	write(t, filepath.Join(filepath.Dir(file), "many.txt"), manyNetworks(600))
	d.reload() // more than was reserved: the packet socket takes over
	if n := d.metric(`netmond_capture_path_info\{[^}]*path="afpacket"[^}]*\}`); n != 1 {
		t.Error("the path did not change")
	}
	sender.Repeat(egress, 50)
	if got, _ := d.figures(sent + 50); got.Capture.Packets != sent+50 {
		t.Errorf("%d captured, sent %d", got.Capture.Packets, sent+50)
	}
}

// kills is how many daemons TestLiveKernelKilled kills: 20, or NETMOND_TEST_KILLS.
func kills() int {
	if n, err := strconv.Atoi(os.Getenv("NETMOND_TEST_KILLS")); err == nil {
		return n
	}
	return 20
}

// TestLiveKernelKilled kills daemons in the midst of counting: of none is a program, map or link left.
func TestLiveKernelKilled(t *testing.T) {
	testneed.BPF(t)
	skipShort(t)
	pair := netnstest.NewPair(t)
	pair.B.LoopbackUp()
	sender := pair.A.Sender()
	frame := pcaptest.UDP("192.0.2.1:1000", "203.0.113.1:53", make([]byte, 100))
	for i := range kills() {
		path := []string{"xdp", "tc", "xdp-generic"}[i%3]
		cmd := exec.Command(netmondBinary(t), "run", "-i", pair.B.Name, "-m", "192.0.2.0/24", "--no-checks", "--capture-path", path)
		log := &lockedLog{}
		cmd.Stderr = log
		if err := pair.B.Start(cmd); err != nil {
			t.Fatal(err)
		}
		d := &liveDaemon{t: t, pair: pair, address: "127.0.0.1:19991", cmd: cmd}
		d.client = clientOf(d)
		d.awaitReady()
		programs, maps, links := objects(t, cmd.Process.Pid)
		sender.Repeat(frame, 10)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		cmd.Wait() // killed
		if len(programs) == 0 || len(maps) == 0 || len(links) == 0 {
			t.Fatalf("cycle %d: %d programs, %d maps, %d links while it ran:\n%s", i, len(programs), len(maps), len(links), log)
		}
		if left := awaitGone(programs, maps, links); left != "" {
			t.Fatalf("cycle %d, path %s: left behind: %s", i, path, left)
		}
	}
	if x := pair.B.Link().Attrs().Xdp; x != nil && x.Attached {
		t.Errorf("XDP program %d is attached", x.ProgId)
	}
	// The next daemon counts once.
	d := startOnPair(t, pair, 19991, "-m", "192.0.2.0/24", "--capture-path", "xdp-generic")
	sender.Repeat(frame, 100)
	if got, _ := d.figures(100); got.Capture.Packets != 100 {
		t.Errorf("%d packets, sent 100", got.Capture.Packets)
	}
}

// awaitGone waits until the kernel has freed all objects, which it does after a grace period, and names those
// that it has not after 10 s.
func awaitGone(programs, maps, links []uint32) (left string) {
	for range 100 {
		left = ""
		for _, id := range programs {
			if p, err := ebpf.NewProgramFromID(ebpf.ProgramID(id)); err == nil {
				left += fmt.Sprintf("program %d ", id)
				p.Close()
			}
		}
		for _, id := range maps {
			if m, err := ebpf.NewMapFromID(ebpf.MapID(id)); err == nil {
				left += fmt.Sprintf("map %d ", id)
				m.Close()
			}
		}
		for _, id := range links {
			if l, err := link.NewFromID(link.ID(id)); err == nil {
				left += fmt.Sprintf("link %d ", id)
				l.Close()
			}
		}
		if left == "" {
			return ""
		}
		time.Sleep(100 * time.Millisecond) // the kernel's grace period: there is no event to wait for
	}
	return left
}

// clientOf asks d over HTTP from inside its namespace.
func clientOf(d *liveDaemon) *http.Client {
	return &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(context.Context, string, string) (net.Conn, error) { return d.dial() },
	}}
}

// TestDoctor: what would work is told from what would not, and why, with the exit code.
func TestDoctor(t *testing.T) {
	testneed.BPF(t)
	pair := netnstest.NewPair(t)
	ask := func(cmd *exec.Cmd) (diagnosis, string, int) {
		t.Helper()
		var out bytes.Buffer
		cmd.Stdout = &out
		if err := pair.B.Start(cmd); err != nil {
			t.Fatal(err)
		}
		cmd.Wait() // its code is looked at
		var d diagnosis
		if err := json.Unmarshal(out.Bytes(), &d); err != nil {
			t.Logf("no JSON: %v", err)
		}
		return d, out.String(), cmd.ProcessState.ExitCode()
	}
	d, text, code := ask(exec.Command(netmondBinary(t), "doctor", "--json", "-i", pair.B.Name))
	if code != exitOK || !d.Works || len(d.Interfaces) != 1 {
		t.Fatalf("exit code %d: %s", code, text)
	}
	for _, p := range d.Interfaces[0].Paths {
		if !p.Works {
			t.Errorf("path %s: %s", p.Path, p.Why)
		}
	}
	if got := d.Interfaces[0].Auto; got != "tc" { // VLAN offload is on
		t.Errorf("auto takes %s", got)
	}
	rxVLANOff(t, pair.B)
	pair.B.Do(func() {
		l, err := link.AttachXDP(link.XDPOptions{Program: passing(t), Interface: pair.B.Link().Attrs().Index, Flags: link.XDPGenericMode})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
	})
	_, text, _ = ask(exec.Command(netmondBinary(t), "doctor", "-i", pair.B.Name))
	for _, want := range []string{"CAP_BPF", "afpacket     yes", "tc           yes", "(xdp_dispatcher), the dispatcher of libxdp, is attached", "takes tc"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	setpriv := testneed.Command(t, "root", "setpriv")
	d, text, code = ask(exec.Command(setpriv, "--reuid", "65534", "--regid", "65534", "--clear-groups", "--bounding-set", "-all", "--",
		copyForAll(t), "doctor", "--json", "-i", pair.B.Name))
	if code != exitError || d.Works || len(d.Advice) == 0 {
		t.Errorf("without capabilities: exit code %d: %s", code, text)
	}
	for _, p := range d.Interfaces[0].Paths {
		if p.Works || p.Why == "" {
			t.Errorf("without capabilities: %+v", p)
		}
	}
}

// TestLiveKernelFilter: the kernel counts what matches alone.
func TestLiveKernelFilter(t *testing.T) {
	testneed.BPF(t)
	pair := netnstest.NewPair(t)
	pair.B.LoopbackUp()
	d := startOnPair(t, pair, 19991, "-m", "192.0.2.0/24", "--capture-path", "tc", "--filter", "tcp or (vlan 7 and udp port 2000)")
	if n := d.metric(`netmond_capture_path_info\{[^}]*path="tc"[^}]*\}`); n != 1 {
		t.Fatal("the path is not tc")
	}
	sender := pair.A.Sender()
	for range 10 {
		sender.Send(
			pcaptest.UDP("192.0.2.1:1000", "198.51.100.1:2000", make([]byte, 96), pcaptest.VLAN(7)),
			pcaptest.UDP("192.0.2.1:1000", "198.51.100.1:2000", make([]byte, 96), pcaptest.VLAN(8)),
			pcaptest.UDP("192.0.2.1:1000", "198.51.100.1:2000", make([]byte, 96)),
			pcaptest.ARP("192.0.2.1", "192.0.2.2"),
			pcaptest.TCP("192.0.2.1:1000", "192.0.2.2:80", pcaptest.Segment{}),
		)
	}
	if got, _ := d.figures(20); got.Capture.Packets != 20 {
		t.Errorf("%d packets, want 20", got.Capture.Packets)
	}
}

// TestLiveKernelUnprivileged: without the capabilities of the programs a packet socket counts, and the log and the
// metrics say why.
func TestLiveKernelUnprivileged(t *testing.T) {
	testneed.BPF(t)
	setpriv := testneed.Command(t, "root", "setpriv")
	pair := netnstest.NewPair(t)
	pair.B.LoopbackUp()
	var log bytes.Buffer
	cmd := exec.Command(setpriv, "--bounding-set", "-all,+net_raw", "--", netmondBinary(t),
		"run", "-i", pair.B.Name, "-m", "192.0.2.0/24", "--no-checks", "--mirror-port")
	d := startLiveOn(t, pair, cmd, &log)
	if n := d.metric(`netmond_capture_path_info\{[^}]*path="afpacket"[^}]*reason="[^"]*needs CAP_BPF[^"]*"\}`); n != 1 {
		t.Error("the reason is not that of the missing capability")
	}
	pair.A.Sender().Repeat(pcaptest.UDP("192.0.2.1:1000", "203.0.113.1:53", make([]byte, 100)), 100)
	if got, _ := d.figures(100); got.Capture.Packets != 100 {
		t.Errorf("%d packets, sent 100", got.Capture.Packets)
	}
}
