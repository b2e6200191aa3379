package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"personae.dev/apitype"
)

// Written is what a call that changes a persona returns: the persona as it is
// now.
type Written struct {
	Metadata apitype.Metadata
	Persona  apitype.Persona
	// ETag is the entity tag of this version, for IfMatch.
	ETag string
	// Replayed tells that CreatePersona made nothing: Persona is what was made by
	// the first call with the same IdempotencyKey, as it was then.
	Replayed bool
}

// CreatePersona makes a persona, whose author is the user of the key. The
// server gives it its id. With the option IdempotencyKey it makes no second one
// when a connection fails. The key needs the scope write, as for all that
// follows here.
func (c *Client) CreatePersona(ctx context.Context, p NewPersona, options ...Option) (*Written, error) {
	create := call{method: http.MethodPost, path: "/persona/create"}.with(options)
	create.idempotent = create.header.Get("Idempotency-Key") != ""
	return c.write(ctx, create, p)
}

// UpdatePersona changes the fields that patch gives, and leaves the others. A
// patch that changes nothing makes no revision. A deleted persona is not
// changed: the error has the code persona_deleted.
//
// Without IfMatch the last of two writers wins. After a connection that failed
// it is not known whether the change was made: read the persona, or send the
// change again with IfMatch.
func (c *Client) UpdatePersona(ctx context.Context, oID string, patch PersonaPatch, options ...Option) (*Written, error) {
	body := struct {
		OID string `json:"oId"`
		PersonaPatch
	}{oID, patch}
	return c.write(ctx, call{method: http.MethodPost, path: "/persona/update"}.with(options), body)
}

// DeletePersona marks a persona as deleted. It can still be read and restored
// until the server purges it, 30 days later where its operator says nothing
// else. A second time changes nothing.
func (c *Client) DeletePersona(ctx context.Context, oID string, options ...Option) (*Written, error) {
	remove := call{method: http.MethodDelete, path: "/persona/delete"}
	remove.setQuery("oId", oID)
	remove = remove.with(options)
	// With If-Match a second time would be refused, because of the first.
	remove.idempotent = remove.header.Get("If-Match") == ""
	var answer apitype.DeletePersonaResponse
	header, err := c.do(ctx, remove, &answer)
	if err != nil {
		return nil, err
	}
	return &Written{Metadata: answer.Metadata, Persona: answer.Persona, ETag: header.Get("Etag")}, nil
}

// reference is the body of the calls that only name what they act on.
type reference struct {
	OID         string `json:"oId"`
	RevisionOID string `json:"revisionOId,omitempty"`
	QuestionOID string `json:"questionOId,omitempty"`
}

// ArchivePersona marks a persona as archived: it is kept, and left out of lists
// that do not ask for it. A second time changes nothing.
func (c *Client) ArchivePersona(ctx context.Context, oID string, options ...Option) (*Written, error) {
	return c.write(ctx, call{method: http.MethodPost, path: "/persona/archive"}.with(options), reference{OID: oID})
}

// RestorePersona undoes ArchivePersona and DeletePersona.
func (c *Client) RestorePersona(ctx context.Context, oID string, options ...Option) (*Written, error) {
	return c.write(ctx, call{method: http.MethodPost, path: "/persona/restore"}.with(options), reference{OID: oID})
}

// RevertPersona makes a persona what it was after one of its earlier revisions.
// That is a new revision, and none is lost.
func (c *Client) RevertPersona(ctx context.Context, oID, revisionOID string, options ...Option) (*Written, error) {
	return c.write(ctx, call{method: http.MethodPost, path: "/persona/restore"}.with(options), reference{OID: oID, RevisionOID: revisionOID})
}

// UpdateQuestion changes one qualifying question of a persona, and leaves the
// others. The option QuestionIDs of GetPersona tells the ids.
func (c *Client) UpdateQuestion(ctx context.Context, oID, questionOID string, patch QuestionPatch, options ...Option) (*Written, error) {
	body := struct {
		reference
		QuestionPatch
	}{reference{OID: oID, QuestionOID: questionOID}, patch}
	return c.write(ctx, call{method: http.MethodPost, path: "/persona/question/update"}.with(options), body)
}

// ArchiveQuestion marks one qualifying question as no longer asked.
func (c *Client) ArchiveQuestion(ctx context.Context, oID, questionOID string, options ...Option) (*Written, error) {
	return c.write(ctx, call{method: http.MethodPost, path: "/persona/question/archive"}.with(options), reference{OID: oID, QuestionOID: questionOID})
}

// RestoreQuestion undoes ArchiveQuestion.
func (c *Client) RestoreQuestion(ctx context.Context, oID, questionOID string, options ...Option) (*Written, error) {
	return c.write(ctx, call{method: http.MethodPost, path: "/persona/question/restore"}.with(options), reference{OID: oID, QuestionOID: questionOID})
}

// write makes a call with a body that is answered with a persona under "data".
func (c *Client) write(ctx context.Context, call call, body any) (*Written, error) {
	var err error
	if call.body, err = json.Marshal(body); err != nil {
		return nil, fmt.Errorf("client: %s %s: %w", call.method, call.path, err)
	}
	var answer apitype.PersonaResponse
	header, err := c.do(ctx, call, &answer)
	if err != nil {
		return nil, err
	}
	return &Written{
		Metadata: answer.Metadata, Persona: answer.Data, ETag: header.Get("Etag"),
		Replayed: header.Get("Idempotency-Replayed") == "true",
	}, nil
}
