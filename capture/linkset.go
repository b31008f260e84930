package capture

import (
	"maps"
	"slices"

	"github.com/netmond/netmond/packet"
)

// A linkSet is a set of link types; the zero value is empty.
type linkSet map[packet.LinkType]struct{}

// note adds l if the decoder does not know it.
func (s *linkSet) note(l packet.LinkType) {
	if l.Known() {
		return
	}
	if *s == nil {
		*s = linkSet{}
	}
	(*s)[l] = struct{}{}
}

func (s linkSet) sorted() []packet.LinkType { return slices.Sorted(maps.Keys(s)) }
