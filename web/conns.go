package web

import (
	"container/list"
	"context"
	"net"
	"net/http"
	"sync"
)

// conns bounds a server's connections. Those that wait for a request, new ones and those in the
// middle of a request's header included, give way to newer ones, so that idle or dripping clients
// keep nobody out.
type conns struct {
	max   int
	stats *stats

	mu      sync.Mutex // guards what follows
	open    map[net.Conn]*conn
	waiting list.List // of *conn, longest waiting first
}

// A conn is an open connection; conns.mu guards it.
type conn struct {
	net.Conn
	requests int           // being answered; several with HTTP/2
	place    *list.Element // in waiting while requests is 0, else nil
}

// cut closes k without TLS's farewell, which could wait for the client.
func (k *conn) cut() {
	nc := k.Conn
	if t, ok := nc.(interface{ NetConn() net.Conn }); ok {
		nc = t.NetConn()
	}
	nc.Close()
}

// connKey is the context's key of a request's *conn.
type connKey struct{}

func newConns(max int, stats *stats) *conns {
	return &conns{max: max, stats: stats, open: map[net.Conn]*conn{}}
}

// context is http.Server.ConnContext, called before the connection's first state.
func (c *conns) context(ctx context.Context, nc net.Conn) context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := &conn{Conn: nc}
	var out *conn
	if len(c.open) >= c.max {
		out = k
		if oldest := c.waiting.Front(); oldest != nil {
			out = oldest.Value.(*conn)
			c.stats.evicted.Inc()
		} else {
			c.stats.refused.Inc()
		}
		c.drop(out)
		out.cut()
	}
	if out != k {
		c.open[nc] = k
		k.place = c.waiting.PushBack(k)
		c.stats.open.Inc()
	}
	return context.WithValue(ctx, connKey{}, k)
}

// state is http.Server.ConnState.
func (c *conns) state(nc net.Conn, state http.ConnState) {
	if state != http.StateClosed && state != http.StateHijacked {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if k := c.open[nc]; k != nil {
		c.drop(k)
	}
}

// drop forgets k; c.mu is held.
func (c *conns) drop(k *conn) {
	if c.open[k.Conn] != k {
		return
	}
	delete(c.open, k.Conn)
	if k.place != nil {
		c.waiting.Remove(k.place)
		k.place = nil
	}
	c.stats.open.Dec()
}

// serving marks a connection while h answers a request of it.
func (c *conns) serving(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if k, ok := r.Context().Value(connKey{}).(*conn); ok {
			c.begin(k)
			defer c.end(k)
		}
		h.ServeHTTP(w, r)
	})
}

func (c *conns) begin(k *conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k.requests++
	if k.place != nil {
		c.waiting.Remove(k.place)
		k.place = nil
	}
}

func (c *conns) end(k *conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k.requests--
	if k.requests == 0 && c.open[k.Conn] == k {
		k.place = c.waiting.PushBack(k)
	}
}
