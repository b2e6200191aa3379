package contracttest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// schemas checks JSON bodies. It compiles each schema of the document once;
// kin-openapi compiles it for every body.
type schemas struct {
	mu       sync.Mutex
	compiler *jsonschema.Compiler
	compiled map[string]*jsonschema.Schema
}

// documentURL is the name of the document in references.
const documentURL = "openapi.json"

func newSchemas(document any) (*schemas, error) {
	text, err := json.Marshal(document)
	if err != nil {
		return nil, err
	}
	resource, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	s := &schemas{compiler: jsonschema.NewCompiler(), compiled: map[string]*jsonschema.Schema{}}
	s.compiler.DefaultDraft(jsonschema.Draft2020)
	s.compiler.AssertFormat()
	return s, s.compiler.AddResource(documentURL, resource)
}

// get returns the schema at a reference such as #/components/schemas/Persona.
func (s *schemas) get(ref string) (*jsonschema.Schema, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found := s.compiled[ref]; found != nil {
		return found, nil
	}
	compiled, err := s.compiler.Compile(documentURL + ref)
	if err != nil {
		return nil, err
	}
	s.compiled[ref] = compiled
	return compiled, nil
}

// CheckExamples tells which examples in the schemas of an OpenAPI document do not
// match their schema.
func CheckExamples(document []byte) error {
	var root map[string]any
	if err := yaml.Unmarshal(document, &root); err != nil {
		return err
	}
	s, err := newSchemas(root)
	if err != nil {
		return err
	}
	var wrong []error
	components, _ := root["components"].(map[string]any)
	all, _ := components["schemas"].(map[string]any)
	for name, schema := range all {
		object, _ := schema.(map[string]any)
		properties, _ := object["properties"].(map[string]any)
		for key, property := range properties {
			row, _ := property.(map[string]any)
			example, has := row["example"]
			if !has {
				continue
			}
			body, err := json.Marshal(example)
			if err == nil {
				err = s.check("#/components/schemas/"+name+"/properties/"+key, body)
			}
			if err != nil {
				wrong = append(wrong, fmt.Errorf("the example of %s.%s: %w", name, key, err))
			}
		}
	}
	return errors.Join(wrong...)
}

// check tells what is wrong with a JSON body.
func (s *schemas) check(ref string, body []byte) error {
	schema, err := s.get(ref)
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("the body is not JSON: %w", err)
	}
	return schema.Validate(value)
}

// schemaOf returns the reference to the schema of JSON content, "" where there
// is none.
func schemaOf(content openapi3.Content, contentType string) string {
	media := content.Get(contentType)
	if media == nil || media.Schema == nil {
		return ""
	}
	return media.Schema.Ref
}

// checkRequestBody tells what is wrong with the body of a request.
func (d *document) checkRequestBody(operation *openapi3.Operation, req *http.Request) error {
	if operation.RequestBody == nil {
		return nil
	}
	if req.Body == nil || req.Body == http.NoBody {
		return errors.New("the request has no body")
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return err
	}
	contentType, _, _ := strings.Cut(req.Header.Get("Content-Type"), ";")
	ref := schemaOf(operation.RequestBody.Value.Content, contentType)
	if ref == "" {
		return fmt.Errorf("the content type %q is not declared", contentType)
	}
	return d.schemas.check(ref, body)
}
