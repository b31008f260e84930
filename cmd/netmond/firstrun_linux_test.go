package main

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/netmond/netmond/internal/netnstest"
	"github.com/netmond/netmond/internal/pcaptest"
	"github.com/netmond/netmond/internal/testneed"
)

// mirrorPort is a pair whose B end has seen traffic and has no address.
func mirrorPort(t *testing.T) *netnstest.Pair {
	t.Helper()
	pair := netnstest.NewPair(t)
	pair.B.LoopbackUp()
	pair.A.Sender().Send(pcaptest.ARP("192.0.2.1", "192.0.2.2"))
	return pair
}

// busyNetworks sends frames of four private networks, each with half the frames of the one before.
func busyNetworks(pair *netnstest.Pair) {
	sender := pair.A.Sender()
	for i, client := range []string{"10.1.2.3:1000", "172.16.4.5:1000", "192.168.6.7:1000", "100.64.8.9:1000"} {
		for range 800 >> i {
			sender.Send(pcaptest.UDP(client, "203.0.113.9:53", make([]byte, 500)))
		}
	}
}

// TestFirstRun starts netmond bare, at a terminal, beside a mirror port: it says where the page is, how it
// captures and why, what was lost, and within ten seconds which networks are busiest.
func TestFirstRun(t *testing.T) {
	pair := mirrorPort(t)
	s := onPTY(t, pair.B.NS, nil, netmondBinary(t))
	s.until(20*time.Second, "capturing on "+pair.B.Name+", the only interface that receives traffic and has no address",
		"http://127.0.0.1:19991/  (in a terminal: netmond top)")
	busyNetworks(pair)
	took := s.until(greetTime+time.Second, "0 packets lost", pair.B.Name+" by "+pathAFPacket+": ", "192.168.0.0/16")
	if took > greetTime {
		t.Errorf("the greeting took %v", took)
	}
	text := s.log.String()
	order := regexp.MustCompile(`(?s)10\.0\.0\.0/8 .* out 4\d\d .*172\.16\.0\.0/12 .*192\.168\.0\.0/16 `)
	if !order.MatchString(text) || strings.Contains(text, "100.64.0.0/10 ") {
		t.Error("want the three busiest networks, and in this order")
	}
	if code := s.end(); code != exitOK {
		t.Errorf("Ctrl-C: exit code %d", code)
	}
}

// TestFirstRunQuiet: where nothing comes, that is said in ten seconds too; and the address is the one that is
// served, by https where there is a certificate.
func TestFirstRunQuiet(t *testing.T) {
	pair := mirrorPort(t)
	dir := t.TempDir()
	writeAuthority(t, dir)
	config := filepath.Join(dir, "web.yml")
	if err := os.WriteFile(config, []byte("tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := onPTY(t, pair.B.NS, nil, netmondBinary(t), "--web.config.file", config, "--web.listen-address", ":19443")
	s.until(20*time.Second, "https://localhost:19443/  (in a terminal: netmond top --url https://localhost:19443)")
	if took := s.until(greetTime+time.Second, "packets lost", "no traffic of a local network yet"); took > greetTime {
		t.Errorf("the greeting took %v", took)
	}
}

// TestFirstRunNothingStandsOut: the error names the interfaces there are, and what needs none.
func TestFirstRunNothingStandsOut(t *testing.T) {
	pair := netnstest.NewPair(t)
	pair.B.LoopbackUp()
	pair.B.AddAddr(netip.MustParsePrefix("192.0.2.2/24"))
	s := onPTY(t, pair.B.NS, nil, netmondBinary(t))
	if code := s.wait(); code != exitUsage {
		t.Errorf("exit code %d", code)
	}
	s.until(time.Second, "no interface stands out", "name one of lo, "+pair.B.Name, "with -i", "netmond demo needs neither")
}

// TestFirstRunUnprivileged: the command that is printed gives what is missing.
func TestFirstRunUnprivileged(t *testing.T) {
	testneed.Root(t)
	setpriv, setcap := testneed.Command(t, "root", "setpriv"), testneed.Command(t, "root", "setcap")
	pair := mirrorPort(t)
	program := copyForAll(t)
	asNobody := []string{setpriv, "--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps", "-all", "--", program}
	s := onPTY(t, pair.B.NS, nil, asNobody...)
	if code := s.wait(); code != exitError {
		t.Errorf("exit code %d", code)
	}
	s.until(time.Second, "capturing on "+pair.B.Name, "CAP_NET_RAW", "sudo setcap cap_net_raw+ep "+program)
	command := regexp.MustCompile(`sudo (setcap \S+ \S+)`).FindStringSubmatch(s.log.String())
	if command == nil {
		t.Fatal("no command is printed")
	}
	args := strings.Fields(command[1])[1:]
	if out, err := exec.Command(setcap, args...).CombinedOutput(); err != nil {
		t.Skipf("file capabilities are not supported here: %v, %s", err, out)
	}
	again := onPTY(t, pair.B.NS, nil, asNobody...)
	again.until(20*time.Second, fmt.Sprintf("http://%s/", defaultListen))
	busyNetworks(pair)
	again.until(greetTime+time.Second, "0 packets lost", "10.0.0.0/8")
	if code := again.end(); code != exitOK {
		t.Errorf("Ctrl-C: exit code %d", code)
	}
}
