package library

import (
	"context"
	"strings"
	"time"

	"personae.dev/internal/persona"
	"personae.dev/internal/search"
)

// Limits of lists.
const (
	DefaultLimit = 10
	MaxLimit     = 1000
	// MaxSearchWords is how many different words a search may have.
	MaxSearchWords = 64
	// MaxPageBytes bounds the texts of a page: it is read into memory whole.
	MaxPageBytes = 32 << 20
)

// ListRequest says what to list.
type ListRequest struct {
	// Query is what to find; its Words and AuthorOID are set here.
	Query persona.Query
	// Text is searched for; "" for every persona.
	Text string
	// Mine leaves out what the user of the caller's key did not write.
	Mine bool
	// Whole asks for whole personas, and for no documents.
	Whole bool
	// Faults are those of the request's form.
	Faults persona.Faults
}

// Listed is a page, with the document of each of its personas.
type Listed struct {
	*persona.Page
	Documents []*Document
}

// ListPersonas returns a page of the personas of the caller's workspace.
func (l *Library) ListPersonas(ctx context.Context, caller Caller, request ListRequest) (*Listed, error) {
	if err := require(caller, persona.ScopeRead); err != nil {
		return nil, err
	}
	q, faults := request.Query, request.Faults
	q.MaxBytes = MaxPageBytes
	if q.Limit < 1 || q.Limit > MaxLimit {
		faults.Add("limit", "is %d: use 1 to %d", q.Limit, MaxLimit)
	}
	if q.Offset < 0 {
		faults.Add("offset", "is %d: use 0 or more", q.Offset)
	}
	q.Words = search.Words(request.Text)
	if len(q.Words) > MaxSearchWords {
		faults.Add("text", "has %d different words, and %d are allowed", len(q.Words), MaxSearchWords)
	}
	if q.Order == persona.ByRank && len(q.Words) == 0 {
		q.Order, q.Descending = persona.ByCreatedAt, true
	}
	if q.Order == persona.ByRank && q.After != nil {
		faults.Add("cursor", "does not go with the order of a search: name an orderField, or use offset")
	}
	if at := q.After; at != nil && (!persona.ValidID(at.OID) || len(persona.CheckText("name", at.Name, 0, persona.MaxNameLength)) > 0) {
		faults.Add("cursor", "is not one that this server gave: send nextCursor as it came, or cursor= for the first page")
	}
	if err := persona.InvalidFields(faults.List()); err != nil {
		return nil, err
	}
	if strings.TrimSpace(request.Text) != "" && len(q.Words) == 0 {
		return &Listed{Page: &persona.Page{}}, nil // a text without a letter or digit occurs nowhere
	}
	for _, oID := range []string{q.ProductOID, q.PlaybookOID} {
		if oID != "" && !persona.ValidID(oID) {
			return &Listed{Page: &persona.Page{}}, nil // nothing has such an id
		}
	}
	if request.Mine {
		q.AuthorOID = caller.UserOID()
	}
	if request.Whole {
		page, err := l.store.List(ctx, caller.WorkspaceOID(), q)
		return &Listed{Page: page}, err
	}
	return l.listDocuments(ctx, caller.WorkspaceOID(), q)
}

// listDocuments reads of a page only what the cache does not have in the version
// that the page has. No two versions of a persona have the same updatedAt.
func (l *Library) listDocuments(ctx context.Context, workspaceOID string, q persona.Query) (*Listed, error) {
	known := map[string]*Document{}
	look, trusted := l.personas.Look()
	if trusted {
		q.Have = func(oID string, updatedAt time.Time) bool {
			doc, ok := look.Get(personaKey{workspaceOID, oID})
			if ok = ok && doc.updatedAt.Equal(updatedAt); ok {
				known[oID] = doc
			}
			return ok
		}
	}
	page, err := l.store.List(ctx, workspaceOID, q)
	if err != nil {
		return nil, err
	}
	listed := &Listed{Page: page, Documents: make([]*Document, len(page.Personas))}
	for i, p := range page.Personas {
		doc := known[p.OID]
		if doc == nil {
			if doc, err = l.document(p); err != nil {
				return nil, err
			}
			if trusted {
				look.Keep(personaKey{workspaceOID, p.OID}, doc)
			}
		}
		listed.Documents[i] = doc
	}
	return listed, nil
}

// PersonaNow returns a persona as it is, past the cache, for those who want
// more than a Document shows.
func (l *Library) PersonaNow(ctx context.Context, caller Caller, oID string) (*persona.Persona, error) {
	if err := require(caller, persona.ScopeRead); err != nil {
		return nil, err
	}
	if !persona.ValidID(oID) {
		return nil, persona.PersonaNotFound()
	}
	return l.store.Persona(ctx, caller.WorkspaceOID(), oID)
}

// Revisions returns a page of the history of a persona, newest first.
func (l *Library) Revisions(ctx context.Context, caller Caller, personaOID string, limit, offset int) (*persona.RevisionPage, error) {
	if err := require(caller, persona.ScopeRead); err != nil {
		return nil, err
	}
	var faults persona.Faults
	if limit < 1 || limit > MaxLimit {
		faults.Add("limit", "is %d: use 1 to %d", limit, MaxLimit)
	}
	if offset < 0 {
		faults.Add("offset", "is %d: use 0 or more", offset)
	}
	if err := persona.InvalidFields(faults.List()); err != nil {
		return nil, err
	}
	if _, err := l.PersonaNow(ctx, caller, personaOID); err != nil {
		return nil, err
	}
	return l.store.Revisions(ctx, caller.WorkspaceOID(), personaOID, persona.RevisionQuery{Limit: limit, Offset: offset, MaxBytes: MaxPageBytes})
}

// Revision returns one change of a persona of the caller's workspace.
func (l *Library) Revision(ctx context.Context, caller Caller, oID string) (*persona.Revision, error) {
	if err := require(caller, persona.ScopeRead); err != nil {
		return nil, err
	}
	if !persona.ValidID(oID) {
		return nil, persona.RevisionNotFound()
	}
	return l.store.Revision(ctx, caller.WorkspaceOID(), oID)
}

// ListKeys returns the keys of the caller's workspace, oldest first, to a key
// that may administer it.
func (l *Library) ListKeys(ctx context.Context, caller Caller) ([]persona.APIKey, error) {
	if err := require(caller, persona.ScopeAdmin); err != nil {
		return nil, err
	}
	return l.store.APIKeys(ctx, caller.WorkspaceOID())
}
