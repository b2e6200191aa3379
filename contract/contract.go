// Package contract holds the API's contract: the OpenAPI document, written by
// hand, and example exchanges. The server serves the document as it stands
// here, and the tests hold every answer against it.
//
// It is not code that checks anything: that is contract/contracttest, which
// only tests import. The Go types of the same answers are in apitype.
package contract

import (
	"bytes"
	_ "embed"
)

//go:embed openapi.yaml
var openAPI []byte

//go:embed examples/get-persona-sample.json
var getPersonaSample []byte

// OpenAPI returns the OpenAPI 3.1 document in YAML. The slice is the caller's
// own.
func OpenAPI() []byte { return bytes.Clone(openAPI) }

// GetPersonaSample returns the sample answer of GET /api/v2/persona/get that
// the published reference page of the Octave API shows, byte for byte, with
// keys in its order. Where the page shows no value it has the placeholder
// "<string>", at dates too: no server can answer it to the letter. The slice
// is the caller's own.
func GetPersonaSample() []byte { return bytes.Clone(getPersonaSample) }
