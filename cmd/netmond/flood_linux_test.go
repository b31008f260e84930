package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/netmond/netmond/internal/netnstest"
	"github.com/netmond/netmond/internal/pcaptest"
	"github.com/netmond/netmond/internal/testneed"
)

// soakFor is how long the tests of make soak last: what NETMOND_SOAK says, else a few seconds.
func soakFor(t *testing.T, short time.Duration) time.Duration {
	t.Helper()
	text := os.Getenv("NETMOND_SOAK")
	if text == "" {
		return short
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("NETMOND_SOAK: %v", err)
	}
	return d
}

// skipShort leaves a test out of the run with the race detector, which multiplies memory.
func skipShort(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("measures memory: not with -short")
	}
}

// A flood makes frames that never repeat: SYNs and datagrams between random local addresses, of an IPv4 /8
// and an IPv6 /64, and random others.
type flood struct {
	rand   *rand.Rand
	frames [4][]byte
}

func newFlood() *flood {
	return &flood{rand: rand.New(rand.NewPCG(1, 2)), frames: [4][]byte{
		pcaptest.TCP("203.0.113.1:1000", "10.0.0.1:80", pcaptest.Segment{Flags: "S"}),
		pcaptest.UDP("203.0.113.1:1000", "10.0.0.1:53", make([]byte, 20)),
		pcaptest.TCP("[2001:db8:9::1]:1000", "[2001:db8:1::1]:80", pcaptest.Segment{Flags: "S"}),
		pcaptest.UDP("[2001:db8:9::1]:1000", "[2001:db8:1::1]:53", make([]byte, 20)),
	}}
}

// next is valid until the call after it. Checksums are not those of the frame, which nobody looks at.
func (f *flood) next() []byte {
	i := f.rand.IntN(len(f.frames))
	b, r := f.frames[i], f.rand.Uint64()
	if i < 2 {
		binary.BigEndian.PutUint32(b[26:], uint32(r))                    // source
		binary.BigEndian.PutUint32(b[30:], 10<<24|f.rand.Uint32N(1<<24)) // destination
		binary.BigEndian.PutUint16(b[34:], uint16(r>>32)|1)              // source port
		b[26] = 11 + b[26]%100                                           // never local
		return b
	}
	binary.BigEndian.PutUint64(b[30:], r)               // lower half of the source
	binary.BigEndian.PutUint64(b[46:], f.rand.Uint64()) // and of the destination, in the /64
	return b
}

// statusBytes is a line of /proc/PID/status that is in kB.
func statusBytes(t *testing.T, pid int, key string) int64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if name, value, _ := strings.Cut(line, ":"); name == key {
			n, err := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n << 10
		}
	}
	t.Fatalf("no %s", key)
	return 0
}

// memoryGroup makes a control group that may hold most bytes, of version 2 or 1; "" where neither can be
// made. The kernel ends what passes it.
func memoryGroup(t *testing.T, most int64) string {
	t.Helper()
	name := fmt.Sprintf("netmond-test-%d", os.Getpid())
	for _, g := range []struct{ parent, limit, swap string }{
		{"/sys/fs/cgroup", "memory.max", "memory.swap.max"},
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.memsw.limit_in_bytes"},
	} {
		dir := filepath.Join(g.parent, name)
		if os.Mkdir(dir, 0o755) != nil {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, g.limit), []byte(strconv.FormatInt(most, 10)), 0o644); err != nil {
			os.Remove(dir)
			continue
		}
		t.Cleanup(func() { os.Remove(dir) })
		if os.WriteFile(filepath.Join(dir, g.swap), []byte("0"), 0o644) != nil { // v1: memory and swap in one
			os.WriteFile(filepath.Join(dir, g.swap), []byte(strconv.FormatInt(most, 10)), 0o644)
		}
		return dir
	}
	return ""
}

// TestLiveFloodWithinBudget floods a daemon that has a memory budget with more than ten times the flows
// and hosts that it can hold, in a control group of the budget and a fifth: it lives, its memory stays
// within 1.1 times the budget, the networks' bytes are exact, and what it gave up is counted. make soak
// does it for ten minutes.
func TestLiveFloodWithinBudget(t *testing.T) {
	skipShort(t)
	testneed.Netns(t)
	const budget = 160 << 20
	pair := netnstest.NewPair(t)
	pair.B.LoopbackUp()
	group := memoryGroup(t, budget*12/10)
	var log bytes.Buffer
	args := []string{"run", "-i", pair.B.Name, "-m", "10.0.0.0/8=v4,2001:db8:1::/64=v6", "--memory", "160MiB", "--no-checks", "--host-idle-timeout", "1h"}
	cmd := exec.Command(netmondBinary(t), args...)
	if group == "" {
		t.Log("no control group for memory can be made here: the kernel ends nothing, only the highest use is looked at")
	} else {
		cmd = exec.Command("/bin/sh", append([]string{"-c", `echo $$ > "$0"/cgroup.procs && exec "$@"`, group, netmondBinary(t)}, args...)...)
	}
	d := startLiveOn(t, pair, cmd, &log)
	capacity := d.metric("netmond_flow_table_capacity")
	f, sender := newFlood(), pair.A.Sender()
	var sent, bytesSent uint64
	least, end := 11*capacity, time.Now().Add(soakFor(t, 0))
	for sent < least || time.Now().Before(end) {
		for range 1000 {
			b := f.next()
			sender.Send(b)
			sent++
			bytesSent += uint64(len(b))
		}
		if sent%100_000 == 0 {
			d.metric("netmond_flow_table_entries")
			if _, err := d.get("/api/v1/networks"); err != nil {
				t.Fatal(err)
			}
		}
	}
	got, drops := d.figures(sent)
	checkClosed(t, got)
	if got.Capture.Packets+drops != sent {
		t.Errorf("%d captured and %d dropped of %d", got.Capture.Packets, drops, sent)
	}
	var inNetworks uint64
	for _, n := range got.Networks {
		inNetworks += n.Ingress.Bytes
	}
	if inNetworks != got.Capture.Bytes || drops == 0 && inNetworks != bytesSent {
		t.Errorf("networks took in %d bytes, captured %d, sent %d with %d drops", inNetworks, got.Capture.Bytes, bytesSent, drops)
	}
	gone := d.metric(`netmond_flow_table_ended_total\{reason="(?:lack_of_resources|half_open|idle_timeout)"\}`) + d.metric("netmond_flow_table_untracked_packets_total")
	refused := d.metric("netmond_hosts_refused_total")
	if want := got.Capture.Packets - capacity; gone < want-want/100 {
		t.Errorf("%d flows evicted, aged or untracked, want about %d", gone, want)
	}
	if refused == 0 {
		t.Error("no host was refused")
	}
	peak := statusBytes(t, cmd.Process.Pid, "VmHWM")
	t.Logf("%d packets, %d drops, capacity %d flows, %d gone, %d hosts refused, highest resident memory %.1f MiB of %d",
		sent, drops, capacity, gone, refused, float64(peak)/(1<<20), budget>>20)
	if peak > budget*11/10 {
		t.Errorf("resident memory rose to %d bytes, 1.1 times the budget are %d", peak, int64(budget*11/10))
	}
}

// leastOf is the least budget that a refusal names, MiB.
func leastOf(t *testing.T, out []byte) int {
	t.Helper()
	found := regexp.MustCompile(`want (\d+)MiB at least`).FindSubmatch(out)
	if found == nil {
		t.Fatalf("the refusal names no least budget: %s", out)
	}
	n, err := strconv.Atoi(string(found[1]))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestLeastBudgetLive starts with the least budget that the refusal of a smaller one names, and floods.
func TestLeastBudgetLive(t *testing.T) {
	skipShort(t)
	testneed.Netns(t)
	pair := netnstest.NewPair(t)
	pair.B.LoopbackUp()
	args := func(budget string) []string {
		return []string{"run", "-i", pair.B.Name, "-m", "10.0.0.0/8=v4,2001:db8:1::/64=v6", "--no-checks", "--memory", budget}
	}
	var out bytes.Buffer
	small := exec.Command(netmondBinary(t), args("1MiB")...)
	small.Stderr = &out
	if err := pair.B.Start(small); err != nil {
		t.Fatal(err)
	}
	if err := small.Wait(); err == nil {
		t.Fatal("1 MiB is accepted")
	}
	least := leastOf(t, out.Bytes())
	// What a process takes at its start differs by some pages from one to the next.
	least++
	var log bytes.Buffer
	cmd := exec.Command(netmondBinary(t), args(fmt.Sprintf("%dMiB", least))...)
	d := startLiveOn(t, pair, cmd, &log)
	f, sender := newFlood(), pair.A.Sender()
	const sent = 200_000
	for range sent {
		sender.Send(f.next())
	}
	got, drops := d.figures(sent)
	checkClosed(t, got)
	if got.Capture.Packets+drops != sent {
		t.Errorf("%d captured and %d dropped of %d", got.Capture.Packets, drops, sent)
	}
	peak := statusBytes(t, cmd.Process.Pid, "VmHWM")
	t.Logf("least budget %d MiB, highest resident memory %.1f MiB, %d drops", least, float64(peak)/(1<<20), drops)
	if peak > int64(least)<<20*11/10 {
		t.Errorf("resident memory rose to %d bytes with a budget of %d MiB", peak, least)
	}
}

// TestLeastBudgetFile does the same with a capture file; --log.level debug shows the split.
func TestLeastBudgetFile(t *testing.T) {
	skipShort(t)
	var capture bytes.Buffer
	f := newFlood()
	packets := make([]pcaptest.Packet, 100_000)
	for i := range packets {
		packets[i] = pcaptest.Packet{Time: syntheticStart + int64(i)*1000, Data: slices.Clone(f.next())}
	}
	if err := pcaptest.WritePcap(&capture, pcaptest.PcapOptions{Link: pcaptest.LinkEthernet}, packets...); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "flood.pcap")
	if err := os.WriteFile(file, capture.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	args := func(budget string) []string {
		return []string{"read", "--format", "json", "--log.level", "debug", "-m", "10.0.0.0/8=v4,2001:db8:1::/64=v6", "--memory", budget, file}
	}
	out, err := exec.Command(netmondBinary(t), args("1MiB")...).CombinedOutput()
	if err == nil {
		t.Fatal("1 MiB is accepted")
	}
	least := leastOf(t, out) + 1
	cmd := exec.Command(netmondBinary(t), args(fmt.Sprintf("%dMiB", least))...)
	var errw bytes.Buffer
	cmd.Stderr = &errw
	b, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, errw.String())
	}
	if !strings.Contains(errw.String(), "msg=memory budget=") {
		t.Errorf("the split is not shown: %s", errw.String())
	}
	var got readJSON
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	checkClosed(t, got)
	var in uint64
	for _, n := range got.Networks {
		in += n.Ingress.Packets
	}
	if in != 100_000 {
		t.Errorf("%d packets in the networks", in)
	}

	// The highest use of a process that lives on: that of one that has ended contains its parent's, whose
	// memory it shared between fork and exec.
	address := freeAddress(t)
	daemon := exec.Command(netmondBinary(t), "run", "-r", file, "--no-checks", "--web.listen-address", address,
		"-m", "10.0.0.0/8=v4,2001:db8:1::/64=v6", "--memory", fmt.Sprintf("%dMiB", least))
	superviseDaemonBy(t, daemon, (*exec.Cmd).Start)
	waitReady(t, address)
	peak := statusBytes(t, daemon.Process.Pid, "VmHWM")
	t.Logf("least budget %d MiB, highest resident memory %.1f MiB", least, float64(peak)/(1<<20))
	if peak > int64(least)<<20*11/10 {
		t.Errorf("resident memory rose to %d bytes with a budget of %d MiB", peak, least)
	}
}

// A soak has samples of one series, for its slope.
type soak struct{ x, y []float64 } // seconds, value

func (s *soak) add(x, y float64) { s.x, s.y = append(s.x, x), append(s.y, y) }

// perHour is the slope of the least-squares line through all samples but the first third, in parts of
// their mean an hour.
func (s *soak) perHour() float64 {
	x, y := s.x[len(s.x)/3:], s.y[len(s.y)/3:]
	var mx, my float64
	for i := range x {
		mx += x[i] / float64(len(x))
		my += y[i] / float64(len(y))
	}
	var xy, xx float64
	for i := range x {
		xy += (x[i] - mx) * (y[i] - my)
		xx += (x[i] - mx) * (x[i] - mx)
	}
	return xy / xx / my * 3600
}

func TestSoakSlope(t *testing.T) {
	var flat, rising soak
	for i := range 300 {
		x := float64(i * 60)
		jitter := float64(i%7-3) / 100
		flat.add(x, 100+jitter)
		rising.add(x, 100+x/3600*2+jitter) // 2 an hour from 100
	}
	if got := flat.perHour(); got < -0.001 || got > 0.001 {
		t.Errorf("flat: %v an hour", got)
	}
	if got := rising.perHour(); got < 0.018 || got > 0.020 { // of the mean, which is 106
		t.Errorf("rising: %v an hour", got)
	}
}

// TestLiveSoak replays the same traffic all the time: memory must not rise by 1 % an hour after the first
// third, and the goroutines stay as many. make soak does it as long as NETMOND_SOAK says (24h); a run of
// seconds looks for a leak that fills memory at once.
func TestLiveSoak(t *testing.T) {
	skipShort(t)
	testneed.Netns(t)
	scripts := t.TempDir()
	if err := os.Chmod(scripts, 0o755); err != nil {
		t.Fatal(err)
	}
	writeScript(t, scripts, "good.lua", `return { hooks = { ["5sec"] = function() network.storeTriggeredAlert("soak", 1, 60, 77, "", "{}") end } }`)
	var log bytes.Buffer
	d, proc := startLiveProcess(t, &log, "-m", "10.0.0.0/8=v4,2001:db8:1::/64=v6", "--scripts-dir", scripts, "--data-dir", t.TempDir(), "--max-flows", "20000")
	frames := make([][]byte, 50_000)
	f := newFlood()
	for i := range frames {
		frames[i] = slices.Clone(f.next())
	}
	sender := d.pair.A.Sender()
	total := soakFor(t, 6*time.Second)
	step := max(total/300, 200*time.Millisecond)
	begun := time.Now()
	var memory soak
	var goroutines []uint64
	for n := 0; time.Since(begun) < total; {
		for next := time.Now().Add(step); time.Now().Before(next); n++ {
			sender.Send(frames[n%len(frames)])
		}
		goroutines = append(goroutines, d.metric("go_goroutines"))
		memory.add(time.Since(begun).Seconds(), float64(statusBytes(t, proc.Pid, "VmRSS")))
	}
	slope := memory.perHour()
	t.Logf("%d samples, resident memory %.1f to %.1f MiB, slope %.2f %% an hour, goroutines %d to %d", len(memory.y),
		memory.y[0]/(1<<20), memory.y[len(memory.y)-1]/(1<<20), slope*100, goroutines[0], goroutines[len(goroutines)-1])
	if total >= 3*time.Hour && slope > 0.01 {
		t.Errorf("memory rises by %.2f %% an hour", slope*100)
	}
	third := memory.y[len(memory.y)/3:]
	if slices.Max(third) > 1.25*slices.Min(third) {
		t.Errorf("memory goes from %.0f to %.0f bytes", slices.Min(third), slices.Max(third))
	}
	if a := goroutines[len(goroutines)/3:]; slices.Max(a) > slices.Min(a)+8 { // requests under way
		t.Errorf("%d to %d goroutines", slices.Min(a), slices.Max(a))
	}
}
