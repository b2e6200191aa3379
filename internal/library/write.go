package library

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"personae.dev/internal/persona"
)

const (
	// IdempotencyLasts is how long an idempotency key stands for its first
	// answer.
	IdempotencyLasts = 24 * time.Hour
	// MaxIdempotencyKey is how many characters such a key may have.
	MaxIdempotencyKey = 255
)

// Written is a persona after a change.
type Written struct {
	*Document
	// Persona is what the document shows.
	Persona *persona.Persona
	// Replayed tells that nothing was done, and that the document is the answer
	// to an earlier create with the same idempotency key.
	Replayed bool
}

// Create says how to create a persona.
type Create struct {
	Patch *persona.Patch
	// Faults are those of the body's form.
	Faults []persona.Fault
	// IdempotencyKey is "" for none. With it, the same key and Body, with the
	// same fields of it given, give the first answer again for IdempotencyLasts.
	IdempotencyKey string
	Body           []byte
}

// CreatePersona makes a persona, authored by the user of the caller's key.
func (l *Library) CreatePersona(ctx context.Context, caller Caller, create Create) (*Written, error) {
	if err := require(caller, persona.ScopeWrite); err != nil {
		return nil, err
	}
	now := l.now()
	p := &persona.Persona{
		WorkspaceOID: caller.WorkspaceOID(), OID: persona.NewID(persona.PersonaPrefix), Author: caller.User(),
		Active: true, CreatedAt: now, UpdatedAt: now,
	}
	create.Patch.Apply(p)
	faults := p.ValidateWith(persona.JoinAll(create.Faults, identifyQuestions(p, nil)))
	if create.IdempotencyKey != "" {
		faults = persona.JoinAll(faults, persona.CheckText("Idempotency-Key", create.IdempotencyKey, 1, MaxIdempotencyKey))
	}
	if err := persona.InvalidFields(faults); err != nil {
		return nil, err
	}
	written, err := l.Written(p)
	if err != nil {
		return nil, err
	}
	err = l.store.Write(ctx, func(tx persona.Tx) error {
		if create.IdempotencyKey != "" {
			first, err := l.firstAnswer(ctx, tx, caller, create, written)
			if err != nil || first != nil {
				written = first
				return err
			}
		}
		return tx.InsertPersonas(ctx, []*persona.Revision{revision(caller, p, persona.ActionCreated, now)})
	})
	if err != nil {
		return nil, err
	}
	return written, nil
}

// firstAnswer returns what was answered to a create with this key. Where there
// was none it notes written as the first, and returns nil.
func (l *Library) firstAnswer(ctx context.Context, tx persona.Tx, caller Caller, create Create, written *Written) (*Written, error) {
	now := l.now()
	// A body that n8n sends gives less than the same from another client.
	digest := sha256.Sum256(fmt.Append(slices.Clip(create.Body), slices.Sorted(maps.Keys(create.Patch.Given))))
	note := func() (*Written, error) {
		return nil, tx.PutFirstAnswer(ctx, &persona.FirstAnswer{
			WorkspaceOID: caller.WorkspaceOID(), Key: create.IdempotencyKey, PersonaOID: written.Persona.OID,
			BodyDigest: digest, Answer: written.Body, ETag: written.ETag, At: now,
		})
	}
	first, err := tx.FirstAnswer(ctx, caller.WorkspaceOID(), create.IdempotencyKey)
	switch {
	case persona.KindOf(err) == persona.NotFound:
		return note()
	case err != nil:
		return nil, err
	case first.At.Before(now.Add(-IdempotencyLasts)): // Purge has yet to remove it
		return note()
	case first.BodyDigest != digest:
		return nil, persona.Conflictf(persona.CodeKeyReused, "The Idempotency-Key was used for another create in the last 24 hours: send a new key with a new body.")
	}
	// What was made then is in the history, with what its document does not show.
	newest, err := tx.Revisions(ctx, first.WorkspaceOID, first.PersonaOID, persona.RevisionQuery{Limit: 1})
	if err != nil {
		return nil, err
	}
	oldest, err := tx.Revisions(ctx, first.WorkspaceOID, first.PersonaOID, persona.RevisionQuery{Limit: 1, Offset: max(newest.Total-1, 0)})
	if err != nil {
		return nil, err
	}
	if len(oldest.Revisions) == 0 { // the persona was purged since the look for the key
		return note()
	}
	made := oldest.Revisions[0]
	p := *made.Persona
	p.Author = made.User
	return &Written{Document: &Document{Body: first.Answer, ETag: first.ETag}, Persona: &p, Replayed: true}, nil
}

// identifyQuestions gives an id to every question of p that has none: that of
// the same question in before, or else a new one. The faults that it returns
// are of ids that before does not have: they are ours to give, or an import's.
func identifyQuestions(p, before *persona.Persona) []persona.Fault {
	var there []persona.QualifyingQuestion
	if before != nil {
		there = before.QualifyingQuestions
	}
	var faults persona.Faults
	used := map[string]bool{}
	for i, q := range p.QualifyingQuestions {
		used[q.OID] = true
		if q.OID != "" && !slices.ContainsFunc(there, func(old persona.QualifyingQuestion) bool { return old.OID == q.OID }) {
			faults.Add(fmt.Sprintf("qualifyingQuestions[%d].oId", i), "is of no question of this persona: leave it out for a new one")
		}
	}
	p.QualifyingQuestions = slices.Clone(p.QualifyingQuestions)
	for i := range p.QualifyingQuestions {
		q := &p.QualifyingQuestions[i]
		if q.OID != "" {
			continue
		}
		q.OID = persona.NewID(persona.QuestionPrefix)
		for _, old := range there {
			if old.Question == q.Question && !used[old.OID] {
				q.OID = old.OID
				break
			}
		}
		used[q.OID] = true
	}
	return faults.List()
}

// Target names the persona to change.
type Target struct {
	OID string
	// IfMatch is the header If-Match, "" for none: the change is made only where
	// it names the persona's present ETag, or is "*".
	IfMatch string
	// Faults are those of the request's form.
	Faults []persona.Fault
}

// need adds the fault that an id is missing. What could not be read names
// nothing, and that is its only fault.
func (t *Target) need(field, oID, message string) {
	if oID == "" && !slices.ContainsFunc(t.Faults, func(f persona.Fault) bool { return f.Field == "body" || f.Field == field }) {
		t.Faults = persona.JoinAll(t.Faults, []persona.Fault{{Field: field, Message: message}})
	}
}

// UpdatePersona changes the fields that patch gives. A deleted persona is not
// changed.
func (l *Library) UpdatePersona(ctx context.Context, caller Caller, target Target, patch *persona.Patch) (*Written, error) {
	target.Faults = patch.ValidateWith(target.Faults)
	return l.change(ctx, caller, target, persona.ActionUpdated, func(_ persona.Tx, p *persona.Persona) ([]persona.Fault, error) {
		if err := refuseDeleted(p); err != nil {
			return nil, err
		}
		before := *p
		patch.Apply(p)
		return identifyQuestions(p, &before), nil
	})
}

// DeletePersona marks a persona as deleted; it can be restored until it is
// purged. A second time changes nothing.
func (l *Library) DeletePersona(ctx context.Context, caller Caller, target Target) (*Written, error) {
	return l.change(ctx, caller, target, persona.ActionDeleted, func(_ persona.Tx, p *persona.Persona) ([]persona.Fault, error) {
		l.mark(&p.DeletedAt)
		return nil, nil
	})
}

// ArchivePersona marks a persona as archived: it is kept, and left out of
// lists. A second time changes nothing.
func (l *Library) ArchivePersona(ctx context.Context, caller Caller, target Target) (*Written, error) {
	return l.change(ctx, caller, target, persona.ActionArchived, func(_ persona.Tx, p *persona.Persona) ([]persona.Fault, error) {
		if err := refuseDeleted(p); err != nil {
			return nil, err
		}
		l.mark(&p.ArchivedAt)
		return nil, nil
	})
}

// RestorePersona undoes archiving and deletion.
func (l *Library) RestorePersona(ctx context.Context, caller Caller, target Target) (*Written, error) {
	return l.change(ctx, caller, target, persona.ActionRestored, func(_ persona.Tx, p *persona.Persona) ([]persona.Fault, error) {
		p.ArchivedAt, p.DeletedAt = nil, nil
		return nil, nil
	})
}

// RevertPersona makes a persona what it was after an earlier revision, as a new
// one.
func (l *Library) RevertPersona(ctx context.Context, caller Caller, target Target, revisionOID string) (*Written, error) {
	return l.change(ctx, caller, target, persona.ActionReverted, func(tx persona.Tx, p *persona.Persona) ([]persona.Fault, error) {
		if !persona.ValidID(revisionOID) {
			return nil, persona.RevisionNotFound()
		}
		r, err := tx.Revision(ctx, caller.WorkspaceOID(), revisionOID)
		if err != nil {
			return nil, err
		}
		if r.PersonaOID != p.OID {
			return []persona.Fault{{Field: "revisionOId", Message: "is a revision of another persona"}}, nil
		}
		author, updated := p.Author, p.UpdatedAt
		*p = *r.Persona
		p.Author, p.UpdatedAt = author, updated
		p.DeletedAt = nil // who brings it back wants it
		return nil, nil
	})
}

func (l *Library) mark(at **time.Time) {
	if *at == nil {
		now := l.now()
		*at = &now
	}
}

func refuseDeleted(p *persona.Persona) error {
	if p.DeletedAt == nil {
		return nil
	}
	return persona.Conflictf(persona.CodePersonaDeleted, "The persona is deleted, and cannot be changed: restore it first, with persona/restore.")
}

// change is every change of a persona that is there: it makes change on a copy,
// and if that makes a difference, writes persona, links, search index and
// revision in one transaction. A request that has faults of its own is told all
// that are known, whatever became of the persona.
func (l *Library) change(ctx context.Context, caller Caller, target Target, action persona.Action,
	change func(persona.Tx, *persona.Persona) ([]persona.Fault, error),
) (*Written, error) {
	if err := require(caller, persona.ScopeWrite); err != nil {
		return nil, err
	}
	target.need("oId", target.OID, "must name the persona")
	if !persona.ValidID(target.OID) {
		return nil, cmp.Or(persona.InvalidFields(target.Faults), error(persona.PersonaNotFound()))
	}
	var written *Written
	changed := func() {}
	defer func() { changed() }()
	err := l.store.Write(ctx, func(tx persona.Tx) error {
		existing, err := tx.Persona(ctx, caller.WorkspaceOID(), target.OID)
		if err != nil {
			return err
		}
		// Even if nothing comes of it: the answer tells what the persona is now,
		// and on another server it may have changed.
		changed = l.personas.Changing(personaKey{caller.WorkspaceOID(), target.OID})
		before, err := l.Written(existing)
		if err != nil {
			return err
		}
		if !matches(target.IfMatch, before.ETag) {
			return &persona.Error{
				Kind: persona.Precondition, Code: persona.CodePersonaChanged, ETag: before.ETag,
				Message: "The persona is no longer the one that If-Match names: read it again, and repeat the change on what it is now.",
			}
		}
		next := *existing
		faults, err := change(tx, &next)
		if err != nil {
			return err
		}
		if err := persona.InvalidFields(next.ValidateWith(persona.Join(target.Faults, faults))); err != nil {
			return err
		}
		if next.Equal(existing) {
			written = before
			return nil
		}
		now := l.now()
		next.UpdatedAt = after(existing.UpdatedAt, now)
		if written, err = l.Written(&next); err != nil {
			return err
		}
		if err := tx.ReplacePersona(ctx, &next); err != nil {
			return err
		}
		return tx.InsertRevision(ctx, revision(caller, &next, action, now))
	})
	switch persona.KindOf(err) {
	case persona.NotFound, persona.Conflict, persona.Precondition:
		err = cmp.Or(persona.InvalidFields(target.Faults), err)
	}
	if err != nil {
		return nil, err
	}
	return written, nil
}

// after returns now, or the next moment after before where that is later: the
// clock was turned back, or a date ahead was imported. No version has the
// updatedAt of another, nor one before it, until the last date that there is.
func after(before, now time.Time) time.Time {
	if next := before.Add(time.Millisecond); next.After(now) && next.Year() <= 9999 {
		return next
	}
	return now
}

// Written returns p with the document that shows it.
func (l *Library) Written(p *persona.Persona) (*Written, error) {
	doc, err := l.document(p)
	return &Written{Document: doc, Persona: p}, err
}

func revision(caller Caller, p *persona.Persona, action persona.Action, at time.Time) *persona.Revision {
	return &persona.Revision{
		OID: persona.NewID(persona.RevisionPrefix), PersonaOID: p.OID, Action: action, At: at,
		User: caller.User(), KeyOID: caller.KeyOID(), Persona: p,
	}
}

// matches tells whether If-Match allows a change of what has the ETag.
// Comparison is strong, as RFC 9110 wants it: W/ never matches.
func matches(ifMatch, etag string) bool {
	if ifMatch == "" || strings.TrimSpace(ifMatch) == "*" {
		return true
	}
	return slices.ContainsFunc(strings.Split(ifMatch, ","), func(tag string) bool { return strings.TrimSpace(tag) == etag })
}
