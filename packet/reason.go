package packet

// A Reason says why a frame is ClassUndecoded. Its String is a metric label and a JSON key.
type Reason uint8

// ReasonNone is the reason of a decoded frame; NumReasons bounds arrays indexed by Reason.
const (
	ReasonNone           Reason = iota
	ReasonUnknownLink           // no decoder for the frame's link type
	ReasonTruncatedLink         // cut within a link-layer header, tag or label stack
	ReasonBadLink               // a link-layer header contradicts itself or the frame
	ReasonTooManyLayers         // more link-layer headers, tags and labels than are followed
	ReasonTruncatedIP           // cut within the fixed part of the IP header
	ReasonIPVersion             // the IP header's version is not what was announced
	ReasonIPHeaderLength        // an IPv4 header length below 20, beyond the frame or beyond the packet
	ReasonCompressedIP          // a header-compressed packet, which shows no addresses
	ReasonRingFull              // a frame that the eBPF path could not parse in the kernel, and had no room to hand over

	NumReasons
)

var reasonNames = [NumReasons]string{
	ReasonNone:           "none",
	ReasonUnknownLink:    "unknown_link",
	ReasonTruncatedLink:  "truncated_link",
	ReasonBadLink:        "bad_link_header",
	ReasonTooManyLayers:  "too_many_layers",
	ReasonTruncatedIP:    "truncated_ip",
	ReasonIPVersion:      "ip_version",
	ReasonIPHeaderLength: "ip_header_length",
	ReasonCompressedIP:   "compressed_ip",
	ReasonRingFull:       "ring_full",
}

// String is the reason's stable name: lower case, words joined by underscores.
func (r Reason) String() string {
	if r < NumReasons {
		return reasonNames[r]
	}
	return "invalid"
}
