package storetest

import (
	"fmt"
	"testing"
	"time"

	"personae.dev/internal/persona"
)

func (s suite) testPurgePersona(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	ours, theirs := f.full("pe_1"), f.persona("pe_1", "VP theirs")
	theirs.WorkspaceOID = f.other.OID
	f.insert(t, ours, theirs, f.persona("pe_2", "beside"))
	f.note(t, f.revision("rv_1", ours, persona.ActionCreated), f.revision("rv_theirs", theirs, persona.ActionCreated))
	purge := func(workspaceOID, oID string) error {
		return f.Write(t.Context(), func(tx persona.Tx) error { return tx.PurgePersona(t.Context(), workspaceOID, oID) })
	}
	for _, unknown := range [][2]string{{f.workspace.OID, "pe_3"}, {f.other.OID, "pe_2"}, {"wa_unknown", "pe_1"}} {
		wantKind(t, fmt.Sprintf("PurgePersona(%q)", unknown), purge(unknown[0], unknown[1]), persona.NotFound)
	}
	if err := purge(f.workspace.OID, "pe_1"); err != nil {
		t.Fatalf("PurgePersona: %v", err)
	}
	wantKind(t, "PurgePersona, a second time", purge(f.workspace.OID, "pe_1"), persona.NotFound)
	_, err := f.Persona(t.Context(), f.workspace.OID, "pe_1")
	wantKind(t, "Persona", err, persona.NotFound)
	_, err = f.Revision(t.Context(), f.workspace.OID, "rv_1")
	wantKind(t, "Revision", err, persona.NotFound)
	same(t, "the persona beside", []string{"beside"}, names(collect(t, f, f.workspace.OID)))
	same(t, "their persona", []*persona.Persona{theirs}, collect(t, f, f.other.OID))
	must[*persona.Revision](t)(f.Revision(t.Context(), f.other.OID, "rv_theirs"))
	// The id is free, and its history begins anew.
	again := f.persona("pe_1", "again")
	f.insert(t, again)
	r := f.revision("rv_1", again, persona.ActionCreated)
	f.note(t, r)
	same(t, "Number", 1, r.Number)
	same(t, "what the old one was called", []string(nil), f.search(t, "sally"))
	same(t, "what the old one was linked to", []string(nil), f.found(t, f, persona.Query{PlaybookOID: "pb_1"}))
}

func (s suite) testDeleted(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	add := func(oID string, workspace persona.Workspace, deleted time.Duration) persona.DeletedPersona {
		p := f.persona(oID, "name of "+oID)
		p.WorkspaceOID, p.DeletedAt = workspace.OID, new(day.Add(deleted))
		f.insert(t, p)
		return persona.DeletedPersona{WorkspaceOID: workspace.OID, OID: oID, Name: p.Name, DeletedAt: *p.DeletedAt}
	}
	f.insert(t, f.persona("kept", "x"))
	third, first, second := add("b", f.other, 0), add("z", f.other, -time.Hour), add("a", f.workspace, 0)
	last := add("last", f.workspace, time.Millisecond)
	for _, test := range []struct {
		before time.Duration
		limit  int
		want   []persona.DeletedPersona
	}{
		{-time.Hour, 10, nil},
		{0, 10, []persona.DeletedPersona{first}},
		{time.Millisecond, 10, []persona.DeletedPersona{first, second, third}},
		{time.Millisecond, 2, []persona.DeletedPersona{first, second}},
		{time.Hour, 10, []persona.DeletedPersona{first, second, third, last}},
	} {
		same(t, fmt.Sprintf("before %s, limit %d", test.before, test.limit), test.want,
			must[[]persona.DeletedPersona](t)(f.Deleted(t.Context(), day.Add(test.before), test.limit)))
	}
	for before, want := range map[time.Duration]int{-time.Hour: 0, 0: 1, time.Millisecond: 3, time.Hour: 4} {
		same(t, fmt.Sprintf("count before %s", before), want, must[int](t)(f.CountDeleted(t.Context(), day.Add(before))))
	}
}
