package entity

import (
	"cmp"
	"maps"

	"github.com/go-json-experiment/json/jsontext"

	"personae.dev/internal/errs"
)

// Apply returns what before becomes by the patch, and the errors of the whole;
// before is nil for a create, and is not changed. Questions that have no id get
// the id of the same question before, or a new one. The id, the dates and the
// author of a new entity are the caller's to set.
func (k *Kind) Apply(before *Entity, p *Patch) (*Entity, []errs.Field) {
	after := &Entity{}
	if before != nil {
		*after = *before
	}
	after.Fields = maps.Clone(after.Fields)
	if after.Fields == nil {
		after.Fields = map[string]jsontext.Value{}
	}
	var form decoder // errors of what a merge makes
	for i := range k.Fields {
		f := &k.Fields[i]
		stored := after.Fields[f.Name]
		value := k.choose(f, stored, p, before == nil)
		if patch := p.Merge[f.Name]; patch != nil {
			value = form.merged(f, stored, patch, cmp.Or(p.paths[f.Name], f.Name))
		}
		after.set(f, value)
	}
	identified, wrongIDs := k.identify(after, before)
	var v validator
	k.validateFields(&v, identified, p.paths)
	return identified, errs.Join(errs.JoinAll(form.Fields(), wrongIDs), v.Fields())
}

// set sets or unsets a field; one with a default is never unset.
func (e *Entity) set(f *Field, value jsontext.Value) {
	if value == nil && f.Default != "" {
		value = jsontext.Value(f.Default)
	}
	if value == nil {
		delete(e.Fields, f.Name)
		return
	}
	e.Fields[f.Name] = value
}

// choose returns the value of a field after a patch that is not merged.
func (k *Kind) choose(f *Field, stored jsontext.Value, p *Patch, create bool) jsontext.Value {
	flat, isFlat := p.Given[f.Name]
	nested, isNested := p.Nested[f.Name]
	differs := func(value jsontext.Value) bool { return !bytesEqual(f, value, stored) }
	// Under data, null and "" of such a field look the same.
	nestedDiffers := isNested && (differs(nested) && f.In != InBoth || f.In == InBoth && !bytesEqual(f, orEmptyInData(f, nested), orEmptyInData(f, stored)))
	switch {
	case isFlat && (create || differs(flat)):
		return flat
	case nestedDiffers:
		return nested
	}
	return stored
}

// bytesEqual tells whether a field has the same value with a and with b, where nil
// is its default.
func bytesEqual(f *Field, a, b jsontext.Value) bool {
	if a == nil {
		a = jsontext.Value(f.Default)
	}
	if b == nil {
		b = jsontext.Value(f.Default)
	}
	return string(a) == string(b)
}

func orEmptyInData(f *Field, value jsontext.Value) jsontext.Value {
	if value == nil {
		return f.EmptyInData()
	}
	return value
}

// merged returns the value of a field after a merge patch.
func (d *decoder) merged(f *Field, stored, patch jsontext.Value, path string) jsontext.Value {
	change, _ := parse(patch)
	var old *node
	if stored != nil {
		old, _ = parse(stored)
	}
	n := old.merge(change)
	if f.Type == TypeStrategy {
		return strategyOf(n.appendJSON(nil)).canonical()
	}
	return d.value(f, n, path)
}
