package web

import (
	"fmt"
	"net"
	"strings"

	toolkit "github.com/prometheus/exporter-toolkit/web"
)

// Listeners are addresses that are listened on before there is a server: a port below 1024 takes a
// privilege that the process may then give up.
type Listeners struct {
	list []listener
}

// A listener is an address with the flags that serve it. conn is nil where the toolkit is to listen:
// for systemd's sockets, which are open already, and for vsock, which needs no privilege.
type listener struct {
	conn  net.Listener
	flags *toolkit.FlagConfig
}

// Listen opens the addresses of cfg.Listen. An error names the address, and leaves none open.
func Listen(cfg Config) (*Listeners, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	l := &Listeners{}
	if cfg.systemd() {
		l.list = []listener{{flags: cfg.Listen}}
		return l, nil
	}
	// Each gets an http.Server of its own: the toolkit puts its handler into the one that it is given.
	for _, addr := range *cfg.Listen.WebListenAddresses {
		one := listener{flags: &toolkit.FlagConfig{WebListenAddresses: &[]string{addr}, WebConfigFile: cfg.Listen.WebConfigFile}}
		if !strings.HasPrefix(addr, "vsock://") {
			conn, err := net.Listen("tcp", addr)
			if err != nil {
				l.Close()
				return nil, fmt.Errorf("web: %w", err) // it has the address
			}
			one.conn = conn
		}
		l.list = append(l.list, one)
	}
	return l, nil
}

// Close closes what no server has taken; it may be called twice.
func (l *Listeners) Close() {
	for i := range l.list {
		if l.list[i].conn != nil {
			l.list[i].conn.Close()
		}
	}
}
