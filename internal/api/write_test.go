package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"personae.dev/apitype"
	"personae.dev/internal/account"
	"personae.dev/internal/api"
	"personae.dev/internal/library"
)

const (
	createPath  = "/api/v2/persona/create"
	updatePath  = "/api/v2/persona/update"
	deletePath  = "/api/v2/persona/delete?oId="
	archivePath = "/api/v2/persona/archive"
	restorePath = "/api/v2/persona/restore"
	// questionPath is followed by update, archive or restore.
	questionPath = "/api/v2/persona/question/"
)

// editor is a caller with a key that may read and write.
type editor struct {
	*caller
	key string
}

func (s *server) edit(t *testing.T) *editor {
	t.Helper()
	return &editor{s.start(t), s.writeToken}
}

func (e *editor) send(t *testing.T, method, target, body string, header ...string) answer {
	t.Helper()
	header = append(header, "api_key", e.key)
	if body != "" && !slices.Contains(header, "Content-Type") {
		header = append(header, "Content-Type", "application/json")
	}
	return e.caller.send(t, method, target, body, header...)
}

func (e *editor) post(t *testing.T, target, body string, header ...string) answer {
	t.Helper()
	return e.send(t, http.MethodPost, target, body, header...)
}

// create makes a persona and returns it.
func (e *editor) create(t *testing.T, body string) apitype.Persona {
	t.Helper()
	got := e.post(t, createPath, body)
	if got.status != http.StatusOK {
		t.Fatalf("status %d: %s", got.status, got.body)
	}
	return wrapped(t, got)
}

// wrapped reads a persona under "data".
func wrapped(t *testing.T, a answer) apitype.Persona {
	t.Helper()
	var v personaResponse
	must(t, json.Unmarshal([]byte(a.body), &v))
	return v.Data
}

// failure reads an error: its code, and its fields in their order.
func failure(t *testing.T, a answer) (code string, fields []string) {
	t.Helper()
	var v apitype.ErrorResponse
	must(t, json.Unmarshal([]byte(a.body), &v))
	for _, f := range v.Error.Fields {
		fields = append(fields, f.Field)
	}
	return v.Error.Code, fields
}

// TestShapesOfWrites holds the answers of all changes against that of get, whose
// bytes TestGetPersonaSample knows.
func TestShapesOfWrites(t *testing.T) {
	t.Parallel()
	e := setup(t).edit(t)
	oID := e.create(t, `{"name":"VP"}`).OID
	body := fmt.Sprintf(`{"oId":%q}`, oID)
	wrap := func(persona string) string { return `"data":{` + persona + `}` }
	for _, test := range []struct {
		method, target, body string
		shape                func(string) string
	}{
		{"POST", updatePath, `{"oId":"` + oID + `","name":"CRO","painPoints":["p <&> ü"]}`, wrap},
		{"PUT", updatePath, `{"oId":"` + oID + `","description":"d"}`, wrap},
		{"PATCH", updatePath, `{"oId":"` + oID + `","description":null}`, wrap},
		{"POST", archivePath, body, wrap},
		{"POST", restorePath, body, wrap},
		{"DELETE", deletePath + oID, "", func(s string) string { return s }},
		{"POST", restorePath, body, wrap},
	} {
		got := e.send(t, test.method, test.target, test.body)
		after := e.get(t, getPath+oID, "api_key", e.key)
		want := test.shape(strings.TrimSuffix(withoutMetadata(t, after.body), "}"))
		if got.status != http.StatusOK || strings.TrimSuffix(strings.TrimSpace(withoutMetadata(t, got.body)), "}") != want {
			t.Errorf("%s %s: status %d\n%s\nwant\n%s", test.method, test.target, got.status, got.body, want)
		}
		if etag := got.header.Get("ETag"); etag != after.header.Get("ETag") {
			t.Errorf("%s %s: ETag %s, then %s", test.method, test.target, etag, after.header.Get("ETag"))
		}
	}
}

func TestUpdateSemantics(t *testing.T) {
	t.Parallel()
	e := setup(t).edit(t)
	const full = `{"name":"VP","internalName":"Sally","description":"d","painPoints":["a","b"],"buyingRole":["r"],"customFields":[{"title":"t","value":["v"]}],
		"qualifyingQuestions":[{"question":"q","fitType":"GOOD","weight":"LOW"}],"active":false}`
	for name, test := range map[string]struct {
		method, patch string
		header        []string
		want          func(*apitype.Persona)
	}{
		"NothingGiven": {"POST", `{}`, nil, func(*apitype.Persona) {}},
		"Null": {"POST", `{"internalName":null,"description":null,"painPoints":null,"buyingRole":null,"customFields":null,"qualifyingQuestions":null,"active":null}`, nil, func(p *apitype.Persona) {
			p.InternalName, p.Description, p.Data.InternalName, p.Data.BuyingRole, p.QualifyingQuestions, p.Active = nil, nil, "", nil, nil, true
			p.Data.PainPoints, p.Data.CustomFields = []string{}, []apitype.CustomField{}
		}},
		"Empty": {"PUT", `{"internalName":"","description":"","painPoints":[],"customFields":[]}`, nil, func(p *apitype.Persona) {
			empty := ""
			p.InternalName, p.Description, p.Data.InternalName = &empty, &empty, ""
			p.Data.PainPoints, p.Data.CustomFields = []string{}, []apitype.CustomField{}
		}},
		"EmptyFromN8n":      {"PUT", `{"name":"","internalName":"","description":"","painPoints":[],"customFields":[],"linkingStrategy":{}}`, []string{"x-request-source", "n8n"}, func(*apitype.Persona) {}},
		"EmptyFromAnother":  {"POST", `{"painPoints":[]}`, []string{"x-request-source", "N8N-like"}, func(p *apitype.Persona) { p.Data.PainPoints = []string{} }},
		"NullFromN8n":       {"PUT", `{"description":null}`, []string{"x-request-source", "n8n"}, func(p *apitype.Persona) { p.Description = nil }},
		"ListsAreWhole":     {"POST", `{"painPoints":["c"]}`, nil, func(p *apitype.Persona) { p.Data.PainPoints = []string{"c"} }},
		"MergePatch":        {"PATCH", `{"description":null,"painPoints":["c"]}`, []string{"Content-Type", "application/merge-patch+json"}, func(p *apitype.Persona) { p.Description, p.Data.PainPoints = nil, []string{"c"} }},
		"SameValues":        {"POST", full, nil, func(*apitype.Persona) {}},
		"OnlyUnknownFields": {"POST", `{"unrecognized":true,"createdAt":"2020-01-01T00:00:00Z","nonsense":1}`, nil, func(*apitype.Persona) {}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := e.create(t, full)
			before := *want.UpdatedAt
			got := e.send(t, test.method, updatePath, `{"oId":"`+want.OID+`",`+strings.TrimPrefix(strings.Replace(test.patch, "{}", `{"x":1}`, boolInt(test.patch == "{}")), "{"), test.header...)
			if got.status != http.StatusOK {
				t.Fatalf("status %d: %s", got.status, got.body)
			}
			p := wrapped(t, got)
			plain := p
			test.want(&want)
			want.UpdatedAt, plain.UpdatedAt = nil, nil
			if diff := cmp.Diff(want, plain); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			unchanged := cmp.Equal(wrapped(t, got).UpdatedAt, &before)
			if n := e.revisions(t, "entityOIds="+want.OID).Total; unchanged != (n == 1) {
				t.Errorf("updatedAt was %v and is %v; %d revisions", before, p.UpdatedAt, n)
			}
		})
	}
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TestBodyErrors shows that every error of a body is answered, at once and with
// its path.
func TestBodyErrors(t *testing.T) {
	t.Parallel()
	e := setup(t).edit(t)
	oID := e.create(t, `{"name":"VP"}`).OID
	long := func(n int) string { return strings.Repeat("x", n) }
	for name, test := range map[string]struct {
		body   string
		fields []string // of create
	}{
		"Empty":         {"", []string{"body"}},
		"NotJSON":       {`{"name":`, []string{"body"}},
		"NotAnObject":   {`["name"]`, []string{"body"}},
		"Null":          {`null`, []string{"body"}},
		"Trailing":      {`{"name":"x"}{}`, []string{"body"}},
		"NotUTF8":       {"{\"name\":\"\xff\"}", []string{"body"}},
		"LoneSurrogate": {`{"name":"\ud800"}`, []string{"body"}},
		"TwiceTheKey":   {`{"name":"x","name":"y"}`, []string{"name"}},
		"NoName":        {`{}`, []string{"name"}},
		"NullName":      {`{"name":null}`, []string{"name"}},
		"NumberAsName":  {`{"name":5}`, []string{"name"}},
		"LongName":      {`{"name":"` + long(256) + `"}`, []string{"name"}},
		"Control":       {`{"name":"a\u0000b"}`, []string{"name"}},
		"Deep":          {`{"name":"x","unknown":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, []string{"unknown"}},
		"Offerings":     {`{"name":"x","linkingStrategy":{"mode":"SPECIFIC"}}`, []string{"linkingStrategy.offeringOIds"}},
		"AllWithNames":  {`{"name":"x","linkingStrategy":{"mode":"ALL","offeringOIds":["o"]}}`, []string{"linkingStrategy.offeringOIds"}},
		"NoMode":        {`{"name":"x","linkingStrategy":{}}`, []string{"linkingStrategy.mode"}},
		"NoObject":      {`{"name":"x","linkingStrategy":[]}`, []string{"linkingStrategy"}},
		"EmptyMode":     {`{"name":"x","linkingStrategy":{"mode":""}}`, []string{"linkingStrategy.mode"}},
		"UnknownMode":   {`{"name":"x","linkingStrategy":{"mode":"some"}}`, []string{"linkingStrategy.mode"}},
		"SameLinkTwice": {`{"name":"x","playbookOIds":["a","a"]}`, []string{"playbookOIds[1]"}},
		"EmptyItem":     {`{"name":"x","painPoints":["a",""]}`, []string{"painPoints[1]"}},
		"NullItem":      {`{"name":"x","painPoints":[null]}`, []string{"painPoints[0]"}},
		"ListAsText":    {`{"name":"x","painPoints":"a"}`, []string{"painPoints"}},
		"QuestionTwice": {`{"name":"x","qualifyingQuestions":[{"oId":"q","question":"a","fitType":"GOOD","weight":"LOW"},{"oId":"q","question":"b","fitType":"GOOD","weight":"LOW"}]}`, []string{"qualifyingQuestions[0].oId", "qualifyingQuestions[1].oId"}},
		"ManyQuestions": {`{"name":"x","qualifyingQuestions":[` + strings.TrimSuffix(strings.Repeat(`{"question":"a","fitType":"GOOD","weight":"LOW"},`, 101), ",") + `]}`, []string{"qualifyingQuestions"}},
		"ManyItems":     {`{"name":"x","keyConcerns":[` + strings.TrimSuffix(strings.Repeat(`"a",`, 5001), ",") + `]}`, []string{"keyConcerns"}},
		"Active":        {`{"name":"x","active":"yes"}`, []string{"active"}},
		"ManyInOneBody": {
			`{"name":"","description":7,"painPoints":["",1],"customFields":[{"title":"t"},{"title":"t","value":["a"]},{"title":"","value":[""]}],
			"qualifyingQuestions":[{"question":"","fitType":"good","weight":"LOW","archivedAt":"yesterday"}]}`,
			[]string{
				"description", "painPoints[1]", "qualifyingQuestions[0].archivedAt", "name", "painPoints[0]", "customFields[2].title", "customFields[2].value[0]",
				"qualifyingQuestions[0].question", "qualifyingQuestions[0].fitType",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := e.post(t, createPath, test.body)
			code, fields := failure(t, got)
			if diff := cmp.Diff(test.fields, fields); got.status != http.StatusBadRequest || code != "invalid_request" || diff != "" {
				t.Errorf("status %d, code %s; fields (-want +got):\n%s%.300s", got.status, code, diff, got.body)
			}
			// An update has the same errors, but needs no name.
			if name == "NoName" {
				return
			}
			body := test.body
			if rest, ok := strings.CutPrefix(body, "{"); ok {
				body = `{"oId":"` + oID + `",` + rest
			}
			if got := e.post(t, updatePath, body); got.status != http.StatusBadRequest {
				t.Errorf("update: status %d: %.300s", got.status, got.body)
			} else if _, fields := failure(t, got); cmp.Diff(slices.Sorted(slices.Values(test.fields)), slices.Sorted(slices.Values(fields))) != "" {
				t.Errorf("update: fields %v, want %v", fields, test.fields)
			}
		})
	}

	t.Run("AtTheEdge", func(t *testing.T) {
		t.Parallel()
		body, err := json.Marshal(map[string]any{
			"name": long(255), "internalName": long(255), "description": long(10_000), "painPoints": slices.Repeat([]string{"a"}, 5000),
			"customFields": slices.Repeat([]any{map[string]any{"title": long(255), "value": []string{long(1000)}}}, 100), "playbookOIds": []string{long(255)},
		})
		must(t, err)
		if got := e.post(t, createPath, string(body)); got.status != http.StatusOK {
			t.Errorf("status %d: %.300s", got.status, got.body)
		}
	})
}

// TestRefusals is every other error of the calls that change, with its status
// and code.
func TestRefusals(t *testing.T) {
	t.Parallel()
	s := setup(t)
	e := s.edit(t)
	live := e.create(t, `{"name":"Live","qualifyingQuestions":[{"question":"q","fitType":"GOOD","weight":"LOW"}]}`).OID
	dead := e.create(t, `{"name":"Dead"}`).OID
	e.send(t, http.MethodDelete, deletePath+dead, "")
	e.post(t, createPath, `{"name":"First"}`, "Idempotency-Key", "used")
	ref := func(oID string) string { return `{"oId":"` + oID + `"}` }
	for name, test := range map[string]struct {
		method, target, body string
		header               []string
		status               int
		code                 string
		fields               []string
	}{
		"UpdateOfDeleted":  {"POST", updatePath, `{"oId":"` + dead + `","name":"x"}`, nil, 409, "persona_deleted", nil},
		"ArchiveOfDeleted": {"POST", archivePath, ref(dead), nil, 409, "persona_deleted", nil},
		"UpdateUnknown":    {"PUT", updatePath, ref("nobody"), nil, 404, "persona_not_found", nil},
		"ArchiveUnknown":   {"POST", archivePath, ref("nobody"), nil, 404, "persona_not_found", nil},
		"RestoreUnknown":   {"POST", restorePath, ref("nobody"), nil, 404, "persona_not_found", nil},
		"DeleteUnknown":    {"DELETE", deletePath + "nobody", "", nil, 404, "persona_not_found", nil},
		"RestoreRevision":  {"POST", restorePath, `{"oId":"` + live + `","revisionOId":"none"}`, nil, 404, "revision_not_found", nil},
		"Question":         {"POST", "/api/v2/persona/question/archive", `{"oId":"` + live + `","questionOId":"none"}`, nil, 404, "question_not_found", nil},
		"QuestionUpdate":   {"POST", "/api/v2/persona/question/update", `{"oId":"` + live + `","questionOId":"none","question":"x"}`, nil, 404, "question_not_found", nil},
		"NoQuestionID":     {"POST", "/api/v2/persona/question/restore", ref(live), nil, 400, "invalid_request", []string{"questionOId"}},
		"NothingNamed":     {"POST", "/api/v2/persona/question/restore", `{}`, nil, 400, "invalid_request", []string{"questionOId", "oId"}},
		"NumberAsID":       {"POST", archivePath, `{"oId":1}`, nil, 400, "invalid_request", []string{"oId"}},
		"NoIDToDelete":     {"DELETE", "/api/v2/persona/delete", "", nil, 400, "invalid_request", []string{"oId"}},
		"Include":          {"POST", archivePath + "?include=all", ref(live), nil, 400, "invalid_request", []string{"include"}},
		"BodyAndInclude":   {"POST", createPath + "?include=all", `{"name":""}`, nil, 400, "invalid_request", []string{"include", "name"}},
		"MediaType":        {"POST", createPath, `name=x`, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "unsupported_media_type", nil},
		"MediaTypeBroken":  {"PUT", updatePath, `{}`, []string{"Content-Type", ";;"}, 415, "unsupported_media_type", nil},
		"KeyReused":        {"POST", createPath, `{"name":"Second"}`, []string{"Idempotency-Key", "used"}, 409, "idempotency_key_reused", nil},
		"KeyTooLong":       {"POST", createPath, `{"name":"x"}`, []string{"Idempotency-Key", strings.Repeat("k", 256)}, 400, "invalid_request", []string{"Idempotency-Key"}},
		"Changed":          {"POST", updatePath, ref(live), []string{"If-Match", `"old"`}, 412, "persona_changed", nil},
		"TooLarge":         {"POST", createPath, `{"name":"` + strings.Repeat("x", api.MaxBodyBytes) + `"}`, nil, 413, "body_too_large", nil},
		"Revision":         {"GET", "/api/v2/revision/get?revisionOId=none", "", nil, 404, "revision_not_found", nil},
		"RevisionNoID":     {"GET", "/api/v2/revision/get", "", nil, 400, "invalid_request", []string{"revisionOId"}},
		"RevisionRestore":  {"POST", "/api/v2/revision/restore", `{"revisionOId":"none"}`, nil, 404, "revision_not_found", nil},
		"StrictLinks":      {"POST", createPath + "?strictLinks=true", `{"name":"x","primaryOfferingOId":"nobody","playbookOIds":["none"]}`, nil, 400, "invalid_request", []string{"primaryOfferingOId", "playbookOIds[0]"}},
		"StrictLinksWrong": {"POST", updatePath + "?strictLinks=yes", ref(live), nil, 400, "invalid_request", []string{"strictLinks"}},
		"Generate":         {"POST", "/api/v2/persona/generate", `{"personas":[{"sources":[{"type":"TEXT","value":"x"}]}]}`, nil, 503, "model_not_configured", nil},
		"GenerateNothing":  {"POST", "/api/v2/persona/generate", `{}`, nil, 400, "invalid_request", []string{"personas"}},
		"GenerateWrong": {
			"POST", "/api/v2/persona/generate?draft=maybe", `{"personas":[{"sources":[{"type":"PDF","value":"x"},{"type":"TEXT"},1]},{"sources":{}},3],"linkingStrategy":{"mode":"NEVER"},"playbookOId":[]}`, nil, 400, "invalid_request",
			[]string{"draft", "personas[0].sources[0].type", "personas[0].sources[1].value", "personas[0].sources[2]", "personas[1].sources", "personas[2]", "playbookOId", "linkingStrategy.mode"},
		},
		"NotOffered":  {"POST", "/api/v2/workflows/run", `{}`, nil, 501, "not_offered", nil},
		"GetByPost":   {"POST", "/api/v2/revision/get", "", nil, 405, "method_not_allowed", nil},
		"DeleteByGet": {"GET", deletePath + live, "", nil, 405, "method_not_allowed", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := e.send(t, test.method, test.target, test.body, test.header...)
			code, fields := failure(t, got)
			if got.status != test.status || code != test.code || cmp.Diff(test.fields, fields) != "" {
				t.Errorf("%d %s %v, want %d %s %v: %.300s", got.status, code, fields, test.status, test.code, test.fields, got.body)
			}
		})
	}
}

// TestAllErrorsAtOnce shows that a request is told all its errors, those that
// name nothing too, and before what became of the persona.
func TestAllErrorsAtOnce(t *testing.T) {
	t.Parallel()
	e := setup(t).edit(t)
	live := e.create(t, `{"name":"Live"}`).OID
	etag := e.get(t, getPath+live, "api_key", e.key).header.Get("ETag")
	dead := e.create(t, `{"name":"Dead"}`).OID
	e.send(t, http.MethodDelete, deletePath+dead, "")
	const question = "/api/v2/persona/question/"
	for name, test := range map[string]struct {
		method, target, body string
		fields               []string
	}{
		"Update": {
			"POST", updatePath + "?include=x", `{"name":"","painPoints":["",1],"linkingStrategy":{},"qualifyingQuestions":[{"question":"q","fitType":"x","weight":"LOW"}]}`,
			[]string{"include", "painPoints[1]", "linkingStrategy.mode", "name", "painPoints[0]", "qualifyingQuestions[0].fitType", "oId"},
		},
		"UpdateEmptyID":    {"PUT", updatePath, `{"oId":"","name":null,"playbookOIds":["a","a"]}`, []string{"name", "playbookOIds[1]", "oId"}},
		"UpdateNumberAsID": {"PUT", updatePath, `{"oId":1,"name":null}`, []string{"oId", "name"}},
		"UpdateNoBody":     {"POST", updatePath + "?include=x", ``, []string{"include", "body"}},
		"UpdateUnknown":    {"POST", updatePath, `{"oId":"nobody","name":"","description":1}`, []string{"description", "name"}},
		"UpdateDeleted":    {"POST", updatePath, `{"oId":"` + dead + `","name":""}`, []string{"name"}},
		"Merge":            {"PATCH", updatePath, `{"name":"","linkingStrategy":{"offeringOIds":["a","a"]}}`, []string{"name", "linkingStrategy.offeringOIds[1]", "oId"}},
		"MergeMode":        {"PATCH", updatePath, `{"linkingStrategy":{"mode":"SPECIFIC"}}`, []string{"oId"}},
		"MergeUnknownMode": {"PATCH", updatePath, `{"linkingStrategy":{"mode":"some"}}`, []string{"linkingStrategy.mode", "oId"}},
		"Archive":          {"POST", archivePath + "?include=x", `{}`, []string{"include", "oId"}},
		"ArchiveUnknown":   {"POST", archivePath + "?include=x", `{"oId":"nobody"}`, []string{"include"}},
		"Restore":          {"POST", restorePath + "?include=x", `{"oId":"","revisionOId":1}`, []string{"include", "revisionOId", "oId"}},
		"Delete":           {"DELETE", "/api/v2/persona/delete?oId=&include=x", "", []string{"oId", "include"}},
		"DeleteInclude":    {"DELETE", deletePath + live + "&include=x", "", []string{"include"}},
		"QuestionUpdate": {
			"POST", question + "update?include=x", `{"question":"","rationale":1,"fitType":"x","weight":null}`,
			[]string{"include", "rationale", "question", "fitType", "weight", "questionOId", "oId"},
		},
		"QuestionUnknown": {"POST", question + "update", `{"oId":"` + live + `","questionOId":"none","question":null}`, []string{"question"}},
		"QuestionArchive": {"POST", question + "archive?include=x", `{"oId":""}`, []string{"include", "questionOId", "oId"}},
		"QuestionRestore": {"POST", question + "restore?include=x", `{"questionOId":""}`, []string{"include", "questionOId", "oId"}},
		"Get":             {"GET", getPath + "&include=x", "", []string{"oId", "include"}},
		"List":            {"GET", listPath + "limit=0&offset=-1&status=x&queryType=x&orderField=x&orderDirection=x&include=x", "", []string{"queryType", "status", "orderField", "orderDirection", "include", "limit", "offset"}},
		"Revisions":       {"GET", "/api/v2/revision/list?limit=0&offset=-1&startDate=x&includeRestored=x&entityTypes=Nothing", "", []string{"limit", "offset", "startDate", "includeRestored", "entityTypes"}},
		"RevisionsForm":   {"GET", "/api/v2/revision/list?limit=x&offset=-1", "", []string{"limit", "offset"}},
		"RevisionsLimit":  {"GET", "/api/v2/revision/list?limit=101&offset=-1&entityOIds=" + live + strings.Repeat(",x", 20), "", []string{"limit", "offset", "entityOIds"}},
		"Create":          {"POST", createPath + "?include=x", `{"name":"","qualifyingQuestions":[{"oId":"mine","question":"","fitType":"GOOD","weight":"LOW"}]}`, []string{"include", "qualifyingQuestions[0].oId", "name", "qualifyingQuestions[0].question"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := e.send(t, test.method, test.target, test.body)
			code, fields := failure(t, got)
			slices.Sort(fields)
			slices.Sort(test.fields)
			if got.status != http.StatusBadRequest || code != "invalid_request" || cmp.Diff(test.fields, fields) != "" {
				t.Errorf("%d %s %v, want %v: %.300s", got.status, code, fields, test.fields, got.body)
			}
			if after := e.get(t, getPath+live, "api_key", e.key); after.header.Get("ETag") != etag {
				t.Errorf("what was refused was done: %s", after.body)
			}
		})
	}
}

// TestMergePatch shows that PATCH merges linkingStrategy, and that POST and PUT
// replace it.
func TestMergePatch(t *testing.T) {
	t.Parallel()
	e := setup(t).edit(t)
	specific := func(oIDs ...string) *apitype.LinkingStrategy {
		return &apitype.LinkingStrategy{Mode: "SPECIFIC", OfferingOIDs: oIDs}
	}
	all := &apitype.LinkingStrategy{Mode: "ALL"}
	for name, test := range map[string]struct {
		before, patch string
		want          *apitype.LinkingStrategy
		field         string // that is wrong in a PATCH, "" for none
		whole         string // that is wrong in a POST or PUT
	}{
		"OfferingsAlone":  {`{"mode":"SPECIFIC","offeringOIds":["a"]}`, `{"offeringOIds":["b","c"]}`, specific("b", "c"), "", "linkingStrategy.mode"},
		"Nothing":         {`{"mode":"SPECIFIC","offeringOIds":["a"]}`, `{}`, specific("a"), "", "linkingStrategy.mode"},
		"NothingOnNone":   {`null`, `{}`, nil, "", "linkingStrategy.mode"},
		"ModeAlone":       {`null`, `{"mode":"ALL"}`, all, "", ""},
		"BothReplaced":    {`{"mode":"SPECIFIC","offeringOIds":["a"]}`, `{"mode":"ALL","offeringOIds":null}`, all, "", ""},
		"Clears":          {`{"mode":"SPECIFIC","offeringOIds":["a"]}`, `null`, nil, "", ""},
		"NullMode":        {`{"mode":"ALL"}`, `{"mode":null}`, nil, "", "linkingStrategy.mode"},
		"NullModeLeft":    {`{"mode":"SPECIFIC","offeringOIds":["a"]}`, `{"mode":null}`, nil, "linkingStrategy.mode", "linkingStrategy.mode"},
		"NullOfferings":   {`{"mode":"SPECIFIC","offeringOIds":["a"]}`, `{"offeringOIds":null}`, nil, "linkingStrategy.offeringOIds", "linkingStrategy.mode"},
		"NullOfferingsOf": {`{"mode":"ALL"}`, `{"offeringOIds":null}`, all, "", "linkingStrategy.mode"},
		"AllAndOfferings": {`{"mode":"ALL"}`, `{"offeringOIds":["a"]}`, nil, "linkingStrategy.offeringOIds", "linkingStrategy.mode"},
		"ModeOnOfferings": {`{"mode":"SPECIFIC","offeringOIds":["a"]}`, `{"mode":"ALL"}`, nil, "linkingStrategy.offeringOIds", ""},
		"OfferingsOnNone": {`null`, `{"offeringOIds":["a"]}`, nil, "linkingStrategy.mode", "linkingStrategy.mode"},
		"EmptyMode":       {`{"mode":"ALL"}`, `{"mode":""}`, nil, "linkingStrategy.mode", "linkingStrategy.mode"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			oID := e.create(t, `{"name":"VP","linkingStrategy":`+test.before+`}`).OID
			body := `{"oId":"` + oID + `","linkingStrategy":` + test.patch + `}`
			wantError := func(method, field string) {
				t.Helper()
				got := e.send(t, method, updatePath, body)
				if field == "" && got.status == http.StatusOK {
					return
				}
				if _, fields := failure(t, got); got.status != http.StatusBadRequest || !slices.Equal(fields, []string{field}) {
					t.Errorf("%s: %d %v, want an error of %q: %s", method, got.status, fields, field, got.body)
				}
			}
			wantError(http.MethodPatch, test.field)
			if test.field == "" {
				latest := e.revisions(t, "limit=1&entityOIds="+oID).Revisions[0]
				var after struct {
					LinkingStrategy *apitype.LinkingStrategy `json:"linkingStrategy"`
				}
				must(t, json.Unmarshal(e.revision(t, latest.RevisionOID).NewEntity, &after))
				if diff := cmp.Diff(test.want, after.LinkingStrategy); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			}
			wantError(http.MethodPost, test.whole)
			wantError(http.MethodPut, test.whole)
		})
	}
}

// TestDuplicatesAreKept shows that a text which stands twice in a list, and two
// custom fields of one title, come back as they were sent.
func TestDuplicatesAreKept(t *testing.T) {
	t.Parallel()
	e := setup(t).edit(t)
	const body = `"painPoints":["b","a","b","B"],"buyingRole":["r","r"],"customFields":[{"title":"t","value":["v","v"]},{"title":"t","value":["v","v"]},{"title":"t","value":[]}],
		"qualifyingQuestions":[{"question":"q","fitType":"GOOD","weight":"LOW"},{"question":"q","fitType":"GOOD","weight":"LOW"}]}`
	field := apitype.CustomField{Title: "t", Value: []string{"v", "v"}}
	oID := e.create(t, `{"name":"VP",`+body).OID
	for range 2 {
		got := e.post(t, updatePath+"?include=questionIds", `{"oId":"`+oID+`",`+body)
		p := wrapped(t, got)
		diff := cmp.Diff([]string{"b", "a", "b", "B"}, p.Data.PainPoints) + cmp.Diff([]string{"r", "r"}, p.Data.BuyingRole) +
			cmp.Diff([]apitype.CustomField{field, field, {Title: "t", Value: []string{}}}, p.Data.CustomFields)
		if questions := p.QualifyingQuestions; diff != "" || len(questions) != 2 || questions[0].OID == questions[1].OID {
			t.Errorf("(-want +got):\n%s%s", diff, got.body)
		}
	}
}

// TestBodyInChunks shows that the limit holds where no length is announced.
func TestBodyInChunks(t *testing.T) {
	t.Parallel()
	e := setup(t).edit(t)
	body := `{"name":"` + strings.Repeat("x", api.MaxBodyBytes) + `"}`
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, e.url+createPath, struct{ *strings.Reader }{strings.NewReader(body)})
	must(t, err)
	request.ContentLength = -1
	request.Header.Set("Api_key", e.key)
	request.Header.Set("Content-Type", "application/json")
	// Past the contract's transport, which reads the body for itself.
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(client.CloseIdleConnections)
	response, err := client.Do(request)
	must(t, err)
	must(t, response.Body.Close())
	if response.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d", response.StatusCode)
	}
}

func TestIfMatch(t *testing.T) {
	t.Parallel()
	e := setup(t).edit(t)
	created := e.post(t, createPath+"?include=questionIds", `{"name":"VP","qualifyingQuestions":[{"question":"q","fitType":"GOOD","weight":"LOW"}]}`)
	oID, first := wrapped(t, created).OID, created.header.Get("ETag")
	if changed := e.post(t, updatePath, `{"oId":"`+oID+`","name":"CRO"}`, "If-Match", `"x", `+first); changed.status != http.StatusOK {
		t.Fatalf("status %d: %s", changed.status, changed.body)
	}
	current := e.get(t, getPath+oID, "api_key", e.key)
	etag := current.header.Get("ETag")
	body := `{"oId":"` + oID + `","questionOId":"` + wrapped(t, created).QualifyingQuestions[0].OID + `","name":"Lost","question":"Lost"}`
	for _, stale := range []string{first, "W/" + etag, strings.Trim(etag, `"`), ""} {
		for method, targets := range map[string][]string{
			"POST":   {updatePath, archivePath, restorePath, "/api/v2/persona/question/update", "/api/v2/persona/question/archive", "/api/v2/persona/question/restore"},
			"PUT":    {updatePath},
			"PATCH":  {updatePath},
			"DELETE": {deletePath + oID},
		} {
			for _, target := range targets {
				sent := body
				if method == http.MethodDelete {
					sent = ""
				}
				got := e.send(t, method, target, sent, "If-Match", stale)
				if code, _ := failure(t, got); got.status != http.StatusPreconditionFailed || code != "persona_changed" || got.header.Get("ETag") != etag {
					t.Errorf("%s %s with %s: status %d, ETag %s, want %s", method, target, stale, got.status, got.header.Get("ETag"), etag)
				}
			}
		}
	}
	if after := e.get(t, getPath+oID, "api_key", e.key); withoutMetadata(t, after.body) != withoutMetadata(t, current.body) {
		t.Errorf("a refused change was made:\n%s", after.body)
	}
	for _, good := range []string{"*", etag} {
		if got := e.send(t, http.MethodDelete, deletePath+oID, "", "If-Match", good); got.status != http.StatusOK {
			t.Errorf("%s: status %d: %s", good, got.status, got.body)
		}
		e.post(t, restorePath, `{"oId":"`+oID+`"}`)
		if good == "*" {
			break // the tag is another one by now
		}
	}
}

// TestETagSeesLinks shows that a version that differs in its links alone, which
// the answer does not have, has another ETag, even within a millisecond.
func TestETagSeesLinks(t *testing.T) {
	t.Parallel()
	now := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	e := setup(t, withNow(func() time.Time { return now })).edit(t)
	oID := e.create(t, `{"name":"VP"}`).OID
	seen := map[string]bool{}
	for _, playbook := range []string{"a", "b", "a", "b"} {
		got := e.post(t, updatePath, `{"oId":"`+oID+`","playbookOIds":["`+playbook+`"]}`)
		if etag := got.header.Get("ETag"); got.status != http.StatusOK || seen[etag] {
			t.Errorf("status %d; the ETag %s again: %s", got.status, etag, got.body)
		} else {
			seen[etag] = true
		}
	}
}

func TestIdempotency(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var mu sync.Mutex
	s := setup(t, withNow(func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}))
	e := s.edit(t)
	const body = `{"name":"VP","painPoints":["p"]}`
	first := e.post(t, createPath, body, "Idempotency-Key", "k")
	if first.status != http.StatusOK || first.header.Get("Idempotency-Replayed") != "" {
		t.Fatalf("status %d, header %v", first.status, first.header)
	}
	// What became of the persona since does not change its first answer.
	oID := wrapped(t, first).OID
	e.post(t, updatePath, `{"oId":"`+oID+`","name":"CRO"}`)
	again := e.post(t, createPath, body, "Idempotency-Key", "k")
	if again.header.Get("Idempotency-Replayed") != "true" || again.header.Get("ETag") != first.header.Get("ETag") ||
		withoutMetadata(t, again.body) != withoutMetadata(t, first.body) {
		t.Errorf("status %d, header %v:\n%s\n%s", again.status, again.header, first.body, again.body)
	}
	if got := e.post(t, createPath, body+" ", "Idempotency-Key", "k"); got.status != http.StatusConflict {
		t.Errorf("another body: status %d", got.status)
	}
	// n8n means the same with it: nothing in it is empty.
	if got := e.post(t, createPath, body, "Idempotency-Key", "k", "x-request-source", "n8n"); got.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("the same from n8n: status %d", got.status)
	}
	// A refused request leaves the key unused.
	if got := e.post(t, createPath, `{"name":""}`, "Idempotency-Key", "refused"); got.status != http.StatusBadRequest {
		t.Errorf("status %d", got.status)
	}
	if got := e.post(t, createPath, body, "Idempotency-Key", "refused"); got.status != http.StatusOK || got.header.Get("Idempotency-Replayed") != "" {
		t.Errorf("status %d, header %v", got.status, got.header)
	}
	// Keys are a workspace's own.
	others := &editor{e.caller, s.key(t, s.other, account.ScopeWrite)}
	if got := others.post(t, createPath, `{"name":"Theirs"}`, "Idempotency-Key", "k"); got.status != http.StatusOK || wrapped(t, got).OID == oID {
		t.Errorf("status %d: %s", got.status, got.body)
	}
	// After a day it is a key like any other.
	mu.Lock()
	now = now.Add(library.IdempotencyLasts + time.Second)
	mu.Unlock()
	if got := e.post(t, createPath, body, "Idempotency-Key", "k"); got.status != http.StatusOK || wrapped(t, got).OID == oID {
		t.Errorf("after 24 h: status %d: %s", got.status, got.body)
	}
}

// TestIdempotencyShowsWhatIsAskedFor replays with the ids of questions and
// without, whatever was asked for first.
func TestIdempotencyShowsWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	e := setup(t).edit(t)
	const body = `{"name":"VP","qualifyingQuestions":[{"question":"q","fitType":"GOOD","weight":"LOW"}]}`
	const withIDs = createPath + "?include=questionIds"
	for _, targets := range [][2]string{{createPath, withIDs}, {withIDs, createPath}} {
		first := e.post(t, targets[0], body, "Idempotency-Key", targets[0])
		oID := wrapped(t, first).OID
		now := map[string]string{createPath: getPath + oID, withIDs: getPath + oID + "&include=questionIds"}
		want := map[string]string{}
		for target, get := range now {
			want[target] = strings.TrimSuffix(strings.TrimSpace(withoutMetadata(t, e.get(t, get, "api_key", e.key).body)), "}")
		}
		e.post(t, updatePath, `{"oId":"`+oID+`","name":"CRO","qualifyingQuestions":null}`)
		for _, target := range targets {
			got := e.post(t, target, body, "Idempotency-Key", targets[0])
			if got.header.Get("Idempotency-Replayed") != "true" || got.header.Get("ETag") != first.header.Get("ETag") || !strings.Contains(withoutMetadata(t, got.body), want[target]) {
				t.Errorf("%s: status %d, header %v: %s\nwant %s", target, got.status, got.header, got.body, want[target])
			}
		}
	}
}

// TestIdempotencyOfN8n: the same bytes say something else from n8n, where they
// are empty.
func TestIdempotencyOfN8n(t *testing.T) {
	t.Parallel()
	e := setup(t).edit(t)
	const body = `{"name":"VP","description":"","painPoints":[]}`
	n8n := []string{"x-request-source", "n8n", "Idempotency-Key"}
	for i, test := range []struct{ first, second []string }{{[]string{"Idempotency-Key"}, n8n}, {n8n, []string{"Idempotency-Key"}}} {
		key := fmt.Sprint(i)
		first := e.post(t, createPath, body, append(slices.Clip(test.first), key)...)
		if got := e.post(t, createPath, body, append(slices.Clip(test.first), key)...); withoutMetadata(t, got.body) != withoutMetadata(t, first.body) {
			t.Errorf("the same: status %d: %s", got.status, got.body)
		}
		if got := e.post(t, createPath, body, append(slices.Clip(test.second), key)...); got.status != http.StatusConflict {
			t.Errorf("with another meaning: status %d: %s", got.status, got.body)
		}
	}
}

func TestIdempotencyAtOnce(t *testing.T) {
	t.Parallel()
	e := setup(t).edit(t)
	answers := make([]answer, 8)
	var group sync.WaitGroup
	for i := range answers {
		group.Go(func() { answers[i] = e.post(t, createPath, `{"name":"At once"}`, "Idempotency-Key", "k") })
	}
	group.Wait()
	replayed := 0
	for _, a := range answers {
		if withoutMetadata(t, a.body) != withoutMetadata(t, answers[0].body) {
			t.Errorf("two answers:\n%s\n%s", a.body, answers[0].body)
		}
		if a.header.Get("Idempotency-Replayed") == "true" {
			replayed++
		}
	}
	if page := e.list(t, "text=once"); page.Total != 1 || replayed != len(answers)-1 {
		t.Errorf("%d personas, %d replayed", page.Total, replayed)
	}
}

// TestQuestionsAlone changes one question and leaves the other.
func TestQuestionsAlone(t *testing.T) {
	t.Parallel()
	e := setup(t).edit(t)
	got := e.post(t, createPath+"?include=questionIds", `{"name":"VP","qualifyingQuestions":[
		{"question":"a","fitType":"GOOD","weight":"LOW"},{"question":"b","fitType":"BAD","weight":"HIGH"}]}`)
	p := wrapped(t, got)
	a, b := p.QualifyingQuestions[0].OID, p.QualifyingQuestions[1].OID
	if a == "" || a == b {
		t.Fatalf("ids %q and %q", a, b)
	}
	act := func(verb, more string) []apitype.QualifyingQuestion {
		t.Helper()
		got := e.post(t, "/api/v2/persona/question/"+verb+"?include=questionIds", `{"oId":"`+p.OID+`","questionOId":"`+b+`"`+more+`}`)
		if got.status != http.StatusOK {
			t.Fatalf("%s: status %d: %s", verb, got.status, got.body)
		}
		questions := wrapped(t, got).QualifyingQuestions
		if diff := cmp.Diff(p.QualifyingQuestions[0], questions[0]); diff != "" || questions[1].OID != b {
			t.Errorf("%s: %s%v", verb, diff, questions)
		}
		return questions
	}
	if q := act("update", `,"question":"c","weight":"MEDIUM","rationale":"why"`)[1]; q.Question != "c" || q.Weight != "MEDIUM" || q.FitType != "BAD" || q.Rationale != "why" {
		t.Errorf("%+v", q)
	}
	if q := act("update", `,"question":"c"`)[1]; q.Rationale != "why" {
		t.Errorf("absent, and not left alone: %+v", q)
	}
	if q := act("update", `,"rationale":null`)[1]; q.Rationale != "" || q.Question != "c" {
		t.Errorf("null, and not cleared: %+v", q)
	}
	if q := act("archive", "")[1]; q.ArchivedAt == nil {
		t.Errorf("%+v", q)
	}
	if q := act("restore", "")[1]; q.ArchivedAt != nil {
		t.Errorf("%+v", q)
	}
	// Sent whole again without ids, a question is known by its words.
	whole := e.post(t, updatePath+"?include=questionIds", `{"oId":"`+p.OID+`","qualifyingQuestions":[{"question":"c","fitType":"BAD","weight":"LOW"},{"question":"new","fitType":"BAD","weight":"LOW"}]}`)
	if q := wrapped(t, whole).QualifyingQuestions; q[0].OID != b || q[1].OID == a || q[1].OID == "" {
		t.Errorf("%+v", q)
	}
	// The ids are an extension of get and list too.
	for _, target := range []string{getPath + p.OID + "&include=questionIds", "/api/v2/persona/list?include=questionIds"} {
		if got := e.get(t, target, "api_key", e.key); !strings.Contains(got.body, `"oId":"`+b+`"`) {
			t.Errorf("%s: %s", target, got.body)
		}
	}
	tag := e.get(t, getPath+p.OID+"&include=questionIds", "api_key", e.key).header.Get("ETag")
	if got := e.get(t, getPath+p.OID+"&include=questionIds", "api_key", e.key, "If-None-Match", tag); got.status != http.StatusNotModified {
		t.Errorf("with its ETag: status %d", got.status)
	}
}

func TestPageTooLarge(t *testing.T) {
	t.Parallel()
	s := setup(t)
	e := s.edit(t)
	const n = 17 // entities of 2 MB
	records := make([]string, n)
	item := `,"` + strings.Repeat("x", 10_000) + `"`
	for i := range records {
		records[i] = fmt.Sprintf(`{"oId":"large_%d","name":"x","painPoints":["x"%s]}`, i, strings.Repeat(item, 199))
	}
	s.put(t, records...)
	for query, status := range map[string]int{"limit=1000": http.StatusBadRequest, "limit=1": http.StatusOK} {
		got := e.get(t, listPath+query, "api_key", e.key)
		if got.status != status || status != http.StatusOK && !strings.Contains(got.body, `"page_too_large"`) {
			t.Errorf("%q: status %d, want %d: %.300s", query, got.status, status, got.body)
		}
	}
}

// TestScopesOfCalls shows which scope each call needs.
func TestScopesOfCalls(t *testing.T) {
	t.Parallel()
	s := setup(t)
	c := s.start(t)
	tokens := map[string]string{"read": s.token, "write": s.writeToken, "admin": s.adminToken}
	rank := map[string]int{"read": 1, "write": 2, "admin": 3}
	for _, test := range []struct{ method, target, body, needs string }{
		{"GET", "/api/v2/persona/list", "", "read"},
		{"GET", getPath + "p_1234&include=questionIds", "", "read"},
		{"GET", "/api/v2/revision/list", "", "read"},
		{"GET", "/api/v2/revision/get?revisionOId=none", "", "read"},
		{"GET", "/api/v2/api-key/list", "", "read"},
		{"POST", createPath, `{"name":"x"}`, "write"},
		{"POST", updatePath, `{"oId":"none"}`, "write"},
		{"PUT", updatePath, `{"oId":"none"}`, "write"},
		{"PATCH", updatePath, `{"oId":"none"}`, "write"},
		{"DELETE", deletePath + "none", "", "write"},
		{"POST", archivePath, `{"oId":"none"}`, "write"},
		{"POST", restorePath, `{"oId":"none"}`, "write"},
		{"POST", restorePath, `{"oId":"none","revisionOId":"none"}`, "write"},
		{"POST", "/api/v2/persona/question/update", `{"oId":"none","questionOId":"none"}`, "write"},
		{"POST", "/api/v2/persona/question/archive", `{"oId":"none","questionOId":"none"}`, "write"},
		{"POST", "/api/v2/persona/question/restore", `{"oId":"none","questionOId":"none"}`, "write"},
		{"POST", "/api/v2/revision/restore", `{"revisionOId":"none"}`, "write"},
		{"POST", "/api/v2/persona/generate", `{}`, "write"},
		{"POST", "/api/v2/api-key/create", `{}`, "admin"},
		{"POST", "/api/v2/api-key/revoke", `{}`, "admin"},
	} {
		for _, scope := range slices.Sorted(maps.Keys(tokens)) {
			e := &editor{c, tokens[scope]}
			got := e.send(t, test.method, test.target, test.body)
			// write includes read, and admin both.
			if forbidden := rank[scope] < rank[test.needs]; forbidden != (got.status == http.StatusForbidden) || got.status == http.StatusUnauthorized {
				t.Errorf("%s %s with the scope %s: status %d", test.method, test.target, scope, got.status)
			}
		}
	}
}
