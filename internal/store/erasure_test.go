package store_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"personae.dev/internal/entity"
	"personae.dev/internal/search"
	"personae.dev/internal/store"
	"personae.dev/internal/store/storetest"
)

// TestErasure purges entities with changes, links, revisions and idempotency
// records, in which there are 2,000 random markers: after Compact none of them is
// in any file.
func TestErasure(t *testing.T) {
	t.Parallel()
	path := made(t)
	s := open(t, path, store.Options{})
	random := rand.New(rand.NewPCG(1, 2))
	var markers []string
	marker := func() string {
		const letters = "abcdefghijklmnopqrstuvwxyz"
		text := make([]byte, 16)
		for i := range text {
			text[i] = letters[random.IntN(len(letters))]
		}
		markers = append(markers, string(text))
		return string(text)
	}
	const others, purged = 900, 250
	content := func(s *entity.Stored, text func() string) {
		name, title, rest, target := text(), text(), text(), text()
		s.Name, s.Document, s.Hidden = name, fmt.Appendf(nil, `{"name":%q,"title":%q,"rest":%q,"size":"%0*d"}`, name, title, rest, random.IntN(9000), 0), fmt.Appendf(nil, `{"link":%q}`, target)
		s.Links = []entity.Link{{Field: "offering", Target: target}}
		s.Words = search.Cut(search.Texts{Whole: []string{name}, Names: []string{name}, Titles: []string{title}, Rest: []string{rest}})
		storetest.Seal(s)
	}
	var gone []entity.Ref
	var kept []*entity.Stored
	n := 0
	for i := range others + purged {
		isPurged := i%((others+purged)/purged) == 0 && len(gone) < purged
		oID := fmt.Sprintf("pe_%d", i)
		text := func() string { n++; return fmt.Sprintf("word%d", n) }
		if isPurged {
			oID, text = marker(), marker
			gone = append(gone, simple(oID).Ref)
		}
		first := simple(oID, func(s *entity.Stored) { content(s, text) })
		if !isPurged {
			if kept = append(kept, first); len(kept) == 10 {
				insert(t, s, kept...)
				kept = nil
			}
			continue
		}
		write(t, s, func(ctx context.Context, tx entity.Tx) error {
			if err := add(ctx, tx, first); err != nil {
				return err
			}
			changed := simple(oID, func(s *entity.Stored) { content(s, text) })
			rev := &entity.Revision{RevisionOID: "rv" + oID, Action: entity.ActionUpdated, Author: changed.Author, Source: entity.SourceAPI, At: storetest.Day}
			if err := tx.Replace(ctx, changed, rev); err != nil {
				return err
			}
			return tx.PutIdempotency(ctx, &entity.Idempotency{Workspace: "wa_1", Key: text(), At: storetest.Day, Rows: []*entity.Row{&changed.Row}})
		})
	}
	if len(markers) < 2000 {
		t.Fatalf("there are %d markers", len(markers))
	}
	for len(gone) > 0 {
		some := gone[:min(50, len(gone))]
		gone = gone[len(some):]
		write(t, s, func(ctx context.Context, tx entity.Tx) error {
			for _, ref := range some {
				if err := tx.Purge(ctx, ref); err != nil {
					return err
				}
			}
			return nil
		})
	}
	left := func() (found int) {
		for _, suffix := range []string{"", "-wal", "-journal"} {
			content, err := os.ReadFile(path + suffix)
			if err != nil {
				continue
			}
			for _, marker := range markers {
				if bytes.Contains(content, []byte(marker)) {
					found++
				}
			}
		}
		return found
	}
	before := left()
	check(t, s.Compact(t.Context()))
	if n := left(); n > 0 || before == 0 {
		t.Errorf("of %d markers %d were found before, and %d are found afterwards", len(markers), before, n)
	}
	if n := count(t, s); n != others {
		t.Errorf("there are %d entities, want %d", n, others)
	}
	insert(t, s, simple("pe_after"))
	check(t, s.Close())
	if n := left(); n > 0 {
		t.Errorf("%d markers are found after the end", n)
	}
}
