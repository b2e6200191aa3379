package api

import (
	"net/http"
	"strings"

	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/httpx"
	"personae.dev/internal/library"
)

// resource is the calls of one kind of entity.
type resource struct {
	*API
	kind *entity.Kind
}

// routes lists the calls of the kind. Those that old clients know under the
// plural of its name answer there, too.
func (s resource) routes() []httpx.Route {
	name := s.kind.Name + "/"
	routes := []httpx.Route{
		getRoute(name+"get", s.get),
		writeRoute(http.MethodPost, name+"update", s.update),
		writeRoute(http.MethodPut, name+"update", s.update), // the vendor's n8n node sends PUT
		writeRoute(http.MethodPatch, name+"update", s.update),
	}
	if !s.kind.Singleton {
		routes = append(routes,
			listRoute(name+"list", s.list),
			writeRoute(http.MethodPost, name+"create", s.create),
			writeRoute(http.MethodDelete, name+"delete", s.delete),
		)
	}
	if s.kind.Generates {
		routes = append(routes, s.generateRoute(name))
	}
	if !s.kind.Singleton {
		for _, route := range routes {
			route.Path = strings.Replace(route.Path, "/"+name, "/"+s.kind.PathPlural()+"/", 1)
			routes = append(routes, route)
		}
		routes = append(routes,
			writeRoute(http.MethodPost, name+"archive", s.archive),
			writeRoute(http.MethodPost, name+"restore", s.restore),
		)
	}
	if only := s.kind.Only; only != "" {
		routes = append(routes, writeRoute(http.MethodPost, name+"toggle-"+only, s.makeOnly))
	}
	if s.kind.QuestionsField() != nil {
		routes = append(routes,
			writeRoute(http.MethodPost, name+"question/update", s.updateQuestion),
			writeRoute(http.MethodPost, name+"question/archive", s.archiveQuestion),
			writeRoute(http.MethodPost, name+"question/restore", s.restoreQuestion),
		)
	}
	return routes
}

// get answers GET KIND/get.
func (s resource) get(w http.ResponseWriter, r *http.Request) error {
	q := readQuery(r)
	oID := ""
	if !s.kind.Singleton {
		oID = q.required("oId")
	}
	include := q.choices("include", includeQuestionIDs, includeLinks)
	asPack, pack := readPack(q)
	if err := q.err(); err != nil {
		return err
	}
	if asPack {
		return s.getPack(w, r, oID, pack)
	}
	doc, err := s.Library.Get(r.Context(), callerOf(r), s.kind, oID, library.GetOptions{
		Fresh: wantsFresh(r), QuestionIDs: include[includeQuestionIDs], Links: include[includeLinks],
	})
	if err != nil {
		return err
	}
	// A client may keep the answer, and must ask each time whether it still holds.
	w.Header().Set("Cache-Control", "private, no-cache")
	if doc.ETag != "" {
		w.Header().Set("Etag", doc.ETag)
		if httpx.NoneMatch(r, doc.ETag) {
			w.WriteHeader(http.StatusNotModified)
			return nil
		}
	}
	if s.kind.Singleton {
		return httpx.WriteWrapped(w, r, message(q, nil), doc.Body)
	}
	return httpx.WriteFlat(w, r, message(q, nil), doc.Body)
}

// wantsFresh tells whether the client refuses what a cache has.
func wantsFresh(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Cache-Control"), "no-cache")
}

// create answers POST KIND/create.
func (s resource) create(w http.ResponseWriter, r *http.Request) error {
	q := readQuery(r)
	questionIDs, strict := q.questionIDs(), q.truth("strictLinks")
	body, err := httpx.JSONBody(r)
	if err != nil {
		return err
	}
	patch, errors := s.kind.Decode(body, entity.Mode{Create: true, N8n: fromN8n(r)})
	unknown := patch.Unknown
	if patch.OID != "" {
		unknown = append(unknown, "oId") // the server makes it
	}
	written, err := s.Library.Create(r.Context(), callerOf(r), s.kind, library.Create{
		Patch: patch, Errors: errs.JoinAll(q.errors.Fields(), errors),
		IdempotencyKey: r.Header.Get("Idempotency-Key"), Body: body, StrictLinks: strict,
	})
	if err != nil {
		return err
	}
	if s.kind.Created != nil {
		return s.writeCreated(w, r, writtenMessage(q, unknown, written), written, questionIDs)
	}
	return s.writeWrapped(w, r, writtenMessage(q, unknown, written), written, questionIDs)
}

// update answers POST, PUT and PATCH KIND/update. PATCH is a merge patch of RFC
// 7396.
func (s resource) update(w http.ResponseWriter, r *http.Request) error {
	q := readQuery(r)
	questionIDs, strict := q.questionIDs(), q.truth("strictLinks")
	body, err := httpx.JSONBody(r)
	if err != nil {
		return err
	}
	patch, errors := s.kind.Decode(body, entity.Mode{Merge: r.Method == http.MethodPatch, N8n: fromN8n(r)})
	target := targetOf(r, patch.OID, errs.JoinAll(q.errors.Fields(), errors))
	target.StrictLinks = strict
	written, err := s.Library.Update(r.Context(), callerOf(r), s.kind, target, patch)
	if err != nil {
		return err
	}
	return s.writeWrapped(w, r, writtenMessage(q, patch.Unknown, written), written, questionIDs)
}

// targetOf is the entity that a request with these errors is to change. An
// If-Match that is sent empty names no version, and so matches none.
func targetOf(r *http.Request, oID string, errors []errs.Field) library.Target {
	tags, sent := r.Header["If-Match"]
	target := library.Target{OID: oID, IfMatch: strings.Join(tags, ", "), Errors: errors}
	if sent && strings.TrimSpace(target.IfMatch) == "" {
		target.IfMatch = `""`
	}
	return target
}

// delete answers DELETE KIND/delete.
func (s resource) delete(w http.ResponseWriter, r *http.Request) error {
	q := readQuery(r)
	oID, questionIDs := q.required("oId"), q.questionIDs()
	written, err := s.Library.Delete(r.Context(), callerOf(r), s.kind, targetOf(r, oID, q.errors.Fields()))
	if err != nil {
		return err
	}
	body, err := s.shown(written, questionIDs)
	if err != nil {
		return err
	}
	if body, err = appendLinkedFrom(body, written.Linking); err != nil {
		return err
	}
	setHeaders(w, written)
	return httpx.WriteFlat(w, r, writtenMessage(q, nil, written), body)
}

// archive answers POST KIND/archive.
func (s resource) archive(w http.ResponseWriter, r *http.Request) error {
	return s.act(w, r, func(_ map[string]string, target library.Target) (*library.Written, error) {
		return s.Library.Archive(r.Context(), callerOf(r), s.kind, target)
	})
}

// restore answers POST KIND/restore: it undoes archiving and deletion, or brings
// an earlier revision back.
func (s resource) restore(w http.ResponseWriter, r *http.Request) error {
	return s.act(w, r, func(body map[string]string, target library.Target) (*library.Written, error) {
		if revisionOID := body["revisionOId"]; revisionOID != "" {
			return s.Library.Revert(r.Context(), callerOf(r), s.kind, target, revisionOID)
		}
		return s.Library.Restore(r.Context(), callerOf(r), s.kind, target)
	}, "revisionOId")
}

// makeOnly answers POST KIND/toggle-FIELD.
func (s resource) makeOnly(w http.ResponseWriter, r *http.Request) error {
	return s.act(w, r, func(_ map[string]string, target library.Target) (*library.Written, error) {
		return s.Library.MakeOnly(r.Context(), callerOf(r), s.kind, target)
	})
}

// updateQuestion answers POST KIND/question/update.
func (s resource) updateQuestion(w http.ResponseWriter, r *http.Request) error {
	return s.act(w, r, func(body map[string]string, target library.Target) (*library.Written, error) {
		sent := func(name string) *string {
			if value, ok := body[name]; ok {
				return &value
			}
			return nil
		}
		return s.Library.UpdateQuestion(r.Context(), callerOf(r), s.kind, target, body["questionOId"], library.QuestionPatch{
			Question: sent("question"), Rationale: sent("rationale"), FitType: sent("fitType"), Weight: sent("weight"),
		})
	}, "questionOId", "question", "rationale", "fitType", "weight")
}

// archiveQuestion answers POST KIND/question/archive.
func (s resource) archiveQuestion(w http.ResponseWriter, r *http.Request) error {
	return s.act(w, r, func(body map[string]string, target library.Target) (*library.Written, error) {
		return s.Library.ArchiveQuestion(r.Context(), callerOf(r), s.kind, target, body["questionOId"])
	}, "questionOId")
}

// restoreQuestion answers POST KIND/question/restore.
func (s resource) restoreQuestion(w http.ResponseWriter, r *http.Request) error {
	return s.act(w, r, func(body map[string]string, target library.Target) (*library.Written, error) {
		return s.Library.RestoreQuestion(r.Context(), callerOf(r), s.kind, target, body["questionOId"])
	}, "questionOId")
}

// act reads a body of texts, oId and those that are named, does what they ask
// for, and answers the entity.
func (s resource) act(w http.ResponseWriter, r *http.Request, do func(map[string]string, library.Target) (*library.Written, error), names ...string) error {
	q := readQuery(r)
	questionIDs := q.questionIDs()
	data, err := httpx.JSONBody(r)
	if err != nil {
		return err
	}
	body, unknown, errors := entity.DecodeTexts(data, append(names, "oId")...)
	written, err := do(body, targetOf(r, body["oId"], errs.JoinAll(q.errors.Fields(), errors)))
	if err != nil {
		return err
	}
	return s.writeWrapped(w, r, writtenMessage(q, unknown, written), written, questionIDs)
}

// writeWrapped answers what a change left, under "data".
func (s resource) writeWrapped(w http.ResponseWriter, r *http.Request, message string, written *library.Written, questionIDs bool) error {
	body, err := s.shown(written, questionIDs)
	if err != nil {
		return err
	}
	setHeaders(w, written)
	return httpx.WriteWrapped(w, r, message, body)
}

// shown returns an entity as it is published, or with the ids of its questions.
func (s resource) shown(written *library.Written, questionIDs bool) ([]byte, error) {
	if !questionIDs {
		return written.Body, nil
	}
	return s.Library.WithQuestionIDs(s.kind, written)
}

func setHeaders(w http.ResponseWriter, written *library.Written) {
	h := w.Header()
	h.Set("Etag", written.ETag)
	h.Set("Cache-Control", "no-store")
	if written.Replayed {
		h.Set("Idempotency-Replayed", "true")
	}
}
