package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/netmond/netmond/internal/netnstest"
	"github.com/netmond/netmond/internal/pcaptest"
	"github.com/netmond/netmond/packet"
	"github.com/netmond/netmond/web"
)

// longer is how much longer and larger than in CI a test is, with NETMOND_TEST_SOAK set (make soak).
func longer[T any](ci, long T) T {
	if os.Getenv("NETMOND_TEST_SOAK") != "" {
		return long
	}
	return ci
}

// sendMany sends n frames of many flows, all egress of 192.0.2.0/24, and gives their bytes.
func sendMany(port *netnstest.Port, n int) (bytes uint64) {
	sender := port.Sender()
	for i := range n {
		f := pcaptest.UDP("192.0.2."+strconv.Itoa(1+i%250)+":"+strconv.Itoa(1024+i%5000), "203.0.113.1:53", make([]byte, 60+i%1000))
		sender.Send(f)
		bytes += uint64(len(f))
	}
	return bytes
}

// await waits until a sum of series is as wanted.
func (d *liveDaemon) await(what, series string, ok func(uint64) bool) {
	d.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; {
		v := d.metric(series)
		if ok(v) {
			return
		}
		if time.Now().After(deadline) {
			d.t.Fatalf("%s: %s is %d after 30 s", what, series, v)
		}
		time.Sleep(50 * time.Millisecond) // another process: there is no event to wait for
	}
}

func is(want uint64) func(uint64) bool { return func(v uint64) bool { return v == want } }

// TestLiveWorkers captures with several workers on two interfaces: figures are exact in sum and for each
// interface.
func TestLiveWorkers(t *testing.T) {
	d := startLive(t, "-i", "lo", "--workers", "3", "-m", "192.0.2.0/24,127.0.0.0/8")
	const n = 3000
	bytes := sendMany(d.pair.A, n)
	const onLoopback = 50
	d.pair.B.Do(func() {
		to, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		defer to.Close()
		from, err := net.DialUDP("udp4", nil, to.LocalAddr().(*net.UDPAddr))
		if err != nil {
			t.Fatal(err)
		}
		defer from.Close()
		for range onLoopback {
			if _, err := from.Write(make([]byte, 100)); err != nil {
				t.Fatal(err)
			}
		}
	})
	got, drops := d.figures(n + onLoopback)
	checkClosed(t, got)
	if drops != 0 || got.Networks[0].Egress.Packets != n || got.Networks[0].Egress.Bytes != bytes {
		t.Errorf("egress %+v with %d drops, sent %d frames of %d bytes", got.Networks[0].Egress, drops, n, bytes)
	}
	if udp := got.Networks[1].Protocols; udp == nil || got.Networks[1].Inner.Packets < onLoopback {
		t.Errorf("loopback %+v, want each of %d packets once", got.Networks[1].Inner, onLoopback)
	}
	name := d.pair.B.Name
	for series, want := range map[string]uint64{
		`netmond_capture_packets_total\{interface="` + name + `"\}`:             n,
		`netmond_capture_bytes_total\{interface="` + name + `"\}`:               bytes,
		`netmond_capture_kernel_packets_total\{interface="` + name + `"\}`:      n,
		`netmond_capture_worker_packets_total\{interface="` + name + `"[^}]*\}`: n,
		`netmond_capture_up\{[^}]*\}`:                                           2,
		`netmond_lost_packets_total\{[^}]*\}`:                                   0,
	} {
		if v := d.metric(series); v != want {
			t.Errorf("%s is %d, want %d", series, v, want)
		}
	}
	for _, worker := range []string{"0", "1", "2"} {
		if d.metric(`netmond_capture_worker_packets_total\{interface="`+name+`",worker="`+worker+`"\}`) == 0 {
			t.Errorf("worker %s has had no frames", worker)
		}
		if age := d.metric(`netmond_capture_last_poll_age_seconds\{interface="` + name + `",worker="` + worker + `"\}`); age > 2 {
			t.Errorf("worker %s last looked for frames %d s ago", worker, age)
		}
	}
}

// TestLiveSnaplen captures 64 bytes of each frame: the figures are those of whole frames.
func TestLiveSnaplen(t *testing.T) {
	d := startLive(t, "--snaplen", "64", "-m", "192.0.2.0/24")
	const n = 1000
	bytes := sendMany(d.pair.A, n)
	got, _ := d.figures(n)
	checkClosed(t, got)
	if got.Networks[0].Egress.Bytes != bytes || got.Capture.TruncatedPackets != n || got.Capture.CapturedBytes != 64*n {
		t.Errorf("egress %+v, capture %+v, sent %d bytes in %d frames", got.Networks[0].Egress, got.Capture, bytes, n)
	}
}

// TestLiveTwoDaemons runs two on one interface: both count all.
func TestLiveTwoDaemons(t *testing.T) {
	one := startLive(t, "-m", "192.0.2.0/24")
	two := *one
	two.address = "127.0.0.1:19992"
	cmd := exec.Command(netmondBinary(t), "run", "-i", one.pair.B.Name, "-m", "192.0.2.0/24", "--web.listen-address", two.address)
	superviseDaemonBy(t, cmd, one.pair.B.Start)
	two.awaitReady()
	const n = 2000
	bytes := sendMany(one.pair.A, n)
	for i, d := range []*liveDaemon{one, &two} {
		if got, drops := d.figures(n); got.Networks[0].Egress.Bytes != bytes || drops != 0 {
			t.Errorf("daemon %d: egress %+v with %d drops, sent %d bytes", i+1, got.Networks[0].Egress, drops, bytes)
		}
	}
}

// TestLiveStopped stops the process (SIGSTOP) for 3 s, or 10 minutes in a soak, while frames come: what
// the rings did not hold is in the drop counter, to the frame, and no check runs twice.
func TestLiveStopped(t *testing.T) {
	scripts := t.TempDir()
	writeScript(t, scripts, "tick.lua", `return { hooks = { ["5sec"] = function() end } }`)
	d := startLive(t, "-m", "192.0.2.0/24", "--ring-size", "2MiB", "--scripts-dir", scripts)
	d.until("tick", "run", func(c shownCheck) bool { return c.Runs["ok"] > 0 })
	before := d.check("tick").Runs["ok"]
	begin := time.Now()
	sendSignal(t, d.cmd.Process, syscall.SIGSTOP)
	const n = 30_000
	bytes := sendMany(d.pair.A, n)
	length := longer(3*time.Second, 10*time.Minute)
	time.Sleep(time.Until(begin.Add(length))) // its length is the fault
	sendSignal(t, d.cmd.Process, syscall.SIGCONT)
	got, drops := d.figures(n)
	checkClosed(t, got)
	if drops == 0 || got.Capture.Packets+drops != n {
		t.Errorf("%d captured + %d dropped of %d", got.Capture.Packets, drops, n)
	}
	if lost := d.metric(`netmond_lost_packets_total\{cause="ring",interface="` + d.pair.B.Name + `"\}`); lost != drops {
		t.Errorf("lost by the ring: %d, drops %d", lost, drops)
	}
	if got.Networks[0].Egress.Bytes >= bytes || got.Networks[0].Egress.Packets != got.Capture.Packets {
		t.Errorf("egress %+v of %d bytes sent", got.Networks[0].Egress, bytes)
	}
	d.until("tick", "run again", func(c shownCheck) bool { return c.Runs["ok"] > before })
	after, elapsed := d.check("tick").Runs["ok"], time.Since(begin)
	if most := before + uint64((elapsed-length)/(5*time.Second)) + 2; after > most {
		t.Errorf("the check ran %d times before and %d times %v later, %v of them stopped: missed runs were caught up", before, after, elapsed, length)
	}
}

func sendSignal(t *testing.T, p *os.Process, s os.Signal) {
	t.Helper()
	if err := p.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// TestLiveFlapsLeaveNothing takes the interface down and up, and away and back, many times: descriptors,
// goroutines and memory are as before.
func TestLiveFlapsLeaveNothing(t *testing.T) {
	d := startLive(t, "-m", "192.0.2.0/24", "--workers", "3", "--ring-size", "6MiB", "--max-flows", "4096", "--no-checks") // whose workers may start meanwhile
	state := func() (fds, goroutines, memory uint64) {
		return d.metric("process_open_fds"), d.metric("go_goroutines"), d.metric("process_resident_memory_bytes")
	}
	name := d.pair.B.Name
	downs := `netmond_capture_interface_downs_total\{interface="` + name + `"\}`
	sent, lost := uint64(0), uint64(0)
	flap := func(i int) {
		if i%10 == 9 { // the spare sockets are used from the first time on
			d.pair.Delete()
			d.await("down", downs, is(lost+1))
			d.pair.Create()
		} else {
			d.pair.B.Down()
			d.await("down", downs, is(lost+1))
			d.pair.B.Up()
		}
		lost++
		d.await("up", `netmond_capture_up\{[^}]*\}`, is(1))
		sendMany(d.pair.A, 50)
		sent += 50
		d.await("frames", `netmond_capture_packets_total\{interface="`+name+`"\}`, is(sent))
	}
	for i := range 10 {
		flap(i)
	}
	fds, goroutines, memory := state()
	flaps := longer(20, 400)
	for i := range flaps {
		flap(i)
	}
	fdsNow, goroutinesNow, memoryNow := state()
	if fdsNow > fds+2 || goroutinesNow > goroutines+goroutines/10+2 || memoryNow > memory+memory/10 {
		t.Errorf("after %d flaps: descriptors %d, before %d; goroutines %d, before %d; memory %d, before %d",
			flaps, fdsNow, fds, goroutinesNow, goroutines, memoryNow, memory)
	}
	got, drops := d.figures(sent)
	checkClosed(t, got)
	if drops != 0 || got.Networks[0].Egress.Packets != sent {
		t.Errorf("egress %+v with %d drops, sent %d", got.Networks[0].Egress, drops, sent)
	}
}

// TestLiveDown takes the interface down for 5 s: the gauge tells, one line each way is logged, hardly any
// processor time is used, and frames count again within 2 s.
func TestLiveDown(t *testing.T) {
	d := startLive(t, "-m", "192.0.2.0/24")
	sendMany(d.pair.A, 10)
	d.figures(10)
	d.pair.B.Down()
	d.await("down", `netmond_capture_up\{[^}]*\}`, is(0))
	before := d.cpu()
	const down = 5 * time.Second
	time.Sleep(down) // processor time while nothing happens is what is measured
	if used := d.cpu() - before; used > down/20 {
		t.Errorf("%v of processor time in %v without an interface", used, down)
	}
	begin := time.Now()
	d.pair.B.Up()
	sendMany(d.pair.A, 10)
	d.figures(20)
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("counting again after %v", took)
	}
	if log := d.log(); strings.Count(log, "is down or gone") != 1 || strings.Count(log, "is up again") != 1 {
		t.Errorf("want one line each way:\n%s", log)
	}
}

// cpu is the processor time that the daemon and its script workers that ended have used.
func (d *liveDaemon) cpu() time.Duration {
	d.t.Helper()
	var clock int32 = int32(^d.cmd.Process.Pid<<3 | 2) // CPUCLOCK_SCHED of the process
	var ts unix.Timespec
	if err := unix.ClockGettime(clock, &ts); err != nil {
		d.t.Fatal(err)
	}
	return time.Duration(ts.Nano())
}

// TestLiveIdleCost leaves a daemon with the shipped checks and its history without traffic.
func TestLiveIdleCost(t *testing.T) {
	d := startLive(t)
	time.Sleep(3 * time.Second) // the start is behind it
	before, span := d.ran(), longer(5*time.Second, time.Minute)
	time.Sleep(span)
	used := d.ran() - before
	if most := span / longer[time.Duration](50, 200); used > most { // other tests run beside the short one
		t.Errorf("idle for %v: %v of processor time, want %v at most", span, used, most)
	}
}

// ran is the time that the daemon's threads have run for, to the nanosecond.
func (d *liveDaemon) ran() (sum time.Duration) {
	d.t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", d.cmd.Process.Pid))
	if err != nil || len(threads) == 0 {
		d.t.Fatalf("threads of the daemon: %v", err)
	}
	for _, file := range threads {
		var ns int64
		text, err := os.ReadFile(file)
		if os.IsNotExist(err) {
			continue // a thread that has ended
		}
		if _, err = fmt.Sscan(string(text), &ns); err != nil {
			d.t.Fatal(err)
		}
		sum += time.Duration(ns)
	}
	return sum
}

// TestLiveBlockedLog starts with standard error on a pipe that is full and that nobody reads: frames are
// counted, figures are served, interface changes are followed, and the end comes in time.
func TestLiveBlockedLog(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { read.Close(); write.Close() }) // after the daemon's end
	fill(t, write)
	d := startLiveWith(t, func(cmd *exec.Cmd) { cmd.Stderr = write }, "-m", "192.0.2.0/24")
	const n = 1000
	sendMany(d.pair.A, n)
	d.pair.B.Down()
	d.await("down", `netmond_capture_up\{[^}]*\}`, is(0))
	d.pair.B.Up()
	d.await("up", `netmond_capture_up\{[^}]*\}`, is(1))
	bytes := sendMany(d.pair.A, n)
	got, drops := d.figures(2 * n)
	if drops != 0 || got.Networks[0].Egress.Bytes != 2*bytes {
		t.Errorf("egress %+v with %d drops, sent twice %d bytes", got.Networks[0].Egress, drops, bytes)
	}
	d.metric("netmond_log_lines_dropped_total") // is there
	// The cleanup of the daemon holds that it ends within 5 s, and well.
}

// fill writes to a pipe until it takes no more.
func fill(t *testing.T, write *os.File) {
	t.Helper()
	fd := int(write.Fd())
	if err := unix.SetNonblock(fd, true); err != nil {
		t.Fatal(err)
	}
	for page := make([]byte, 4096); ; {
		if _, err := unix.Write(fd, page); err == unix.EAGAIN {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.SetNonblock(fd, false); err != nil {
		t.Fatal(err)
	}
}

// TestLiveRandomFrames sends random bytes as frames, and known frames cut at every length: each is in
// the class that the decoder gives it, to the byte.
func TestLiveRandomFrames(t *testing.T) {
	d := startLive(t, "-m", "192.0.2.0/24", "--ring-size", "32MiB")
	sender := d.pair.A.Sender()
	var decoder packet.Decoder
	var want struct{ ip, nonIP, undecoded counts }
	send := func(f []byte) {
		sender.Send(f)
		var m packet.Meta
		// The stack takes the outer tag off, as packet.Frame has it.
		frame := packet.Frame{Data: f, WireLen: uint32(len(f)), Link: 1}
		decoder.Decode(&frame, &m)
		c := &want.undecoded
		switch m.Class {
		case packet.ClassIP:
			c = &want.ip
		case packet.ClassNonIP:
			c = &want.nonIP
		}
		c.Packets++
		c.Bytes += uint64(len(f))
	}
	random := rand.New(rand.NewPCG(1, 2))
	n := longer(20_000, 1_000_000)
	for i := range n {
		f := make([]byte, 15+random.IntN(200))
		for j := range f {
			f[j] = byte(random.Uint32())
		}
		switch i % 4 { // enough of them say that they are IP
		case 0:
			f[12], f[13] = 0x08, 0x00
		case 1:
			f[12], f[13], f[14] = 0x08, 0x00, 0x45
		case 2:
			f[12], f[13], f[14] = 0x86, 0xdd, 0x60
		}
		send(f)
		if i%5000 == 4999 { // the ring holds them all
			d.figures(uint64(i + 1))
		}
	}
	whole := [][]byte{
		pcaptest.TCP("192.0.2.1:1000", "192.0.2.2:80", pcaptest.Segment{Payload: make([]byte, 30)}),
		pcaptest.UDP("[2001:db8:1::1]:1", "[2001:db8:1::2]:2", make([]byte, 30)),
		pcaptest.ARP("192.0.2.1", "192.0.2.2"),
	}
	whole = append(whole, pcaptest.Fragments("192.0.2.9", "203.0.113.9", 17, make([]byte, 100), 48)...)
	for _, f := range whole {
		for length := 14; length <= len(f); length++ {
			send(f[:length])
			n++
		}
	}
	got, drops := d.figures(uint64(n))
	checkClosed(t, got)
	ip := counts{Packets: got.IP.IPv4.Packets + got.IP.IPv6.Packets, Bytes: got.IP.IPv4.Bytes + got.IP.IPv6.Bytes}
	if drops != 0 || ip != want.ip || got.Scopes["non_ip"] != want.nonIP || got.Scopes["undecoded"] != want.undecoded {
		t.Errorf("IP %+v, non-IP %+v, undecoded %+v with %d drops, want %+v", ip, got.Scopes["non_ip"], got.Scopes["undecoded"], drops, want)
	}
	d.checkLost(want.undecoded.Packets)
	if log := d.log(); strings.Contains(log, "panic") {
		t.Error(log)
	}
}

// checkLost wants the one number of lost packets, which are all undecoded, in metrics and API alike.
func (d *liveDaemon) checkLost(undecoded uint64) {
	d.t.Helper()
	if got := d.metric(`netmond_lost_packets_total\{[^}]*\}`); got != undecoded {
		d.t.Errorf("metrics: %d packets lost for all causes, want %d", got, undecoded)
	}
	d.metric(`netmond_lost_packets_total\{cause="undecoded",interface=""\}`) // it is there
	body, err := d.get("/api/v1/capture")
	var answer struct{ Lost web.LostPackets }
	if err == nil {
		err = json.Unmarshal(body, &answer)
	}
	want := web.LostPackets{Packets: undecoded, ByCause: map[string]uint64{"ring": 0, "nic": 0, "undecoded": undecoded, "untracked": 0}}
	if diff := cmp.Diff(want, answer.Lost); err != nil || diff != "" {
		d.t.Errorf("API (%v), -want +got:\n%s", err, diff)
	}
}
