package packet

// A Decoder holds the choices of decoding. The zero value follows the rules of accounting as they
// are by default: outermost IP header, VLAN not part of the flow key. A Decoder is read-only while
// in use and may be shared.
type Decoder struct {
	// KeyVLAN puts the outermost VLAN ID into Key.VLAN, so that copies of a flow in two VLANs are
	// two flows.
	KeyVLAN bool
	// Decap is the set of tunnels that are looked through.
	Decap Decap
}

// Decap is a set of tunnel kinds.
type Decap uint16

// Decode fills m from f. It keeps no reference to f.Data, allocates nothing and never panics,
// whatever the bytes.
func (d *Decoder) Decode(f *Frame, m *Meta) {
	*m = Meta{Time: f.Time, WireLen: f.WireLen, Class: ClassUndecoded, Reason: ReasonUnknownLink}
}
