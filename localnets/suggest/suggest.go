package suggest

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
)

// A Scan calls fn with each flow until it gives false. It is called several times.
type Scan func(fn func(*Flow) bool)

// A Result is what is suggested, and of what.
type Result struct {
	Flows     int    `json:"flows"`           // looked at
	Bytes     uint64 `json:"bytes"`           // of them
	Unmatched uint64 `json:"unmatched_bytes"` // of flows that no local network has an end of
	// Private are the bytes of flows between a local network and an address that is private, and in none.
	Private uint64 `json:"private_bytes"`
	// Explained are those of Unmatched that have an end in a suggested prefix.
	Explained uint64   `json:"explained_bytes"`
	Prefixes  []Prefix `json:"prefixes"`  // most bytes first
	LeftOut   int      `json:"left_out"`  // prefixes beyond Config.Max
	MinShare  float64  `json:"min_share"` // heeded
}

// Open is the traffic that more local networks could account for.
func (r *Result) Open() uint64 { return r.Unmatched + r.Private }

// A Prefix is a suggestion. Its figures are those of its addresses that no longer suggested prefix holds.
type Prefix struct {
	Prefix    netip.Prefix `json:"cidr"`
	Class     Class        `json:"class"`
	Share     float64      `json:"share"`           // of Result.Open, 0 to 1
	Unmatched uint64       `json:"unmatched_bytes"` // of its flows
	Private   uint64       `json:"private_bytes"`
	Sent      uint64       `json:"sent_bytes"` // by its addresses
	Received  uint64       `json:"received_bytes"`
	Hosts     int          `json:"hosts"`        // addresses that sent
	Silent    int          `json:"silent"`       // addresses that were sent to and did not send
	Client    uint64       `json:"flows_client"` // flows, by the role of the prefix's end
	Server    uint64       `json:"flows_server"`
	Role      string       `json:"role"`  // clients, servers or both
	Peers     int          `json:"peers"` // networks talked with, estimated: a /16 of IPv4, a /32 of IPv6
	Reason    string       `json:"reason"`
}

// Find suggests prefixes for the traffic of scan.
func Find(scan Scan, cfg Config) (*Result, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return find(scan, cfg.withDefaults(), maxEntries), nil
}

func find(scan Scan, cfg Config, entries int) *Result {
	c := newCollector(entries)
	scan(func(f *Flow) bool { c.add(f, cfg.All); return true })
	r := &Result{Flows: c.flows, Bytes: c.bytes, Unmatched: c.open, Private: c.private, MinShare: cfg.MinShare, Prefixes: []Prefix{}}
	least := cfg.MinShare * float64(r.Open())

	var inner, outer []group
	for _, g := range c.units() {
		if g.class.inside() {
			inner = append(inner, g)
		} else if g.class == Global {
			outer = append(outer, g)
		}
	}
	inner = mergeSmall(mergeThin(mergeDense(inner)), least)
	inner = slices.DeleteFunc(inner, func(g group) bool { return float64(g.bytes()) < least })
	inner = mergeTo(inner, cfg.Max)
	outer = explained(scan, globals(outer, c.global), cfg.All, least)
	r.measure(scan, append(inner, outer...), cfg)
	return r
}

// measure fills in the figures of the groups, exactly, and leaves out those below the least share.
func (r *Result) measure(scan Scan, list []group, cfg Config) {
	sums := make([]Prefix, len(list))
	between := map[[2]int]uint64{} // bytes of Unmatched by the groups of both ends
	at := finder(list)
	scan(func(f *Flow) bool {
		s := look(f, cfg.All)
		ends := [2]int{-1, -1}
		if s.client {
			ends[0] = at(s.clientA)
		}
		if s.server {
			ends[1] = at(s.serveA)
		}
		if s.open && (ends[0] >= 0 || ends[1] >= 0) {
			between[ends] += s.bytes
		}
		for i, g := range ends {
			if g < 0 {
				continue
			}
			p := &sums[g]
			if i == 0 {
				p.Client++
				p.Sent += f.FromClient
				p.Received += f.FromServer
			} else {
				p.Server++
				p.Sent += f.FromServer
				p.Received += f.FromClient
			}
			switch {
			case i == 1 && ends[0] == g: // within it: its bytes count once
			case s.open:
				p.Unmatched += s.bytes
			default:
				p.Private += s.bytes
			}
		}
		return true
	})
	for i := range list {
		g, p := &list[i], &sums[i]
		p.Prefix, p.Class, p.Hosts, p.Silent, p.Peers = g.prefix, g.class, g.hosts, g.silent, g.peers.count()
		p.Role, p.Reason = p.role(), g.reason()
		if r.Open() > 0 {
			p.Share = float64(p.Unmatched+p.Private) / float64(r.Open())
		}
	}
	order := make([]int, 0, len(list))
	for i := range sums {
		if sums[i].Share >= cfg.MinShare && sums[i].Share > 0 {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(i, j int) int {
		a, b := &sums[i], &sums[j]
		return cmp.Or(cmp.Compare(b.Unmatched+b.Private, a.Unmatched+a.Private), comparePrefix(a.Prefix, b.Prefix))
	})
	r.LeftOut = max(len(order)-cfg.Max, 0)
	order = order[:len(order)-r.LeftOut]
	for _, i := range order {
		r.Prefixes = append(r.Prefixes, sums[i])
	}
	for ends, n := range between {
		if slices.Contains(order, ends[0]) || slices.Contains(order, ends[1]) {
			r.Explained += n
		}
	}
}

// Evidence is why the prefix is suggested, in words.
func (p *Prefix) Evidence() string {
	text := fmt.Sprintf("%s; %s, about %s talked with; flows as client %d, as server %d",
		p.Reason, count(p.Hosts, "host"), count(p.Peers, "network"), p.Client, p.Server)
	if p.Silent > 0 {
		text += fmt.Sprintf("; %d never answered", p.Silent)
	}
	return text
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// role is what the hosts mostly are.
func (p *Prefix) role() string {
	switch {
	case p.Client >= 4*p.Server:
		return "clients"
	case p.Server >= 4*p.Client:
		return "servers"
	}
	return "both"
}

// reason says why the prefix is taken for local.
func (g *group) reason() string {
	switch g.class {
	case Private:
		return "private (RFC 1918)"
	case Shared:
		return "shared (RFC 6598)"
	case UniqueLocal:
		return "unique local (RFC 4193)"
	case LinkLocal:
		return "link-local"
	case Loopback:
		return "loopback"
	}
	if g.hosts < globalHosts || g.peers.count() < globalPeers {
		return "global, an end of nearly all traffic between global addresses"
	}
	return "global, many hosts with many networks outside"
}
