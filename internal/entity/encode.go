package entity

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"personae.dev/internal/account"
)

// appendString appends a text in canonical form. All texts that are kept or
// answered are written by it, so that equal texts have equal bytes.
func appendString(b []byte, s string) []byte {
	// Damaged UTF-8 is replaced; the error says no more than that.
	b, _ = jsontext.AppendQuote(b, s)
	return b
}

func appendStrings(b []byte, list []string) []byte {
	b = append(b, '[')
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, s)
	}
	return append(b, ']')
}

// namedList is a list of texts under a name: a custom field, or a key of an
// object of lists.
type namedList struct {
	name  string
	items []string
}

// appendCustom appends custom fields.
func appendCustom(b []byte, fields []namedList) []byte {
	b = append(b, '[')
	for i, c := range fields {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(append(b, `{"title":`...), c.name)
		b = append(appendStrings(append(b, `,"value":`...), c.items), '}')
	}
	return append(b, ']')
}

// appendLists appends an object of lists: the keys of f first, also empty ones,
// then the others that are not empty.
func appendLists(b []byte, f *Field, lists []namedList) []byte {
	byName := map[string][]string{}
	for _, l := range lists {
		byName[l.name] = l.items
	}
	b = append(b, '{')
	add := func(name string, items []string) {
		if b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		b = appendStrings(append(appendString(b, name), ':'), items)
	}
	for _, key := range f.Keys {
		add(key, byName[key])
		delete(byName, key)
	}
	for _, l := range lists {
		if _, other := byName[l.name]; other && len(l.items) > 0 {
			add(l.name, l.items)
		}
	}
	return append(b, '}')
}

// timeLayout is how dates are written: UTC, always with milliseconds and Z.
const timeLayout = "2006-01-02T15:04:05.000Z"

func appendTime(b []byte, t time.Time) []byte {
	b = append(b, '"')
	b = t.UTC().AppendFormat(b, timeLayout)
	return append(b, '"')
}

func appendOptionalTime(b []byte, t *time.Time) []byte {
	if t == nil {
		return append(b, "null"...)
	}
	return appendTime(b, *t)
}

// parseTime reads an RFC 3339 date, and cuts it to the millisecond.
func parseTime(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, s)
	return t.UTC().Truncate(time.Millisecond), err
}

// appendKey begins a member of the object that b ends with.
func appendKey(b []byte, key string) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	return append(appendString(b, key), ':')
}

// appendDocument appends e as it is answered, without _metadata and what is
// joined. Qualifying questions have their ids where they are asked for.
func (k *Kind) appendDocument(b []byte, e *Entity, questionIDs bool) []byte {
	b = append(b, '{')
	for _, key := range k.AnswerKeys() {
		b = appendKey(b, key)
		switch key {
		case keyOID:
			b = appendString(b, e.OID)
		case keyCreatedAt:
			b = appendTime(b, e.CreatedAt)
		case keyUpdatedAt:
			b = appendTime(b, e.UpdatedAt)
		case keyArchivedAt:
			b = appendOptionalTime(b, e.ArchivedAt)
		case keyDeletedAt:
			b = appendOptionalTime(b, e.DeletedAt)
		case keyData:
			b = k.appendData(b, e)
		default:
			f := k.Field(key)
			value := e.Fields[f.Name]
			switch {
			case value == nil:
				b = append(b, f.Empty()...)
			case f.Type == TypeQuestions && !questionIDs:
				b = appendQuestions(b, questionsOf(value), false)
			default:
				b = append(b, value...)
			}
		}
	}
	return append(b, '}')
}

func (k *Kind) appendData(b []byte, e *Entity) []byte {
	b = append(b, '{')
	for i := range k.Fields {
		f := &k.Fields[i]
		value := e.Fields[f.Name]
		if f.In != InData && f.In != InBoth || f.Old && value == nil {
			continue
		}
		b = appendKey(b, f.DataKey())
		if value == nil {
			value = f.EmptyInData()
		}
		b = append(b, value...)
	}
	return append(b, '}')
}

// appendHidden appends what answers do not show.
func (k *Kind) appendHidden(b []byte, e *Entity) []byte {
	b = append(b, '{')
	for i := range k.Fields {
		f := &k.Fields[i]
		if value := e.Fields[f.Name]; f.In == Hidden && value != nil {
			b = append(appendKey(b, f.Name), value...)
		}
	}
	if questions := k.questions(e); len(questions) > 0 {
		oIDs := make([]string, len(questions))
		for i, q := range questions {
			oIDs[i] = q.OID
		}
		b = appendStrings(appendKey(b, keyQuestionOIDs), oIDs)
	}
	return append(b, '}')
}

// AppendAnswer appends a stored document with what is joined when it is served:
// the documents of Kind.Joins (nil where there is none), the author, and the
// workspace.
func (k *Kind) AppendAnswer(b, document []byte, joined [][]byte, author account.Author, workspace string) []byte {
	b = append(b, document[:len(document)-1]...)
	for i, join := range k.Joins {
		b = appendKey(b, join.As)
		if i < len(joined) && joined[i] != nil {
			b = append(b, joined[i]...)
		} else {
			b = append(b, "null"...)
		}
	}
	b = appendString(append(b, `,"user":{"oId":`...), author.OID)
	b = appendString(append(b, `,"firstName":`...), author.FirstName)
	b = appendString(append(b, `,"lastName":`...), author.LastName)
	b = appendString(append(b, `},"workspace":{"oId":`...), workspace)
	return append(b, "}}"...)
}
