package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"personae.dev/internal/persona"
)

// testInsertPersonas holds InsertPersonas against InsertPersona and
// InsertRevision: whatever reads finds the same.
func (s suite) testInsertPersonas(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	f.insert(t, f.persona("pe_before", "before"))
	theirs := f.full("pe_full")
	theirs.WorkspaceOID = f.other.OID
	archived := f.persona("pe_archived", "kept away")
	archived.ArchivedAt = new(day.Add(time.Hour))
	personas := []*persona.Persona{f.full("pe_full"), archived, theirs}
	for i := range 100 {
		personas = append(personas, f.persona(fmt.Sprintf("pe_many %02d", i), "one of many"))
	}
	var firsts []*persona.Revision
	for i, p := range personas {
		firsts = append(firsts, f.revision(fmt.Sprintf("rv_%d", i), p, persona.ActionImported))
	}
	firsts[0].KeyOID = "" // by a command
	f.write(t, func(ctx context.Context, tx persona.Tx) error {
		if err := tx.InsertPersonas(ctx, nil); err != nil {
			return err
		}
		if err := tx.InsertPersonas(ctx, firsts); err != nil {
			return err
		}
		same(t, "found in the transaction", []string{"pe_archived"}, f.found(t, tx, persona.Query{Words: []string{"away"}, Status: persona.StatusArchived}))
		return tx.InsertPersona(ctx, f.persona("pe_after", "after"))
	})
	for i, p := range personas {
		same(t, "Number", 1, firsts[i].Number)
		same(t, "Persona", p, must[*persona.Persona](t)(f.Persona(t.Context(), p.WorkspaceOID, p.OID)))
		r := must[*persona.Revision](t)(f.Revision(t.Context(), p.WorkspaceOID, firsts[i].OID))
		want, snapshot := *firsts[i], *p
		snapshot.Author = persona.User{}
		want.Persona = &snapshot
		same(t, "Revision", &want, r)
	}
	same(t, "number of personas", 104, must[int](t)(f.CountPersonas(t.Context(), f.workspace.OID)))
	same(t, "linked", []string{"pe_full"}, f.found(t, f, persona.Query{PlaybookOID: "pb_1", Status: persona.StatusAll}))
	same(t, "found among many", 100, len(f.search(t, "many")))
	same(t, "found after", []string{"pe_after"}, f.search(t, "after"))

	// The history goes on behind the first.
	next := f.revision("rv_next", personas[0], persona.ActionUpdated)
	f.note(t, next)
	same(t, "Number of the next", 2, next.Number)
}

// testInsertPersonasConflict: an id that is taken, there or among them, undoes
// all.
func (s suite) testInsertPersonasConflict(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	f.insert(t, f.persona("pe_1", "first"))
	for _, oIDs := range [][]string{{"pe_2", "pe_1"}, {"pe_2", "pe_2"}} {
		err := f.Write(t.Context(), func(tx persona.Tx) error {
			var firsts []*persona.Revision
			for i, oID := range oIDs {
				firsts = append(firsts, f.revision(fmt.Sprintf("rv_%d", i), f.persona(oID, "x"), persona.ActionImported))
			}
			return tx.InsertPersonas(t.Context(), firsts)
		})
		wantKind(t, "InsertPersonas of an id that is taken", err, persona.Conflict)
		same(t, "what is there", []string{"first"}, names(collect(t, f, f.workspace.OID)))
	}
}

func (s suite) testPersonasByID(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	theirs := f.persona("pe_theirs", "theirs")
	theirs.WorkspaceOID = f.other.OID
	quoted := f.persona(`pe "' \ <&> é`, "quoted")
	f.insert(t, f.full("pe_full"), quoted, f.persona("pe_2", "two"), theirs)
	errUndo := errors.New("undo")
	err := f.Write(t.Context(), func(tx persona.Tx) error {
		for _, oIDs := range [][]string{nil, {"pe_nobody", "pe_theirs"}} {
			same(t, "number of those that are not there", 0, len(must[map[string]*persona.Persona](t)(tx.PersonasByID(t.Context(), f.workspace.OID, oIDs))))
		}
		got := must[map[string]*persona.Persona](t)(tx.PersonasByID(t.Context(), f.workspace.OID, []string{"pe_full", "pe_nobody", quoted.OID, "pe_full"}))
		same(t, "PersonasByID", map[string]*persona.Persona{"pe_full": f.full("pe_full"), quoted.OID: quoted}, got)
		return errUndo
	})
	if !errors.Is(err, errUndo) {
		t.Errorf("Write: %v", err)
	}
}
