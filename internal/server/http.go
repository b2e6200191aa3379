package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"personae.dev/internal/errs"
	"personae.dev/internal/httpx"
	"personae.dev/internal/limit"
)

// Timeouts and limits of connections. docs/limits.md lists them.
const (
	// ReadHeaderTimeout is how long the head of a request may take.
	ReadHeaderTimeout = 10 * time.Second
	// ReadTimeout is how long a request may take to come in.
	ReadTimeout = 30 * time.Second
	// WriteTimeout is how long a request may take in all, if its route does not
	// say otherwise.
	WriteTimeout = 60 * time.Second
	// IdleTimeout is how long a connection may wait for its next request.
	IdleTimeout = 2 * time.Minute
	// MaxHeaderBytes is how large the head of a request may be. On HTTP/1.1
	// net/http allows up to 8 KiB more, because it reads ahead.
	MaxHeaderBytes = 16 << 10
	// MaxStreams is how many requests a connection of HTTP/2 has at once.
	MaxStreams = 100
	// DefaultMaxConnections is how many connections there are at once where
	// nothing else is said, and ReservedConnections how many more are told that
	// they are too many.
	DefaultMaxConnections = 4096
	ReservedConnections   = 64
	// reservedFiles are left for the database, and for commands of the system.
	reservedFiles = 64
	// ShutdownTimeout is how long running requests may take at the end.
	ShutdownTimeout = 10 * time.Second
)

// timeouts are those of a server; tests have shorter ones.
type timeouts struct{ readHeader, read, write, idle, shutdown time.Duration }

func defaultTimeouts() timeouts {
	return timeouts{ReadHeaderTimeout, ReadTimeout, WriteTimeout, IdleTimeout, ShutdownTimeout}
}

// frontend is the HTTP server without what it serves.
type frontend struct {
	http     *http.Server
	listener net.Listener
	secure   bool
	log      *slog.Logger
	shutdown time.Duration

	// stopping is done when the server begins to shut down: streams end with it.
	// requests is what the contexts of all requests derive from; it ends when
	// those that still run are cut off.
	stopping context.Context
	requests context.Context
	cutOff   context.CancelFunc
}

// newFrontend returns a server that no slow client holds up for longer than its
// timeouts. handler is given the context that is done when streams must end.
func newFrontend(l net.Listener, certificate *tls.Config, h2c bool, limits timeouts, log *slog.Logger, handler func(stopping context.Context) http.Handler) *frontend {
	stopping, stop := context.WithCancel(context.Background())
	requests, cutOff := context.WithCancel(context.Background())
	f := &frontend{listener: l, secure: certificate != nil, log: log, shutdown: limits.shutdown, stopping: stopping, requests: requests, cutOff: cutOff}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true) // over TLS
	protocols.SetUnencryptedHTTP2(h2c)
	f.http = &http.Server{
		Handler:           handler(stopping),
		TLSConfig:         certificate,
		Protocols:         protocols,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: MaxStreams},
		ReadHeaderTimeout: limits.readHeader,
		ReadTimeout:       limits.read,
		WriteTimeout:      limits.write,
		IdleTimeout:       limits.idle,
		MaxHeaderBytes:    MaxHeaderBytes,
		BaseContext:       func(net.Listener) context.Context { return requests },
		ConnContext:       limit.ConnContext,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	f.http.RegisterOnShutdown(stop)
	return f
}

// serve serves until stop or close.
func (f *frontend) serve() error {
	var err error
	if f.secure {
		err = f.http.ServeTLS(f.listener, "", "")
	} else {
		err = f.http.Serve(f.listener)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("server: serve: %w", err)
}

// stop accepts no more connections, ends streams, lets other requests finish, and
// cuts off those that have not when the time is over. A handler that ignores the
// end of its context is not waited for.
func (f *frontend) stop(ctx context.Context) error {
	defer f.cutOff()
	deadline, cancel := context.WithTimeout(ctx, f.shutdown)
	defer cancel()
	if err := f.http.Shutdown(deadline); err != nil {
		f.log.Warn("Requests that were still running were cut off.", "after", f.shutdown.String())
		return f.http.Close()
	}
	return nil
}

// connectionLimits returns how many connections are taken, and how many more are
// told that they are too many, where the process may have so many files open; 0
// stands for any number. Files are left for the database: without them it could
// not be read.
func connectionLimits(wanted, files int) (taken, reserve int) {
	if files == 0 {
		return wanted, ReservedConnections
	}
	reserve = min(ReservedConnections, files/8)
	return max(1, min(wanted, files-reserve-min(reservedFiles, files/2))), reserve
}

// limitConnections bounds the connections of l. closed is called for each one
// that is closed at once.
func limitConnections(l net.Listener, wanted int, log *slog.Logger, closed func()) *limit.Listener {
	if wanted == 0 {
		wanted = DefaultMaxConnections
	}
	files := openFiles()
	taken, reserve := connectionLimits(wanted, files)
	if taken < wanted {
		log.Warn("The system allows this process fewer open files than --max-connections needs, so it takes fewer connections. Raise the limit (ulimit -n, LimitNOFILE=), or lower --max-connections.",
			"maxConnections", wanted, "openFiles", files, "taken", taken)
	}
	return limit.NewListener(l, taken, reserve, closed)
}

// ErrAddress is in the chain of New's error where it cannot listen.
var ErrAddress = errors.New("cannot listen")

// checkNetwork reads what the settings say of proxies and pages of others.
func (s *Server) checkNetwork() (err error) {
	if s.proxies, err = httpx.ParseProxies(s.cfg.TrustedProxies); err != nil {
		return errs.BadSettingf("--trusted-proxies: %s.", err)
	}
	if s.origins, err = httpx.ParseOrigins(s.cfg.CORSOrigins); err != nil {
		return errs.BadSettingf("--cors-origin: %s.", err)
	}
	if s.cfg.PublicURL == "" {
		return nil
	}
	u, err := url.Parse(s.cfg.PublicURL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil ||
		strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return errs.BadSettingf("--public-url is %q: write it as https://personae.example.com, without a path.", s.cfg.PublicURL)
	}
	s.cfg.PublicURL = u.Scheme + "://" + u.Host
	return nil
}

// listen listens on an address that a flag gave.
func listen(ctx context.Context, address, flag string) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err == nil {
		return l, nil
	}
	reason := err.Error()
	if operation, ok := errors.AsType[*net.OpError](err); ok {
		reason = operation.Err.Error()
	}
	advice := "Name another address with " + flag + " HOST:PORT, or stop the program that uses this one."
	if _, wrong := errors.AsType[*net.AddrError](err); wrong {
		advice = "Write " + flag + " HOST:PORT, such as 127.0.0.1:7070."
	}
	return nil, &errs.Error{
		Kind: errs.Invalid, Code: errs.CodeBadSetting, Err: ErrAddress,
		Message: fmt.Sprintf("Cannot listen on %s: %s. %s", address, reason, advice),
	}
}

// url is where the server is reached from this machine.
func (f *frontend) url() string {
	scheme := "http"
	if f.secure {
		scheme = "https"
	}
	address := f.listener.Addr().(*net.TCPAddr)
	host := address.IP.String()
	if address.IP.IsUnspecified() {
		host = "127.0.0.1"
	}
	return fmt.Sprintf("%s://%s", scheme, net.JoinHostPort(host, strconv.Itoa(address.Port)))
}

// exposed reports whether other machines can reach the server in clear text.
func (f *frontend) exposed() bool {
	return !f.secure && !f.listener.Addr().(*net.TCPAddr).IP.IsLoopback()
}
