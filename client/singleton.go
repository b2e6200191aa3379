package client

import (
	"context"
	"iter"
	"net/http"

	"personae.dev/apitype"
)

// Singleton has the calls of a kind of which a workspace has one entity, such as
// Client.WorkspaceCompany.
type Singleton[T, In any] struct {
	c    *Client
	kind string
}

// SingletonOf returns the calls of such a kind by its name, with types of the
// caller's own.
func SingletonOf[T, In any](c *Client, kind string) *Singleton[T, In] {
	return &Singleton[T, In]{c, kind}
}

// Get returns the entity. Answer.Entity is nil until somebody has written it.
func (s *Singleton[T, In]) Get(ctx context.Context, options ...Option) (*Answer[*T], error) {
	get := call{method: http.MethodGet, path: "/" + s.kind + "/get", idempotent: true}
	var answer wrapped[*T]
	header, err := s.c.do(ctx, get.with(options), &answer)
	if err != nil {
		return nil, err
	}
	return &Answer[*T]{Metadata: answer.Metadata, Entity: answer.Data, ETag: header.Get("Etag")}, nil
}

// Update changes the fields that in gives, and makes the entity where there is
// none yet. See Collection.Update.
func (s *Singleton[T, In]) Update(ctx context.Context, in In, options ...Option) (*Answer[T], error) {
	update := call{method: http.MethodPost, path: "/" + s.kind + "/update"}.with(options)
	return Of[T, In](s.c, s.kind).wrapped(ctx, update, in)
}

// Revisions iterates over the history of the entity, newest first.
func (s *Singleton[T, In]) Revisions(ctx context.Context) iter.Seq2[apitype.Revision, error] {
	return s.c.Revisions(ctx, RevisionOptions{Kinds: []string{s.kind}, Restored: true})
}
