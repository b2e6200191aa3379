package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"personae.dev/internal/entity"
	"personae.dev/internal/entity/entitytest"
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

// TestEveryPlace shows where fields of each place stand, by a kind that has them
// all, and what a singleton gets.
func TestEveryPlace(t *testing.T) {
	t.Parallel()
	files, err := generate([]*entity.Kind{entitytest.Kind(), entitytest.Singleton()})
	if err != nil {
		t.Fatal(err)
	}
	types, collections := string(files["apitype/kinds_gen.go"]), string(files["client/kinds_gen.go"])
	section := func(name string) string {
		_, rest, _ := strings.Cut(types, "type "+name+" struct {")
		body, _, _ := strings.Cut(rest, "\n}")
		return body
	}
	for name, want := range map[string][]string{
		"TestSample":      {"Name ", "Labels ", "Rejected ", "Friend ", "*TestSample `json:\"friend\"`", "Data ", "User ", "Workspace "},
		"TestSampleData":  {"Title ", "`json:\"title\"`", "Points ", "`json:\"oldList,omitempty\"`"},
		"TestSampleInput": {"`json:\"name,omitzero\"`", "FriendOID ", "LinkingStrategy ", "Secret "},
	} {
		for _, text := range want {
			if !strings.Contains(section(name), text) {
				t.Errorf("%s has no %q:\n%s", name, text, section(name))
			}
		}
	}
	for name, unwanted := range map[string]string{"TestSample": "Points ", "TestSampleData": "Secret ", "TestSampleInput": "Rejected "} {
		if strings.Contains(section(name), unwanted) {
			t.Errorf("%s has %q:\n%s", name, unwanted, section(name))
		}
	}
	for _, want := range []string{"TestSamples *Collection[apitype.TestSample, apitype.TestSampleInput]", "TestSingle *Singleton[apitype.TestSingle, apitype.TestSingleInput]"} {
		if !strings.Contains(strings.Join(strings.Fields(collections), " "), want) {
			t.Errorf("the client has no %s:\n%s", want, collections)
		}
	}
}
