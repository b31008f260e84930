package query

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// A key is what a term filters by.
type key struct {
	kinds  Kind
	number bool // compared, not looked up
	make   func(p *parser, t *token) (node, error)
}

const all = Flows | Hosts | Alerts

// keys are all keys of the language.
var keys = map[string]key{
	"net":     {all, false, networks(anyEnd)},
	"host":    {all, false, addresses(anyEnd)},
	"port":    {Flows | Alerts, false, ports(anyEnd)},
	"client":  {Flows, false, endpoint(0)},
	"server":  {Flows, false, endpoint(1)},
	"dir":     {Flows, false, direction},
	"proto":   {Flows, false, protocol},
	"vlan":    {Flows, false, vlan},
	"app":     {Flows | Hosts, false, app},
	"as":      {Flows | Hosts, false, autonomousSystem},
	"country": {Flows | Hosts, false, country},
	"name":    {Flows | Alerts, false, text(func(r *Record) string { return r.Name })},
	"state":   {Flows, false, oneOf(func(r *Record) string { return r.State }, "half_open", "open", "closed", "none")},

	"check":    {Alerts, false, text(func(r *Record) string { return r.Check })},
	"severity": {Alerts, false, text(func(r *Record) string { return r.Severity })},
	"status":   {Alerts, false, oneOf(func(r *Record) string { return r.Status }, "engaged", "historical", "acknowledged")},

	"bytes":           {Flows | Hosts, true, compare(Bytes, sizeOf)},
	"bytes_sent":      {Hosts, true, compare(BytesSent, sizeOf)},
	"bytes_received":  {Hosts, true, compare(BytesReceived, sizeOf)},
	"packets":         {Flows | Hosts, true, compare(Packets, countOf)},
	"duration":        {Flows | Alerts, true, compare(Duration, secondsOf)},
	"age":             {all, true, compare(Age, secondsOf)},
	"rtt":             {Flows, true, compare(RTT, secondsOf)},
	"retransmissions": {Flows, true, compare(Retransmissions, countOf)},
	"out_of_order":    {Flows, true, compare(OutOfOrder, countOf)},
	"lost":            {Flows, true, compare(Lost, countOf)},
	"flows":           {Hosts, true, compare(FlowCount, countOf)},
	"score":           {Alerts, true, compare(Score, countOf)},
}

var errEquals = errors.New("want a value after ':'")

// equal says that the term's operator is one that looks a value up.
func equal(t *token) error {
	if t.op != ":" && t.op != "=" && t.op != "!=" {
		return errEquals
	}
	return nil
}

const anyEnd = -1

// ends applies f to one end of a record, or to any.
func ends(which int, f func(e *End) bool) node {
	return func(r *Record) bool {
		for i := range r.Ends {
			if (which == anyEnd || which == i) && f(&r.Ends[i]) {
				return true
			}
		}
		return false
	}
}

func networks(which int) func(*parser, *token) (node, error) {
	return func(p *parser, t *token) (node, error) {
		if err := equal(t); err != nil {
			return nil, err
		}
		if t.value == "none" {
			return ends(which, func(e *End) bool { return e.Network == NoNetwork }), nil
		}
		if p.resolve != nil {
			if id, ok := p.resolve(t.value); ok {
				return ends(which, func(e *End) bool { return e.Network == id }), nil
			}
		}
		prefix, err := netip.ParsePrefix(t.value)
		if err != nil {
			return nil, errors.New("neither a local network's name nor a prefix")
		}
		prefix = prefix.Masked()
		return ends(which, func(e *End) bool { return prefix.Contains(e.Addr) }), nil
	}
}

func addresses(which int) func(*parser, *token) (node, error) {
	return func(_ *parser, t *token) (node, error) {
		if err := equal(t); err != nil {
			return nil, err
		}
		if prefix, err := netip.ParsePrefix(t.value); err == nil {
			prefix = prefix.Masked()
			return ends(which, func(e *End) bool { return prefix.Contains(e.Addr) }), nil
		}
		addr, err := netip.ParseAddr(t.value)
		if err != nil {
			return nil, errors.New("not an address")
		}
		addr = addr.Unmap()
		return ends(which, func(e *End) bool { return e.Addr == addr }), nil
	}
}

func ports(which int) func(*parser, *token) (node, error) {
	return func(_ *parser, t *token) (node, error) {
		if err := equal(t); err != nil {
			return nil, err
		}
		low, high, ranged := strings.Cut(t.value, "-")
		from, err := strconv.ParseUint(low, 10, 16)
		to := from
		if err == nil && ranged {
			to, err = strconv.ParseUint(high, 10, 16)
		}
		if err != nil || from > to {
			return nil, errors.New("want a port or a range of ports, such as 443 or 8000-8999")
		}
		return ends(which, func(e *End) bool { return uint64(e.Port) >= from && uint64(e.Port) <= to }), nil
	}
}

// endpoint is an address, prefix, network or port of the client or the server.
func endpoint(which int) func(*parser, *token) (node, error) {
	return func(p *parser, t *token) (node, error) {
		for _, try := range []func(int) func(*parser, *token) (node, error){ports, addresses, networks} {
			if n, err := try(which)(p, t); err == nil || errors.Is(err, errEquals) {
				return n, err
			}
		}
		return nil, errors.New("neither an address, a prefix, a local network nor a port")
	}
}

// direction is that of a flow as seen from the local networks: begun from outside is ingress.
func direction(_ *parser, t *token) (node, error) {
	if err := equal(t); err != nil {
		return nil, err
	}
	wanted := map[string][2]bool{"ingress": {false, true}, "egress": {true, false}, "transit": {false, false}}
	local := func(r *Record, i int) bool { return len(r.Ends) > i && r.Ends[i].Network != NoNetwork }
	switch w, ok := wanted[t.value]; {
	case ok:
		return func(r *Record) bool { return local(r, 0) == w[0] && local(r, 1) == w[1] }, nil
	case t.value == "inner":
		return func(r *Record) bool { return local(r, 0) && local(r, 1) && r.Ends[0].Network == r.Ends[1].Network }, nil
	case t.value == "internal":
		return func(r *Record) bool { return local(r, 0) && local(r, 1) }, nil
	}
	return nil, errors.New("want ingress, egress, inner, internal or transit")
}

var protocols = map[string][]uint8{"tcp": {6}, "udp": {17}, "sctp": {132}, "icmp": {1, 58}, "icmp6": {58}, "gre": {47}, "esp": {50}, "ah": {51}, "igmp": {2}, "ospf": {89}}

func protocol(_ *parser, t *token) (node, error) {
	if err := equal(t); err != nil {
		return nil, err
	}
	list, ok := protocols[strings.ToLower(t.value)]
	if !ok {
		n, err := strconv.ParseUint(t.value, 10, 8)
		if err != nil {
			return nil, errors.New("want tcp, udp, sctp, icmp, another name or a number up to 255")
		}
		list = []uint8{uint8(n)}
	}
	return func(r *Record) bool {
		for _, n := range list {
			if r.Proto == n {
				return true
			}
		}
		return false
	}, nil
}

func vlan(_ *parser, t *token) (node, error) {
	if err := equal(t); err != nil {
		return nil, err
	}
	n, err := strconv.ParseUint(t.value, 10, 12)
	if err != nil {
		return nil, errors.New("want a VLAN from 0 to 4095")
	}
	return func(r *Record) bool { return uint64(r.VLAN) == n }, nil
}

// remote is whether an end has an address that is in no local network.
func remote(e *End) bool { return e.Network == NoNetwork && e.Addr.IsValid() }

// autonomousSystem is the number or the name of one, of a remote end; none is unknown.
func autonomousSystem(p *parser, t *token) (node, error) {
	if err := equal(t); err != nil {
		return nil, err
	}
	p.query.ASN = true
	digits := t.value
	if len(digits) > 2 && strings.EqualFold(digits[:2], "AS") {
		digits = digits[2:]
	}
	number, err := strconv.ParseUint(digits, 10, 32)
	if t.value == "none" {
		number, err = 0, nil
	}
	match := pattern(t.value)
	return func(r *Record) bool {
		for i := range r.Ends {
			if r.AS == nil || !remote(&r.Ends[i]) {
				continue
			}
			n, name := r.AS(r.Ends[i].Addr)
			if err == nil && uint64(n) == number || err != nil && name != "" && match(name) {
				return true
			}
		}
		return false
	}, nil
}

// country is a code of two letters, of a remote end; none is unknown.
func country(p *parser, t *token) (node, error) {
	if err := equal(t); err != nil {
		return nil, err
	}
	p.query.Country = true
	code := strings.ToUpper(t.value)
	switch {
	case code == "NONE":
		code = ""
	case len(code) != 2 || strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "":
		return nil, errors.New("want a country's code of two letters, or none")
	}
	return func(r *Record) bool {
		for i := range r.Ends {
			if r.Country != nil && remote(&r.Ends[i]) && r.Country(r.Ends[i].Addr) == code {
				return true
			}
		}
		return false
	}, nil
}

func app(_ *parser, t *token) (node, error) {
	if err := equal(t); err != nil {
		return nil, err
	}
	match := pattern(t.value)
	return func(r *Record) bool {
		for _, a := range r.Apps {
			if match(a) {
				return true
			}
		}
		return r.App != "" && match(r.App)
	}, nil
}

func text(of func(*Record) string) func(*parser, *token) (node, error) {
	return func(_ *parser, t *token) (node, error) {
		if err := equal(t); err != nil {
			return nil, err
		}
		match := pattern(t.value)
		return func(r *Record) bool { return match(of(r)) }, nil
	}
}

// pattern compares without regard to case; * stands for any characters.
func pattern(value string) func(string) bool {
	parts := strings.Split(strings.ToLower(value), "*")
	if len(parts) == 1 {
		return func(s string) bool { return strings.EqualFold(s, value) }
	}
	first, last, middle := parts[0], parts[len(parts)-1], parts[1:len(parts)-1]
	return func(s string) bool {
		s, ok := strings.CutPrefix(strings.ToLower(s), first)
		if !ok || len(s) < len(last) || !strings.HasSuffix(s, last) {
			return false
		}
		s = s[:len(s)-len(last)]
		for _, m := range middle {
			i := strings.Index(s, m)
			if i < 0 {
				return false
			}
			s = s[i+len(m):]
		}
		return true
	}
}

func oneOf(of func(*Record) string, words ...string) func(*parser, *token) (node, error) {
	return func(_ *parser, t *token) (node, error) {
		if err := equal(t); err != nil {
			return nil, err
		}
		for _, w := range words {
			if t.value == w {
				if w == "none" {
					w = ""
				}
				return func(r *Record) bool { return of(r) == w }, nil
			}
		}
		return nil, fmt.Errorf("want one of %s", strings.Join(words, ", "))
	}
}

func compare(n Number, parse func(string) (float64, error)) func(*parser, *token) (node, error) {
	return func(_ *parser, t *token) (node, error) {
		v, err := parse(t.value)
		if err != nil {
			return nil, err
		}
		return map[string]node{
			":":  func(r *Record) bool { return r.Numbers[n] == v },
			"=":  func(r *Record) bool { return r.Numbers[n] == v },
			"!=": func(r *Record) bool { return r.Numbers[n] != v },
			">":  func(r *Record) bool { return r.Numbers[n] > v },
			">=": func(r *Record) bool { return r.Numbers[n] >= v },
			"<":  func(r *Record) bool { return r.Numbers[n] < v },
			"<=": func(r *Record) bool { return r.Numbers[n] <= v },
		}[t.op], nil
	}
}

var units = []struct {
	name  string
	value float64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12},
	{"k", 1e3}, {"K", 1e3}, {"M", 1e6}, {"G", 1e9}, {"T", 1e12}, {"B", 1},
}

func sizeOf(s string) (float64, error) {
	for _, u := range units {
		if digits, ok := strings.CutSuffix(s, u.name); ok {
			n, err := countOf(digits)
			return n * u.value, err
		}
	}
	return countOf(s)
}

func countOf(s string) (float64, error) {
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || n < 0 || math.IsInf(n, 0) || math.IsNaN(n) {
		return 0, errors.New("want a number, such as 100, 1.5MB or 64KiB")
	}
	return n, nil
}

func secondsOf(s string) (float64, error) {
	if n, err := countOf(s); err == nil {
		return n, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, errors.New("want a duration, such as 50ms, 30s or 1h30m")
	}
	return d.Seconds(), nil
}
