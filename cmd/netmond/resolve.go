package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/netmond/netmond/report"
)

const (
	// resolveParallel look-ups are under way at a time.
	resolveParallel = 16
	// resolveEach bounds one look-up: what answers that late holds up others.
	resolveEach = 2 * time.Second
	// maxNameLength is that of a domain name in text (RFC 1035 section 2.3.4); longer answers are none.
	maxNameLength = 253
)

// resolveFlags are the flags that name addresses.
type resolveFlags struct {
	on      bool
	timeout time.Duration
	server  string
}

func addResolveFlags(cmd *kingpin.CmdClause) *resolveFlags {
	f := &resolveFlags{}
	cmd.Flag("resolve", "Name the addresses of the lists by reverse DNS, which tells the resolver and those it asks which addresses were seen.").BoolVar(&f.on)
	cmd.Flag("resolve-timeout", "End of all look-ups; addresses without an answer by then keep no name.").Default("5s").DurationVar(&f.timeout)
	cmd.Flag("resolve-server", "Ask this DNS server, as 192.0.2.53 or [2001:db8::53]:5353, and not the system's.").PlaceHolder("ADDRESS").StringVar(&f.server)
	return f
}

// resolver is what the flags ask for; nil without --resolve.
func (f *resolveFlags) resolver() (*resolver, error) {
	if !f.on {
		if f.server != "" {
			return nil, usageError{errors.New("--resolve-server: there is no --resolve that it is for")}
		}
		return nil, nil
	}
	if f.timeout <= 0 {
		return nil, usageError{fmt.Errorf("--resolve-timeout %v: want more than 0", f.timeout)}
	}
	r := &resolver{lookup: net.DefaultResolver.LookupAddr, timeout: f.timeout}
	if f.server == "" {
		return r, nil
	}
	server, err := netip.ParseAddrPort(f.server)
	if err != nil {
		addr, addrErr := netip.ParseAddr(strings.Trim(f.server, "[]"))
		if addrErr != nil {
			return nil, usageError{fmt.Errorf("--resolve-server %s: want an address, or an address and port", f.server)}
		}
		server = netip.AddrPortFrom(addr, 53)
	}
	own := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, server.String())
	}}
	r.lookup = own.LookupAddr
	return r, nil
}

// A resolver names addresses. Each is asked about once.
type resolver struct {
	lookup  func(ctx context.Context, address string) ([]string, error)
	timeout time.Duration // of all look-ups

	mu    sync.Mutex            // guards known
	known map[netip.Addr]string // empty for an address without a name
}

// name names the addresses of t; a nil resolver names none. What had no answer in time is told on w.
func (r *resolver) name(ctx context.Context, t *report.Top, w io.Writer) {
	if r == nil || t == nil || ctx.Err() != nil { // an interrupt wants the figures
		return
	}
	addresses := t.Addresses()
	names, unanswered := r.names(ctx, addresses)
	t.SetNames(names)
	if unanswered > 0 {
		fmt.Fprintf(w, "netmond: %d of %d addresses had no answer within %v and keep no name (--resolve-timeout)\n", unanswered, len(addresses), r.timeout)
	}
}

// names gives the names of those of list, which has no address twice, that have one, and how many had no answer when the time was over. It
// returns then, whatever a look-up still waits for.
func (r *resolver) names(ctx context.Context, list []netip.Addr) (names map[netip.Addr]string, unanswered int) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	r.mu.Lock()
	if r.known == nil {
		r.known = map[netip.Addr]string{}
	}
	var ask []netip.Addr
	for _, addr := range list {
		if _, known := r.known[addr]; !known {
			ask = append(ask, addr)
		}
	}
	r.mu.Unlock()
	queue, done := make(chan netip.Addr), make(chan struct{})
	var workers sync.WaitGroup
	for range min(resolveParallel, len(ask)) {
		workers.Go(func() { // ends with queue, or when its last look-up does
			for addr := range queue {
				r.one(ctx, addr)
			}
		})
	}
	go func() { // ends with ctx at the latest, but for a look-up that does not heed it
		defer close(done)
		defer workers.Wait()
		defer close(queue)
		for _, addr := range ask {
			select {
			case queue <- addr:
			case <-ctx.Done():
				return
			}
		}
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	names = map[netip.Addr]string{}
	for _, addr := range list {
		name, known := r.known[addr]
		if !known {
			unanswered++
			r.known[addr] = "" // it would cost as much time again
		} else if name != "" {
			names[addr] = name
		}
	}
	return names, unanswered
}

// one asks about an address. An answer that says that there is no name is one too.
func (r *resolver) one(ctx context.Context, addr netip.Addr) {
	ctx, cancel := context.WithTimeout(ctx, resolveEach)
	defer cancel()
	list, err := r.lookup(ctx, addr.WithZone("").String())
	var dns *net.DNSError
	if len(list) == 0 && !(errors.As(err, &dns) && dns.IsNotFound) {
		return // and an error beside names is of other names
	}
	name := ""
	if slices.Sort(list); len(list) > 0 { // the same each time, whatever order the server gives
		name = strings.TrimSuffix(list[0], ".")
	}
	if len(name) > maxNameLength {
		name = ""
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known[addr] = name
}
