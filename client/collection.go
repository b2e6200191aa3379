package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"personae.dev/apitype"
)

// Collection has the calls of one kind of entity: T is what the API answers, In
// what a create or an update sends. Client.Personas is one.
type Collection[T, In any] struct {
	c    *Client
	kind string
}

// Of returns the calls of a kind by its name, such as "persona", with types of
// the caller's own. Clients of the usual types need it not: see Kinds.
func Of[T, In any](c *Client, kind string) *Collection[T, In] { return &Collection[T, In]{c, kind} }

// Answer is what a call on one entity returns.
type Answer[T any] struct {
	Metadata apitype.Metadata
	// Entity is the entity as it is now.
	Entity T
	// ETag names this version, for IfMatch and IfChanged.
	ETag string
	// Replayed tells that Create made nothing: Entity is what an earlier create
	// with the same IdempotencyKey made, as it was then.
	Replayed bool
	// Links are the links of the entity, where a get has the option WithLinks.
	Links *apitype.Links
	// LinkedFrom lists the entities that still link to a deleted one.
	LinkedFrom []apitype.Link
}

// flat is an entity whose fields stand beside "_metadata".
type flat[T any] struct {
	head struct {
		Metadata   apitype.Metadata `json:"_metadata"`
		Links      *apitype.Links   `json:"links"`
		LinkedFrom []apitype.Link   `json:"linkedFrom"`
	}
	entity T
}

// UnmarshalJSON implements json.Unmarshaler.
func (f *flat[T]) UnmarshalJSON(b []byte) error {
	if err := json.Unmarshal(b, &f.head); err != nil {
		return err
	}
	return json.Unmarshal(b, &f.entity)
}

// wrapped is an entity under "data".
type wrapped[T any] struct {
	Metadata apitype.Metadata `json:"_metadata"`
	Data     T                `json:"data"`
}

// Get returns the entity with this id in the workspace of the key, also an
// archived or deleted one. IsNotFound is true for the error where there is none.
// The key needs the scope read.
func (k *Collection[T, In]) Get(ctx context.Context, oID string, options ...Option) (*Answer[T], error) {
	get := call{method: http.MethodGet, path: k.path("get"), idempotent: true}
	get.query = map[string][]string{"oId": {oID}} // also an empty one, which the server refuses
	return k.flat(ctx, get.with(options))
}

// Create makes an entity, whose author is the user of the key. The server gives
// it its id. Whatever happens to the connection, one call makes one entity. The
// key needs the scope write, as for all calls that change something.
func (k *Collection[T, In]) Create(ctx context.Context, in In, options ...Option) (*Answer[T], error) {
	create := call{method: http.MethodPost, path: k.path("create"), idempotent: true}.with(options)
	if create.header.Get("Idempotency-Key") == "" {
		header("Idempotency-Key", rand.Text())(&create)
	}
	return k.wrapped(ctx, create, in)
}

// Update changes the fields that in gives, and leaves the others; the option
// Clear takes values away. An update that changes nothing makes no revision. A
// deleted entity is not changed: the code of the error ends in "_deleted".
//
// Without IfMatch the last of two writers wins. After a connection that failed it
// is not known whether the change was made: read the entity, or send the change
// again with IfMatch.
func (k *Collection[T, In]) Update(ctx context.Context, oID string, in In, options ...Option) (*Answer[T], error) {
	return k.wrapped(ctx, call{method: http.MethodPost, path: k.path("update")}.with(options), in, member{"oId", oID})
}

// Patch changes an entity by a merge patch (RFC 7396): null takes a value away,
// objects are merged, any other value replaces what is there. patch is anything
// that is encoded as a JSON object.
func (k *Collection[T, In]) Patch(ctx context.Context, oID string, patch any, options ...Option) (*Answer[T], error) {
	return k.wrapped(ctx, call{method: http.MethodPatch, path: k.path("update")}.with(options), patch, member{"oId", oID})
}

// Delete marks an entity as deleted. It can be read and restored until the server
// purges it, after 30 days unless its operator has chosen another time. A second
// call changes nothing.
func (k *Collection[T, In]) Delete(ctx context.Context, oID string, options ...Option) (*Answer[T], error) {
	remove := call{method: http.MethodDelete, path: k.path("delete")}
	remove.query = map[string][]string{"oId": {oID}}
	remove = remove.with(options)
	// With If-Match a second request would be refused because of the first.
	remove.idempotent = remove.header.Get("If-Match") == ""
	return k.flat(ctx, remove)
}

// Archive marks an entity as archived: it is kept, and left out of lists that do
// not ask for it. A second call changes nothing.
func (k *Collection[T, In]) Archive(ctx context.Context, oID string, options ...Option) (*Answer[T], error) {
	return k.post(ctx, "archive", options, member{"oId", oID})
}

// Restore undoes Archive and Delete.
func (k *Collection[T, In]) Restore(ctx context.Context, oID string, options ...Option) (*Answer[T], error) {
	return k.post(ctx, "restore", options, member{"oId", oID})
}

// Revert makes an entity what it was after one of its revisions. That is a new
// revision: none is lost.
func (k *Collection[T, In]) Revert(ctx context.Context, oID, revisionOID string, options ...Option) (*Answer[T], error) {
	return k.post(ctx, "restore", options, member{"oId", oID}, member{"revisionOId", revisionOID})
}

// UpdateQuestion changes one qualifying question, and leaves the others. A get
// with the option QuestionIDs has the ids.
func (k *Collection[T, In]) UpdateQuestion(ctx context.Context, oID, questionOID string, in apitype.QuestionInput, options ...Option) (*Answer[T], error) {
	update := call{method: http.MethodPost, path: k.path("question/update")}.with(options)
	return k.wrapped(ctx, update, in, member{"oId", oID}, member{"questionOId", questionOID})
}

// ArchiveQuestion marks one qualifying question as no longer asked.
func (k *Collection[T, In]) ArchiveQuestion(ctx context.Context, oID, questionOID string, options ...Option) (*Answer[T], error) {
	return k.post(ctx, "question/archive", options, member{"oId", oID}, member{"questionOId", questionOID})
}

// RestoreQuestion undoes ArchiveQuestion.
func (k *Collection[T, In]) RestoreQuestion(ctx context.Context, oID, questionOID string, options ...Option) (*Answer[T], error) {
	return k.post(ctx, "question/restore", options, member{"oId", oID}, member{"questionOId", questionOID})
}

func (k *Collection[T, In]) path(verb string) string { return "/" + k.kind + "/" + verb }

// flat makes a call that is answered with the fields of an entity.
func (k *Collection[T, In]) flat(ctx context.Context, call call) (*Answer[T], error) {
	var answer flat[T]
	header, err := k.c.do(ctx, call, &answer)
	if err != nil {
		return nil, err
	}
	return &Answer[T]{
		Metadata: answer.head.Metadata, Entity: answer.entity, ETag: header.Get("Etag"),
		Links: answer.head.Links, LinkedFrom: answer.head.LinkedFrom,
	}, nil
}

// post makes a call whose body has only members.
func (k *Collection[T, In]) post(ctx context.Context, verb string, options []Option, members ...member) (*Answer[T], error) {
	return k.wrapped(ctx, call{method: http.MethodPost, path: k.path(verb)}.with(options), struct{}{}, members...)
}

// wrapped makes a call with a body that is answered with an entity under "data".
func (k *Collection[T, In]) wrapped(ctx context.Context, call call, body any, members ...member) (*Answer[T], error) {
	for _, field := range call.clear {
		members = append(members, member{field, nil})
	}
	var err error
	if call.body, err = encode(body, members); err != nil {
		return nil, fmt.Errorf("client: %s %s: %w", call.method, call.path, err)
	}
	var answer wrapped[T]
	header, err := k.c.do(ctx, call, &answer)
	if err != nil {
		return nil, err
	}
	return &Answer[T]{
		Metadata: answer.Metadata, Entity: answer.Data, ETag: header.Get("Etag"),
		Replayed: header.Get("Idempotency-Replayed") == "true",
	}, nil
}

// member is a name of a JSON object with its value.
type member struct {
	name  string
	value any
}

// encode returns the JSON object of body, with members before its own.
func encode(body any, members []member) ([]byte, error) {
	object, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(object, []byte("{")) {
		return nil, errors.New("the body is not a JSON object")
	}
	out := []byte("{")
	for _, m := range members {
		name, err := json.Marshal(m.name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(m.value)
		if err != nil {
			return nil, err
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(append(out, name...), ':'), value...)
	}
	if len(out) > 1 && len(object) > len("{}") {
		out = append(out, ',')
	}
	return append(out, object[1:]...), nil
}
