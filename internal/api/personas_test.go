package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"personae.dev/apitype"
	"personae.dev/contract"
	"personae.dev/internal/api"
	"personae.dev/internal/library"
)

const getPath = "/api/v2/persona/get?oId="

// metadata matches what is new in every answer.
var metadata = regexp.MustCompile(`^\{"_metadata":\{"usage":0,"requestId":"req_[0-9A-Za-z]{22}","message":"OK","timestamp":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"\},`)

// withoutMetadata returns the rest of an answer, and fails where _metadata does
// not come first.
func withoutMetadata(t *testing.T, body string) string {
	t.Helper()
	head := metadata.FindString(body)
	if head == "" {
		t.Fatalf("_metadata is not what it should be:\n%.300s", body)
	}
	return body[len(head):]
}

// TestGetPersonaSample holds the answer against the published reference's
// sample, byte for byte, the order of keys included.
func TestGetPersonaSample(t *testing.T) {
	t.Parallel()
	s := setup(t)
	sample := strings.NewReplacer(s.workspace.OID, "wa_1234", s.owner.OID, "u_1234", s.owner.FirstName, "John", s.owner.LastName, "Doe")
	got := s.start(t).get(t, getPath+"p_1234", "api_key", s.token)
	if got.status != http.StatusOK {
		t.Fatalf("status %d: %s", got.status, got.body)
	}

	// The sample has placeholders for dates, where we have dates, and for what
	// is the same value as at the top.
	want := strings.ReplaceAll(string(contract.GetPersonaSample()), `"internalName": "<string>"`, `"internalName": "Sally the Sales Leader"`)
	for key, date := range map[string]string{
		"createdAt": "2021-01-01T00:00:00.000Z", "updatedAt": "2021-01-01T02:00:00.000Z",
		"deletedAt": "2021-01-01T01:00:00.000Z", "archivedAt": "2021-01-01T01:00:00.000Z",
	} {
		want = strings.ReplaceAll(want, `"`+key+`": "<string>"`, `"`+key+`": "`+date+`"`)
	}
	var compact bytes.Buffer
	must(t, json.Compact(&compact, []byte(want)))
	_, want, _ = strings.Cut(compact.String(), "},") // its _metadata
	if diff := cmp.Diff(want, sample.Replace(strings.TrimSpace(withoutMetadata(t, got.body)))); diff != "" {
		t.Errorf("answer differs from the published sample (-want +got):\n%s", diff)
	}
}

func TestGetPersona(t *testing.T) {
	t.Parallel()
	s := setup(t)
	c := s.start(t)
	const created = "2024-01-01T00:00:00.000Z"
	s.put(t, `{"oId":"bare","name":"Bare","active":false,"createdAt":"`+created+`","updatedAt":"`+created+`"}`)
	const odd = `a b/ü?&=#+%"<>😀`
	s.put(t, strings.Replace(sampleRecord, "p_1234", strings.ReplaceAll(odd, `"`, `\"`), 1))

	t.Run("EveryFieldPresent", func(t *testing.T) {
		t.Parallel()
		got := c.get(t, getPath+"bare", "api_key", s.token)
		want := `"oId":"bare","name":"Bare","internalName":null,"description":null,"createdAt":"` + created + `","deletedAt":null,"archivedAt":null,"updatedAt":"` + created +
			`","unrecognized":false,"rejected":false,"active":false,"data":{"internalName":"","primaryResponsibilities":[],"painPoints":[],"keyConcerns":[],"keyObjectives":[],` +
			`"commonJobTitles":[],"whyTheyMatterToUs":[],"whyWeMatterToThem":[],"customFields":[]},"qualifyingQuestions":null,` +
			`"user":{"oId":"` + s.owner.OID + `","firstName":"Workspace","lastName":"Owner"},"workspace":{"oId":"` + s.workspace.OID + `"}}`
		if diff := cmp.Diff(want, withoutMetadata(t, got.body)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})

	t.Run("OldPath", func(t *testing.T) {
		t.Parallel()
		got := c.get(t, "/api/v2/personas/get?oId=p_1234", "api_key", s.token)
		want := c.get(t, getPath+"p_1234", "api_key", s.token)
		if withoutMetadata(t, got.body) != withoutMetadata(t, want.body) {
			t.Errorf("the old path answers otherwise:\n%s\n%s", got.body, want.body)
		}
	})

	t.Run("AnyID", func(t *testing.T) {
		t.Parallel()
		got := c.get(t, getPath+url.QueryEscape(odd), "api_key", s.token)
		var p getPersona
		must(t, json.Unmarshal([]byte(got.body), &p))
		if got.status != http.StatusOK || p.OID != odd {
			t.Errorf("status %d, oId %q", got.status, p.OID)
		}
	})

	t.Run("UnknownParametersAreNamed", func(t *testing.T) {
		t.Parallel()
		got := c.get(t, getPath+"p_1234&b=2&a=1&a=3", "api_key", s.token)
		const want = `"message":"OK. Unknown query parameters were ignored: a, b"`
		if got.status != http.StatusOK || !strings.Contains(got.body, want) {
			t.Errorf("status %d, want %s in\n%.300s", got.status, want, got.body)
		}
	})

	t.Run("Head", func(t *testing.T) {
		t.Parallel()
		head := c.call(t, http.MethodHead, getPath+"p_1234", "api_key", s.token)
		get := c.get(t, getPath+"p_1234", "api_key", s.token)
		if head.status != http.StatusOK || head.body != "" || head.header.Get("ETag") != get.header.Get("ETag") ||
			head.header.Get("Content-Length") != get.header.Get("Content-Length") {
			t.Errorf("HEAD: status %d, body %q, header %v; GET: %v", head.status, head.body, head.header, get.header)
		}
	})

	for name, test := range map[string]struct {
		method, target string
		status         int
		code, field    string
	}{
		"NoID":          {"GET", "/api/v2/persona/get", 400, "invalid_request", "oId"},
		"EmptyID":       {"GET", getPath, 400, "invalid_request", "oId"},
		"RepeatedID":    {"GET", getPath + "p_1234&oId=p_1234", 400, "invalid_request", "oId"},
		"OtherCaseOfID": {"GET", "/api/v2/persona/get?oid=p_1234", 400, "invalid_request", "oId"},
		"BadEscape":     {"GET", getPath + "p_1234&x=%zz", 400, "invalid_request", "query"},
		"Semicolon":     {"GET", getPath + "p_1234;x=1", 400, "invalid_request", "query"},
		"NotUTF8":       {"GET", getPath + "%ff", 400, "invalid_request", "oId"},
		"UnknownID":     {"GET", getPath + "p_1235", 404, "persona_not_found", ""},
		"OtherCase":     {"GET", getPath + "P_1234", 404, "persona_not_found", ""},
		"IDWithNUL":     {"GET", getPath + "p_1234%00", 404, "persona_not_found", ""},
		"VeryLongID":    {"GET", getPath + strings.Repeat("x", 10_000), 404, "persona_not_found", ""},
		"WrongVerb":     {"POST", getPath + "p_1234", 405, "method_not_allowed", ""},
		"WrongVerbOld":  {"DELETE", "/api/v2/personas/get?oId=p_1234", 405, "method_not_allowed", ""},
		"UnknownPath":   {"GET", "/api/v2/persona/gets", 404, "path_not_found", ""},
		"EncodedSlash":  {"GET", "/api/v2/persona%2Fget?oId=p_1234", 404, "path_not_found", ""},
		// Not 405: that is of another path.
		"EncodedSlashOfChange": {"GET", "/api/v2/persona%2Fcreate", 404, "path_not_found", ""},
		"TrailingSlash":        {"GET", "/api/v2/persona/get/?oId=p_1234", 404, "path_not_found", ""},
		"OptionsUnknown":       {"OPTIONS", "/api/v2/persona/get", 405, "method_not_allowed", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := c.call(t, test.method, test.target, "api_key", s.token)
			var e apitype.ErrorResponse
			must(t, json.Unmarshal([]byte(got.body), &e))
			field := ""
			if len(e.Error.Fields) > 0 {
				field = e.Error.Fields[0].Field
			}
			if got.status != test.status || e.Error.Code != test.code || field != test.field {
				t.Errorf("%d %s %q, want %d %s %q: %s", got.status, e.Error.Code, field, test.status, test.code, test.field, got.body)
			}
			if allow := got.header.Get("Allow"); (test.status == 405) != (allow == "GET, HEAD") {
				t.Errorf("Allow is %q", allow)
			}
		})
	}
}

func TestETag(t *testing.T) {
	t.Parallel()
	s := setup(t)
	c := s.start(t)
	get := func(header ...string) answer {
		t.Helper()
		return c.get(t, getPath+"p_1234", append([]string{"api_key", s.token}, header...)...)
	}
	first := get()
	etag := first.header.Get("ETag")
	if again := get(); again.header.Get("ETag") != etag {
		t.Errorf("the same persona has the ETags %s and %s", etag, again.header.Get("ETag"))
	}
	for name, value := range map[string]string{
		"Strong": etag, "Weak": "W/" + etag, "List": `"other", ` + etag + `, "more"`, "Any": "*",
	} {
		got := get("If-None-Match", value)
		if got.status != http.StatusNotModified || got.body != "" || got.header.Get("ETag") != etag {
			t.Errorf("%s: status %d, ETag %s, body %q", name, got.status, got.header.Get("ETag"), got.body)
		}
	}
	for name, value := range map[string]string{"Other": `"other"`, "Unquoted": strings.Trim(etag, `"`), "Empty": ""} {
		if got := get("If-None-Match", value); got.status != http.StatusOK {
			t.Errorf("%s: status %d", name, got.status)
		}
	}

	// Another server with an empty cache says the same of the same persona.
	cold, err := library.New(library.Config{Store: s.store, Registry: s.library.Registry()})
	must(t, err)
	principal, err := cold.Authenticate(t.Context(), s.token)
	must(t, err)
	doc, err := cold.Get(t.Context(), library.Caller{Principal: principal}, s.kind(t, "persona"), "p_1234", library.GetOptions{})
	must(t, err)
	if doc.ETag != etag {
		t.Errorf("another server says %s, and not %s", doc.ETag, etag)
	}

	// Any change of the persona shows.
	s.put(t, strings.Replace(sampleRecord, `"Pain Point 1"`, `"New","Pain Point 1"`, 1))
	if got := get("If-None-Match", etag); got.status != http.StatusOK || got.header.Get("ETag") == etag || !strings.Contains(got.body, `"New"`) {
		t.Errorf("after a change: status %d, ETag %s, was %s", got.status, got.header.Get("ETag"), etag)
	}
}

// FuzzGetPersonaQuery sends any query: the answer is right or a clear error,
// and always JSON.
func FuzzGetPersonaQuery(f *testing.F) {
	for _, query := range []string{"oId=p_1234", "oId=", "oId=p_1234&oId=p_1234", "oId=%ff", "oId=%zz", "oId=a;b", "x=1&oId=p_1234", "oId=%00", "&&&", "oId=p_1234&\"=%22"} {
		f.Add(query)
	}
	s := setup(f)
	f.Fuzz(func(t *testing.T, query string) {
		r := s.request(t, http.MethodGet, "/api/v2/persona/get", s.token)
		r.URL.RawQuery = query
		w := &recorder{header: http.Header{}}
		s.handler.ServeHTTP(w, r)
		var answer struct {
			Metadata apitype.Metadata `json:"_metadata"`
			OID      string
		}
		if err := json.Unmarshal(w.body.Bytes(), &answer); err != nil {
			t.Fatalf("%q: answer is not JSON: %v\n%s", query, err, w.body.String())
		}
		switch w.status {
		case http.StatusOK:
			values, err := url.ParseQuery(query)
			if err != nil || len(values["oId"]) != 1 || values.Get("oId") != answer.OID {
				t.Fatalf("%q: answered %q", query, answer.OID)
			}
		case http.StatusBadRequest, http.StatusNotFound:
		default:
			t.Fatalf("%q: status %d: %s", query, w.status, w.body.String())
		}
	})
}

type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) { r.status = status }

func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }

// TestReadsWhatWasWritten shows that a write is visible to every request that
// begins after it, while others fill the cache with what was before.
func TestReadsWhatWasWritten(t *testing.T) {
	t.Parallel()
	s := setup(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	read := func() string {
		w := &recorder{header: http.Header{}}
		s.handler.ServeHTTP(w, s.request(t, http.MethodGet, getPath+"p_1234", s.token))
		return w.body.String()
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			read()
		}
	}()
	for i := range 100 {
		s.put(t, strings.Replace(sampleRecord, "VP of Sales", fmt.Sprintf("Version %d", i), 1))
		if body := read(); !strings.Contains(body, fmt.Sprintf(`"name":"Version %d"`, i)) {
			t.Fatalf("after the write of version %d:\n%.300s", i, body)
		}
	}
	stop()
	<-done
}

// TestBodyTooLarge shows that a body over the limit is refused, whatever the
// call.
func TestBodyTooLarge(t *testing.T) {
	t.Parallel()
	s := setup(t)
	c := s.start(t)
	for size, status := range map[int]int{api.MaxBodyBytes: http.StatusOK, api.MaxBodyBytes + 1: http.StatusRequestEntityTooLarge} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.url+getPath+"p_1234", strings.NewReader(strings.Repeat("x", size)))
		must(t, err)
		request.Header.Set("api_key", s.token)
		response, err := c.client.Do(request)
		must(t, err)
		must(t, response.Body.Close())
		if response.StatusCode != status {
			t.Errorf("%d bytes: status %d", size, response.StatusCode)
		}
	}
}
