package api

import (
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"personae.dev/contract"
)

// TestRoutesAreTheContracts holds the routes and the document against each
// other: what one has, the other has.
func TestRoutesAreTheContracts(t *testing.T) {
	t.Parallel()
	var served []string
	for _, route := range (&API{}).routes() {
		if strings.HasPrefix(route.path, "/docs/") {
			continue // the page's own files, named by their content: /docs/{asset}
		}
		served = append(served, route.method+" "+route.path)
	}
	document, err := openapi3.NewLoader().LoadFromData(contract.OpenAPI())
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for path, item := range document.Paths.Map() {
		for method := range item.Operations() {
			if method != "HEAD" && path != "/docs/{asset}" { // GET serves HEAD too
				documented = append(documented, method+" "+path)
			}
		}
	}
	slices.Sort(served)
	slices.Sort(documented)
	if diff := cmp.Diff(documented, served); diff != "" {
		t.Errorf("-contract +served:\n%s", diff)
	}
}
