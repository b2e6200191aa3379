// Package client calls the API of a Personae server from Go.
//
// A [Client] has one value for each kind of entity, with the same calls:
//
//	c, err := client.New(client.Config{BaseURL: "http://127.0.0.1:7070", APIKey: key})
//	p, err := c.Personas.Get(ctx, "pe_1234")
//	fmt.Println(p.Entity.Name, p.Entity.Data.PainPoints)
//
// It sends one request for each call, repeats a request where that is worthwhile
// and safe, and turns answers into the types of [personae.dev/apitype] or an
// [Error]. It caches nothing and validates nothing: the server does.
//
// # Retries
//
// A call is sent up to [MaxAttempts] times. It is sent again after 429 (too many
// requests) and 503 (unavailable). Where a second request does no harm, it is
// also sent again after a connection that failed and after the code
// outcome_unknown: for calls that read, for Delete without [IfMatch], and for
// Create, which always sends an idempotency key, so that it never makes a second
// entity.
//
// The pauses between attempts are 0.2 s, 0.4 s and 0.8 s, each shortened at random by
// up to a half, so that clients do not return in step; Retry-After is added to
// them. A call is not repeated if the server asks to wait longer than [MaxWait],
// or if the context has no time left.
package client

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Limits of a call.
const (
	// MaxAttempts is how often a call is sent at most.
	MaxAttempts = 4
	// MaxWait is the longest Retry-After that is waited for.
	MaxWait = 30 * time.Second
	// Timeout is how long one attempt may take, its answer included, with the
	// HTTP client that New makes. The context bounds the whole call; without a
	// deadline, a call to a server that hangs ends after two minutes.
	Timeout = 30 * time.Second
	// MaxAnswerBytes is how large an answer may be, after decompression. The
	// largest entity that a server keeps is well below it; a page of many may be
	// larger: see ErrAnswerTooLarge.
	MaxAnswerBytes = 64 << 20
)

// DefaultUserAgent is the User-Agent where Config has none.
const DefaultUserAgent = "personae-go"

// apiPath stands before the path of every call.
const apiPath = "/api/v2"

// Config says which server a Client calls, and how.
type Config struct {
	// BaseURL is where the server is, without /api/v2: http://127.0.0.1:7070,
	// or https://tools.example.com/personae behind a proxy.
	BaseURL string
	// APIKey is a key of the workspace to work in. It is sent as Authorization:
	// Bearer, which proxies pass on and keep out of their logs.
	APIKey string
	// Source, if set, names the program in the server's log, in the header
	// x-request-source. Do not use n8n: the server ignores empty values in updates
	// of a program of this name.
	Source string
	// UserAgent is the User-Agent; empty stands for DefaultUserAgent.
	UserAgent string
	// HTTPClient, if set, makes the requests: for a proxy, a certificate authority
	// of your own or another timeout. Redirects are never followed.
	HTTPClient *http.Client
}

// Client calls one server with one key. Make one and keep it: it is safe for
// concurrent use, and keeps connections open for its next calls.
type Client struct {
	Kinds

	base *url.URL
	http *http.Client
	// prepare sets the headers of a request. It is a function so that a Client
	// that is printed does not show the key.
	prepare func(http.Header)
}

// New returns a Client, or an error that says what is wrong with cfg. It makes
// no request: use ValidateKey to check the server and the key.
func New(cfg Config) (*Client, error) {
	base, err := parseBaseURL(cfg.BaseURL)
	if err != nil {
		return nil, err
	}
	if cfg.APIKey == "" {
		return nil, errors.New("client: the API key is empty: make one with `personae key create`")
	}
	if !isToken(cfg.APIKey) {
		return nil, errors.New("client: the API key has characters that no key has, such as a space or a line break around it")
	}
	if cfg.UserAgent == "" {
		cfg.UserAgent = DefaultUserAgent
	}
	c := &Client{base: base, http: httpClient(cfg.HTTPClient)}
	c.Kinds = newKinds(c)
	c.prepare = func(h http.Header) {
		h.Set("Authorization", "Bearer "+cfg.APIKey)
		h.Set("Accept", "application/json")
		h.Set("User-Agent", cfg.UserAgent)
		if cfg.Source != "" {
			h.Set("X-Request-Source", cfg.Source)
		}
	}
	return c, nil
}

// parseBaseURL reads Config.BaseURL. Its errors show only the host, as somebody
// may have put a key into the address.
func parseBaseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return nil, errors.New("client: the base URL is not an address such as http://127.0.0.1:7070")
	case u.User != nil, u.RawQuery != "", u.ForceQuery, u.Fragment != "":
		return nil, fmt.Errorf("client: the base URL of %s has a user, query or fragment: leave it off", u.Host)
	}
	u = u.JoinPath() // cleans the path
	u.Path, u.RawPath = strings.TrimSuffix(u.Path, "/"), strings.TrimSuffix(u.RawPath, "/")
	if strings.HasSuffix(u.Path, apiPath) {
		return nil, fmt.Errorf("client: the base URL of %s ends in %s: leave that off", u.Host, apiPath)
	}
	return u, nil
}

// isToken tells whether s is all visible ASCII, as a header requires.
func isToken(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// idleConnections is how many idle connections are kept open to the server. The
// standard library keeps two, too few for a busy program.
const idleConnections = 32

// httpClient returns the HTTP client to use. It follows no redirect: the API has
// none, and the key must not reach another server.
func httpClient(own *http.Client) *http.Client {
	h := http.Client{Timeout: Timeout}
	if own != nil {
		h = *own
	} else if standard, ok := http.DefaultTransport.(*http.Transport); ok {
		transport := standard.Clone()
		transport.MaxIdleConnsPerHost = idleConnections
		h.Transport = transport
	}
	h.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &h
}
