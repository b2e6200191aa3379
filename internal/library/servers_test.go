package library_test

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/library"
)

// server is a second server on the database of a fixture, with caches of its own.
type server struct {
	*library.Library
	f     *fixture
	mu    sync.Mutex
	looks []string
}

func another(t *testing.T, f *fixture) *server {
	t.Helper()
	s := &server{f: f}
	var err error
	s.Library, err = library.New(library.Config{
		Store: f.store, Registry: f.Registry(), CacheBytes: 1 << 20, Now: func() time.Time { return f.now },
		ObserveCache: func(cache string, hit bool) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.looks = append(s.looks, fmt.Sprintf("%s %t", cache, hit))
		},
	})
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return s
}

// want fails the test unless a get gives the name, with these looks into caches.
func (s *server) want(t *testing.T, what, token, oID, name string, looks ...string) {
	t.Helper()
	s.looks = nil
	caller, err := s.Authenticate(t.Context(), token)
	if err != nil {
		t.Fatalf("%s: Authenticate: %v", what, err)
	}
	document, err := s.Get(t.Context(), library.Caller{Principal: caller}, s.f.persona, oID, library.GetOptions{})
	if err != nil {
		t.Fatalf("%s: Get: %v", what, err)
	}
	if got := names(t, &library.Listed{Documents: [][]byte{document.Body}}, nil)[0]; got != name {
		t.Errorf("%s: the name is %q, want %q", what, got, name)
	}
	if diff := cmp.Diff(looks, s.looks); diff != "" {
		t.Errorf("%s: looks into caches (-want +got):\n%s", what, diff)
	}
}

// TestServers shows that what one server changed is seen by others within a
// second, and at once past the cache.
func TestServers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setup(t)
		ctx := t.Context()
		const keyHit, keyMiss, hit, miss = "keys true", "keys false", "documents true", "documents false"
		const second = 900 * time.Millisecond
		token := f.tokenOf(t, f.workspace, f.member)
		oID := f.create(t, `{"name":"one"}`).Entity.OID
		s := another(t, f)
		s.want(t, "at first", token, oID, "one", keyMiss, miss)
		f.update(t, oID, `{"name":"two"}`)
		elapse(second - time.Millisecond)
		s.want(t, "just before", token, oID, "one", keyHit, hit)
		elapse(time.Millisecond)
		s.want(t, "just afterwards", token, oID, "two", keyMiss, miss)

		update := func(ifMatch, body string) (*library.Written, error) {
			return s.Update(ctx, f.caller, f.persona, library.Target{OID: oID, IfMatch: ifMatch}, patch(t, f.persona, body, entity.Mode{}))
		}
		f.update(t, oID, `{"name":"three"}`)
		_, err := update(`"x"`, `{}`)
		wantCode(t, "If-Match", err, errs.Precondition, "persona_changed")
		s.want(t, "after a 412, which told of it", token, oID, "three", keyHit, miss)
		f.update(t, oID, `{"name":"four"}`)
		if written, err := update("", `{}`); err != nil || written.Entity.Text("name") != "four" {
			t.Errorf("an update of nothing: %+v, %v", written, err)
		}
		s.want(t, "after an update of nothing, which told of it", token, oID, "four", keyHit, miss)
		f.update(t, oID, `{"name":"five"}`)
		for range 2 {
			if e, err := s.Entity(ctx, f.caller, f.persona, oID); err != nil || e.Text("name") != "five" {
				t.Errorf("past the cache: %+v, %v", e, err)
			}
		}
		s.want(t, "after it was read past the cache", token, oID, "five", keyHit, miss)

		if _, err := f.RevokeKey(ctx, token); err != nil {
			t.Fatal(err)
		}
		s.want(t, "with a key that was just revoked", token, oID, "five", keyHit, hit)
		elapse(second)
		_, err = s.Authenticate(ctx, token)
		wantCode(t, "with a key that was revoked", err, errs.Unauthorized, errs.CodeUnauthorized)
	})
}
