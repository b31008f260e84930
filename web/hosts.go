package web

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// hosts decides which Host headers are answered.
type hosts struct {
	everywhere bool            // check on all listeners
	names      map[string]bool // canonical
}

func newHosts(cfg Config) hosts {
	h := hosts{everywhere: len(cfg.AllowedHosts) > 0, names: map[string]bool{"localhost": true}}
	for _, name := range cfg.AllowedHosts {
		h.names[canonicalHost(name)] = true
	}
	if !cfg.systemd() {
		for _, addr := range *cfg.Listen.WebListenAddresses {
			if host, _, err := net.SplitHostPort(addr); err == nil && host != "" {
				h.names[canonicalHost(host)] = true
			}
		}
	}
	return h
}

// canonicalHost is a host without port, brackets and final dot, in lower case; empty when it is none.
func canonicalHost(host string) string {
	if h, port, err := net.SplitHostPort(host); err == nil {
		if strings.Trim(port, "0123456789") != "" {
			return ""
		}
		host = h
	} else if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		host = host[1 : len(host)-1]
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap().WithZone("").String()
	}
	if strings.ContainsAny(host, "/\\@:[]% \t") {
		return ""
	}
	return host
}

// allow reports whether r's Host header is acceptable on the address that r came to.
func (h *hosts) allow(r *http.Request) bool {
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	ip := addrOf(local)
	if !h.everywhere && !ip.IsLoopback() {
		return true
	}
	host := canonicalHost(r.Host)
	if host == "" {
		return false
	}
	if h.names[host] {
		return true
	}
	// No name can be made to point to an address that a client writes as such.
	literal, err := netip.ParseAddr(host)
	return err == nil && (literal.IsLoopback() || literal == ip)
}

// addrOf is the IP address of a, or the invalid address.
func addrOf(a net.Addr) netip.Addr {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return tcp.AddrPort().Addr().Unmap().WithZone("")
}
