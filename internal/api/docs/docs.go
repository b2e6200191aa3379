// Package docs serves the API reference: the contract itself, and a page for
// people that needs nothing from elsewhere.
package docs

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"

	"personae.dev/contract"
	"personae.dev/internal/httpx"
)

// files holds the API reference page. scalar.js.gz is @scalar/api-reference
// as published, fetched and packed by scripts/update-scalar; the rest is ours.
//
//go:embed docs.html page.css start.js scalar.js.gz
var files embed.FS

// policy confines /docs to what this server sends: even if the page's
// script were told to, it could load nothing from elsewhere and send nothing
// there. No inline script and no eval run.
//
// Of styles, a <style> element needs the answer's nonce, which start.js gives
// to those that the page's script makes. Style attributes must be allowed
// altogether: the script sets sizes and positions with them, so they can be
// told neither by nonce nor by digest. With nothing to load from elsewhere, a
// style can leak nothing.
func policy(nonce string) string {
	return "default-src 'none'; " +
		"script-src 'self'; " +
		"style-src 'self' 'nonce-" + nonce + "'; " +
		"style-src-attr 'unsafe-inline'; " +
		"connect-src 'self'; " +
		"img-src 'self' data:; " +
		"font-src 'none'; " +
		"base-uri 'none'; " +
		"frame-ancestors 'none'; " +
		"form-action 'none'"
}

// nonceMark is what docs.html has where the nonce goes.
const nonceMark = "{nonce}"

// file is one of the files of the API reference page.
type file struct {
	contentType string
	// content is compressed where gzipped is set.
	content []byte
	gzipped bool
	// unpacked is the content that is compressed: unpacked once, when a client
	// first wants it so, and not for each.
	unpacked func() []byte
	digest   string
	// page marks the page itself. The others are named by their content, and
	// so may be cached for good.
	page bool
}

// Pages serves the API reference page: its files by their exact paths, /docs and
// those below it. Mount it at GET of each key: it looks at no verb, and its 404
// is plain text.
type Pages map[string]file

// NewPages reads the embedded files. It panics where one is missing, which only
// a broken build can bring about.
func NewPages() Pages {
	d := Pages{}
	var names []string
	for _, f := range []struct{ name, contentType string }{
		{"page.css", "text/css; charset=utf-8"},
		{"start.js", "text/javascript; charset=utf-8"},
		{"scalar.js.gz", "text/javascript; charset=utf-8"},
	} {
		file := newFile(f.name, f.contentType)
		name := strings.TrimSuffix(f.name, ".gz")
		ext := path.Ext(name)
		at := "/docs/" + strings.TrimSuffix(name, ext) + "-" + file.digest + ext
		d[at] = file
		names = append(names, `"/docs/`+name+`"`, `"`+at+`"`)
	}
	page := newFile("docs.html", "text/html; charset=utf-8")
	page.content = []byte(strings.NewReplacer(names...).Replace(string(page.content)))
	page.page = true
	d["/docs"] = page
	return d
}

func newFile(name, contentType string) file {
	content, err := files.ReadFile(name)
	if err != nil {
		panic(fmt.Sprintf("api: page: %v", err))
	}
	return file{
		contentType: contentType,
		content:     content,
		gzipped:     strings.HasSuffix(name, ".gz"),
		unpacked:    sync.OnceValue(func() []byte { return gunzip(content) }),
		digest:      digest(content),
	}
}

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:8])
}

// ServeHTTP implements http.Handler.
func (d Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	file, ok := d[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	if file.page {
		servePage(w, r, file)
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	if !file.gzipped {
		serveFile(w, r, file.contentType, file.digest, file.content)
		return
	}
	h.Set("Vary", "Accept-Encoding")
	if httpx.AcceptsGzip(r) {
		h.Set("Content-Encoding", "gzip")
		serveFile(w, r, file.contentType, file.digest+"-gzip", file.content)
		return
	}
	serveFile(w, r, file.contentType, file.digest, file.unpacked())
}

// servePage answers the page itself, which is new every time, as its nonce is.
func servePage(w http.ResponseWriter, r *http.Request, file file) {
	nonce := rand.Text()
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", policy(nonce))
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	serveFile(w, r, file.contentType, "", bytes.ReplaceAll(file.content, []byte(nonceMark), []byte(nonce)))
}

// OpenAPI serves contract/openapi.yaml. It looks at no verb.
func OpenAPI() http.Handler {
	content := contract.OpenAPI()
	etag := digest(content)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache")
		serveFile(w, r, "application/yaml", etag, content)
	})
}

// serveFile answers GET and HEAD, If-None-Match included where there is an
// etag.
func serveFile(w http.ResponseWriter, r *http.Request, contentType, etag string, content []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	if etag != "" {
		h.Set("ETag", `"`+etag+`"`)
	}
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Content-Length", strconv.Itoa(len(content)))
	if etag != "" && httpx.NoneMatch(r, `"`+etag+`"`) {
		h.Del("Content-Length")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if r.Method != http.MethodHead {
		_, _ = w.Write(content) // an error of the connection is nobody's to handle
	}
}

// gunzip returns what is packed in content. It panics where it is damaged,
// which only a broken build can bring about.
func gunzip(content []byte) []byte {
	zr, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		panic(fmt.Sprintf("api: page: %v", err))
	}
	unpacked, err := io.ReadAll(zr)
	if err != nil {
		panic(fmt.Sprintf("api: page: %v", err))
	}
	return unpacked
}
