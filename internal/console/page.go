package console

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/httpx"
	"personae.dev/internal/qualify"
)

//go:embed templates/*.html
var templateFiles embed.FS

// page is what a template gets.
type page struct {
	// Title names the page; Crumbs are what it is below.
	Title  string
	Crumbs []crumb
	// Here is the entry of the navigation: the name of a kind, "home", "import" …
	Here string
	// Plain leaves out navigation: sign-in and set-up.
	Plain bool
	Data  any

	// The rest is filled in by render.
	visit
	Nav    []navEntry
	Path   string
	Notice *notice
}

type crumb struct{ Name, At string }

// navEntry is a kind in the navigation.
type navEntry struct {
	Kind  *entity.Kind
	Count int
}

// mainKinds is how many kinds the navigation has, beside those that have entities.
const mainKinds = 3

// render answers with a page; its main part alone, where htmx asks for it.
func (r *request) render(status int, name string, p page) error {
	p.visit, p.Path = r.visit, r.URL.Path
	root := "layout"
	switch {
	case r.Header.Get("HX-Request") != "":
		root = "main"
	case r.Principal != nil && !p.Plain:
		tallies, err := r.Library.Tallies(r.Context(), r.caller(), r.Now())
		if err != nil && status < http.StatusInternalServerError { // else it is what failed
			return err
		}
		p.Notice = r.told()
		for i, k := range r.Library.Registry().Kinds() {
			if n := tallies[k.Name].Active; n > 0 || i < mainKinds {
				p.Nav = append(p.Nav, navEntry{k, n})
			}
		}
	}
	var b bytes.Buffer
	if err := r.templates[name].ExecuteTemplate(&b, root, p); err != nil {
		return fmt.Errorf("console: page %s: %w", name, err)
	}
	h := r.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Vary", "Accept-Encoding, HX-Request")
	content := b.Bytes()
	if httpx.AcceptsGzip(r.Request) {
		if packed := pack(content); packed != nil {
			h.Set("Content-Encoding", "gzip")
			content = packed
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(content)))
	r.w.WriteHeader(status)
	_, _ = r.w.Write(content) // an error of the connection is nobody's to handle
	return nil
}

// parse reads the templates: each page with the layout and the shared parts.
func (c *Console) parse() map[string]*template.Template {
	shared := template.Must(template.New("").Funcs(c.functions()).ParseFS(templateFiles, "templates/layout.html", "templates/parts.html"))
	pages := map[string]*template.Template{}
	files, err := templateFiles.ReadDir("templates")
	if err != nil {
		panic(fmt.Sprintf("console: %v", err))
	}
	for _, f := range files {
		name := strings.TrimSuffix(f.Name(), path.Ext(f.Name()))
		pages[name] = template.Must(template.Must(shared.Clone()).ParseFS(templateFiles, "templates/"+f.Name()))
	}
	return pages
}

func (c *Console) functions() template.FuncMap {
	return template.FuncMap{
		"file":          c.fileURL,
		"icon":          func(name string) template.HTML { return svg(c.fileURL("icons.svg"), name) },
		"kindIcon":      c.kindIcon,
		"isPersona":     func(k *entity.Kind) bool { return k == c.Library.PersonaKind() },
		"list":          listURL,
		"entity":        entityURL,
		"plural":        plural,
		"sentence":      sentence,
		"count":         count,
		"verb":          verb,
		"initials":      initials,
		"tile":          tile,
		"when":          func(at time.Time) template.HTML { return when(c.Now(), at) },
		"dict":          dict,
		"humane":        humane,
		"answers":       func() []string { return []string{string(qualify.Yes), string(qualify.No), string(qualify.Unknown)} },
		"blankQuestion": func() entity.Question { return entity.Question{FitType: entity.FitGood, Weight: entity.WeightMedium} },
		"isURL":         isURL,
		"isActive":      isActive,
		"marked":        marked,
		"startsWith":    func(s, start string) bool { return strings.HasPrefix(strings.ToLower(s), strings.ToLower(start)) },
		"role":          role,
		"add":           func(a, b int) int { return a + b },
	}
}

// kindIcon is the icon of a kind by its name; kinds that nobody drew for share one.
func (c *Console) kindIcon(kind string) template.HTML {
	icon := "shapes"
	if k, err := c.Library.Registry().Kind(kind); err == nil && k.Icon != "" {
		icon = k.Icon
	}
	return svg(c.fileURL("icons.svg"), icon)
}

// svg is an icon. Both names are ours.
func svg(sprite, name string) template.HTML {
	return template.HTML(`<svg class="icon" aria-hidden="true"><use href="` + sprite + `#` + name + `"/></svg>`)
}

// when is a time as people say it, with the exact one.
func when(now, at time.Time) template.HTML {
	at = at.UTC()
	return template.HTML(`<time datetime="` + at.Format(time.RFC3339) + `" title="` + at.Format("2 January 2006, 15:04:05 MST") + `">` + ago(now, at) + `</time>`)
}

// count is a number with what it counts.
func count(n int, one, many string) string {
	if n == 1 {
		many = one
	}
	return strconv.Itoa(n) + " " + many
}

// initials are those of a user.
func initials(a account.Author) string {
	return firstRunes(a.FirstName, 1) + firstRunes(a.LastName, 1)
}

// tile is the two letters of an entity.
func tile(name string) string { return firstRunes(name, 2) }

func firstRunes(s string, n int) string {
	at := 0
	for range n {
		_, size := utf8.DecodeRuneInString(s[at:])
		at += size
	}
	return s[:at]
}

// dict makes a map of names and values, for a template that needs several.
func dict(pairs ...any) map[string]any {
	m := make(map[string]any, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		m[pairs[i].(string)] = pairs[i+1]
	}
	return m
}

// isURL tells whether a text is the address of a page, to be linked.
func isURL(s string) bool {
	return (strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "http://")) && !strings.ContainsAny(s, " \n\t")
}

// isActive tells whether an entity is switched on.
func isActive(k *entity.Kind, e *entity.Entity) bool {
	return k.Field("active") == nil || e.Bool("active") || e.OID == ""
}

// marked shows the words of a snippet that were searched for.
func marked(snippet string) template.HTML {
	var b strings.Builder
	for i, text := range strings.Split(template.HTMLEscapeString(snippet), "**") {
		if i%2 == 1 {
			text = "<mark>" + text + "</mark>"
		}
		b.WriteString(text)
	}
	return template.HTML(b.String())
}
