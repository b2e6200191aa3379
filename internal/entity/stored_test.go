package entity_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/entity/entitytest"
	"personae.dev/internal/errs"
	"personae.dev/internal/search"
)

func TestStore(t *testing.T) {
	t.Parallel()
	k := entitytest.Kind()
	at := time.Date(2024, 1, 2, 3, 4, 5, 6e6, time.UTC)
	e := entityOf(t, k, sample)
	e.CreatedAt, e.UpdatedAt, e.Author = at, at, account.Author{OID: "u_1", FirstName: "Ada", LastName: "L"}
	e = e.WithQuestions([]entity.Question{{OID: "qq_1", Question: "q1", FitType: "GOOD", Weight: "LOW"}, {OID: "qq_2", Question: "q2", FitType: "BAD", Weight: "HIGH"}})
	s := k.Store("wa_1", e)
	wantDocument := `{"oId":"ts_1","name":"Name","internalName":"Internal","description":"d","createdAt":"2024-01-02T03:04:05.006Z","deletedAt":null,"archivedAt":null,"updatedAt":"2024-01-02T03:04:05.006Z",` +
		`"url":"u","labels":["l"],"stage":"WON","extra":{"a":[1]},"active":false,"rejected":false,"data":{"title":"Name","internalName":"Internal","summary":"s","note":"n","mood":"bad","formType":"b",` +
		`"points":["p"],"jobs":["j"],"insight":["i"],"traits":{"core":["c"],"guiding":["g"]},"facts":{"industry":["x"],"size":[],"Own":["o"]},"method":[{"type":"A"}],"proven":true,"relatedOIds":["ts_2"],` +
		`"customFields":[{"title":"t","value":["v"]}],"oldText":"o","oldList":["o"],"oldTraits":{"a":["o"]},"oldRaw":1},` +
		`"qualifyingQuestions":[{"question":"q1","rationale":"","fitType":"GOOD","weight":"LOW","archivedAt":null},{"question":"q2","rationale":"","fitType":"BAD","weight":"HIGH","archivedAt":null}]}`
	if string(s.Document) != wantDocument {
		t.Errorf("document\n%s\nwant\n%s", s.Document, wantDocument)
	}
	wantHidden := `{"friendOId":"ts_3","primaryOfferingOId":"px_1","linkingStrategy":{"mode":"SPECIFIC","offeringOIds":["px_2"]},"playbookOIds":["pb_1"],"secret":"x","questionOIds":["qq_1","qq_2"]}`
	if string(s.Hidden) != wantHidden {
		t.Errorf("hidden\n%s\nwant\n%s", s.Hidden, wantHidden)
	}
	wantLinks := []entity.Link{
		{Field: "relatedOIds", Target: "ts_2"},
		{Field: "friendOId", Target: "ts_3"},
		{Field: "primaryOfferingOId", Target: "px_1"},
		{Field: "linkingStrategy", Target: "px_2"},
		{Field: "playbookOIds", Target: "pb_1"},
	}
	if diff := cmp.Diff(wantLinks, s.Links) + cmp.Diff([]entity.Facet{{Field: "stage", Value: "WON"}}, s.Facets); diff != "" {
		t.Errorf("links and facets (-want +got):\n%s", diff)
	}
	if s.Tag != entity.TagOf(s.Document, s.Hidden) || s.Name != "Name" || s.Ref != (entity.Ref{Workspace: "wa_1", Kind: k.Name, OID: "ts_1"}) || s.Shape != k.Shape || !s.UpdatedAt.Equal(at) || s.Author != e.Author {
		t.Errorf("row %+v", s.Row)
	}
	withIDs, err := k.DocumentWithQuestionIDs(&s.Row)
	if err != nil || !strings.Contains(string(withIDs), `[{"oId":"qq_1","question":"q1",`) || strings.ReplaceAll(strings.ReplaceAll(string(withIDs), `"oId":"qq_1",`, ""), `"oId":"qq_2",`, "") != wantDocument {
		t.Errorf("with ids of questions: %v\n%s", err, withIDs)
	}
	answer := string(k.AppendAnswer([]byte("x"), s.Document, [][]byte{[]byte(`{"oId":"ts_3"}`)}, e.Author, "wa_1"))
	if want := "x" + wantDocument[:len(wantDocument)-1] + `,"friend":{"oId":"ts_3"},"user":{"oId":"u_1","firstName":"Ada","lastName":"L"},"workspace":{"oId":"wa_1"}}`; answer != want {
		t.Errorf("answer\n%s\nwant\n%s", answer, want)
	}
	if answer := string(k.AppendAnswer(nil, s.Document, nil, e.Author, "w")); !strings.Contains(answer, `,"friend":null,"user":`) {
		t.Errorf("answer without the friend:\n%s", answer)
	}

	bare := k.Store("wa_1", entityOf(t, k, `{"name":"x","linkingStrategy":{"mode":"ALL"}}`))
	if diff := cmp.Diff([]entity.Link{{Field: "linkingStrategy", Target: entity.LinkAll}}, bare.Links) + cmp.Diff([]entity.Facet{{Field: "stage", Value: "OPEN"}}, bare.Facets); diff != "" {
		t.Errorf("links and facets (-want +got):\n%s", diff)
	}
	wantData := `"data":{"title":"x","internalName":"","summary":"","note":null,"mood":"","formType":"a","points":[],"jobs":[],"insight":[],"traits":{"core":[],"guiding":[]},"facts":{"industry":[],"size":[]},` +
		`"method":null,"proven":null,"relatedOIds":[],"customFields":[]},"qualifyingQuestions":null}`
	if !strings.HasSuffix(string(bare.Document), wantData) || string(bare.Hidden) != `{"linkingStrategy":{"mode":"ALL"}}` {
		t.Errorf("document %s\nhidden %s", bare.Document, bare.Hidden)
	}
	if nothing := k.Store("w", entityOf(t, k, `{"name":"x"}`)); string(nothing.Hidden) != "{}" || nothing.Links != nil {
		t.Errorf("hidden %s, links %v", nothing.Hidden, nothing.Links)
	}
}

func TestTexts(t *testing.T) {
	t.Parallel()
	k := entitytest.Kind()
	want := search.Texts{
		Whole: []string{"Name", "Internal", "j"}, Names: []string{"Name", "Internal"}, Titles: []string{"j"},
		// Not the URL, enums, links, questions and what search leaves out.
		Rest: []string{"d", "l", "s", "n", "p", "i", "c", "g", "industry", "x", "size", "Own", "o", "A", "t", "v", "o", "o", "a", "o"},
	}
	if diff := cmp.Diff(want, k.Texts(entityOf(t, k, sample))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLoadOfAnotherShape(t *testing.T) {
	t.Parallel()
	// What was stored by an older table: a field that was at the top, one that is
	// gone, one of another type, and one that has a default since.
	k := entitytest.Kind()
	k.Shape = 3
	row := &entity.Row{
		Ref: entity.Ref{Workspace: "w", Kind: k.Name, OID: "ts_1"}, Shape: 1, Author: account.Author{OID: "u"},
		Document: []byte(`{"oId":"ts_1","name":"x","internalName":null,"createdAt":"2024-01-01T00:00:00.000Z","updatedAt":"2024-01-01T00:00:00.000Z","archivedAt":null,"deletedAt":"2024-01-02T00:00:00.000Z",` +
			`"summary":"moved","gone":[1],"data":{"title":"x","internalName":"","points":"text","jobs":["j"],"rejected":true},"qualifyingQuestions":[{"question":"q","rationale":"","fitType":"GOOD","weight":"LOW","archivedAt":null}]}`),
		Hidden: []byte(`{"secret":"s","questionOIds":["qq_1"]}`),
	}
	e, err := k.Load(row)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"kind":"test-sample","oId":"ts_1","name":"x","summary":"moved","jobs":["j"],"qualifyingQuestions":[{"oId":"qq_1","question":"q","rationale":"","fitType":"GOOD","weight":"LOW","archivedAt":null}],` +
		`"secret":"s","rejected":true,"createdAt":"2024-01-01T00:00:00.000Z","updatedAt":"2024-01-01T00:00:00.000Z","deletedAt":"2024-01-02T00:00:00.000Z"}`
	if got := string(k.AppendRecord(nil, e)); got != want || string(e.Fields["stage"]) != `"OPEN"` || e.Author.OID != "u" {
		t.Errorf("loaded\n%s\nwant\n%s", got, want)
	}
	row.Shape = 4
	if _, err := k.Load(row); errs.KindOf(err) != errs.Unavailable || !strings.Contains(err.Error(), "update the program") {
		t.Errorf("a higher shape: %v", err)
	}
}

func TestLoadOfDamagedRow(t *testing.T) {
	t.Parallel()
	k := persona()
	good := k.Store("w", entityOf(t, k, `{"name":"x"}`)).Row
	for _, shape := range []int{k.Shape, k.Shape - 1} {
		for name, damage := range map[string]func(r *entity.Row){
			"CutDocument":   func(r *entity.Row) { r.Document = r.Document[:len(r.Document)/2] },
			"NoDocument":    func(r *entity.Row) { r.Document = nil },
			"TwoDocuments":  func(r *entity.Row) { r.Document = append(append([]byte{}, r.Document...), "{}"...) },
			"CutHidden":     func(r *entity.Row) { r.Hidden = []byte("{") },
			"HiddenIsEmpty": func(r *entity.Row) { r.Hidden = nil },
			"BrokenUTF8":    func(r *entity.Row) { r.Document = []byte("{\"name\":\"\xff\"}") },
		} {
			row := good
			row.Shape = shape
			damage(&row)
			if _, err := k.Load(&row); errs.KindOf(err) != errs.Unavailable || !strings.Contains(err.Error(), "personae check") {
				t.Errorf("%s, shape %d: %v", name, shape, err)
			}
			if _, err := k.DocumentWithQuestionIDs(&row); err == nil {
				t.Errorf("%s: the document has ids of questions", name)
			}
		}
	}
	row := good
	row.Document = []byte(strings.Replace(string(row.Document), `"deletedAt":null`, `"deletedAt":"never"`, 1))
	if _, err := k.Load(&row); err == nil {
		t.Error("a damaged date is read")
	}
}

func TestTypedAccess(t *testing.T) {
	t.Parallel()
	e := entityOf(t, entitytest.Kind(), sample)
	if e.Text("name") != "Name" || e.Text("points") != "" || e.Text("none") != "" || e.Text("friendOId") != "ts_3" {
		t.Error("Text is wrong")
	}
	if diff := cmp.Diff([]string{"p"}, e.Texts("points")); diff != "" || e.Texts("name") != nil || e.Texts("none") != nil {
		t.Errorf("Texts is wrong: %s", diff)
	}
	if !e.Bool("proven") || e.Bool("active") || e.Bool("none") {
		t.Error("Bool is wrong")
	}
	at := time.Now()
	for _, test := range []struct {
		archived, deleted *time.Time
		want              entity.Status
	}{{nil, nil, entity.StatusActive}, {&at, nil, entity.StatusArchived}, {nil, &at, entity.StatusDeleted}, {&at, &at, entity.StatusDeleted}} {
		e.ArchivedAt, e.DeletedAt = test.archived, test.deleted
		if got := e.Status(); got != test.want {
			t.Errorf("status %s, want %s", got, test.want)
		}
	}
}
