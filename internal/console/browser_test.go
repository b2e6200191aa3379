package console_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"personae.dev/internal/machinetest"
)

// browser is a tab of a real browser that somebody is signed in with.
type browser struct {
	*site
	t   *testing.T
	ctx context.Context
}

// open starts a browser, until the end of the test.
func open(t *testing.T, s *site) *browser {
	t.Helper()
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(machinetest.Chromium(t)),
		chromedp.UserDataDir(t.TempDir()),
		// Chromium does not run as root with its sandbox, and CI often is root.
		chromedp.NoSandbox,
		chromedp.DisableGPU,
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("hide-scrollbars", true),
	)...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	b := &browser{s, t, ctx}
	if s.token != "" {
		_, err := chromedp.Call(ctx, network.SetCookie, network.SetCookieParams{Name: s.cookie(), Value: s.token, URL: s.URL(), HTTPOnly: new(true)})
		must(t, err)
	}
	return b
}

// look opens a page at a width and in a theme.
func (b *browser) look(path string, width int64, theme string) {
	b.t.Helper()
	height := int64(900)
	if width < 800 {
		height = 844
	}
	_, err := chromedp.Call(b.ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1, Mobile: width < 800})
	must(b.t, err)
	_, err = chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}}})
	must(b.t, err)
	must(b.t, chromedp.Do(b.ctx, chromedp.Navigate(b.URL()+path)))
	b.until(`document.readyState === "complete" && document.fonts.status === "loaded"`)
}

// until waits for an expression to be true.
func (b *browser) until(expression string) {
	b.t.Helper()
	_, err := chromedp.Run(b.ctx, chromedp.Poll[bool](expression, chromedp.WithPollingInterval(20*time.Millisecond), chromedp.WithPollingTimeout(20*time.Second)))
	if err != nil {
		b.t.Fatalf("the page does not come to this: %s: %v", expression, err)
	}
}

// TestScreenshots writes pictures of all pages into the folder that
// PERSONAE_SCREENSHOTS names; PERSONAE_PAGES picks some by words in their names.
func TestScreenshots(t *testing.T) {
	t.Parallel()
	folder := os.Getenv("PERSONAE_SCREENSHOTS")
	if folder == "" {
		t.Skip("make screenshots runs it")
	}
	b := open(t, start(t))
	for name, path := range pages() {
		if only := os.Getenv("PERSONAE_PAGES"); only != "" && !strings.Contains(only, name) {
			continue
		}
		for _, width := range []int64{1280, 390} {
			for _, theme := range []string{"light", "dark"} {
				b.look(path, width, theme)
				png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
				must(t, err)
				must(t, os.WriteFile(filepath.Join(folder, fmt.Sprintf("%s-%d-%s.png", name, width, theme)), png, 0o600))
			}
		}
	}
}

// pages are all pages of the demo library that a GET shows.
func pages() map[string]string {
	return map[string]string{
		"home":       "/console",
		"personas":   "/console/persona",
		"archived":   "/console/persona?status=archived",
		"empty":      "/console/persona?q=nonsense",
		"persona":    "/console/persona/demo-vp-of-sales",
		"playbook":   "/console/playbook/demo-playbook-slipped-quarter",
		"brandvoice": "/console/brand-voice/demo-plain-and-warm",
		"company":    "/console/workspace-company/-",
		"history":    "/console/persona/demo-vp-of-sales/history",
		"pack":       "/console/persona/demo-vp-of-sales/pack",
		"edit":       "/console/persona/demo-vp-of-sales/edit",
		"editvoice":  "/console/brand-voice/demo-plain-and-warm/edit",
		"editbook":   "/console/playbook/demo-playbook-slipped-quarter/edit",
		"new":        "/console/new/persona",
		"changes":    "/console/changes",
		"kinds":      "/console/kinds",
		"import":     "/console/import",
		"find":       "/console/find?q=renew",
		"lost":       "/console/nowhere",
	}
}
