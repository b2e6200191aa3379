package mcp

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"personae.dev/apitype"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/httpx"
)

// maxAPIAnswer is how large an answer of the API may be: more than a page has.
const maxAPIAnswer = 64 << 20

// request is one call of the public API.
type request struct {
	method, path string // the path after /api/v2/
	query        url.Values
	body         any // sent as JSON; nil for none
	ifMatch      string
}

// answer is what the API answered with success.
type answer struct {
	body      []byte
	etag      string
	mediaType string
}

// api calls the public API of a server with one key. All that a tool does goes
// through it, so that scopes, gates, limits and revisions are those of the API.
type api struct {
	base      string // such as http://127.0.0.1:7070
	transport http.RoundTripper
	header    http.Header // has the key
}

// keyHeaders are the headers that may have the key of a caller.
var keyHeaders = [...]string{"Api_key", "X-Api-Key", "Authorization"} //nolint:gochecknoglobals // never changes

// withKeyOf returns the headers of a call with the key of a caller.
func withKeyOf(caller http.Header) http.Header {
	header := http.Header{}
	for _, name := range keyHeaders {
		if values := caller[name]; len(values) > 0 {
			header[name] = values
		}
	}
	return header
}

// call makes a call. Its error is a *refusal where the API refused it.
func (a *api) call(ctx context.Context, r request) (*answer, error) {
	var content io.Reader = http.NoBody
	if r.body != nil {
		b, err := encode(r.body)
		if err != nil {
			return nil, fmt.Errorf("mcp: encode the body of %s: %w", r.path, err)
		}
		content = bytes.NewReader(b)
	}
	address := a.base + "/api/v2/" + r.path
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	wanted, err := http.NewRequestWithContext(ctx, r.method, address, content)
	if err != nil {
		return nil, fmt.Errorf("mcp: %s: %w", r.path, err)
	}
	wanted.Header = a.header.Clone()
	wanted.Header.Set("X-Request-Source", string(entity.SourceMCP))
	wanted.Header.Set("User-Agent", "personae-mcp")
	if r.body != nil {
		wanted.Header.Set("Content-Type", "application/json")
	}
	if id := httpx.RequestID(ctx); id != "" {
		wanted.Header.Set("X-External-Request-Id", id) // the log has it with both requests
	}
	if r.ifMatch != "" {
		wanted.Header.Set("If-Match", r.ifMatch)
	}
	response, err := a.transport.RoundTrip(wanted) // follows no redirect, which could take the key elsewhere
	if err != nil {
		return nil, unreachable(r.method, err)
	}
	defer response.Body.Close()
	b, err := io.ReadAll(io.LimitReader(response.Body, maxAPIAnswer))
	if err != nil {
		return nil, unreachable(r.method, err)
	}
	mediaType, _, _ := strings.Cut(response.Header.Get("Content-Type"), ";")
	if response.StatusCode != http.StatusOK {
		return nil, refused(response, b)
	}
	return &answer{body: b, etag: response.Header.Get("Etag"), mediaType: mediaType}, nil
}

// get makes a call that reads, and decodes its answer.
func (a *api) get(ctx context.Context, path string, query url.Values, into any) error {
	found, err := a.call(ctx, request{method: http.MethodGet, path: path, query: query})
	if err != nil {
		return err
	}
	return found.decode(into)
}

// post makes a call that changes something, and decodes its answer.
func (a *api) post(ctx context.Context, path string, body, into any) error {
	done, err := a.call(ctx, request{method: http.MethodPost, path: path, body: body})
	if err != nil {
		return err
	}
	return done.decode(into)
}

func (a *answer) decode(into any) error {
	if err := json.Unmarshal(a.body, into); err != nil {
		return &refusal{Code: codeNoAPI, Message: "The answer is not one of the Personae API: check the address of the server."}
	}
	return nil
}

// encode is json.Marshal without escapes for HTML, which cost a model tokens.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// refusal is an error as an agent is told it.
type refusal struct {
	Code    string               `json:"code"`
	Message string               `json:"message"`
	Fields  []apitype.FieldError `json:"fields,omitempty"`
	// Next says what to do.
	Next string `json:"next,omitempty"`

	status int
}

// Error implements error.
func (r *refusal) Error() string { return r.Code + ": " + r.Message }

// Codes of refusals that the API does not have.
const (
	codeNoAPI       = "no_api"
	codeUnreachable = "unreachable"
	codeArguments   = "invalid_arguments"
	codeAmbiguous   = "ambiguous"
	codeNoEntity    = "not_found"
)

// lookFirst is what to do after a change of which nobody can say whether it was
// made.
const lookFirst = "The change may have been made. Look with get_entity or list_entities before you repeat it."

// unreachable is the refusal of a call by method that got no answer. Its cause may
// name hosts, and never has the key.
func unreachable(method string, err error) error {
	if method != http.MethodGet && !errors.Is(err, syscall.ECONNREFUSED) {
		return &refusal{Code: errs.CodeOutcomeUnknown, Message: "The call got no answer.", Next: lookFirst}
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return &refusal{Code: codeUnreachable, Message: "The call took too long and was given up.", Next: "Ask for less, or try again later."}
	}
	return &refusal{
		Code: codeUnreachable, Message: fmt.Sprintf("The Personae server cannot be reached: %s.", err),
		Next: "Try again in a moment. If it stays like this, tell the user to check that the server runs, and its address.",
	}
}

// refused reads the API's error, and says what an agent should do about it.
func refused(response *http.Response, body []byte) error {
	var e apitype.ErrorResponse
	if json.Unmarshal(body, &e) != nil || e.Error.Code == "" {
		return &refusal{
			Code: codeNoAPI, Message: fmt.Sprintf("The answer (status %d) is not one of the Personae API.", response.StatusCode),
			Next: "Tell the user to check the address of the server, and any proxy before it.",
		}
	}
	r := &refusal{Code: e.Error.Code, Message: e.Message, Fields: e.Error.Fields, status: response.StatusCode}
	if len(r.Fields) == 0 {
		r.Fields = nil
	}
	switch r.Code {
	case errs.CodeOutcomeUnknown:
		r.Next = lookFirst
		return r
	case errs.CodeKeyReused, errs.CodeIdempotencyInProgress:
		r.Next = "Wait a moment, and look with list_entities whether it was made."
		return r
	}
	switch response.StatusCode {
	case http.StatusBadRequest:
		r.Next = "Correct what is named, and call again. describe_kind lists the fields of a kind."
	case http.StatusUnauthorized:
		r.Next = "Ask the user for another API key: this one was revoked, has expired, or belongs to another server."
	case http.StatusForbidden:
		r.Next = "Ask the user for a key with that scope; reading still works."
	case http.StatusNotFound:
		r.Next = "Find the right id with search_knowledge_base or list_entities."
	case http.StatusConflict:
		r.Next = "To bring a deleted entity back, call list_revisions with its id, then restore_revision with the newest one."
	case http.StatusPreconditionFailed:
		r.Next = "Somebody changed it in between: call get_entity, and repeat the change on what is there now."
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		r.Next = fmt.Sprintf("Wait %s s, then try again.", cmp.Or(response.Header.Get("Retry-After"), "5"))
	}
	return r
}

// inProcess makes calls of the server's own handler, without a network.
type inProcess struct{ handler http.Handler }

// RoundTrip implements http.RoundTripper.
func (t inProcess) RoundTrip(r *http.Request) (response *http.Response, err error) {
	w := &recorder{header: http.Header{}}
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			response, err = nil, io.ErrUnexpectedEOF // the answer was cut off
		default:
			panic(p)
		}
	}()
	t.handler.ServeHTTP(w, r)
	return &http.Response{StatusCode: cmp.Or(w.status, http.StatusOK), Header: w.header, Body: io.NopCloser(&w.body), Request: r}, nil
}

// recorder keeps an answer.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (w *recorder) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter.
func (w *recorder) WriteHeader(status int) { w.status = cmp.Or(w.status, status) }

// Write implements http.ResponseWriter.
func (w *recorder) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}
