package server

import (
	"context"
	"net"
	"net/http"
	"net/http/pprof" // on a mux of its own: http.DefaultServeMux is not served

	"personae.dev/internal/api"
	"personae.dev/internal/httpx"
)

// maxPrivateConnections is how many connections the private listener has at once.
const maxPrivateConnections = 64

// newPrivate returns the server for operators, which is never in public: health,
// metrics, and what tells how the process spends its time and memory. It has
// connections of its own, so that it answers while the other has too many.
func (s *Server) newPrivate(listener net.Listener, limits timeouts) *frontend {
	limited := limitConnections(listener, maxPrivateConnections, s.cfg.Log, func() { s.metrics.observeRefusal(closedConnection) })
	return newFrontend(limited, nil, false, limits, s.cfg.Log, func(stopping context.Context) http.Handler {
		operators := api.New(api.Config{Library: s.Library, Metrics: s.metrics.handler(s.cfg.Log), Ready: s.ready})
		mux := http.NewServeMux()
		mux.Handle("/", httpx.New(httpx.Config{
			Routes: operators.Operations(), Log: s.cfg.Log, Observe: s.metrics.observer, Stopping: stopping,
		}))
		mux.HandleFunc("/debug/pprof/", pprof.Index)
		mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
		return mux
	})
}
