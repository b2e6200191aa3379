package entity_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/entity/entitytest"
	"personae.dev/internal/kind"
)

// kinds returns all kinds, and those for tests.
func kinds() []*entity.Kind {
	return append(slices.Clone(kind.Registry().Kinds()), entitytest.Kind(), entitytest.Singleton())
}

func registry() *entity.Registry { return entity.NewRegistry(kinds()...) }

// eachKind runs a property for the kinds for tests, and for kinds of the library.
func eachKind(t *testing.T, property func(t *rapid.T, k *entity.Kind)) {
	t.Helper()
	for name, kinds := range map[string][]*entity.Kind{
		"Sample": {entitytest.Kind()}, "Single": {entitytest.Singleton()}, "Library": kind.Registry().Kinds(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) { property(t, rapid.SampledFrom(kinds).Draw(t, "kind")) })
		})
	}
}

func noErrors(t *rapid.T, fields any, errors int) {
	t.Helper()
	if errors > 0 {
		t.Fatalf("errors: %v", fields)
	}
}

func TestStoredEntityIsLoadedAsItWas(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *rapid.T, k *entity.Kind) {
		e := entitytest.Entity(k).Draw(t, "entity")
		stored := k.Store("wa_1", e)
		got, err := k.Load(&stored.Row)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(e, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("loaded (-want +got):\n%s\n%s", diff, stored.Document)
		}
		if again := k.Store("wa_1", got); !cmp.Equal(stored, again) {
			t.Fatalf("stored again:\n%s", cmp.Diff(stored, again))
		}
		revision := &entity.Revision{Ref: stored.Ref, Shape: stored.Shape, Document: stored.Document, Hidden: stored.Hidden}
		got, err = k.LoadRevision(revision)
		if err != nil || !k.Equal(e, got) || got.Author != (account.Author{}) || !got.UpdatedAt.Equal(e.UpdatedAt) {
			t.Fatalf("revision: %v %v", got, err)
		}
		// A lower shape is read leniently, and nothing gets lost where the table is
		// the same.
		newer := *k
		newer.Shape++
		got, err = newer.Load(&stored.Row)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(e, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("read as a lower shape (-want +got):\n%s\n%s", diff, stored.Document)
		}
	})
}

func TestDocumentIsJSON(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *rapid.T, k *entity.Kind) {
		stored := k.Store("wa_1", entitytest.Entity(k).Draw(t, "entity"))
		for _, text := range [][]byte{stored.Document, stored.Hidden} {
			var compact bytes.Buffer
			if err := json.Compact(&compact, text); err != nil || !bytes.Equal(compact.Bytes(), text) || !utf8.Valid(text) {
				t.Fatalf("%v: %s", err, text)
			}
		}
		decoder := json.NewDecoder(bytes.NewReader(stored.Document))
		var keys []string
		depth := 0
		for isKey := false; ; {
			token, err := decoder.Token()
			if err != nil {
				break
			}
			switch {
			case token == json.Delim('{') || token == json.Delim('['):
				depth++
				isKey = depth == 1
				continue
			case token == json.Delim('}') || token == json.Delim(']'):
				depth--
			case depth == 1 && isKey:
				keys = append(keys, token.(string))
				isKey = false
				continue
			}
			isKey = depth == 1
		}
		if diff := cmp.Diff(k.AnswerKeys(), keys); diff != "" {
			t.Fatalf("keys (-want +got):\n%s\n%s", diff, stored.Document)
		}
	})
}

// TestAnswerSentBackChangesNothing edits nothing in the answer of a get, and
// sends it as an update: flat beside data, as a merge patch, from n8n, and in the
// wrapped form of a create's answer.
func TestAnswerSentBackChangesNothing(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *rapid.T, k *entity.Kind) {
		e := entitytest.Entity(k).Draw(t, "entity")
		stored := k.Store("wa_1", e)
		answer := k.AppendAnswer([]byte{}, stored.Document, nil, e.Author, "wa_1")
		wrapped := append(append([]byte(`{"_metadata":{"usage":0},"data":`), answer...), '}')
		var whole map[string]json.RawMessage
		if err := json.Unmarshal(answer, &whole); err != nil {
			t.Fatal(err)
		}
		dataAlone := append(append([]byte(`{"data":`), whole["data"]...), '}')
		for _, body := range [][]byte{answer, wrapped, dataAlone} {
			for _, mode := range []entity.Mode{{}, {Merge: true}, {N8n: true}} {
				p, errors := k.Decode(body, mode)
				noErrors(t, errors, len(errors))
				if len(p.Unknown) > 0 {
					t.Fatalf("unknown %v in %s", p.Unknown, body)
				}
				after, errors := k.Apply(e, p)
				noErrors(t, errors, len(errors))
				if !k.Equal(e, after) {
					t.Fatalf("mode %+v: changed %v\n%s", mode, k.Changed(e, after), body)
				}
				if !bytes.Equal(body, dataAlone) && p.OID != e.OID {
					t.Fatalf("oId %q, want %q", p.OID, e.OID)
				}
			}
		}
	})
}

func TestRecordIsReadAsItWas(t *testing.T) {
	t.Parallel()
	all := registry()
	eachKind(t, func(t *rapid.T, k *entity.Kind) {
		e := entitytest.Entity(k).Draw(t, "entity")
		line := k.AppendRecord(nil, e)
		if bytes.ContainsAny(line, "\n\r") {
			t.Fatalf("line end in %q", line)
		}
		records, errors := all.DecodeRecords(line, all.Kinds()[0], false)
		noErrors(t, errors, len(errors))
		want := *e
		want.Author = account.Author{}
		if diff := cmp.Diff(&want, records[0].Entity, cmpopts.EquateEmpty()); diff != "" || records[0].Kind.Name != k.Name {
			t.Fatalf("kind %s (-want +got):\n%s\n%s", records[0].Kind.Name, diff, line)
		}
		if again := k.AppendRecord(nil, records[0].Entity); !bytes.Equal(line, again) {
			t.Fatalf("record\n%s\nwant\n%s", again, line)
		}
		// A get answer and a list answer have all but what is hidden.
		stored := k.Store("wa_1", e)
		answer := k.AppendAnswer([]byte{}, stored.Document, nil, e.Author, "wa_1")
		list := slices.Concat([]byte(`{"_metadata":{"usage":0},"hasNext":false,"total":2,"data":[`), answer, []byte(","), answer, []byte("]}"))
		for _, body := range [][]byte{answer, list} {
			records, errors := all.DecodeRecords(body, k, false)
			for _, e := range errors {
				if f := hiddenRequired(k); f == "" || !bytes.HasSuffix([]byte(e.Path), []byte(f)) {
					t.Fatalf("errors %v: %s", errors, body)
				}
			}
			for _, r := range records {
				for _, name := range k.Changed(e, r.Entity) {
					if f := k.Field(name); f.In != entity.Hidden && f.Type != entity.TypeQuestions {
						t.Fatalf("changed %s: %s", name, body)
					}
				}
				if r.Entity.OID != e.OID || !r.Entity.CreatedAt.Equal(e.CreatedAt) {
					t.Fatalf("head %+v", r.Entity)
				}
			}
		}
	})
}

// hiddenRequired is a field that must be given, and that answers do not show.
func hiddenRequired(k *entity.Kind) string {
	for i := range k.Fields {
		if f := &k.Fields[i]; f.Required && f.In == entity.Hidden {
			return f.Name
		}
	}
	return ""
}

func TestCreatedEntityIsValid(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *rapid.T, k *entity.Kind) {
		body := entitytest.Body(k).Draw(t, "body")
		p, errors := k.Decode(body, entity.Mode{Create: true})
		noErrors(t, errors, len(errors))
		e, errors := k.Apply(nil, p)
		noErrors(t, errors, len(errors))
		e.OID, e.CreatedAt, e.UpdatedAt = "x", account.Now(), account.Now()
		if errors := k.Validate(e); len(errors) > 0 {
			t.Fatalf("errors %v of %s", errors, body)
		}
		for _, q := range e.Questions() {
			if q.OID == "" {
				t.Fatalf("a question has no id: %s", body)
			}
		}
		// The same again changes nothing.
		p, errors = k.Decode(body, entity.Mode{})
		noErrors(t, errors, len(errors))
		again, errors := k.Apply(e, p)
		noErrors(t, errors, len(errors))
		if !k.Equal(e, again) {
			t.Fatalf("changed %v by %s", k.Changed(e, again), body)
		}
	})
}

func TestUpdateOfRandomEntity(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *rapid.T, k *entity.Kind) {
		before := entitytest.Entity(k).Draw(t, "entity")
		document := k.Store("w", before).Document
		body := entitytest.Body(k).Draw(t, "body")
		for _, mode := range []entity.Mode{{}, {Merge: true}, {N8n: true}} {
			p, errors := k.Decode(body, mode)
			noErrors(t, errors, len(errors))
			after, errors := k.Apply(before, p)
			if mode.Merge && len(errors) > 0 && strings.Contains(errors[0].Path, "linkingStrategy") {
				continue // mode and offerings that do not go together
			}
			noErrors(t, errors, len(errors))
			diff := k.Diff(before, after)
			for _, name := range k.Changed(before, after) {
				_, given := p.Given[name]
				_, nested := p.Nested[name]
				_, merged := p.Merge[name]
				_, added := diff.Added[name]
				_, removed := diff.Removed[name]
				_, changed := diff.Changed[name]
				if !given && !nested && !merged || !added && !removed && !changed {
					t.Fatalf("%s changed: %+v, %+v", name, p, diff)
				}
			}
			if !bytes.Equal(document, k.Store("w", before).Document) {
				t.Fatal("Apply changed the entity before")
			}
			if diff := k.Diff(after, after); len(diff.Added)+len(diff.Removed)+len(diff.Changed) > 0 {
				t.Fatalf("diff to itself: %+v", diff)
			}
		}
	})
}
