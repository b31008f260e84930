package localnets

import (
	"errors"
	"fmt"
	"math/bits"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxAlias is the longest alias in bytes, as in ntopng.
const maxAlias = 63

// mappedBits is how many leading bits an IPv4-mapped IPv6 address has before the IPv4 address
// (RFC 4291 section 2.5.5.2).
const mappedBits = 96

// maxAddrText is longer than any address as text (45 bytes, with a dotted IPv4 part).
const maxAddrText = 64

// parseCIDR reads one network: address, or address/length, or IPv4 address/mask. The result is
// masked, and IPv4 when the text is an IPv4-mapped IPv6 prefix.
func parseCIDR(s string) (netip.Prefix, error) {
	var none netip.Prefix
	addrText, maskText, hasMask := strings.Cut(s, "/")
	switch {
	case s == "":
		return none, errors.New("empty entry")
	case addrText == "":
		return none, errors.New("empty address")
	case len(addrText) > maxAddrText:
		return none, fmt.Errorf("invalid address %q", clip(addrText))
	}
	if strings.Contains(s, "%") {
		return none, errors.New("an address with a zone cannot name a network")
	}
	addr, err := netip.ParseAddr(addrText)
	if err != nil {
		return none, fmt.Errorf("invalid address %q%s", clip(addrText), parseAddrReason(err))
	}
	length := addr.BitLen()
	if hasMask {
		if length, err = parseMask(maskText, addr); err != nil {
			return none, fmt.Errorf("%s: %w", clip(s), err)
		}
	}
	if addr.Is4In6() {
		if length < mappedBits {
			return none, fmt.Errorf("IPv4-mapped prefix shorter than /%d: it would cover more than IPv4", mappedBits)
		}
		addr, length = addr.Unmap(), length-mappedBits
	}
	return netip.PrefixFrom(addr, length).Masked(), nil
}

// parseMask reads the part after the slash: a length, or for IPv4 a dotted mask.
func parseMask(s string, addr netip.Addr) (int, error) {
	if s == "" {
		return 0, errors.New("empty prefix length")
	}
	if strings.Contains(s, ".") {
		if !addr.Is4() {
			return 0, fmt.Errorf("dotted mask %q: only an IPv4 address can have one", clip(s))
		}
		m, err := netip.ParseAddr(s)
		if err != nil || !m.Is4() {
			return 0, fmt.Errorf("invalid mask %q", clip(s))
		}
		b := m.As4()
		v := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
		ones := bits.LeadingZeros32(^v)
		if bits.OnesCount32(v) != ones {
			return 0, fmt.Errorf("mask %q is not contiguous", s)
		}
		return ones, nil
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, fmt.Errorf("invalid prefix length %q", clip(s))
		}
	}
	if len(s) > 1 && s[0] == '0' {
		return 0, fmt.Errorf("invalid prefix length %q: leading zero", clip(s))
	}
	n, err := strconv.Atoi(s)
	if err != nil || n > addr.BitLen() {
		return 0, fmt.Errorf("prefix length %s is larger than %d", clip(s), addr.BitLen())
	}
	return n, nil
}

// parseAddrReason is what netip says beyond repeating its input, as ": reason", or nothing.
func parseAddrReason(err error) string {
	text := err.Error()
	i := strings.LastIndex(text, `"): `)
	if i < 0 {
		return ""
	}
	reason, _, _ := strings.Cut(text[i+len(`"): `):], " (at ")
	return ": " + clip(reason)
}

// checkAlias refuses what cannot stand in a label, a table or a page: anything but printable
// characters, and more than ntopng's 63 bytes.
func checkAlias(s string) error {
	switch {
	case s == "":
		return errors.New("empty alias")
	case len(s) > maxAlias:
		return fmt.Errorf("alias %q is longer than %d bytes", clip(s), maxAlias)
	case !utf8.ValidString(s):
		return fmt.Errorf("alias %q is not UTF-8", s)
	case strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }):
		return fmt.Errorf("alias %q has characters that do not print", s)
	}
	return nil
}

// clip keeps hostile text in a message short.
func clip(s string) string {
	const most = 64
	if len(s) <= most {
		return s
	}
	return s[:most] + "..."
}
