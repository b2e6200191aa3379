package contract_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"personae.dev/apitype"
	"personae.dev/contract"
	"personae.dev/contract/contracttest"
	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/kind"
	"personae.dev/internal/library"
	"personae.dev/internal/llm"
)

// registry has the kinds, made once.
var registry = sync.OnceValue(kind.Registry)

// load reads the document once.
var load = sync.OnceValues(func() (*openapi3.T, error) {
	return openapi3.NewLoader().LoadFromData(contract.OpenAPI())
})

func setup(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := load()
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestDocumentIsValid(t *testing.T) {
	t.Parallel()
	doc := setup(t)
	if !strings.HasPrefix(doc.OpenAPI, "3.1.") {
		t.Errorf("openapi is %q, want 3.1", doc.OpenAPI)
	}
	if err := doc.Validate(t.Context(), openapi3.DisableExamplesValidation(), openapi3.EnableSchemaFormatValidation()); err != nil {
		t.Error(err)
	}
	if err := contracttest.CheckExamples(contract.OpenAPI()); err != nil {
		t.Error(err)
	}
}

// TestErrorCodes holds the list of the introduction and the enum against the
// codes that the server has.
func TestErrorCodes(t *testing.T) {
	t.Parallel()
	want := map[string]bool{}
	for _, code := range []string{
		errs.CodeInvalidRequest, errs.CodePageTooLarge, errs.CodeUnauthorized, errs.CodeInsufficientScope,
		errs.CodeRevisionNotFound, errs.CodeQuestionNotFound, errs.CodeAPIKeyNotFound, errs.CodeAgentNotFound, errs.CodePathNotFound,
		errs.CodeMethodNotAllowed, errs.CodeKeyReused, errs.CodeIdempotencyInProgress, errs.CodeBodyTooLarge,
		errs.CodeUnsupportedMediaType, errs.CodeRateLimited, errs.CodeInternal, errs.CodeNotOffered,
		errs.CodeUnavailable, errs.CodeOutcomeUnknown, errs.CodeModelNotConfigured, errs.CodeModelBudget, errs.CodeSourceUnreachable,
		llm.CodeRefused, llm.CodeFiltered, llm.CodeCutOff, llm.CodeBadAnswer, llm.CodeUnreachable, llm.CodeRejected,
	} {
		want[code] = true
	}
	doc := setup(t)
	for code := range want {
		if !strings.Contains(doc.Info.Description, "- `"+code+"` (") {
			t.Errorf("the introduction does not list %s", code)
		}
	}
	for _, k := range registry().Kinds() {
		for _, code := range []string{errs.NotFoundCode(k.Name), errs.DeletedCode(k.Name), errs.ChangedCode(k.Name)} {
			want[code] = true
		}
	}
	got := map[string]bool{}
	for _, code := range doc.Components.Schemas["ErrorCode"].Value.Enum {
		got[code.(string)] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the enum of ErrorCode (-want +got):\n%s", diff)
	}
}

// optional lists the fields of answers that are left out where they were not
// asked for, or have no value. Fields of an older generation are, too.
func optional(at string) bool {
	schema, field, _ := strings.Cut(at, ".")
	if schema == "ListChangesResponse" {
		return false // a feed always says where it goes on
	}
	if slices.Contains([]string{"QualifyingQuestion.oId", "LinkingStrategy.offeringOIds", "SlimEntity.internalName", "SlimEntity.description"}, at) ||
		slices.Contains([]string{"nextCursor", "links", "linkedFrom", "fromTotal"}, field) {
		return true
	}
	if schema == "Qualification" || at == "SectionQualification.steps" {
		return !slices.Contains([]string{"score", "rationale", "model"}, field)
	}
	for _, k := range registry().Kinds() {
		name := strings.ReplaceAll(k.Name, "-", "")
		for _, f := range k.Fields {
			if f.Old && strings.EqualFold(schema, name+"Data") && f.DataKey() == field {
				return true
			}
		}
	}
	return false
}

// TestObjectsAreClosed shows that every object of an answer refuses undeclared
// keys, and requires the declared ones; that no object of a request refuses
// them, as fields come and go between versions of clients; and that all tell
// what each key is.
func TestObjectsAreClosed(t *testing.T) {
	t.Parallel()
	open := []string{"EntityRecord"} // it has the fields of any kind
	for name, ref := range setup(t).Components.Schemas {
		schema := ref.Value
		if schema.Description == "" {
			t.Errorf("%s has no description", name)
		}
		if !schema.Type.Is("object") || slices.Contains(open, name) {
			continue
		}
		request := strings.HasSuffix(name, "Request") || strings.HasSuffix(name, "Input")
		if may := schema.AdditionalProperties.Has; !request && (may == nil || *may) {
			t.Errorf("%s allows undeclared keys", name)
		} else if request && may != nil {
			t.Errorf("%s says something of undeclared keys, which are no error", name)
		}
		for _, key := range schema.Required {
			if schema.Properties[key] == nil {
				t.Errorf("%s.%s is required, and not declared", name, key)
			}
		}
		for key, property := range schema.Properties {
			at := name + "." + key
			required := slices.Contains(schema.Required, key)
			if !request && required == optional(at) {
				t.Errorf("%s: required is %t", at, required)
			}
			if property.Value.Description == "" {
				t.Errorf("%s has no description", at)
			}
			leaf := property.Ref == "" && len(property.Value.OneOf)+len(property.Value.AnyOf) == 0 && (property.Value.Items == nil || property.Value.Items.Ref == "" && len(property.Value.Items.Value.AnyOf) == 0)
			leaf = leaf && property.Value.AdditionalProperties.Schema == nil
			if _, present := property.Value.Extensions["example"]; leaf && property.Value.Example == nil && !present && !property.Value.Type.Includes("null") {
				t.Errorf("%s has no example", at)
			}
		}
	}
}

// TestLimitsAreDocumented holds the limits of the handwritten schemas against
// those that the server has.
func TestLimitsAreDocumented(t *testing.T) {
	t.Parallel()
	doc := setup(t)
	length := func(s *openapi3.Schema) uint64 {
		switch {
		case s.Type.Includes("array") && s.MaxItems != nil:
			return *s.MaxItems
		case s.Type.Includes("string") && s.MaxLength != nil:
			return *s.MaxLength
		}
		return 0
	}
	for at, limit := range map[string]uint64{
		"CustomFieldRequest.title": entity.MaxCustomFieldTitle, "CustomFieldRequest.value": entity.MaxItems,
		"QualifyingQuestionRequest.question": entity.MaxQuestion, "QualifyingQuestionRequest.rationale": entity.MaxRationale,
		"UpdateQuestionRequest.question": entity.MaxQuestion, "UpdateQuestionRequest.rationale": entity.MaxRationale,
		"LinkingStrategyRequest.offeringOIds": entity.MaxLinks, "CreateAPIKeyRequest.name": account.MaxNameLength,
	} {
		schema, field, _ := strings.Cut(at, ".")
		if got := length(doc.Components.Schemas[schema].Value.Properties[field].Value); got != limit {
			t.Errorf("%s: the document has the limit %d, the server %d", at, got, limit)
		}
	}
	parameter := func(name string) *openapi3.Schema { return doc.Components.Parameters[name].Value.Schema.Value }
	if limit := parameter("Limit"); *limit.Max != library.MaxLimit || limit.Default != float64(library.DefaultLimit) {
		t.Errorf("limit is %v at most, and %v by default", *limit.Max, limit.Default)
	}
	if limit := parameter("RevisionLimit"); *limit.Max != library.MaxRevisions || limit.Default != float64(library.DefaultRevisions) {
		t.Errorf("limit of revisions is %v at most, and %v by default", *limit.Max, limit.Default)
	}
	if got := length(parameter("Text")); got != library.MaxTextLength {
		t.Errorf("text has %d characters at most", got)
	}
	if got := length(parameter("EntityOIds")); got != library.MaxRevisionEntityIDs {
		t.Errorf("entityOIds has %d ids at most", got)
	}
	if got := length(doc.Components.Parameters["IdempotencyKey"].Value.Schema.Value); got != library.MaxIdempotencyKey {
		t.Errorf("Idempotency-Key has %d characters at most", got)
	}
}

func TestOperationsAreDescribed(t *testing.T) {
	t.Parallel()
	for path, item := range setup(t).Paths.Map() {
		for method, op := range item.Operations() {
			at := method + " " + path
			if op.OperationID == "" || op.Summary == "" || op.Description == "" || len(op.Tags) != 1 {
				t.Errorf("%s lacks an operationId, a summary, a description or its tag", at)
			}
			for _, p := range append(slices.Clone(item.Parameters), op.Parameters...) {
				if p.Value.Description == "" || p.Value.Example == nil && p.Value.Required {
					t.Errorf("%s: parameter %s has no description or no example", at, p.Value.Name)
				}
			}
			for status, response := range op.Responses.Map() {
				if *response.Value.Description == "" {
					t.Errorf("%s: %s has no description", at, status)
				}
				for name, header := range response.Value.Headers {
					if header.Value.Description == "" || header.Value.Example == nil && header.Value.Schema.Value.Example == nil {
						t.Errorf("%s: %s: header %s has no description or no example", at, status, name)
					}
				}
			}
		}
	}
}

// TestKindsAreDocumented shows that every kind has its calls and schemas, and
// that examples name entities of the demo library.
func TestKindsAreDocumented(t *testing.T) {
	t.Parallel()
	doc := setup(t)
	for _, k := range registry().Kinds() {
		calls := []string{"get", "list", "create", "update", "delete", "archive", "restore"}
		if k.Singleton {
			calls = []string{"get", "update"}
		}
		for _, call := range calls {
			if doc.Paths.Find("/api/v2/"+k.Name+"/"+call) == nil {
				t.Errorf("%s/%s is not documented", k.Name, call)
			}
		}
		if k.Example == "" && !k.Singleton {
			t.Errorf("%s has no example", k.Name)
		}
	}
}

func TestNotOffered(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]bool{
		"/api/v2/motion/list": true, "/api/v2/motion": true, "/api/v2/motions/list": false, "/api/v2/report-run/get": true,
		"/api/v2/agents/prospector/run": true, "/api/v2/agents/list": false, "/api/v2/agents/experiment/create": true,
		"/api/v2/brand-voice/apply": true, "/api/v2/brand-voice/get": false, "/api/v1/motion/list": false, "/api/v2/persona/get": false,
		"/api/v2/analytics/webhook/receive/generic/calls": true,
	} {
		if got := contract.WhyNotOffered(path) != ""; got != want {
			t.Errorf("%s: %t", path, got)
		}
	}
}

// TestWireTypesFollowTheDocument shows that the Go types write the document's
// keys, in the document's order, which is the published sample's.
func TestWireTypesFollowTheDocument(t *testing.T) {
	t.Parallel()
	schemas := setup(t).Components.Schemas
	date := apitype.NewTime(time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC))
	for name, v := range map[string]any{
		"Persona": apitype.Persona{CreatedAt: &date}, "PersonaData": apitype.PersonaData{},
		"ListPersonasResponse": apitype.List[apitype.Persona]{Metadata: apitype.Metadata{Timestamp: date}},
		"LinkingStrategy":      apitype.LinkingStrategy{},
		"Revision":             apitype.Revision{CreatedAt: date, Source: "api"},
		"RevisionPage":         apitype.RevisionPage{},
		"RevisionDetail":       apitype.RevisionDetail{Revision: apitype.Revision{CreatedAt: date, Source: "api"}},
		"RevisionDiff":         apitype.Diff{}, "ChangedValue": apitype.Change{},
		"APIKey":              apitype.APIKey{CreatedAt: date, UpdatedAt: date},
		"ListKeysResponse":    apitype.ListKeysResponse{},
		"CustomField":         apitype.CustomField{},
		"QualifyingQuestion":  apitype.QualifyingQuestion{},
		"User":                apitype.User{},
		"WorkspaceRef":        apitype.WorkspaceRef{},
		"Links":               apitype.Links{},
		"Metadata":            apitype.Metadata{Timestamp: date},
		"ValidateKeyResponse": apitype.ValidateKeyResponse{},
		"Credits":             apitype.Credits{},
		"ErrorResponse":       apitype.ErrorResponse{},
		"Error":               apitype.Error{},
		"FieldError":          apitype.FieldError{},
	} {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(schemas[name].Value.Required, keys(t, b)); diff != "" {
			t.Errorf("%s (-openapi.yaml +apitype):\n%s", name, diff)
		}
	}
	if diff := cmp.Diff(schemas["GetPersonaResponse"].Value.Required, keys(t, contract.GetPersonaSample())); diff != "" {
		t.Errorf("GetPersonaResponse (-openapi.yaml +published sample):\n%s", diff)
	}
}

// keys returns the keys of a JSON object in their order.
func keys(t *testing.T, object []byte) []string {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(object))
	if _, err := dec.Token(); err != nil {
		t.Fatal(err)
	}
	var list []string
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, key.(string))
		var skip json.RawMessage
		if err := dec.Decode(&skip); err != nil {
			t.Fatal(err)
		}
	}
	return list
}
