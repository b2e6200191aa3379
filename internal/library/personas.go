package library

import (
	"context"
	"time"

	"personae.dev/internal/etag"
	"personae.dev/internal/persona"
)

// Document is one version of a persona, ready to be sent. It is shared: treat it
// as read-only.
type Document struct {
	// Body is what Config.Render made.
	Body []byte
	// ETag is a strong entity tag in its quotes. It depends on the
	// persona alone: every server gives the same, and it changes when the persona
	// does.
	ETag string
	// updatedAt tells versions of a persona apart.
	updatedAt time.Time
}

// documentBytes is what a Document takes in memory beside its texts.
const documentBytes = 64

// bytes is what d takes in memory: that comes in sizes of which each is up to an
// eighth larger than the one before.
func (d *Document) bytes() int { return documentBytes + len(d.Body) + len(d.Body)/16 + len(d.ETag) }

// Persona returns the persona of the caller's workspace with this id, deleted
// or not. Its errors are of kind Invalid, Forbidden and NotFound.
func (l *Library) Persona(ctx context.Context, caller *persona.Credential, oID string) (*Document, error) {
	if err := require(caller, persona.ScopeRead); err != nil {
		return nil, err
	}
	if oID == "" {
		return nil, persona.InvalidFields([]persona.Fault{{Field: "oId", Message: "must not be empty: name a persona, as in ?oId=pe_…"}})
	}
	return l.personas.Get(ctx, personaKey{caller.Workspace.OID, oID}, l.loadPersona)
}

func (l *Library) loadPersona(ctx context.Context, key personaKey) (*Document, error) {
	if !persona.ValidID(key.oID) {
		return nil, persona.PersonaNotFound()
	}
	p, err := l.store.Persona(ctx, key.workspaceOID, key.oID)
	if err != nil {
		return nil, err
	}
	return l.document(p)
}

// document returns the document of p.
func (l *Library) document(p *persona.Persona) (*Document, error) {
	body, err := l.render(p)
	if err != nil {
		return nil, err
	}
	return newDocument(body, p), nil
}

// newDocument returns the document of p.
func newDocument(body []byte, p *persona.Persona) *Document {
	return &Document{Body: body, ETag: etag.Of(body, p), updatedAt: p.UpdatedAt}
}
