package fetch

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"code.dny.dev/ssrf"
	"golang.org/x/net/dns/dnsmessage"

	"personae.dev/internal/errs"
)

// web returns a Fetcher for which the host public.test is the handler. All other
// hosts are dialled as New does.
func web(t *testing.T, handler http.HandlerFunc) *Fetcher {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	guarded := &net.Dialer{Control: ssrf.New().Safe}
	return newFetcher("Personae", func(ctx context.Context, network, address string) (net.Conn, error) {
		if host, _, _ := net.SplitHostPort(address); host == "public.test" {
			return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
		}
		return guarded.DialContext(ctx, network, address)
	})
}

const article = `<!doctype html><html><head><title>About Contoso</title><style>p{color:red}</style></head><body>
<nav><a href="/">Home</a> <a href="/jobs">Jobs</a></nav>
<article><h1>About Contoso</h1><p>` + paragraph + `</p><p>` + paragraph + `</p></article><script>alert("no")</script><footer>© Contoso</footer></body></html>`

const paragraph = `Contoso sells pumps to water works, and has done so since 1974, in forty countries and with two hundred engineers, most of whom have climbed into a pump at least once. It is owned by the people who work there, which visitors notice before they notice anything else about the company.`

func TestPage(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		contentType, body string
		title, has, not   string
	}{
		"an article without what stands around it": {"text/html; charset=utf-8", article, "About Contoso", "water works", "alert"},
		"a page that says nothing of its type":     {"", article, "About Contoso", "water works", "color:red"},
		"a home page that is no article":           {"text/html", `<html><head><title>Contoso</title></head><body><div>Pumps</div><div>For <b>water</b> works</div></body></html>`, "Contoso", "For water works", "<b>"},
		"plain text":                               {"text/plain", "Pumps  \r\n\r\n\r\n\tfor water works\x00", "", "Pumps\n\nfor water works", "\x00"},
		"markdown":                                 {"text/markdown", "# Pumps", "", "# Pumps", ""},
		"an old encoding":                          {"text/html; charset=iso-8859-1", "<p>Gr\xf6\xdfe</p>", "", "Größe", "\xf6"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := web(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header()["Content-Type"] = []string{test.contentType}
				_, _ = io.WriteString(w, test.body)
			})
			title, text, err := f.Page(t.Context(), "http://public.test/about#team")
			if err != nil {
				t.Fatal(err)
			}
			if title != test.title || !strings.Contains(text, test.has) || test.not != "" && strings.Contains(text, test.not) {
				t.Errorf("title %q, text %q", title, text)
			}
		})
	}
}

// refused checks that a page is refused for a reason in words, and that the log
// gets nothing of a query where the page may be read later.
func refused(t *testing.T, f *Fetcher, address string, kind errs.Kind, words string) {
	t.Helper()
	_, text, err := f.Page(t.Context(), address+"?secret")
	e, ok := errors.AsType[*errs.Error](err)
	if !ok || e.Kind != kind || !strings.Contains(e.Message, words) || kind == errs.Unavailable && strings.Contains(fmt.Sprint(e.Err), "secret") {
		t.Errorf("%.100s: text %.20q, error %v, want %s: …%s…", address, text, err, kind, words)
	}
}

func TestAddressesThatAreNotPublic(t *testing.T) {
	t.Parallel()
	f := New("Personae")
	for _, address := range []string{
		"http://127.0.0.1/", "http://localhost/", "http://[::1]/", "http://0.0.0.0/", "http://[::]/", "http://127.1.2.3/",
		"http://169.254.169.254/latest/meta-data/", "http://[fd00:ec2::254]/", "http://100.100.100.200/", "http://192.0.0.192/",
		"http://10.0.0.1/", "http://172.16.0.1/", "http://192.168.1.1/", "http://100.64.0.1/", "http://198.18.0.1/",
		"http://[fe80::1]/", "http://[fc00::1]/", "http://[::ffff:127.0.0.1]/", "http://[::ffff:169.254.169.254]/", "http://[64:ff9b::7f00:1]/", "http://[2002:7f00:1::]/",
		"http://224.0.0.1/", "http://255.255.255.255/",
	} {
		refused(t, f, address, errs.Invalid, "a network that is not public")
	}
}

func TestAddressesThatAreRefusedUnasked(t *testing.T) {
	t.Parallel()
	f := web(t, func(http.ResponseWriter, *http.Request) { t.Error("was asked") })
	for address, words := range map[string]string{
		"ftp://public.test/":              "must begin with https://",
		"file:///etc/passwd":              "must begin with https://",
		"gopher://public.test/":           "must begin with https://",
		"public.test":                     "must begin with https://",
		"":                                "must begin with https://",
		"http://":                         "has no host",
		"http://public.test:22/":          "port 22",
		"http://public.test:8080/":        "port 8080",
		"http://user:secret@public.test/": "user name or password",
		"http://public.test/%zz":          "cannot be read",
		"http://public.test/" + strings.Repeat("a", maxURL): "longer than",
	} {
		refused(t, f, address, errs.Invalid, words)
	}
}

func TestRedirects(t *testing.T) { //nolint:tparallel // one after the other
	t.Parallel()
	var asked atomic.Int32
	f := web(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		var n int
		if _, err := fmt.Sscanf(r.URL.Path, "/%d", &n); err == nil && n > 0 {
			http.Redirect(w, r, fmt.Sprintf("/%d", n-1), http.StatusFound)
			return
		}
		if to := r.URL.Query().Get("to"); to != "" {
			http.Redirect(w, r, to, http.StatusMovedPermanently)
			return
		}
		if r.Header.Get("Referer") != "" {
			t.Error("the page is told where the reader came from")
		}
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, "arrived")
	})
	t.Run("five are followed", func(t *testing.T) {
		_, text, err := f.Page(t.Context(), "http://public.test/5")
		if err != nil || text != "arrived" {
			t.Errorf("%q, %v", text, err)
		}
	})
	t.Run("six are not", func(t *testing.T) {
		asked.Store(0)
		refused(t, f, "http://public.test/6", errs.Invalid, "more than 5 times")
		if asked.Load() != 6 {
			t.Errorf("asked %d times", asked.Load())
		}
	})
	for name, to := range map[string]string{
		"to loopback": "http://127.0.0.1/", "to metadata": "http://169.254.169.254/latest/", "to IPv6 loopback": "http://[::1]/",
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, f, "http://public.test/?to="+to, errs.Invalid, "a network that is not public")
		})
	}
	for name, test := range map[string][2]string{
		"to a file":         {"file:///etc/passwd", "must begin with https://"},
		"to another port":   {"http://public.test:6379/", "port 6379"},
		"with a password":   {"http://a:b@public.test/", "user name or password"},
		"to another scheme": {"gopher://public.test/", "must begin with https://"},
	} {
		t.Run(name, func(t *testing.T) { refused(t, f, "http://public.test/?to="+test[0], errs.Invalid, test[1]) })
	}
}

// TestNamesThatChangeTheirAddress resolves a name to a public address at first,
// and to loopback afterwards: it is the address of each connection that counts.
func TestNamesThatChangeTheirAddress(t *testing.T) {
	t.Parallel()
	var lookups atomic.Int32
	resolver := &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go answer(server, func() [4]byte {
			if lookups.Add(1) == 1 {
				return [4]byte{93, 184, 215, 14}
			}
			return [4]byte{127, 0, 0, 1}
		})
		return client, nil
	}}
	errPublic := errors.New("this is where a public address is connected to")
	guard := ssrf.New().Safe
	dialer := &net.Dialer{Resolver: resolver, Control: func(network, address string, c syscall.RawConn) error {
		if err := guard(network, address, c); err != nil {
			return err
		}
		return fmt.Errorf("%w: %s", errPublic, address)
	}}
	f := newFetcher("Personae", dialer.DialContext)
	if _, _, err := f.Page(t.Context(), "http://changes.test/"); !errors.Is(err, errPublic) || !strings.Contains(err.Error(), "93.184.215.14:80") {
		t.Errorf("the public address: %v", err)
	}
	refused(t, f, "http://changes.test/", errs.Invalid, "a network that is not public")
}

// answer is a DNS server for one question over a stream.
func answer(conn net.Conn, address func() [4]byte) {
	defer func() { _ = conn.Close() }()
	for {
		var length [2]byte
		if _, err := io.ReadFull(conn, length[:]); err != nil {
			return
		}
		question := make([]byte, int(length[0])<<8|int(length[1]))
		if _, err := io.ReadFull(conn, question); err != nil {
			return
		}
		var m dnsmessage.Message
		if err := m.Unpack(question); err != nil {
			return
		}
		m.Response, m.Additionals = true, nil
		if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
			m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}, Body: &dnsmessage.AResource{A: address()}}}
		}
		packed, err := m.Pack()
		if err != nil {
			return
		}
		_, _ = conn.Write(append([]byte{byte(len(packed) >> 8), byte(len(packed))}, packed...))
	}
}

func TestPagesThatAreTooLarge(t *testing.T) { //nolint:tparallel // one after the other
	t.Parallel()
	megabyte := bytes.Repeat([]byte("pumps and "), 1<<20/10)
	t.Run("a hundred megabytes that are announced", func(t *testing.T) {
		f := web(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(100<<20))
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write(megabyte)
		})
		refused(t, f, "http://public.test/", errs.TooLarge, "larger than 5 MiB")
	})
	t.Run("a hundred megabytes that are not", func(t *testing.T) {
		var sent atomic.Int64
		done := make(chan struct{})
		f := web(t, func(w http.ResponseWriter, _ *http.Request) {
			defer close(done)
			w.Header().Set("Content-Type", "text/html")
			for range 100 {
				n, err := w.Write(megabyte)
				if sent.Add(int64(n)); err != nil {
					return
				}
			}
		})
		refused(t, f, "http://public.test/", errs.TooLarge, "larger than 5 MiB")
		<-done
		if sent.Load() > 50<<20 {
			t.Errorf("%d MiB were taken", sent.Load()>>20)
		}
	})
	t.Run("a gzip bomb", func(t *testing.T) {
		var bomb bytes.Buffer
		zip := gzip.NewWriter(&bomb)
		_, _ = zip.Write(megabyte)
		_ = zip.Close()
		bomb = *bytes.NewBuffer(bytes.Repeat(bomb.Bytes(), 200)) // each is a member of its own
		f := web(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write(bomb.Bytes())
		})
		refused(t, f, "http://public.test/", errs.TooLarge, "larger than 5 MiB")
	})
}

func TestPagesThatAreNoGood(t *testing.T) {
	t.Parallel()
	respond := func(code int, contentType, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(code)
			_, _ = io.WriteString(w, body)
		}
	}
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		kind    errs.Kind
		words   string
	}{
		"not found":           {respond(404, "text/html", "<p>no</p>"), errs.Invalid, "status 404 (Not Found)"},
		"forbidden":           {respond(403, "text/html", ""), errs.Invalid, "status 403"},
		"broken":              {respond(500, "text/html", ""), errs.Unavailable, "status 500"},
		"too many requests":   {respond(429, "text/html", ""), errs.Unavailable, "status 429"},
		"no content":          {respond(204, "text/html", ""), errs.Invalid, "status 204"},
		"a document":          {respond(200, "application/pdf", "%PDF-"), errs.Invalid, "leads to application/pdf"},
		"an image":            {respond(200, "image/png", "\x89PNG"), errs.Invalid, "leads to image/png"},
		"a page without text": {respond(200, "text/html", `<div id="app"></div><script src="app.js"></script>`), errs.Invalid, "has no text"},
		"nested without end":  {respond(200, "text/html", strings.Repeat("<div>", 100_000)), errs.Invalid, "cannot be read as HTML"},
		"gzip that is no gzip": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = io.WriteString(w, "pumps")
		}, errs.Unavailable, "cannot be reached"},
		"headers without end":    {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 1<<20)) }, errs.Unavailable, "cannot be reached"},
		"a connection that ends": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, errs.Unavailable, "cannot be reached"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refused(t, web(t, test.handler), "http://public.test/", test.kind, test.words)
		})
	}
}

func TestPagesThatTakeTooLong(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]string{"before they begin": "", "in between": "<p>pumps"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			release := make(chan struct{})
			f := web(t, func(w http.ResponseWriter, _ *http.Request) {
				if first != "" {
					_, _ = io.WriteString(w, first)
					_ = http.NewResponseController(w).Flush()
				}
				<-release
			})
			defer close(release)
			f.timeout = 100 * time.Millisecond
			refused(t, f, "http://public.test/", errs.Unavailable, "did not answer within 100ms")
		})
	}
}

func TestHostThatIsNotKnown(t *testing.T) {
	t.Parallel()
	f := newFetcher("Personae", func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.DNSError{Err: "no such host", Name: "nowhere.test", IsNotFound: true}
	})
	refused(t, f, "https://nowhere.test/", errs.Invalid, "host of the address is not known")
}

func TestNoProxyIsTaken(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the proxy was asked") }))
	defer proxy.Close()
	t.Setenv("HTTP_PROXY", proxy.URL)
	t.Setenv("HTTPS_PROXY", proxy.URL)
	f := web(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, article) })
	if _, _, err := f.Page(t.Context(), "http://public.test/"); err != nil {
		t.Error(err)
	}
}

// TestHardPagesTakeLittleTime reads pages that are made to be slow to read.
func TestHardPagesTakeLittleTime(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"many small blocks":       strings.Repeat("<p>a", 1<<14),
		"many nested blocks":      strings.Repeat(strings.Repeat("<div>", 400)+"a, b, c"+strings.Repeat("</div>", 400), 5),
		"one long paragraph":      "<p>" + strings.Repeat("a, ", 1<<16) + "</p>",
		"formatting left open":    strings.Repeat("<b><i><u><a href=x>", 20_000),
		"tables":                  strings.Repeat("<table><tr><td>a, b", 500),
		"many comments and links": strings.Repeat("<!-- a --><a href='/x'>a</a>", 20_000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := web(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/html")
				_, _ = io.WriteString(w, body)
			})
			start := time.Now()
			_, _, err := f.Page(t.Context(), "http://public.test/")
			if took := time.Since(start); took > 30*time.Second {
				t.Errorf("took %s (%v)", took, err)
			} else {
				t.Logf("took %s (%v)", took, err)
			}
		})
	}
}
