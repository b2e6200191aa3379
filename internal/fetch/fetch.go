// Package fetch reads the text of a public web page.
//
// The address comes from users, so it is not trusted: a page is read from public
// addresses only. Each connection is checked when it is made, after the name was
// resolved, so that neither a redirect nor a name that changes its address leads
// into the network of the server. What is read is bounded in size and time.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"code.dny.dev/ssrf"
	"golang.org/x/net/html/charset"

	"personae.dev/internal/errs"
)

// The limits of a page.
const (
	timeout      = 30 * time.Second // with all redirects
	MaxRedirects = 5
	MaxBytes     = 5 << 20 // after decompression
	maxURL       = 2048
	maxHeader    = 64 << 10
)

// Fetcher reads pages. Any number of goroutines may use it.
type Fetcher struct {
	userAgent string
	timeout   time.Duration
	client    *http.Client
}

// New returns a Fetcher that reads from public addresses, and gives its name.
func New(userAgent string) *Fetcher {
	dialer := &net.Dialer{Timeout: 10 * time.Second, Control: ssrf.New().Safe}
	return newFetcher(userAgent, dialer.DialContext)
}

// newFetcher returns a Fetcher that connects through dial.
func newFetcher(userAgent string, dial func(ctx context.Context, network, address string) (net.Conn, error)) *Fetcher {
	return &Fetcher{userAgent: userAgent, timeout: timeout, client: &http.Client{
		// No proxy: it would connect in place of the checked dialer.
		Transport: &http.Transport{
			DialContext:            dial,
			DisableKeepAlives:      true,
			ForceAttemptHTTP2:      true,
			TLSHandshakeTimeout:    10 * time.Second,
			MaxResponseHeaderBytes: maxHeader,
		},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			r.Header.Del("Referer")
			if len(via) > MaxRedirects {
				return errs.Invalidf("The page redirects more than %d times. Send the address that it ends at.", MaxRedirects)
			}
			return check(r.URL)
		},
	}}
}

// Page reads the title and the text of the page at an address. The error says what is wrong in words that
// can be shown: it is Invalid where the address or the page is no good, and
// Unavailable where it may work later.
func (f *Fetcher) Page(ctx context.Context, address string) (title, text string, _ error) {
	u, err := parse(address)
	if err != nil {
		return "", "", err
	}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return "", "", errs.Invalidf("The address cannot be read. Send one such as https://example.com/about.")
	}
	request.Header.Set("User-Agent", f.userAgent)
	request.Header.Set("Accept", "text/html, text/plain;q=0.9, text/markdown;q=0.9")
	response, err := f.client.Do(request)
	if err != nil {
		return "", "", f.explain(ctx, err)
	}
	defer func() { _ = response.Body.Close() }()
	return f.read(ctx, response)
}

// parse reads an address.
func parse(address string) (*url.URL, error) {
	address = strings.TrimSpace(address)
	if len(address) > maxURL {
		return nil, errs.Invalidf("The address is longer than %d characters.", maxURL)
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, errs.Invalidf("The address cannot be read. Send one such as https://example.com/about.")
	}
	if err := check(u); err != nil {
		return nil, err
	}
	u.Fragment = ""
	return u, nil
}

// check tells whether an address may be asked, as far as it shows.
func check(u *url.URL) error {
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return errs.Invalidf("The address must begin with https:// or http://.")
	case u.Hostname() == "":
		return errs.Invalidf("The address has no host. Send one such as https://example.com/about.")
	case u.User != nil:
		return errs.Invalidf("The address has a user name or password in it. Send a public address.")
	case u.Port() != "" && u.Port() != "80" && u.Port() != "443":
		return errs.Invalidf("The address has port %s. Only 80 and 443 are read.", u.Port())
	}
	return nil
}

// explain puts the error of a request into words.
func (f *Fetcher) explain(ctx context.Context, err error) error {
	if e, ok := errors.AsType[*errs.Error](err); ok {
		return e
	}
	var dns *net.DNSError
	switch {
	case errors.Is(err, ssrf.ErrProhibitedIP), errors.Is(err, ssrf.ErrProhibitedNetwork), errors.Is(err, ssrf.ErrProhibitedPort), errors.Is(err, ssrf.ErrInvalidHostPort):
		return &errs.Error{
			Kind: errs.Invalid, Code: errs.CodeInvalidRequest, Err: err,
			Message: "The address leads to a network that is not public. Only public pages are read; paste the text instead.",
		}
	case ctx.Err() != nil:
		return errs.Unavailablef(ctx.Err(), "The page did not answer within %s. Try again, or paste its text.", f.timeout)
	case errors.As(err, &dns) && dns.IsNotFound:
		return &errs.Error{Kind: errs.Invalid, Code: errs.CodeInvalidRequest, Err: err, Message: "The host of the address is not known. Check how it is written."}
	}
	// The log gets nothing of the URL, or of what the other side says.
	var cause error
	if dns != nil {
		cause = errors.New(dns.Err)
	} else if broken, ok := errors.AsType[*net.OpError](err); ok {
		cause = broken
	}
	return errs.Unavailablef(cause, "The page cannot be reached. Try again, or paste its text.")
}

// read reads the answer.
func (f *Fetcher) read(ctx context.Context, response *http.Response) (title, text string, _ error) {
	if code := response.StatusCode; code != http.StatusOK {
		message := fmt.Sprintf("The page answers with status %d (%s).", code, http.StatusText(code))
		if code >= 500 || code == http.StatusTooManyRequests {
			return "", "", errs.Unavailablef(nil, "%s Try again later, or paste its text.", message)
		}
		return "", "", errs.Invalidf("%s Check the address, or paste the text.", message)
	}
	kind, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if err != nil {
		kind = "text/html" // as browsers do
	}
	isHTML := kind == "text/html" || kind == "application/xhtml+xml"
	if !isHTML && kind != "text/plain" && kind != "text/markdown" {
		return "", "", errs.Invalidf("The address leads to %s, and not to a page of text. Paste the text instead.", shorten(kind, 80))
	}
	if response.ContentLength > MaxBytes {
		return "", "", tooLarge()
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, MaxBytes+1))
	if err != nil {
		return "", "", f.explain(ctx, err)
	}
	if len(body) > MaxBytes {
		return "", "", tooLarge()
	}
	decoded, err := charset.NewReader(strings.NewReader(string(body)), response.Header.Get("Content-Type"))
	if err != nil {
		return "", "", errs.Invalidf("The text of the page is in an encoding that cannot be read. Paste the text instead.")
	}
	if isHTML {
		title, text, err = htmlText(decoded, response.Request.URL)
	} else {
		body, err = io.ReadAll(decoded)
		text = tidy(string(body))
	}
	switch {
	case err != nil:
		return "", "", &errs.Error{Kind: errs.Invalid, Code: errs.CodeInvalidRequest, Err: err, Message: "The page cannot be read as HTML. Paste its text instead."}
	case text == "":
		return "", "", errs.Invalidf("The page has no text: it may be made by scripts, or need a login. Paste its text instead.")
	}
	return title, text, nil
}

func tooLarge() error {
	return &errs.Error{
		Kind: errs.TooLarge, Code: errs.CodeBodyTooLarge,
		Message: fmt.Sprintf("The page is larger than %d MiB. Paste the text that matters instead.", MaxBytes>>20),
	}
}

// shorten cuts what others wrote to at most n bytes.
func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
