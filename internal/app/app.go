// Package app wires the rooms together, and is the only one that knows which
// adapters there are: Open for what works on a database, New and Run for the
// server.
//
// It holds no rule and no route.
package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"personae.dev/internal/api"
	"personae.dev/internal/fastpath"
	"personae.dev/internal/library"
	"personae.dev/internal/overload"
	"personae.dev/internal/persona"
	"personae.dev/internal/rawconn"
	"personae.dev/internal/store"
	"personae.dev/internal/wire"
)

// Timeouts and limits of connections. They are listed in docs/limits.md.
const (
	// ReadHeaderTimeout is how long the head of a request may take.
	ReadHeaderTimeout = 10 * time.Second
	// ReadTimeout is how long a request may take to come in.
	ReadTimeout = 30 * time.Second
	// WriteTimeout is how long a request may take in all.
	WriteTimeout = 60 * time.Second
	// IdleTimeout is how long a connection may wait for its next request.
	IdleTimeout = 2 * time.Minute
	// MaxHeaderBytes is how large the head of a request may be.
	MaxHeaderBytes = 160 << 10
	// DefaultMaxConnections is how many connections there are at once where
	// nothing else is said, and ReservedConnections how many more are told that
	// they are too many.
	DefaultMaxConnections = 16 << 10
	ReservedConnections   = 64
	// MaxHeadsBytes is how much of the heads of all requests together is in
	// memory, beside the first freeHeadBytes of each. It is not the whole of
	// it: a head of many small lines takes ten times its bytes.
	MaxHeadsBytes = 16 << 20
	freeHeadBytes = 8 << 10
	// reservedFiles are left for the database, and for commands of the system.
	reservedFiles = 64
	// ShutdownTimeout is how long running requests may take at the end.
	ShutdownTimeout = 10 * time.Second
)

// Config is the settings of a server.
type Config struct {
	// Listen is a TCP address.
	Listen string
	// Database is sqlite: and a path, or the address of a PostgreSQL database.
	Database string
	// Settings are of the database.
	Settings DatabaseSettings
	// CacheBytes bounds the caches; 0 turns them off.
	CacheBytes int64
	// RetainDeleted is how long deleted personas are kept; 0 keeps them for ever.
	RetainDeleted time.Duration
	// MaxConnections and MaxInFlight bound connections and requests in work; 0
	// stands for DefaultMaxConnections and api.DefaultMaxInFlight.
	MaxConnections, MaxInFlight int
	// TLSCert and TLSKey are PEM files, both or neither.
	TLSCert, TLSKey string
	Log             *slog.Logger
}

// DatabaseSettings are what may be chosen of connections to a database.
type DatabaseSettings = store.Settings

// DatabaseName is a database as it may be shown: without a password.
func DatabaseName(database string) string { return store.Name(database) }

// Open opens a database for work other than serving: it must exist and be up
// to date, and a server may have it at the same time. With bulk it is for much
// that is written at once, see store.Options. Close the store at the end.
func Open(ctx context.Context, database string, settings DatabaseSettings, bulk bool) (*library.Library, persona.Store, error) {
	return open(ctx, database, store.Options{Settings: settings, Bulk: bulk}, library.Config{})
}

// Migrate makes the database where it is missing, and brings it up to date.
func Migrate(ctx context.Context, database string, settings DatabaseSettings) error {
	s, err := store.Open(ctx, database, store.Options{Create: true, Settings: settings})
	if err != nil {
		return err
	}
	return s.Close()
}

// FillSearchIndex does the same, and builds the search index anew.
func FillSearchIndex(ctx context.Context, database string, settings DatabaseSettings) error {
	return store.FillSearchIndex(ctx, database, store.Options{Settings: settings})
}

// Migration is one step of the database's structure.
type Migration = store.Migration

// Migrations tells which steps a database has, without changing it.
func Migrations(ctx context.Context, database string, settings DatabaseSettings) ([]Migration, error) {
	return store.Migrations(ctx, database, store.Options{Settings: settings})
}

func open(ctx context.Context, database string, opts store.Options, cfg library.Config) (*library.Library, persona.Store, error) {
	s, err := store.Open(ctx, database, opts)
	if err != nil {
		return nil, nil, err
	}
	cfg.Store, cfg.Render = s, wire.AppendPersona
	l, err := library.New(cfg)
	if err != nil {
		return nil, nil, errors.Join(err, s.Close())
	}
	return l, s, nil
}

// Server is a server that listens, and does not answer before Run.
type Server struct {
	// Library works on the server's database.
	Library *library.Library

	cfg      Config
	store    persona.Store
	listener net.Listener
	http     *http.Server
	purged   func() // counts
}

// ErrAddress is in the chain of New's error where the address cannot be had.
var ErrAddress = errors.New("cannot listen")

// New opens the database, sets it up where it is new, and listens. Close or Run
// ends what it began.
func New(ctx context.Context, cfg Config) (_ *Server, err error) {
	var certificate *tls.Config // nil: clear text
	if cfg.TLSCert != "" || cfg.TLSKey != "" {
		if certificate, err = loadCertificate(cfg); err != nil {
			return nil, err
		}
	}
	// Before the database: a wrong address leaves no file behind.
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Listen)
	if err != nil {
		return nil, addressError(cfg.Listen, err)
	}
	m := newMetrics()
	limited := overload.Limit(rawconn.Listen(listener.(*net.TCPListener)), overload.Limits{
		Connections: maxConnections(cfg), Reserve: ReservedConnections,
		Heads: MaxHeadsBytes, FreeHead: freeHeadBytes, Closed: m.observeClosed,
	})
	m.countConnections(limited.Open)
	s := &Server{cfg: cfg, listener: limited}
	s.purged = m.purged.Inc
	s.Library, s.store, err = open(ctx, cfg.Database,
		store.Options{Create: true, Exclusive: true, Settings: cfg.Settings, Observe: m.observeStore, Warn: cfg.Log.Warn},
		library.Config{CacheBytes: cfg.CacheBytes, ObserveCache: m.observeCache})
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	s.http = newHTTPServer(cfg.Log, api.New(api.Config{
		Library: s.Library, Log: cfg.Log, Metrics: m.handler(cfg.Log), Observe: m.observeRequest,
		MaxInFlight: cfg.MaxInFlight, Refused: m.observeRefusal,
	}))
	s.http.TLSConfig = certificate
	return s, nil
}

// newHTTPServer returns a server that no slow client holds up for longer than
// its timeouts.
func newHTTPServer(log *slog.Logger, handler http.Handler) *http.Server {
	// A connection of HTTP/2 has any number of heads at once, whose bytes nobody
	// could tell from those of bodies.
	http1 := new(http.Protocols)
	http1.SetHTTP1(true)
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: ReadHeaderTimeout,
		ReadTimeout:       ReadTimeout,
		WriteTimeout:      WriteTimeout,
		IdleTimeout:       IdleTimeout,
		MaxHeaderBytes:    MaxHeaderBytes,
		ConnContext:       overload.ConnContext,
		ConnState: func(c net.Conn, state http.ConnState) {
			if state == http.StateIdle {
				overload.Idle(c)
			}
		},
		Protocols: http1,
		ErrorLog:  slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// maxConnections is the limit of connections, lowered where the system allows
// fewer open files: without one, the database could not be read.
func maxConnections(cfg Config) int {
	limit := cfg.MaxConnections
	if limit == 0 {
		limit = DefaultMaxConnections
	}
	if most := openFiles() - ReservedConnections - reservedFiles; most > 0 && most < limit {
		cfg.Log.Warn("The system allows this process fewer open files than --max-connections needs: fewer connections are taken. Raise the limit (ulimit -n, LimitNOFILE=), or lower --max-connections.",
			"maxConnections", limit, "taken", most)
		limit = most
	}
	return limit
}

func loadCertificate(cfg Config) (*tls.Config, error) {
	if cfg.TLSCert == "" || cfg.TLSKey == "" {
		return nil, persona.BadSettingf("TLS needs both --tls-cert and --tls-key.")
	}
	pair, err := tls.LoadX509KeyPair(cfg.TLSCert, cfg.TLSKey)
	if err != nil {
		return nil, persona.BadSettingf("The TLS certificate %s and key %s cannot be used: %s.", cfg.TLSCert, cfg.TLSKey, err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, nil
}

// addressError says what is wrong with an address in one line.
func addressError(address string, err error) error {
	reason := err.Error()
	if operation, ok := errors.AsType[*net.OpError](err); ok {
		reason = operation.Err.Error()
	}
	return &persona.Error{
		Kind: persona.Invalid, Code: persona.CodeBadSetting, Err: ErrAddress,
		Message: fmt.Sprintf("Cannot listen on %s: %s. Name another address with --listen HOST:PORT, or stop the program that has this one.", address, reason),
	}
}

// secure tells that the server speaks HTTPS. The TLSConfig of http does not: it
// is net/http's as soon as it serves.
func (s *Server) secure() bool { return s.cfg.TLSCert != "" }

// URL is where the server is reached from this machine.
func (s *Server) URL() string {
	scheme := "http"
	if s.secure() {
		scheme = "https"
	}
	address := s.listener.Addr().(*net.TCPAddr)
	host := address.IP.String()
	if address.IP.IsUnspecified() {
		host = "127.0.0.1"
	}
	return fmt.Sprintf("%s://%s", scheme, net.JoinHostPort(host, strconv.Itoa(address.Port)))
}

// Exposed tells that the server can be reached from other machines in clear
// text.
func (s *Server) Exposed() bool {
	return !s.secure() && !s.listener.Addr().(*net.TCPAddr).IP.IsLoopback()
}

// Run serves until ctx ends. Then it accepts no more, lets running requests
// finish for ShutdownTimeout, and closes everything.
func (s *Server) Run(ctx context.Context) error {
	serve := func() error { return s.http.ServeTLS(s.listener, "", "") }
	waitForReads := func(context.Context) (cutOff bool) { return false }
	if !s.secure() {
		reads := fastpath.Listen(s.listener, s.http)
		serve, waitForReads = func() error { return s.http.Serve(reads) }, reads.Wait
	}
	group, running := errgroup.WithContext(ctx)
	background, stopBackground := context.WithCancel(context.WithoutCancel(ctx))
	defer stopBackground()
	group.Go(func() error {
		err := serve()
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		return fmt.Errorf("app: serve: %w", err)
	})
	group.Go(func() error {
		s.Library.Run(background, library.Background{
			RetainDeleted: s.cfg.RetainDeleted,
			Purged: func(d persona.DeletedPersona) {
				s.purged()
				s.cfg.Log.Info("purged a deleted persona", "workspace", d.WorkspaceOID, "persona", d.OID, "deletedAt", d.DeletedAt)
			},
			Failed: func(err error) { s.cfg.Log.Error("background work failed", "error", err) },
		})
		return nil
	})
	group.Go(func() error {
		<-running.Done()
		// Last of all, so that what the last requests did is written down.
		defer stopBackground()
		deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), ShutdownTimeout)
		defer cancel()
		err := s.http.Shutdown(deadline)
		if cutOff := waitForReads(deadline); cutOff || err != nil {
			s.cfg.Log.Warn("requests were cut off at the end", "after", ShutdownTimeout.String())
			return s.http.Close()
		}
		return nil
	})
	err := group.Wait()
	return errors.Join(err, s.store.Close())
}

// Close ends a server that does not Run.
func (s *Server) Close() error { return errors.Join(s.listener.Close(), s.store.Close()) }
