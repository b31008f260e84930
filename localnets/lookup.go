package localnets

import (
	"net/netip"
	"strings"
)

// NetworkByID is the network with that ID, or nil.
func (s *Snapshot) NetworkByID(id int32) *NetworkStats {
	if id < 0 || int(id) >= len(s.Networks) {
		return nil
	}
	return &s.Networks[id]
}

// LookupName finds a configured network by its canonical CIDR, its name as written, its alias, or a
// bare IP address inside it, in this order; nil when nothing fits. A CIDR may be written as the
// configuration accepts it: host bits and a dotted mask do not matter. Of several networks with one
// alias it finds the first. It walks the networks; who asks often keeps IDs.
func (s *Snapshot) LookupName(name string) *NetworkStats {
	if strings.Contains(name, "/") {
		if p, err := parseCIDR(name); err == nil {
			for i := range s.Networks {
				if s.Networks[i].Prefix == p {
					return &s.Networks[i]
				}
			}
		}
	}
	var byAlias, byAddr *NetworkStats
	addr, _ := netip.ParseAddr(name)
	addr = addr.Unmap()
	for i := range s.Networks {
		n := &s.Networks[i]
		switch {
		case n.Name == name:
			return n
		case byAlias == nil && n.Alias != "" && n.Alias == name:
			byAlias = n
		case addr.IsValid() && n.Prefix.Contains(addr) && (byAddr == nil || n.Prefix.Bits() > byAddr.Prefix.Bits()):
			byAddr = n
		}
	}
	if byAlias != nil {
		return byAlias
	}
	return byAddr
}
