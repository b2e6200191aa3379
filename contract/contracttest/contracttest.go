// Package contracttest holds what passes over HTTP in a test against the
// OpenAPI document, contract/openapi.yaml. Only tests import it.
//
// Put [Transport] into the test's client, and each exchange of that client is
// checked without another word in the test:
//
//	client := srv.Client()
//	client.Transport = contracttest.Transport(t, client.Transport)
//
// It does not know what a right answer to a certain request is: that is the
// test's own to say.
package contracttest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"go.yaml.in/yaml/v3"

	"personae.dev/contract"
	"personae.dev/internal/errs"
	"personae.dev/internal/kind"
)

// Transport returns a transport that sends requests through base, which is
// http.DefaultTransport where nil, and fails t, without ending it, when
//
//   - an answer has a status that the document does not declare for the
//     operation, another content type, a body that does not match its schema,
//     undeclared fields included, or lacks a required header or has a bad one;
//   - a request that breaks the document is answered with anything but 4xx;
//   - a path or verb that the document does not have is answered with anything
//     but 404 or 405, or 501 for a published call that is not offered;
//   - an error has a code of another status, or lacks a header that its status
//     needs;
//   - an answer to HEAD, or a 304, has a body;
//   - X-Request-Id and _metadata.requestId differ, or message and
//     _metadata.message, or x-external-request-id comes back changed;
//   - an answer has what the request did not ask for: ids of qualifying
//     questions without include=questionIds, or nextCursor without cursor.
//
// Requests may therefore be wrong on purpose. What n8n sends empty counts as not
// sent, and what is sent under data as sent flat. HEAD counts as GET. Bodies can be read as without it. The transport may be used by several goroutines.
func Transport(t testing.TB, base http.RoundTripper) http.RoundTripper {
	t.Helper()
	d, err := load()
	if err != nil {
		t.Fatalf("contract/openapi.yaml: %v", err)
	}
	if base == nil {
		base = http.DefaultTransport
	}
	return &transport{t: t, base: base, doc: d}
}

// document is the contract, ready to check with. It is immutable.
type document struct {
	spec   *openapi3.T
	router routers.Router
	// schemas checks bodies.
	schemas *schemas
	// statuses has the status of every error code; a code of a kind stands for
	// all: "{kind}_not_found".
	statuses map[string]int
}

// load reads the document once for all tests of the process. That it is valid,
// the tests of package contract show.
var load = sync.OnceValues(func() (*document, error) {
	spec, err := openapi3.NewLoader().LoadFromData(contract.OpenAPI())
	if err != nil {
		return nil, err
	}
	if !spec.IsOpenAPI31OrLater() {
		return nil, fmt.Errorf("version is %s, want 3.1 or later", spec.OpenAPI)
	}
	// Test servers listen on any port, so the router must not hold requests
	// against the document's servers.
	spec.Servers = nil
	router, err := gorillamux.NewRouter(spec)
	if err != nil {
		return nil, err
	}
	statuses, err := errorStatuses()
	if err != nil {
		return nil, err
	}
	var root any
	if err := yaml.Unmarshal(contract.OpenAPI(), &root); err != nil {
		return nil, err
	}
	schemas, err := newSchemas(root)
	if err != nil {
		return nil, err
	}
	return &document{spec: spec, router: router, schemas: schemas, statuses: statuses}, nil
})

// errorStatuses reads the list x-errors of the document.
func errorStatuses() (map[string]int, error) {
	var list struct {
		Errors []struct {
			Code   string
			Status int
		} `yaml:"x-errors"`
	}
	if err := yaml.Unmarshal(contract.OpenAPI(), &list); err != nil {
		return nil, err
	}
	statuses := map[string]int{}
	for _, e := range list.Errors {
		statuses[e.Code] = e.Status
	}
	return statuses, nil
}

// statusOf returns the status of an error code, 0 for an unknown one.
func (d *document) statusOf(code string) int {
	if status, ok := d.statuses[code]; ok {
		return status
	}
	for pattern, status := range d.statuses {
		if suffix, ok := strings.CutPrefix(pattern, "{kind}"); ok && strings.HasSuffix(code, suffix) {
			return status
		}
	}
	return 0
}

// registry has the kinds, made once.
var registry = sync.OnceValue(kind.Registry)

type transport struct {
	t    testing.TB
	base http.RoundTripper
	doc  *document
}

// RoundTrip implements http.RoundTripper.
func (tr *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	tr.t.Helper()
	// A RoundTripper must not change its request, and base closes its body, so
	// what is checked is a copy with a body of its own.
	sent, checked, err := split(req)
	if err != nil {
		return nil, err
	}
	resp, err := tr.base.RoundTrip(sent)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	if closeErr := resp.Body.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, fmt.Errorf("contracttest: read the answer's body: %w", err)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	if err := tr.doc.check(checked, resp, body); err != nil {
		tr.t.Errorf("contract: %s %s answered %d against contract/openapi.yaml:\n%v\nheader: %v\nbody: %s",
			req.Method, req.URL.RequestURI(), resp.StatusCode, err, resp.Header, excerpt(body))
	}
	return resp, nil
}

func split(req *http.Request) (sent, checked *http.Request, err error) {
	sent, checked = req.Clone(req.Context()), req.Clone(req.Context())
	if req.Body == nil || req.Body == http.NoBody {
		return sent, checked, nil
	}
	b, err := io.ReadAll(req.Body)
	if closeErr := req.Body.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, nil, fmt.Errorf("contracttest: read the request's body: %w", err)
	}
	if checked.Header.Get("Content-Type") == "" {
		checked.Header.Set("Content-Type", "application/json") // as the document says
	}
	sent.Body = io.NopCloser(bytes.NewReader(b))
	b = flat(req.URL.Path, b)
	if req.Header.Get("X-Request-Source") == "n8n" {
		b = withoutEmpty(b)
	}
	checked.GetBody = nil // it gives what was sent
	checked.Body, checked.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
	return sent, checked, nil
}

// flat moves the fields that a body has under data, or under another name that
// the kind allows, to where the document has them.
func flat(path string, body []byte) []byte {
	name, _, _ := strings.Cut(strings.TrimPrefix(path, "/api/v2/"), "/")
	k, err := registry().Kind(name)
	if err != nil {
		return body
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(body, &object) != nil {
		return body
	}
	for range 2 { // data may be in data
		for _, nest := range append([]string{"data"}, k.Nest...) {
			var inner map[string]json.RawMessage
			if json.Unmarshal(object[nest], &inner) != nil || inner == nil {
				continue
			}
			delete(object, nest)
			for key, value := range inner {
				if _, sent := object[key]; !sent {
					object[key] = value
				}
			}
		}
	}
	for i := range k.Fields {
		f := &k.Fields[i]
		if _, sent := object[f.Name]; !sent && object[f.DataKey()] != nil {
			object[f.Name] = object[f.DataKey()]
		}
	}
	moved, err := json.Marshal(object)
	if err != nil {
		return body
	}
	return moved
}

// withoutEmpty leaves out what is empty in a body: from n8n "", [] and {} count
// as absent, of whatever type the field is, also within objects.
func withoutEmpty(body []byte) []byte {
	var v map[string]any
	if json.Unmarshal(body, &v) != nil {
		return body
	}
	dropEmpty(v)
	rest, err := json.Marshal(v)
	if err != nil {
		return body
	}
	return rest
}

func dropEmpty(object map[string]any) {
	for name, value := range object {
		switch v := value.(type) {
		case string:
			if v == "" {
				delete(object, name)
			}
		case []any:
			if len(v) == 0 {
				delete(object, name)
			}
		case map[string]any:
			if dropEmpty(v); len(v) == 0 {
				delete(object, name)
			}
		}
	}
}

// check returns everything that is wrong with one exchange, joined.
func (d *document) check(req *http.Request, resp *http.Response, body []byte) error {
	if resp.StatusCode == http.StatusRequestHeaderFieldsTooLarge && !isJSON(resp) {
		return nil // refused by net/http, before any handler
	}
	wrong := []error{bodiless(req, resp, body), echoes(req, resp, body), d.errorFits(resp, body)}

	lookup := singular(req)
	route, params, err := d.router.FindRoute(lookup)
	if errors.Is(err, routers.ErrMethodNotAllowed) && req.Method == http.MethodHead {
		lookup = lookup.Clone(req.Context())
		lookup.Method = http.MethodGet
		route, params, err = d.router.FindRoute(lookup)
	}
	switch {
	case errors.Is(err, routers.ErrPathNotFound):
		want := http.StatusNotFound
		if contract.WhyNotOffered(req.URL.Path) != "" {
			want = http.StatusNotImplemented
		}
		return errors.Join(append(wrong, d.checkNoOperation(req, resp, body, want))...)
	case errors.Is(err, routers.ErrMethodNotAllowed):
		return errors.Join(append(wrong, d.checkNoOperation(req, resp, body, http.StatusMethodNotAllowed))...)
	case err != nil:
		return errors.Join(append(wrong, err)...)
	}

	in := &openapi3filter.RequestValidationInput{
		Request:    req,
		PathParams: params,
		Route:      route,
		Options:    options(),
	}
	err = errors.Join(openapi3filter.ValidateRequest(req.Context(), in), d.checkRequestBody(route.Operation, req))
	if err != nil && (resp.StatusCode < 400 || resp.StatusCode > 499) {
		wrong = append(wrong, fmt.Errorf("the request breaks the contract, so the answer must be 4xx: %w", err))
	}
	declared := route.Operation.Responses.Status(resp.StatusCode)
	if declared == nil {
		return errors.Join(append(wrong, fmt.Errorf("status %d is not declared for %s %s", resp.StatusCode, route.Method, route.Path))...)
	}
	return errors.Join(append(wrong, d.checkResponse(in, declared, resp, body), unasked(req, resp, body))...)
}

// singular returns a request at the old path of a kind, in the plural, as one at
// the path that the document has.
func singular(req *http.Request) *http.Request {
	for _, k := range registry().Kinds() {
		call, old := strings.CutPrefix(req.URL.Path, "/api/v2/"+k.PathPlural()+"/")
		if !old || !slices.Contains([]string{"get", "list", "create", "update", "delete", "generate"}, call) || k.Singleton {
			continue
		}
		req = req.Clone(req.Context())
		req.URL.Path = "/api/v2/" + k.Name + "/" + call
		break
	}
	return req
}

// checkNoOperation checks the answer to a path or verb that the document does
// not have against the answer of every error.
func (d *document) checkNoOperation(req *http.Request, resp *http.Response, body []byte, status int) error {
	if resp.StatusCode != status {
		return fmt.Errorf("the contract has no %s %s, so the answer must be %d", req.Method, req.URL.Path, status)
	}
	code := map[int]string{
		http.StatusNotFound: "path_not_found", http.StatusMethodNotAllowed: "method_not_allowed", http.StatusNotImplemented: "not_offered",
	}[status]
	if isJSON(resp) && len(body) > 0 && !bytes.Contains(body, []byte(`"code":"`+code+`"`)) {
		return fmt.Errorf("the contract has no %s %s, so the code must be %s", req.Method, req.URL.Path, code)
	}
	declared := d.spec.Components.Responses["Error"]
	in := &openapi3filter.RequestValidationInput{
		Request: req,
		Route:   &routers.Route{Spec: d.spec},
		Options: options(),
	}
	return d.checkResponse(in, declared, resp, body)
}

// checkResponse checks status, header and body against what is declared.
//
// kin-openapi checks nothing at all of an answer to HEAD and of a 304, which
// have headers to be checked too. So every answer is given to it as an answer
// to GET with one declared response, 200; the body is left out where there is
// none.
func (d *document) checkResponse(in *openapi3filter.RequestValidationInput, declared *openapi3.ResponseRef, resp *http.Response, body []byte) error {
	asGet := in.Request.Clone(in.Request.Context())
	asGet.Method = http.MethodGet
	route := *in.Route
	route.Method = http.MethodGet
	route.Operation = &openapi3.Operation{
		Responses: openapi3.NewResponses(openapi3.WithStatus(http.StatusOK, declared)),
	}
	schema := schemaOf(declared.Value.Content, resp.Header.Get("Content-Type"))
	opts := options()
	opts.ExcludeResponseBody = noBody(in.Request, resp) || schema != "" // which is checked below
	out := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: asGet, Route: &route, Options: opts},
		Status:                 http.StatusOK,
		Header:                 resp.Header,
		Options:                opts,
	}
	out.SetBodyBytes(body)
	err := openapi3filter.ValidateResponse(asGet.Context(), out)
	if noBody(in.Request, resp) && in.Request.Method == http.MethodHead && resp.StatusCode != http.StatusNotModified {
		err = errors.Join(err, contentType(declared, resp))
	}
	if schema != "" && !noBody(in.Request, resp) {
		err = errors.Join(err, d.schemas.check(schema, body))
	}
	if isJSON(resp) && len(body) > 0 {
		err = errors.Join(err, oneValue(body))
	}
	return err
}

func options() *openapi3filter.Options {
	return &openapi3filter.Options{
		IncludeResponseStatus: true,
		SkipSettingDefaults:   true,
		MultiError:            true,
		ExcludeRequestBody:    true, // checkRequestBody does it
		AuthenticationFunc:    keySent,
	}
}

// keySent tells whether the request has a key under the given scheme. Whether
// the key is a good one is the server's to say.
func keySent(_ context.Context, in *openapi3filter.AuthenticationInput) error {
	header := in.RequestValidationInput.Request.Header
	switch {
	case in.SecurityScheme.Type == "apiKey" && in.SecurityScheme.In == "header":
		if header.Get(in.SecurityScheme.Name) == "" {
			return in.NewError(fmt.Errorf("no header %s", in.SecurityScheme.Name))
		}
	case in.SecurityScheme.Type == "http" && in.SecurityScheme.Scheme == "bearer":
		scheme, token, _ := strings.Cut(header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "bearer") || strings.TrimSpace(token) == "" {
			return in.NewError(errors.New("no bearer token"))
		}
	default:
		return in.NewError(fmt.Errorf("contracttest does not know the security scheme %s", in.SecuritySchemeName))
	}
	return nil
}

func noBody(req *http.Request, resp *http.Response) bool {
	return req.Method == http.MethodHead || resp.StatusCode == http.StatusNotModified
}

// bodiless catches handlers that are called without a server between, which
// would have cut the body off.
func bodiless(req *http.Request, resp *http.Response, body []byte) error {
	if noBody(req, resp) && len(body) > 0 {
		return errors.New("the answer must not have a body")
	}
	return nil
}

func contentType(declared *openapi3.ResponseRef, resp *http.Response) error {
	got := resp.Header.Get("Content-Type")
	if len(declared.Value.Content) > 0 && declared.Value.Content.Get(got) == nil {
		return fmt.Errorf("content type %q is not declared", got)
	}
	return nil
}

// echoes checks what a schema cannot say: values that must be equal.
func echoes(req *http.Request, resp *http.Response, body []byte) error {
	var wrong []error
	if got := resp.Header.Get("x-external-request-id"); got != "" && got != req.Header.Get("x-external-request-id") {
		wrong = append(wrong, fmt.Errorf("x-external-request-id is %q, the request had %q", got, req.Header.Get("x-external-request-id")))
	}
	var v struct {
		Metadata struct {
			RequestID *string `json:"requestId"`
			Message   *string `json:"message"`
		} `json:"_metadata"`
		Message *string `json:"message"`
	}
	if !isJSON(resp) || json.Unmarshal(body, &v) != nil {
		return errors.Join(wrong...)
	}
	if id := resp.Header.Get("X-Request-Id"); v.Metadata.RequestID != nil && id != *v.Metadata.RequestID {
		wrong = append(wrong, fmt.Errorf("X-Request-Id is %q, _metadata.requestId is %q", id, *v.Metadata.RequestID))
	}
	if v.Message != nil && v.Metadata.Message != nil && *v.Message != *v.Metadata.Message {
		wrong = append(wrong, fmt.Errorf("message is %q, _metadata.message is %q", *v.Message, *v.Metadata.Message))
	}
	return errors.Join(wrong...)
}

// errorHeaders are those that an error of a status and a code needs.
func errorHeaders(status int, code string) []string {
	switch status {
	case http.StatusUnauthorized:
		return []string{"WWW-Authenticate"}
	case http.StatusMethodNotAllowed:
		return []string{"Allow"}
	case http.StatusPreconditionFailed:
		return []string{"ETag"}
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		if code == errs.CodeRateLimited {
			return []string{"Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"}
		}
		return []string{"Retry-After"}
	}
	return nil
}

// errorFits checks that code and headers of an error are those of its status.
func (d *document) errorFits(resp *http.Response, body []byte) error {
	var v struct {
		Error struct {
			Code   string
			Fields []any
		}
	}
	if resp.StatusCode < http.StatusBadRequest || !isJSON(resp) {
		return nil
	}
	var wrong []error
	if len(body) > 0 { // HEAD has none
		if err := json.Unmarshal(body, &v); err != nil {
			return err
		}
		if resp.StatusCode == http.StatusUnauthorized && len(v.Error.Fields) > 0 {
			wrong = append(wrong, errors.New("fields tell why a key is not valid"))
		}
		if want := d.statusOf(v.Error.Code); want != resp.StatusCode {
			wrong = append(wrong, fmt.Errorf("the code %q belongs to the status %d", v.Error.Code, want))
		}
	}
	for _, name := range errorHeaders(resp.StatusCode, v.Error.Code) {
		if resp.Header.Get(name) == "" {
			wrong = append(wrong, fmt.Errorf("the header %s is missing", name))
		}
	}
	return errors.Join(wrong...)
}

// unasked refuses extensions of the published shape that the request did not
// ask for: each schema has to allow them for those that did.
func unasked(req *http.Request, resp *http.Response, body []byte) error {
	if !isJSON(resp) || resp.StatusCode != http.StatusOK || len(body) == 0 || strings.Contains(req.URL.Path, "/revision/") || strings.HasSuffix(req.URL.Path, "/change/list") {
		return nil
	}
	var answer map[string]any
	if err := json.Unmarshal(body, &answer); err != nil {
		return err
	}
	query := req.URL.Query()
	include := strings.Split(query.Get("include"), ",")
	var wrong []error
	unless := func(asked bool, what string, there bool) {
		if there && !asked {
			wrong = append(wrong, fmt.Errorf("the answer has %s, which was not asked for", what))
		}
	}
	_, hasCursor := answer["nextCursor"]
	unless(query.Has("cursor"), "nextCursor", hasCursor)
	if query.Has("cursor") && strings.HasSuffix(req.URL.Path, "/list") && !hasCursor && answer["hasNext"] != nil {
		wrong = append(wrong, errors.New("the request has a cursor, and the answer no nextCursor"))
	}
	_, hasLinks := answer["links"]
	unless(slices.Contains(include, "links"), "links", hasLinks)
	rows, ok := answer["data"].([]any)
	if !ok {
		rows = []any{answer, answer["data"]}
	}
	for _, row := range rows {
		entity, _ := row.(map[string]any)
		questions, _ := entity["qualifyingQuestions"].([]any)
		for _, question := range questions {
			_, hasID := question.(map[string]any)["oId"]
			unless(slices.Contains(include, "questionIds"), "the oId of a question", hasID)
			if slices.Contains(include, "questionIds") && !hasID {
				wrong = append(wrong, errors.New("the request has include=questionIds, and a question no oId"))
			}
		}
	}
	return errors.Join(wrong...)
}

func isJSON(resp *http.Response) bool {
	mime, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	return strings.EqualFold(strings.TrimSpace(mime), "application/json")
}

// oneValue refuses a body that goes on after its first JSON value, as when a
// handler writes an error behind an answer.
func oneValue(body []byte) error {
	dec := json.NewDecoder(bytes.NewReader(body))
	var first json.RawMessage
	if err := dec.Decode(&first); err != nil {
		return fmt.Errorf("body is not JSON: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("body goes on after its JSON value")
	}
	return nil
}

func excerpt(b []byte) string {
	const limit = 2000
	if len(b) > limit {
		return fmt.Sprintf("%s… (%d bytes)", b[:limit], len(b))
	}
	return string(b)
}
