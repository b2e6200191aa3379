package e2e

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	gocmp "github.com/google/go-cmp/cmp"

	"personae.dev/apitype"
	"personae.dev/client"
)

// TestOccupations works with a library that is large and real.
func TestOccupations(t *testing.T) {
	t.Parallel()
	dir, file := t.TempDir(), examples(t, "onet/personas.jsonl")
	s := start(t, dir)
	if out, err := personae(dir, "import", file).CombinedOutput(); err != nil {
		t.Fatalf("import: %v\n%s", err, out)
	}
	s.listAll(t)

	lines, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all []occupation
	for line := range strings.Lines(string(lines)) {
		var r record
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		all = append(all, newOccupation(r))
	}
	// There is no accent in the data.
	for _, name := range []string{"Ingénieur", "Inge\u0301nieur du son", "INGENIEUR"} {
		all = append(all, newOccupation(s.create(t, name)))
	}
	s.searchAmong(t, all)
}

// list asks for a page, and returns the status too.
func (r running) list(t *testing.T, query string) (page apitype.List[apitype.Persona], status int) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.url+"/api/v2/persona/list?"+query, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Api_key", r.key)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&page); err != nil {
		t.Fatalf("%.100s: %v", query, err)
	}
	return page, response.StatusCode
}

// record is a line of an import.
type record struct {
	OID string
	apitype.PersonaInput
}

func (r running) create(t *testing.T, name string) record {
	t.Helper()
	c, err := client.New(client.Config{BaseURL: r.url, APIKey: r.key})
	if err != nil {
		t.Fatal(err)
	}
	created, err := c.Personas.Create(t.Context(), apitype.PersonaInput{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return record{created.Entity.OID, apitype.PersonaInput{Name: name}}
}

// listAll reads all as the vendor's n8n node does: it stops at a page that is
// shorter than asked, whatever hasNext says.
func (r running) listAll(t *testing.T) {
	t.Helper()
	for _, limit := range []int{100, 200} {
		seen, pages := map[string]bool{}, 0
		for offset := 0; ; {
			page, status := r.list(t, fmt.Sprintf("text=&queryType=ALL&productOId=&playbookOId=&limit=%d&offset=%d", limit, offset))
			pages++
			offset += len(page.Data)
			for _, p := range page.Data {
				seen[p.OID] = true
			}
			if status != http.StatusOK || page.Total != onetPersonas || page.HasNext != (offset < onetPersonas) {
				t.Fatalf("limit %d: after %d: status %d, total %d, hasNext %t", limit, offset, status, page.Total, page.HasNext)
			}
			if len(page.Data) < limit {
				break
			}
		}
		if want := (onetPersonas + limit - 1) / limit; len(seen) != onetPersonas || pages != want {
			t.Errorf("limit %d: %d different personas in %d pages, want %d in %d", limit, len(seen), pages, onetPersonas, want)
		}
	}
}

// occupation is a persona as search sees it: its names and titles as a whole, and
// the words of its columns.
type occupation struct {
	record
	whole   []string
	columns [3][]string
}

// fold returns a text without what search does not tell apart.
func fold(text string) string {
	folded := strings.NewReplacer("é", "e", "e\u0301", "e").Replace(strings.ToLower(text))
	return strings.Join(strings.Fields(folded), " ")
}

// wordsOf divides texts into words.
func wordsOf(texts ...string) []string {
	words := strings.FieldsFunc(fold(strings.Join(texts, " ")), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) })
	slices.Sort(words)
	return slices.Compact(words)
}

func newOccupation(r record) occupation {
	text := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	// Of the other lists, O*NET has none.
	rest := append([]string{text(r.Description)}, r.PrimaryResponsibilities...)
	for _, field := range r.CustomFields {
		rest = append(append(rest, field.Title), field.Value...)
	}
	o := occupation{record: r, columns: [3][]string{wordsOf(r.Name, text(r.InternalName)), wordsOf(r.CommonJobTitles...), wordsOf(rest...)}}
	for _, whole := range append([]string{r.Name, text(r.InternalName)}, r.CommonJobTitles...) {
		o.whole = append(o.whole, fold(whole))
	}
	return o
}

// notFound is the tier of what is not found.
const notFound = 4

// tier tells how well a text is found: 0 as a whole name or title, 1 with its
// words in the names, 2 in names and titles, 3 anywhere.
func (o occupation) tier(text string) int {
	words := wordsOf(text)
	if len(words) == 0 {
		return notFound
	}
	if slices.Contains(o.whole, fold(text)) {
		return 0
	}
	var columns []string
	for tier, column := range o.columns {
		columns = append(columns, column...)
		if !slices.ContainsFunc(words, func(word string) bool {
			return !slices.ContainsFunc(columns, func(w string) bool { return strings.HasPrefix(w, word) })
		}) {
			return tier + 1
		}
	}
	return notFound
}

// maxSearchWords is how many different words a search may have, and maxTextLength
// how many characters.
const maxSearchWords, maxTextLength = 64, 1000

// searchAmong holds what is found, and in which order, against a search of our
// own that looks at every word of every persona.
func (r running) searchAmong(t *testing.T, occupations []occupation) {
	t.Helper()
	for _, text := range []string{
		"nurse", "vp", "C++ dev", "ingénieur", "INGENIEUR", "inge\u0301nieur", "ingenieur son", "registered nurse", "NURSE nurse", "chief exec", "11-1011", "sales manager", "ceo",
		`"`, "*", "NEAR(", `"nurse" OR NEAR(vp, 2)`, "nurse*", "name:nurse", "-nurse", "😀", "nurse 👩‍⚕️", "n", "é", " ", "nobody at all",
		strings.Repeat("x", maxTextLength), strings.Repeat("n ", maxTextLength/2), strings.Repeat("😀", maxTextLength), numbers(maxSearchWords),
		"General and Operations Managers", "chief  EXECUTIVES",
	} {
		var want []occupation
		tiers := map[string]int{}
		for _, o := range slices.Backward(occupations) { // the newest first
			tiers[o.OID] = o.tier(text)
			if strings.TrimSpace(text) == "" || tiers[o.OID] < notFound {
				want = append(want, o)
			}
		}
		slices.SortStableFunc(want, func(a, b occupation) int { return cmp.Compare(tiers[a.OID], tiers[b.OID]) })
		page, status := r.list(t, "limit=10&text="+url.QueryEscape(text))
		var wanted, got []string
		for _, o := range want[:min(10, len(want))] {
			wanted = append(wanted, o.Name)
		}
		for _, p := range page.Data {
			got = append(got, p.Name)
		}
		if strings.TrimSpace(text) == "" { // no search: another order
			wanted, got = nil, nil
		}
		if diff := gocmp.Diff(wanted, got); diff != "" || status != http.StatusOK || page.Total != len(want) {
			t.Errorf("%.40q: status %d, total %d, want %d (-want +got):\n%.2000s", text, status, page.Total, len(want), diff)
		}
		t.Logf("%.40q finds %d: %.300q", text, page.Total, got[:min(8, len(got))])
	}
	for name, text := range map[string]string{"too many words": numbers(maxSearchWords + 1), "too long": strings.Repeat("x", maxTextLength+1)} {
		if _, status := r.list(t, "text="+url.QueryEscape(text)); status != http.StatusBadRequest {
			t.Errorf("%s: status %d", name, status)
		}
	}
}

// numbers is a text of so many different words.
func numbers(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strconv.Itoa(i) + " ")
	}
	return b.String()
}
