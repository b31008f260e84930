package localnets

import "net/netip"

// NoNetwork is the network ID of an address that lies in no local network.
const NoNetwork int32 = -1

// A Network is one configured local network.
type Network struct {
	ID     int32        // dense from 0, in order of configuration at first; Prepare says what reloads do to it
	Prefix netip.Prefix // masked
	Name   string       // the CIDR as it was written in the configuration
	Alias  string       // printable, or empty
}
