package web

import "net/http"

// Handler answers all paths without a listener, for a reader in this process.
func (s *Server) Handler() http.Handler { return s.handler }
