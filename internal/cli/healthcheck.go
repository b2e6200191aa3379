package cli

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"personae.dev/apitype"
	"personae.dev/internal/cli/format"
	"personae.dev/internal/errs"
)

// healthTimeout is how long a server may take to say that it is ready.
const healthTimeout = 5 * time.Second

type healthCmd struct {
	Server        string `placeholder:"URL" help:"The server. Default: the one that PERSONAE_LISTEN tells, with HTTPS if PERSONAE_TLS_CERT is set."`
	Listen        string `hidden:"" default:"127.0.0.1:7070" env:"PERSONAE_LISTEN"`
	PrivateListen string `hidden:"" env:"PERSONAE_PRIVATE_LISTEN"`
	TLSCert       string `hidden:"" env:"PERSONAE_TLS_CERT"`
}

// Help implements kong.HelpProvider.
func (healthCmd) Help() string {
	return `Asks a server for /readyz. It is for containers, which have no other program that could. The exit
code is 0 if the server is ready, and 1 if not, with the reason on stderr. The address is the one of
PERSONAE_LISTEN, PERSONAE_PRIVATE_LISTEN and PERSONAE_TLS_CERT, as serve reads them. Flags of serve
are not known here: set its address by variable.

Examples:

  personae healthcheck
  personae healthcheck --server https://personae.example.com`
}

// Run asks the server.
func (c healthCmd) Run(ctx context.Context, stdio format.Stdio) error {
	address, self, err := c.address()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/readyz", http.NoBody)
	if err != nil {
		return errs.BadSettingf("--server is %q: write http://127.0.0.1:7070.", c.Server)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	defer transport.CloseIdleConnections()
	if self {
		transport.Proxy = nil
		// The certificate has the public name. Nobody else listens on this address.
		transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // see above
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("the server at %s did not answer within %s", address, healthTimeout)
	}
	if err != nil {
		return errs.Unavailablef(nil, "The server is not ready: %s.", err) // without the hints of other commands, whose --server is another one
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 4<<10))
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		reason := response.Status
		var answer apitype.ErrorResponse
		if json.Unmarshal(body, &answer) == nil && answer.Message != "" {
			reason = answer.Message
		}
		return fmt.Errorf("not ready: %s", reason)
	}
	fmt.Fprintf(stdio.Err, "The server at %s is ready.\n", address)
	return nil
}

// address returns the server to ask. self is true for the one of this machine.
func (c healthCmd) address() (address string, self bool, err error) {
	if c.Server != "" {
		server := strings.TrimSuffix(c.Server, "/")
		if !strings.Contains(server, "://") {
			server = "http://" + server
		}
		if u, err := url.Parse(server); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return "", false, errs.BadSettingf("--server is %q: write http://127.0.0.1:7070.", c.Server)
		}
		return server, false, nil
	}
	scheme, listen := "http", c.Listen
	switch {
	case c.PrivateListen != "":
		listen = c.PrivateListen
	case c.TLSCert != "":
		scheme = "https"
	}
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", false, errs.BadSettingf("The address %q cannot be listened on: write HOST:PORT, such as 127.0.0.1:7070.", listen)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return scheme + "://" + net.JoinHostPort(host, port), true, nil
}
