package docs

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"personae.dev/contract"
)

func serve(t *testing.T, h http.Handler, method, path string, header map[string]string) *httptest.ResponseRecorder {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	for k, v := range header {
		req.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w
}

// headers returns the named fields of the answer, "" where one is absent.
func headers(w *httptest.ResponseRecorder, names ...string) map[string]string {
	got := map[string]string{}
	for _, name := range names {
		got[name] = w.Header().Get(name)
	}
	return got
}

// asset returns the path of the page's file that begins and ends so.
func asset(t *testing.T, d Pages, prefix, suffix string) string {
	t.Helper()
	for at := range d {
		if strings.HasPrefix(at, "/docs/"+prefix+"-") && strings.HasSuffix(at, suffix) {
			return at
		}
	}
	t.Fatalf("the page has no file %s-….%s", prefix, suffix)
	return ""
}

func TestDocsPage(t *testing.T) {
	t.Parallel()
	d := NewPages()
	w := serve(t, d, http.MethodGet, "/docs", nil)
	body := w.Body.String()
	match := regexp.MustCompile(`<meta property="csp-nonce" content="([A-Z2-7]{26})">`).FindStringSubmatch(body)
	if match == nil {
		t.Fatalf("the page has no nonce:\n%s", body)
	}
	want := map[string]string{
		"Content-Type":  "text/html; charset=utf-8",
		"Cache-Control": "no-store",
		"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-" + match[1] + "'; " +
			"style-src-attr 'unsafe-inline'; connect-src 'self'; img-src 'self' data:; font-src 'none'; base-uri 'none'; " +
			"frame-ancestors 'none'; form-action 'none'",
		"Cross-Origin-Opener-Policy": "same-origin",
		"X-Content-Type-Options":     "nosniff",
		"Referrer-Policy":            "no-referrer",
		"Accept-Ranges":              "",
		"ETag":                       "",
	}
	var names []string
	for name := range want {
		names = append(names, name)
	}
	if diff := cmp.Diff(want, headers(w, names...)); w.Code != http.StatusOK || diff != "" {
		t.Errorf("status %d, header (-want +got):\n%s", w.Code, diff)
	}

	t.Run("NonceIsNew", func(t *testing.T) {
		t.Parallel()
		if again := serve(t, d, http.MethodGet, "/docs", nil); strings.Contains(again.Body.String(), match[1]) {
			t.Error("two answers have the same nonce")
		}
	})
	t.Run("NoScript", func(t *testing.T) {
		t.Parallel()
		if !regexp.MustCompile(`(?s)<noscript>.*href="/openapi.yaml".*</noscript>`).MatchString(body) {
			t.Errorf("no way out without JavaScript:\n%s", body)
		}
	})
	t.Run("Head", func(t *testing.T) {
		t.Parallel()
		head := serve(t, d, http.MethodHead, "/docs", nil)
		if head.Code != http.StatusOK || head.Body.Len() != 0 || head.Header().Get("Content-Length") != strconv.Itoa(len(body)) {
			t.Errorf("HEAD: status %d, %d bytes, header %v", head.Code, head.Body.Len(), head.Header())
		}
	})
	t.Run("LoadsItsFilesOnly", func(t *testing.T) {
		t.Parallel()
		refs := regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(body, -1)
		loaded := map[string]bool{}
		for _, ref := range refs {
			if ref[1] != "/openapi.yaml" && ref[1] != "data:," {
				loaded[ref[1]] = true
			}
		}
		for at := range d {
			if at != "/docs" && !loaded[at] {
				t.Errorf("the page does not load %s", at)
			}
			delete(loaded, at)
		}
		if len(loaded) > 0 {
			t.Errorf("the page loads what is not there: %v", loaded)
		}
	})
}

func TestDocsAssets(t *testing.T) {
	t.Parallel()
	d := NewPages()
	script := asset(t, d, "scalar", ".js")
	packed := d[script].content
	tests := map[string]struct {
		path, accept, contentType string
		gzipped                   bool
	}{
		"StyleSheet":      {asset(t, d, "page", ".css"), "gzip", "text/css; charset=utf-8", false},
		"Start":           {asset(t, d, "start", ".js"), "gzip", "text/javascript; charset=utf-8", false},
		"Gzip":            {script, "gzip, deflate, br, zstd", "text/javascript; charset=utf-8", true},
		"AnyCoding":       {script, "*", "text/javascript; charset=utf-8", true},
		"NoCoding":        {script, "", "text/javascript; charset=utf-8", false},
		"GzipRefused":     {script, "br, gzip;q=0", "text/javascript; charset=utf-8", false},
		"GzipRefusedMore": {script, "*, gzip; q=0.000", "text/javascript; charset=utf-8", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			header := map[string]string{"Accept-Encoding": tt.accept}
			w := serve(t, d, http.MethodGet, tt.path, header)
			body := w.Body.Bytes()
			want := map[string]string{
				"Content-Type":           tt.contentType,
				"Content-Encoding":       "",
				"Content-Length":         strconv.Itoa(len(body)),
				"Cache-Control":          "public, max-age=31536000, immutable",
				"Vary":                   "",
				"X-Content-Type-Options": "nosniff",
				"Referrer-Policy":        "no-referrer",
			}
			if tt.path == script {
				want["Vary"] = "Accept-Encoding"
			}
			if tt.gzipped {
				want["Content-Encoding"] = "gzip"
			}
			got := headers(w, "Content-Type", "Content-Encoding", "Content-Length", "Cache-Control", "Vary",
				"X-Content-Type-Options", "Referrer-Policy")
			if diff := cmp.Diff(want, got); w.Code != http.StatusOK || diff != "" {
				t.Errorf("status %d, header (-want +got):\n%s", w.Code, diff)
			}
			plain := body
			if tt.gzipped {
				plain = gunzip(body)
			}
			if tt.path == script && !strings.Contains(string(plain), "createApiReference") {
				t.Errorf("%d bytes, and not the script", len(plain))
			}

			etag := w.Header().Get("ETag")
			header["If-None-Match"] = etag
			same := serve(t, d, http.MethodGet, tt.path, header)
			if same.Code != http.StatusNotModified || same.Body.Len() != 0 || same.Header().Get("ETag") != etag {
				t.Errorf("If-None-Match %s: status %d, %d bytes, header %v", etag, same.Code, same.Body.Len(), same.Header())
			}
			delete(header, "If-None-Match")
			header["Range"] = "bytes=0-9"
			if ranged := serve(t, d, http.MethodGet, tt.path, header); ranged.Code != http.StatusOK || ranged.Body.Len() != len(body) {
				t.Errorf("Range: status %d, %d bytes", ranged.Code, ranged.Body.Len())
			}
			head := serve(t, d, http.MethodHead, tt.path, header)
			if head.Code != http.StatusOK || head.Body.Len() != 0 || head.Header().Get("ETag") != etag {
				t.Errorf("HEAD: status %d, %d bytes, header %v", head.Code, head.Body.Len(), head.Header())
			}
		})
	}

	t.Run("EncodingsHaveOwnETags", func(t *testing.T) {
		t.Parallel()
		gzipped := serve(t, d, http.MethodGet, script, map[string]string{"Accept-Encoding": "gzip"}).Header().Get("ETag")
		plain := serve(t, d, http.MethodGet, script, nil).Header().Get("ETag")
		if gzipped == plain {
			t.Errorf("both are %s", plain)
		}
	})
	t.Run("Published", func(t *testing.T) {
		t.Parallel()
		plain := gunzip(packed)
		// dist/browser/standalone.js of @scalar/api-reference 1.72.1.
		const want = "bf091006bdc3af6067af77c2f534812e3e633e94a94e87138069f570f33b762c"
		if sum := sha256.Sum256(plain); hex.EncodeToString(sum[:]) != want {
			t.Errorf("scalar.js.gz holds %x, want %s: run scripts/update-scalar", sum, want)
		}
	})
	t.Run("Unknown", func(t *testing.T) {
		t.Parallel()
		if w := serve(t, d, http.MethodGet, "/docs/other.js", nil); w.Code != http.StatusNotFound {
			t.Errorf("status %d", w.Code)
		}
	})
}

func TestOpenAPIDocument(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(OpenAPI())
	t.Cleanup(srv.Close)
	get := func(t *testing.T, method, ifNoneMatch string) (*http.Response, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, srv.URL+"/openapi.yaml", nil)
		if err != nil {
			t.Fatal(err)
		}
		if ifNoneMatch != "" {
			req.Header.Set("If-None-Match", ifNoneMatch)
		}
		resp, err := srv.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp, string(body)
	}
	resp, body := get(t, http.MethodGet, "")
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "application/yaml" ||
		resp.Header.Get("X-Content-Type-Options") != "nosniff" || resp.Header.Get("Cache-Control") != "no-cache" {
		t.Errorf("status %d, header %v", resp.StatusCode, resp.Header)
	}
	if diff := cmp.Diff(string(contract.OpenAPI()), body); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	etag := resp.Header.Get("ETag")
	if resp, body := get(t, http.MethodGet, etag); resp.StatusCode != http.StatusNotModified || body != "" {
		t.Errorf("If-None-Match %s: status %d, %d bytes", etag, resp.StatusCode, len(body))
	}
	if resp, body := get(t, http.MethodHead, ""); resp.StatusCode != http.StatusOK || body != "" || resp.Header.Get("ETag") != etag {
		t.Errorf("HEAD: status %d, %d bytes, header %v", resp.StatusCode, len(body), resp.Header)
	}
}
