package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/entity/entitytest"
)

// eachKind runs a test of every kind, all on one server.
func eachKind(t *testing.T, test func(t *testing.T, e *kindEditor), options ...option) {
	t.Helper()
	s := setup(t, options...)
	for _, k := range s.library.Registry().Kinds() {
		t.Run(k.Name, func(t *testing.T) {
			t.Parallel()
			test(t, &kindEditor{editor: s.edit(t), server: s, kind: k})
		})
	}
}

// kindEditor calls a server about one kind.
type kindEditor struct {
	*editor
	server *server
	kind   *entity.Kind
}

// call sends a request that must succeed. path is that of the call and a query.
func (e *kindEditor) call(t *testing.T, method, path, body string, header ...string) answer {
	t.Helper()
	got := e.send(t, method, "/api/v2/"+e.kind.Name+"/"+path, body, header...)
	if got.status != http.StatusOK {
		t.Fatalf("%s %s %s: %d %s", method, path, body, got.status, got.body)
	}
	return got
}

// make makes an entity with a name and what else is required, and returns the
// body that names it.
func (e *kindEditor) make(t *testing.T, name string) (oID, ref string) {
	t.Helper()
	call := "create"
	if e.kind.Singleton {
		call = "update"
	}
	got := e.call(t, http.MethodPost, call, minimal(t, e.kind, map[string]any{"name": name}))
	oID = got.value(t, "data.oId").(string)
	return oID, fmt.Sprintf(`{"oId":%q}`, oID)
}

// with returns the body that names an entity, with more.
func with(ref, more string) string { return strings.TrimSuffix(ref, "}") + "," + more + "}" }

// TestEveryCall makes every call of every kind.
func TestEveryCall(t *testing.T) {
	t.Parallel()
	everyCall := func(t *testing.T, e *kindEditor) {
		t.Helper()
		if e.kind.Singleton {
			e.everyCallOfSingleton(t)
			return
		}
		oID, ref := e.make(t, "First")
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch} {
			got := e.call(t, method, "update", with(ref, `"name":"By `+method+`"`))
			if got.value(t, "data.name") != "By "+method {
				t.Errorf("%s: %s", method, got.body)
			}
		}
		if got := e.call(t, http.MethodGet, "get?include=questionIds,links&oId="+oID, ""); got.value(t, "name") != "By PATCH" || got.value(t, "links.from") == nil {
			t.Errorf("get: %s", got.body)
		}
		for query, want := range map[string]float64{"": 1, "text=patch": 1, "name=By PATCH": 1, "name=by patch": 0, "oIds=" + oID: 1, "oIds[]=x": 0, "fields=slim": 1, "status=deleted&oIds=" + oID: 0, "cursor=": 1, "updatedSince=2999-01-01T00:00:00Z": 0} {
			if got := e.call(t, http.MethodGet, "list?"+strings.ReplaceAll(query, " ", "%20"), ""); got.value(t, "total") != want {
				t.Errorf("list %s: %s", query, got.body)
			}
		}
		if got := e.call(t, http.MethodPost, "archive", ref); got.value(t, "data.archivedAt") == nil {
			t.Errorf("archive: %s", got.body)
		}
		if got := e.call(t, http.MethodDelete, "delete?oId="+oID, ""); got.value(t, "deletedAt") == nil || got.value(t, "linkedFrom") != nil {
			t.Errorf("delete: %s", got.body)
		}
		if got := e.call(t, http.MethodPost, "restore", ref); got.value(t, "data.deletedAt") != nil || got.value(t, "data.archivedAt") != nil {
			t.Errorf("restore: %s", got.body)
		}
		e.history(t, oID, 6)
		e.oldPaths(t, oID, ref)
		e.questions(t, ref)
		e.generates(t)
		e.isolated(t, oID, ref)
	}
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		eachKind(t, everyCall)
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		eachKind(t, everyCall, onPostgres(t))
	})
}

// isolated shows that a key of another workspace reaches nothing.
func (e *kindEditor) isolated(t *testing.T, oID, ref string) {
	t.Helper()
	theirs := &kindEditor{editor: &editor{caller: e.caller, key: e.server.key(t, e.server.other, account.ScopeWrite)}, kind: e.kind}
	for _, call := range [][3]string{
		{http.MethodGet, "get?oId=" + oID, ""},
		{http.MethodPost, "update", with(ref, `"name":"Theirs"`)},
		{http.MethodDelete, "delete?oId=" + oID, ""},
		{http.MethodPost, "archive", ref},
		{http.MethodPost, "restore", ref},
	} {
		if got := theirs.send(t, call[0], "/api/v2/"+e.kind.Name+"/"+call[1], call[2]); got.status != http.StatusNotFound {
			t.Errorf("%s of another workspace: %d %s", call[1], got.status, got.body)
		}
	}
	if got := theirs.call(t, http.MethodGet, "list?status=all&oIds="+oID, ""); got.value(t, "total") != 0.0 {
		t.Errorf("list of another workspace: %s", got.body)
	}
}

func (e *kindEditor) everyCallOfSingleton(t *testing.T) {
	t.Helper()
	if got := e.call(t, http.MethodGet, "get", ""); got.value(t, "data") != nil || !strings.Contains(got.body, `"data":null`) || got.header.Get("ETag") != "" {
		t.Errorf("before it is written: %s %v", got.body, got.header)
	}
	oID, _ := e.make(t, "First")
	for _, method := range []string{http.MethodPut, http.MethodPatch, http.MethodPost} {
		got := e.call(t, method, "update", `{"name":"By `+method+`"}`)
		if got.value(t, "data.name") != "By "+method || got.value(t, "data.oId") != oID {
			t.Errorf("%s: %s", method, got.body)
		}
	}
	if got := e.call(t, http.MethodGet, "get", ""); got.value(t, "data.name") != "By POST" || got.header.Get("ETag") == "" {
		t.Errorf("get: %s", got.body)
	}
	for _, call := range []string{"list", "create", "delete", "archive"} {
		if got := e.send(t, http.MethodPost, "/api/v2/"+e.kind.Name+"/"+call, `{}`); got.status != http.StatusNotFound {
			t.Errorf("%s: %d", call, got.status)
		}
	}
	e.history(t, oID, 4)
	e.generates(t)
}

// history holds the number of revisions, and goes back to the first.
func (e *kindEditor) history(t *testing.T, oID string, want int) {
	t.Helper()
	page := e.revisions(t, "entityOIds="+oID+"&entityTypes="+e.kind.Revision)
	if page.Total != want {
		t.Errorf("%d revisions, want %d: %+v", page.Total, want, page.Revisions)
	}
	first := page.Revisions[len(page.Revisions)-1]
	if first.EntityType != e.kind.Revision || first.Action != "created" {
		t.Errorf("%+v", first)
	}
	got := e.post(t, "/api/v2/revision/restore", `{"revisionOId":"`+first.RevisionOID+`"}`)
	if got.status != http.StatusOK || got.value(t, "data.name") != "First" {
		t.Errorf("restore: %d %s", got.status, got.body)
	}
}

// oldPaths makes the calls that old clients make at the plural path.
func (e *kindEditor) oldPaths(t *testing.T, oID, ref string) {
	t.Helper()
	path := "/api/v2/" + e.kind.PathPlural() + "/"
	for _, call := range [][3]string{
		{http.MethodGet, "get?oId=" + oID, ""},
		{http.MethodGet, "list", ""},
		{http.MethodPost, "update", with(ref, `"name":"Old"`)},
		{http.MethodPut, "update", with(ref, `"name":"Older"`)},
		{http.MethodPatch, "update", with(ref, `"name":"Oldest"`)},
		{http.MethodPost, "create", minimal(t, e.kind, map[string]any{"name": "Second"})},
		{http.MethodDelete, "delete?oId=" + oID, ""},
	} {
		if got := e.send(t, call[0], path+call[1], call[2]); got.status != http.StatusOK {
			t.Errorf("%s %s: %d %s", call[0], path+call[1], got.status, got.body)
		}
	}
	e.call(t, http.MethodPost, "restore", ref)
}

func (e *kindEditor) questions(t *testing.T, ref string) {
	t.Helper()
	if e.kind.QuestionsField() == nil {
		return
	}
	got := e.call(t, http.MethodPost, "update?include=questionIds", with(ref, `"qualifyingQuestions":[{"question":"q","fitType":"GOOD","weight":"LOW"}]`))
	question := with(ref, fmt.Sprintf(`"questionOId":%q`, got.value(t, "data.qualifyingQuestions[0].oId")))
	for call, body := range map[string]string{"archive": question, "restore": question, "update": with(question, `"question":"better"`)} {
		e.call(t, http.MethodPost, "question/"+call, body)
	}
}

func (e *kindEditor) generates(t *testing.T) {
	t.Helper()
	if !e.kind.Generates {
		return
	}
	body := `{"sources":[{"type":"TEXT","value":"x"}]}`
	if !e.kind.GeneratesOne {
		body = fmt.Sprintf(`{%q:[%s]}`, e.kind.Plural, body)
	}
	got := e.post(t, "/api/v2/"+e.kind.Name+"/generate", body)
	if code, _ := failure(t, got); got.status != http.StatusServiceUnavailable || code != "model_not_configured" {
		t.Errorf("generate: %d %s", got.status, got.body)
	}
}

// TestEmptyFromN8n sends "", [] and {} for every field, as the vendor's n8n node
// does: a create has what is required alone, and an update changes nothing.
func TestEmptyFromN8n(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, e *kindEditor) {
		t.Helper()
		for _, empty := range []any{"", []any{}, map[string]any{}, map[string]any{"deep": []any{}}} {
			values := map[string]any{}
			for _, f := range e.kind.RequestFields() {
				if !f.Required {
					values[f.Name] = empty
				}
			}
			values["name"] = "From n8n"
			call := "create"
			if e.kind.Singleton {
				call = "update"
			}
			made := e.call(t, http.MethodPost, call, minimal(t, e.kind, values), "x-request-source", "n8n")
			values["name"] = empty
			for _, f := range e.kind.RequestFields() {
				values[f.Name] = empty
			}
			if !e.kind.Singleton {
				values["oId"] = made.value(t, "data.oId")
			}
			body, err := json.Marshal(values)
			must(t, err)
			got := e.call(t, http.MethodPut, "update", string(body), "x-request-source", "n8n")
			if diff := cmp.Diff(made.value(t, "data"), got.value(t, "data")); diff != "" || strings.Contains(got.body, "ignored") {
				t.Errorf("%v: %s\n%s", empty, diff, got.body)
			}
		}
	})
}

// TestPages reads 250 rows as n8n does, which stops at a page that is shorter
// than asked.
func TestPages(t *testing.T) {
	t.Parallel()
	const rows = 250
	s := setup(t)
	kinds := slices.DeleteFunc(slices.Clone(s.library.Registry().Kinds()), func(k *entity.Kind) bool { return k.Singleton })
	var records []string
	for _, k := range kinds {
		for i := range rows {
			records = append(records, minimal(t, k, map[string]any{"kind": k.Name, "oId": fmt.Sprintf("%s_%d", k.Name, i), "name": fmt.Sprintf("Row %d", i)}))
		}
	}
	s.put(t, records...)
	for _, k := range kinds {
		t.Run(k.Name, func(t *testing.T) {
			t.Parallel()
			e := &kindEditor{editor: s.edit(t), server: s, kind: k}
			for _, limit := range []int{100, 200, 250} {
				seen, offset := map[any]bool{}, 0
				for more := true; more; {
					got := e.call(t, http.MethodGet, fmt.Sprintf("list?fields=slim&limit=%d&offset=%d", limit, offset), "")
					rows := got.value(t, "data").([]any)
					for _, row := range rows {
						seen[lookup(row, "oId")] = true
					}
					more, offset = len(rows) == limit && got.value(t, "hasNext") == true, offset+len(rows)
				}
				if len(seen) != rows {
					t.Errorf("in pages of %d: %d rows", limit, len(seen))
				}
			}
		})
	}
}

// TestAnyBody creates random entities of random kinds, and holds them against
// what get, an update that sends the answer back, and the document say.
func TestAnyBody(t *testing.T) {
	t.Parallel()
	s := setup(t)
	e := &kindEditor{editor: s.edit(t), server: s}
	kinds := slices.DeleteFunc(slices.Clone(s.library.Registry().Kinds()), func(k *entity.Kind) bool { return k.Singleton })
	rapid.Check(t, func(rt *rapid.T) {
		e.kind = rapid.SampledFrom(kinds).Draw(rt, "kind")
		made := e.call(t, http.MethodPost, "create", string(entitytest.Body(e.kind).Draw(rt, "body")))
		var object map[string]json.RawMessage
		must(t, json.Unmarshal([]byte(made.body), &object))
		read := e.call(t, http.MethodGet, "get?oId="+made.value(t, "data.oId").(string), "")
		if diff := cmp.Diff("{"+withoutMetadata(t, read.body), string(object["data"])); diff != "" {
			rt.Fatalf("created, then read:\n%s", diff)
		}
		again := e.call(t, http.MethodPost, "update", string(object["data"]))
		if again.header.Get("ETag") != made.header.Get("ETag") {
			rt.Fatalf("what was read, sent back, changes it:\n%s\n%s", made.body, again.body)
		}
	})
}

// TestLinkedFrom shows that a delete tells what still links to the entity.
func TestLinkedFrom(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, e *kindEditor) {
		t.Helper()
		for _, k := range e.server.library.Registry().Kinds() {
			for i := range k.Fields {
				f := &k.Fields[i]
				if k.Singleton || e.kind.Singleton || len(f.Targets) == 0 || f.Targets[0] != e.kind.Name || f.Type == entity.TypeStrategy {
					continue
				}
				oID, _ := e.make(t, "Target")
				value := any(oID)
				if f.Type == entity.TypeLinks {
					value = []string{oID}
				}
				from := e.post(t, "/api/v2/"+k.Name+"/create", minimal(t, k, map[string]any{"name": "From", f.Name: value}))
				got := e.call(t, http.MethodDelete, "delete?oId="+oID, "")
				linked := got.value(t, "linkedFrom[0]")
				if lookup(linked, "oId") != from.value(t, "data.oId") || lookup(linked, "field") != f.Name || lookup(linked, "kind") != k.Name {
					t.Errorf("%s.%s: %s", k.Name, f.Name, got.body)
				}
				if message := got.value(t, "_metadata.message").(string); !strings.Contains(message, "linkedFrom") {
					t.Errorf("%s", message)
				}
			}
		}
	})
}

// TestMissingLinks shows that links to nothing are kept and named, and refused
// with strictLinks.
func TestMissingLinks(t *testing.T) {
	t.Parallel()
	s := setup(t)
	e := s.edit(t)
	got := e.post(t, createPath, `{"name":"VP","primaryOfferingOId":"nobody","playbookOIds":["none"]}`)
	if message := got.value(t, "_metadata.message"); message != "OK. Links to what is not in the workspace were kept: primaryOfferingOId: nobody, playbookOIds: none" {
		t.Errorf("%v", message)
	}
	refused := e.post(t, createPath+"?strictLinks=true", `{"name":"VP","primaryOfferingOId":"nobody"}`)
	if _, fields := failure(t, refused); refused.status != http.StatusBadRequest || len(fields) != 1 || fields[0] != "primaryOfferingOId" {
		t.Errorf("%d %s", refused.status, refused.body)
	}
}

// TestSources shows that a history names what made a change.
func TestSources(t *testing.T) {
	t.Parallel()
	s := setup(t)
	e := s.edit(t)
	e.post(t, createPath, `{"name":"x"}`, "x-request-source", "cli")
	e.post(t, createPath, `{"name":"y"}`, "x-request-source", "n8n")
	var sources []string
	for _, r := range e.revisions(t, "limit=3").Revisions {
		sources = append(sources, r.Source)
	}
	if diff := cmp.Diff([]string{"api", "cli", "import"}, sources); diff != "" {
		t.Error(diff)
	}
	if parsed, err := account.ParseToken(e.key); err != nil || *e.revisions(t, "limit=1").Revisions[0].APIKeyOID != parsed.KeyOID() {
		t.Errorf("the key of the newest: %v", err)
	}
}

// TestListsAtOnce makes the six calls with which a sync app in production begins,
// all at once.
func TestListsAtOnce(t *testing.T) {
	t.Parallel()
	s := setup(t)
	e := s.edit(t)
	var group sync.WaitGroup
	for _, name := range []string{"persona", "product", "segment", "use-case", "competitor", "reference"} {
		group.Go(func() {
			if got := e.get(t, "/api/v2/"+name+"/list?limit=100&offset=0", "api_key", e.key); got.status != http.StatusOK {
				t.Errorf("%s: %d %s", name, got.status, got.body)
			}
		})
	}
	group.Wait()
}
