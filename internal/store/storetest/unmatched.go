package storetest

import (
	"context"
	"testing"
	"time"

	"personae.dev/internal/entity"
)

func (s suite) testUnmatched(t *testing.T) {
	l := s.library(t)
	title := func(name string, count int, at time.Time) entity.UnmatchedTitle {
		return entity.UnmatchedTitle{Title: name, Count: count, LastAt: at}
	}
	write := func(fn func(context.Context, entity.Tx) error) {
		t.Helper()
		l.MustWrite(t, fn)
	}
	add := func(workspace string, titles ...entity.UnmatchedTitle) {
		t.Helper()
		write(func(ctx context.Context, tx entity.Tx) error { return tx.AddUnmatched(ctx, workspace, titles) })
	}
	want := func(what, workspace string, limit, offset, total int, want ...entity.UnmatchedTitle) {
		t.Helper()
		same(t, what, want, must[[]entity.UnmatchedTitle](t)(l.Unmatched(t.Context(), workspace, limit, offset)))
		same(t, what, total, must[int](t)(l.CountUnmatched(t.Context(), workspace)))
	}
	later := Day.Add(time.Hour)
	add("wa_1", title("a", 1, Day), title("b", 3, Day), title("é", 3, Day))
	add("wa_2", title("b", 7, Day))
	add("wa_1", title("a", 4, later), title("b", 1, Day.Add(-time.Hour)))
	a, b, c := title("a", 5, later), title("b", 4, Day), title("é", 3, Day)
	want("all", "wa_1", 10, 0, 3, a, b, c)
	want("a page", "wa_1", 1, 1, 3, b)
	write(func(ctx context.Context, tx entity.Tx) error {
		return tx.DropUnmatched(ctx, "wa_1", []string{"b", "none"})
	})
	want("without b", "wa_1", 10, 0, 2, a, c)
	want("the other workspace", "wa_2", 10, 0, 1, title("b", 7, Day))
	add("wa_1", title("d", 3, later))
	write(func(ctx context.Context, tx entity.Tx) error { return tx.KeepUnmatched(ctx, "wa_1", 2) })
	want("the most frequent", "wa_1", 10, 0, 2, a, title("d", 3, later))
	write(func(ctx context.Context, tx entity.Tx) error { return tx.PurgeUnmatched(ctx, later) })
	want("purged", "wa_2", 10, 0, 0)
	want("kept", "wa_1", 10, 0, 2, a, title("d", 3, later))
}

func (s suite) testVersions(t *testing.T) {
	l := s.library(t)
	second, first := l.Persona("pe_1", "second"), l.Persona("pe_2", "first")
	l.Insert(t, first, second,
		l.Persona("pe_3", "archived", func(s *entity.Stored) { s.ArchivedAt = new(Day) }),
		l.Persona("pe_4", "deleted", func(s *entity.Stored) { s.DeletedAt = new(Day) }),
		l.Persona("px_1", "product", func(s *entity.Stored) { s.Kind = "product" }),
		l.Persona("pe_5", "theirs", func(s *entity.Stored) { s.Workspace = l.Other.OID }))
	want := []entity.Version{{OID: "pe_2", Tag: first.Tag}, {OID: "pe_1", Tag: second.Tag}}
	same(t, "versions", want, must[[]entity.Version](t)(l.Versions(t.Context(), l.Workspace.OID, "persona")))
}
