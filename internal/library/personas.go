package library

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"time"

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

// etagBytes of SHA-256: no two versions of a persona will ever collide.
const etagBytes = 16

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

// newDocument returns the document of p. Its tag depends on what the body does
// not show, too: links, and the ids of questions.
func newDocument(body []byte, p *persona.Persona) *Document {
	hash := sha256.New()
	hash.Write(body)
	hidden := append([]string{string(p.Links.Offerings)}, p.Links.OfferingOIDs...)
	hidden = append(append(hidden, "playbooks"), p.Links.PlaybookOIDs...)
	if p.Links.PrimaryOfferingOID != nil {
		hidden = append(hidden, "primary", *p.Links.PrimaryOfferingOID)
	}
	for _, q := range p.QualifyingQuestions {
		hidden = append(hidden, "question", q.OID)
	}
	for _, text := range hidden {
		fmt.Fprintf(hash, "\n%d %s", len(text), text)
	}
	return &Document{Body: body, ETag: `"` + base64.RawURLEncoding.EncodeToString(hash.Sum(nil)[:etagBytes]) + `"`, updatedAt: p.UpdatedAt}
}
