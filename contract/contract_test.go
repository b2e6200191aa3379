package contract_test

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"personae.dev/apitype"
	"personae.dev/contract"
	"personae.dev/internal/library"
	"personae.dev/internal/persona"
)

func setup(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(contract.OpenAPI())
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
	err := doc.Validate(context.Background(), openapi3.EnableExamplesValidation(), openapi3.EnableSchemaFormatValidation())
	if err != nil {
		t.Error(err)
	}
}

// TestErrorCodes holds the three places that list the error codes against each
// other: the table for people, the enum, and the answers that carry them.
func TestErrorCodes(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"invalid_request":        "400",
		"unauthorized":           "401",
		"insufficient_scope":     "403",
		"persona_not_found":      "404",
		"page_too_large":         "400",
		"revision_not_found":     "404",
		"question_not_found":     "404",
		"path_not_found":         "404",
		"method_not_allowed":     "405",
		"persona_deleted":        "409",
		"idempotency_key_reused": "409",
		"persona_changed":        "412",
		"body_too_large":         "413",
		"unsupported_media_type": "415",
		"rate_limited":           "429",
		"internal":               "500",
		"unavailable":            "503",
		"outcome_unknown":        "503",
	}
	doc := setup(t)

	table := map[string]string{}
	for line := range strings.Lines(doc.Info.Description) {
		if cells := strings.Split(line, "|"); len(cells) == 6 && strings.HasPrefix(cells[1], " `") && cells[1] != " `error.code` " {
			table[strings.Trim(cells[1], " `")] = strings.TrimSpace(cells[2])
		}
	}
	if diff := cmp.Diff(want, table); diff != "" {
		t.Errorf("the introduction's table (-want +got):\n%s", diff)
	}

	enum := map[string]string{}
	for _, code := range doc.Components.Schemas["ErrorCode"].Value.Enum {
		enum[code.(string)] = want[code.(string)]
	}
	if diff := cmp.Diff(want, enum); diff != "" {
		t.Errorf("the enum of ErrorCode (-want +got):\n%s", diff)
	}

	answers := map[string]string{}
	for _, path := range doc.Paths.Map() {
		for _, op := range path.Operations() {
			for status, response := range op.Responses.Map() {
				for _, code := range errorCodes(response.Value) {
					answers[code] = status
				}
			}
		}
	}
	if diff := cmp.Diff(want, answers); diff != "" {
		t.Errorf("the operations' answers (-want +got):\n%s", diff)
	}
}

// errorCodes returns the codes that an error answer is narrowed to, none for
// another answer.
func errorCodes(r *openapi3.Response) []string {
	body := r.Content.Get("application/json")
	if body == nil || len(body.Schema.Value.AllOf) != 2 {
		return nil
	}
	code := body.Schema.Value.AllOf[1].Value.Properties["error"].Value.Properties["code"].Value
	if one, ok := code.Const.(string); ok {
		return []string{one}
	}
	var codes []string
	for _, one := range code.Enum {
		codes = append(codes, one.(string))
	}
	return codes
}

// optional lists the fields of answers that are left out where they were not
// asked for, or have no value. All of a PersonaRecord but the name is.
var optional = []string{
	"PersonaData.buyingRole", "QualifyingQuestion.oId", "ListPersonasResponse.nextCursor", "LinkingStrategy.offeringOIds",
}

// TestObjectsAreClosed shows that every object of an answer refuses undeclared
// keys, and requires the declared ones; that no object of a request refuses
// them, as fields come and go between versions of clients; and that all tell
// what each key is.
func TestObjectsAreClosed(t *testing.T) {
	t.Parallel()
	for name, ref := range setup(t).Components.Schemas {
		schema := ref.Value
		if schema.Description == "" {
			t.Errorf("%s has no description", name)
		}
		if !schema.Type.Is("object") {
			continue
		}
		request := strings.HasSuffix(name, "Request")
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
			if !request && name != "PersonaRecord" && required == slices.Contains(optional, at) {
				t.Errorf("%s: required is %t", at, required)
			}
			if property.Value.Description == "" {
				t.Errorf("%s has no description", at)
			}
			leaf := property.Ref == "" && (property.Value.Items == nil || property.Value.Items.Ref == "")
			if _, present := property.Value.Extensions["example"]; leaf && property.Value.Example == nil && !present && key != "mcpUrl" {
				t.Errorf("%s has no example", at)
			}
		}
	}
}

// TestLimitsAreDocumented holds the limits of a request's schema against those
// that the server has.
func TestLimitsAreDocumented(t *testing.T) {
	t.Parallel()
	schemas := setup(t).Components.Schemas
	length := func(s *openapi3.Schema) uint64 {
		switch {
		case s.Type.Includes("array") && s.MaxItems != nil:
			return *s.MaxItems
		case s.Type.Includes("string") && s.MaxLength != nil:
			return *s.MaxLength
		}
		return 0
	}
	for _, name := range []string{"CreatePersonaRequest", "UpdatePersonaRequest"} {
		properties := schemas[name].Value.Properties
		want := map[string]uint64{
			"name": persona.MaxNameLength, "internalName": persona.MaxInternalNameLength, "description": persona.MaxDescriptionLength,
			"customFields": persona.MaxCustomFields, "qualifyingQuestions": persona.MaxQualifyingQuestions,
			"primaryOfferingOId": persona.MaxIDLength, "playbookOIds": persona.MaxLinks,
		}
		for _, list := range (&persona.Persona{}).Lists() {
			want[list.Name] = persona.MaxListItems
			if items := length(properties[list.Name].Value.Items.Value); items != persona.MaxListItemLength {
				t.Errorf("%s.%s: an item has %d characters at most", name, list.Name, items)
			}
		}
		for field, limit := range want {
			if got := length(properties[field].Value); got != limit {
				t.Errorf("%s.%s: the document has the limit %d, the server %d", name, field, got, limit)
			}
		}
	}
	for at, limit := range map[string]uint64{
		"CustomFieldRequest.title": persona.MaxCustomFieldTitleLength, "CustomFieldRequest.value": persona.MaxListItems,
		"QualifyingQuestionRequest.question": persona.MaxQuestionLength, "QualifyingQuestionRequest.rationale": persona.MaxRationaleLength,
		"UpdateQuestionRequest.question": persona.MaxQuestionLength, "UpdateQuestionRequest.rationale": persona.MaxRationaleLength,
		"LinkingStrategyRequest.offeringOIds": persona.MaxLinks,
	} {
		schema, field, _ := strings.Cut(at, ".")
		if got := length(schemas[schema].Value.Properties[field].Value); got != limit {
			t.Errorf("%s: the document has the limit %d, the server %d", at, got, limit)
		}
	}
	if limit := setup(t).Components.Parameters["Limit"].Value.Schema.Value; *limit.Max != library.MaxLimit || limit.Default != float64(library.DefaultLimit) {
		t.Errorf("limit is %v at most, and %v by default", *limit.Max, limit.Default)
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

// TestExampleIsPublishedSample shows that the example of Get persona is the
// published one, save for the dates, where that has placeholders.
func TestExampleIsPublishedSample(t *testing.T) {
	t.Parallel()
	example := setup(t).Components.Responses["Persona"].Value.Content.Get("application/json").Examples["sample"].Value.Value
	got, err := json.Marshal(example)
	if err != nil {
		t.Fatal(err)
	}
	var gotValue, want any
	if err := json.Unmarshal(got, &gotValue); err != nil {
		t.Fatal(err)
	}
	dated := contract.GetPersonaSample()
	for _, key := range []string{"createdAt", "deletedAt", "archivedAt", "updatedAt"} {
		dated = bytes.ReplaceAll(dated, []byte(`"`+key+`": "<string>"`), []byte(`"`+key+`": "2021-01-01T00:00:00.000Z"`))
	}
	if err := json.Unmarshal(dated, &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, gotValue); diff != "" {
		t.Errorf("example (-published +ours):\n%s", diff)
	}
}

// TestWireTypesFollowTheDocument shows that the Go types write the document's
// keys, in the document's order, which is the published sample's.
func TestWireTypesFollowTheDocument(t *testing.T) {
	t.Parallel()
	schemas := setup(t).Components.Schemas
	date := apitype.NewTime(time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC))
	for name, v := range map[string]any{
		"GetPersonaResponse": apitype.GetPersonaResponse{Persona: apitype.Persona{CreatedAt: &date}},
		"Persona":            apitype.Persona{}, "PersonaResponse": apitype.PersonaResponse{}, "ListPersonasResponse": apitype.ListPersonasResponse{},
		"PersonaRecord": apitype.PersonaRecord{}, "LinkingStrategy": apitype.LinkingStrategy{},
		"Revision": apitype.Revision{CreatedAt: date}, "Change": apitype.Change{}, "ListRevisionsResponse": apitype.ListRevisionsResponse{},
		"GetRevisionResponse": apitype.GetRevisionResponse{Revision: apitype.Revision{CreatedAt: date}},
		"APIKey":              apitype.APIKey{CreatedAt: date}, "ListKeysResponse": apitype.ListKeysResponse{},
		"PersonaData":         apitype.PersonaData{},
		"CustomField":         apitype.CustomField{},
		"QualifyingQuestion":  apitype.QualifyingQuestion{},
		"User":                apitype.User{},
		"WorkspaceRef":        apitype.WorkspaceRef{},
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
