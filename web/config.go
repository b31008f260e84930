package web

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	toolkit "github.com/prometheus/exporter-toolkit/web"

	"github.com/netmond/netmond/flows"
	"github.com/netmond/netmond/geoip"
	"github.com/netmond/netmond/report"
)

// Config says where the server listens and what it takes. The zero value of a bound is its default.
type Config struct {
	// Listen holds the addresses, or the use of systemd's sockets, and the file with TLS and
	// passwords.
	Listen *toolkit.FlagConfig
	// Listeners are those of Listen, opened already. Nil: Run opens them. Run closes them.
	Listeners *Listeners
	// AllowedHosts are names for the Host header besides the addresses listened on. Where any are
	// given the header of all requests is checked, else of those that come to a loopback address:
	// a page of another site, whose name was made to point here, must not read the API through its
	// visitor's browser (DNS rebinding). A proxy on this machine must pass a name that is allowed.
	AllowedHosts []string
	// MaxConnections bounds the open connections of each listener. Default 512. At the bound, a new
	// connection takes the place of the one that has waited longest for a request; when all are
	// being answered, the new one is closed.
	MaxConnections int
	// HeaderTimeout bounds the time in which a request's header must be there. Default 5 s.
	HeaderTimeout time.Duration
	// AnswerTimeout bounds the time from a request's header to the end of its answer. Default 30 s.
	AnswerTimeout time.Duration
	// IdleTimeout closes a connection without requests. Default 2 min, above the usual scrape interval.
	IdleTimeout time.Duration
}

// DefaultConfig is the configuration for listening on addresses without TLS.
func DefaultConfig(addresses ...string) Config {
	none := ""
	return Config{
		Listen:         &toolkit.FlagConfig{WebListenAddresses: &addresses, WebConfigFile: &none},
		MaxConnections: 512,
		HeaderTimeout:  5 * time.Second,
		AnswerTimeout:  30 * time.Second,
		IdleTimeout:    2 * time.Minute,
	}
}

// withDefaults fills what is zero.
func (c Config) withDefaults() Config {
	d := DefaultConfig()
	if c.MaxConnections == 0 {
		c.MaxConnections = d.MaxConnections
	}
	if c.HeaderTimeout == 0 {
		c.HeaderTimeout = d.HeaderTimeout
	}
	if c.AnswerTimeout == 0 {
		c.AnswerTimeout = d.AnswerTimeout
	}
	if c.IdleTimeout == 0 {
		c.IdleTimeout = d.IdleTimeout
	}
	return c
}

// Validate checks the configuration and reads the file with TLS and passwords.
func (c Config) Validate() error {
	if c.Listen == nil || c.Listen.WebConfigFile == nil {
		return errors.New("web: no listen configuration")
	}
	if !c.systemd() {
		if c.Listen.WebListenAddresses == nil || len(*c.Listen.WebListenAddresses) == 0 {
			return errors.New("web: no address to listen on")
		}
		for _, addr := range *c.Listen.WebListenAddresses {
			if strings.HasPrefix(addr, "vsock://") {
				continue
			}
			if _, _, err := net.SplitHostPort(addr); err != nil {
				return fmt.Errorf("web: listen address %q: %w", addr, err)
			}
		}
	}
	for _, h := range c.AllowedHosts {
		if canonicalHost(h) == "" {
			return fmt.Errorf("web: allowed host %q is no host name", h)
		}
	}
	if c.MaxConnections < 0 || c.HeaderTimeout < 0 || c.AnswerTimeout < 0 || c.IdleTimeout < 0 {
		return errors.New("web: a bound is negative")
	}
	if file := *c.Listen.WebConfigFile; file != "" {
		if err := toolkit.Validate(file); err != nil {
			return fmt.Errorf("web: configuration file %s: %w", file, err)
		}
	}
	return nil
}

func (c Config) systemd() bool {
	return c.Listen.WebSystemdSocket != nil && *c.Listen.WebSystemdSocket
}

// Deps are what the server shows. The first three are needed; what is nil of the rest is not served.
type Deps struct {
	Log *slog.Logger
	// Metrics writes /metrics, for many scrapes at once.
	Metrics Exposer
	// Report gives the report of a fresh snapshot, from any goroutine.
	Report func() *report.Report
	// Network gives the canonical CIDR of a local network by CIDR, alias or name. Alerts need it.
	Network func(name string) (cidr string, ok bool)
	Alerts  Alerts
	// AlertFeed is told of the changes of Alerts; nil shows none in live events.
	AlertFeed *AlertFeed
	Checks    Checks
	Scripts   Scripts
	// Reload reads the configuration again, for POST /-/reload. Its error is shown to the client.
	Reload func() error
	// NotReady says why a server that was set ready does not count yet, "" when it does. Nil: it does.
	NotReady func() string

	// Snapshot is the present one, from any goroutine; the API beyond the report needs it, with Flows.
	Snapshot func() *flows.Snapshot
	// Flows calls fn with each flow of the table until it gives false; see flows.Table.Flows.
	Flows func(fn func(*flows.Flow) bool)
	// History is what was recorded; nil records nothing.
	History History
	// AlertView is a network's score and engaged alerts, by CIDR.
	AlertView func(cidr string) (score float64, engaged int)
	// Status is how the process and its capture are doing.
	Status func() Status
	// Places are the databases of remote addresses, or nil.
	Places func() *geoip.DB
	// AssumedNetworks reports whether no local networks were configured and the default list stands in. Nil
	// is always false.
	AssumedNetworks func() bool
	// Config is the configuration as loaded, without secrets: what JSON can hold.
	Config func() any
}
