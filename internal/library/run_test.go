package library_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"personae.dev/internal/library"
	"personae.dev/internal/persona"
)

// full is a store of keys, to which nothing can be written.
type full struct {
	persona.Store
	digests map[string]persona.Digest // by the key's id
}

func (f full) Epoch() (uint64, bool)      { return 0, true }
func (f full) Watch(func(persona.Change)) {}

func (f full) Write(context.Context, func(persona.Tx) error) error { return errors.New("disk is full") }

func (f full) Credential(_ context.Context, keyOID string) (*persona.Credential, error) {
	return &persona.Credential{
		Key: persona.APIKey{OID: keyOID, Digest: f.digests[keyOID]},
	}, nil
}

// stuckStore is one whose database another program holds.
type stuckStore struct{ full }

func (stuckStore) Write(ctx context.Context, _ func(persona.Tx) error) error {
	<-ctx.Done()
	return ctx.Err()
}

// TestRunTellsOfLastUses: what could not be written at the end is told, once, and not
// that the end broke off what was being written.
func TestRunTellsOfLastUses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		token, digest := persona.NewToken()
		lib, err := library.New(library.Config{Store: stuckStore{full{digests: map[string]persona.Digest{token.KeyOID(): digest}}}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := lib.Authenticate(t.Context(), token.Reveal()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var failed []error
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			lib.Run(ctx, library.Background{Failed: func(err error) {
				if strings.Contains(err.Error(), "last used") {
					failed = append(failed, err)
				}
			}})
		}()
		time.Sleep(time.Minute + time.Second) //nolint:forbidigo // in a synctest bubble
		cancel()
		<-ended
		if len(failed) != 1 || !errors.Is(failed[0], context.DeadlineExceeded) {
			t.Errorf("told of %v, want once, when there was no more time", failed)
		}
	})
}

// TestRunPausesAfterFailure: where there is much to write, which cannot be
// written, it is tried again once a minute and not at once.
func TestRunPausesAfterFailure(t *testing.T) {
	t.Parallel()
	const (
		many    = 150_000
		minutes = 5
	)
	store := full{digests: map[string]persona.Digest{}}
	tokens := make([]string, many)
	for i := range tokens {
		token, digest := persona.NewToken()
		tokens[i], store.digests[token.KeyOID()] = token.Reveal(), digest
	}
	synctest.Test(t, func(t *testing.T) {
		lib, err := library.New(library.Config{Store: store})
		if err != nil {
			t.Fatal(err)
		}
		for _, token := range tokens {
			if _, err := lib.Authenticate(t.Context(), token); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		failed := 0
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			lib.Run(ctx, library.Background{Failed: func(err error) {
				if !strings.Contains(err.Error(), "last used") {
					return
				}
				if failed++; failed > minutes+1 {
					cancel() // or it would never end
				}
			}})
		}()
		time.Sleep(minutes*time.Minute + time.Second) //nolint:forbidigo // in a synctest bubble
		synctest.Wait()
		if want := minutes + 1; failed != want { // one at once, as there are many
			t.Errorf("it failed %d times in %d minutes, want %d", failed, minutes, want)
		}
		cancel()
		<-ended
	})
}
