package entity

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"personae.dev/internal/account"
	"personae.dev/internal/errs"
)

// Validate returns every error of e, none for an entity that can be kept.
func (k *Kind) Validate(e *Entity) []errs.Field {
	var v validator
	v.id(keyOID, e.OID)
	k.validateFields(&v, e, nil)
	v.date(keyCreatedAt, &e.CreatedAt)
	v.date(keyUpdatedAt, &e.UpdatedAt)
	v.date(keyArchivedAt, e.ArchivedAt)
	v.date(keyDeletedAt, e.DeletedAt)
	return v.Fields()
}

// validateFields checks the fields; paths has those that are not their names.
func (k *Kind) validateFields(v *validator, e *Entity, paths map[string]string) {
	for i := range k.Fields {
		f := &k.Fields[i]
		v.field(f, e.Fields[f.Name], cmp.Or(paths[f.Name], f.Name))
	}
	if v.bytes > MaxTextBytes {
		v.Add(k.Fields[0].Name, "the %s has %d bytes of text in all its fields together; the limit is %d: shorten or divide it", k.Title, v.bytes, MaxTextBytes)
	}
}

// checkGiven checks the values of a patch that hold for whatever entity.
func (k *Kind) checkGiven(p *Patch) []errs.Field {
	var v validator
	for i := range k.Fields {
		f := &k.Fields[i]
		path := cmp.Or(p.paths[f.Name], f.Name)
		if value, given := p.Given[f.Name]; given {
			v.field(f, value, path)
		} else if value, given := p.Nested[f.Name]; given {
			v.field(f, value, path)
		}
		if patch := p.Merge[f.Name]; patch != nil {
			v.mergePatch(f, patch, path)
		}
	}
	return v.Fields()
}

// mergePatch checks what a merge patch sets. What is not in it may be there.
func (v *validator) mergePatch(f *Field, patch jsontext.Value, path string) {
	n, _ := parse(patch)
	if f.Type != TypeStrategy {
		d := decoder{}
		if value := d.value(f, (*node)(nil).merge(n), path); value != nil {
			v.field(f, value, path)
		}
		return
	}
	s := strategyOf((*node)(nil).merge(n).appendJSON(nil))
	if n.member(keyMode) == nil && len(s.oIDs) > 0 {
		s.mode = ModeSpecific
	}
	if n.member(keyOfferingOIDs) == nil && s.mode == ModeSpecific {
		s.oIDs = []string{"x"}
	}
	v.strategy(path, s)
}

// validator checks the values of one entity.
type validator struct {
	errs.List
	bytes int // of text, so far
}

// field checks the canonical value of a field.
func (v *validator) field(f *Field, value jsontext.Value, path string) {
	if value == nil {
		if f.Required {
			v.Add(path, "%s", f.missing())
		}
		return
	}
	n, broken := parse(value)
	if broken != nil {
		v.Add(path, "is damaged: %s", broken[0].Message)
		return
	}
	switch f.Type {
	case TypeText:
		minimum := 0
		if f.Required {
			minimum = 1
		}
		v.text(path, n.text, minimum, f.MaxChars())
	case TypeEnum:
		if !slices.Contains(f.Enum, n.text) {
			v.Add(path, "is %q: use %s", Shorten(n.text), alternatives(f.Enum))
		}
	case TypeTexts, TypeTextOrTexts:
		v.list(path, n.items, f)
	case TypeCustom:
		v.custom(path, n.items, f)
	case TypeLists:
		v.lists(path, n.members, f)
	case TypeQuestions:
		v.questions(path, questionsOf(value), f)
	case TypeLink:
		v.id(path, n.text)
	case TypeLinks:
		v.ids(path, n.texts(), f.MaxCount())
	case TypeStrategy:
		v.strategy(path, strategyOf(value))
	case TypeRaw:
		v.raw(path, n)
	case TypeBool:
	}
}

// missing says that a required field has no value.
func (f *Field) missing() string {
	switch {
	case f.Type == TypeEnum:
		return "must not be empty: use " + alternatives(f.Enum)
	case f.DataName != "" && f.DataName != f.Name:
		return "must not be empty: send it as " + f.DataName + " or " + f.Name
	}
	return "must not be empty"
}

// alternatives is "A, B or C".
func alternatives(values []string) string {
	if len(values) < 2 {
		return strings.Join(values, "")
	}
	last := len(values) - 1
	return strings.Join(values[:last], ", ") + " or " + values[last]
}

func (v *validator) id(path, s string) { v.text(path, s, 1, account.MaxIDLength) }

func (v *validator) text(path, s string, minimum, maximum int) {
	v.bytes += len(s)
	v.Text(path, s, minimum, maximum)
}

func (v *validator) count(path string, n, maximum int) {
	if n > maximum {
		v.Add(path, "has %d items; the limit is %d", n, maximum)
	}
}

// list checks a list of texts. A text may stand in it twice: clients read back
// what they wrote.
func (v *validator) list(path string, items []*node, f *Field) {
	v.count(path, len(items), f.MaxCount())
	for i, item := range items {
		if !v.plain(item.text, f.MaxChars()) {
			v.text(fmt.Sprintf("%s[%d]", path, i), item.text, 1, f.MaxChars())
		}
	}
}

// plain accepts the usual item without making its path: printable ASCII that is
// not near a limit.
func (v *validator) plain(s string, maximum int) bool {
	if s == "" || len(s) > maximum {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f {
			return false
		}
	}
	v.bytes += len(s)
	return true
}

func (v *validator) custom(path string, items []*node, f *Field) {
	v.count(path, len(items), MaxCustomFields)
	for i, item := range items {
		at := fmt.Sprintf("%s[%d]", path, i)
		v.text(at+".title", item.member("title").text, 1, MaxCustomFieldTitle)
		v.list(at+".value", item.member("value").items, f)
	}
}

func (v *validator) lists(path string, members []member, f *Field) {
	if len(members) > MaxLists {
		v.Add(path, "has %d lists; the limit is %d", len(members), MaxLists)
	}
	for _, m := range members {
		if !slices.Contains(f.Keys, m.name) {
			v.text(path, m.name, 1, MaxListName)
		}
		v.list(path+"."+Shorten(m.name), m.value.items, f)
	}
}

func (v *validator) questions(path string, questions []Question, f *Field) {
	v.count(path, len(questions), f.MaxCount())
	seen := map[string]bool{}
	for i := range questions {
		at := fmt.Sprintf("%s[%d].", path, i)
		if oID := questions[i].OID; oID != "" {
			v.id(at+keyOID, oID)
			if seen[oID] {
				v.Add(at+keyOID, "occurs twice: keep one")
			}
			seen[oID] = true
		}
		v.question(at, &questions[i])
	}
}

// raw checks the texts in a value of any shape.
func (v *validator) raw(path string, n *node) {
	switch n.kind {
	case '"', '0':
		v.text(path, n.text, 0, MaxTextBytes)
	}
	for _, item := range n.items {
		v.raw(path, item)
	}
	for _, m := range n.members {
		v.text(path, m.name, 0, MaxTextBytes)
		v.raw(path, m.value)
	}
}
