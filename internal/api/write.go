package api

import (
	"net/http"
	"strings"

	"personae.dev/internal/httpx"
	"personae.dev/internal/library"
	"personae.dev/internal/persona"
	"personae.dev/internal/wire"
)

// createPersona answers POST /api/v2/persona/create.
func (a *API) createPersona(w *httpx.ResponseWriter, r *http.Request, caller library.Caller) error {
	q := readQuery(r)
	questionIDs := q.questionIDs()
	data, err := readBody(r)
	if err != nil {
		return err
	}
	oID, patch, unknown, faults := wire.DecodePatch(data)
	if oID != "" {
		unknown = append(unknown, "oId") // ours to give
	}
	faults = bearWithN8n(r, patch, faults)
	written, err := a.library.CreatePersona(r.Context(), caller, library.Create{
		Patch: patch, Faults: persona.JoinAll(q.faults.List(), faults), IdempotencyKey: r.Header.Get("Idempotency-Key"), Body: data,
	})
	if err != nil {
		return err
	}
	return writeWrapped(w, message(q, unknown), written, questionIDs)
}

// updatePersona answers POST, PUT and PATCH /api/v2/persona/update. PATCH is a
// merge patch of RFC 7396.
func (a *API) updatePersona(w *httpx.ResponseWriter, r *http.Request, caller library.Caller) error {
	q := readQuery(r)
	questionIDs := q.questionIDs()
	data, err := readBody(r)
	if err != nil {
		return err
	}
	decode := wire.DecodePatch
	if r.Method == http.MethodPatch {
		decode = wire.DecodeMergePatch
	}
	oID, patch, unknown, faults := decode(data)
	faults = persona.JoinAll(q.faults.List(), bearWithN8n(r, patch, faults))
	written, err := a.library.UpdatePersona(r.Context(), caller, target(r, oID, faults), patch)
	if err != nil {
		return err
	}
	return writeWrapped(w, message(q, unknown), written, questionIDs)
}

// bearWithN8n reads a body as the vendor's n8n node means it: it sends "", []
// and {} for every input that its user left alone, and would wipe the persona if
// it were taken to the letter. It returns the faults that are left.
func bearWithN8n(r *http.Request, patch *persona.Patch, faults []persona.Fault) []persona.Fault {
	if r.Header.Get("X-Request-Source") != "n8n" {
		return faults
	}
	return patch.IgnoreEmpty(faults)
}

// target is the persona that a request with these faults is to change. An
// If-Match that is sent empty names no version, and so matches none.
func target(r *http.Request, oID string, faults []persona.Fault) library.Target {
	tags, sent := r.Header["If-Match"]
	target := library.Target{OID: oID, IfMatch: strings.Join(tags, ", "), Faults: faults}
	if sent && strings.TrimSpace(target.IfMatch) == "" {
		target.IfMatch = `""`
	}
	return target
}

// deletePersona answers DELETE /api/v2/persona/delete.
func (a *API) deletePersona(w *httpx.ResponseWriter, r *http.Request, caller library.Caller) error {
	q := readQuery(r)
	oID, questionIDs := q.oID(), q.questionIDs()
	written, err := a.library.DeletePersona(r.Context(), caller, target(r, oID, q.faults.List()))
	if err != nil {
		return err
	}
	return writeFlat(w, q.message(), written, questionIDs)
}

// archivePersona answers POST /api/v2/persona/archive.
func (a *API) archivePersona(w *httpx.ResponseWriter, r *http.Request, caller library.Caller) error {
	return a.act(w, r, func(_ wire.Reference, target library.Target) (*library.Written, error) {
		return a.library.ArchivePersona(r.Context(), caller, target)
	}, "oId")
}

// restorePersona answers POST /api/v2/persona/restore: it undoes archiving and
// deletion, or brings back an earlier revision.
func (a *API) restorePersona(w *httpx.ResponseWriter, r *http.Request, caller library.Caller) error {
	return a.act(w, r, func(ref wire.Reference, target library.Target) (*library.Written, error) {
		if ref.RevisionOID != "" {
			return a.library.RevertPersona(r.Context(), caller, target, ref.RevisionOID)
		}
		return a.library.RestorePersona(r.Context(), caller, target)
	}, "oId", "revisionOId")
}

// updateQuestion answers POST /api/v2/persona/question/update.
func (a *API) updateQuestion(w *httpx.ResponseWriter, r *http.Request, caller library.Caller) error {
	return a.act(w, r, func(ref wire.Reference, target library.Target) (*library.Written, error) {
		return a.library.UpdateQuestion(r.Context(), caller, target, ref.QuestionOID, library.QuestionPatch{
			Question: ref.Question, Rationale: ref.Rationale, FitType: ref.FitType, Weight: ref.Weight,
		})
	}, "oId", "questionOId", "question", "rationale", "fitType", "weight")
}

// archiveQuestion answers POST /api/v2/persona/question/archive.
func (a *API) archiveQuestion(w *httpx.ResponseWriter, r *http.Request, caller library.Caller) error {
	return a.act(w, r, func(ref wire.Reference, target library.Target) (*library.Written, error) {
		return a.library.ArchiveQuestion(r.Context(), caller, target, ref.QuestionOID)
	}, "oId", "questionOId")
}

// restoreQuestion answers POST /api/v2/persona/question/restore.
func (a *API) restoreQuestion(w *httpx.ResponseWriter, r *http.Request, caller library.Caller) error {
	return a.act(w, r, func(ref wire.Reference, target library.Target) (*library.Written, error) {
		return a.library.RestoreQuestion(r.Context(), caller, target, ref.QuestionOID)
	}, "oId", "questionOId")
}

// act reads a body of some fields of a wire.Reference, does what they ask for,
// and answers the persona.
func (a *API) act(w *httpx.ResponseWriter, r *http.Request, do func(wire.Reference, library.Target) (*library.Written, error), fields ...string) error {
	q := readQuery(r)
	questionIDs := q.questionIDs()
	data, err := readBody(r)
	if err != nil {
		return err
	}
	ref, unknown, faults := wire.DecodeReference(data, fields...)
	written, err := do(ref, target(r, ref.OID, persona.JoinAll(q.faults.List(), faults)))
	if err != nil {
		return err
	}
	return writeWrapped(w, message(q, unknown), written, questionIDs)
}
