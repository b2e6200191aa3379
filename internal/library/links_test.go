package library_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/library"
)

func TestLinks(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ctx := t.Context()
	friend := f.createOf(t, f.sample, `{"name":"friend"}`).Entity.OID
	persona := f.create(t, `{"name":"a persona"}`).Entity.OID
	links := `{"name":"x","relatedOIds":["` + friend + `","` + persona + `"],"primaryOfferingOId":"of_1","linkingStrategy":{"mode":"SPECIFIC","offeringOIds":["of_2"]}}`
	written := f.createOf(t, f.sample, links)
	oID := written.Entity.OID
	t.Run("to what is not there are kept and named", func(t *testing.T) {
		want := []string{"relatedOIds: " + persona, "primaryOfferingOId: of_1", "linkingStrategy: of_2"}
		if diff := cmp.Diff(want, written.Missing); diff != "" {
			t.Errorf("Missing (-want +got):\n%s", diff)
		}
	})
	strict := func(body string) error {
		_, err := f.Update(ctx, f.caller, f.sample, library.Target{OID: oID, StrictLinks: true}, patch(t, f.sample, body, entity.Mode{}))
		return err
	}
	t.Run("are refused with their paths where that is asked for", func(t *testing.T) {
		_, err := f.Create(ctx, f.caller, f.sample, library.Create{Patch: patch(t, f.sample, links, entity.Mode{Create: true}), StrictLinks: true})
		wantFields(t, "create", err, "relatedOIds[1]", "primaryOfferingOId", "linkingStrategy.offeringOIds[0]")
		wantFields(t, "update", strict(`{"friendOId":"ts_unknown","linkingStrategy":{"mode":"ALL"}}`), "friendOId")
		if err := strict(`{"summary":"changed","linkingStrategy":{"mode":"ALL"}}`); err != nil {
			t.Errorf("links that stay: %v", err)
		}
	})
	t.Run("are shown in both directions", func(t *testing.T) {
		document, err := f.Get(ctx, f.caller, f.sample, oID, library.GetOptions{Links: true})
		if err != nil {
			t.Fatal(err)
		}
		var shown struct {
			Links struct{ To, From []map[string]any }
		}
		if err := json.Unmarshal(document.Body, &shown); err != nil {
			t.Fatal(err)
		}
		link := func(field, oID string, kind, name any) map[string]any {
			return map[string]any{"field": field, "oId": oID, "kind": kind, "name": name, "deletedAt": nil}
		}
		want := []map[string]any{
			link("relatedOIds", friend, "test-sample", "friend"), link("relatedOIds", persona, nil, nil),
			link("primaryOfferingOId", "of_1", nil, nil), link("linkingStrategy", "*", nil, nil),
		}
		if diff := cmp.Diff(want, shown.Links.To); diff != "" {
			t.Errorf("to (-want +got):\n%s", diff)
		}
		if document, err = f.Get(ctx, f.caller, f.sample, friend, library.GetOptions{Links: true}); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(document.Body, &shown); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]map[string]any{link("relatedOIds", oID, "test-sample", "x")}, shown.Links.From); diff != "" {
			t.Errorf("from (-want +got):\n%s", diff)
		}
	})
	t.Run("are told by a delete", func(t *testing.T) {
		written, err := f.Delete(ctx, f.caller, f.sample, library.Target{OID: friend})
		if err != nil {
			t.Fatal(err)
		}
		want := []entity.Named{{Kind: "test-sample", OID: oID, Name: "x", Field: "relatedOIds"}}
		if diff := cmp.Diff(want, written.Linking); diff != "" {
			t.Errorf("Linking (-want +got):\n%s", diff)
		}
		if err := strict(`{"friendOId":"` + friend + `"}`); err != nil {
			t.Errorf("a deleted target is there until it is purged: %v", err)
		}
	})
	t.Run("stay when their target is purged", func(t *testing.T) {
		before := len(f.revisions(t, oID))
		if err := f.Purge(ctx, f.now.Add(time.Hour), func(entity.DeletedEntity) {}); err != nil {
			t.Fatal(err)
		}
		e, err := f.Entity(ctx, f.caller, f.sample, oID)
		if err != nil || e.Text("friendOId") != friend || len(f.revisions(t, oID)) != before {
			t.Errorf("after the purge: %+v, %v", e, err)
		}
	})
}

// TestJoins shows that what is joined is answered by every call, and follows its
// target.
func TestJoins(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ctx := t.Context()
	friend := f.createOf(t, f.sample, `{"name":"friend"}`).Entity.OID
	joined := func(body []byte, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		var shown struct{ Friend *struct{ Name string } }
		if err := json.Unmarshal(body, &shown); err != nil {
			t.Fatal(err)
		}
		if shown.Friend == nil {
			return "none"
		}
		return shown.Friend.Name
	}
	written := f.createOf(t, f.sample, `{"name":"x","friendOId":"`+friend+`"}`)
	oID := written.Entity.OID
	get := func() string {
		document, err := f.Get(ctx, f.caller, f.sample, oID, library.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return joined(document.Body, nil)
	}
	list := func() string {
		page, err := f.List(ctx, f.caller, f.sample, library.ListRequest{OIDs: []string{oID}, Limit: 1})
		if err != nil || len(page.Documents) != 1 {
			t.Fatalf("List = %+v, %v", page, err)
		}
		defer page.Close()
		return joined(page.Documents[0], nil)
	}
	for what, got := range map[string]string{"create": joined(written.Body, nil), "get": get(), "list": list()} {
		if got != "friend" {
			t.Errorf("%s joins %s", what, got)
		}
	}
	etag := written.ETag
	if _, err := f.Update(ctx, f.caller, f.sample, library.Target{OID: friend}, patch(t, f.sample, `{"name":"renamed"}`, entity.Mode{})); err != nil {
		t.Fatal(err)
	}
	if got := get(); got != "renamed" {
		t.Errorf("get joins %s", got)
	}
	written, err := f.Update(ctx, f.caller, f.sample, library.Target{OID: oID, IfMatch: etag}, patch(t, f.sample, `{"summary":"s"}`, entity.Mode{}))
	if err != nil || joined(written.Body, nil) != "renamed" {
		t.Errorf("an update after its friend was renamed: %v", err)
	}
	written, err = f.Update(ctx, f.caller, f.sample, library.Target{OID: oID}, patch(t, f.sample, `{"friendOId":null}`, entity.Mode{}))
	if err != nil || joined(written.Body, nil) != "none" || get() != "none" || list() != "none" {
		t.Errorf("without a friend: %s, %v", written.Body, err)
	}
}

func TestSingleton(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ctx, k := t.Context(), f.single
	get := func() *library.Document {
		t.Helper()
		document, err := f.Get(ctx, f.caller, k, "", library.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return document
	}
	update := func(target library.Target, body string) (*library.Written, error) {
		return f.Update(ctx, f.caller, k, target, patch(t, k, body, entity.Mode{}))
	}
	if document := get(); string(document.Body) != "null" || document.ETag != "" {
		t.Errorf("before it was written: %s %s", document.Body, document.ETag)
	}
	_, err := update(library.Target{IfMatch: "*"}, `{}`)
	wantCode(t, "If-Match before it was written", err, errs.NotFound, "test_single_not_found")
	_, err = update(library.Target{OID: "tg_other"}, `{}`)
	wantCode(t, "another id", err, errs.NotFound, "test_single_not_found")

	// Two first updates at once make one.
	done := make(chan error)
	for i := range 2 {
		go func() {
			_, err := update(library.Target{}, []string{`{"customers":["a"]}`, `{"url":"u"}`}[i])
			done <- err
		}()
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Errorf("Update: %v", err)
		}
	}
	e, err := f.Entity(ctx, f.caller, k, "")
	if err != nil || e.Text("name") != f.workspace.Name || e.Text("url") != "u" || len(e.Texts("customers")) != 1 {
		t.Fatalf("it is %+v, %v", e, err)
	}
	if want := "tg_" + f.workspace.OID[len("wa_"):]; e.OID != want {
		t.Errorf("its id is %s, want %s", e.OID, want)
	}
	if n := len(f.revisions(t, e.OID)); n != 2 {
		t.Errorf("there are %d revisions", n)
	}
	written, err := update(library.Target{IfMatch: get().ETag}, `{"name":"renamed"}`)
	if err != nil || written.ETag != get().ETag {
		t.Errorf("Update: %v", err)
	}
	if _, err := f.Get(ctx, f.caller, k, e.OID, library.GetOptions{}); err != nil {
		t.Errorf("by its id: %v", err)
	}
	// Another workspace has its own, also after an import.
	line := f.export(t, f.workspace, k)
	f.mustImport(t, library.ImportReport{Created: 1}, library.ImportOptions{Workspace: f.other}, line)
	theirs, err := f.Entity(ctx, f.callerOf(t, f.other, f.member), k, "")
	if err != nil || theirs.Text("name") != "renamed" || theirs.OID == e.OID {
		t.Errorf("theirs is %+v, %v", theirs, err)
	}
}
