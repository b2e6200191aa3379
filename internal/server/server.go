// Package server wires the packages together, and is the only one that knows
// which adapters there are: Open for commands that work on a database, New and
// Run for the server.
//
// It has no rule, and no route but / and those for operators.
package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"personae.dev/internal/account"
	"personae.dev/internal/api"
	"personae.dev/internal/console"
	"personae.dev/internal/entity"
	"personae.dev/internal/httpx"
	"personae.dev/internal/kind"
	"personae.dev/internal/library"
	"personae.dev/internal/limit"
	"personae.dev/internal/llm"
	"personae.dev/internal/mcp"
	"personae.dev/internal/models"
	"personae.dev/internal/store"
)

// Bounds of the look-ups of keys that reach the database. They have a gate of
// their own: whoever sends unknown keys holds up neither gets nor lists nor
// changes, and no more connections to the database than these.
const (
	keyLookups       = 8
	keyLookupsQueued = 1024
)

// Config is the settings of a server.
type Config struct {
	// Listen is a TCP address.
	Listen string
	// Database is the path of an SQLite file, or the address of a PostgreSQL database.
	Database string
	// Settings are of the database.
	Settings DatabaseSettings
	// CacheBytes bounds the caches; 0 turns them off.
	CacheBytes int64
	// RetainDeleted is how long deleted entities are kept; 0 keeps them for ever.
	RetainDeleted time.Duration
	// CountUnmatched counts job titles that belong to no persona.
	CountUnmatched bool
	// MaxConnections and MaxInFlight bound connections and requests; 0 is
	// DefaultMaxConnections and httpx.DefaultMaxInFlight.
	MaxConnections, MaxInFlight int
	// TLSCert and TLSKey are PEM files, both or neither. They are read again when
	// they change.
	TLSCert, TLSKey string
	// H2C serves HTTP/2 without TLS, too, for a proxy that speaks it.
	H2C bool
	// PublicURL is where clients reach the server, such as
	// https://personae.example.com; "" where that is not known.
	PublicURL string
	// TrustedProxies are the networks of proxies, and CORSOrigins the origins of
	// pages that may call the server: see httpx.ParseProxies and
	// httpx.ParseOrigins.
	TrustedProxies, CORSOrigins []string
	// PrivateListen is a second TCP address, for operators alone: it has health,
	// profiles and the metrics, which Listen then lacks. "" for none.
	PrivateListen string
	// Model is the language model.
	Model ModelSettings
	// Drain is how long the server goes on serving at the end, while /readyz
	// answers 503.
	Drain time.Duration
	// Now and NewID, if set, take the place of the clock and of random ids.
	Now   func() time.Time
	NewID func(prefix string) string
	Log   *slog.Logger

	// extraRoutes and timeouts are for tests.
	extraRoutes []httpx.Route
	timeouts    *timeouts
}

// Server is a server that listens, and does not answer before Run.
type Server struct {
	// Library works on the server's database.
	Library *library.Library

	cfg      Config
	store    entity.Store
	models   *models.Models // nil without a model
	frontend *frontend
	private  *frontend // nil without PrivateListen
	metrics  *metrics
	proxies  httpx.Proxies
	origins  []string
	draining atomic.Bool
}

// New opens the database, makes it where it is new, and listens. Close or Run
// ends what it began.
func New(ctx context.Context, cfg Config) (_ *Server, err error) {
	certificate, err := loadCertificate(cfg.TLSCert, cfg.TLSKey, cfg.Log)
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, metrics: newMetrics()}
	if err := s.checkNetwork(); err != nil {
		return nil, err
	}
	// Before the database: a wrong setting leaves no file behind.
	model, err := s.openModel()
	if err != nil {
		return nil, err
	}
	listener, err := listen(ctx, cfg.Listen, "--listen")
	if err != nil {
		return nil, err
	}
	var private net.Listener
	if cfg.PrivateListen != "" {
		if private, err = listen(ctx, cfg.PrivateListen, "--private-listen"); err != nil {
			return nil, errors.Join(err, listener.Close())
		}
	}
	if err := s.open(ctx, model); err != nil {
		err = errors.Join(err, listener.Close())
		if private != nil {
			err = errors.Join(err, private.Close())
		}
		return nil, err
	}
	limited := limitConnections(listener, cfg.MaxConnections, cfg.Log, func() { s.metrics.observeRefusal(closedConnection) })
	s.metrics.countConnections(limited.Open)
	limits := defaultTimeouts()
	if cfg.timeouts != nil {
		limits = *cfg.timeouts
	}
	s.frontend = newFrontend(limited, certificate, cfg.H2C, limits, cfg.Log, s.handler)
	if private != nil {
		s.private = s.newPrivate(private, limits)
	}
	return s, nil
}

// open opens the database.
func (s *Server) open(ctx context.Context, model *llm.Client) error {
	opened, err := store.Open(ctx, s.cfg.Database, store.Options{
		Create: true, Exclusive: true, Settings: s.cfg.Settings, Observe: s.metrics.observeStore, Warn: s.cfg.Log.Warn,
	})
	if err != nil {
		return err
	}
	s.store = gatedKeys{opened, limit.NewGate(keyLookups, keyLookupsQueued, httpx.QueueTimeout), s.metrics.observeRefusal}
	kinds := kind.Registry()
	if s.cfg.NewID != nil {
		kinds.UseIDs(s.cfg.NewID)
	}
	s.useModel(model)
	s.Library, err = library.New(library.Config{
		Store: s.store, Registry: kinds, CacheBytes: s.cfg.CacheBytes, ObserveCache: s.metrics.observeCache, Log: s.cfg.Log,
		Now: s.cfg.Now, NewID: s.cfg.NewID, Model: s.model(), CountUnmatched: s.cfg.CountUnmatched,
	})
	if err != nil {
		return errors.Join(err, opened.Close())
	}
	return nil
}

// handler returns the handler of all routes.
func (s *Server) handler(stopping context.Context) (whole http.Handler) {
	cfg := api.Config{Library: s.Library, Models: s.models, Generator: s.generator(), Ready: s.ready}
	if s.cfg.PrivateListen == "" {
		cfg.Metrics = s.metrics.handler(s.cfg.Log)
	}
	if s.cfg.PublicURL != "" {
		cfg.MCPURL = s.cfg.PublicURL + mcp.Path
	}
	contract := api.New(cfg)
	// Tools of agents call the API in process, through all that other calls pass.
	agents := mcp.Routes(
		mcp.Config{Registry: s.Library.Registry(), Version: Version().Version, PublicURL: s.cfg.PublicURL, Origins: s.origins, Log: s.cfg.Log},
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { whole.ServeHTTP(w, r) }),
	)
	pages := console.New(console.Options{Library: s.Library, PublicURL: s.cfg.PublicURL, Settings: s.settings(), Now: s.cfg.Now})
	routes := slices.Concat(contract.Routes(), agents, pages.Routes(), s.cfg.extraRoutes)
	return httpx.New(httpx.Config{
		Routes:       append(routes, homeRoute()),
		NotFound:     contract.NotFound,
		Authenticate: s.Library.Authenticate,
		Log:          s.cfg.Log, Observe: s.metrics.observer, Refused: s.metrics.observeRefusal,
		MaxInFlight: s.cfg.MaxInFlight, Stopping: stopping, Draining: s.draining.Load,
		Proxies: s.proxies, Origins: s.origins, Now: s.cfg.Now, NewID: s.cfg.NewID,
	})
}

// gatedKeys is a store whose look-ups of keys pass a gate. The library asks it
// only for keys that are not in its cache.
type gatedKeys struct {
	entity.Store
	gate    *limit.Gate
	refused func(httpx.Refusal)
}

// Principal implements entity.Reader.
func (s gatedKeys) Principal(ctx context.Context, keyOID string) (*account.Principal, error) {
	if !s.gate.Enter(ctx) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s.refused(refusedKeyLookup)
		return nil, httpx.ErrBusy
	}
	defer s.gate.Leave()
	return s.Store.Principal(ctx, keyOID)
}

// URL is where the server is reached from this machine.
func (s *Server) URL() string { return s.frontend.url() }

// PrivateURL is where operators reach it from this machine, "" for nowhere.
func (s *Server) PrivateURL() string {
	if s.private == nil {
		return ""
	}
	return s.private.url()
}

// Exposed reports whether other machines can reach the server in clear text.
func (s *Server) Exposed() bool { return s.frontend.exposed() }

// Run serves until ctx ends. Then it goes on for Config.Drain, accepts no more,
// ends streams, lets other requests finish for ShutdownTimeout, and closes
// everything.
func (s *Server) Run(ctx context.Context) error {
	group, running := errgroup.WithContext(ctx)
	background, stopBackground := context.WithCancel(context.WithoutCancel(ctx))
	defer stopBackground()
	group.Go(s.frontend.serve)
	if s.private != nil {
		group.Go(s.private.serve)
	}
	group.Go(func() error {
		s.Library.Run(background, library.Background{
			RetainDeleted: s.cfg.RetainDeleted,
			Purged: func(d entity.DeletedEntity) {
				s.metrics.purged.Inc()
				s.cfg.Log.Info("purged a deleted entity", "workspace", d.Workspace, "kind", d.Kind, "oId", d.OID, "deletedAt", d.DeletedAt)
			},
			Failed: func(err error) { s.cfg.Log.Error("background work failed", "error", err) },
		})
		return nil
	})
	group.Go(func() error {
		<-running.Done()
		// Last of all, so that what the last requests did is written down.
		defer stopBackground()
		ending := context.WithoutCancel(ctx)
		if ctx.Err() != nil { // else it does not serve any more
			s.drain()
		}
		err := s.frontend.stop(ending)
		if s.private != nil {
			err = errors.Join(err, s.private.stop(ending))
		}
		return err
	})
	err := group.Wait()
	return errors.Join(err, s.store.Close())
}

// Close ends a server that does not Run.
func (s *Server) Close() error {
	err := errors.Join(s.frontend.listener.Close(), s.store.Close())
	if s.private != nil {
		err = errors.Join(err, s.private.listener.Close())
	}
	return err
}
