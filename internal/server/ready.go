package server

import (
	"context"
	"errors"
	"strings"
	"time"

	"personae.dev/internal/errs"
	"personae.dev/internal/store"
)

// readyRetry is after how many seconds a server that is not ready may be asked
// again.
const readyRetry = 5

// ready is why the server shall get no requests, nil if it may: it drains, or its
// database does not answer or cannot be written. Anybody may read the reason: it
// names no file and no address.
func (s *Server) ready(ctx context.Context) error {
	if s.draining.Load() {
		return notReady(nil, "The server is shutting down.")
	}
	err := s.Library.Ping(ctx)
	if err == nil {
		err = s.Library.PingWrite(ctx)
	}
	if err == nil {
		return nil
	}
	if known, ok := errors.AsType[*errs.Error](err); ok && known.Kind == errs.Unavailable {
		return notReady(err, withoutName(known.Message, s.cfg.Database))
	}
	return notReady(err, "The database does not answer.")
}

func notReady(err error, reason string) error {
	return &errs.Error{Kind: errs.Unavailable, Code: errs.CodeUnavailable, Message: reason, Err: err, RetryAfter: readyRetry}
}

// withoutName returns a message of the store without the name of its database.
func withoutName(message, database string) string {
	name := store.Name(database)
	for _, name := range []string{name + "-wal", name} {
		message = strings.ReplaceAll(message, " "+name, "")
	}
	return message
}

// drain makes the server not ready, and goes on serving until a load balancer has
// seen it.
func (s *Server) drain() {
	s.draining.Store(true)
	if s.cfg.Drain <= 0 {
		return
	}
	s.cfg.Log.Info("draining: /readyz answers 503, other requests are served", "for", s.cfg.Drain.String())
	<-time.After(s.cfg.Drain)
}
