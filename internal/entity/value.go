package entity

import (
	"fmt"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// value returns the canonical value of a field, nil where it is unset, and notes
// what is wrong with its form. Limits are the validator's to check.
func (d *decoder) value(f *Field, n *node, path string) jsontext.Value {
	if n.kind == 'n' {
		return nil
	}
	switch f.Type {
	case TypeText, TypeEnum, TypeLink:
		return d.textValue(f, n, path)
	case TypeTexts, TypeLinks:
		return canonicalTexts(d.texts(path, n))
	case TypeTextOrTexts:
		return d.textOrTexts(n, path)
	case TypeBool:
		if n.kind != 't' && n.kind != 'f' {
			d.wrong(path, n, "true or false")
			return nil
		}
		return n.appendJSON(nil)
	case TypeCustom:
		return d.custom(n, path)
	case TypeLists:
		return d.lists(f, n, path)
	case TypeQuestions:
		return d.questions(n, path)
	case TypeStrategy:
		return d.strategy(n, path)
	case TypeRaw:
		return d.raw(f, n, path)
	}
	panic(fmt.Sprintf("entity: field %s has the unknown type %d", f.Name, f.Type))
}

// textValue reads a text. An empty one is a value only where null says that
// there is none.
func (d *decoder) textValue(f *Field, n *node, path string) jsontext.Value {
	if n.kind != '"' {
		wanted := "a text"
		if f.Null {
			wanted = "a text or null"
		}
		d.wrong(path, n, wanted)
		return nil
	}
	if n.text == "" && (!f.Null || f.Old || f.Type != TypeText) {
		return nil
	}
	return appendString(nil, n.text)
}

func canonicalTexts(items []string) jsontext.Value {
	if len(items) == 0 {
		return nil
	}
	return appendStrings(nil, items)
}

func (d *decoder) textOrTexts(n *node, path string) jsontext.Value {
	switch {
	case n.kind == '"' && n.text == "":
		return nil
	case n.kind == '"':
		return appendStrings(nil, []string{n.text})
	case n.kind == '[':
		return canonicalTexts(d.texts(path, n))
	}
	d.wrong(path, n, "a text or a list of texts")
	return nil
}

func (d *decoder) custom(n *node, path string) jsontext.Value {
	items := d.list(n, path)
	if len(items) == 0 {
		return nil
	}
	fields := make([]namedList, len(items))
	for i, item := range items {
		d.item(item, fmt.Sprintf("%s[%d]", path, i), func(name, path string, value *node) bool {
			switch name {
			case "title":
				fields[i].name, _ = d.text(path, value)
			case "value":
				fields[i].items = d.texts(path, value)
			default:
				return false
			}
			return true
		})
	}
	return appendCustom(nil, fields)
}

// list returns the items of an array.
func (d *decoder) list(n *node, path string) []*node {
	if n.kind != '[' {
		d.wrong(path, n, "a list")
	}
	return n.items
}

// item reads an object in a list.
func (d *decoder) item(n *node, path string, member func(name, path string, value *node) bool) {
	if n.kind != '{' {
		d.wrong(path, n, "an object")
		return
	}
	d.members(n, path, member)
}

func (d *decoder) lists(f *Field, n *node, path string) jsontext.Value {
	var lists []namedList
	isSet := false
	d.item(n, path, func(name, path string, value *node) bool {
		if !f.Free && !slices.Contains(f.Keys, name) {
			return false
		}
		l := namedList{name: name, items: d.texts(path, value)}
		isSet = isSet || len(l.items) > 0
		lists = append(lists, l)
		return true
	})
	if !isSet {
		return nil
	}
	return appendLists(nil, f, lists)
}

func (d *decoder) questions(n *node, path string) jsontext.Value {
	items := d.list(n, path)
	if len(items) == 0 {
		return nil
	}
	questions := make([]Question, len(items))
	for i, item := range items {
		q := &questions[i]
		d.item(item, fmt.Sprintf("%s[%d]", path, i), func(name, path string, value *node) bool {
			switch name {
			case keyOID:
				q.OID, _ = d.text(path, value)
			case keyQuestion:
				q.Question, _ = d.text(path, value)
			case keyRationale:
				q.Rationale, _ = d.text(path, value)
			case keyFitType:
				q.FitType, _ = d.text(path, value)
			case keyWeight:
				q.Weight, _ = d.text(path, value)
			case keyArchivedAt:
				q.ArchivedAt = d.optionalDate(path, value)
			default:
				return false
			}
			return true
		})
	}
	return appendQuestions(nil, questions, true)
}

// strategy reads {mode, offeringOIds}. A mode that is missing is an error of
// form: {} does not say what is meant.
func (d *decoder) strategy(n *node, path string) jsontext.Value {
	before := len(d.Fields())
	s := d.strategyMembers(n, path)
	if s.mode == "" && n.kind == '{' && len(d.Fields()) == before {
		d.Add(path+"."+keyMode, "is missing: use %s or %s, or null instead of the object for no offerings", ModeAll, ModeSpecific)
	}
	return s.canonical()
}

func (d *decoder) strategyMembers(n *node, path string) (s strategy) {
	if n.kind != '{' {
		d.wrong(path, n, "an object or null")
		return s
	}
	d.members(n, path, func(name, path string, value *node) bool {
		switch name {
		case keyMode:
			if value.kind == '"' && value.text == "" {
				d.Add(path, "is empty: use %s or %s", ModeAll, ModeSpecific)
			}
			s.mode, _ = d.text(path, value)
		case keyOfferingOIDs:
			s.oIDs = d.texts(path, value)
		default:
			return false
		}
		return true
	})
	return s
}

func (d *decoder) raw(f *Field, n *node, path string) jsontext.Value {
	if n.tooDeep {
		d.Add(path, "is nested deeper than %d levels", MaxDepth)
		return nil
	}
	d.duplicates(n, path)
	if f.Old && n.isEmpty() {
		return nil
	}
	return n.appendJSON(nil)
}

// duplicates notes names that occur twice, at any depth.
func (d *decoder) duplicates(n *node, path string) {
	d.members(n, path, func(_, path string, value *node) bool {
		d.duplicates(value, path)
		return true
	})
	for i, item := range n.items {
		d.duplicates(item, fmt.Sprintf("%s[%d]", path, i))
	}
}

// mergeable tells whether a merge patch changes parts of the field's value.
func (f *Field) mergeable() bool {
	return f.Type == TypeLists || f.Type == TypeStrategy || f.Type == TypeRaw
}

// mergePatch returns a merge patch for a field: the members that it knows, whose
// form is checked.
func (d *decoder) mergePatch(f *Field, n *node, path string) jsontext.Value {
	switch f.Type {
	case TypeRaw:
		return d.raw(&Field{Name: f.Name, Type: TypeRaw}, n, path)
	case TypeStrategy:
		d.strategyMembers(n, path)
		return known(n, keyMode, keyOfferingOIDs).appendJSON(nil)
	}
	patch := &node{kind: '{'}
	d.members(n, path, func(name, path string, value *node) bool {
		if !f.Free && !slices.Contains(f.Keys, name) {
			return false
		}
		if d.mode.N8n && value.isEmpty() {
			return true
		}
		d.texts(path, value)
		patch.members = append(patch.members, member{name: name, value: value})
		return true
	})
	return patch.appendJSON(nil)
}

// known returns an object with those members that are named.
func known(n *node, names ...string) *node {
	part := &node{kind: '{'}
	for _, m := range n.members {
		if slices.Contains(names, m.name) && !m.again {
			part.members = append(part.members, m)
		}
	}
	return part
}
