package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"personae.dev/internal/persona"
)

// revision returns the next change of p.
func (f *fixture) revision(oID string, p *persona.Persona, action persona.Action) *persona.Revision {
	return &persona.Revision{OID: oID, PersonaOID: p.OID, Action: action, At: day.Add(time.Hour), User: f.member, KeyOID: "ak_1", Persona: p}
}

// note makes the personas of revisions what these left, one after the other.
func (f *fixture) note(t *testing.T, revisions ...*persona.Revision) {
	t.Helper()
	f.write(t, func(ctx context.Context, tx persona.Tx) error {
		for _, r := range revisions {
			if err := errors.Join(tx.ReplacePersona(ctx, r.Persona), tx.InsertRevision(ctx, r)); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s suite) testRevisions(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	ours, theirs, beside := f.full("pe_1"), f.persona("pe_1", "theirs"), f.persona("pe_2", "beside")
	theirs.WorkspaceOID = f.other.OID
	f.insert(t, ours, theirs, beside)
	bare := f.persona("pe_1", "bare")
	all := f.persona("pe_1", "all")
	all.Links = persona.Links{Offerings: persona.OfferingsAll}
	byCommand := f.revision("rv_3", all, persona.ActionImported)
	byCommand.KeyOID, byCommand.User, byCommand.At = "", f.owner, day.Add(-time.Hour) // whose time does not count
	given := []*persona.Revision{f.revision("rv_1", ours, persona.ActionCreated), f.revision("rv_2", bare, persona.ActionUpdated), byCommand}
	f.note(t, given[0], f.revision("rv_beside", beside, persona.ActionCreated), given[1], f.revision("rv_theirs", theirs, persona.ActionCreated), given[2])

	// want is what is read of them: newest first, with what was before.
	var want []*persona.Revision
	var before *persona.Persona
	for i, r := range given {
		same(t, "Number", i+1, r.Number)
		w, snapshot := *r, *r.Persona
		snapshot.Author = persona.User{}
		w.Persona, w.Before = &snapshot, before
		before = w.Persona
		want = append([]*persona.Revision{&w}, want...)
	}
	check := func(r persona.Reader, limit, offset int, want []*persona.Revision) {
		t.Helper()
		page, err := r.Revisions(t.Context(), f.workspace.OID, "pe_1", persona.RevisionQuery{Limit: limit, Offset: offset, MaxBytes: 1 << 20})
		if err != nil || page.Total != 3 || len(page.Revisions) != len(want) {
			t.Fatalf("Revisions: %+v, %v; want %d of 3", page, err, len(want))
		}
		same(t, "HasNext", offset+limit < 3, page.HasNext)
		for i := range want {
			same(t, want[i].OID, want[i], page.Revisions[i])
		}
	}
	check(f, 10, 0, want)
	check(f, 2, 0, want[:2])
	check(f, 2, 1, want[1:])
	check(f, 1, 2, want[2:])
	check(f, 10, 3, nil)
	f.write(t, func(_ context.Context, tx persona.Tx) error {
		check(tx, 10, 0, want)
		return nil
	})
	for _, w := range want {
		same(t, w.OID, w, must[*persona.Revision](t)(f.Revision(t.Context(), f.workspace.OID, w.OID)))
	}
	for _, unknown := range [][2]string{{f.other.OID, "rv_1"}, {f.workspace.OID, "rv_theirs"}, {f.workspace.OID, "RV_1"}, {f.workspace.OID, ""}, {"wa_unknown", "rv_1"}} {
		_, err := f.Revision(t.Context(), unknown[0], unknown[1])
		wantKind(t, fmt.Sprintf("Revision(%s, %s)", unknown[0], unknown[1]), err, persona.NotFound)
	}
	// A page has as many bytes as it may have: the row after it counts.
	large := f.persona("pe_2", "beside")
	large.PainPoints = []string{strings.Repeat("x", 10_000)}
	for i := range 5 {
		f.note(t, f.revision(fmt.Sprintf("rv_large_%d", i), large, persona.ActionUpdated))
	}
	for limit, fits := range map[int]bool{2: true, 3: false} { // the newest has no text of its own
		_, err := f.Revisions(t.Context(), f.workspace.OID, "pe_2", persona.RevisionQuery{Limit: limit, MaxBytes: 25_000})
		if !fits {
			wantCode(t, "a page that is too large", err, persona.CodePageTooLarge)
		} else if err != nil {
			t.Errorf("limit %d: %v", limit, err)
		}
	}
	_, err := f.List(t.Context(), f.workspace.OID, persona.Query{Limit: 10, MaxBytes: 10_000})
	wantCode(t, "a list that is too large", err, persona.CodePageTooLarge)
	if _, err := f.List(t.Context(), f.workspace.OID, persona.Query{Limit: 10, MaxBytes: 20_000}); err != nil {
		t.Errorf("List: %v", err)
	}
	for _, unknown := range [][2]string{{f.workspace.OID, "pe_3"}, {"wa_unknown", "pe_1"}, {f.other.OID, "pe_2"}} {
		page, err := f.Revisions(t.Context(), unknown[0], unknown[1], persona.RevisionQuery{Limit: 10})
		if err != nil || page.Total != 0 || len(page.Revisions) != 0 || page.HasNext {
			t.Errorf("Revisions(%q) = %+v, %v; want none", unknown, page, err)
		}
	}
	err = f.Write(t.Context(), func(tx persona.Tx) error {
		return tx.InsertRevision(t.Context(), f.revision("rv_9", f.persona("pe_3", "x"), persona.ActionCreated))
	})
	wantKind(t, "InsertRevision of no persona", err, persona.NotFound)
}
