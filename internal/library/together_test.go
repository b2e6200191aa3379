package library_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/library"
)

const voiceBody = `{"title":"%s","description":"x"}`

func TestMakeOnly(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ctx := t.Context()
	voice := f.kind(t, "brand-voice")
	var oIDs []string
	for _, name := range []string{"a", "b", "c"} {
		oIDs = append(oIDs, f.createOf(t, voice, fmt.Sprintf(voiceBody, name)).Entity.OID)
	}
	defaults := func() (names []string) {
		for row, err := range f.store.All(ctx, f.workspace.OID, voice.Name) {
			if err != nil {
				t.Fatal(err)
			}
			e, err := voice.Load(row)
			if err != nil {
				t.Fatal(err)
			}
			if string(e.Fields["default"]) == "true" {
				names = append(names, e.Text("name"))
			}
		}
		return names
	}
	toggle := func(i int) *library.Written {
		t.Helper()
		written, err := f.MakeOnly(ctx, f.caller, voice, library.Target{OID: oIDs[i]})
		if err != nil {
			t.Fatal(err)
		}
		return written
	}
	toggle(0)
	first := f.revisions(t, oIDs[0])[0]
	if diff := cmp.Diff([]string{"default"}, first.Fields); diff != "" || first.Action != entity.ActionUpdated {
		t.Errorf("the revision is %+v", first)
	}
	toggle(1)
	if diff := cmp.Diff([]string{"b"}, defaults()); diff != "" || len(f.revisions(t, oIDs[0])) != 3 || len(f.revisions(t, oIDs[1])) != 2 {
		t.Errorf("after the second:\n%s", diff)
	}
	t.Run("a second call changes nothing", func(t *testing.T) {
		if got := toggle(1); string(got.Entity.Fields["default"]) != "true" || len(f.revisions(t, oIDs[1])) != 2 {
			t.Errorf("%+v", got.Entity)
		}
	})
	t.Run("a revert makes no second one", func(t *testing.T) {
		if _, err := f.Revert(ctx, f.caller, voice, library.Target{OID: oIDs[0]}, first.RevisionOID); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"b"}, defaults()); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("nor do calls at the same time", func(t *testing.T) {
		var group sync.WaitGroup
		for i := range 12 {
			group.Go(func() {
				if _, err := f.MakeOnly(ctx, f.caller, voice, library.Target{OID: oIDs[i%3]}); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if got := defaults(); len(got) != 1 {
			t.Errorf("the default ones are %q", got)
		}
	})
	t.Run("refuses what cannot be it", func(t *testing.T) {
		_, err := f.MakeOnly(ctx, f.caller, voice, library.Target{})
		wantFields(t, "no id", err, "oId")
		_, err = f.MakeOnly(ctx, f.caller, voice, library.Target{OID: "bv_nobody"})
		wantCode(t, "an unknown id", err, errs.NotFound, errs.NotFoundCode(voice.Name))
		if _, err := f.Delete(ctx, f.caller, voice, library.Target{OID: oIDs[2]}); err != nil {
			t.Fatal(err)
		}
		_, err = f.MakeOnly(ctx, f.caller, voice, library.Target{OID: oIDs[2]})
		wantCode(t, "a deleted one", err, errs.Conflict, errs.DeletedCode(voice.Name))
		_, err = f.MakeOnly(ctx, f.caller, voice, library.Target{OID: oIDs[0], IfMatch: `"x.y"`})
		if errs.KindOf(err) != errs.Precondition {
			t.Errorf("another version: %v", err)
		}
	})
}

func TestImportOfTwoDefaults(t *testing.T) {
	t.Parallel()
	f := setup(t)
	line := func(oID, value string) string {
		return `{"kind":"brand-voice","oId":"` + oID + `","name":"` + oID + `","description":"x","default":` + value + `}`
	}
	_, told, err := f.importText(t, library.ImportOptions{}, line("bv_a", "true"), line("bv_b", "true"))
	if diff := cmp.Diff([]string{"2: default: would be true for bv_a and bv_b: keep it for one of them"}, told); diff != "" || errs.KindOf(err) != errs.Invalid {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	f.mustImport(t, library.ImportReport{Created: 1}, library.ImportOptions{}, line("bv_a", "true"))
	if _, told, err := f.importText(t, library.ImportOptions{}, line("bv_b", "true")); len(told) != 1 || errs.KindOf(err) != errs.Invalid {
		t.Errorf("beside one that is there: %v, %q", err, told)
	}
	f.mustImport(t, library.ImportReport{Created: 1, Updated: 1}, library.ImportOptions{}, line("bv_b", "true"), line("bv_a", "false"))
}
