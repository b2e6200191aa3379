package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"personae.dev/internal/persona"
	"personae.dev/internal/search"
)

// rows reads all rows, and checks their form and order.
func rows(t testing.TB, r persona.Reader) []persona.Row {
	t.Helper()
	var all []persona.Row
	for row, err := range r.Rows(t.Context()) {
		if err != nil {
			t.Fatalf("Rows: %v", err)
		}
		for i, key := range row.Key {
			if row.Values[i] != key {
				t.Errorf("the values %v do not begin with the key %q", row.Values, row.Key)
			}
		}
		for _, value := range row.Values {
			switch value.(type) {
			case string, int64, bool, []byte, nil:
			default:
				t.Errorf("%s %q has a %T", row.Kind, row.Key, value)
			}
		}
		if n := len(all); n > 0 {
			before := all[n-1]
			if before.Kind > row.Kind || before.Kind == row.Kind && slices.Compare(before.Key, row.Key) >= 0 {
				t.Errorf("%s %q comes before %s %q", before.Kind, before.Key, row.Kind, row.Key)
			}
		}
		all = append(all, row)
	}
	same(t, "CountRows", len(all), must[int](t)(r.CountRows(t.Context())))
	return all
}

// filled returns a store with something of every kind.
func (s suite) filled(t *testing.T) *fixture {
	t.Helper()
	f := s.setup(t)
	// Not in the order of their ids.
	revoked := f.key("ak_0", f.other)
	revoked.RevokedAt, revoked.LastUsedAt, revoked.ExpiresAt = new(day), new(day.Add(time.Second)), new(day.Add(time.Hour))
	f.insertKeys(t, f.key("ak_1", f.workspace), revoked)
	theirs, archived := f.persona("pe_1", "theirs"), f.persona("pe_0", "put away")
	theirs.WorkspaceOID, theirs.Author = f.other.OID, f.member
	archived.ArchivedAt = new(day)
	f.insert(t, f.full("pe_1"), theirs, archived, f.persona("pe_3", "active"))
	for i, text := range awkwardTexts() {
		if text != "" {
			p := f.persona(text, text)
			p.PainPoints = []string{text, fmt.Sprint(i)}
			f.insert(t, p)
			f.note(t, f.revision("rv_"+text, p, persona.ActionCreated))
		}
	}
	f.note(t,
		f.revision("rv_9", f.persona("pe_1", "first"), persona.ActionCreated), f.revision("rv_3", f.full("pe_1"), persona.ActionDeleted),
		f.revision("rv_5", theirs, persona.ActionImported))
	f.write(t, func(ctx context.Context, tx persona.Tx) error {
		return errors.Join(
			tx.PutFirstAnswer(ctx, &persona.FirstAnswer{WorkspaceOID: f.workspace.OID, Key: "k", PersonaOID: "pe_3", Answer: []byte(`{"a":"é"}`), ETag: `"e"`, BodyDigest: [32]byte{0, 1, 0xff}, At: day}),
			tx.PutFirstAnswer(ctx, &persona.FirstAnswer{WorkspaceOID: f.other.OID, Key: " k", PersonaOID: "pe_gone", At: day}),
		)
	})
	return f
}

// insertRows adds rows to a store, some at once.
func insertRows(t testing.TB, s persona.Store, rows []persona.Row) {
	t.Helper()
	for part := range slices.Chunk(rows, 150) {
		if err := s.Write(t.Context(), func(tx persona.Tx) error { return tx.InsertRows(t.Context(), part) }); err != nil {
			t.Fatalf("InsertRows: %v", err)
		}
	}
}

func (s suite) testRows(t *testing.T) {
	t.Parallel()
	f := s.filled(t)
	given := rows(t, f)
	counts := make([]int, persona.RowKinds)
	for _, row := range given {
		counts[row.Kind]++
	}
	texts := len(awkwardTexts()) - 1
	same(t, "rows of each kind", []int{1, 2, 2, 2, 4 + texts, 3 + texts, 2}, counts)

	// All that can be asked of the copy is answered as of the original.
	c := &fixture{Store: s.open(t), organization: f.organization, workspace: f.workspace, other: f.other, owner: f.owner, member: f.member}
	insertRows(t, c, given)
	same(t, "rows of the copy", given, rows(t, c))
	ctx := t.Context()
	same(t, "Organizations", must[[]persona.Organization](t)(f.Organizations(ctx)), must[[]persona.Organization](t)(c.Organizations(ctx)))
	same(t, "Users", must[[]persona.User](t)(f.Users(ctx)), must[[]persona.User](t)(c.Users(ctx)))
	workspaces := must[[]persona.Workspace](t)(f.Workspaces(ctx))
	same(t, "Workspaces", workspaces, must[[]persona.Workspace](t)(c.Workspaces(ctx)))
	for _, w := range workspaces {
		same(t, "APIKeys", must[[]persona.APIKey](t)(f.APIKeys(ctx, w.OID)), must[[]persona.APIKey](t)(c.APIKeys(ctx, w.OID)))
		personas := collect(t, f, w.OID)
		same(t, "Personas", personas, collect(t, c, w.OID))
		for _, p := range personas {
			all := persona.RevisionQuery{Limit: 10}
			same(t, "Revisions", must[*persona.RevisionPage](t)(f.Revisions(ctx, w.OID, p.OID, all)), must[*persona.RevisionPage](t)(c.Revisions(ctx, w.OID, p.OID, all)))
		}
	}
	for _, a := range [][2]string{{f.workspace.OID, "k"}, {f.other.OID, " k"}} {
		same(t, "FirstAnswer", must[*persona.FirstAnswer](t)(f.FirstAnswer(ctx, a[0], a[1])), must[*persona.FirstAnswer](t)(c.FirstAnswer(ctx, a[0], a[1])))
	}
	for _, q := range []persona.Query{
		{Words: search.Words("VP"), Status: persona.StatusDeleted},
		{Words: search.Words("put"), Status: persona.StatusArchived},
		{Words: search.Words("active")},
		{Words: search.Words("between"), Status: persona.StatusAll},
		{Words: search.Words("drop table"), Status: persona.StatusAll},
		{ProductOID: "of_2", Status: persona.StatusAll},
		{PlaybookOID: "pb_1", Status: persona.StatusAll},
		{Status: persona.StatusActive},
		{Status: persona.StatusArchived},
		{Status: persona.StatusDeleted},
		{Status: persona.StatusAll},
	} {
		q.Limit = 100
		want := f.found(t, f, q)
		same(t, fmt.Sprintf("List of %+v", q), want, c.found(t, c, q))
		if len(want) == 0 && !slices.Equal(q.Words, []string{"between"}) {
			t.Errorf("List of %+v finds nothing", q)
		}
	}

	// And work goes on there.
	c.note(t, c.revision("rv_next", c.persona("pe_1", "next"), persona.ActionReverted))
	same(t, "the number of the next revision", 3, must[*persona.Revision](t)(c.Revision(ctx, c.workspace.OID, "rv_next")).Number)
	c.write(t, func(ctx context.Context, tx persona.Tx) error {
		return errors.Join(
			tx.InsertWorkspace(ctx, &persona.Workspace{OID: "wa_next", OrganizationOID: "og_1", Name: "Next", CreatedAt: day}),
			tx.ReplacePersona(ctx, c.persona("pe_3", "renamed")), tx.PurgePersona(ctx, c.workspace.OID, "pe_1"))
	})
	same(t, "search of what was changed", []string{"pe_3"}, c.search(t, "renamed"))
	same(t, "search of what it was", []string(nil), c.search(t, "active"))
}

func (s suite) testManyRows(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	const many = 1100 // more than one statement reads
	var personas []*persona.Persona
	for i := range many {
		p := f.persona(fmt.Sprintf("pe_%04d", (i*7)%many), "many")
		personas = append(personas, p)
	}
	large := f.persona("pe_large", "large") // more than is kept of one statement
	large.PainPoints = slices.Repeat([]string{strings.Repeat("x", 10_000)}, 50)
	personas = append(personas, large)
	f.insert(t, personas...)
	var revisions []*persona.Revision
	for i := range 30 {
		revisions = append(revisions, f.revision(fmt.Sprintf("rv_%d", i), large, persona.ActionUpdated))
	}
	f.note(t, revisions...)
	given := rows(t, f)
	same(t, "number of rows", 5+many+1+30, len(given))
	target := s.open(t)
	insertRows(t, target, given)
	same(t, "number of rows of the copy", len(given), len(rows(t, target)))
	same(t, "CountPersonas", many+1, must[int](t)(target.CountPersonas(t.Context(), f.workspace.OID)))
	for _, err := range target.Rows(t.Context()) { // not read to its end, it does no harm
		if err != nil {
			t.Fatalf("Rows: %v", err)
		}
		break
	}
	f.insert(t, f.persona("pe_after", "after"))
}

func (s suite) testRowsOfOneMoment(t *testing.T) {
	t.Parallel()
	f := s.filled(t)
	want := len(rows(t, f))
	n := 0
	for row, err := range f.Rows(t.Context()) {
		if err != nil {
			t.Fatalf("Rows: %v", err)
		}
		if n == 0 {
			f.insert(t, f.persona("pe_late", "late"))
		}
		if slices.Contains(row.Key, "pe_late") {
			t.Error("a row that was added later was read")
		}
		n++
	}
	same(t, "number of rows", want, n)
	same(t, "number of rows afterwards", want+1, len(rows(t, f)))
}

func (s suite) testInsertRowsConflict(t *testing.T) {
	t.Parallel()
	f := s.filled(t)
	given := rows(t, f)
	for _, row := range given {
		err := f.Write(t.Context(), func(tx persona.Tx) error { return tx.InsertRows(t.Context(), []persona.Row{row}) })
		wantKind(t, fmt.Sprintf("%s %q again", row.Kind, row.Key), err, persona.Conflict)
	}
	same(t, "what was there", given, rows(t, f))
	// All or nothing.
	fresh := s.open(t)
	err := fresh.Write(t.Context(), func(tx persona.Tx) error { return tx.InsertRows(t.Context(), append(given[:8:8], given[7])) })
	wantKind(t, "a row twice", err, persona.Conflict)
	same(t, "rows that were kept", 0, len(rows(t, fresh)))
	insertRows(t, fresh, nil)
}

// testRowsOfAnyPersona holds the copy of a persona against the persona.
func (s suite) testRowsOfAnyPersona(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	target := s.open(t)
	insertRows(t, target, rows(t, f))
	copied := 0
	rapid.Check(t, func(rt *rapid.T) {
		p := AnyPersona().Draw(rt, "persona")
		copied++
		p.WorkspaceOID, p.OID, p.Author = f.workspace.OID, fmt.Sprintf("pe_%06d", copied), f.owner
		f.insert(t, p)
		f.note(t, f.revision("rv_"+p.OID, p, persona.ActionCreated))
		insertRows(t, target, slices.DeleteFunc(rows(t, f), func(row persona.Row) bool {
			return !slices.Contains(row.Key, p.OID) && !slices.Contains(row.Key, "rv_"+p.OID)
		}))
		same(t, "Persona", p, must[*persona.Persona](t)(target.Persona(t.Context(), p.WorkspaceOID, p.OID)))
		if words := search.WordsOf(p).Name; len(words) > 0 {
			q := persona.Query{Words: words[:1], Status: persona.StatusAll, Limit: 1000}
			same(t, "List", f.found(t, f, q), f.found(t, target, q))
		}
	})
	same(t, "rows in the end", rows(t, f), rows(t, target))
}
