package main

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/netmond/netmond/internal/pcaptest"
	"github.com/netmond/netmond/packet"
)

// TestTimestampsOfFiles serves captures whose timestamps run backwards, are the same for all, lie before 1970
// and after 2106: the sums are exact, and no flow ends before it begins.
func TestTimestampsOfFiles(t *testing.T) {
	const second, day, year = int64(1e9), 86400 * int64(1e9), 365 * 86400 * int64(1e9)
	const frames = 400
	for name, tt := range map[string]struct {
		offset int64 // s, of the file's interface
		at     func(i int64) int64
	}{
		"backwards":      {0, func(i int64) int64 { return 50*year - i*second }},
		"all the same":   {0, func(int64) int64 { return 50 * year }},
		"zero":           {0, func(int64) int64 { return 0 }},
		"to and fro":     {0, func(i int64) int64 { return 50*year + (i%2)*day }},
		"before 1970":    {-86400 * 365, func(i int64) int64 { return i * second }},
		"after 2106":     {0, func(i int64) int64 { return 140*year + i*second }},
		"a year forward": {0, func(i int64) int64 { return 50*year + (i/(frames/2))*year }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := pcaptest.NewPcapng(false)
			b.Interface(pcaptest.Interface{Link: packet.LinkEthernet, Offset: tt.offset})
			f := pcaptest.UDP("192.0.2.1:1000", "203.0.113.1:53", make([]byte, 400))
			for i := range int64(frames) {
				b.Enhanced(pcaptest.Packet{Time: tt.at(i), Data: f})
			}
			address := startDaemon(t, "run", "-r", pcaptest.File(t, "times.pcapng", b.Bytes()), "-m", "192.0.2.0/24", "--no-checks") // which would run for a day of minutes
			body, err := get("http://" + address + "/api/v1/networks")
			if err != nil {
				t.Fatal(err)
			}
			var got readJSON
			if err := json.Unmarshal(body, &got); err != nil {
				t.Fatal(err)
			}
			checkClosed(t, got)
			if want := (counts{frames, uint64(frames * len(f))}); got.Networks[0].Egress != want || got.Flows.UDP < 1 {
				t.Errorf("egress %+v in %d flows, want %+v", got.Networks[0].Egress, got.Flows.UDP, want)
			}
			if body, err = get("http://" + address + "/api/v1/flows"); err != nil {
				t.Fatal(err)
			}
			var list struct {
				Flows []struct {
					First, Last time.Time
				}
			}
			if err := json.Unmarshal(body, &list); err != nil || len(list.Flows) == 0 {
				t.Fatalf("%v: %s", err, body)
			}
			for _, f := range list.Flows {
				if f.Last.Before(f.First) {
					t.Errorf("a flow lasts from %v to %v", f.First, f.Last)
				}
			}
		})
	}
}
