package packet

// A Reason says why a frame is ClassUndecoded. Its String is a metric label and a JSON key.
type Reason uint8

// ReasonNone is the reason of a decoded frame. The decoder adds the others, each named in
// reasonNames; NumReasons bounds arrays indexed by Reason.
const (
	ReasonNone Reason = iota
	ReasonUnknownLink

	NumReasons
)

var reasonNames = [NumReasons]string{
	ReasonNone:        "none",
	ReasonUnknownLink: "unknown_link",
}

// String is the reason's stable name: lower case, words joined by underscores.
func (r Reason) String() string {
	if r < NumReasons {
		return reasonNames[r]
	}
	return "invalid"
}
