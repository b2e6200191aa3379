package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"personae.dev/apitype"
	"personae.dev/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testKey is what no error may show.
const testKey = "psk_0352h97Oo1KB0L2DafIbCdwJYaEzaJfVLVBtRiz22cZO4RWDSv"

// sample is the published answer of persona/get, shortened.
const sample = `{
  "_metadata": {"usage": 0, "requestId": "req_1", "message": "OK", "timestamp": "2021-01-01T00:00:00.000Z"},
  "oId": "p_1234", "name": "VP of Sales", "internalName": "Sally the Sales Leader", "description": null,
  "createdAt": "2021-01-01T00:00:00.000Z", "deletedAt": null, "archivedAt": null, "updatedAt": "2021-01-02T00:00:00.000Z",
  "unrecognized": false, "rejected": false, "active": true,
  "data": {"internalName": "Sally the Sales Leader", "painPoints": ["Ramp takes too long"], "commonJobTitles": []},
  "qualifyingQuestions": [{"question": "Owns a quota?", "rationale": "", "fitType": "GOOD", "weight": "HIGH", "archivedAt": null}],
  "user": {"oId": "u_1234", "firstName": "John", "lastName": "Doe"}, "workspace": {"oId": "wa_1234"},
  "addedByTheNextVersion": {}
}`

// answer returns a handler that always answers this.
func answer(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

// setup returns a client of a server that answers by h.
func setup(t *testing.T, h http.HandlerFunc) *client.Client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	c, err := client.New(client.Config{BaseURL: server.URL, APIKey: testKey, HTTPClient: server.Client()})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestNew(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		cfg  client.Config
		want string // part of the error, "" for none
	}{
		{"OK", client.Config{BaseURL: "http://127.0.0.1:7070", APIKey: testKey}, ""},
		{"Slash", client.Config{BaseURL: "https://personae.example.com/", APIKey: testKey}, ""},
		{"PathPrefix", client.Config{BaseURL: "https://tools.example.com/personae/", APIKey: testKey}, ""},
		{"NoBaseURL", client.Config{APIKey: testKey}, "not an address"},
		{"NoScheme", client.Config{BaseURL: "127.0.0.1:7070", APIKey: testKey}, "not an address"},
		{"OtherScheme", client.Config{BaseURL: "ftp://127.0.0.1", APIKey: testKey}, "not an address"},
		{"NoHost", client.Config{BaseURL: "http:///x", APIKey: testKey}, "not an address"},
		{"WithAPIPath", client.Config{BaseURL: "https://h.example/api/v2/", APIKey: testKey}, "leave that off"},
		{"WithQuery", client.Config{BaseURL: "https://h.example/?api_key=" + testKey, APIKey: testKey}, "query"},
		{"WithUser", client.Config{BaseURL: "https://x:" + testKey + "@h.example", APIKey: testKey}, "has a user"},
		{"NoKey", client.Config{BaseURL: "https://h.example"}, "key is empty"},
		{"KeyWithLineBreak", client.Config{BaseURL: "https://h.example", APIKey: testKey + "\n"}, "line break"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := client.New(test.cfg)
			switch {
			case test.want == "" && err != nil:
				t.Fatal(err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Fatalf("error is %v, want one with %q", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "psk_") {
				t.Errorf("the error shows the key: %v", err)
			}
		})
	}
}

func TestGet(t *testing.T) {
	t.Parallel()
	c := setup(t, answer(http.StatusOK, "application/json; charset=utf-8", sample))
	got, err := c.Personas.Get(t.Context(), "p_1234")
	if err != nil {
		t.Fatal(err)
	}
	date := func(day int) *apitype.Time {
		at := apitype.NewTime(time.Date(2021, 1, day, 0, 0, 0, 0, time.UTC))
		return &at
	}
	want := &client.Answer[apitype.Persona]{
		Metadata: apitype.Metadata{RequestID: "req_1", Message: "OK", Timestamp: *date(1)},
		Entity: apitype.Persona{
			OID: "p_1234", Name: "VP of Sales", InternalName: new("Sally the Sales Leader"),
			CreatedAt: date(1), UpdatedAt: date(2), Active: true,
			Data: apitype.PersonaData{
				InternalName: "Sally the Sales Leader", PainPoints: []string{"Ramp takes too long"}, CommonJobTitles: []string{},
			},
			QualifyingQuestions: []apitype.QualifyingQuestion{{Question: "Owns a quota?", FitType: "GOOD", Weight: "HIGH"}},
			User:                apitype.User{OID: "u_1234", FirstName: "John", LastName: "Doe"},
			Workspace:           apitype.WorkspaceRef{OID: "wa_1234"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("persona (-want +got):\n%s", diff)
	}
}

func TestRequest(t *testing.T) {
	t.Parallel()
	var got *http.Request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		answer(http.StatusOK, "application/json", sample)(w, r)
	}))
	t.Cleanup(server.Close)
	send := func(t *testing.T, cfg client.Config, oID string) {
		t.Helper()
		cfg.BaseURL, cfg.APIKey, cfg.HTTPClient = server.URL+"/prefix/", testKey, server.Client()
		c, err := client.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Personas.Get(t.Context(), oID); err != nil {
			t.Fatal(err)
		}
	}

	send(t, client.Config{}, "ü &/?#+%")
	if got.Method != http.MethodGet || got.URL.Path != "/prefix/api/v2/persona/get" || got.URL.Query().Get("oId") != "ü &/?#+%" {
		t.Errorf("the request was %s %s", got.Method, got.URL)
	}
	want := http.Header{
		"Authorization": {"Bearer " + testKey}, "Accept": {"application/json"}, "Accept-Encoding": {"gzip"},
		"User-Agent": {client.DefaultUserAgent},
	}
	if diff := cmp.Diff(want, got.Header); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}

	send(t, client.Config{Source: "n8n", UserAgent: "personae/1.0"}, "p_1234")
	want["User-Agent"], want["X-Request-Source"] = []string{"personae/1.0"}, []string{"n8n"}
	if diff := cmp.Diff(want, got.Header); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
}

func TestIfChanged(t *testing.T) {
	t.Parallel()
	version := `"one"`
	c := setup(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", version)
		if r.Header.Get("If-None-Match") == version {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		answer(http.StatusOK, "application/json", sample)(w, r)
	})
	first, err := c.Personas.Get(t.Context(), "p_1234", client.IfChanged(""))
	if err != nil || first.Entity.OID != "p_1234" || first.ETag != `"one"` {
		t.Fatalf("first: %+v, %v", first, err)
	}
	if _, err := c.Personas.Get(t.Context(), "p_1234", client.IfChanged(first.ETag)); !errors.Is(err, client.ErrNotModified) {
		t.Errorf("unchanged: the error is %v", err)
	}
	version = `"two"`
	second, err := c.Personas.Get(t.Context(), "p_1234", client.IfChanged(first.ETag))
	if err != nil || second.Entity.OID != "p_1234" || second.ETag != `"two"` {
		t.Errorf("changed: %+v, %v", second, err)
	}
}

func TestValidateKey(t *testing.T) {
	t.Parallel()
	want := &apitype.ValidateKeyResponse{
		Metadata: apitype.Metadata{RequestID: "req_1", Message: "OK"}, Status: "ok", Valid: true,
		Credits: apitype.Credits{QuotaMax: 1, Period: "unlimited"}, WorkspaceOID: "wa_1", WorkspaceName: "Sales",
		OrganizationOID: "og_1", OrganizationName: "Globex", OrganizationSlug: "globex",
	}
	c := setup(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RequestURI() != "/api/v2/api-key/validate" {
			t.Errorf("the request was for %s", r.URL)
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(want)
	})
	got, err := c.ValidateKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}

// refusal is an error as the API answers it.
func refusal(code, message string, fields ...apitype.FieldError) string {
	body, err := json.Marshal(apitype.ErrorResponse{
		Metadata: apitype.Metadata{RequestID: "req_2", Message: message}, Message: message,
		Error: apitype.Error{Code: code, Fields: fields},
	})
	if err != nil {
		panic(err)
	}
	return string(body)
}

func TestErrors(t *testing.T) {
	t.Parallel()
	fault := apitype.FieldError{Field: "oId", Message: "must not be empty"}
	second := apitype.FieldError{Field: "query", Message: "cannot be read"}
	tests := []struct {
		name     string
		handler  http.HandlerFunc
		want     client.Error
		text     string
		notFound bool
	}{
		{
			name:     "NotFound",
			handler:  answer(http.StatusNotFound, "application/json", refusal("persona_not_found", "There is none.")),
			want:     client.Error{StatusCode: 404, Code: "persona_not_found", Message: "There is none.", RequestID: "req_2"},
			text:     "client: 404 persona_not_found: There is none. (request req_2)",
			notFound: true,
		},
		{
			name:    "PathNotFound",
			handler: answer(http.StatusNotFound, "application/json", refusal("path_not_found", "There is nothing here.")),
			want:    client.Error{StatusCode: 404, Code: "path_not_found", Message: "There is nothing here.", RequestID: "req_2"},
			text:    "client: 404 path_not_found: There is nothing here. (request req_2)",
		},
		{
			name:    "Unauthorized",
			handler: answer(http.StatusUnauthorized, "application/json", refusal("unauthorized", "A key is needed.")),
			want:    client.Error{StatusCode: 401, Code: "unauthorized", Message: "A key is needed.", RequestID: "req_2"},
			text:    "client: 401 unauthorized: A key is needed. (request req_2)",
		},
		{
			name:    "Fields",
			handler: answer(http.StatusBadRequest, "application/json", refusal("invalid_request", "2 errors.", fault, second)),
			want: client.Error{
				StatusCode: 400, Code: "invalid_request", Message: "2 errors.",
				Fields: []apitype.FieldError{fault, second}, RequestID: "req_2",
			},
			text: "client: 400 invalid_request: 2 errors. [oId: must not be empty] [query: cannot be read] (request req_2)",
		},
		{
			name: "RequestIDOfHeader",
			handler: func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("X-Request-Id", "req_3")
				answer(http.StatusInternalServerError, "application/json", refusal("internal", "Ours."))(w, r)
			},
			want: client.Error{StatusCode: 500, Code: "internal", Message: "Ours.", RequestID: "req_3"},
			text: "client: 500 internal: Ours. (request req_3)",
		},
		{
			name:    "PageOfAProxy",
			handler: answer(http.StatusBadGateway, "text/html", "<html>"+testKey+"</html>"),
			want: client.Error{
				StatusCode: 502,
				Message:    `The answer is "text/html", not the API's JSON: check the base URL, and any proxy before the server.`,
			},
			text: `client: 502: The answer is "text/html", not the API's JSON: check the base URL, and any proxy before the server.`,
		},
		{
			name:    "PageNotFound",
			handler: answer(http.StatusNotFound, "text/plain", "404 page not found"),
			want: client.Error{
				StatusCode: 404,
				Message:    `The answer is "text/plain", not the API's JSON: check the base URL, and any proxy before the server.`,
			},
		},
		{
			name:    "SuccessOfAPage",
			handler: answer(http.StatusOK, "text/html; charset=utf-8", "<html>Sign in</html>"),
			want: client.Error{
				StatusCode: 200,
				Message:    `The answer is "text/html; charset=utf-8", not the API's JSON: check the base URL, and any proxy before the server.`,
			},
		},
		{
			name:    "OtherJSON",
			handler: answer(http.StatusForbidden, "application/json", `{"detail":"`+testKey+`"}`),
			want: client.Error{
				StatusCode: 403,
				Message:    "The answer is JSON, but not an error of the API: check the base URL, and any proxy before the server.",
			},
		},
		{
			name:    "CutJSON",
			handler: answer(http.StatusOK, "application/json", sample[:40]),
			want:    client.Error{StatusCode: 200, Message: "The answer is not one of the API: unexpected end of JSON input."},
		},
		{
			name: "Redirect",
			handler: func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "https://elsewhere.example/steal?x=1", http.StatusFound)
			},
			want: client.Error{
				StatusCode: 302,
				Message:    "The server redirects to https://elsewhere.example, and redirects are not followed: check the base URL.",
			},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := setup(t, test.handler).Personas.Get(t.Context(), "p_1234")
			var got *client.Error
			if !errors.As(fmt.Errorf("wrapped: %w", err), &got) {
				t.Fatalf("the error is %v", err)
			}
			if diff := cmp.Diff(test.want, *got); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if test.text != "" && err.Error() != test.text {
				t.Errorf("the error reads\n%s\nwant\n%s", err, test.text)
			}
			if client.IsNotFound(err) != test.notFound {
				t.Errorf("IsNotFound is %t", !test.notFound)
			}
			if strings.Contains(err.Error(), "psk_") {
				t.Errorf("the error shows the key: %v", err)
			}
		})
	}
}

// filled is a server whose answer is a persona with so many bytes of white space
// around it, or an endless one. It is no network, which would take its time to
// carry that.
type filled struct {
	bytes int  // 0 for no end
	told  bool // whether its head has the size
	read  int
}

var spaces = bytes.Repeat([]byte{' '}, 1<<20)

func (f *filled) RoundTrip(r *http.Request) (*http.Response, error) {
	size := int64(-1)
	if f.told {
		size = int64(f.bytes)
	}
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Request: r,
		Body: io.NopCloser(io.MultiReader(strings.NewReader(sample), f)), ContentLength: size,
	}, nil
}

func (f *filled) Read(b []byte) (int, error) {
	if f.bytes > 0 {
		b = b[:min(len(b), f.bytes-len(sample)-f.read)]
		if len(b) == 0 {
			return 0, io.EOF
		}
	}
	n := copy(b, spaces)
	f.read += n
	return n, nil
}

func TestAnswerTooLarge(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		server  filled
		maxRead int
	}{
		"AtTheLimit": {filled{bytes: client.MaxAnswerBytes, told: true}, client.MaxAnswerBytes},
		"OverIt":     {filled{bytes: client.MaxAnswerBytes + 1}, client.MaxAnswerBytes},
		"ToldBefore": {filled{bytes: client.MaxAnswerBytes + 1, told: true}, 64 << 10},
		"Endless":    {filled{}, client.MaxAnswerBytes + 1<<20},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := &test.server
			c, err := client.New(client.Config{BaseURL: "http://server.example", APIKey: testKey, HTTPClient: &http.Client{Transport: server}})
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Personas.Get(t.Context(), "p_1234")
			if name == "AtTheLimit" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			want := fmt.Sprintf("client: the answer is too large: GET http://server.example/api/v2/persona/get, over %d bytes", client.MaxAnswerBytes)
			if !errors.Is(err, client.ErrAnswerTooLarge) || err.Error() != want {
				t.Errorf("the error is %v, want %s", err, want)
			}
			if server.read > test.maxRead {
				t.Errorf("%d bytes were read", server.read)
			}
		})
	}
}

// Nobody listens: the error names the address, and neither the query nor the
// key.
func TestConnectionError(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(nil)
	server.Close()
	c, err := client.New(client.Config{BaseURL: server.URL, APIKey: testKey})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond) // no time for a second attempt
	defer cancel()
	_, err = c.Personas.Get(ctx, "p_1234")
	if err == nil {
		t.Fatal("no error")
	}
	text := err.Error()
	if !strings.Contains(text, "client: GET "+server.URL+"/api/v2/persona/get: ") || strings.Contains(text, "p_1234") || strings.Contains(text, "psk_") {
		t.Errorf("the error reads %s", text)
	}
}

// A client that is printed by mistake does not show its key.
func TestPrinted(t *testing.T) {
	t.Parallel()
	c := setup(t, answer(http.StatusOK, "application/json", sample))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(verb, c) + fmt.Sprintf(verb, *c); strings.Contains(text, "psk_") {
			t.Errorf("%s shows the key: %s", verb, text)
		}
	}
}
