package library_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/library"
)

func TestRevertKey(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ctx, k := t.Context(), f.persona
	agent := f.callerOf(t, f.workspace, f.member, account.ScopeWrite)
	changed := f.create(t, `{"name":"changed","painPoints":["p"]}`).Entity.OID
	deleted := f.create(t, `{"name":"deleted"}`).Entity.OID
	contested := f.create(t, `{"name":"contested"}`).Entity.OID
	untouched := f.create(t, `{"name":"untouched"}`).Entity.OID
	undone := f.create(t, `{"name":"undone"}`).Entity.OID
	update := func(c library.Caller, oID, body string) {
		t.Helper()
		if _, err := f.Update(ctx, c, k, library.Target{OID: oID}, patch(t, k, body, entity.Mode{})); err != nil {
			t.Fatal(err)
		}
		f.now = f.now.Add(time.Second)
	}
	f.now = f.now.Add(time.Hour)
	update(agent, changed, `{"name":"before that time"}`) // stays
	f.now = f.now.Add(time.Hour)
	since := f.now
	update(agent, changed, `{"name":"by the agent"}`)
	update(agent, changed, `{"painPoints":[]}`)
	if _, err := f.Delete(ctx, agent, k, library.Target{OID: deleted}); err != nil {
		t.Fatal(err)
	}
	update(agent, contested, `{"name":"by the agent"}`)
	update(f.caller, contested, `{"name":"by a person"}`)
	update(agent, undone, `{"name":"by the agent"}`)
	update(f.caller, undone, `{"name":"undone"}`)
	written, err := f.Create(ctx, agent, k, library.Create{Patch: patch(t, k, `{"name":"made"}`, entity.Mode{Create: true})})
	if err != nil {
		t.Fatal(err)
	}
	made := written.Entity.OID
	f.now = f.now.Add(time.Hour)

	o := library.RevertKeyOptions{Workspace: f.workspace, KeyOID: agent.Key.OID, Since: since, By: f.setUp.Owner}
	ref := func(oID string) entity.Ref { return entity.Ref{Workspace: f.workspace.OID, Kind: "persona", OID: oID} }
	owner := f.setUp.Owner.Author().Name()
	want := []library.RevertStep{
		{Ref: ref(made), Name: "made", Action: library.RevertDelete, Fields: []string{"deletedAt"}, Changes: 1},
		{Ref: ref(undone), Name: "undone", Action: library.RevertNothing, Changes: 1},
		{Ref: ref(contested), Name: "by a person", Action: library.RevertConflict, Fields: []string{"name"}, Changes: 1, ChangedBy: owner},
		{Ref: ref(deleted), Name: "deleted", Action: library.RevertToBefore, Fields: []string{"deletedAt"}, Changes: 1},
		{Ref: ref(changed), Name: "by the agent", Action: library.RevertToBefore, Fields: []string{"name", "painPoints"}, Changes: 2},
	}
	check := func(what string, plan []library.RevertStep, err error) {
		t.Helper()
		if diff := cmp.Diff(want, plan, cmpopts.IgnoreFields(library.RevertStep{}, "To"), cmpopts.EquateEmpty()); diff != "" || err != nil {
			t.Fatalf("%s: %v; plan (-want +got):\n%s", what, err, diff)
		}
	}
	before := f.export(t, f.workspace)
	o.DryRun = true
	plan, err := f.RevertKey(ctx, o)
	check("a dry run", plan, err)
	if diff := cmp.Diff(before, f.export(t, f.workspace)); diff != "" {
		t.Fatalf("a dry run changed this:\n%s", diff)
	}
	if _, err := f.Get(ctx, f.caller, k, changed, library.GetOptions{}); err != nil { // is in the cache now
		t.Fatal(err)
	}
	o.DryRun = false
	plan, err = f.RevertKey(ctx, o)
	check("the revert", plan, err)
	if e := f.get(t, changed); e.Text("name") != "before that time" || len(e.Texts("painPoints")) != 1 || !e.UpdatedAt.Equal(f.now) {
		t.Errorf("what was changed is %+v", e)
	}
	if e := f.get(t, made); e.DeletedAt == nil {
		t.Error("what was made is still there")
	}
	if e := f.get(t, deleted); e.DeletedAt != nil {
		t.Error("what was deleted is still deleted")
	}
	if f.get(t, contested).Text("name") != "by a person" || len(f.revisions(t, untouched)) != 1 {
		t.Error("what somebody else changed was changed")
	}
	rev := f.revisions(t, changed)[0]
	if rev.Source != entity.SourceRevert || rev.Action != entity.ActionReverted || rev.Author.OID != f.setUp.Owner.OID || rev.KeyOID != "" {
		t.Errorf("the revision is %+v", rev)
	}
	if document, err := f.Get(ctx, f.caller, k, changed, library.GetOptions{}); err != nil || !cmp.Equal(names(t, &library.Listed{Documents: [][]byte{document.Body}}, nil), []string{"before that time"}) {
		t.Errorf("get answers %s, %v", document.Body, err)
	}
	t.Run("a second time changes only what is forced", func(t *testing.T) {
		o.Force = true
		plan, err := f.RevertKey(ctx, o)
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range plan {
			if want := map[bool]library.RevertAction{true: library.RevertToBefore, false: library.RevertNothing}[step.OID == contested]; step.Action != want {
				t.Errorf("%s: %s, want %s", step.Name, step.Action, want)
			}
		}
		if f.get(t, contested).Text("name") != "contested" {
			t.Error("force did not revert what somebody else changed")
		}
	})
	t.Run("an unknown key did nothing", func(t *testing.T) {
		plan, err := f.RevertKey(ctx, library.RevertKeyOptions{Workspace: f.workspace, KeyOID: "ak_unknown", Since: since})
		if len(plan) != 0 || errs.KindOf(err) != errs.NotFound {
			t.Errorf("RevertKey = %v, %v", plan, err)
		}
	})
}
