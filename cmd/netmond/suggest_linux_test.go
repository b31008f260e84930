package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/netmond/netmond/internal/netnstest"
	"github.com/netmond/netmond/internal/pcaptest"
)

// TestSuggestLive captures on an interface until it is interrupted.
func TestSuggestLive(t *testing.T) {
	pair := netnstest.NewPair(t)
	cmd := exec.Command(netmondBinary(t), "networks", "suggest", "-i", pair.B.Name, "--duration", "60s", "--format", "json")
	errw := &lockedLog{}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, errw
	if err := pair.B.Start(cmd); err != nil {
		t.Fatal(err)
	}
	defer time.AfterFunc(30*time.Second, func() { cmd.Process.Kill() }).Stop()
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(errw.String(), "capturing on"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no capture after 10 s: %s", errw)
		}
	}
	sender := pair.A.Sender()
	for i := range 200 {
		sender.Send(pcaptest.UDP(fmt.Sprintf("10.44.5.%d:1000", 1+i%8), fmt.Sprintf("198.51.%d.9:53", i), make([]byte, 100)))
	}
	time.Sleep(200 * time.Millisecond) // a ring's block is given when it is full or 100 ms old
	cmd.Process.Signal(os.Interrupt)
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v: %s", err, errw)
	}
	var got suggestions
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatalf("%v in %s", err, out.String())
	}
	if got.cidrs() != "10.44.5.0/24" || got.Prefixes[0].Hosts != 8 || got.Bytes != 200*142 {
		t.Errorf("%+v", got)
	}
}
