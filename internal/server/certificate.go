package server

import (
	"crypto/tls"
	"log/slog"
	"os"
	"sync"
	"time"

	"personae.dev/internal/errs"
)

// certificate is a pair of files that may be renewed while the server runs.
type certificate struct {
	certFile, keyFile string
	log               *slog.Logger

	mu   sync.Mutex
	pair *tls.Certificate
	seen [2]fileVersion // of the files when they were last read
	// failed is when they could not be used, zero if they could.
	failed time.Time
}

// retryAfter is how long files that could not be used are left alone: what was
// wrong may be corrected without a change of them, such as who may read them.
const retryAfter = time.Minute

// fileVersion tells one version of a file from another.
type fileVersion struct {
	modified time.Time
	size     int64
}

// loadCertificate returns the TLS configuration of a certificate and its key,
// which are read again when the files change; nil where both names are "".
func loadCertificate(certFile, keyFile string, log *slog.Logger) (*tls.Config, error) {
	if certFile == "" && keyFile == "" {
		return nil, nil //nolint:nilnil // clear text
	}
	if certFile == "" || keyFile == "" {
		return nil, errs.BadSettingf("TLS needs both --tls-cert and --tls-key.")
	}
	c := &certificate{certFile: certFile, keyFile: keyFile, log: log}
	c.seen = c.versions()
	if err := c.load(); err != nil {
		return nil, errs.BadSettingf("The TLS certificate %s and key %s cannot be used: %s.", certFile, keyFile, err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}, nil
}

// get returns the certificate for a handshake. While the files do not fit, as in
// the middle of a renewal, it is the one before.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.versions(); now != c.seen || !c.failed.IsZero() && time.Since(c.failed) >= retryAfter {
		c.seen, c.failed = now, time.Time{}
		if err := c.load(); err != nil {
			c.failed = time.Now()
			c.log.Warn("The TLS certificate or its key has changed and cannot be used. The one before is used, and they are tried again when they change, or in a minute.",
				"certificate", c.certFile, "key", c.keyFile, "error", err)
		} else {
			c.log.Info("the TLS certificate was renewed", "certificate", c.certFile)
		}
	}
	return c.pair, nil
}

func (c *certificate) load() error {
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err == nil {
		c.pair = &pair
	}
	return err
}

// versions returns those of both files; a file that is not there has the zero
// version.
func (c *certificate) versions() (v [2]fileVersion) {
	for i, name := range []string{c.certFile, c.keyFile} {
		if info, err := os.Stat(name); err == nil {
			v[i] = fileVersion{info.ModTime(), info.Size()}
		}
	}
	return v
}
