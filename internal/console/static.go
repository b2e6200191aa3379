package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"net/http"
	"path"
	"strconv"
	"strings"

	"personae.dev/internal/httpx"
)

//go:embed static/*.css static/*.js static/*.svg static/*.woff2
var staticFiles embed.FS

// asset is a file that pages refer to. Its path has its digest, so that browsers
// keep it for ever.
type asset struct {
	contentType      string
	content, gzipped []byte // gzipped is nil where that saves nothing
}

// assets returns all files by their paths.
func assets() map[string]asset {
	files := map[string]asset{}
	font := ""
	for _, f := range []struct{ name, contentType string }{
		{"inter.woff2", "font/woff2"}, // first: the style sheet names it
		{"console.css", "text/css; charset=utf-8"},
		{"console.js", "text/javascript; charset=utf-8"},
		{"htmx.js", "text/javascript; charset=utf-8"},
		{"icons.svg", "image/svg+xml"},
		{"favicon.svg", "image/svg+xml"},
	} {
		content, err := staticFiles.ReadFile("static/" + f.name)
		if err != nil {
			panic(fmt.Sprintf("console: %v", err))
		}
		content = bytes.ReplaceAll(content, []byte("url(inter.woff2)"), []byte("url("+font+")"))
		sum := sha256.Sum256(content)
		ext := path.Ext(f.name)
		at := Path + "/static/" + strings.TrimSuffix(f.name, ext) + "-" + hex.EncodeToString(sum[:6]) + ext
		if font == "" {
			font = at
		}
		files[at] = asset{f.contentType, content, pack(content)}
	}
	return files
}

func pack(content []byte) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // which is a level
	_, _ = w.Write(content)                               // a buffer takes all
	_ = w.Close()
	if b.Len() > len(content)*9/10 {
		return nil
	}
	return b.Bytes()
}

// ServeHTTP implements http.Handler.
func (a asset) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", a.contentType)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	content := a.content
	if a.gzipped != nil {
		h.Set("Vary", "Accept-Encoding")
		if httpx.AcceptsGzip(r) {
			h.Set("Content-Encoding", "gzip")
			content = a.gzipped
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(content)))
	_, _ = w.Write(content) // an error of the connection is nobody's to handle
}

// fileURL returns where the file of a name is.
func (c *Console) fileURL(name string) string {
	stem, ext, _ := strings.Cut(name, ".")
	for at := range c.files {
		if strings.HasPrefix(at, Path+"/static/"+stem+"-") && strings.HasSuffix(at, ext) {
			return at
		}
	}
	panic("console: there is no file " + name)
}
