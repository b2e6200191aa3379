package library_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"personae.dev/internal/entity"
	"personae.dev/internal/library"
)

func TestSearch(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ctx := t.Context()
	product := f.kind(t, "product")
	f.create(t, `{"name":"VP of Sales","description":"Owns the forecast.","painPoints":["Deals slip late"]}`)
	f.createOf(t, product, `{"name":"Forecast","summary":"A forecast that holds."}`)
	gone := f.create(t, `{"name":"forecast that is gone"}`).Entity.OID
	if _, err := f.Archive(ctx, f.caller, f.persona, library.Target{OID: gone}); err != nil {
		t.Fatal(err)
	}
	find := func(text string, kinds ...*entity.Kind) (got []string) {
		t.Helper()
		hits, err := f.Search(ctx, f.caller, library.SearchRequest{Text: text, Kinds: kinds, Limit: 10})
		if err != nil || hits.Total != len(hits.Hits) || hits.HasNext {
			t.Fatalf("Search(%q) = %+v, %v", text, hits, err)
		}
		for _, h := range hits.Hits {
			got = append(got, h.Kind.Name+": "+h.Name+": "+h.Snippet)
		}
		return got
	}
	for _, test := range []struct {
		name string
		got  []string
		want []string
	}{
		{"all kinds, names first", find("FORECÁST"), []string{"product: Forecast: **Forecast**", "persona: VP of Sales: Owns the **forecast**."}},
		{"some kinds", find("forecast", f.persona), []string{"persona: VP of Sales: Owns the **forecast**."}},
		{"the text with most of the words", find("slip deals vp"), []string{"persona: VP of Sales: **Deals** **slip** late"}},
		{"no word", find("!"), nil},
		{"nothing", find("zebra"), nil},
	} {
		if diff := cmp.Diff(test.want, test.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
	page, err := f.Search(ctx, f.caller, library.SearchRequest{Text: "forecast", Limit: 1, Offset: 1})
	if err != nil || len(page.Hits) != 1 || page.Hits[0].Kind != f.persona || page.Total != 2 || page.HasNext {
		t.Errorf("the second page: %+v, %v", page, err)
	}
	others, err := f.Search(ctx, f.callerOf(t, f.other, f.member), library.SearchRequest{Text: "forecast", Limit: 1})
	if err != nil || others.Total != 0 {
		t.Errorf("another workspace: %+v, %v", others, err)
	}
	_, err = f.Search(ctx, f.caller, library.SearchRequest{Text: " ", Limit: 10})
	wantFields(t, "no text", err, "text")
	_, err = f.Search(ctx, f.caller, library.SearchRequest{Text: "x", Limit: 101, Offset: -1})
	wantFields(t, "limits", err, "limit", "offset")
}
