package entity

import (
	"bytes"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Equal tells whether a and b have the same fields, and are archived and deleted
// at the same times.
func (k *Kind) Equal(a, b *Entity) bool {
	for i := range k.Fields {
		if name := k.Fields[i].Name; !bytes.Equal(a.Fields[name], b.Fields[name]) {
			return false
		}
	}
	return equalTime(a.ArchivedAt, b.ArchivedAt) && equalTime(a.DeletedAt, b.DeletedAt)
}

func equalTime(a, b *time.Time) bool {
	return a == b || a != nil && b != nil && a.Equal(*b)
}

// Changed returns the names of the fields in which a and b differ, in table
// order; archivedAt and deletedAt count as fields.
func (k *Kind) Changed(a, b *Entity) []string {
	var names []string
	k.eachValue(a, b, func(name string, before, after jsontext.Value) {
		if !bytes.Equal(before, after) {
			names = append(names, name)
		}
	})
	return names
}

// Diff is how two versions of an entity differ: values by the field's name.
type Diff struct {
	Added, Removed map[string]jsontext.Value
	Changed        map[string]Change
}

// Change is the value of a field before and after.
type Change struct{ Before, After jsontext.Value }

// Diff returns what changed from before to after; nil stands for an entity
// without fields.
func (k *Kind) Diff(before, after *Entity) Diff {
	d := Diff{Added: map[string]jsontext.Value{}, Removed: map[string]jsontext.Value{}, Changed: map[string]Change{}}
	k.eachValue(before, after, func(name string, was, is jsontext.Value) {
		switch {
		case bytes.Equal(was, is):
		case was == nil:
			d.Added[name] = is
		case is == nil:
			d.Removed[name] = was
		default:
			d.Changed[name] = Change{Before: was, After: is}
		}
	})
	return d
}

// eachValue calls yield with the values of each field, in table order, and with
// archivedAt and deletedAt; nil is no value.
func (k *Kind) eachValue(a, b *Entity, yield func(name string, a, b jsontext.Value)) {
	if a == nil {
		a = &Entity{}
	}
	if b == nil {
		b = &Entity{}
	}
	for i := range k.Fields {
		name := k.Fields[i].Name
		yield(name, a.Fields[name], b.Fields[name])
	}
	yield(keyArchivedAt, timeValue(a.ArchivedAt), timeValue(b.ArchivedAt))
	yield(keyDeletedAt, timeValue(a.DeletedAt), timeValue(b.DeletedAt))
}

func timeValue(t *time.Time) jsontext.Value {
	if t == nil {
		return nil
	}
	return appendTime(nil, *t)
}

// Text returns the value of a text, an enum or the id of a link, "" where it is
// not set.
func (e *Entity) Text(field string) string {
	value := e.Fields[field]
	if len(value) == 0 || value[0] != '"' {
		return ""
	}
	text, err := jsontext.AppendUnquote(nil, value)
	if err != nil {
		return ""
	}
	return string(text)
}

// Texts returns the value of a list of texts or links.
func (e *Entity) Texts(field string) []string {
	value := e.Fields[field]
	if len(value) == 0 || value[0] != '[' {
		return nil
	}
	n, _ := parse(value)
	if n == nil {
		return nil
	}
	return n.texts()
}

// Bool returns the value of a field that is true or false, false where it is not
// set.
func (e *Entity) Bool(field string) bool { return string(e.Fields[field]) == "true" }
