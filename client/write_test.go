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
		call func(context.Context, *client.Client) (*client.Answer[apitype.Persona], error)
		want seen
	}{
		{"Create", func(ctx context.Context, c *client.Client) (*client.Answer[apitype.Persona], error) {
			return c.Personas.Create(ctx, apitype.PersonaInput{Name: "VP", LinkingStrategy: &apitype.LinkingStrategy{Mode: "ALL"}}, client.IdempotencyKey("k1"))
		}, seen{
			"POST /api/v2/persona/create", `{"name":"VP","linkingStrategy":{"mode":"ALL"}}`,
			map[string]string{"Content-Type": "application/json", "Idempotency-Key": "k1"},
		}},
		{"UpdateNothing", func(ctx context.Context, c *client.Client) (*client.Answer[apitype.Persona], error) {
			return c.Personas.Update(ctx, "p_1", apitype.PersonaInput{})
		}, seen{"POST /api/v2/persona/update", `{"oId":"p_1"}`, asJSON}},
		{"UpdateAbsentNullAndValue", func(ctx context.Context, c *client.Client) (*client.Answer[apitype.Persona], error) {
			return c.Personas.Update(ctx, "p_1", apitype.PersonaInput{
				InternalName: new(""), PainPoints: []string{},
			}, client.Clear("description", "keyConcerns"), client.IfMatch(`"v1"`), client.QuestionIDs())
		}, seen{
			"POST /api/v2/persona/update?include=questionIds",
			`{"oId":"p_1","description":null,"keyConcerns":null,"internalName":"","painPoints":[]}`,
			map[string]string{"Content-Type": "application/json", "If-Match": `"v1"`},
		}},
		{"ClearOnly", func(ctx context.Context, c *client.Client) (*client.Answer[apitype.Persona], error) {
			return c.Personas.Update(ctx, "p_1", apitype.PersonaInput{}, client.Clear("description"), client.StrictLinks())
		}, seen{"POST /api/v2/persona/update?strictLinks=true", `{"oId":"p_1","description":null}`, asJSON}},
		{"Patch", func(ctx context.Context, c *client.Client) (*client.Answer[apitype.Persona], error) {
			return c.Personas.Patch(ctx, "p_1", map[string]any{"description": nil})
		}, seen{"PATCH /api/v2/persona/update", `{"oId":"p_1","description":null}`, asJSON}},
		{
			"Delete", func(ctx context.Context, c *client.Client) (*client.Answer[apitype.Persona], error) {
				return c.Personas.Delete(ctx, "p 1")
			},
			seen{"DELETE /api/v2/persona/delete?oId=p+1", "", map[string]string{}},
		},
		{"Archive", func(ctx context.Context, c *client.Client) (*client.Answer[apitype.Persona], error) {
			return c.Personas.Archive(ctx, "p_1")
		}, seen{"POST /api/v2/persona/archive", `{"oId":"p_1"}`, asJSON}},
		{"Restore", func(ctx context.Context, c *client.Client) (*client.Answer[apitype.Persona], error) {
			return c.Personas.Restore(ctx, "p_1")
		}, seen{"POST /api/v2/persona/restore", `{"oId":"p_1"}`, asJSON}},
		{"Revert", func(ctx context.Context, c *client.Client) (*client.Answer[apitype.Persona], error) {
			return c.Personas.Revert(ctx, "p_1", "rv_1")
		}, seen{"POST /api/v2/persona/restore", `{"oId":"p_1","revisionOId":"rv_1"}`, asJSON}},
		{"UpdateQuestion", func(ctx context.Context, c *client.Client) (*client.Answer[apitype.Persona], error) {
			return c.Personas.UpdateQuestion(ctx, "p_1", "q_1", apitype.QuestionInput{Weight: "LOW"})
		}, seen{"POST /api/v2/persona/question/update", `{"oId":"p_1","questionOId":"q_1","weight":"LOW"}`, asJSON}},
		{"ArchiveQuestion", func(ctx context.Context, c *client.Client) (*client.Answer[apitype.Persona], error) {
			return c.Personas.ArchiveQuestion(ctx, "p_1", "q_1")
		}, seen{"POST /api/v2/persona/question/archive", `{"oId":"p_1","questionOId":"q_1"}`, asJSON}},
		{"RestoreQuestion", func(ctx context.Context, c *client.Client) (*client.Answer[apitype.Persona], error) {
			return c.Personas.RestoreQuestion(ctx, "p_1", "q_1")
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
			if written.Entity.OID != "p_1234" || written.ETag != `"v2"` || written.Replayed {
				t.Errorf("written: %+v", written)
			}
		})
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
		list := apitype.List[apitype.Persona]{Total: total, Data: []apitype.Persona{}}
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

func TestAll(t *testing.T) {
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
			personas := pages(t, test.total, &queries).Personas.All(t.Context(), test.list)
			for range 2 { // a second iteration starts over
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
		for _, err := range pages(t, 5, &queries).Personas.All(t.Context(), client.ListOptions{Limit: 2}) {
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
		for _, err := range c.Personas.All(t.Context(), client.ListOptions{Limit: 1001}) {
			if count++; err == nil {
				t.Error("no error")
			}
		}
		if count != 1 {
			t.Errorf("%d iterations, want 1", count)
		}
	})
	// A server without cursors must not be asked for ever.
	t.Run("NoCursor", func(t *testing.T) {
		t.Parallel()
		c := setup(t, answer(http.StatusOK, "application/json", `{"hasNext":true,"total":9,"data":[{"oId":"p_1"}]}`))
		var last error
		count := 0
		for _, err := range c.Personas.All(t.Context(), client.ListOptions{}) {
			count, last = count+1, err
		}
		if count != 2 || last == nil || !strings.Contains(last.Error(), "no cursor") {
			t.Errorf("%d iterations, and the error %v", count, last)
		}
	})
}

// TestRevisionsWhileOthersWrite shows that a change that is made while the history
// is read repeats no revision.
func TestRevisionsWhileOthersWrite(t *testing.T) {
	t.Parallel()
	requests := 0
	c := setup(t, func(w http.ResponseWriter, r *http.Request) {
		requests++
		if q := r.URL.Query(); q.Get("entityTypes") != "persona" || q.Get("entityOIds") != "p_1" || q.Get("includeRestored") != "true" {
			t.Errorf("the query is %s", r.URL.RawQuery)
		}
		offset, _ := strconv.Atoi(r.URL.Query().Get("offset"))
		page := apitype.RevisionPage{Total: 150 + requests, Limit: 100, Offset: offset} // one more each time
		for i := offset; i < min(offset+100, page.Total); i++ {
			page.Revisions = append(page.Revisions, apitype.Revision{RevisionOID: strconv.Itoa(page.Total - i)})
		}
		b, err := json.Marshal(map[string]any{"data": page})
		if err != nil {
			t.Error(err)
		}
		answer(http.StatusOK, "application/json", string(b))(w, r)
	})
	want := 151
	for r, err := range c.Personas.Revisions(t.Context(), "p_1") {
		if err != nil {
			t.Fatal(err)
		}
		if r.RevisionOID != strconv.Itoa(want) {
			t.Fatalf("revision %s, want %d", r.RevisionOID, want)
		}
		want--
	}
	if want != 0 || requests != 2 {
		t.Errorf("%d revisions are missing after %d requests", want, requests)
	}
}

func TestGetRevision(t *testing.T) {
	t.Parallel()
	c := setup(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RequestURI() != "/api/v2/revision/get?revisionOId=rv_1" {
			t.Errorf("the request was for %s", r.URL)
		}
		answer(http.StatusOK, "application/json", `{"data":{"revisionOId":"rv_1","action":"updated","fields":["name"],
			"newEntity":{"oId":"p_1","name":"B"},"oldEntity":{"oId":"p_1","name":"A"},
			"diff":{"added":{},"removed":{},"changed":{"name":{"before":"A","after":"B"}}}}}`)(w, r)
	})
	r, err := c.GetRevision(t.Context(), "rv_1")
	if err != nil || r.RevisionOID != "rv_1" || r.Action != "updated" || string(r.NewEntity) != `{"oId":"p_1","name":"B"}` ||
		string(r.Diff.Changed["name"].After) != `"B"` {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestIsPreconditionFailed(t *testing.T) {
	t.Parallel()
	c := setup(t, answer(http.StatusPreconditionFailed, "application/json", refusal("persona_changed", "Read it again.")))
	_, err := c.Personas.Update(t.Context(), "p_1", apitype.PersonaInput{Name: "VP"}, client.IfMatch(`"v1"`))
	if !client.IsPreconditionFailed(err) || !client.IsPreconditionFailed(fmt.Errorf("wrapped: %w", err)) || client.IsNotFound(err) {
		t.Errorf("the error is %v", err)
	}
	c = setup(t, answer(http.StatusPreconditionFailed, "text/html", "a proxy's own"))
	if _, err := c.Personas.Get(t.Context(), "p_1"); client.IsPreconditionFailed(err) {
		t.Errorf("a proxy's answer: %v", err)
	}
}

// heavy is a server with rows 1 to total, some of which do not fit into one
// answer. It records the limits that it was asked for.
type heavy struct {
	total  int
	fits   func(first, last int) bool // tells whether these rows fit into one answer
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
		data = append(data, map[string]any{"oId": strconv.Itoa(i)})
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

// TestPagesTooLarge shows that a page that is too large is read in smaller ones,
// without a row lost or repeated.
func TestPagesTooLarge(t *testing.T) {
	t.Parallel()
	personas := func(o client.ListOptions) func(context.Context, *client.Client) ([]string, error) {
		return func(ctx context.Context, c *client.Client) (rows []string, err error) {
			for p, err := range c.Personas.All(ctx, o) {
				if err != nil {
					return rows, err
				}
				rows = append(rows, p.OID)
			}
			return rows, nil
		}
	}
	for name, read := range map[string]func(context.Context, *client.Client) ([]string, error){
		"ByCursor": personas(client.ListOptions{}), "ByOffset": personas(client.ListOptions{Text: "x"}),
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

func TestPageTooLarge(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]bool{"page_too_large": true, "invalid_request": false, "": false} {
		err := fmt.Errorf("list: %w", &client.Error{StatusCode: http.StatusBadRequest, Code: code})
		if got := errors.Is(err, client.ErrAnswerTooLarge); got != want {
			t.Errorf("%q is ErrAnswerTooLarge: %v", code, got)
		}
	}
}

// TestEmptyIfMatch shows that no change is sent with an empty tag.
func TestEmptyIfMatch(t *testing.T) {
	t.Parallel()
	c, got := record(t)
	for _, etag := range []string{"", " "} {
		for name, call := range map[string]func() (*client.Answer[apitype.Persona], error){
			"Update": func() (*client.Answer[apitype.Persona], error) {
				return c.Personas.Update(t.Context(), "p_1", apitype.PersonaInput{}, client.IfMatch(etag))
			},
			"Delete": func() (*client.Answer[apitype.Persona], error) {
				return c.Personas.Delete(t.Context(), "p_1", client.IfMatch(etag))
			},
		} {
			_, err := call()
			if err == nil || !strings.Contains(err.Error(), "IfMatch has an empty entity tag; nothing was sent") {
				t.Errorf("%s: the error is %v", name, err)
			}
		}
	}
	if got.Line != "" {
		t.Errorf("sent: %+v", *got)
	}
}

// TestEmptyIdempotencyKey shows that a create with an empty key is not sent.
func TestEmptyIdempotencyKey(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"", " \t"} {
		c, err := client.New(client.Config{BaseURL: "http://127.0.0.1:1", APIKey: "psk_x"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Personas.Create(t.Context(), apitype.PersonaInput{Name: "VP"}, client.IdempotencyKey(key)); err == nil || !strings.Contains(err.Error(), "nothing was sent") {
			t.Errorf("%q: %v", key, err)
		}
	}
}
