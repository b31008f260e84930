package capture

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// A Choice is the interface to capture on where the user names none.
type Choice struct {
	Interface string
	Why       string // in words, for the user
}

// A candidate is an interface with what decides for or against it.
type candidate struct {
	InterfaceInfo
	received     uint64 // bytes since the interface is there
	defaultRoute bool
	metric       uint32 // of its default route
}

// ErrNoChoice is wrapped where nothing stands out.
var ErrNoChoice = errors.New("no interface stands out")

// ChooseInterface chooses the interface that a mirror port most likely feeds: the only one that is up,
// has received something and has no address; else that of the default route. It needs no privilege.
// The error names the interfaces there are.
func ChooseInterface() (Choice, error) {
	list, err := candidates()
	if err != nil {
		return Choice{}, err
	}
	return choose(list)
}

func choose(list []candidate) (Choice, error) {
	usable := slices.DeleteFunc(slices.Clone(list), func(c candidate) bool { return !c.Up || c.Loopback || !c.Capturable })
	var mirrors, routes []candidate
	for _, c := range usable {
		if c.received > 0 && !slices.ContainsFunc(c.Addrs, isRoutable) {
			mirrors = append(mirrors, c)
		}
		if c.defaultRoute {
			routes = append(routes, c)
		}
	}
	if len(mirrors) == 1 {
		return Choice{mirrors[0].Name, "the only interface that receives traffic and has no address, as a mirror port"}, nil
	}
	if len(routes) > 0 {
		best := slices.MinFunc(routes, func(a, b candidate) int { return int(int64(a.metric) - int64(b.metric)) })
		return Choice{best.Name, "the interface of the default route"}, nil
	}
	var names []string
	for _, c := range list {
		names = append(names, c.Name)
	}
	return Choice{}, fmt.Errorf("%w: there is neither a default route nor exactly one interface with traffic and without an address; name one of %s with -i",
		ErrNoChoice, strings.Join(names, ", "))
}

// isRoutable reports whether an interface with this address takes part in a network of its own accord;
// a link-local IPv6 address comes by itself, to a mirror port too.
func isRoutable(p netip.Prefix) bool { return !p.Addr().IsLinkLocalUnicast() }
