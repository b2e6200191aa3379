package match_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"personae.dev/internal/match"
)

// library is a small library, in which each test sees what it needs.
func library() []match.Persona {
	return []match.Persona{
		{OID: "sales", Name: "VP of Sales", Titles: []string{"Head of Sales", "Sales Director"}, Active: true},
		{OID: "marketing", Name: "Chief Marketing Officer", Titles: []string{"CMO", "VP Marketing", "Head of Marketing"}, Active: true},
		{OID: "revops", Name: "Revenue Operations Manager", Titles: []string{"Sales Operations Manager", "Head of Revenue Operations"}, Active: true},
		{OID: "finance", Name: "Chief Financial Officer", Titles: []string{"CFO", "Finance Director"}, Active: true},
		{OID: "success", Name: "Head of Customer Success", Titles: []string{"VP Customer Success"}, Active: true},
		{OID: "procurement", Name: "Procurement Manager", Titles: []string{"Head of Procurement", "Vendor Manager"}},
		{OID: "founder", Name: "Founder and CEO", Titles: []string{"CEO", "Managing Director", "Owner"}, Active: true},
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	index := match.NewIndex(library())
	for _, group := range []struct {
		name   string
		titles map[string]string // the id of the best match; "" is none
	}{
		{"a listed title", map[string]string{"CMO": "marketing", "head of sales": "sales", "Finance Director": "finance"}},
		{"a level in other words", map[string]string{"SVP Sales": "sales", "Sr. Dir. Sales": "sales", "Sales Dir": "sales", "EVP, Sales": "sales", "Chief Sales Officer": "sales"}},
		{"an abbreviation", map[string]string{"CRO": "sales", "Head of RevOps": "revops", "VP CS": "success", "Rev. Ops. Mgr": "revops", "V.P. Sales": "sales"}},
		{"a region", map[string]string{"VP Sales EMEA": "sales", "Head of Sales (DACH)": "sales", "Director of Finance, North America": "finance"}},
		{"several functions", map[string]string{"VP Sales & Marketing": "sales", "Head of Marketing and Sales": "marketing", "CFO & COO": "finance"}},
		{"an interim role", map[string]string{"CFO a.i.": "finance", "Interim Head of Sales": "sales"}},
		{"a role of the past", map[string]string{"Retired CFO": "", "Former CMO": "", "ex-CEO": "", "VP Sales (retired)": "", "Geschäftsführer i.R.": "", "Past: CMO": "", "Ex-Oracle | VP Sales at Contoso": "sales"}},
		{"a role that is sought", map[string]string{"Seeking VP Sales roles": "", "Aspiring CMO": "", "VP Sales, seeking new opportunities": "sales"}},
		{"another person's role", map[string]string{"VP Sales, reporting to the CEO": "sales", "Executive Assistant to the CEO": "", "Assistant to the CFO": "", "Chief of Staff to the CEO": "", "Office of the CEO": "", "Founder's Office": ""}},
		{"shared words, another role", map[string]string{"Sales Engineer": "", "Art Director": "", "HR Director": "", "Product Owner": "", "Data Owner": "", "Sales Recruiter": "", "Professor of Marketing": "", "Sales Tax Manager": "", "Vice President": "", "Director": "", "Manager": ""}},
		{"the same function far below", map[string]string{"Sales Representative": "", "Account Executive": "", "Customer Success Manager": "", "Marketing Intern": "", "Finance Assistant": ""}},
		{"German", map[string]string{"Vertriebsleiter": "sales", "Leiterin Marketing": "marketing", "Kaufmännischer Leiter": "finance", "Einkaufsleitung": "procurement", "Geschäftsführer": "founder", "Leiter*in Vertrieb (m/w/d)": "sales", "Geschaeftsfuehrerin": "founder", "Personalleiter": "", "Vertriebsingenieur": ""}},
		{"French", map[string]string{"Directrice des ventes": "sales", "Directeur commercial": "sales", "DAF": "finance", "Directrice des achats": "procurement", "PDG": "founder", "Directeur artistique": "", "Ingénieur commercial": "", "Directeur des ressources humaines": ""}},
		{"Spanish", map[string]string{"Director de Ventas": "sales", "Directora Financiera": "finance", "Jefe de Compras": "procurement", "Directora General": "founder", "Director de Arte": "", "Ingeniero de Ventas": ""}},
		{"Portuguese", map[string]string{"Diretor de Vendas": "sales", "Diretora de Marketing": "marketing", "Gerente de Compras": "procurement", "Sócio-fundador": "founder", "Diretor de Recursos Humanos": ""}},
		{"typing errors", map[string]string{"Vice Presdent of Sales": "sales", "Head of Markting": "marketing", "Chief Financal Officer": "finance", "Procurment Manager": "procurement", "Vetriebsleiter": "sales"}},
		{"a title in the style of a profile", map[string]string{"🚀 VP Sales | SaaS | ex-Oracle 🚀": "sales", "VP of Sales @ Contoso": "sales", "Founder, CEO & Janitor": "founder", "CPO (Chief Procurement Officer)": "procurement"}},
		{"no title", map[string]string{"": "", "n/a": "", "???": "", "-": "", "x": "", strings.Repeat("sales ", 1000): ""}},
	} {
		t.Run(group.name, func(t *testing.T) {
			t.Parallel()
			for title, want := range group.titles {
				got := ""
				if matches := index.Match(title, 1, match.Auto); len(matches) > 0 {
					got = matches[0].OID
				}
				if got != want {
					t.Errorf("%.60q: %q, want %q; %+v", title, got, want, index.Match(title, 2, 0))
				}
			}
		})
	}
}

func TestReasons(t *testing.T) {
	t.Parallel()
	index := match.NewIndex(append(library(), match.Persona{OID: "plant", Name: "Wind Turbine Service Technicians", Titles: []string{"Wind Technician"}, Active: true}))
	for title, want := range map[string]string{
		"VP of Sales":                         "listed title",
		"Vertriebsleiter":                     "both are Sales; level: head",
		"CRO":                                 "both are Sales; level: chief ~ vice president",
		"VP Growth":                           "Growth is close to Marketing; level: vice president",
		"Head of Procurement":                 "listed title; this persona is inactive",
		"Head of Sales, seeking a new role":   "both are Sales; level: head; the person looks for work",
		"Wind Turbine Maintenance Technician": "both are Manufacturing and Production; level: technician",
	} {
		matches := index.Match(title, 1, 0.3)
		if len(matches) == 0 || matches[0].Reason != want {
			t.Errorf("%q: %+v, want %q", title, matches, want)
		}
	}
}

// TestListedTitles shows under which titles a persona is found at once.
func TestListedTitles(t *testing.T) {
	t.Parallel()
	for listed, want := range map[string]struct{ yes, no []string }{
		"VP - Sales":                    {[]string{"vp | sales", "VP – Sales"}, []string{"Manager", "VP", "Sales"}},
		"Manager, Sales (EMEA)":         {[]string{"Manager Sales EMEA", "Manager, Sales"}, []string{"EMEA", "Manager"}},
		"Chief Financial Officer (CFO)": {[]string{"CFO", "Chief Financial Officer"}, nil},
		"Regional Branch Keeper (RBK)":  {[]string{"RBK", "regional branch keeper"}, []string{"Keeper"}},
		"Директор по продажам":          {[]string{"директор по ПРОДАЖАМ"}, []string{"Директор", "продажам"}},
		"Директор IT":                   {[]string{"директор it"}, []string{"IT", "Директор"}},
		"Διευθυντής Πωλήσεων":           {[]string{"διευθυντης πωλησεων"}, nil},
		"営業部長":                          {[]string{"営業部長"}, []string{"部長"}},
	} {
		index := match.NewIndex([]match.Persona{{OID: "one", Name: "Nobody in particular", Titles: []string{listed}, Active: true}})
		is := func(title string) bool {
			matches := index.Match(title, 1, match.Auto)
			return len(matches) > 0 && matches[0].Score == 1 && strings.HasPrefix(matches[0].Reason, "listed title")
		}
		for _, title := range want.yes {
			if !is(title) {
				t.Errorf("%q does not match %q", listed, title)
			}
		}
		for _, title := range want.no {
			if is(title) {
				t.Errorf("%q matches %q", listed, title)
			}
		}
	}
}

// TestOnly shows that personas are left out before the nearest are chosen.
func TestOnly(t *testing.T) {
	t.Parallel()
	var personas []match.Persona
	for i := range 60 {
		personas = append(personas, match.Persona{OID: fmt.Sprintf("p%02d", i), Name: "VP Sales", Titles: []string{"Head of Sales", "VP of Sales"}, Active: true})
	}
	personas = append(personas, match.Persona{OID: "wanted", Name: "Sales Leader for all regions and products", Active: true})
	only := match.NewIndex(personas).Only(func(oID string) bool { return oID == "wanted" })
	for _, title := range []string{"Vice President Sales", "VP Sales"} {
		if got := only.Match(title, 3, match.Auto); len(got) != 1 || got[0].OID != "wanted" {
			t.Errorf("%s: %+v", title, got)
		}
	}
}

func TestConfidence(t *testing.T) {
	t.Parallel()
	for score, want := range map[float64]match.Confidence{1: match.High, .85: match.High, .84: match.Medium, .65: match.Medium, .64: match.Low, .5: match.Low} {
		if got := match.ConfidenceOf(score); got != want {
			t.Errorf("%v is %s, want %s", score, got, want)
		}
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	index := match.NewIndex(library())
	if got := index.Match("VP Sales & Marketing", 1, 0); len(got) != 1 {
		t.Errorf("limit 1: %+v", got)
	}
	if got := index.Match("VP Sales & Marketing", 0, 0); len(got) != 0 {
		t.Errorf("limit 0: %+v", got)
	}
	if got := index.Match("VP Sales & Marketing", 5, 0.99); len(got) != 0 {
		t.Errorf("a score of at least 0.99: %+v", got)
	}
	if got := match.NewIndex(nil).Match("VP Sales", 3, 0); len(got) != 0 {
		t.Errorf("without personas: %+v", got)
	}
	for _, m := range index.Match("VP Sales & Marketing", 10, 0.4) {
		if m.Score < 0.4 {
			t.Errorf("a score below the least: %+v", m)
		}
	}
}

func TestMatchIsAlwaysTheSame(t *testing.T) {
	t.Parallel()
	titles := []string{"VP Sales & Marketing", "Head of Growth", "Markting Manger", "Leiter Einkauf", "Director"}
	all := func(personas []match.Persona) string {
		index := match.NewIndex(personas)
		var b strings.Builder
		for _, title := range titles {
			fmt.Fprintf(&b, "%+v\n", index.Match(title, 10, 0))
		}
		return b.String()
	}
	want := all(library())
	for range 20 {
		if diff := cmp.Diff(want, all(library())); diff != "" {
			t.Fatal(diff)
		}
	}
	t.Run("whatever the order of the personas", func(t *testing.T) {
		t.Parallel()
		shuffled := library()
		rand.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if diff := cmp.Diff(want, all(shuffled)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("from many goroutines", func(t *testing.T) {
		t.Parallel()
		index := match.NewIndex(library())
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				for _, title := range titles {
					index.Match(title, 3, match.Auto)
				}
			})
		}
		group.Wait()
	})
}

func TestAnyTextIsATitle(t *testing.T) {
	t.Parallel()
	index := match.NewIndex(library())
	word := rapid.SampledFrom([]string{"VP", "sales", "Leiter", "of", "&", "and", "(", ")", " - ", ",", "/", "@", "CFO", "assistant", "to", "former", "seeking", "é", "\xff", "🚀", "chief", "officer", "a.i.", "now", "office", "senior"})
	rapid.Check(t, func(t *rapid.T) {
		title := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOfN(word, 0, 12), func(words []string) string { return strings.Join(words, " ") })).Draw(t, "title")
		last := 1.0
		for _, m := range index.Match(title, 10, 0) {
			if m.Score <= 0 || m.Score > last || m.Reason == "" {
				t.Fatalf("%+v after a score of %v", m, last)
			}
			last = m.Score
		}
	})
}

func TestSizeGrowsWithTheLibrary(t *testing.T) {
	t.Parallel()
	small, large := match.NewIndex(library()[:1]).Size(), match.NewIndex(library()).Size()
	if small <= 0 || large <= small {
		t.Errorf("sizes %d and %d", small, large)
	}
}
