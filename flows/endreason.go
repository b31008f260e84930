package flows

var endReasonNames = [NumEndReasons]string{
	"none", "idle_timeout", "active_timeout", "end_of_flow", "forced_end", "lack_of_resources", "half_open",
}

// String is the reason's metric label and JSON key.
func (r EndReason) String() string {
	if r < NumEndReasons {
		return endReasonNames[r]
	}
	return "invalid"
}
