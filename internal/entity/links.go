package entity

import (
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

// The modes of a linking strategy. An entity without one is linked to no
// offering by it.
const (
	ModeAll      = "ALL"      // every offering of the workspace
	ModeSpecific = "SPECIFIC" // those that it names
)

// strategy is the value of a field of TypeStrategy.
type strategy struct {
	mode string
	oIDs []string
}

// canonical returns the value that is kept, nil for one that says nothing. One
// that breaks a rule keeps what it has, so that Validate can tell.
func (s strategy) canonical() jsontext.Value {
	if s.mode == "" && len(s.oIDs) == 0 {
		return nil
	}
	b := []byte{'{'}
	if s.mode != "" {
		b = appendString(appendKey(b, keyMode), s.mode)
	}
	if len(s.oIDs) > 0 {
		b = appendStrings(appendKey(b, keyOfferingOIDs), s.oIDs)
	}
	return append(b, '}')
}

func strategyOf(value jsontext.Value) (s strategy) {
	n, _ := parse(value)
	if n == nil {
		return s
	}
	if mode := n.member(keyMode); mode != nil {
		s.mode = mode.text
	}
	if oIDs := n.member(keyOfferingOIDs); oIDs != nil {
		s.oIDs = oIDs.texts()
	}
	return s
}

// texts returns the items of a list of texts.
func (n *node) texts() []string {
	items := make([]string, len(n.items))
	for i, item := range n.items {
		items[i] = item.text
	}
	return items
}

// Links returns what e refers to, by field.
func (k *Kind) Links(e *Entity) []Link {
	var links []Link
	for i := range k.Fields {
		f := &k.Fields[i]
		var targets []string
		switch f.Type {
		case TypeLink:
			if oID := e.Text(f.Name); oID != "" {
				targets = []string{oID}
			}
		case TypeLinks:
			targets = e.Texts(f.Name)
		case TypeStrategy:
			s := strategyOf(e.Fields[f.Name])
			targets = s.oIDs
			if s.mode == ModeAll {
				targets = []string{LinkAll}
			}
		}
		for position, target := range targets {
			links = append(links, Link{Field: f.Name, Position: position, Target: target})
		}
	}
	return links
}

func (v *validator) strategy(path string, s strategy) {
	oIDs := path + "." + keyOfferingOIDs
	switch {
	case s.mode == "" && len(s.oIDs) == 0:
	case s.mode == "":
		v.Add(path+"."+keyMode, "is missing: use %s for offerings by id", ModeSpecific)
	case s.mode != ModeAll && s.mode != ModeSpecific:
		v.Add(path+"."+keyMode, "is %q: use %s or %s", Shorten(s.mode), ModeAll, ModeSpecific)
	case s.mode == ModeSpecific && len(s.oIDs) == 0:
		v.Add(oIDs, "must name an offering where mode is %s", ModeSpecific)
	case s.mode == ModeAll && len(s.oIDs) > 0:
		v.Add(oIDs, "must be left out, or null, where mode is %s", ModeAll)
	}
	v.ids(oIDs, s.oIDs, MaxLinks)
}

// ids checks ids that must differ.
func (v *validator) ids(path string, oIDs []string, maximum int) {
	v.count(path, len(oIDs), maximum)
	seen := map[string]bool{}
	for i, oID := range oIDs {
		at := fmt.Sprintf("%s[%d]", path, i)
		v.id(at, oID)
		if seen[oID] {
			v.Add(at, "occurs twice: keep one")
		}
		seen[oID] = true
	}
}
