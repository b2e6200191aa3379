package library_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/library"
)

// TestListLimits shows that what is just allowed of a list is answered, and that
// one more is an error.
func TestListLimits(t *testing.T) {
	t.Parallel()
	f := setup(t)
	var words []string
	for i := range library.MaxSearchWords + 1 {
		words = append(words, fmt.Sprintf("w%d", i))
	}
	all := strings.Join(words, " ")
	most, _ := strings.CutSuffix(all, " "+words[library.MaxSearchWords])
	var form errs.List
	form.Add("status", "is strange")
	for name, test := range map[string]struct {
		request library.ListRequest
		want    []string
	}{
		"most":               {library.ListRequest{Limit: library.MaxLimit, Text: most}, nil},
		"the same word":      {library.ListRequest{Limit: library.MaxLimit, Text: most + " " + words[0]}, nil},
		"too many words":     {library.ListRequest{Limit: 1, Text: all}, []string{"text: has 65 different words, and 64 are allowed"}},
		"longest text":       {library.ListRequest{Limit: 1, Text: strings.Repeat("é", library.MaxTextLength)}, nil},
		"longer text":        {library.ListRequest{Limit: 1, Text: strings.Repeat("é", library.MaxTextLength+1)}, []string{"text: has 1001 characters; the limit is 1000"}},
		"too many":           {library.ListRequest{Limit: library.MaxLimit + 1}, []string{"limit: is 1001: use 1 to 1000"}},
		"none, and a cursor": {library.ListRequest{Offset: -1, Text: "x", After: &entity.Position{OID: "x"}, Errors: form}, []string{"status: is strange", "limit: is 0: use 1 to 1000", "offset: is -1: use 0 or more", "cursor: does not go with the order of a search: name an orderField, or use offset"}},
		"a foreign cursor":   {library.ListRequest{Limit: 1, Order: entity.OrderName, After: &entity.Position{OID: "x", Name: "nul\x00"}}, []string{"cursor: is not one that this server gave: send nextCursor as it came, or cursor= for the first page"}},
		"an unknown value":   {library.ListRequest{Limit: 1, Facet: "NONE"}, []string{"type: has no such value"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			page, err := f.List(t.Context(), f.caller, f.persona, test.request)
			var got []string
			if domain := domainError(err); domain != nil {
				for _, field := range domain.Fields {
					got = append(got, field.String())
				}
			} else if err != nil {
				t.Fatal(err)
			} else {
				page.Close()
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("errors (-want +got):\n%s", diff)
			}
		})
	}
}

// names returns the names of a page's documents, which it closes.
func names(t *testing.T, page *library.Listed, err error) []string {
	t.Helper()
	if err != nil {
		t.Fatalf("List: %v", err)
	}
	defer page.Close()
	names := []string{}
	for _, document := range page.Documents {
		var shown struct{ Name string }
		if err := json.Unmarshal(document, &shown); err != nil {
			t.Fatalf("%s: %v", document, err)
		}
		names = append(names, shown.Name)
	}
	return names
}

func TestList(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ctx := t.Context()
	a := f.create(t, `{"name":"Alpha","description":"beta","linkingStrategy":{"mode":"ALL"}}`)
	f.now = f.now.Add(1e6)
	b := f.create(t, `{"name":"Beta","playbookOIds":["pb_1"]}`)
	f.now = f.now.Add(1e6)
	c := f.create(t, `{"name":"Gamma","internalName":"beta","primaryOfferingOId":"of_1"}`)
	f.createOf(t, f.sample, `{"name":"Sample","stage":"WON"}`)
	f.createOf(t, f.sample, `{"name":"Open"}`)
	since := c.Entity.UpdatedAt
	for name, test := range map[string]struct {
		request library.ListRequest
		want    []string
	}{
		"newest first":        {library.ListRequest{}, []string{"Gamma", "Beta", "Alpha"}},
		"best match first":    {library.ListRequest{Text: "beta"}, []string{"Gamma", "Beta", "Alpha"}},
		"by name":             {library.ListRequest{Order: entity.OrderName}, []string{"Alpha", "Beta", "Gamma"}},
		"of an offering":      {library.ListRequest{OfferingOID: "of_1"}, []string{"Gamma", "Alpha"}},
		"of a playbook":       {library.ListRequest{PlaybookOID: "pb_1"}, []string{"Beta"}},
		"some":                {library.ListRequest{OIDs: []string{a.Entity.OID, b.Entity.OID, "nul\x00"}}, []string{"Beta", "Alpha"}},
		"by exact name":       {library.ListRequest{Name: "Beta"}, []string{"Beta"}},
		"updated since":       {library.ListRequest{UpdatedSince: &since}, []string{"Gamma"}},
		"no letter or digit":  {library.ListRequest{Text: "+ !"}, []string{}},
		"blanks":              {library.ListRequest{Text: "  "}, []string{"Gamma", "Beta", "Alpha"}},
		"no id of any kind":   {library.ListRequest{OfferingOID: "nul\x00"}, []string{}},
		"no ids of any kind":  {library.ListRequest{OIDs: []string{"\xff"}}, []string{}},
		"no name of any kind": {library.ListRequest{Name: "\xff"}, []string{}},
		"archived":            {library.ListRequest{Status: entity.StatusArchived}, []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.request.Limit = library.MaxLimit
			page, err := f.List(ctx, f.caller, f.persona, test.request)
			if diff := cmp.Diff(test.want, names(t, page, err)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if page.Total != len(test.want) || page.HasNext {
				t.Errorf("a total of %d, and more: %t", page.Total, page.HasNext)
			}
		})
	}
	t.Run("of the caller alone", func(t *testing.T) {
		t.Parallel()
		page, err := f.List(ctx, f.callerOf(t, f.workspace, f.member), f.persona, library.ListRequest{Mine: true, Limit: 10})
		if got := names(t, page, err); len(got) > 0 {
			t.Errorf("another user's: %q", got)
		}
	})
	t.Run("by the values of an enum, and with another kind", func(t *testing.T) {
		t.Parallel()
		for facet, want := range map[string][]string{"WON": {"Sample"}, "OPEN": {"Open"}, "LOST": nil, "": {"Open", "Sample"}, "PERSONA": {"Alpha", "Beta", "Gamma"}, "ALL": {"Alpha", "Beta", "Gamma", "Open", "Sample"}} {
			page, err := f.List(ctx, f.caller, f.sample, library.ListRequest{Facet: facet, Limit: 10, Order: entity.OrderName})
			if got := names(t, page, err); !slices.Equal(got, want) {
				t.Errorf("%s: %q, want %q", facet, got, want)
			}
		}
	})
	t.Run("documents are those of get", func(t *testing.T) {
		t.Parallel()
		page, err := f.List(ctx, f.caller, f.persona, library.ListRequest{Limit: 1, QuestionIDs: true})
		if err != nil || !page.HasNext || page.Last.OID != c.Entity.OID {
			t.Fatalf("List = %+v, %v", page, err)
		}
		defer page.Close()
		if string(page.Documents[0]) != string(c.Body) || page.Rows[0].OID != c.Entity.OID {
			t.Errorf("a list answers\n%s, a get\n%s", page.Documents[0], c.Body)
		}
	})
	t.Run("slim", func(t *testing.T) {
		t.Parallel()
		page, err := f.List(ctx, f.caller, f.persona, library.ListRequest{Limit: 1, Slim: true})
		if err != nil {
			t.Fatal(err)
		}
		defer page.Close()
		want := fmt.Sprintf(`{"oId":%q,"name":"Gamma","internalName":"beta","description":null,"updatedAt":"2024-06-01T12:00:00.003Z"}`, c.Entity.OID)
		if got := string(page.Documents[0]); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

// sized is a store whose lists have one row of so many bytes.
type sized struct {
	entity.Store
	bytes int64
	// inside is how many lists are in a transaction.
	inside *atomic.Int32
}

func (s sized) List(_ context.Context, q entity.Query) (*entity.Page, error) {
	s.inside.Add(1)
	defer s.inside.Add(-1)
	if err := q.Admit(s.bytes); err != nil {
		return nil, err
	}
	return &entity.Page{Rows: []*entity.Row{{Ref: entity.Ref{Kind: "persona"}, Shape: 1, Document: []byte(`{"name":"x"}`)}}, Total: 1}, nil
}

func TestListBudget(t *testing.T) {
	t.Parallel()
	caller := library.Caller{Principal: &account.Principal{Key: account.APIKey{Scopes: account.Scopes{account.ScopeRead}}}}
	open := func(t *testing.T, bytes int64) (list func() (*library.Listed, error), inside *atomic.Int32) {
		inside = new(atomic.Int32)
		l, err := library.New(library.Config{Store: sized{bytes: bytes, inside: inside}, Registry: registry()})
		if err != nil {
			t.Fatal(err)
		}
		return func() (*library.Listed, error) {
			return l.List(t.Context(), caller, l.Registry().Kinds()[0], library.ListRequest{Limit: 1})
		}, inside
	}
	t.Run("is given back", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			list, inside := open(t, library.MaxPageBytes)
			var pages []*library.Listed
			for {
				page, err := list()
				if err != nil {
					domain := wantCode(t, "one too many", err, errs.Unavailable, errs.CodeUnavailable)
					if domain.RetryAfter == 0 {
						t.Error("there is no Retry-After")
					}
					break
				}
				pages = append(pages, page)
			}
			if len(pages) != 3 { // the fourth has place for its rows, but not for what is made of them
				t.Errorf("%d pages at once", len(pages))
			}
			go func() {
				if page, err := list(); err != nil {
					t.Errorf("one that waits: %v", err)
				} else {
					page.Close()
				}
			}()
			synctest.Wait()
			if n := inside.Load(); n != 0 {
				t.Errorf("%d lists wait in a transaction", n)
			}
			pages[0].Close()
			synctest.Wait()
			pages[0].Close() // which does nothing
			page, err := list()
			if err != nil {
				t.Fatalf("after one was given back: %v", err)
			}
			page.Close()
			if _, err := list(); err != nil {
				t.Errorf("after one was given back: %v", err)
			}
			if _, err := list(); err == nil {
				t.Error("what was given back twice counts twice")
			}
		})
	})
	t.Run("a page is bounded", func(t *testing.T) {
		t.Parallel()
		list, _ := open(t, library.MaxPageBytes+1)
		_, err := list()
		wantCode(t, "a larger page", err, errs.Invalid, errs.CodePageTooLarge)
	})
}
