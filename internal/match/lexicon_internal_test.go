package match

import (
	"strings"
	"testing"
)

// The words of plain English that need no meaning: they steer how a title is
// read, or stand in phrases.
var steering = map[string]bool{
	"management": true, "go": true, "order": true, "former": true, "retired": true, "seeking": true,
	"aspiring": true, "at": true, "now": true, "and": true, "of": true,
}

// TestWordsHaveAMeaning finds plain English of data/words.txt that the other
// files say nothing about: a slip of the pen, or a function that is missing.
func TestWordsHaveAMeaning(t *testing.T) {
	t.Parallel()
	text, err := files.ReadFile("data/words.txt")
	if err != nil {
		t.Fatal(err)
	}
	k := known()
	r := &reader{know: k, id: k.onet.words.id, spelled: func(string) bool { return true }}
	for line := range strings.Lines(string(text)) {
		if line[0] == '#' || line == "\n" {
			continue
		}
		english, _, _ := strings.Cut(line, ": ")
		_, tokens := r.read(english)
		items, _ := k.lexicon.appendItems(nil, tokens)
		for _, it := range items {
			if it.word && !steering[it.text] {
				t.Errorf("%s: nothing is known about %q", english, it.text)
			}
		}
	}
}

func TestEveryLineOfTheDataIsRead(t *testing.T) {
	t.Parallel()
	x, err := loadLexicon()
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []struct {
		name string
		err  error
	}{
		{"no level", x.readLevel("director")},
		{"a level that is no number", x.readLevel("high: director")},
		{"no name", x.readFunction("id: phrase")},
		{"a level of a phrase that is no number", x.readFunction("id = Name: phrase@high")},
		{"a function that is not there", x.readRelated("sales magic 0.5")},
		{"no share", x.readRelated("sales marketing")},
		{"two meanings", x.readLevel("28: sales")},
		{"two translations", x.readWords("marketing: vertrieb")},
		{"no translation", x.readWords("marketing")},
	} {
		if bad.err == nil {
			t.Errorf("%s: no error", bad.name)
		}
	}
}

func TestDistance(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"director", "director", 0},
		{"dirctor", "director", 1},
		{"direcctor", "director", 1},
		{"direktor", "director", 1},
		{"drector", "director", 1},
		{"dierctor", "director", 1},
		{"sales", "scale", 2},
		{"", "abc", 3},
	} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("%q, %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestFold(t *testing.T) {
	t.Parallel()
	for title, want := range map[string]string{
		"VP of Sales":                            "vp of sales",
		"V.P. of Sales":                          "vp of sales",
		"Leiter*in Vertrieb (m/w/d)":             "leiter vertrieb",
		"Leiter:in Vertrieb":                     "leiter vertrieb",
		"Leiter/-in Vertrieb":                    "leiter vertrieb",
		"Directeur/trice commercial(e)":          "directeur commercial",
		"Directeur·rice des ventes":              "directeur des ventes",
		"Director/a Comercial":                   "director comercial",
		"Diretor(a) Comercial":                   "diretor comercial",
		"Geschäftsführer":                        "geschaftsfuhrer",
		"Head of R&D":                            "head of r&d",
		"FP&A Manager":                           "fp&a manager",
		"Sales & Marketing":                      "sales and marketing",
		"CFO a.i.":                               "cfo interim",
		"  ＶＰ  Sales ":                           "vp sales",
		"Head of Größe":                          "head of grosse",
		"Directrice de l’expérience":             "directrice de l experience",
		"\xff\xfe":                               "",
		"🚀":                                      "",
		"Manager (alle Geschlechter) Vertrieb":   "manager vertrieb",
		"Chief Financial Officer (CFO)":          "chief financial officer cfo",
		"Vertriebs- und Marketingleiter (w/m/x)": "vertriebs und marketingleiter",
	} {
		if got := Fold(title); got != want {
			t.Errorf("%q is %q, want %q", title, got, want)
		}
	}
}
