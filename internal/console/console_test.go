package console_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"personae.dev/internal/kind"
)

// TestPagesAreGuarded shows the headers of pages, and that nobody sees one who is
// not signed in.
func TestPagesAreGuarded(t *testing.T) {
	t.Parallel()
	s := start(t)
	stranger := &site{s.Server, s.setup, ""}
	for name, path := range pages() {
		a := s.get(t, path)
		for header, want := range map[string]string{
			"Content-Security-Policy": "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
			"X-Content-Type-Options":  "nosniff", "Cache-Control": "no-store", "Content-Type": "text/html; charset=utf-8",
		} {
			if got := a.Header.Get(header); got != want {
				t.Errorf("%s: %s is %q", name, header, got)
			}
		}
		for _, inline := range []string{" style=", " onclick=", "<script>", "<style"} {
			if strings.Contains(a.body, inline) {
				t.Errorf("%s has %s, which the policy forbids", name, inline)
			}
		}
		if got := s.get(t, path, "HX-Request", "true").Header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s for htmx: Cache-Control is %q", name, got)
		}
		if a := stranger.get(t, path); a.StatusCode < 300 || strings.Contains(a.body, "VP of Sales") {
			t.Errorf("%s without a key: %s", name, a.Status)
		}
	}
}

// TestFormsOfOtherSites shows that a form that another site sends is refused.
func TestFormsOfOtherSites(t *testing.T) {
	t.Parallel()
	s := start(t)
	for origin, want := range map[string]int{"https://evil.example": http.StatusForbidden, s.URL(): http.StatusSeeOther} {
		a := s.send(t, http.MethodPost, "/console/theme", "application/x-www-form-urlencoded", []byte("theme=dark"), "Origin", origin)
		if a.StatusCode != want {
			t.Errorf("from %s: %s", origin, a.Status)
		}
	}
}

// TestSizeOfFirstPage holds the promise of the first page, cold and without fonts:
// 90 KB and 6 requests.
func TestSizeOfFirstPage(t *testing.T) {
	t.Parallel()
	s := start(t)
	size := func(path string) int {
		a := s.get(t, path, "Accept-Encoding", "gzip")
		if a.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", path, a.Status)
		}
		return len(a.body)
	}
	home := s.get(t, "/console", "Accept-Encoding", "gzip")
	unpacked, err := gzip.NewReader(strings.NewReader(home.body))
	must(t, err)
	var html bytes.Buffer
	_, err = html.ReadFrom(unpacked)
	must(t, err)
	seen := map[string]bool{}
	total := len(home.body)
	for _, found := range regexp.MustCompile(`(?:href|src)="(/console/static/[^"#]+)`).FindAllStringSubmatch(html.String(), -1) {
		if path := found[1]; !seen[path] && !strings.HasSuffix(path, ".woff2") {
			seen[path] = true
			total += size(path)
		}
	}
	t.Logf("%d bytes in %d requests", total, len(seen)+1)
	if total > 90<<10 || len(seen)+1 > 6 {
		t.Errorf("the first page takes %d bytes in %d requests", total, len(seen)+1)
	}
}

// TestFilesAreKept shows that files of pages are kept for ever, and packed for
// those who take it.
func TestFilesAreKept(t *testing.T) {
	t.Parallel()
	s := start(t)
	path := regexp.MustCompile(`/console/static/console-\w+\.css`).FindString(s.page(t, "/console"))
	plain, packed := s.get(t, path, "Accept-Encoding", "identity"), s.get(t, path, "Accept-Encoding", "gzip")
	if got := plain.Header.Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
		t.Errorf("Cache-Control is %q", got)
	}
	if packed.Header.Get("Content-Encoding") != "gzip" || len(packed.body)*2 > len(plain.body) {
		t.Errorf("%d bytes are packed into %d", len(plain.body), len(packed.body))
	}
}

// TestTheme shows that a theme is kept, and that the form leads back to nowhere
// but the console.
func TestTheme(t *testing.T) {
	t.Parallel()
	s := start(t)
	for referer, want := range map[string]string{
		s.URL() + "/console/persona?q=a": "/console/persona?q=a", "https://evil.example/console": "/console", s.URL() + "/consolejs": "/console", "": "/console",
	} {
		a := s.send(t, http.MethodPost, "/console/theme", "application/x-www-form-urlencoded", []byte(url.Values{"theme": {"dark"}}.Encode()), "Referer", referer)
		if got := a.Header.Get("Location"); got != want {
			t.Errorf("from %s back to %s", referer, got)
		}
		cookie := a.Header.Get("Set-Cookie")
		if page := s.get(t, "/console", "Cookie", fmt.Sprint(cookie)); !strings.Contains(page.body, `data-theme="dark"`) {
			t.Errorf("the cookie %s is not followed", cookie)
		}
	}
}

// TestIcons shows that the icons of all kinds are drawn.
func TestIcons(t *testing.T) {
	t.Parallel()
	sprite, err := os.ReadFile("static/icons.svg")
	must(t, err)
	for _, k := range kind.Registry().Kinds() {
		if !strings.Contains(string(sprite), `id="`+k.Icon+`"`) {
			t.Errorf("%s: icons.svg has no %q", k.Name, k.Icon)
		}
	}
}
