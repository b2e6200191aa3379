package httpx_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"personae.dev/internal/httpx"
	"personae.dev/internal/persona"
)

// serve sends one request through h behind the stages.
func serve(t *testing.T, r *http.Request, h httpx.Handler, stages ...httpx.Middleware) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	httpx.Adapt(httpx.Chain(h, stages...)).ServeHTTP(w, r)
	return w
}

func get(t *testing.T, target string) *http.Request {
	t.Helper()
	return httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, http.NoBody)
}

// plainErrors answers every error with 500 and its text.
func plainErrors(w *httpx.ResponseWriter, _ *http.Request, err error) {
	http.Error(w, err.Error(), http.StatusInternalServerError)
}

func TestChain(t *testing.T) {
	t.Parallel()
	var passed []string
	stage := func(name string) httpx.Middleware {
		return func(next httpx.Handler) httpx.Handler {
			return func(w *httpx.ResponseWriter, r *http.Request) error {
				passed = append(passed, name)
				return next(w, r)
			}
		}
	}
	serve(t, get(t, "/"), func(*httpx.ResponseWriter, *http.Request) error {
		passed = append(passed, "handler")
		return nil
	}, stage("first"), stage("second"))
	if diff := cmp.Diff([]string{"first", "second", "handler"}, passed); diff != "" {
		t.Error(diff)
	}
}

func TestMux(t *testing.T) {
	t.Parallel()
	mux := httpx.NewMux(func(w *httpx.ResponseWriter, _ *http.Request) error {
		w.WriteHeader(http.StatusTeapot)
		return nil
	})
	failed := errors.New("failed")
	for _, path := range []string{"/a", "/a/b"} {
		mux.Handle("GET", path, func(*httpx.ResponseWriter, *http.Request) error { return failed })
	}
	var route string
	var err error
	look := func(next httpx.Handler) httpx.Handler {
		return func(w *httpx.ResponseWriter, r *http.Request) error {
			err = next(w, r)
			route = w.Route
			return nil
		}
	}
	serve(t, get(t, "/a"), mux.Serve, look)
	if !errors.Is(err, failed) || route != "GET /a" {
		t.Errorf("error %v, route %q", err, route)
	}
	for _, target := range []string{"/b", "/a/", "//a", "/x/../a", "/./a", "/", "/a%2Fb", "/%2Fa", "/%61"} {
		if got := serve(t, get(t, "http://host"+target), mux.Serve, look); got.Code != http.StatusTeapot || route != "" {
			t.Errorf("%s: status %d, route %q", target, got.Code, route)
		}
	}
}

func TestRecover(t *testing.T) {
	t.Parallel()
	log := &bytes.Buffer{}
	w := serve(t, get(t, "/"), func(*httpx.ResponseWriter, *http.Request) error { panic("boom") },
		httpx.AccessLog(slog.New(slog.NewJSONHandler(log, nil))), httpx.Errors(func(w *httpx.ResponseWriter, _ *http.Request, _ error) {
			w.WriteHeader(http.StatusInternalServerError)
		}), httpx.Recover)
	if w.Code != http.StatusInternalServerError {
		t.Errorf("status %d", w.Code)
	}
	for _, want := range []string{`"level":"ERROR"`, "panic: boom", "httpx_test.go"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %q: %s", want, log)
		}
	}

	// net/http's own way to drop a connection goes through.
	defer func() {
		if p := recover(); p != http.ErrAbortHandler { //nolint:errorlint // it is passed as it is
			t.Errorf("recovered %v", p)
		}
	}()
	serve(t, get(t, "/"), func(*httpx.ResponseWriter, *http.Request) error { panic(http.ErrAbortHandler) }, httpx.Recover)
}

func TestErrorsAfterAnswer(t *testing.T) {
	t.Parallel()
	w := serve(t, get(t, "/"), func(w *httpx.ResponseWriter, _ *http.Request) error {
		_, _ = io.WriteString(w, "half")
		return errors.New("too late")
	}, httpx.Errors(plainErrors))
	if w.Code != http.StatusOK || w.Body.String() != "half" {
		t.Errorf("%d %q", w.Code, w.Body)
	}
}

func TestLimitBody(t *testing.T) {
	t.Parallel()
	const limit = 10
	read := func(_ *httpx.ResponseWriter, r *http.Request) error {
		_, err := io.ReadAll(r.Body)
		return err
	}
	text := func(n int) io.Reader { return strings.NewReader(strings.Repeat("x", n)) }
	// A reader of a type that httptest does not know has no length, and comes in
	// chunks.
	chunked := func(r io.Reader) io.Reader { return struct{ io.Reader }{r} }
	broken := chunked(iotest.ErrReader(io.ErrUnexpectedEOF))
	for name, test := range map[string]struct {
		method string
		body   io.Reader
		kind   persona.Kind
	}{
		"OK":                 {http.MethodPost, text(limit), ""},
		"OKChunked":          {http.MethodPost, chunked(text(limit)), ""},
		"OneTooMany":         {http.MethodPost, text(limit + 1), persona.TooLarge},
		"OneTooManyInChunks": {http.MethodPost, chunked(text(limit + 1)), persona.TooLarge},
		"Broken":             {http.MethodPost, broken, persona.Invalid},
		// Where the handler reads none.
		"GetInChunks":           {http.MethodGet, chunked(text(limit)), ""},
		"GetOneTooManyInChunks": {http.MethodGet, chunked(text(limit + 1)), persona.TooLarge},
		"GetBroken":             {http.MethodGet, broken, persona.Invalid},
		"DeleteBroken":          {http.MethodDelete, broken, persona.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequestWithContext(t.Context(), test.method, "/", test.body)
			var kind persona.Kind
			serve(t, r, read, httpx.Errors(func(_ *httpx.ResponseWriter, _ *http.Request, err error) { kind = persona.KindOf(err) }), httpx.LimitBody(limit))
			if kind != test.kind {
				t.Errorf("kind %q, want %q", kind, test.kind)
			}
		})
	}
}

func TestAccessLog(t *testing.T) {
	t.Parallel()
	log := &bytes.Buffer{}
	var requestID string
	r := get(t, "/path?secret=1")
	r.Header.Set("X-External-Request-Id", "trace")
	r.Header.Set("api_key", "secret")
	serve(t, r, func(w *httpx.ResponseWriter, _ *http.Request) error {
		requestID = w.RequestID
		w.KeyOID, w.WorkspaceOID = "ak_1", "wa_1"
		return httpx.WriteFlat(w, "OK", []byte(`{"a":1}`))
	}, httpx.RequestIDs, httpx.AccessLog(slog.New(slog.NewJSONHandler(log, nil))))
	var got map[string]any
	if err := json.Unmarshal(log.Bytes(), &got); err != nil {
		t.Fatalf("%v: %s", err, log)
	}
	if _, err := time.Parse(time.RFC3339Nano, got["time"].(string)); err != nil {
		t.Error(err)
	}
	if took, ok := got["tookUs"].(float64); !ok || took < 0 {
		t.Errorf("tookUs is %v", got["tookUs"])
	}
	delete(got, "time")
	delete(got, "tookUs")
	want := map[string]any{
		"level": "INFO", "msg": "request", "requestId": requestID, "method": "GET", "path": "/path", "status": 200.0,
		"bytes": got["bytes"], "remote": "192.0.2.1:1234", "key": "ak_1", "workspace": "wa_1", "externalRequestId": "trace",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What a caller names its request and itself is kept up to its limit, and dropped
// above it.
func TestExternalRequestID(t *testing.T) {
	t.Parallel()
	for length, kept := range map[int]bool{1: true, httpx.MaxExternalRequestID: true, httpx.MaxExternalRequestID + 1: false} {
		log := &bytes.Buffer{}
		r := get(t, "/")
		r.Header.Set("X-External-Request-Id", strings.Repeat("x", length))
		r.Header.Set("X-Request-Source", strings.Repeat("y", length))
		w := serve(t, r, func(w *httpx.ResponseWriter, _ *http.Request) error {
			return httpx.WriteFlat(w, "OK", []byte(`{"a":1}`))
		}, httpx.RequestIDs, httpx.AccessLog(slog.New(slog.NewJSONHandler(log, nil))))
		if got := len(w.Header().Get("X-External-Request-Id")) == length; got != kept {
			t.Errorf("an id of %d bytes comes back: %t", length, got)
		}
		for _, logged := range []string{`"externalRequestId":"x`, `"source":"y`} {
			if got := strings.Contains(log.String(), logged); got != kept {
				t.Errorf("%s of %d bytes is in the log: %t", logged, length, got)
			}
		}
	}
}

func TestWriteFlat(t *testing.T) {
	t.Parallel()
	const message = "with \"quotes\", a \\, <b> and 😀"
	w := serve(t, get(t, "/"), func(w *httpx.ResponseWriter, _ *http.Request) error {
		return httpx.WriteFlat(w, message, []byte(`{"oId":"x"}`))
	})
	var got struct {
		Metadata struct{ Message string } `json:"_metadata"`
		OID      string
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	if got.Metadata.Message != message || got.OID != "x" || !strings.HasPrefix(w.Body.String(), `{"_metadata":`) {
		t.Errorf("%s", w.Body)
	}
}

func TestWriteWrapped(t *testing.T) {
	t.Parallel()
	w := serve(t, get(t, "/"), func(w *httpx.ResponseWriter, _ *http.Request) error {
		w.RequestID = "rq_1"
		return httpx.WriteWrapped(w, "Done.", []byte(`{"oId":"x"}`))
	})
	var got struct {
		Metadata struct{ Timestamp string } `json:"_metadata"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	want := `{"_metadata":{"usage":0,"requestId":"rq_1","message":"Done.","timestamp":"` + got.Metadata.Timestamp + `"},"data":{"oId":"x"}}`
	if diff := cmp.Diff(want, w.Body.String()); diff != "" {
		t.Error(diff)
	}
	if length := w.Header().Get("Content-Length"); length != strconv.Itoa(len(want)) {
		t.Errorf("Content-Length is %s of %d", length, len(want))
	}
}
