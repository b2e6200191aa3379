package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"personae.dev/contract/contracttest"
	"personae.dev/internal/entity"
	"personae.dev/internal/entity/entitytest"
	"personae.dev/internal/kind"
)

const root = "../.."

// TestFilesAreCurrent holds the committed files against what the kinds make.
func TestFilesAreCurrent(t *testing.T) {
	t.Parallel()
	files, err := generate(root, kind.Registry())
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range files {
		got, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s is not current: run make generate. (-want +got):\n%.3000s", path, diff)
		}
	}
}

// TestEveryTypeAndPlace makes a valid document of the kind that has every type
// of field at every place.
func TestEveryTypeAndPlace(t *testing.T) {
	t.Parallel()
	registry := entity.NewRegistry(append(kind.Registry().Kinds(), entitytest.Kind(), entitytest.Singleton())...)
	files, err := generate(root, registry)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(files["contract/openapi.yaml"])
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context(), openapi3.DisableExamplesValidation(), openapi3.EnableSchemaFormatValidation()); err != nil {
		t.Error(err)
	}
	if err := contracttest.CheckExamples(files["contract/openapi.yaml"]); err != nil {
		t.Error(err)
	}
	page := string(files["docs/kinds.md"])
	for _, k := range registry.Kinds() {
		for _, f := range k.Fields {
			if !strings.Contains(page, "| `"+f.Name+"` |") {
				t.Errorf("docs/kinds.md lacks %s.%s", k.Name, f.Name)
			}
		}
	}
}

func TestWrongTables(t *testing.T) {
	t.Parallel()
	for name, k := range map[string]*entity.Kind{
		"Order":   {Name: "thing", Title: "thing", Order: "oId when data"},
		"Example": {Name: "thing", Title: "thing", Order: "oId data", Fields: []entity.Field{{Name: "a", Example: "{"}}},
	} {
		g := generator{registry: kind.Registry(), kind: k, name: typeName(k)}
		g.addSchemas(object())
		if g.err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
