package library

import (
	"strings"
	"testing"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
)

func TestRender(t *testing.T) {
	t.Parallel()
	k := &entity.Kind{Name: "thing", Joins: []entity.Join{{Field: "productOId", As: "product"}}}
	row := &entity.Row{
		Ref: entity.Ref{Workspace: "wa_1"}, Author: account.Author{OID: "u_1", FirstName: "Jo \"J\"", LastName: ""},
		Document: []byte(`{"oId":"x"}`), Joined: [][]byte{[]byte(`{"oId":"px"}`)},
	}
	const user = `,"user":{"oId":"u_1","firstName":"Jo \"J\"","lastName":""},"workspace":{"oId":"wa_1"}`
	plain := render(k, row, nil)
	if got, want := string(plain.Body), `{"oId":"x","product":{"oId":"px"}`+user+`}`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got, want := string(render(k, row, []byte(`,"links":{}`)).Body), `{"oId":"x","product":{"oId":"px"}`+user+`,"links":{}}`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if string(row.Document) != `{"oId":"x"}` {
		t.Errorf("the row's document became %s", row.Document)
	}
	t.Run("the ETag covers what is joined, and If-Match does not", func(t *testing.T) {
		t.Parallel()
		renamed := *row
		renamed.Author.LastName = "Doe"
		other := render(k, &renamed, nil)
		if other.ETag == plain.ETag {
			t.Error("a renamed author does not change the ETag")
		}
		if !matches(plain.ETag, renamed.Tag) {
			t.Error("a renamed author fails If-Match")
		}
	})
	t.Run("an absent target is null", func(t *testing.T) {
		t.Parallel()
		alone := *row
		alone.Joined = [][]byte{nil}
		if got, want := string(render(k, &alone, nil).Body), `{"oId":"x","product":null`+user+`}`; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

func TestMatches(t *testing.T) {
	t.Parallel()
	tag, other := entity.TagOf([]byte("{}"), nil), entity.TagOf([]byte("{ }"), nil)
	its, others := etag(tag, nil), etag(other, nil)
	for header, want := range map[string]bool{
		"": true, "*": true, " * ": true, its: true, others: false,
		others + ", " + its: true, others + ",*": false,
		"W/" + its: false, strings.Trim(its, `"`): false, its[:len(its)-1]: false,
		`"` + version(tag) + `"`: true, `"` + version(tag) + `.00000000"`: true, `""`: false, ",": false,
	} {
		if got := matches(header, tag); got != want {
			t.Errorf("matches(%s) = %v", header, got)
		}
	}
}

func TestSlim(t *testing.T) {
	t.Parallel()
	for document, want := range map[string]string{
		`{"oId":"x","name":"n","internalName":null,"description":"d","createdAt":"c","updatedAt":"u","data":{"name":"no"}}`: `{"oId":"x","name":"n","internalName":null,"description":"d","updatedAt":"u"}`,
		`{"updatedAt":"u","data":{"oId":"no"},"oId":"x"}`:                                                                   `{"oId":"x","updatedAt":"u"}`,
		`{}`: `{}`,
	} {
		if got := string(slim([]byte(document))); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
