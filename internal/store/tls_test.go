package store_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"personae.dev/internal/persona"
	"personae.dev/internal/store"
	"personae.dev/internal/store/postgrestest"
)

// authority signs certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	file        string // the certificate, for sslrootcert
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	signed := must(x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key))
	a := &authority{key: key, file: filepath.Join(t.TempDir(), "root.crt")}
	a.certificate = must(x509.ParseCertificate(signed))
	put(t, a.file, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed})))
	return a
}

// issue returns a certificate for a host, and its key, in PEM.
func (a *authority) issue(t *testing.T, host string) (certificate, key []byte) {
	t.Helper()
	private := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	signed := must(x509.CreateCertificate(rand.Reader, template, a.certificate, &private.PublicKey, a.key))
	encoded := must(x509.MarshalPKCS8PrivateKey(private))
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})
}

// TestPostgresTLS asks a server with a certificate of localhost for as much
// security as an address can name.
func TestPostgresTLS(t *testing.T) {
	t.Parallel()
	ours, others := newAuthority(t, "ours"), newAuthority(t, "others")
	server := postgrestest.Start(t, false)
	certificate, key := ours.issue(t, "localhost")
	port := server.Secure(t, certificate, key)
	tests := map[string]struct{ host, mode, flag, root, refused string }{
		"Require":           {"localhost", "require", "", "", ""},
		"VerifyFull":        {"localhost", "verify-full", "", ours.file, ""},
		"VerifyCAOtherName": {"127.0.0.1", "verify-ca", "", ours.file, ""},
		"VerifyFullByFlag":  {"localhost", "disable", "verify-full", ours.file, ""},
		"OtherRoot":         {"localhost", "verify-full", "", others.file, "cannot be reached"},
		"OtherRootByFlag":   {"localhost", "disable", "verify-full", others.file, "cannot be reached"},
		"OtherName":         {"127.0.0.1", "verify-full", "", ours.file, "cannot be reached"},
		"OtherRootVerifyCA": {"localhost", "verify-ca", "", others.file, "cannot be reached"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			database := "tls_" + name
			socket := must(server.Create(database))
			url := fmt.Sprintf("postgres://personae@%s:%s/%s?sslmode=%s", test.host, port, database, test.mode)
			opts := store.Options{Create: true, Settings: store.Settings{TLS: test.flag}}
			if test.root != "" {
				url += "&sslrootcert=" + test.root
			}
			if test.refused != "" {
				_, err := store.Open(t.Context(), url, opts)
				wantError(t, err, persona.Unavailable, database, test.refused)
				return
			}
			openURL(t, url, opts)
			const query = `select count(*) > 0 and bool_and(ssl) from pg_stat_ssl join pg_stat_activity using (pid) where datname = current_database() and client_addr is not null`
			if got := postgrestest.Execute(t, socket, query); got != "t" {
				t.Errorf("all connections have TLS: %s", got)
			}
		})
	}
	t.Run("NoneThere", func(t *testing.T) {
		t.Parallel()
		plain := postgrestest.NewProxy(t, postgrestest.New(t)) // to a socket, where there is no TLS
		_, err := store.Open(t.Context(), strings.Replace(plain.URL, "sslmode=disable", "sslmode=require", 1), store.Options{Create: true})
		wantError(t, err, persona.Unavailable, "cannot be reached")
	})
}
