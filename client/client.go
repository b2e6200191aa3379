// Package client calls the API of a Personae server from Go.
//
// It sends one request for each call, tries again what is worth a second try,
// and turns answers into the types of [personae.dev/apitype] or an [Error]. It
// is not a cache, and judges nothing: what a persona may be, the server knows.
//
// # Trying again
//
// A call is sent up to [MaxAttempts] times. It is sent again after 429 (too many
// requests) and 503 (unavailable), and, where a second time does no harm, after
// a connection that failed: that is so for calls that read, for DeletePersona
// without [IfMatch], and for CreatePersona with [IdempotencyKey].
//
// The pauses between are 0.2 s, 0.4 s and 0.8 s, each shortened at random by up to
// a half so that clients do not return in step, and at least as long as
// Retry-After asks. A server that asks for more than [MaxWait] gets no second
// try, and neither does one for which the context has no time left: the caller
// is told at once.
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
	// HTTP client that New makes. The context bounds the call as a whole; without
	// a deadline of its own, a call to a server that hangs ends after two minutes.
	Timeout = 30 * time.Second
	// MaxAnswerBytes is how large an answer may be, after decompression. The
	// largest persona that a server keeps is well below it, and so is the largest
	// change of one; a page of many is not: see ErrAnswerTooLarge.
	MaxAnswerBytes = 64 << 20
)

// DefaultUserAgent is sent where Config names no other.
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
	// x-request-source. The server treats the updates of some programs in a way
	// of their own: n8n is the name of one.
	Source string
	// UserAgent is sent as such; empty is DefaultUserAgent.
	UserAgent string
	// HTTPClient, if set, makes the requests: for a proxy, an own certificate
	// authority or another timeout. Redirects are not followed with it either.
	HTTPClient *http.Client
}

// Client calls one server with one key. Make one and keep it: it is safe for
// concurrent use, and keeps connections open for its next calls.
type Client struct {
	base *url.URL
	http *http.Client
	// prepare sets the headers of a request. It is a function so that a Client
	// that is printed does not show the key.
	prepare func(http.Header)
}

// New returns a Client, or an error that says what of cfg cannot be used. It
// makes no request: ValidateKey tells whether server and key are right.
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

// parseBaseURL reads Config.BaseURL. Its errors show no more of it than is
// needed: somebody may have put a key into it.
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

// isToken tells whether s is all visible ASCII, as a header needs it.
func isToken(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// idleConnections is how many connections are kept open to the server; the
// standard library keeps two, and would open one for most calls of a busy
// program.
const idleConnections = 32

// httpClient returns what makes the requests. It follows no redirect: the API
// has none, and a key is for one server only.
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
