package contracttest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"personae.dev/contract"
	"personae.dev/contract/contracttest"
)

// recorder is a testing.TB that keeps failures instead of failing.
type recorder struct {
	testing.TB
	failures []string
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

// answer is what the fake server answers with.
type answer struct {
	status int
	header map[string]string
	body   string
}

// roundTrip answers without a server between, so that even what net/http would
// mend reaches the transport.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func exchange(t *testing.T, method, target string, header map[string]string, a answer) []string {
	t.Helper()
	rec := &recorder{TB: t}
	tr := contracttest.Transport(rec, roundTrip(func(*http.Request) (*http.Response, error) {
		w := httptest.NewRecorder()
		for k, v := range a.header {
			w.Header().Set(k, v)
		}
		w.WriteHeader(a.status)
		_, _ = w.WriteString(a.body)
		return w.Result(), nil
	}))
	req := httptest.NewRequestWithContext(t.Context(), method, target, nil)
	for k, v := range header {
		req.Header.Set(k, v)
	}
	resp, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != a.body {
		t.Errorf("the caller reads %q, the server sent %q", got, a.body)
	}
	return rec.failures
}

const getTarget = "http://personae.test/api/v2/persona/get?oId=p_1234"

func key() map[string]string { return map[string]string{"api_key": "psk_1"} }

// with returns base and the given headers; an empty value takes one away.
func with(base map[string]string, kv ...string) map[string]string {
	m := make(map[string]string)
	for k, v := range base {
		m[k] = v
	}
	for i := 0; i < len(kv); i += 2 {
		if kv[i+1] == "" {
			delete(m, kv[i])
			continue
		}
		m[kv[i]] = kv[i+1]
	}
	return m
}

func jsonHeader() map[string]string {
	return map[string]string{"Content-Type": "application/json; charset=utf-8", "X-Request-Id": "requestId", "Cache-Control": "no-store"}
}

func personaHeader() map[string]string {
	return with(jsonHeader(), "ETag", `"abc"`, "Cache-Control", "private, no-cache")
}

func writtenHeader() map[string]string { return with(jsonHeader(), "Cache-Control", "no-store") }

const listTarget = "http://personae.test/api/v2/persona/list"

// listBody is a page of one persona; more comes behind its data.
func listBody(t *testing.T, more string) string {
	t.Helper()
	return `{"_metadata":` + metadataOf(t) + `,"hasNext":false,"total":1,"data":[` + personaOf(t) + `]` + more + `}`
}

func metadataOf(t *testing.T) string {
	t.Helper()
	b, err := json.Marshal(sample(t)["_metadata"])
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func personaOf(t *testing.T) string {
	t.Helper()
	return edit(t, func(v map[string]any) { delete(v, "_metadata") })
}

// sample is the published sample with dates where it has placeholders.
func sample(t *testing.T) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(contract.GetPersonaSample(), &v); err != nil {
		t.Fatal(err)
	}
	const date = "2021-01-01T00:00:00.000Z"
	for _, k := range []string{"createdAt", "deletedAt", "archivedAt", "updatedAt"} {
		v[k] = date
	}
	v["qualifyingQuestions"].([]any)[0].(map[string]any)["archivedAt"] = date
	return v
}

// edit returns the sample after fn has changed it.
func edit(t *testing.T, fn func(map[string]any)) string {
	t.Helper()
	v := sample(t)
	if fn != nil {
		fn(v)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func object(v any) map[string]any { return v.(map[string]any) }

func question(v map[string]any) map[string]any {
	return object(v["qualifyingQuestions"].([]any)[0])
}

func errorBody(code string) string {
	return fmt.Sprintf(`{"_metadata":{"usage":0,"requestId":"requestId","message":"M","timestamp":"2021-01-01T00:00:00.000Z"},`+
		`"message":"M","error":{"code":%q,"fields":[]}}`, code)
}

const validateBody = `{"_metadata":{"usage":0,"requestId":"requestId","message":"OK","timestamp":"2021-01-01T00:00:00.000Z"},` +
	`"status":"ok","valid":true,"credits":{"totalUsed":0,"totalRemaining":1,"totalMax":1,"quotaUsed":0,"quotaAvailable":1,` +
	`"quotaMax":1,"period":"unlimited","creditsUsed":0,"creditsAvailable":1},"workspaceOId":"wa_1","workspaceName":"",` +
	`"workspaceDomain":null,"organizationOId":"og_1","organizationName":"","organizationDomain":null,` +
	`"organizationSlug":"o","mcpUrl":null}`

func TestRightAnswersPass(t *testing.T) {
	t.Parallel()
	limited := with(jsonHeader(), "Retry-After", "1", "RateLimit-Limit", "1000", "RateLimit-Remaining", "0", "RateLimit-Reset", "60")
	tests := map[string]struct {
		method, target string
		header         map[string]string
		answer         answer
	}{
		"Sample": {"GET", getTarget, key(), answer{200, personaHeader(), edit(t, nil)}},
		"Nulls": {"GET", getTarget, key(), answer{200, personaHeader(), edit(t, func(v map[string]any) {
			for _, k := range []string{"internalName", "description", "deletedAt", "archivedAt", "qualifyingQuestions"} {
				v[k] = nil
			}
		})}},
		"EmptyLists": {"GET", getTarget, key(), answer{200, personaHeader(), edit(t, func(v map[string]any) {
			object(v["data"])["painPoints"] = []string{}
			object(v["data"])["customFields"] = []string{}
			v["qualifyingQuestions"] = []string{}
		})}},
		"BuyingRole": {"GET", getTarget, key(), answer{200, personaHeader(), edit(t, func(v map[string]any) {
			object(v["data"])["buyingRole"] = []string{"Champion"}
		})}},
		"Head":                {"HEAD", getTarget, key(), answer{200, personaHeader(), ""}},
		"NotModified":         {"GET", getTarget, with(key(), "If-None-Match", `"abc"`), answer{304, with(personaHeader(), "Content-Type", ""), ""}},
		"QuestionIDs":         {"GET", getTarget + "&include=questionIds", key(), answer{200, personaHeader(), edit(t, func(v map[string]any) { question(v)["oId"] = "qq_1" })}},
		"List":                {"GET", listTarget, key(), answer{200, writtenHeader(), listBody(t, "")}},
		"ListEmptyParameters": {"GET", listTarget + "?text=&limit=&offset=&queryType=&include=", key(), answer{200, writtenHeader(), listBody(t, "")}},
		"ListCursor":          {"GET", listTarget + "?cursor=", key(), answer{200, writtenHeader(), listBody(t, `,"nextCursor":null`)}},
		"OldPath":             {"GET", strings.Replace(getTarget, "persona/", "personas/", 1), key(), answer{200, personaHeader(), edit(t, nil)}},
		"XAPIKey":             {"GET", getTarget, map[string]string{"X-API-Key": "psk_1"}, answer{200, personaHeader(), edit(t, nil)}},
		"Bearer":              {"GET", getTarget, map[string]string{"Authorization": "Bearer psk_1"}, answer{200, personaHeader(), edit(t, nil)}},
		"ExternalID": {
			"GET", getTarget, with(key(), "x-external-request-id", "order-7741"),
			answer{200, with(personaHeader(), "x-external-request-id", "order-7741"), edit(t, nil)},
		},
		"ExternalIDDropped": {
			"GET", getTarget, with(key(), "x-external-request-id", "two words"),
			answer{200, personaHeader(), edit(t, nil)},
		},
		"MissingOId":         {"GET", "http://personae.test/api/v2/persona/get", key(), answer{400, jsonHeader(), errorBody("invalid_request")}},
		"EmptyOId":           {"GET", "http://personae.test/api/v2/persona/get?oId=", key(), answer{400, jsonHeader(), errorBody("invalid_request")}},
		"NoKey":              {"GET", getTarget, nil, answer{401, with(jsonHeader(), "WWW-Authenticate", `Bearer realm="personae"`), errorBody("unauthorized")}},
		"Scope":              {"GET", getTarget, key(), answer{403, jsonHeader(), errorBody("insufficient_scope")}},
		"PersonaNotFound":    {"GET", getTarget, key(), answer{404, jsonHeader(), errorBody("persona_not_found")}},
		"PathNotFound":       {"GET", "http://personae.test/nowhere", nil, answer{404, jsonHeader(), errorBody("path_not_found")}},
		"CreateWithoutABody": {"POST", "http://personae.test/api/v2/persona/create", key(), answer{400, jsonHeader(), errorBody("invalid_request")}},
		"PersonaDeleted":     {"POST", "http://personae.test/api/v2/persona/archive", key(), answer{409, jsonHeader(), errorBody("persona_deleted")}},
		"PersonaChanged": {
			"DELETE", "http://personae.test/api/v2/persona/delete?oId=p_1234", with(key(), "If-Match", `"x"`),
			answer{412, with(jsonHeader(), "ETag", `"abc"`), errorBody("persona_changed")},
		},
		"QuestionNotFound": {"POST", "http://personae.test/api/v2/persona/question/archive", key(), answer{404, jsonHeader(), errorBody("question_not_found")}},
		"NotOffered":       {"GET", "http://personae.test/api/v2/report-run/list", nil, answer{501, jsonHeader(), errorBody("not_offered")}},
		"Links": {"GET", getTarget + "&include=links", key(), answer{200, personaHeader(), edit(t, func(v map[string]any) {
			v["links"] = map[string]any{"to": []any{}, "from": []any{}}
		})}},
		"MethodNotAllowed": {"POST", getTarget, key(), answer{405, with(jsonHeader(), "Allow", "GET, HEAD"), errorBody("method_not_allowed")}},
		"HeaderTooLarge":   {"GET", getTarget, key(), answer{431, map[string]string{"Content-Type": "text/plain; charset=utf-8"}, "431"}},
		"Internal":         {"GET", getTarget, key(), answer{500, jsonHeader(), errorBody("internal")}},
		"Unavailable":      {"GET", getTarget, key(), answer{503, with(jsonHeader(), "Retry-After", "1"), errorBody("unavailable")}},
		"Validate":         {"GET", "http://personae.test/api/v2/api-key/validate", key(), answer{200, jsonHeader(), validateBody}},
		"RateLimited":      {"GET", "http://personae.test/api/v2/api-key/validate", key(), answer{429, limited, errorBody("rate_limited")}},
		"Health":           {"GET", "http://personae.test/healthz", nil, answer{200, map[string]string{"Content-Type": "text/plain"}, "ok\n"}},
		"HeadHealth":       {"HEAD", "http://personae.test/healthz", nil, answer{200, map[string]string{"Content-Type": "text/plain"}, ""}},
		"Metrics":          {"GET", "http://personae.test/metrics", nil, answer{200, map[string]string{"Content-Type": "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"}, "a 1\n"}},
		"OpenAPI":          {"GET", "http://personae.test/openapi.yaml", nil, answer{200, map[string]string{"Content-Type": "application/yaml", "ETag": `"a"`}, "openapi: 3.1.0\n"}},
		"DocsAsset":        {"GET", "http://personae.test/docs/start.js", nil, answer{200, map[string]string{"Content-Type": "text/javascript; charset=utf-8", "ETag": `"a"`}, "x"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, f := range exchange(t, tt.method, tt.target, tt.header, tt.answer) {
				t.Error(f)
			}
		})
	}
}

func TestWrongAnswersAreReported(t *testing.T) {
	t.Parallel()
	persona := func(fn func(map[string]any)) answer { return answer{200, personaHeader(), edit(t, fn)} }
	const validateTarget = "http://personae.test/api/v2/api-key/validate"
	tests := map[string]struct {
		method, target string
		header         map[string]string
		answer         answer
		want           string // in the report
	}{
		"ExtraAtTop": {"GET", getTarget, key(), persona(func(v map[string]any) { v["surplus"] = 1 }), "surplus"},
		"ExtraInMetadata": {
			"GET", getTarget, key(),
			persona(func(v map[string]any) { object(v["_metadata"])["surplus"] = 1 }), "surplus",
		},
		"ExtraInData": {
			"GET", getTarget, key(),
			persona(func(v map[string]any) { object(v["data"])["surplus"] = 1 }), "surplus",
		},
		"ExtraInCustomField": {
			"GET", getTarget, key(),
			persona(func(v map[string]any) { object(object(v["data"])["customFields"].([]any)[0])["surplus"] = 1 }), "surplus",
		},
		"ExtraInQuestion": {"GET", getTarget, key(), persona(func(v map[string]any) { question(v)["surplus"] = 1 }), "surplus"},
		"ExtraInUser": {
			"GET", getTarget, key(),
			persona(func(v map[string]any) { object(v["user"])["surplus"] = 1 }), "surplus",
		},
		"ExtraInWorkspace": {
			"GET", getTarget, key(),
			persona(func(v map[string]any) { object(v["workspace"])["surplus"] = 1 }), "surplus",
		},
		"Missing":          {"GET", getTarget, key(), persona(func(v map[string]any) { delete(v, "rejected") }), "rejected"},
		"MissingInData":    {"GET", getTarget, key(), persona(func(v map[string]any) { delete(object(v["data"]), "painPoints") }), "painPoints"},
		"WrongType":        {"GET", getTarget, key(), persona(func(v map[string]any) { v["active"] = "yes" }), "active"},
		"NullActive":       {"GET", getTarget, key(), persona(func(v map[string]any) { v["active"] = nil }), "active"},
		"NullOId":          {"GET", getTarget, key(), persona(func(v map[string]any) { v["oId"] = nil }), "oId"},
		"EmptyOId":         {"GET", getTarget, key(), persona(func(v map[string]any) { v["oId"] = "" }), "oId"},
		"NullList":         {"GET", getTarget, key(), persona(func(v map[string]any) { object(v["data"])["painPoints"] = nil }), "painPoints"},
		"NullBuyingRole":   {"GET", getTarget, key(), persona(func(v map[string]any) { object(v["data"])["buyingRole"] = nil }), "buyingRole"},
		"NullUser":         {"GET", getTarget, key(), persona(func(v map[string]any) { v["user"] = nil }), "user"},
		"NullInternalName": {"GET", getTarget, key(), persona(func(v map[string]any) { object(v["data"])["internalName"] = nil }), "internalName"},
		"NumberInList": {
			"GET", getTarget, key(),
			persona(func(v map[string]any) { object(v["data"])["keyConcerns"] = []any{"a", 1} }), "keyConcerns",
		},
		"BadEnum":        {"GET", getTarget, key(), persona(func(v map[string]any) { question(v)["weight"] = "medium" }), "weight"},
		"NoMilliseconds": {"GET", getTarget, key(), persona(func(v map[string]any) { v["createdAt"] = "2021-01-01T00:00:00Z" }), "createdAt"},
		"Offset":         {"GET", getTarget, key(), persona(func(v map[string]any) { v["updatedAt"] = "2021-01-01T00:00:00.000+02:00" }), "updatedAt"},
		"NoSuchDay":      {"GET", getTarget, key(), persona(func(v map[string]any) { v["deletedAt"] = "2021-13-41T00:00:00.000Z" }), "deletedAt"},
		"QuestionDate": {
			"GET", getTarget, key(),
			persona(func(v map[string]any) { question(v)["archivedAt"] = "2021-01-01" }), "archivedAt",
		},
		"QuestionIDUnasked": {"GET", getTarget, key(), persona(func(v map[string]any) { question(v)["oId"] = "qq_1" }), "not asked for"},
		"QuestionIDMissing": {"GET", getTarget + "&include=questionIds", key(), persona(nil), "include=questionIds"},
		"UndeclaredStatus":  {"GET", getTarget, key(), answer{202, personaHeader(), edit(t, nil)}, "202"},
		"Redirect":          {"GET", getTarget, key(), answer{307, map[string]string{"Location": "/"}, ""}, "307"},
		"ContentType": {
			"GET", getTarget, key(),
			answer{200, with(personaHeader(), "Content-Type", "text/plain"), edit(t, nil)},
			"text/plain",
		},
		"NotJSON":      {"GET", getTarget, key(), answer{200, personaHeader(), "{"}, "body"},
		"NoBody":       {"GET", getTarget, key(), answer{200, personaHeader(), ""}, "body"},
		"TwoValues":    {"GET", getTarget, key(), answer{200, personaHeader(), edit(t, nil) + "{}"}, "goes on"},
		"NoETag":       {"GET", getTarget, key(), answer{200, with(personaHeader(), "ETag", ""), edit(t, nil)}, "ETag"},
		"WeakETag":     {"GET", getTarget, key(), answer{200, with(personaHeader(), "ETag", `W/"abc"`), edit(t, nil)}, "ETag"},
		"NoRequestID":  {"GET", getTarget, key(), answer{200, with(personaHeader(), "X-Request-Id", ""), edit(t, nil)}, "X-Request-Id"},
		"CacheControl": {"GET", getTarget, key(), answer{200, with(personaHeader(), "Cache-Control", "public"), edit(t, nil)}, "Cache-Control"},
		"OtherRequestID": {
			"GET", getTarget, key(),
			answer{200, with(personaHeader(), "X-Request-Id", "other"), edit(t, nil)},
			"requestId",
		},
		"OtherExternalID": {
			"GET", getTarget, with(key(), "x-external-request-id", "a"),
			answer{200, with(personaHeader(), "x-external-request-id", "b"), edit(t, nil)},
			"x-external-request-id",
		},
		"HeadBody":        {"HEAD", getTarget, key(), answer{200, personaHeader(), edit(t, nil)}, "must not have a body"},
		"HeadETag":        {"HEAD", getTarget, key(), answer{200, with(personaHeader(), "ETag", ""), ""}, "ETag"},
		"HeadContentType": {"HEAD", getTarget, key(), answer{200, with(personaHeader(), "Content-Type", "text/html"), ""}, "text/html"},
		"HeadStatus":      {"HEAD", getTarget, key(), answer{202, personaHeader(), ""}, "202"},
		"NotModifiedETag": {"GET", getTarget, key(), answer{304, with(personaHeader(), "ETag", ""), ""}, "ETag"},
		"NotModifiedBody": {"GET", getTarget, key(), answer{304, personaHeader(), "x"}, "must not have a body"},
		"MissingOIdServed": {
			"GET", "http://personae.test/api/v2/persona/get", key(),
			answer{200, personaHeader(), edit(t, nil)},
			"must be 4xx",
		},
		"NoKeyServed":     {"GET", getTarget, nil, answer{200, personaHeader(), edit(t, nil)}, "must be 4xx"},
		"NotBearerServed": {"GET", getTarget, map[string]string{"Authorization": "Basic eA=="}, answer{200, personaHeader(), edit(t, nil)}, "must be 4xx"},
		"UnknownPathServed": {
			"GET", "http://personae.test/nowhere", nil,
			answer{200, jsonHeader(), "{}"},
			"must be 404",
		},
		"UnknownPathPlain": {
			"GET", "http://personae.test/nowhere", nil,
			answer{404, with(jsonHeader(), "Content-Type", "text/plain"), "404 page not found\n"},
			"text/plain",
		},
		"UnknownPathCode": {
			"GET", "http://personae.test/nowhere", nil,
			answer{404, jsonHeader(), errorBody("persona_not_found")},
			"path_not_found",
		},
		"NotOfferedAs404": {"GET", "http://personae.test/api/v2/motion/list", nil, answer{404, jsonHeader(), errorBody("path_not_found")}, "must be 501"},
		"LinksUnasked": {"GET", getTarget, key(), persona(func(v map[string]any) {
			v["links"] = map[string]any{"to": []any{}, "from": []any{}}
		}), "links"},
		"MethodServed": {"POST", getTarget, key(), answer{200, personaHeader(), edit(t, nil)}, "must be 405"},
		"ChangedWithoutETag": {
			"DELETE", "http://personae.test/api/v2/persona/delete?oId=p_1234", key(),
			answer{412, jsonHeader(), errorBody("persona_changed")},
			"ETag",
		},
		"CreateWithoutABodyServed": {
			"POST", "http://personae.test/api/v2/persona/create", key(),
			answer{200, with(writtenHeader(), "ETag", `"abc"`), `{"_metadata":` + metadataOf(t) + `,"data":` + personaOf(t) + `}`},
			"must be 4xx",
		},
		"NoAllow": {"POST", getTarget, key(), answer{405, jsonHeader(), errorBody("method_not_allowed")}, "Allow"},
		"ErrorCodeOfOtherStatus": {
			"GET", getTarget, key(),
			answer{404, jsonHeader(), errorBody("internal")},
			"belongs to the status 500",
		},
		"UnknownErrorCode": {"GET", getTarget, key(), answer{400, jsonHeader(), errorBody("oops")}, "oops"},
		"ErrorExtra": {
			"GET", getTarget, key(),
			answer{404, jsonHeader(), strings.Replace(errorBody("persona_not_found"), `"fields"`, `"surplus":1,"fields"`, 1)},
			"surplus",
		},
		"ErrorNullFields": {
			"GET", getTarget, key(),
			answer{404, jsonHeader(), strings.Replace(errorBody("persona_not_found"), `[]`, `null`, 1)},
			"fields",
		},
		"ErrorMessagesDiffer": {
			"GET", getTarget, key(),
			answer{404, jsonHeader(), strings.Replace(errorBody("persona_not_found"), `"message":"M","error"`, `"message":"N","error"`, 1)},
			"_metadata.message",
		},
		"OtherChallenge": {"GET", getTarget, nil, answer{401, with(jsonHeader(), "WWW-Authenticate", "Basic"), errorBody("unauthorized")}, "WWW-Authenticate"},
		"NoChallenge":    {"GET", getTarget, nil, answer{401, jsonHeader(), errorBody("unauthorized")}, "WWW-Authenticate"},
		"UnauthorizedTellsWhich": {"GET", getTarget, nil, answer{
			401, with(jsonHeader(), "WWW-Authenticate", "Bearer"),
			strings.Replace(errorBody("unauthorized"), `[]`, `[{"field":"api_key","message":"expired"}]`, 1),
		}, "fields"},
		"NoRetryAfter": {"GET", getTarget, key(), answer{503, jsonHeader(), errorBody("unavailable")}, "Retry-After"},
		"RateLimitHeaders": {
			"GET", validateTarget, key(),
			answer{429, with(jsonHeader(), "Retry-After", "1"), errorBody("rate_limited")},
			"RateLimit-",
		},
		"ValidFalse": {
			"GET", validateTarget, key(),
			answer{200, jsonHeader(), strings.Replace(validateBody, `"valid":true`, `"valid":false`, 1)},
			"valid",
		},
		"ListLimitServed": {"GET", listTarget + "?limit=1001", key(), answer{200, writtenHeader(), listBody(t, "")}, "must be 4xx"},
		"CursorUnasked":   {"GET", listTarget, key(), answer{200, writtenHeader(), listBody(t, `,"nextCursor":"x"`)}, "nextCursor"},
		"CursorMissing":   {"GET", listTarget + "?cursor=x", key(), answer{200, writtenHeader(), listBody(t, "")}, "nextCursor"},
		"ListExtra":       {"GET", listTarget, key(), answer{200, writtenHeader(), listBody(t, `,"surplus":1`)}, "surplus"},
		"ListItemExtra": {
			"GET", listTarget, key(),
			answer{200, writtenHeader(), strings.Replace(listBody(t, ""), `"rejected"`, `"surplus":1,"rejected"`, 1)},
			"surplus",
		},
		"ListKept": {"GET", listTarget, key(), answer{200, with(writtenHeader(), "Cache-Control", "private, no-cache"), listBody(t, "")}, "Cache-Control"},
		"CreditsExtra": {
			"GET", validateTarget, key(),
			answer{200, jsonHeader(), strings.Replace(validateBody, `"period"`, `"surplus":1,"period"`, 1)},
			"surplus",
		},
		"ValidateExtra": {
			"GET", validateTarget, key(),
			answer{200, jsonHeader(), strings.Replace(validateBody, `"status"`, `"surplus":1,"status"`, 1)},
			"surplus",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := exchange(t, tt.method, tt.target, tt.header, tt.answer)
			if len(got) != 1 {
				t.Fatalf("%d reports, want 1: %v", len(got), got)
			}
			// The report ends with the exchange itself, which may well have the
			// word in it.
			report, _, _ := strings.Cut(got[0], "\nheader: ")
			if !strings.Contains(report, tt.want) {
				t.Errorf("report lacks %q:\n%s", tt.want, report)
			}
		})
	}
}

func TestTransportOverHTTP(t *testing.T) {
	t.Parallel()
	body := edit(t, nil)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for k, v := range personaHeader() {
			w.Header().Set(k, v)
		}
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(srv.Close)
	client := srv.Client()
	client.Transport = contracttest.Transport(t, client.Transport)
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		req, err := http.NewRequestWithContext(t.Context(), method, srv.URL+"/api/v2/persona/get?oId=p_1234", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Api_key", "psk_1")
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil {
			t.Fatal(err)
		}
		want := body
		if method == http.MethodHead {
			want = ""
		}
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", method, diff)
		}
	}
}

func TestRequestBodyReachesTheServer(t *testing.T) {
	t.Parallel()
	var got string
	tr := contracttest.Transport(t, roundTrip(func(r *http.Request) (*http.Response, error) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		got = string(b)
		w := httptest.NewRecorder()
		for k, v := range with(jsonHeader(), "Allow", "GET, HEAD") {
			w.Header().Set(k, v)
		}
		w.WriteHeader(http.StatusMethodNotAllowed)
		_, _ = w.WriteString(errorBody("method_not_allowed"))
		return w.Result(), nil
	}))
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, getTarget, bytes.NewReader([]byte(`{"a":1}`)))
	resp, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	if got != `{"a":1}` {
		t.Errorf("server read %q", got)
	}
}
