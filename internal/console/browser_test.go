package console_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"personae.dev/internal/machinetest"
)

// browser is a tab of a real browser that somebody is signed in with.
type browser struct {
	*site
	t     *testing.T
	ctx   context.Context
	asked atomic.Int32 // how often a page asked before it was left
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
	b := &browser{site: s, t: t, ctx: ctx}
	must(t, chromedp.Listen(ctx, func(ev any) {
		switch ev := ev.(type) {
		case *cdppage.EventJavascriptDialogOpening:
			if ev.Type == cdppage.DialogTypeBeforeunload {
				b.asked.Add(1)
				go func() { // the browser waits for it
					_, _ = chromedp.Call(ctx, cdppage.HandleJavaScriptDialog, cdppage.HandleJavaScriptDialogParams{Accept: true})
				}()
				return
			}
			t.Errorf("%s opens a dialog: %s", ev.URL, ev.Message)
		case *runtime.EventExceptionThrown:
			t.Errorf("exception: %v", ev.ExceptionDetails)
		case *cdplog.EventEntryAdded:
			if ev.Entry.Level == cdplog.EntryLevelError && !strings.Contains(ev.Entry.Text, "status of 4") {
				t.Errorf("%s: %s", ev.Entry.URL, ev.Entry.Text)
			}
		}
	}))
	for _, enable := range []cdp.Command[cdp.Empty, cdp.Empty]{runtime.Enable, cdplog.Enable} {
		_, err := chromedp.Call(ctx, enable, cdp.Empty{})
		must(t, err)
	}
	if s.token != "" {
		_, err := chromedp.Call(ctx, network.SetCookie, network.SetCookieParams{Name: s.cookie(), Value: s.token, URL: s.URL(), HTTPOnly: new(true)})
		must(t, err)
	}
	return b
}

// look opens a page at a width and in a theme.
func (b *browser) look(path string, width int64, theme string) {
	b.t.Helper()
	b.emulate(width, theme)
	must(b.t, chromedp.Do(b.ctx, chromedp.Navigate(b.URL()+path)))
	b.until(`document.readyState === "complete" && document.fonts.status === "loaded"`)
}

// emulate sets the width of the tab, and the theme of the system.
func (b *browser) emulate(width int64, theme string) {
	b.t.Helper()
	height := int64(900)
	if width < 800 {
		height = 844
	}
	_, err := chromedp.Call(b.ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1, Mobile: width < 800})
	must(b.t, err)
	_, err = chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
	must(b.t, err)
}

// until waits for an expression to be true, over the end of a page, too.
func (b *browser) until(expression string) {
	b.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(20 * time.Second); ; {
		holds, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](expression))
		switch {
		case err == nil && holds:
			return
		case time.Now().After(end):
			text, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string](`location.href + document.querySelector("main").innerText`))
			b.t.Fatalf("the page does not come to this: %s: %v\n%.600s", expression, err, text)
		}
		<-tick.C
	}
}

// do runs a script and returns what it comes to.
func do[T any](b *browser, script string) T {
	b.t.Helper()
	got, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", script, err)
	}
	return got
}

// run runs a script.
func (b *browser) run(script string) {
	b.t.Helper()
	if _, err := chromedp.Run(b.ctx, chromedp.Evaluate[chromedp.Void](script)); err != nil {
		b.t.Fatalf("%s: %v", script, err)
	}
}

// press presses keys where the focus is, once the scripts of the page run.
func (b *browser) press(keys string, modifiers ...chromedp.Modifier) {
	b.t.Helper()
	b.until(`document.readyState === "complete"`)
	options := []chromedp.KeyOption{}
	if len(modifiers) > 0 {
		options = append(options, chromedp.KeyModifiers(modifiers...))
	}
	must(b.t, chromedp.Do(b.ctx, chromedp.KeyEvent(keys, options...)))
}

// click clicks the first that a selector finds.
func (b *browser) click(selector string) {
	b.t.Helper()
	b.until(fmt.Sprintf(`document.readyState === "complete" && !!document.querySelector(%q)`, selector))
	b.run(fmt.Sprintf(`document.querySelector(%q).click()`, selector))
}

// at waits for a page to be there, with its scripts.
func (b *browser) at(path string) {
	b.t.Helper()
	b.until(fmt.Sprintf(`location.pathname === %q && document.readyState === "complete"`, path))
}

// shows waits for a text on the page.
func (b *browser) shows(text string) {
	b.t.Helper()
	b.until(fmt.Sprintf(`document.readyState === "complete" && document.body.innerText.includes(%q)`, text))
}

// TestJourneys is what people do in a browser, one after another in one tab. No
// page may log an error, break the policy or open a dialog of its own.
func TestJourneys(t *testing.T) {
	t.Parallel()
	s := start(t)
	b := open(t, s)

	t.Log("the palette, by keyboard alone")
	b.look("/console", 1280, "light")
	b.shows("of 100") // the audit, which is loaded later
	b.press("k", chromedp.ModifierCtrl)
	b.until(`document.querySelector("#palette input") === document.activeElement`)
	b.press("sally")
	b.until(`document.querySelector("#palette [aria-selected=true]")?.innerText.includes("VP of Sales")`)
	b.press(kb.Enter)
	b.at("/console/persona/demo-vp-of-sales")

	t.Log("edit with an error, then without")
	b.press("e")
	b.at(vp + "/edit")
	b.run(`document.querySelector("[name=painPoints]").focus()`)
	b.press(kb.Enter)
	b.press("Typed in the browser")
	b.until(`document.querySelector("[data-changes]").innerText === "1 field changed"`)
	b.run(`document.querySelector("[name=name]").value = ""`)
	b.click("[data-key='mod+s']")
	b.shows("1 to fix")
	b.shows("Must not be empty.")
	b.until(`[...document.querySelectorAll("[name=painPoints]")].some(t => t.value.trim() === "Typed in the browser")`)
	b.run(`(document.querySelector("[name=name]").value = "VP of Sales", document.querySelector("[name=name]").focus())`)
	b.press("s", chromedp.ModifierCtrl)
	b.at("/console/persona/demo-vp-of-sales")
	b.shows("VP of Sales was saved.")
	b.shows("Typed in the browser")

	t.Log("titled lists: two at once, and one moved")
	b.look(vp+"/edit", 1280, "light")
	if !do[bool](b, `(() => {
		const type = (i, v) => { i.value = v; i.dispatchEvent(new Event("input", {bubbles: true})); };
		for (const title of ["First list", "Second list"]) {
			const d = document.querySelector("#customFields block-list > :last-child");
			type(d.querySelector("[name='customFields.title']"), title);
			type(d.querySelector("textarea"), "Item of " + title);
		}
		document.querySelector("#customFields block-list > :nth-last-child(2) > .tools [data-do=up]").click();
		const items = document.querySelectorAll("[name=painPoints]").length; // what an input method composes is no Enter
		document.querySelector("[name=painPoints]").dispatchEvent(new KeyboardEvent("keydown", {key: "Enter", bubbles: true, isComposing: true}));
		return document.querySelectorAll("[name=painPoints]").length === items;
	})()`) {
		t.Error("Enter while composing makes an item")
	}
	b.press("s", chromedp.ModifierCtrl)
	b.at(vp)
	b.until(`((text) => text.indexOf("Item of Second") > 0 && text.indexOf("Item of Second") < text.indexOf("Item of First"))(document.body.innerText)`)

	t.Log("leaving with changes asks")
	b.look(vp+"/edit", 1280, "light")
	b.run(`document.querySelector("[name=description]").focus()`)
	b.press("x")
	b.until(`document.querySelector("[data-changes]").innerText === "1 field changed"`)
	b.look("/console", 1280, "light")
	if n := b.asked.Load(); n != 1 {
		t.Errorf("it asked %d times", n)
	}

	t.Log("a draft survives a closed tab")
	b.look(vp+"/edit", 1280, "light")
	b.run(`(() => { const d = document.querySelector("[name=description]"); d.value = "Half a thought"; d.dispatchEvent(new Event("input", {bubbles: true})); })()`)
	b.until(`Object.keys(localStorage).some(k => k.startsWith("personae-draft"))`)
	b.run(`window.onbeforeunload = null, document.querySelector("#editor").dispatchEvent(new SubmitEvent("submit"))`) // leaves without asking
	b.look(vp+"/edit", 1280, "light")
	b.shows("There is a draft of")
	b.click("#editor .note button")
	b.until(`document.querySelector("[name=description]")?.value === "Half a thought"`)

	t.Log("a conflict")
	s.submit(t, vp+"/edit", set(form(t, s.page(t, vp+"/edit")), "description", 0, "Faster than you"), "save")
	b.click("[data-key='mod+s']")
	b.shows("saved this persona while you were editing")
	b.click(".both button")
	b.until(`document.querySelector("[name=description]")?.value === "Faster than you" && !document.querySelector(".both")`)
	b.click("[data-discard]")
	b.at("/console/persona/demo-vp-of-sales")

	t.Log("history and restore")
	b.press("h")
	b.at(vp + "/history")
	b.click(".revisions li:last-child a")
	b.shows("What revision 1 changed")
	b.click(".diff .actions > .button")
	b.shows("Restore revision 1?")
	b.click(".ask .primary")
	b.shows("VP of Sales was restored.")
	b.until(`document.querySelectorAll(".revisions i").length === 5`)

	t.Log("search as one types, delete and undo")
	b.look("/console/persona", 1280, "light")
	b.press("/")
	b.press(kb.Backspace) // chromedp types what the page refused
	b.press("forecast scept")
	b.until(`document.querySelectorAll(".rows tbody tr").length === 1 && location.search === "?q=forecast+scept"`)
	b.run(`document.activeElement.blur()`)
	b.press("j")
	b.press("x")
	b.until(`document.querySelector("[data-selected]").innerText === "1 selected"`)
	b.click(".bulk [value=delete]")
	b.shows("Chief Financial Officer was deleted.")
	b.click(".toast button")
	b.until(`!document.querySelector(".toast button") && document.body.innerText.includes("Chief Financial Officer")`)

	t.Log("import with a faulty line")
	b.look("/console/import", 1280, "light")
	b.run(`(document.querySelector("[name=text]").value = '{"name":"Good line"}\n{"name":""}', document.querySelector(".import .primary").click())`)
	b.shows("Lines with errors")
	b.click("[name=skip]")
	b.click("[name=do][value=import]")
	b.shows("1 created, 0 changed")

	t.Log("match, then qualify")
	b.look("/console/match", 1280, "light")
	b.run(`document.querySelector("#titles").focus()`)
	b.press("VP Sales")
	b.press(kb.Enter, chromedp.ModifierCtrl)
	b.until(`document.querySelector("tbody a.plainly")?.innerText === "VP Sales"`)
	b.click("tbody a.plainly")
	b.shows("No answer yet")
	b.run(`document.querySelectorAll(".stairs [value=Yes]")[1].click()`)
	b.click(".qualify .primary")
	b.shows("of 10")

	t.Log("hostile texts")
	poisoned(t, s)
	for _, more := range []string{"", "/edit", "/history", "/pack"} {
		b.look("/console/playbook/x-playbook"+more, 1280, "light")
	}
	b.look("/console", 1280, "light")
	b.press("k", chromedp.ModifierCtrl)
	b.press("script")
	b.until(`!!document.querySelector("#palette [aria-selected=true]")`)
}

// TestAccessible runs axe on every page, in both themes and two widths, for WCAG
// 2.2 A and AA.
func TestAccessible(t *testing.T) {
	t.Parallel()
	s := start(t)
	b, script := open(t, s), axe(t)
	b.accessible(script, pages())
	_, err := chromedp.Call(b.ctx, network.ClearBrowserCookies, cdp.Empty{})
	must(t, err)
	b.accessible(script, s.pagesOfStrangers(t))
}

// accessible runs axe on pages.
func (b *browser) accessible(script string, pages map[string]string) {
	t := b.t
	t.Helper()
	for name, path := range pages {
		switch name {
		case "archived", "company", "editbook", "playbook", "lost": // others are made from the same templates
			continue
		}
		for i, at := range []struct {
			width int64
			theme string
		}{{1280, "light"}, {1280, "dark"}, {320, "light"}, {320, "dark"}} {
			rules := `["color-contrast", "target-size"]` // what else there is follows from neither width nor theme
			if i == 0 {
				b.look(path, at.width, at.theme)
				b.run(script)
				rules = `["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]`
			} else {
				b.emulate(at.width, at.theme)
			}
			found := do[struct {
				Passes     int
				Violations []string
			}](b, `axe.run({runOnly: `+rules+`}).then(r => ({Passes: r.passes.length, Violations: r.violations.map(v => v.id + ": " + v.nodes.slice(0, 3).map(n => n.target + " " + n.failureSummary).join("; "))}))`)
			for _, problem := range found.Violations {
				t.Errorf("%s, %d, %s: %s", name, at.width, at.theme, problem)
			}
			if found.Passes == 0 {
				t.Errorf("%s: axe looked at nothing", name)
			}
			if over := do[int](b, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
				t.Errorf("%s scrolls sideways at %d, by %d", name, at.width, over)
			}
		}
	}
}

// axe returns the script of axe-core, which npm installs once.
func axe(t testing.TB) string {
	t.Helper()
	npm, err := exec.LookPath("npm")
	if err != nil {
		machinetest.Lacks(t, "no npm: scripts/test-deps says how to get it")
	}
	cache, err := os.UserCacheDir()
	must(t, err)
	folder := filepath.Join(cache, "personae-axe-4.14.1")
	file := filepath.Join(folder, "node_modules", "axe-core", "axe.min.js")
	if _, err := os.Stat(file); err != nil {
		install := exec.Command(npm, "install", "--prefix", folder, "--no-audit", "--no-fund", "--ignore-scripts", "axe-core@4.14.1")
		if out, err := install.CombinedOutput(); err != nil {
			machinetest.Lacks(t, "axe-core cannot be installed: %v\n%s", err, out)
		}
	}
	script, err := os.ReadFile(file)
	must(t, err)
	return string(script)
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
		"match":      "/console/match",
		"qualify":    "/console/qualify?persona=demo-vp-of-sales&title=VP+Commercial",
		"audit":      "/console/audit",
		"import":     "/console/import",
		"find":       "/console/find?q=renew",
		"admin":      "/console/admin",
		"lost":       "/console/nowhere",
	}
}
