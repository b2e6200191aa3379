package api

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"

	"personae.dev/internal/contextpack"
	"personae.dev/internal/httpx"
)

// packOptions say what a context pack has.
type packOptions struct {
	links  bool
	tokens int
}

// readPack reads the parameters of a context pack, and tells whether one is asked
// for.
func readPack(q *query) (asked bool, o packOptions) {
	asked = q.choice("format", "json", "markdown") == "markdown"
	o.links = q.choice("with", "", "links") == "links"
	o.tokens = q.number("maxTokens", contextpack.DefaultTokens)
	if o.tokens < contextpack.MinTokens || o.tokens > contextpack.MaxTokens {
		q.errors.Add("maxTokens", "is %d: use %d to %d", o.tokens, contextpack.MinTokens, contextpack.MaxTokens)
	}
	if !asked {
		for _, name := range []string{"with", "maxTokens"} {
			if q.values.Get(name) != "" {
				q.errors.Add(name, "goes with format=markdown alone")
			}
		}
	} else if q.values.Get("include") != "" {
		q.errors.Add("include", "does not go with format=markdown: use with=links")
	}
	return asked, o
}

// getPack answers GET KIND/get?format=markdown: an entity, and what it links to,
// as one text.
func (s resource) getPack(w http.ResponseWriter, r *http.Request, oID string, o packOptions) error {
	around, err := s.Library.Around(r.Context(), callerOf(r), s.kind, oID, o.links)
	if err != nil {
		return err
	}
	defer around.Close()
	text := "(The " + s.kind.Title + " is not written yet.)\n"
	if around.Entity != nil {
		linked := make([]contextpack.Item, len(around.Linked))
		for i, l := range around.Linked {
			linked[i] = contextpack.Item{Kind: l.Kind, Entity: l.Entity, As: l.Field.Label}
		}
		text = contextpack.Markdown(contextpack.Item{Kind: s.kind, Entity: around.Entity}, linked, o.tokens)
	}
	sum := sha256.Sum256([]byte(text))
	etag := `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
	w.Header().Set("Cache-Control", "private, no-cache")
	w.Header().Set("Etag", etag)
	if httpx.NoneMatch(r, etag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return httpx.WriteText(w, "text/markdown", text)
}
