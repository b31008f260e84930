package apps

import "bytes"

// appendHost writes host as a server name into dst's array: an optional port and a final dot are
// taken off, letters are lowered. Anything that is not a DNS name or an IPv4 address in text gives
// no name, and so does a name longer than MaxServerName or dst's capacity.
func appendHost(dst, host []byte) []byte {
	if i := bytes.IndexByte(host, ':'); i >= 0 {
		if i == 0 || digits(host[i+1:]) != len(host)-i-1 {
			return nil
		}
		host = host[:i]
	}
	if n := len(host); n > 0 && host[n-1] == '.' {
		host = host[:n-1]
	}
	if len(host) == 0 || len(host) > min(MaxServerName, cap(dst)) {
		return nil
	}
	dst = dst[:len(host)]
	label := 0
	for i, c := range host {
		switch {
		case c == '.':
			if label == 0 {
				return nil
			}
			label = -1
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		case !nameByte(c):
			return nil
		}
		if label++; label > 63 {
			return nil
		}
		dst[i] = c
	}
	if label == 0 {
		return nil
	}
	return dst
}

// nameByte reports whether c, other than a capital letter or a dot, may stand in a server name:
// letters, digits, the hyphen, and the underscore of service names.
func nameByte(c byte) bool {
	return 'a' <= c && c <= 'z' || isDigit(c) || c == '-' || c == '_'
}

// appendWireName writes a name in DNS wire format, already checked by wireName, as appendHost does.
func appendWireName(dst, name []byte) []byte {
	limit := min(MaxServerName, cap(dst))
	dst = dst[:0]
	for len(name) > 0 && name[0] != 0 {
		n := int(name[0])
		if n > 63 || n >= len(name) {
			return nil
		}
		if len(dst) > 0 {
			if len(dst)+1+n > limit {
				return nil
			}
			dst = append(dst, '.')
		} else if n > limit {
			return nil
		}
		for _, c := range name[1 : 1+n] {
			if 'A' <= c && c <= 'Z' {
				c += 'a' - 'A'
			}
			if !nameByte(c) {
				return nil
			}
			dst = append(dst, c)
		}
		name = name[1+n:]
	}
	if len(dst) == 0 {
		return nil
	}
	return dst
}
