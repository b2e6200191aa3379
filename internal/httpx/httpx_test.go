package httpx_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"personae.dev/apitype"
	"personae.dev/internal/account"
	"personae.dev/internal/errs"
	"personae.dev/internal/httpx"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// goodToken is the key that the tests' Authenticate knows; it allows to read.
const goodToken = "good"

func authenticate(_ context.Context, token string) (*account.Principal, error) {
	if token != goodToken {
		return nil, &errs.Error{Kind: errs.Unauthorized, Code: errs.CodeUnauthorized, Message: "A valid API key is needed."}
	}
	return &account.Principal{
		Key:       account.APIKey{OID: "ak_1", Scopes: account.Scopes{account.ScopeRead}},
		Workspace: account.Workspace{OID: "wa_1"},
	}, nil
}

// handler returns the handler of the routes, with a configuration that change may
// adapt.
func handler(change func(*httpx.Config), routes ...httpx.Route) http.Handler {
	cfg := httpx.Config{Routes: routes, Authenticate: authenticate, Log: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&cfg)
	}
	return httpx.New(cfg)
}

// serve sends one request to a single route at its own method and path.
func serve(t *testing.T, route httpx.Route, r *http.Request) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	route.Method, route.Path = r.Method, r.URL.Path
	handler(nil, route).ServeHTTP(w, r)
	return w
}

func request(t *testing.T, method, target string, body io.Reader, header ...string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, body)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return r
}

func get(t *testing.T, target string, header ...string) *http.Request {
	t.Helper()
	return request(t, http.MethodGet, target, http.NoBody, header...)
}

// answered returns the body of an answer with an error.
func answered(t *testing.T, w *httptest.ResponseRecorder) apitype.ErrorResponse {
	t.Helper()
	var got apitype.ErrorResponse
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatalf("%d %q: %v", w.Code, w.Body, err)
	}
	return got
}

// text answers with a text.
func text(s string) httpx.Handler {
	return func(w http.ResponseWriter, _ *http.Request) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

func TestMux(t *testing.T) {
	t.Parallel()
	var observed string
	h := handler(func(c *httpx.Config) {
		c.Observe = func(route string) httpx.Observer {
			return func(int, time.Duration) { observed = route }
		}
		c.NotFound = func(path string) error {
			if path == "/known" {
				return &errs.Error{Kind: errs.NotOffered, Code: errs.CodeNotOffered, Message: "This call is not offered."}
			}
			return nil
		}
	},
		httpx.Route{Method: "GET", Path: "/a", Handler: text("a")},
		httpx.Route{Method: "GET", Path: "/a/b", Handler: text("b")},
		httpx.Route{Method: "POST", Path: "/a/b", Handler: text("posted")},
		httpx.Route{Method: "GET", Path: "/", Handler: text("root")},
		httpx.Route{Method: "GET", Path: "/files/{name}", Handler: func(w http.ResponseWriter, r *http.Request) error {
			return text("file "+r.PathValue("name"))(w, r)
		}},
		httpx.Route{Method: "GET", Path: "/all/{rest...}", Handler: func(w http.ResponseWriter, r *http.Request) error {
			return text("rest "+r.PathValue("rest"))(w, r)
		}},
	)
	ask := func(method, target string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, request(t, method, "http://host"+target, http.NoBody))
		return w
	}
	t.Run("FindsRoutes", func(t *testing.T) {
		for _, test := range []struct{ method, target, body, route string }{
			{"GET", "/a", "a", "GET /a"},
			{"GET", "/a?x=%2F", "a", "GET /a"},
			{"HEAD", "/a", "a", "GET /a"}, // net/http drops the body
			{"GET", "/a/b", "b", "GET /a/b"},
			{"POST", "/a/b", "posted", "POST /a/b"},
			{"GET", "/", "root", "GET /"},
			{"GET", "/files/x.js", "file x.js", "GET /files/{name}"},
			{"GET", "/files/a%2Fb", "file a/b", "GET /files/{name}"},
			{"GET", "/all/a/b", "rest a/b", "GET /all/{rest...}"},
		} {
			w := ask(test.method, test.target)
			if w.Code != http.StatusOK || w.Body.String() != test.body || observed != test.route {
				t.Errorf("%s %s: %d %q of the route %q", test.method, test.target, w.Code, w.Body, observed)
			}
		}
	})
	t.Run("NothingElseMatchesOrRedirects", func(t *testing.T) {
		for _, target := range []string{
			"/b", "/a/", "//a", "/x/../a", "/./a", "/a/.", "/a/b/..", "/a%2Fb", "/%2Fa", "/%61", "/a/%62", "/A", "/files", "/files/", "/files//x", "/all/a/",
		} {
			w := ask("GET", target)
			if got := answered(t, w); w.Code != http.StatusNotFound || got.Error.Code != errs.CodePathNotFound || observed != "" && observed[len(observed)-1] != 'a' {
				t.Errorf("%s: %d of the route %q: %s", target, w.Code, observed, w.Body)
			}
		}
	})
	t.Run("OtherMethods", func(t *testing.T) {
		for _, test := range []struct{ method, target, allow, message string }{
			{"POST", "/a", "GET, HEAD", "This path does not answer POST: use GET or HEAD."},
			{"DELETE", "/a/b", "GET, HEAD, POST", "This path does not answer DELETE: use GET or HEAD or POST."},
			{"PUT", "/files/x", "GET, HEAD", "This path does not answer PUT: use GET or HEAD."},
			{"psk_0123", "/a", "GET, HEAD", "This path does not answer other: use GET or HEAD."},
		} {
			w := ask(test.method, test.target)
			got := answered(t, w)
			if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != test.allow || got.Message != test.message ||
				got.Error.Code != errs.CodeMethodNotAllowed || w.Header().Get("Content-Type") != "application/json; charset=utf-8" {
				t.Errorf("%s %s: %d %v %s", test.method, test.target, w.Code, w.Header(), w.Body)
			}
		}
	})
	t.Run("MethodOfAnUnknownPath", func(t *testing.T) {
		if w := ask("POST", "/b"); w.Code != http.StatusNotFound || w.Header().Get("Allow") != "" {
			t.Errorf("%d %v", w.Code, w.Header())
		}
	})
	t.Run("KnownPathWithoutARoute", func(t *testing.T) {
		if w := ask("POST", "/known"); w.Code != http.StatusNotImplemented || answered(t, w).Error.Code != errs.CodeNotOffered {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
	t.Run("TargetsWithoutAPath", func(t *testing.T) {
		r := get(t, "/")
		r.RequestURI, r.URL.Path = "*", "*"
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusNotFound {
			t.Errorf("%d", w.Code)
		}
	})
}

func TestKeys(t *testing.T) {
	t.Parallel()
	route := httpx.Route{Scope: account.ScopeRead, Handler: func(w http.ResponseWriter, r *http.Request) error {
		return text(httpx.Principal(r.Context()).Key.OID)(w, r)
	}}
	for name, test := range map[string]struct {
		header []string
		scope  account.Scope
		status int
	}{
		"APIKey":           {[]string{"api_key", "good"}, account.ScopeRead, 200},
		"XAPIKey":          {[]string{"X-API-Key", "good"}, account.ScopeRead, 200},
		"Bearer":           {[]string{"Authorization", "bearer  good"}, account.ScopeRead, 200},
		"AllTheSame":       {[]string{"api_key", "good", "X-API-Key", "good", "Authorization", "Bearer good"}, account.ScopeRead, 200},
		"ForAProxy":        {[]string{"api_key", "good", "Authorization", "Basic dXNlcjpwYXNz"}, account.ScopeRead, 200},
		"EmptyBeside":      {[]string{"api_key", "good", "X-API-Key", ""}, account.ScopeRead, 200},
		"None":             {nil, account.ScopeRead, 401},
		"Unknown":          {[]string{"api_key", "bad"}, account.ScopeRead, 401},
		"KeysDiffer":       {[]string{"api_key", "good", "X-API-Key", "bad"}, account.ScopeRead, 400},
		"SentTwiceDiffer":  {[]string{"api_key", "good", "api_key", "bad"}, account.ScopeRead, 400},
		"BearerDiffers":    {[]string{"api_key", "good", "Authorization", "Bearer bad"}, account.ScopeRead, 400},
		"LacksTheScope":    {[]string{"api_key", "good"}, account.ScopeWrite, 403},
		"UnknownNoScope":   {[]string{"api_key", "bad"}, account.ScopeWrite, 401},
		"WrongBesideRight": {[]string{"Authorization", "Bearer bad", "api_key", "good"}, account.ScopeRead, 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := route
			r.Scope = test.scope
			w := serve(t, r, get(t, "/", test.header...))
			if w.Code != test.status {
				t.Errorf("status %d: %s", w.Code, w.Body)
			}
			if got := w.Header().Get("WWW-Authenticate"); (got != "") != (test.status == http.StatusUnauthorized) {
				t.Errorf("WWW-Authenticate is %q", got)
			}
		})
	}
	t.Run("PublicRoute", func(t *testing.T) {
		t.Parallel()
		w := serve(t, httpx.Route{Handler: func(w http.ResponseWriter, r *http.Request) error {
			if p := httpx.Principal(r.Context()); p != nil {
				t.Errorf("principal %v", p)
			}
			return nil
		}}, get(t, "/", "api_key", "bad"))
		if w.Code != http.StatusOK {
			t.Errorf("status %d", w.Code)
		}
	})
}

func TestPanic(t *testing.T) {
	t.Parallel()
	t.Run("BeforeTheAnswer", func(t *testing.T) {
		t.Parallel()
		log := &bytes.Buffer{}
		w := httptest.NewRecorder()
		handler(func(c *httpx.Config) { c.Log = slog.New(slog.NewJSONHandler(log, nil)) },
			httpx.Route{Method: "GET", Path: "/", Handler: func(http.ResponseWriter, *http.Request) error { panic("boom") }}).ServeHTTP(w, get(t, "/"))
		if got := answered(t, w); w.Code != http.StatusInternalServerError || got.Error.Code != errs.CodeInternal || strings.Contains(w.Body.String(), "boom") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		for _, want := range []string{`"level":"ERROR"`, "panic: boom", "httpx_test.go", `"status":500`} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("the log lacks %q: %s", want, log)
			}
		}
	})
	for name, h := range map[string]httpx.Handler{
		"AbortHandler": func(http.ResponseWriter, *http.Request) error { panic(http.ErrAbortHandler) },
		"PanicInTheAnswer": func(w http.ResponseWriter, _ *http.Request) error {
			_, _ = io.WriteString(w, "half")
			panic("boom")
		},
		"ErrorInTheAnswer": func(w http.ResponseWriter, _ *http.Request) error {
			_, _ = io.WriteString(w, "half")
			return errors.New("boom")
		},
	} {
		t.Run(name+"CutsTheConnection", func(t *testing.T) {
			t.Parallel()
			log := &bytes.Buffer{}
			w := httptest.NewRecorder()
			defer func() {
				if p := recover(); p != http.ErrAbortHandler { //nolint:errorlint // net/http compares it like this, too
					t.Errorf("recovered %v", p)
				}
				if body := w.Body.String(); body != "" && body != "half" {
					t.Errorf("body %q", body)
				}
				if !strings.Contains(log.String(), `"msg":"request"`) || name != "AbortHandler" && (!strings.Contains(log.String(), "boom") || !strings.Contains(log.String(), `"level":"ERROR"`)) {
					t.Errorf("the log: %s", log)
				}
			}()
			handler(func(c *httpx.Config) { c.Log = slog.New(slog.NewJSONHandler(log, nil)) },
				httpx.Route{Method: "GET", Path: "/", Handler: h}).ServeHTTP(w, get(t, "/"))
		})
	}
}

func TestAccessLog(t *testing.T) {
	t.Parallel()
	log := &bytes.Buffer{}
	h := handler(func(c *httpx.Config) { c.Log = slog.New(slog.NewJSONHandler(log, nil)) },
		httpx.Route{Method: "GET", Path: "/path", Scope: account.ScopeRead, Handler: func(w http.ResponseWriter, r *http.Request) error {
			return httpx.WriteFlat(w, r, "OK", []byte(`{"a":1}`))
		}},
		httpx.Route{Method: "GET", Path: "/failed", Handler: func(http.ResponseWriter, *http.Request) error {
			return &errs.Error{Kind: errs.Invalid, Code: "bad", Message: "quotes the caller", Err: errors.New("the cause")}
		}})
	line := func(t *testing.T, r *http.Request) (*httptest.ResponseRecorder, map[string]any) {
		t.Helper()
		log.Reset()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		var got map[string]any
		if err := json.Unmarshal(log.Bytes(), &got); err != nil {
			t.Fatalf("%v: %s", err, log)
		}
		return w, got
	}
	t.Run("Fields", func(t *testing.T) {
		w, got := line(t, get(t, "/path?secret=1", "X-External-Request-Id", "trace", "X-Request-Source", "n8n", "api_key", goodToken))
		if _, err := time.Parse(time.RFC3339Nano, got["time"].(string)); err != nil {
			t.Error(err)
		}
		if took, ok := got["tookUs"].(float64); !ok || took < 0 {
			t.Errorf("tookUs is %v", got["tookUs"])
		}
		delete(got, "time")
		delete(got, "tookUs")
		want := map[string]any{
			"level": "INFO", "msg": "request", "requestId": w.Header().Get("X-Request-Id"), "method": "GET", "path": "/path", "status": 200.0,
			"bytes": float64(w.Body.Len()), "remote": "192.0.2.1:1234", "key": "ak_1", "workspace": "wa_1", "externalRequestId": "trace", "source": "n8n",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("ErrorsWithoutWhatTheCallerSent", func(t *testing.T) {
		_, got := line(t, get(t, "/failed"))
		if got["code"] != "bad" || got["error"] != "the cause" || strings.Contains(log.String(), "quotes") {
			t.Errorf("%s", log)
		}
	})
	t.Run("KeysAreMasked", func(t *testing.T) {
		token, _ := account.NewToken()
		key := token.Reveal()
		for name, r := range map[string]*http.Request{
			"Method":   request(t, key, "/path", http.NoBody),
			"Path":     get(t, "/"+key),
			"External": get(t, "/path", "X-External-Request-Id", key),
			"Source":   get(t, "/path", "X-Request-Source", key),
			"Query":    get(t, "/path?"+key),
		} {
			if _, _ = line(t, r); strings.Contains(log.String(), key[4:]) {
				t.Errorf("%s: a key is in the log: %s", name, log)
			}
		}
	})
	// What a caller names its request and itself is kept up to its limit, and
	// dropped above it.
	t.Run("LongNamesAreDropped", func(t *testing.T) {
		for length, kept := range map[int]bool{1: true, httpx.MaxExternalRequestID: true, httpx.MaxExternalRequestID + 1: false} {
			w, got := line(t, get(t, "/path", "X-External-Request-Id", strings.Repeat("x", length), "X-Request-Source", strings.Repeat("y", length)))
			if back := w.Header().Get("X-External-Request-Id") != ""; back != kept {
				t.Errorf("an id of %d bytes comes back: %t", length, back)
			}
			for _, name := range []string{"externalRequestId", "source"} {
				if _, logged := got[name]; logged != kept {
					t.Errorf("%s of %d bytes is in the log: %t", name, length, logged)
				}
			}
		}
		for _, bad := range []string{"a b", "ä", "a\tb"} {
			if w, _ := line(t, get(t, "/path", "X-External-Request-Id", bad)); w.Header().Get("X-External-Request-Id") != "" {
				t.Errorf("%q comes back", bad)
			}
		}
	})
}

func TestErrors(t *testing.T) {
	t.Parallel()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	// Its message is for the operator: it may name files and addresses.
	unavailable := errs.Unavailablef(errors.New("inner"), "The secret file cannot be read.")
	for name, test := range map[string]struct {
		err     error
		ctx     context.Context
		status  int
		code    string
		message string // that the answer has
		retry   string
	}{
		"Invalid":        {errs.InvalidFields([]errs.Field{{Path: "name", Message: "is missing"}}), nil, 400, errs.CodeInvalidRequest, "name: is missing", ""},
		"Unauthorized":   {&errs.Error{Kind: errs.Unauthorized, Code: "u", Message: "m"}, nil, 401, "u", "m", ""},
		"Forbidden":      {&errs.Error{Kind: errs.Forbidden, Code: "f", Message: "m"}, nil, 403, "f", "m", ""},
		"NotFound":       {errs.NotFoundf("x_not_found", "There is none."), nil, 404, "x_not_found", "There is none.", ""},
		"Conflict":       {errs.Conflictf("c", "m"), nil, 409, "c", "m", ""},
		"Precondition":   {&errs.Error{Kind: errs.Precondition, Code: "p", Message: "m", ETag: `"now"`}, nil, 412, "p", "m", ""},
		"TooLarge":       {&errs.Error{Kind: errs.TooLarge, Code: "t", Message: "m"}, nil, 413, "t", "m", ""},
		"MediaType":      {&errs.Error{Kind: httpx.UnsupportedMediaType, Code: "t", Message: "m"}, nil, 415, "t", "m", ""},
		"RateLimited":    {&errs.Error{Kind: errs.RateLimited, Code: "r", Message: "m", RetryAfter: 7}, nil, 429, "r", "m", "7"},
		"NotOffered":     {&errs.Error{Kind: errs.NotOffered, Code: errs.CodeNotOffered, Message: "m"}, nil, 501, errs.CodeNotOffered, "m", ""},
		"Unavailable":    {unavailable, nil, 503, errs.CodeUnavailable, "cannot work on its database", "5"},
		"NoModel":        {&errs.Error{Kind: errs.Unavailable, Code: errs.CodeModelNotConfigured, Message: "m"}, nil, 503, errs.CodeModelNotConfigured, "m", "5"},
		"UnavailableFor": {&errs.Error{Kind: errs.Unavailable, Code: errs.CodeUnavailable, Message: "m", RetryAfter: 30}, nil, 503, errs.CodeUnavailable, "m", "30"},
		"Busy":           {httpx.ErrBusy, nil, 503, errs.CodeUnavailable, "more to do than it can", "1"},
		"Internal":       {errors.New("a secret of the server"), nil, 500, errs.CodeInternal, "Something went wrong", ""},
		"InternalKind":   {&errs.Error{Kind: errs.Internal, Code: "x", Message: "a secret"}, nil, 500, errs.CodeInternal, "Something went wrong", ""},
		// The client closed its side of the connection: nothing is said of the
		// database, which may be well.
		"Gone":            {context.Canceled, ended, 503, errs.CodeUnavailable, "connection was closed", "1"},
		"GoneInTheStore":  {errs.Unavailablef(context.Canceled, "The server cannot reach its database."), ended, 503, errs.CodeUnavailable, "connection was closed", "1"},
		"GoneInDoubt":     {&errs.Error{Kind: errs.Unavailable, Code: errs.CodeOutcomeUnknown, Message: "The secret disk fails.", Err: context.Canceled}, ended, 503, errs.CodeOutcomeUnknown, "did not tell whether the change was made", "5"},
		"GoneButNotFound": {errs.NotFoundf("x", "There is none."), ended, 404, "x", "There is none.", ""},
		"CanceledInside":  {context.Canceled, nil, 500, errs.CodeInternal, "Something went wrong", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := &bytes.Buffer{}
			r := get(t, "/")
			if test.ctx != nil {
				r = r.WithContext(test.ctx)
			}
			w := httptest.NewRecorder()
			handler(func(c *httpx.Config) { c.Log = slog.New(slog.NewJSONHandler(log, nil)) },
				httpx.Route{Method: "GET", Path: "/", Handler: func(w http.ResponseWriter, _ *http.Request) error {
					w.Header().Set("ETag", `"of what was to be answered"`)
					w.Header().Set("Cache-Control", "max-age=60")
					return test.err
				}}).ServeHTTP(w, r)
			got := answered(t, w)
			if w.Code != test.status || got.Error.Code != test.code || !strings.Contains(got.Message, test.message) || got.Metadata.Message != got.Message ||
				got.Metadata.RequestID != w.Header().Get("X-Request-Id") || got.Error.Fields == nil || strings.Contains(w.Body.String(), "secret") {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			if h := w.Header(); h.Get("Retry-After") != test.retry || h.Get("Cache-Control") != "no-store" || (h.Get("ETag") != "") != (test.status == 412) {
				t.Errorf("%v", h)
			}
			blamed := test.status == http.StatusInternalServerError || test.retry == "5"
			if level := `"level":"ERROR"`; strings.Contains(log.String(), level) != blamed {
				t.Errorf("the log: %s", log)
			}
			if secret := "The secret"; strings.Contains(fmt.Sprint(test.err), secret) != strings.Contains(log.String(), secret) {
				t.Errorf("the log: %s", log)
			}
			if gone := strings.Contains(log.String(), `"status":499`); gone != strings.Contains(test.message, "was closed") {
				t.Errorf("the log: %s", log)
			}
		})
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	const message = "with \"quotes\", a \\, <b> and 😀"
	large := strings.Repeat("x", 100<<10)
	for name, test := range map[string]struct {
		write func(w http.ResponseWriter, r *http.Request) error
		want  string // after _metadata
	}{
		"Flat": {func(w http.ResponseWriter, r *http.Request) error {
			return httpx.WriteFlat(w, r, message, []byte(`{"oId":"x"}`))
		}, `,"oId":"x"}`},
		"FlatLarge": {func(w http.ResponseWriter, r *http.Request) error {
			return httpx.WriteFlat(w, r, message, []byte(`{"oId":"`+large+`"}`))
		}, `,"oId":"` + large + `"}`},
		"Wrapped": {func(w http.ResponseWriter, r *http.Request) error {
			return httpx.WriteWrapped(w, r, message, []byte(`{"oId":"x"}`))
		}, `,"data":{"oId":"x"}}`},
		"WrappedLarge": {func(w http.ResponseWriter, r *http.Request) error {
			return httpx.WriteWrapped(w, r, message, []byte(`"`+large+`"`))
		}, `,"data":"` + large + `"}`},
		"PageEmpty": {func(w http.ResponseWriter, r *http.Request) error {
			return httpx.WritePage(w, r, message, httpx.Page{Total: 7})
		}, `,"hasNext":false,"total":7,"data":[]}`},
		"Page": {func(w http.ResponseWriter, r *http.Request) error {
			return httpx.WritePage(w, r, message, httpx.Page{Total: 7, HasNext: true, Items: [][]byte{[]byte(`{}`), []byte(`1`)}, NextCursor: []byte(`"c"`)})
		}, `,"hasNext":true,"total":7,"data":[{},1],"nextCursor":"c"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := serve(t, httpx.Route{Handler: test.write}, get(t, "/"))
			var got struct {
				Metadata apitype.Metadata `json:"_metadata"`
			}
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Fatalf("%v: %s", err, w.Body)
			}
			if id := w.Header().Get("X-Request-Id"); got.Metadata.Message != message || got.Metadata.RequestID != id || id == "" || got.Metadata.Timestamp.IsZero() {
				t.Errorf("metadata %+v", got.Metadata)
			}
			_, rest, _ := strings.Cut(w.Body.String(), `Z"}`)
			if diff := cmp.Diff(test.want, rest); diff != "" || !strings.HasPrefix(w.Body.String(), `{"_metadata":{"usage":0,`) {
				t.Errorf("%s\n%.200s", diff, w.Body)
			}
			if h := w.Header(); h.Get("Content-Length") != itoa(w.Body.Len()) || h.Get("Content-Type") != "application/json; charset=utf-8" {
				t.Errorf("%v of %d bytes", h, w.Body.Len())
			}
		})
	}
}

func TestNoneMatch(t *testing.T) {
	t.Parallel()
	const etag = `"a.1"`
	for value, want := range map[string]bool{
		`"a.1"`: true, `W/"a.1"`: true, `"b", "a.1"`: true, ` * `: true, `"a.11"`: false, `a.1`: false, ``: false, `"b"`: false,
	} {
		if got := httpx.NoneMatch(get(t, "/", "If-None-Match", value), etag); got != want {
			t.Errorf("%s: %t", value, got)
		}
	}
}
