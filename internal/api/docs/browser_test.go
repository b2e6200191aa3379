package docs

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"personae.dev/contract"
	"personae.dev/internal/machinetest"
)

// watch keeps what a browser says while it shows a page.
type watch struct {
	mu       sync.Mutex
	requests []string
	faults   []string
}

func (w *watch) fault(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = append(w.faults, fmt.Sprintf(format, args...))
}

func (w *watch) listen(ev any) {
	switch ev := ev.(type) {
	case *network.EventRequestWillBeSent:
		w.mu.Lock()
		defer w.mu.Unlock()
		w.requests = append(w.requests, ev.Request.URL)
	case *network.EventLoadingFailed:
		w.fault("loading failed: %s (blocked: %s)", ev.ErrorText, ev.BlockedReason)
	case *runtime.EventConsoleAPICalled:
		switch ev.Type {
		case runtime.ConsoleAPICalledTypeError, runtime.ConsoleAPICalledTypeWarning, runtime.ConsoleAPICalledTypeAssert:
			var args []string
			for _, a := range ev.Args {
				args = append(args, string(a.Value)+a.Description)
			}
			w.fault("console.%s: %s", ev.Type, strings.Join(args, " "))
		}
	case *runtime.EventExceptionThrown:
		w.fault("exception: %v", ev.ExceptionDetails)
	case *cdplog.EventEntryAdded:
		if ev.Entry.Level == cdplog.EntryLevelError || ev.Entry.Level == cdplog.EntryLevelWarning {
			w.fault("log: %s: %s", ev.Entry.Source, ev.Entry.Text)
		}
	case *audits.EventIssueAdded:
		if d := ev.Issue.Details.ContentSecurityPolicyIssueDetails; d != nil {
			w.fault("policy: %s violated by %q at %v", d.ViolatedDirective, d.BlockedURL, d.SourceCodeLocation)
		}
	}
}

// click clicks the first link or button whose text has the given word, and
// tells whether there was one.
func click(word string) string {
	return fmt.Sprintf(`(() => {
  const found = [...document.querySelectorAll('a, button')].find((e) => e.textContent.includes(%q));
  found?.click();
  return found !== undefined;
})()`, word)
}

// shows tells whether the page shows the given text.
func shows(text string) string {
	return fmt.Sprintf(`document.body.innerText.includes(%q)`, text)
}

// TestDocsInBrowser reads the page as a person does: the introduction, an
// operation, its answer's fields, a request. PERSONAE_SCREENSHOT names a file to
// keep a picture of the operation in.
func TestDocsInBrowser(t *testing.T) {
	t.Parallel()
	path := machinetest.Chromium(t)
	mux := http.NewServeMux()
	pages := NewPages()
	for at := range pages {
		mux.Handle("GET "+at, pages)
	}
	mux.Handle("GET /openapi.yaml", OpenAPI())
	mux.HandleFunc("GET /api/v2/persona/list", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"hasNext":false,"total":1,"data":[%s]}`, contract.GetPersonaSample())
	})
	mux.HandleFunc("GET /api/v2/persona/get", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(contract.GetPersonaSample())
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)

	ctx, cancel := chromedp.NewExecAllocator(t.Context(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.UserDataDir(t.TempDir()),
		// Chromium does not run as root with its sandbox, and CI often is root.
		chromedp.NoSandbox,
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.WindowSize(1440, 1200),
	)...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)

	w := &watch{}
	if err := chromedp.Listen(ctx, w.listen); err != nil {
		t.Fatal(err)
	}
	// What the browser says tells why a step below failed.
	t.Cleanup(func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, f := range w.faults {
			t.Error(f)
		}
	})
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	for _, enable := range []cdp.Command[cdp.Empty, cdp.Empty]{runtime.Enable, cdplog.Enable, audits.Enable} {
		if _, err := chromedp.Call(ctx, enable, cdp.Empty{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := chromedp.Do(ctx, chromedp.Navigate(srv.URL+"/docs")); err != nil {
		t.Fatal(err)
	}
	until := func(expr string) {
		t.Helper()
		_, err := chromedp.Run(ctx, chromedp.Poll[bool](expr,
			chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(time.Minute)))
		if err != nil {
			t.Fatalf("the page does not come to this: %s: %v", expr, err)
		}
	}

	for _, text := range []string{"Personae API", "invalid_request", "persona_not_found", "insufficient_scope", "rate_limited"} {
		until(shows(text))
	}

	until(click("Get persona"))
	for _, text := range []string{"/api/v2/persona/get", "The id of the persona", "internalName", "primaryResponsibilities", "qualifyingQuestions"} {
		until(shows(text))
	}
	if file := os.Getenv("PERSONAE_SCREENSHOT"); file != "" {
		png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, png, 0o600); err != nil {
			t.Fatal(err)
		}
	}

	// The answer's fields, which lists inside lists must not hide.
	until(click("200"))
	until(shows("How much the answer counts"))

	until(click("Test Request"))
	until(click("Send"))
	until(shows("Sally the Sales Leader"))
	until(shows("200 OK"))

	w.mu.Lock()
	defer w.mu.Unlock()
	sent := false
	for _, u := range w.requests {
		sent = sent || strings.HasPrefix(u, srv.URL+"/api/v2/persona/")
		if !strings.HasPrefix(u, srv.URL+"/") && !strings.HasPrefix(u, "data:") {
			t.Errorf("the page asks %s", u)
		}
	}
	if !sent {
		t.Errorf("the page sent no test request: %v", w.requests)
	}
}
