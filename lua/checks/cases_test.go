package checks_test

import (
	"fmt"
	"time"

	"github.com/netmond/netmond/internal/checktest"
	"github.com/netmond/netmond/internal/pcaptest"
)

// A checkCase runs one check over traffic; what becomes of its alerts is testdata/<check>/<name>.txt.
type checkCase struct {
	check, name string
	config      map[string]any // where the defaults need a capture of gigabytes or hours
	more        []checktest.Script
	restart     time.Duration
	build       func(w *traffic)
}

var checkCases = []checkCase{
	{check: "traffic_volume", name: "directions",
		config: map[string]any{"ingress_min": 100_000, "egress_min": 100_000, "inner_min": 100_000},
		build: func(w *traffic) {
			w.murmur(0, 13)
			w.volume(0, 150_000, "203.0.113.5", "192.0.2.10") // before the first run: not judged
			w.volume(3, 150_000, "203.0.113.5", "192.0.2.10")
			w.volume(4, 90_000, "203.0.113.5", "192.0.2.10") // above 80 %: goes on
			w.volume(5, 70_000, "203.0.113.5", "192.0.2.10") // ends
			w.volume(6, 90_000, "203.0.113.5", "192.0.2.10") // below the threshold: nothing
			w.volume(8, 120_000, "192.0.2.10", "203.0.113.5")
			w.volume(10, 120_000, "192.0.2.10", "192.0.2.11")
			w.volume(12, 120_000, "192.0.2.10", "192.0.2.140") // egress of one, ingress of the other
		}},
	{check: "traffic_volume", name: "periods",
		config: map[string]any{"ingress_min": 0, "egress_min": 0, "inner_min": 0, "ingress_5mins": 200_000, "ingress_hour": 400_000},
		build: func(w *traffic) {
			w.murmur(0, 180)
			for m := 60; m < 65; m++ {
				w.volume(m, 90_000, "203.0.113.5", "192.0.2.10")
			}
		}},
	{check: "traffic_volume", name: "restart",
		config:  map[string]any{"ingress_min": 100_000},
		restart: 6 * minute,
		build: func(w *traffic) {
			w.murmur(0, 10)
			w.volume(2, 50_000, "203.0.113.5", "192.0.2.10")
			w.volume(6, 150_000, "203.0.113.5", "192.0.2.10") // the first minute after the restart
			w.volume(8, 150_000, "203.0.113.5", "192.0.2.10")
		}},
	{check: "throughput", name: "minutes",
		config: map[string]any{"threshold": 0.1}, // 750 kB a minute
		build: func(w *traffic) {
			w.murmur(0, 9)
			w.volume(0, 900_000, "203.0.113.5", "192.0.2.10")
			w.volume(3, 500_000, "203.0.113.5", "192.0.2.10")
			w.volume(3, 400_000, "192.0.2.10", "203.0.113.5")
			w.volume(4, 700_000, "203.0.113.5", "192.0.2.10")
			w.volume(5, 500_000, "203.0.113.5", "192.0.2.10")
			w.volume(6, 800_000, "203.0.113.5", "192.0.2.10")
		}},
	{check: "flow_flood_victim", name: "burst", config: map[string]any{"threshold": 200},
		build: func(w *traffic) {
			w.murmur(0, 8)
			flood := func(m, n int, every time.Duration) {
				for i := range n {
					w.udp(m, 5*time.Second+time.Duration(i)*every, 0, 1, 10, fmt.Sprintf("203.0.113.66:%d", 1000+1000*m+i), "192.0.2.130:53")
				}
			}
			flood(2, 250, 100*time.Millisecond) // many, but ten a second
			flood(3, 250, time.Millisecond)
			flood(4, 170, time.Millisecond)
		}},
	{check: "syn_flood_victim", name: "answered", config: map[string]any{"threshold": 200},
		build: func(w *traffic) {
			w.murmur(0, 8)
			w.syns(2, 100*time.Millisecond, 250, "SA")
			w.syns(3, time.Millisecond, 250, "SA")
			w.syns(4, time.Millisecond, 170, "SA")
		}},
	{check: "syn_scan_victim", name: "scan",
		build: func(w *traffic) {
			w.murmur(0, 9)
			w.syns(1, 100*time.Millisecond, 150, "SA") // accepted: no scan
			w.syns(3, 100*time.Millisecond, 120, "RA")
			w.syns(4, 100*time.Millisecond, 90, "RA")
			w.syns(6, 100*time.Millisecond, 90, "RA") // the quiet minute before does not end it
		}},
	{check: "network_issues", name: "kinds",
		build: func(w *traffic) {
			w.murmur(0, 16)
			s := stream{w, 1000}
			for m := range 15 {
				switch m {
				case 0: // before the first run
					s.segments(m, 600, 2, 0, 0)
				case 3:
					s.segments(m, 600, 2, 0, 0)
				case 4:
					s.segments(m, 600, 0, 1, 0)
				case 5:
					s.segments(m, 800, 0, 0, 2) // 640 seen
				case 10:
					s.segments(m, 100, 5, 0, 0) // too few to judge
				default:
					s.segments(m, 600, 0, 0, 0)
				}
			}
		}},
	{check: "idle_network", name: "pause", config: map[string]any{"idle_minutes": 3, "talk_minutes": 5},
		build: func(w *traffic) {
			w.murmur(0, 7)
			w.murmur(14, 21)
			for m := 2; m <= 27; m += 5 { // talks now and then: never one that talks
				w.volume(m, 5000, "198.51.100.2", "203.0.113.5")
			}
			w.volume(35, 1000, "192.0.2.140", "203.0.113.5")
		}},
	{check: "idle_network", name: "restart", config: map[string]any{"idle_minutes": 3, "talk_minutes": 5}, restart: 7 * minute,
		build: func(w *traffic) {
			w.murmur(0, 5)
			for m := range 14 { // another network keeps the clock going
				w.volume(m, 1000, "198.51.100.2", "203.0.113.5")
			}
		}},
	{check: "broadcast_storm", name: "both_kinds", config: map[string]any{"threshold": 1000}, // 60 kB a minute
		build: func(w *traffic) {
			w.murmur(0, 8)
			w.volume(0, 90_000, "192.0.2.10", "255.255.255.255")
			w.volume(2, 90_000, "192.0.2.10", "203.0.113.5") // not broadcast
			w.volume(3, 40_000, "192.0.2.10", "255.255.255.255")
			w.volume(3, 40_000, "192.0.2.10", "192.0.2.127")
			w.volume(4, 55_000, "192.0.2.10", "255.255.255.255")
		}},
	{check: "new_hosts", name: "restart", config: map[string]any{"threshold": 20, "warmup_minutes": 2}, restart: 8 * minute,
		build: func(w *traffic) {
			w.murmur(0, 14)
			appear := func(m, first, n int) {
				for i := range n {
					w.udp(m, time.Duration(5+i%50)*time.Second, 0, 1, 10, fmt.Sprintf("192.0.2.%d:7000", first+i), "203.0.113.5:7000")
				}
			}
			appear(0, 20, 30) // before the first run
			appear(1, 80, 25) // warming up
			appear(3, 50, 30)
			appear(4, 50, 30) // known by now
			appear(8, 20, 40) // a new start
			appear(9, 60, 50)
		}},
	{check: "score_per_host", name: "two_hosts",
		more: []checktest.Script{{Name: "other.lua", Source: `
local alerts_api = require("alerts_api")
local M = {}
function M.check(info)
  local alert = { alert_type = 5001, alert_score = 250, alert_entity = alerts_api.networkEntity(info.network_cidr) }
  local minute = info.when // 60 % 60
  if info.alias == "office" and minute >= 4 and minute < 7 then alerts_api.store(alert) else alerts_api.release(alert) end
end
return M
`}},
		build: func(w *traffic) {
			w.murmur(0, 11)
			w.udp(1, 7*time.Second, 0, 1, 10, "192.0.2.11:7000", "203.0.113.5:7000")
		}},
	{check: "forbidden_traffic", name: "pairs", config: map[string]any{"networks": "guests=192.0.2.128/25, nowhere=office"},
		build: func(w *traffic) {
			w.murmur(0, 12)
			w.volume(2, 3000, "198.51.100.2", "192.0.2.10") // guests and office may talk
			w.volume(3, 3000, "198.51.100.2", "192.0.2.140")
			w.volume(5, 2000, "192.0.2.140", "198.51.100.2") // the other direction
		}},
	{check: "rtt_degradation", name: "slow", config: map[string]any{"learn_minutes": 5},
		build: func(w *traffic) {
			w.murmur(0, 16)
			for m := range 16 {
				switch {
				case m == 2 || m >= 8 && m <= 10: // minute 2 is learnt from
					w.handshakes(m, 8, 200*time.Millisecond)
				case m == 6: // too few to judge
					w.handshakes(m, 3, 800*time.Millisecond)
				default:
					w.handshakes(m, 8, 20*time.Millisecond)
				}
			}
		}},
	{check: "rtt_degradation", name: "small", config: map[string]any{"learn_minutes": 5},
		build: func(w *traffic) {
			w.murmur(0, 12)
			for m := range 12 {
				rtt := 2 * time.Millisecond
				if m >= 8 { // seven times as long, and still short
					rtt = 14 * time.Millisecond
				}
				w.handshakes(m, 8, rtt)
			}
		}},
	{check: "rtt_degradation", name: "lasting", config: map[string]any{"learn_minutes": 5},
		build: func(w *traffic) {
			w.murmur(0, 60)
			for m := range 60 {
				rtt := 20 * time.Millisecond
				if m >= 8 {
					rtt = 200 * time.Millisecond
				}
				w.handshakes(m, 8, rtt)
			}
			w.add(60*minute+30*time.Second, pcaptest.UDP("192.0.2.10:5000", "203.0.113.5:5000", nil))
		}},
}
