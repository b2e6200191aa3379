package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"personae.dev/apitype"
	"personae.dev/client"
)

// seen is what a server was sent.
type seen struct {
	Line   string // method and address
	Body   string
	Header map[string]string
}

// record answers every request with the sample persona, wrapped, and notes it.
func record(t *testing.T) (*client.Client, *seen) {
	t.Helper()
	got := new(seen)
	c := setup(t, func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		*got = seen{Line: r.Method + " " + r.URL.RequestURI(), Body: string(b), Header: map[string]string{}}
		for _, name := range []string{"Content-Type", "If-Match", "Idempotency-Key"} {
			if value := r.Header.Get(name); value != "" {
				got.Header[name] = value
			}
		}
		w.Header().Set("Etag", `"v2"`)
		body := sample
		if r.Method != http.MethodDelete {
			body = `{"_metadata":{"message":"OK"},"data":` + sample + `}`
		}
		answer(http.StatusOK, "application/json", body)(w, r)
	})
	return c, got
}

func TestWrites(t *testing.T) {
	t.Parallel()
	asJSON := map[string]string{"Content-Type": "application/json"}
	tests := []struct {
		name string
		call func(context.Context, *client.Client) (*client.Written, error)
		want seen
	}{
		{"Create", func(ctx context.Context, c *client.Client) (*client.Written, error) {
			return c.CreatePersona(ctx, client.NewPersona{Name: "VP", Active: new(false), LinkingStrategy: &apitype.LinkingStrategy{Mode: "ALL"}}, client.IdempotencyKey("k1"))
		}, seen{
			"POST /api/v2/persona/create", `{"name":"VP","linkingStrategy":{"mode":"ALL"},"active":false}`,
			map[string]string{"Content-Type": "application/json", "Idempotency-Key": "k1"},
		}},
		{"UpdateNothing", func(ctx context.Context, c *client.Client) (*client.Written, error) {
			return c.UpdatePersona(ctx, "p_1", client.PersonaPatch{})
		}, seen{"POST /api/v2/persona/update", `{"oId":"p_1"}`, asJSON}},
		{"UpdateAbsentNullAndValue", func(ctx context.Context, c *client.Client) (*client.Written, error) {
			return c.UpdatePersona(ctx, "p_1", client.PersonaPatch{
				InternalName: client.Set(""), Description: client.Clear[string](), PainPoints: client.Set([]string{}),
				KeyConcerns: client.Clear[[]string](), Active: client.Set(false),
			}, client.IfMatch(`"v1"`), client.QuestionIDs())
		}, seen{
			"POST /api/v2/persona/update?include=questionIds",
			`{"oId":"p_1","internalName":"","description":null,"painPoints":[],"keyConcerns":null,"active":false}`,
			map[string]string{"Content-Type": "application/json", "If-Match": `"v1"`},
		}},
		{
			"Delete", func(ctx context.Context, c *client.Client) (*client.Written, error) {
				return c.DeletePersona(ctx, "p 1")
			},
			seen{"DELETE /api/v2/persona/delete?oId=p+1", "", map[string]string{}},
		},
		{"Archive", func(ctx context.Context, c *client.Client) (*client.Written, error) {
			return c.ArchivePersona(ctx, "p_1")
		}, seen{"POST /api/v2/persona/archive", `{"oId":"p_1"}`, asJSON}},
		{"Restore", func(ctx context.Context, c *client.Client) (*client.Written, error) {
			return c.RestorePersona(ctx, "p_1")
		}, seen{"POST /api/v2/persona/restore", `{"oId":"p_1"}`, asJSON}},
		{"Revert", func(ctx context.Context, c *client.Client) (*client.Written, error) {
			return c.RevertPersona(ctx, "p_1", "rv_1")
		}, seen{"POST /api/v2/persona/restore", `{"oId":"p_1","revisionOId":"rv_1"}`, asJSON}},
		{"UpdateQuestion", func(ctx context.Context, c *client.Client) (*client.Written, error) {
			return c.UpdateQuestion(ctx, "p_1", "q_1", client.QuestionPatch{Weight: client.Set("LOW")})
		}, seen{"POST /api/v2/persona/question/update", `{"oId":"p_1","questionOId":"q_1","weight":"LOW"}`, asJSON}},
		{"ArchiveQuestion", func(ctx context.Context, c *client.Client) (*client.Written, error) {
			return c.ArchiveQuestion(ctx, "p_1", "q_1")
		}, seen{"POST /api/v2/persona/question/archive", `{"oId":"p_1","questionOId":"q_1"}`, asJSON}},
		{"RestoreQuestion", func(ctx context.Context, c *client.Client) (*client.Written, error) {
			return c.RestoreQuestion(ctx, "p_1", "q_1")
		}, seen{"POST /api/v2/persona/question/restore", `{"oId":"p_1","questionOId":"q_1"}`, asJSON}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, got := record(t)
			written, err := test.call(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, *got); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
			if written.Persona.OID != "p_1234" || written.ETag != `"v2"` || written.Replayed {
				t.Errorf("written: %+v", written)
			}
		})
	}
}

// A patch that was read from JSON says the same when it is written again.
func TestPatchReadsJSON(t *testing.T) {
	t.Parallel()
	const text = `{"name":"VP","description":null,"painPoints":[],"linkingStrategy":{"mode":"ALL"},"active":true}`
	var patch client.PersonaPatch
	if err := json.Unmarshal([]byte(text), &patch); err != nil {
		t.Fatal(err)
	}
	if got, err := json.Marshal(patch); err != nil || string(got) != text {
		t.Errorf("%s, %v; want %s", got, err, text)
	}
}

// Whatever create takes, update takes, by the same name.
func TestPatchHasTheFieldsOfNewPersona(t *testing.T) {
	t.Parallel()
	full := client.NewPersona{
		Name: "n", InternalName: new("i"), Description: new("d"), PrimaryResponsibilities: []string{"a"}, PainPoints: []string{"b"},
		KeyConcerns: []string{"c"}, KeyObjectives: []string{"d"}, CommonJobTitles: []string{"e"}, WhyTheyMatterToUs: []string{"f"},
		WhyWeMatterToThem: []string{"g"}, CustomFields: []apitype.CustomField{{Title: "t", Value: []string{"v"}}}, BuyingRole: []string{"h"},
		QualifyingQuestions: []apitype.QualifyingQuestion{{Question: "q"}}, PrimaryOfferingOID: new("o"),
		LinkingStrategy: &apitype.LinkingStrategy{Mode: "ALL"}, PlaybookOIDs: []string{"p"}, Active: new(true),
	}
	want, err := json.Marshal(full)
	if err != nil {
		t.Fatal(err)
	}
	var patch client.PersonaPatch
	if err := json.Unmarshal(want, &patch); err != nil {
		t.Fatal(err)
	}
	if got, err := json.Marshal(patch); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
}

// pages is a server with so many personas, of which it answers two at a time.
func pages(t *testing.T, total int, queries *[]string) *client.Client {
	t.Helper()
	return setup(t, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		*queries = append(*queries, r.URL.RawQuery)
		from := 0
		for _, name := range []string{"offset", "cursor"} {
			if text := q.Get(name); text != "" {
				from, _ = strconv.Atoi(text)
			}
		}
		list := apitype.ListPersonasResponse{Total: total, Data: []apitype.Persona{}}
		to := min(from+2, total)
		for i := from; i < to; i++ {
			list.Data = append(list.Data, apitype.Persona{OID: "p_" + strconv.Itoa(i)})
		}
		list.HasNext = to < total
		if q.Has("cursor") && list.HasNext {
			list.NextCursor = new(strconv.Itoa(to))
		}
		b, err := json.Marshal(list)
		if err != nil {
			t.Error(err)
		}
		answer(http.StatusOK, "application/json", string(b))(w, r)
	})
}

func TestPersonas(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		list    client.ListOptions
		total   int
		want    int
		queries []string
	}{
		{"None", client.ListOptions{}, 0, 0, []string{"cursor=&limit=100"}},
		{"Cursor", client.ListOptions{Limit: 2, Status: "all"}, 5, 5, []string{"cursor=&limit=2&status=all", "cursor=2&limit=2&status=all", "cursor=4&limit=2&status=all"}},
		{"CursorFromOffset", client.ListOptions{Limit: 2, Offset: 1}, 4, 3, []string{"cursor=&limit=2&offset=1", "cursor=3&limit=2"}},
		{"RankingByOffset", client.ListOptions{Limit: 2, Text: "vp"}, 3, 3, []string{"limit=2&text=vp", "limit=2&offset=2&text=vp"}},
		{"OrderedSearchByCursor", client.ListOptions{Limit: 2, Text: "vp", OrderField: "name", OrderDirection: "ASC"}, 3, 3, []string{
			"cursor=&limit=2&orderDirection=ASC&orderField=name&text=vp", "cursor=2&limit=2&orderDirection=ASC&orderField=name&text=vp",
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var queries []string
			personas := pages(t, test.total, &queries).Personas(t.Context(), test.list)
			for range 2 { // a second iteration begins anew
				queries = nil
				var got []string
				for p, err := range personas {
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, p.OID)
				}
				if slices.Sort(got); len(slices.Compact(got)) != test.want {
					t.Errorf("%d personas, want %d: %v", len(got), test.want, got)
				}
				if diff := cmp.Diff(test.queries, queries); diff != "" {
					t.Errorf("queries (-want +got):\n%s", diff)
				}
			}
		})
	}
	t.Run("Break", func(t *testing.T) {
		t.Parallel()
		var queries []string
		for _, err := range pages(t, 5, &queries).Personas(t.Context(), client.ListOptions{Limit: 2}) {
			if err != nil {
				t.Error(err)
			}
			break
		}
		if len(queries) != 1 {
			t.Errorf("queries after a break: %v", queries)
		}
	})
	t.Run("Error", func(t *testing.T) {
		t.Parallel()
		c := setup(t, answer(http.StatusBadRequest, "application/json", refusal("bad_request", "limit: is 1001")))
		count := 0
		for _, err := range c.Personas(t.Context(), client.ListOptions{Limit: 1001}) {
			if count++; err == nil {
				t.Error("no error")
			}
		}
		if count != 1 {
			t.Errorf("%d iterations, want 1", count)
		}
	})
	// A server that is none of ours must not be asked for ever.
	t.Run("NoCursor", func(t *testing.T) {
		t.Parallel()
		c := setup(t, answer(http.StatusOK, "application/json", `{"hasNext":true,"total":9,"data":[{"oId":"p_1"}]}`))
		var last error
		count := 0
		for _, err := range c.Personas(t.Context(), client.ListOptions{}) {
			count, last = count+1, err
		}
		if count != 2 || last == nil || !strings.Contains(last.Error(), "no cursor") {
			t.Errorf("%d iterations, and the error %v", count, last)
		}
	})
}

// A change that is made while the history is read repeats no revision.
func TestRevisionsWhileOthersWrite(t *testing.T) {
	t.Parallel()
	requests := 0
	c := setup(t, func(w http.ResponseWriter, r *http.Request) {
		requests++
		offset, _ := strconv.Atoi(r.URL.Query().Get("offset"))
		list := apitype.ListRevisionsResponse{Total: 150 + requests} // one more each time
		for i := offset; i < min(offset+100, list.Total); i++ {
			list.Data = append(list.Data, apitype.Revision{Number: list.Total - i})
		}
		list.HasNext = offset+100 < list.Total
		b, err := json.Marshal(list)
		if err != nil {
			t.Error(err)
		}
		answer(http.StatusOK, "application/json", string(b))(w, r)
	})
	want := 151
	for r, err := range c.Revisions(t.Context(), "p_1") {
		if err != nil {
			t.Fatal(err)
		}
		if r.Number != want {
			t.Fatalf("revision %d, want %d", r.Number, want)
		}
		want--
	}
	if want != 0 || requests != 2 {
		t.Errorf("%d revisions are missing after %d requests", want, requests)
	}
}

func TestIsPreconditionFailed(t *testing.T) {
	t.Parallel()
	c := setup(t, answer(http.StatusPreconditionFailed, "application/json", refusal("persona_changed", "Read it again.")))
	_, err := c.UpdatePersona(t.Context(), "p_1", client.PersonaPatch{Name: client.Set("VP")}, client.IfMatch(`"v1"`))
	if !client.IsPreconditionFailed(err) || !client.IsPreconditionFailed(fmt.Errorf("wrapped: %w", err)) || client.IsNotFound(err) {
		t.Errorf("the error is %v", err)
	}
	c = setup(t, answer(http.StatusPreconditionFailed, "text/html", "a proxy's own"))
	if _, err := c.GetPersona(t.Context(), "p_1"); client.IsPreconditionFailed(err) {
		t.Errorf("a proxy's answer: %v", err)
	}
}

// heavy is a server with rows 1 to total, of which each takes a part of the
// largest answer. It notes the limits that it was asked for.
type heavy struct {
	total  int
	fits   func(first, last int) bool // tells whether these rows do into an answer
	limits []int
}

func (h *heavy) RoundTrip(r *http.Request) (*http.Response, error) {
	query := r.URL.Query()
	limit, _ := strconv.Atoi(query.Get("limit"))
	offset, _ := strconv.Atoi(query.Get("offset"))
	if query.Has("cursor") {
		offset, _ = strconv.Atoi(query.Get("cursor")) // 0 for the first page
	}
	h.limits = append(h.limits, limit)
	end := min(offset+limit, h.total)
	if !h.fits(offset+1, end) {
		return (&filled{bytes: client.MaxAnswerBytes + 1, told: true}).RoundTrip(r)
	}
	data := []map[string]any{}
	for i := offset + 1; i <= end; i++ {
		data = append(data, map[string]any{"oId": strconv.Itoa(i), "number": h.total + 1 - i})
	}
	list := map[string]any{"total": h.total, "hasNext": end < h.total, "data": data}
	if query.Has("cursor") {
		list["nextCursor"] = strconv.Itoa(end)
	}
	b, err := json.Marshal(list)
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Request: r, Body: io.NopCloser(bytes.NewReader(b)),
	}, err
}

// A page that is too large is asked for in smaller ones, and no row is lost or
// comes twice.
func TestPagesTooLarge(t *testing.T) {
	t.Parallel()
	personas := func(o client.ListOptions) func(context.Context, *client.Client) ([]string, error) {
		return func(ctx context.Context, c *client.Client) (rows []string, err error) {
			for p, err := range c.Personas(ctx, o) {
				if err != nil {
					return rows, err
				}
				rows = append(rows, p.OID)
			}
			return rows, nil
		}
	}
	revisions := func(ctx context.Context, c *client.Client) (rows []string, err error) {
		for r, err := range c.Revisions(ctx, "p_1") {
			if err != nil {
				return rows, err
			}
			rows = append(rows, r.OID)
		}
		return rows, nil
	}
	for name, read := range map[string]func(context.Context, *client.Client) ([]string, error){
		"ByCursor": personas(client.ListOptions{}), "ByOffset": personas(client.ListOptions{Text: "x"}), "Revisions": revisions,
	} {
		for _, test := range []struct {
			name   string
			fits   func(first, last int) bool
			rows   int
			limits []int
		}{
			{"AllFits", func(int, int) bool { return true }, 110, []int{100, 100}},
			{"ThirtyFit", func(first, last int) bool { return last-first < 30 }, 110, []int{100, 50, 25, 25, 25, 25, 25}},
			// The second page has a large one.
			{"OneIsLarge", func(first, last int) bool { return last < 105 || first > 105 || first == last }, 110, []int{100, 100, 50, 25, 12, 6, 3, 3, 1, 1, 1, 1, 1, 1, 1}},
			{"OneIsTooLarge", func(_, last int) bool { return last < 105 }, 104, []int{100, 100, 50, 25, 12, 6, 3, 3, 1, 1}},
		} {
			t.Run(name+test.name, func(t *testing.T) {
				t.Parallel()
				server := &heavy{total: 110, fits: test.fits}
				c, err := client.New(client.Config{BaseURL: "http://server.example", APIKey: testKey, HTTPClient: &http.Client{Transport: server}})
				if err != nil {
					t.Fatal(err)
				}
				rows, err := read(t.Context(), c)
				want := []string{}
				for i := range test.rows {
					want = append(want, strconv.Itoa(i+1))
				}
				if diff := cmp.Diff(want, rows); diff != "" {
					t.Errorf("rows (-want +got):\n%s", diff)
				}
				if (err == nil) != (test.rows == 110) || err != nil && !errors.Is(err, client.ErrAnswerTooLarge) {
					t.Errorf("the error is %v", err)
				}
				if diff := cmp.Diff(test.limits, server.limits); diff != "" {
					t.Errorf("limits (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// The server refuses a page that is too large for it; smaller ones it gives.
func TestPageTooLarge(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]bool{"page_too_large": true, "invalid_request": false, "": false} {
		err := fmt.Errorf("list: %w", &client.Error{StatusCode: http.StatusBadRequest, Code: code})
		if got := errors.Is(err, client.ErrAnswerTooLarge); got != want {
			t.Errorf("%q is ErrAnswerTooLarge: %v", code, got)
		}
	}
}

// An empty tag would make a change of what nobody has seen.
func TestEmptyIfMatch(t *testing.T) {
	t.Parallel()
	c, got := record(t)
	for _, etag := range []string{"", " "} {
		for name, call := range map[string]func() (*client.Written, error){
			"Update": func() (*client.Written, error) {
				return c.UpdatePersona(t.Context(), "p_1", client.PersonaPatch{}, client.IfMatch(etag))
			},
			"Delete": func() (*client.Written, error) {
				return c.DeletePersona(t.Context(), "p_1", client.IfMatch(etag))
			},
		} {
			_, err := call()
			if err == nil || !strings.Contains(err.Error(), "IfMatch has an empty entity tag, and nothing was sent") {
				t.Errorf("%s: the error is %v", name, err)
			}
		}
	}
	if got.Line != "" {
		t.Errorf("sent: %+v", *got)
	}
}

// TestEmptyIdempotencyKey: a create that is to be made once is not sent without a
// key.
func TestEmptyIdempotencyKey(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"", " \t"} {
		c, err := client.New(client.Config{BaseURL: "http://127.0.0.1:1", APIKey: "psk_x"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.CreatePersona(t.Context(), client.NewPersona{Name: "VP"}, client.IdempotencyKey(key)); err == nil || !strings.Contains(err.Error(), "nothing was sent") {
			t.Errorf("%q: %v", key, err)
		}
	}
}
