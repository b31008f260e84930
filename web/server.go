package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	toolkit "github.com/prometheus/exporter-toolkit/web"
)

const (
	maxHeaderBytes = 16 << 10
	// shutdownGrace is how long answers under way may take when the server stops.
	shutdownGrace = 3 * time.Second
)

// A Server serves until the context of Run ends.
type Server struct {
	cfg     Config
	deps    Deps
	stats   stats
	hosts   hosts
	ready   atomic.Bool
	handler http.Handler // of all paths

	scanning chan struct{} // held by the request that walks the flow table
	lives    chan struct{} // held by each client of live events
	ticks    ticker
	ending   chan struct{} // closed when Run ends: live events end with it
	endOnce  sync.Once
}

// New checks cfg and makes a Server that listens nowhere yet and is not ready.
func New(cfg Config, deps Deps) (*Server, error) {
	cfg = cfg.withDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if deps.Log == nil || deps.Metrics == nil || deps.Report == nil {
		return nil, errors.New("web: a dependency is missing")
	}
	if deps.Alerts != nil && deps.Network == nil {
		return nil, errors.New("web: alerts without networks")
	}
	if (deps.Snapshot == nil) != (deps.Flows == nil) {
		return nil, errors.New("web: a snapshot without flows, or flows without a snapshot")
	}
	s := &Server{
		cfg: cfg, deps: deps, stats: newStats(), hosts: newHosts(cfg),
		scanning: make(chan struct{}, 1), lives: make(chan struct{}, maxLive), ending: make(chan struct{}),
	}
	s.beginFeed()
	own := prometheus.NewRegistry()
	if err := own.Register(&s.stats); err != nil {
		return nil, fmt.Errorf("web: register metrics: %w", err)
	}
	handler, err := s.routes(own)
	if err != nil {
		return nil, err
	}
	s.handler = handler
	return s, nil
}

// SetReady says what /-/ready answers. Any goroutine may call it.
func (s *Server) SetReady(ready bool) { s.ready.Store(ready) }

// Run listens and serves until ctx ends, then lets answers under way end for at most 3 s and returns
// nil. An address that cannot be listened on ends it at once with an error that names the address.
func (s *Server) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	context.AfterFunc(ctx, func() { s.endOnce.Do(func() { close(s.ending) }) })
	open := s.cfg.Listeners
	if open == nil {
		var err error
		if open, err = Listen(s.cfg); err != nil {
			return err
		}
	}
	defer open.Close()
	errs := make(chan error, len(open.list))
	for _, l := range open.list {
		server := s.httpServer()
		go func() { errs <- s.serve(ctx, server, l) }() // ends with ctx; waited for below
	}
	var first error
	for range open.list {
		if err := <-errs; err != nil && first == nil {
			first = err
			cancel()
		}
	}
	return first
}

func (s *Server) httpServer() *http.Server {
	c := newConns(s.cfg.MaxConnections, &s.stats)
	return &http.Server{
		Handler:           c.serving(s.handler),
		ReadHeaderTimeout: s.cfg.HeaderTimeout,
		ReadTimeout:       s.cfg.AnswerTimeout,
		WriteTimeout:      s.cfg.AnswerTimeout,
		IdleTimeout:       s.cfg.IdleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		// What a client did wrong can repeat without end.
		ErrorLog:    slog.NewLogLogger(s.deps.Log.Handler(), slog.LevelDebug),
		ConnState:   c.state,
		ConnContext: c.context,
	}
}

func (s *Server) serve(ctx context.Context, server *http.Server, l listener) error {
	done := make(chan error, 1)
	go func() { // ends with server
		if l.conn != nil {
			done <- toolkit.Serve(l.conn, server, l.flags, s.deps.Log)
			return
		}
		done <- toolkit.ListenAndServe(server, l.flags, s.deps.Log)
	}()
	select {
	case err := <-done:
		return fmt.Errorf("web: %w", err) // with vsock of its listener: it has the address
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.Background(), shutdownGrace)
	defer cancel()
	// Before the listener exists Shutdown returns at once, and the server refuses to begin.
	if err := server.Shutdown(grace); err != nil {
		server.Close()
	}
	if err := <-done; err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("web: %w", err)
	}
	return nil
}
