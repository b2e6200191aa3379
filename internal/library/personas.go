package library

import (
	"context"
	"sync"
	"time"

	"personae.dev/internal/etag"
	"personae.dev/internal/persona"
)

// Document is one version of a persona, ready to be sent. It is shared: treat it
// as read-only, and call Done at the end.
type Document struct {
	// Body is what Config.Render made.
	Body []byte
	// ETag is a strong entity tag in its quotes. It depends on the
	// persona alone: every server gives the same, and it changes when the persona
	// does.
	ETag string
	// updatedAt tells versions of a persona apart.
	updatedAt time.Time
	// loose is set where no cache has the document: its memory can be used again.
	loose bool
}

// documentBytes is what a Document takes in memory beside its texts.
const documentBytes = 64

// bytes is what d takes in memory: that comes in sizes of which each is up to an
// eighth larger than the one before.
func (d *Document) bytes() int { return documentBytes + len(d.Body) + len(d.Body)/16 + len(d.ETag) }

// Persona returns the persona of the caller's workspace with this id, deleted
// or not. Its errors are of kind Invalid, Forbidden and NotFound.
func (l *Library) Persona(ctx context.Context, caller Caller, oID string) (*Document, error) {
	if err := require(caller, persona.ScopeRead); err != nil {
		return nil, err
	}
	if oID == "" {
		return nil, persona.InvalidFields([]persona.Fault{{Field: "oId", Message: "must not be empty: name a persona, as in ?oId=pe_…"}})
	}
	return l.personas.Get(ctx, personaKey{caller.WorkspaceOID(), oID}, l.loadPersona)
}

func (l *Library) loadPersona(ctx context.Context, key personaKey) (*Document, error) {
	if !persona.ValidID(key.oID) {
		return nil, persona.PersonaNotFound()
	}
	var d *Document
	err := l.store.ViewPersona(ctx, key.workspaceOID, key.oID, func(p *persona.Persona) error {
		d = looseDocuments.Get().(*Document)
		return d.show(p, l.render)
	})
	if err != nil {
		return nil, err // and d, if there is one, is garbage
	}
	return d, nil
}

// looseDocuments are those that were sent, to be used again: most of what is read
// of a large library is not asked for a second time.
var looseDocuments = sync.Pool{New: func() any { return &Document{loose: true} }}

// maxLoose is how large a body may be whose memory is used again.
const maxLoose = 64 << 10

// Done tells that the document is needed no more. It is not needed to be told,
// but makes no garbage of a document that no cache has.
func (d *Document) Done() {
	if d.loose && cap(d.Body) <= maxLoose {
		looseDocuments.Put(d)
	}
}

// show makes d show p, in the memory of what it showed before.
func (d *Document) show(p *persona.Persona, render func([]byte, *persona.Persona) ([]byte, error)) error {
	body, err := render(d.Body[:0], p)
	if err != nil {
		return err
	}
	d.Body, d.ETag, d.updatedAt = body, etag.Of(body, p), p.UpdatedAt
	return nil
}

// kept returns the document as a cache keeps it, in no more memory than is
// counted.
func (d *Document) kept() *Document {
	if !d.loose && cap(d.Body)-len(d.Body) <= len(d.Body)/16 {
		return d
	}
	body := append(make([]byte, 0, len(d.Body)), d.Body...)
	return &Document{Body: body, ETag: d.ETag, updatedAt: d.updatedAt}
}

// document returns the document of p.
func (l *Library) document(p *persona.Persona) (*Document, error) {
	d := &Document{}
	if err := d.show(p, l.render); err != nil {
		return nil, err
	}
	return d, nil
}
