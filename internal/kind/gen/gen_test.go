package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"personae.dev/internal/entity"
	"personae.dev/internal/kind"
)

// The generated files are those of the kinds.
func TestCurrent(t *testing.T) {
	t.Parallel()
	files, err := generate(kind.Registry().Kinds())
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range files {
		got, err := os.ReadFile(filepath.Join("..", "..", "..", path))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s is not current, run `make generate` (-want +got):\n%s", path, diff)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		"oId": "OID", "painPoints": "PainPoints", "primaryOfferingOId": "PrimaryOfferingOID", "playbookOIds": "PlaybookOIDs",
		"primaryUrl": "PrimaryURL", "url": "URL", "essence": "Essence",
	} {
		if got := goName(key); got != want {
			t.Errorf("goName(%q) = %s, want %s", key, got, want)
		}
	}
	if got := typeName(&entity.Kind{Name: "use-case"}); got != "UseCase" {
		t.Errorf("typeName is %s", got)
	}
}

func TestTypes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		field         entity.Field
		answer, input string
	}{
		"RequiredText": {entity.Field{Type: entity.TypeText, Required: true, Null: true}, "string", "string"},
		"NullText":     {entity.Field{Type: entity.TypeText, Null: true}, "*string", "*string"},
		"Text":         {entity.Field{Type: entity.TypeText}, "string", "*string"},
		"Enum":         {entity.Field{Type: entity.TypeEnum}, "string", "string"},
		"NullBool":     {entity.Field{Type: entity.TypeBool, Null: true}, "*bool", "*bool"},
		"DefaultBool":  {entity.Field{Type: entity.TypeBool, Null: true, Default: "true"}, "bool", "*bool"},
		"Texts":        {entity.Field{Type: entity.TypeTexts}, "[]string", "[]string"},
		"TextOrTexts":  {entity.Field{Type: entity.TypeTextOrTexts}, "[]string", "[]string"},
		"Links":        {entity.Field{Type: entity.TypeLinks}, "[]string", "[]string"},
		"Lists":        {entity.Field{Type: entity.TypeLists}, "map[string][]string", "map[string][]string"},
		"Custom":       {entity.Field{Type: entity.TypeCustom}, "[]CustomField", "[]CustomField"},
		"Questions":    {entity.Field{Type: entity.TypeQuestions}, "[]QualifyingQuestion", "[]QualifyingQuestion"},
		"Strategy":     {entity.Field{Type: entity.TypeStrategy}, "*LinkingStrategy", "*LinkingStrategy"},
		"Raw":          {entity.Field{Type: entity.TypeRaw}, "json.RawMessage", "json.RawMessage"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := answerType(&test.field); got != test.answer {
				t.Errorf("in an answer %s, want %s", got, test.answer)
			}
			if got := inputType(&test.field); got != test.input {
				t.Errorf("in a request %s, want %s", got, test.input)
			}
		})
	}
}
