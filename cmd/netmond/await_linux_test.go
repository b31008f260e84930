package main

import (
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/netmond/netmond/internal/netnstest"
	"github.com/netmond/netmond/internal/pcaptest"
)

// TestLiveAwaitInterface starts before the interface exists, in the sandbox: not ready, with the reason, until
// it does; then each frame counts.
func TestLiveAwaitInterface(t *testing.T) {
	pair := netnstest.NewPair(t)
	pair.Delete()
	d := launchLive(t, pair, func(*exec.Cmd) {}, "--wait-for-interface", "0", "--workers", "2", "--ring-size", "4MiB", "-m", "192.0.2.0/24", "--no-checks")
	for deadline := time.Now().Add(20 * time.Second); ; {
		_, err := d.get("/-/ready")
		if err != nil && strings.Contains(err.Error(), "503") && strings.Contains(err.Error(), pair.B.Name) {
			break
		} else if err == nil || time.Now().After(deadline) {
			t.Fatalf("/-/ready: %v, want 503 and the interface's name", err)
		}
		time.Sleep(20 * time.Millisecond) // another process: there is no event to wait for
	}
	if awaited, up := d.metric(`netmond_capture_awaited\{[^}]*\}`), d.metric(`netmond_capture_up\{[^}]*\}`); awaited != 1 || up != 0 {
		t.Errorf("awaited %d, up %d, want 1 and 0", awaited, up)
	}
	pair.Create()
	d.awaitReady()
	d.await("up", `netmond_capture_up\{[^}]*\}`, is(1))
	d.await("joined", `netmond_capture_awaited\{[^}]*\}`, is(0))
	frame := pcaptest.UDP("192.0.2.1:1000", "203.0.113.1:53", make([]byte, 100))
	d.pair.A.Sender().Repeat(frame, 50)
	if got, drops := d.figures(50); drops != 0 || got.Networks[0].Egress.Packets != 50 {
		t.Errorf("egress %+v, %d dropped, want 50", got.Networks[0].Egress, drops)
	}
}

// TestLiveAwaitInterfaceEnds gives up after the time that was given.
func TestLiveAwaitInterfaceEnds(t *testing.T) {
	pair := netnstest.NewPair(t)
	pair.B.LoopbackUp()
	var out lockedLog
	cmd := exec.Command(netmondBinary(t), "run", "-i", "nmx", "--wait-for-interface", "1s", "--no-checks")
	cmd.Stderr = &out
	if err := pair.B.Start(cmd); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	killed := time.AfterFunc(20*time.Second, func() { cmd.Process.Kill() })
	defer killed.Stop()
	err := cmd.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() <= 0 {
		t.Errorf("netmond ended with %v, want a code", err)
	}
	if took := time.Since(began); took < time.Second || took > 15*time.Second {
		t.Errorf("it ended after %v", took)
	}
	if text := out.String(); !strings.Contains(text, "waited 1s: no such interface: nmx; present are lo, "+pair.B.Name) {
		t.Errorf("it does not say why:\n%s", text)
	}
}
