package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"personae.dev/apitype"
)

// revisions asks for a page of the history, which must come.
func (e *editor) revisions(t *testing.T, query string) apitype.RevisionPage {
	t.Helper()
	got := e.get(t, "/api/v2/revision/list?"+query, "api_key", e.key)
	if got.status != http.StatusOK {
		t.Fatalf("%s: status %d: %s", query, got.status, got.body)
	}
	var v struct {
		Data      apitype.RevisionPage `json:"data"`
		Revisions []apitype.Revision   `json:"revisions"`
	}
	must(t, json.Unmarshal([]byte(got.body), &v))
	if diff := cmp.Diff(v.Data.Revisions, v.Revisions); diff != "" {
		t.Errorf("%s: the two lists differ:\n%s", query, diff)
	}
	return v.Data
}

// revision asks for one change, which must come.
func (e *editor) revision(t *testing.T, revisionOID string) apitype.RevisionDetail {
	t.Helper()
	got := e.get(t, "/api/v2/revision/get?revisionOId="+url.QueryEscape(revisionOID), "api_key", e.key)
	if got.status != http.StatusOK {
		t.Fatalf("status %d: %s", got.status, got.body)
	}
	var v struct{ Data apitype.RevisionDetail }
	must(t, json.Unmarshal([]byte(got.body), &v))
	return v.Data
}

func TestRevisions(t *testing.T) {
	t.Parallel()
	s := setup(t)
	e := s.edit(t)
	p := e.create(t, `{"name":"VP","painPoints":["a"],"primaryOfferingOId":"of_1"}`)
	e.post(t, updatePath, `{"oId":"`+p.OID+`","name":"CRO","painPoints":null,"description":"d"}`)
	e.send(t, http.MethodDelete, deletePath+p.OID, "")

	all := e.revisions(t, "entityOIds="+p.OID)
	var rows []string
	for _, r := range all.Revisions {
		rows = append(rows, r.Action+": "+r.Summary)
		if r.APIKeyOID == nil || r.AuthorName != s.owner.Author().Name() || r.EntityOID != p.OID || r.EntityName != "CRO" || r.EntityType != "Persona" || r.Source != "api" {
			t.Errorf("%+v", r)
		}
	}
	if diff := cmp.Diff([]string{"deleted: Deleted", "updated: Updated name, description and painPoints", "created: Created"}, rows); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if all.Total != 3 || all.Limit != 25 || all.Offset != 0 {
		t.Errorf("%+v", all)
	}
	if page := e.revisions(t, "limit=1&offset=1&entityOIds[]="+p.OID); page.Total != 3 || len(page.Revisions) != 1 || page.Revisions[0].Action != "updated" {
		t.Errorf("%+v", page)
	}

	t.Run("Detail", func(t *testing.T) {
		t.Parallel()
		changed := e.revision(t, all.Revisions[1].RevisionOID)
		want := apitype.Diff{
			Added:   map[string]json.RawMessage{"description": json.RawMessage(`"d"`)},
			Removed: map[string]json.RawMessage{"painPoints": json.RawMessage(`["a"]`)},
			Changed: map[string]apitype.Change{"name": {Before: json.RawMessage(`"VP"`), After: json.RawMessage(`"CRO"`)}},
		}
		delete(changed.Diff.Changed, "updatedAt")
		if diff := cmp.Diff(want, changed.Diff); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if before, after := string(changed.OldEntity), string(changed.NewEntity); !strings.Contains(before, `"name":"VP"`) || !strings.Contains(after, `"name":"CRO"`) || !strings.Contains(after, "of_1") {
			t.Errorf("before: %s\nafter: %s", before, after)
		}
		if first := e.revision(t, all.Revisions[2].RevisionOID); string(first.OldEntity) != "null" {
			t.Errorf("before the first: %s", first.OldEntity)
		}
		got := e.get(t, "/api/v2/revision/get?diffOnly=true&revisionOId="+all.Revisions[1].RevisionOID, "api_key", e.key)
		if got.value(t, "data.newEntity") != nil || got.value(t, "data.oldEntity") != nil || got.value(t, "data.diff.added.description") != "d" {
			t.Errorf("diffOnly: %s", got.body)
		}
	})

	t.Run("Restore", func(t *testing.T) {
		first := all.Revisions[2].RevisionOID
		back := e.post(t, restorePath, `{"oId":"`+p.OID+`","revisionOId":"`+first+`"}`)
		if restored := wrapped(t, back); restored.Name != "VP" || restored.DeletedAt != nil || !restored.UpdatedAt.After(p.UpdatedAt.Time) || *restored.CreatedAt != *p.CreatedAt {
			t.Errorf("%s", back.body)
		}
		e.post(t, updatePath, `{"oId":"`+p.OID+`","name":"CEO"}`)
		again := e.post(t, "/api/v2/revision/restore", `{"revisionOId":"`+first+`"}`)
		if again.status != http.StatusOK || wrapped(t, again).Name != "VP" {
			t.Errorf("%d %s", again.status, again.body)
		}
		if stale := e.post(t, "/api/v2/revision/restore", `{"revisionOId":"`+first+`"}`, "If-Match", back.header.Get("ETag")); stale.status != http.StatusPreconditionFailed {
			t.Errorf("with a stale If-Match: %d %s", stale.status, stale.body)
		}
		if page := e.revisions(t, "entityOIds="+p.OID); page.Total != 4 {
			t.Errorf("without those that restored: %d", page.Total)
		}
		if page := e.revisions(t, "includeRestored=true&entityOIds="+p.OID); page.Total != 6 || page.Revisions[0].Action != "reverted" || page.Revisions[0].Summary != "Reverted to an earlier revision: name" {
			t.Errorf("with those that restored: %d, %+v", page.Total, page.Revisions[0])
		}
		another := e.create(t, `{"name":"Another"}`)
		got := e.post(t, restorePath, `{"oId":"`+another.OID+`","revisionOId":"`+first+`"}`)
		if _, fields := failure(t, got); got.status != http.StatusBadRequest || !slices.Equal(fields, []string{"revisionOId"}) {
			t.Errorf("a revision of another persona: %d %s", got.status, got.body)
		}
		if got := e.post(t, "/api/v2/revision/restore", `{"revisionOId":""}`); got.status != http.StatusBadRequest {
			t.Errorf("without a revision: %d %s", got.status, got.body)
		}
	})
}

// TestRevisionsOfTheLibrary lists the history of all entities, and narrows it
// down by every filter.
func TestRevisionsOfTheLibrary(t *testing.T) {
	t.Parallel()
	s := setup(t)
	e := s.edit(t)
	a, b := e.create(t, `{"name":"a"}`).OID, e.create(t, `{"name":"b"}`).OID
	e.post(t, archivePath, `{"oId":"`+a+`"}`)
	e.post(t, restorePath, `{"oId":"`+a+`"}`)
	before := time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)
	after := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	for query, want := range map[string]int{
		"":                     4, // the import of setup, two creates, an archiving
		"includeRestored=true": 5,
		"entityOIds=" + a:      2,
		"entityOIds[0]=" + a + "&entityOIds[1]=" + b: 3,
		"entityOIds=" + a + "," + b:                  3,
		"entityOIds=nobody":                          0,
		"entityTypes=Persona":                        4,
		"entityTypes[]=persona":                      4,
		"entityTypes=Hypothesis":                     0,
		"entityTypes=Hypothesis,Persona":             4,
		"startDate=" + before:                        4,
		"startDate=" + after:                         0,
		"endDate=" + before:                          0,
		"endDate=" + after:                           4,
		"authorOId=" + s.owner.OID:                   4,
		"authorOId=u_nobody":                         0,
	} {
		if page := e.revisions(t, query); page.Total != want || len(page.Revisions) != want {
			t.Errorf("%s: %d of %d, want %d", query, len(page.Revisions), page.Total, want)
		}
	}
	actions := fmt.Sprint(e.revisions(t, "limit=1").Revisions[0].Action, e.revisions(t, "limit=1&offset=3").Revisions[0].Action)
	if actions != "archivedimported" {
		t.Errorf("newest and oldest: %s", actions)
	}
}
