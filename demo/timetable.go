package demo

import "time"

// A curve is how busy something is by the hour of the day, 0 to 1, with straight lines between.
type curve [25]float64

var (
	workCurve = curve{.02, .02, .02, .02, .02, .03, .06, .2, .55, .95, 1, .95, .6, .7, .95, 1, .9, .65, .35, .2, .12, .08, .05, .03, .02}
	// guestCurve has its peak over lunch.
	guestCurve = curve{.01, .01, .01, .01, .01, .01, .02, .1, .3, .5, .6, .8, 1, .9, .6, .6, .7, .5, .3, .15, .1, .05, .02, .01, .01}
	// labCurve has batch work in the early night.
	labCurve = curve{.5, .4, .3, .15, .1, .1, .1, .2, .4, .7, .8, .8, .5, .7, .9, .9, .8, .6, .4, .4, .5, .6, .7, .6, .5}
	// alwaysCurve is what machines do unasked.
	alwaysCurve = curve{.5, .5, .5, .5, .5, .5, .6, .7, .9, 1, 1, 1, 1, 1, 1, 1, 1, .9, .8, .7, .6, .5, .5, .5, .5}
)

// at is the curve's value at t; a tenth of it on Saturdays and Sundays, but for what machines do.
func (c *curve) at(t time.Time) float64 {
	h := t.Hour()
	f := float64(t.Minute()*60+t.Second()) / 3600
	v := c[h]*(1-f) + c[h+1]*f
	if d := t.Weekday(); c != &alwaysCurve && (d == time.Saturday || d == time.Sunday) {
		v /= 10
	}
	return v
}

// An Event is something worth looking at, once a day.
type Event struct {
	At      time.Duration // since midnight, UTC
	Lasts   time.Duration
	Title   string
	Network string   // alias of the network that it befalls
	Checks  []string // checks that must engage an alert for that network
	kind    eventKind
}

type eventKind uint8

const (
	kindScan eventKind = iota
	kindFlood
	kindLoss
	kindStorm
	kindBackup
)

// Events are the events of a day, in order.
func Events() []Event {
	const h, m = time.Hour, time.Minute
	return []Event{
		{8*h + 40*m, 6 * m, "a host outside scans the servers for open ports", "servers", []string{"syn_scan_victim"}, kindScan},
		{9*h + 30*m, 6 * m, "SYN flood on the web server", "servers", []string{"syn_flood_victim", "flow_flood_victim", "syn_scan_victim"}, kindFlood},
		{10*h + 30*m, 15 * m, "a bad cable in the lab: segments are lost and sent again", "lab", []string{"network_issues"}, kindLoss},
		{14 * h, 5 * m, "a loop in the lab's switch: broadcast storm", "lab", []string{"broadcast_storm"}, kindStorm},
		{20*h + 30*m, 90 * m, "backup of the file server to another site", "servers", nil, kindBackup},
	}
}

// Next is the first moment at or after t at which e begins.
func (e *Event) Next(t time.Time) time.Time {
	t = t.UTC()
	begin := t.Truncate(24 * time.Hour).Add(e.At)
	if begin.Before(t) {
		begin = begin.Add(24 * time.Hour)
	}
	return begin
}

// under reports whether e is under way at t.
func (e *Event) under(t time.Time) bool {
	since := t.Sub(t.Truncate(24*time.Hour)) - e.At
	return since >= 0 && since < e.Lasts
}
