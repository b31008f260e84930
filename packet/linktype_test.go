package packet

import "testing"

func TestLinkTypeKnown(t *testing.T) {
	var d Decoder
	for l := range LinkType(1 << 12) {
		f := frame(l, zeros(64))
		var m Meta
		d.Decode(&f, &m)
		if known := m.Reason != ReasonUnknownLink; known != l.Known() {
			t.Errorf("LinkType(%d).Known() = %v, Decode reads it: %v", l, l.Known(), known)
		}
		if l.Known() && l.String()[0] <= '9' {
			t.Errorf("LinkType(%d) is read and has no name", l)
		}
	}
}

func TestLinkTypeString(t *testing.T) {
	for l, want := range map[LinkType]string{
		0: "NULL", 1: "EN10MB", 12: "RAW", 101: "RAW", 113: "LINUX_SLL", 127: "IEEE802_11_RADIO", 231: "DBUS",
		276: "LINUX_SLL2", 999: "999",
	} {
		if got := l.String(); got != want {
			t.Errorf("LinkType(%d).String() = %q, want %q", uint16(l), got, want)
		}
	}
}

func TestReasonString(t *testing.T) {
	seen := map[string]bool{}
	for r := range NumReasons {
		s := r.String()
		if s == "" || seen[s] {
			t.Errorf("reason %d has no name of its own: %q", r, s)
		}
		seen[s] = true
	}
	if got := NumReasons.String(); got != "invalid" {
		t.Errorf("String beyond the reasons = %q, want %q", got, "invalid")
	}
}
