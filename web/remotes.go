package web

import (
	"cmp"
	"net/http"
	"net/netip"

	"github.com/netmond/netmond/flows"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/report"
)

// remotesJSON is what local networks and the outside exchange, by prefixes, autonomous systems or countries of the
// outside.
type remotesJSON struct {
	By      string       `json:"by"`
	Groups  []string     `json:"groups"`  // what may be asked for: databases decide
	Scanned int          `json:"scanned"` // flows in the table
	Capped  bool         `json:"capped"`  // more pairs than a request tells apart: those seen first are shown
	Total   int          `json:"total"`   // pairs there are
	Pairs   []remoteJSON `json:"pairs"`   // most bytes first
}

type remoteJSON struct {
	Network      string `json:"network"` // CIDR of the local network
	Alias        string `json:"alias"`   // or empty
	Prefix       string `json:"prefix"`  // of the remote addresses; empty by autonomous system and country
	report.Place        // by autonomous system or country; none is unknown
	Ingress      uint64 `json:"ingress"` // bytes from there, of the flows in the table
	Egress       uint64 `json:"egress"`
	Flows        int    `json:"flows"`
}

const (
	defaultRemotes = 40
	maxRemotes     = 1000
)

// remotes sums the flows between a local network and an address that is in none up by prefixes, autonomous
// systems or countries.
func (s *Server) remotes(w http.ResponseWriter, r *http.Request) {
	p := paramsOf(r, "network", "by", "v4", "v6", "pairs")
	by := p.word("by", "prefix", "as", "country")
	bits4, bits6 := p.number("v4", 16, 32), p.number("v6", 32, 128)
	most := p.number("pairs", defaultRemotes, maxRemotes)
	answer := remotesJSON{By: by, Groups: []string{"prefix"}}
	asn, country := s.places().Has()
	if asn {
		answer.Groups = append(answer.Groups, "as")
	}
	if country {
		answer.Groups = append(answer.Groups, "country")
	}
	switch {
	case by == "as" && !asn:
		p.fail("by", errNoASN)
	case by == "country" && !country:
		p.fail("by", errNoCountry)
	}
	if p.badRequest(w) {
		return
	}
	only := int32(localnets.NoNetwork)
	if p.has("network") {
		id, ok := s.networkID(p.text("network"))
		if !ok {
			noNetwork(w, p.text("network"))
			return
		}
		only = id
	}
	type pair struct {
		network int32
		prefix  netip.Prefix
		place   report.Place
	}
	nets := s.deps.Snapshot().Nets
	sums := map[pair]*remoteJSON{}
	find := s.places().Finder()
	add := func(network int32, addr netip.Addr, in, out uint64) {
		if only != localnets.NoNetwork && network != only {
			return
		}
		key := pair{network: network}
		switch by {
		case "as":
			key.place.ASN, key.place.AS = find.AS(addr)
		case "country":
			key.place.Country = find.Country(addr)
		default:
			bits := bits4
			if addr.Is6() {
				bits = bits6
			}
			var err error
			if key.prefix, err = addr.WithZone("").Prefix(bits); err != nil {
				return // the invalid address, which no flow has
			}
		}
		sum := sums[key]
		if sum == nil {
			if len(sums) >= maxHosts {
				answer.Capped = true
				return
			}
			sum = &remoteJSON{Network: report.CIDROf(network, nets), Alias: report.AliasOf(network, nets), Place: key.place}
			if by == "prefix" {
				sum.Prefix = key.prefix.String()
			}
			sums[key] = sum
		}
		sum.Ingress += in
		sum.Egress += out
		sum.Flows++
	}
	if !s.scan(r.Context(), func(f *flows.Flow) bool {
		answer.Scanned++
		client, server := f.ClientNetwork != localnets.NoNetwork, f.ServerNetwork != localnets.NoNetwork
		switch {
		case client && !server:
			add(f.ClientNetwork, f.Server.Addr(), f.FromServer.Bytes, f.FromClient.Bytes)
		case server && !client:
			add(f.ServerNetwork, f.Client.Addr(), f.FromClient.Bytes, f.FromServer.Bytes)
		}
		return true
	}) {
		return
	}
	busiest := report.First[remoteJSON]{Keep: most, Less: report.Ordered(
		func(a, b *remoteJSON) int { return cmp.Compare(a.Ingress+a.Egress, b.Ingress+b.Egress) }, true,
		func(a, b *remoteJSON) int {
			return cmp.Or(cmp.Compare(a.Network, b.Network), cmp.Compare(a.Prefix, b.Prefix), cmp.Compare(a.ASN, b.ASN),
				cmp.Compare(a.AS, b.AS), cmp.Compare(a.Country, b.Country))
		})}
	for _, sum := range sums {
		busiest.Add(sum)
	}
	answer.Total = busiest.Total
	answer.Pairs = append([]remoteJSON{}, page(&busiest, &listing{page: 1, perPage: most})...)
	s.writeJSON(w, r, answer)
}
