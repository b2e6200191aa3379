package api_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"personae.dev/apitype"
	"personae.dev/internal/account"
	"personae.dev/internal/library"
)

const listPath = "/api/v2/persona/list?"

// list asks for a page, which must come.
func (e *editor) list(t *testing.T, query string) personaPage {
	t.Helper()
	got := e.get(t, listPath+query, "api_key", e.key)
	if got.status != http.StatusOK {
		t.Fatalf("%s: status %d: %s", query, got.status, got.body)
	}
	var page personaPage
	must(t, json.Unmarshal([]byte(got.body), &page))
	return page
}

func ids(page personaPage) []string {
	list := []string{}
	for _, p := range page.Data {
		list = append(list, p.OID)
	}
	return list
}

// fill makes personas id_000 and so on, whose order needs its ties: three of
// each time, three of each name.
func fill(t testing.TB, s *server, n int) {
	t.Helper()
	records := make([]string, n)
	for i := range records {
		created := time.Date(2024, 1, 1, 0, 0, i/3, 0, time.UTC)
		name := fmt.Sprintf("Name %03d", (n-i)/3)
		if i%2 == 0 {
			name = strings.ToUpper(name)
		}
		records[i] = record(fmt.Sprintf("id_%03d", i), name, created, created.Add(time.Duration(i%5)*time.Hour))
	}
	s.put(t, records...)
}

// record is a persona as an import has it.
func record(oID, name string, created, updated time.Time) string {
	return fmt.Sprintf(`{"oId":%q,"name":%q,"createdAt":%q,"updatedAt":%q}`, oID, name, created.Format(time.RFC3339), updated.Format(time.RFC3339))
}

func TestListOrder(t *testing.T) {
	t.Parallel()
	s := setup(t)
	const n = 31
	fill(t, s, n)
	e := s.edit(t)
	for _, field := range []string{"createdAt", "updatedAt", "name"} {
		for _, direction := range []string{"ASC", "DESC"} {
			query := "orderField=" + field + "&orderDirection=" + direction
			all := e.list(t, query+"&limit=1000")
			value := func(p apitype.Persona) string {
				switch field {
				case "createdAt":
					return p.CreatedAt.String()
				case "updatedAt":
					return p.UpdatedAt.String()
				}
				return strings.ToLower(p.Name)
			}
			sorted := slices.IsSortedFunc(all.Data, func(a, b apitype.Persona) int {
				order := strings.Compare(value(a), value(b))
				if direction == "DESC" {
					order = -order
				}
				if order == 0 {
					order = strings.Compare(a.OID, b.OID)
				}
				return order
			})
			if len(all.Data) != n || all.Total != n || all.HasNext || !sorted {
				t.Errorf("%s: total %d, hasNext %t: %v", query, all.Total, all.HasNext, ids(all))
			}
			// Pages of any size, by offset and by cursor, are the same list.
			for _, size := range []int{5, 31, 32} {
				if got := e.walk(t, query, size); !cmp.Equal(got, ids(all)) {
					t.Errorf("%s in pages of %d: %v", query, size, got)
				}
				if got := e.walkByCursor(t, query, size, func(int) {}); !cmp.Equal(got, ids(all)) {
					t.Errorf("%s by cursor in pages of %d: %v", query, size, got)
				}
			}
		}
	}
	if got, want := ids(e.list(t, "")), ids(e.list(t, "orderField=createdAt&orderDirection=DESC&limit=10&offset=0&text=&status=&queryType=&productOId=&playbookOId=&include=")); !cmp.Equal(got, want) {
		t.Errorf("by default %v, and not %v", got, want)
	}
	if got, want := ids(e.list(t, "orderField=name")), ids(e.list(t, "orderField=name&orderDirection=ASC")); !cmp.Equal(got, want) {
		t.Errorf("by name %v, and not %v", got, want)
	}
}

// walk reads a list in pages by offset.
func (e *editor) walk(t *testing.T, query string, size int) []string {
	t.Helper()
	var all []string
	for {
		page := e.list(t, fmt.Sprintf("%s&limit=%d&offset=%d", query, size, len(all)))
		all = append(all, ids(page)...)
		if page.HasNext != (len(all) < page.Total) || page.HasNext && len(page.Data) != size {
			t.Fatalf("%s: after %d of %d, hasNext is %t; %d in the page", query, len(all), page.Total, page.HasNext, len(page.Data))
		}
		if !page.HasNext {
			return all
		}
	}
}

// walkByCursor reads a list in pages by cursor, and calls between after each.
func (e *editor) walkByCursor(t *testing.T, query string, size int, between func(page int)) []string {
	t.Helper()
	var all []string
	cursor := ""
	for n := 0; ; n++ {
		page := e.list(t, fmt.Sprintf("%s&limit=%d&cursor=%s", query, size, cursor))
		all = append(all, ids(page)...)
		if page.HasNext != (page.NextCursor != nil) {
			t.Fatalf("%s: hasNext is %t, nextCursor %v", query, page.HasNext, page.NextCursor)
		}
		if !page.HasNext {
			return all
		}
		between(n)
		cursor = *page.NextCursor
	}
}

// TestCursorWhileThingsChange makes and deletes personas between pages: none
// that stood still is repeated or dropped.
func TestCursorWhileThingsChange(t *testing.T) {
	t.Parallel()
	for _, query := range []string{"orderField=createdAt&orderDirection=ASC", "orderField=createdAt", "orderField=name&orderDirection=DESC", "orderField=name"} {
		t.Run(query, func(t *testing.T) {
			t.Parallel()
			s := setup(t)
			fill(t, s, 40)
			e := s.edit(t)
			want := ids(e.list(t, query+"&limit=1000"))
			gone, come := map[string]bool{}, map[string]bool{}
			got := e.walkByCursor(t, query, 6, func(page int) {
				// One that was shown, one that was not yet, and new ones everywhere.
				for _, i := range []int{page * 6, (page+1)*6 + 2} {
					if i < len(want) {
						gone[want[i]] = true
						e.send(t, http.MethodDelete, deletePath+want[i], "")
					}
				}
				for i, year := range []int{1999, 2024, 2050} {
					at := time.Date(year, 1, 1, 0, 0, page, 0, time.UTC)
					oID := fmt.Sprintf("id_%03d_%d", page, i)
					come[oID] = true
					s.put(t, record(oID, []string{"A", "Name 005", "z"}[i], at, at))
				}
			})
			seen := map[string]int{}
			for _, oID := range got {
				seen[oID]++
			}
			for _, oID := range want {
				if n := seen[oID]; n > 1 || n == 0 && !gone[oID] {
					t.Errorf("%s was shown %d times", oID, n)
				}
			}
			for oID, n := range seen {
				if n > 1 || !slices.Contains(want, oID) && !come[oID] {
					t.Errorf("%s was shown %d times", oID, n)
				}
			}
		})
	}
}

func TestListFaults(t *testing.T) {
	t.Parallel()
	s := setup(t)
	fill(t, s, 5)
	e := s.edit(t)
	cursor := *e.list(t, "limit=2&cursor=").NextCursor
	words := make([]string, 65)
	for i := range words {
		words[i] = fmt.Sprintf("w%d", i)
	}
	for query, fields := range map[string][]string{
		"limit=0":                           {"limit"},
		"limit=-1":                          {"limit"},
		"limit=1001":                        {"limit"},
		"limit=9999999999999999999":         {"limit"},
		"limit=ten":                         {"limit"},
		"limit=1.5":                         {"limit"},
		"limit=1&limit=2":                   {"limit"},
		"offset=-1":                         {"offset"},
		"offset=x":                          {"offset"},
		"queryType=all":                     {"queryType"},
		"status=gone":                       {"status"},
		"orderField=rank":                   {"orderField"},
		"orderDirection=up":                 {"orderDirection"},
		"include=everything":                {"include"},
		"text=%ff":                          {"text"},
		"text=" + strings.Join(words, "+"):  {"text"},
		"text=" + strings.Repeat("x", 1001): {"text"},
		"updatedSince=yesterday":            {"updatedSince"},
		"fields=all":                        {"fields"},
		"oIds=%ff":                          {"oIds"},
		"cursor=x":                          {"cursor"},
		"cursor=" + base64.RawURLEncoding.EncodeToString([]byte(`{"o":"name"}`)): {"cursor"},
		"orderField=name&cursor=" + cursor:                                       {"cursor"},
		"orderField=createdAt&orderDirection=ASC&cursor=" + cursor:               {"cursor"},
		"offset=2&cursor=" + cursor:                                              {"offset"},
		"text=name&cursor=":                                                      {"cursor"},
		"text=name&cursor=" + cursor:                                             {"cursor"},
		"limit=0&cursor=" + base64.RawURLEncoding.EncodeToString([]byte(`{"o":"createdAt","d":true,"a":{"OID":"\u0000"}}`)): {"limit", "cursor"},
		"limit=0&offset=-1&queryType=x&status=y": {"queryType", "status", "limit", "offset"},
	} {
		got := e.get(t, listPath+query, "api_key", e.key)
		code, faulty := failure(t, got)
		if faulty = slices.Compact(faulty); got.status != http.StatusBadRequest || code != "invalid_request" || !slices.Equal(faulty, fields) {
			t.Errorf("%.80s: status %d, code %s, fields %v, want %v", query, got.status, code, faulty, fields)
		}
	}
	for query, n := range map[string]int{
		"limit=1000": 5, "limit=5": 5, "limit=4": 4, "offset=5": 0, "offset=4": 1, "offset=9223372036854775807": 0, "text=name&offset=9223372036854775807": 0, "limit=&offset=": 5, "cursor=" + cursor + "&limit=2": 2,
		"text=name&orderField=name&cursor=": 5,
	} {
		if page := e.list(t, query); len(page.Data) != n || page.Total != 5 {
			t.Errorf("%s: %d of %d", query, len(page.Data), page.Total)
		}
	}
}

// TestListLimit asks for the largest page there is.
func TestListLimit(t *testing.T) {
	t.Parallel()
	s := setup(t)
	fill(t, s, 1001)
	e := s.edit(t)
	if page := e.list(t, "limit=1000"); len(page.Data) != 1000 || page.Total != 1001 || !page.HasNext {
		t.Errorf("%d of %d, hasNext %t", len(page.Data), page.Total, page.HasNext)
	}
	if page := e.list(t, "limit=1000&offset=1"); len(page.Data) != 1000 || page.HasNext {
		t.Errorf("%d, hasNext %t", len(page.Data), page.HasNext)
	}
}

func TestListFilters(t *testing.T) {
	t.Parallel()
	s := setup(t)
	colleague, err := s.library.CreateUser(t.Context(), library.NewUser{FirstName: "C", LastName: "C", Role: account.RoleOwner, Workspace: s.workspace})
	must(t, err)
	e := s.edit(t)
	names := map[string]string{}
	for name, body := range map[string]string{
		"primary":  `{"name":"x","primaryOfferingOId":"of_1"}`,
		"specific": `{"name":"x","linkingStrategy":{"mode":"SPECIFIC","offeringOIds":["of_2","of_1"]}}`,
		"all":      `{"name":"x","linkingStrategy":{"mode":"ALL"},"playbookOIds":["pl_1"]}`,
		"other":    `{"name":"x","primaryOfferingOId":"of_3","playbookOIds":["pl_2"]}`,
		"none":     `{"name":"x"}`, "archived": `{"name":"x"}`, "deleted": `{"name":"x"}`, "both": `{"name":"x"}`,
	} {
		names[e.create(t, body).OID] = name
	}
	for oID, name := range names {
		if name == "archived" || name == "both" {
			e.post(t, archivePath, `{"oId":"`+oID+`"}`)
		}
		if name == "deleted" || name == "both" {
			e.send(t, http.MethodDelete, deletePath+oID, "")
		}
	}
	s.importInto(t, s.workspace, *colleague, `{"oId":"colleague","name":"x"}`)
	names["colleague"], names["p_1234"] = "colleague", "sample"
	for query, want := range map[string][]string{
		"":                                 {"all", "colleague", "none", "other", "primary", "specific"},
		"queryType=TEAM&status=active":     {"all", "colleague", "none", "other", "primary", "specific"},
		"queryType=MINE":                   {"all", "none", "other", "primary", "specific"},
		"productOId=of_1":                  {"all", "primary", "specific"},
		"productOId=of_3&text=x":           {"all", "other"},
		"productOId=of_9":                  {"all"},
		"playbookOId=pl_1":                 {"all"},
		"playbookOId=of_1":                 {},
		"productOId=of_1&playbookOId=pl_2": {},
		"status=archived":                  {"archived"},
		"status=deleted":                   {"both", "deleted", "sample"},
		"status=all":                       {"all", "archived", "both", "colleague", "deleted", "none", "other", "primary", "sample", "specific"},
	} {
		page := e.list(t, query+"&limit=100")
		got := []string{}
		for _, oID := range ids(page) {
			got = append(got, names[oID])
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" || page.Total != len(want) {
			t.Errorf("%s: total %d (-want +got):\n%s", query, page.Total, diff)
		}
	}
}

// TestSearch shows the ranking, and that no text is dangerous.
func TestSearch(t *testing.T) {
	t.Parallel()
	e := setup(t).edit(t)
	for _, body := range []string{
		`{"name":"Ingénieur","description":"rest only: C++ dev"}`,
		`{"name":"Head of Care","internalName":"Nurse Nancy"}`,
		`{"name":"Ward manager","commonJobTitles":["Nurse Practitioner"]}`,
		`{"name":"Hospital buyer","painPoints":["too few nurses","nurse rosters","nurse pay"]}`,
		`{"name":"Nurse"}`,
		`{"name":"Practice lead","customFields":[{"title":"Works with","value":["nursery"]}]}`,
		`{"name":"Silent","qualifyingQuestions":[{"question":"nurse?","fitType":"GOOD","weight":"LOW"}]}`,
	} {
		e.create(t, body)
	}
	for text, want := range map[string][]string{
		"nurse":              {"Nurse", "Head of Care", "Ward manager", "Practice lead", "Hospital buyer"},
		"NURS":               {"Nurse", "Head of Care", "Ward manager", "Practice lead", "Hospital buyer"},
		"ingenieur":          {"Ingénieur"},
		"INGÉNIEUR":          {"Ingénieur"},
		"c++ DEV":            {"Ingénieur"},
		"nurse practitioner": {"Ward manager"},
		"nurse head":         {"Head of Care"},
		"nurse nobody":       {},
		"nurse nurse":        {"Nurse", "Head of Care", "Ward manager", "Practice lead", "Hospital buyer"},
		"ursery":             {},
		"name":               {}, // neither columns
		"rest":               {"Ingénieur"},
	} {
		page := e.list(t, "text="+url.QueryEscape(text))
		got := []string{}
		for _, p := range page.Data {
			got = append(got, p.Name)
		}
		if diff := cmp.Diff(want, got); diff != "" || page.Total != len(want) {
			t.Errorf("%q: total %d (-want +got):\n%s", text, page.Total, diff)
		}
	}
	for _, text := range []string{
		`"`, `""`, `*`, `a*`, `NEAR(`, `NEAR(a b, 2)`, `AND`, `OR`, `NOT`, `a AND`, `name:x`, `{name titles} : x`, `^a`, `(`, `)`, `-a`, `+`, `'`, `\`, `%`, `;--`,
		"😀", "👩‍💻", "a", "é", "e\u0301", "\u0301", "\ue000", "\u0000", "a\u0000b", " ", "\n", "中文", "١٢٣", "x" + strings.Repeat("\u0301", 999), strings.Repeat("x", 1000), strings.Repeat("x ", 500), strings.Repeat("😀", 1000), "scope", "\"scope\" : \"wa_\"",
	} {
		page := e.list(t, "text="+url.QueryEscape(text))
		if len(page.Data) != page.Total {
			t.Errorf("%.20q: %d of %d", text, len(page.Data), page.Total)
		}
	}
}

func FuzzListQuery(f *testing.F) {
	for _, query := range []string{
		"", "text=nurse", "text=%22", "text=NEAR(", "text=*", "text=%F0%9F%98%80", "limit=1000&offset=5", "limit=1001", "cursor=", "cursor=e30", "cursor=eyJvIjoiY3JlYXRlZEF0IiwiZCI6dHJ1ZX0",
		"orderField=name&orderDirection=DESC&status=all", "queryType=MINE&productOId=of_1&playbookOId=pl_1", "include=questionIds", "text=%CC%81", "%zz", "a;b", "text=a%00b", "text=%EE%80%80",
	} {
		f.Add(query)
	}
	s := setup(f)
	fill(f, s, 12)
	f.Fuzz(func(t *testing.T, query string) {
		w := s.play(t, http.MethodGet, listPath+query, "")
		switch w.status {
		case http.StatusOK:
			var page personaPage
			must(t, json.Unmarshal(w.body.Bytes(), &page))
			if len(page.Data) > page.Total || page.HasNext && len(page.Data) == 0 || strings.Contains(w.body.String(), "Theirs") {
				t.Fatalf("%q: %d of %d, hasNext %t", query, len(page.Data), page.Total, page.HasNext)
			}
		case http.StatusBadRequest:
		default:
			t.Fatalf("%q: status %d: %s", query, w.status, w.body.String())
		}
	})
}
