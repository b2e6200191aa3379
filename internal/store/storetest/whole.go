package storetest

import (
	"context"
	"errors"
	"testing"

	"personae.dev/internal/persona"
)

// testChangeIsWhole: what a persona is found by, its history and the answer for
// its idempotency key are kept together with it, or not at all.
func (s suite) testChangeIsWhole(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	before := f.full("pe_1")
	f.insert(t, before, f.persona("pe_gone", "goner"))
	f.note(t, f.revision("rv_1", before, persona.ActionCreated))
	errUndo := errors.New("undo")
	change := func(ctx context.Context, tx persona.Tx) error {
		changed, added := f.persona("pe_1", "changed"), f.persona("pe_2", "added")
		changed.Links.PlaybookOIDs, added.Links.PlaybookOIDs = []string{"pb_new"}, []string{"pb_new"}
		if err := firstOf(
			func() error { return tx.ReplacePersona(ctx, changed) },
			func() error { return tx.InsertRevision(ctx, f.revision("rv_2", changed, persona.ActionUpdated)) },
			func() error { return tx.InsertPersona(ctx, added) },
			func() error { return tx.InsertRevision(ctx, f.revision("rv_3", added, persona.ActionCreated)) },
			func() error {
				return tx.PutFirstAnswer(ctx, &persona.FirstAnswer{WorkspaceOID: f.workspace.OID, Key: "k", Answer: []byte("a"), At: day})
			},
			func() error { return tx.PurgePersona(ctx, f.workspace.OID, "pe_gone") },
		); err != nil {
			return err
		}
		same(t, "found in the transaction", []string{"pe_1", "pe_2"}, f.found(t, tx, persona.Query{PlaybookOID: "pb_new"}))
		same(t, "searched in the transaction", []string(nil), f.found(t, tx, persona.Query{Words: []string{"goner"}}))
		// Nobody else sees anything of it yet.
		same(t, "found beside the transaction", []string(nil), f.found(t, f, persona.Query{PlaybookOID: "pb_new"}))
		same(t, "searched beside the transaction", []string{"pe_gone"}, f.search(t, "goner"))
		return nil
	}
	for name, try := range map[string]func() error{
		"Error": func() error {
			return f.Write(t.Context(), func(tx persona.Tx) error { return errors.Join(change(t.Context(), tx), errUndo) })
		},
		"LastStepFails": func() error {
			return f.Write(t.Context(), func(tx persona.Tx) error {
				if err := change(t.Context(), tx); err != nil {
					return err
				}
				return tx.InsertPersona(t.Context(), f.persona("pe_2", "taken"))
			})
		},
		"Cancelled": func() error {
			ctx, cancel := context.WithCancel(t.Context())
			return f.Write(ctx, func(tx persona.Tx) error {
				err := change(ctx, tx)
				cancel()
				return err
			})
		},
	} {
		if err := try(); err == nil {
			t.Fatalf("%s: Write succeeded", name)
		}
		same(t, name+": Persona", before, must[*persona.Persona](t)(f.Persona(t.Context(), f.workspace.OID, "pe_1")))
		same(t, name+": List", []string{"pe_1", "pe_gone"}, f.found(t, f, persona.Query{}))
		same(t, name+": new links", []string(nil), f.found(t, f, persona.Query{PlaybookOID: "pb_new"}))
		same(t, name+": old links", []string{"pe_1"}, f.found(t, f, persona.Query{PlaybookOID: "pb_1"}))
		for text, want := range map[string][]string{"changed": nil, "added": nil, "sally": {"pe_1"}, "goner": {"pe_gone"}} {
			same(t, name+": search for "+text, want, f.search(t, text))
		}
		history, err := f.Revisions(t.Context(), f.workspace.OID, "pe_1", persona.RevisionQuery{Limit: 10})
		if err != nil || history.Total != 1 {
			t.Errorf("%s: the history is %+v, %v; want 1", name, history, err)
		}
		_, err = f.FirstAnswer(t.Context(), f.workspace.OID, "k")
		wantKind(t, name+": FirstAnswer", err, persona.NotFound)
	}
	f.write(t, change)
	same(t, "List afterwards", []string{"pe_1", "pe_2"}, f.found(t, f, persona.Query{}))
	same(t, "search afterwards", []string{"pe_2"}, f.search(t, "added"))
}

// firstOf takes steps until one fails.
func firstOf(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}
