package console

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"

	"personae.dev/internal/entity"
)

// value is a field with what it has, for people.
type value struct {
	*entity.Field
	// One of these is set, by the type of the field.
	Text      string
	Items     []string
	Groups    []group
	Questions []entity.Question
}

// group is a list with a title: a custom field, or a key of an object of lists.
type group struct {
	Key, Title string
	Items      []string
}

// Empty tells whether the field has nothing.
func (v value) Empty() bool {
	return v.Text == "" && len(v.Items) == 0 && len(v.Questions) == 0 && !v.hasGroups()
}

func (v value) hasGroups() bool {
	for _, g := range v.Groups {
		if len(g.Items) > 0 || g.Title != "" && v.Type == entity.TypeCustom {
			return true
		}
	}
	return false
}

// Count is how many items the field has.
func (v value) Count() int {
	n := len(v.Items) + len(v.Questions)
	for _, g := range v.Groups {
		n += len(g.Items)
	}
	return n
}

// Widget names what the field is edited with.
func (v value) Widget() string {
	switch v.Type {
	case entity.TypeTexts, entity.TypeTextOrTexts:
		return "items"
	case entity.TypeBool:
		return "box"
	case entity.TypeEnum:
		return "choice"
	case entity.TypeCustom, entity.TypeLists:
		return "lists"
	case entity.TypeRaw:
		return "raw"
	case entity.TypeQuestions:
		return "questions"
	case entity.TypeLink:
		return "link"
	case entity.TypeLinks:
		return "links"
	case entity.TypeStrategy:
		return "strategy"
	}
	return "text"
}

// isLink tells whether a field names other entities.
func isLink(f *entity.Field) bool { return len(f.Targets) > 0 }

// valueOf reads the canonical value of a field; nil is none.
func valueOf(f *entity.Field, raw jsontext.Value) value {
	v := value{Field: f}
	if f.Type == entity.TypeLists {
		for _, key := range f.Keys {
			v.Groups = append(v.Groups, group{Key: key, Title: humane(key)})
		}
	}
	if raw == nil || string(raw) == "null" {
		return v
	}
	read := func(to any) { _ = json.Unmarshal(raw, to) } // it is canonical
	switch f.Type {
	case entity.TypeText, entity.TypeEnum, entity.TypeLink:
		read(&v.Text)
	case entity.TypeTexts, entity.TypeTextOrTexts, entity.TypeLinks:
		read(&v.Items)
	case entity.TypeBool:
		v.Text = string(raw)
	case entity.TypeCustom:
		var fields []struct {
			Title string
			Value []string
		}
		read(&fields)
		for _, c := range fields {
			v.Groups = append(v.Groups, group{c.Title, c.Title, c.Value})
		}
	case entity.TypeLists:
		v.Groups = lists(f, raw)
	case entity.TypeQuestions:
		v.Questions = (&entity.Entity{Fields: map[string]jsontext.Value{f.Name: raw}}).Questions()
	case entity.TypeStrategy:
		var strategy struct {
			Mode         string
			OfferingOIds []string
		}
		read(&strategy)
		v.Text, v.Items = strategy.Mode, strategy.OfferingOIds
	case entity.TypeRaw:
		var b bytes.Buffer
		_ = json.Indent(&b, raw, "", "  ") // it is JSON
		v.Text = b.String()
	}
	return v
}

// lists reads an object of lists, in its order.
func lists(f *entity.Field, raw jsontext.Value) []group {
	var groups []group
	d := json.NewDecoder(bytes.NewReader(raw))
	_, _ = d.Token() // the bracket
	for d.More() {
		key, _ := d.Token()
		g := group{Key: key.(string)}
		g.Title = g.Key
		for _, known := range f.Keys {
			if known == g.Key {
				g.Title = humane(g.Key)
			}
		}
		if d.Decode(&g.Items) != nil {
			break
		}
		groups = append(groups, g)
	}
	return groups
}

// values returns the fields of an entity in the order of the table, links not
// among them.
func values(k *entity.Kind, e *entity.Entity) []value {
	var list []value
	for i := range k.Fields {
		if f := &k.Fields[i]; !isLink(f) {
			list = append(list, valueOf(f, e.Fields[f.Name]))
		}
	}
	return list
}

// humane makes words of a value or a key: "INSTANT_DISQUALIFIER", "coreTraits".
func humane(s string) string {
	if s == strings.ToUpper(s) {
		return sentence(strings.ToLower(strings.ReplaceAll(s, "_", " ")))
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case i == 0:
			r = unicode.ToUpper(r)
		case unicode.IsUpper(r):
			b.WriteByte(' ')
			r = unicode.ToLower(r)
		case r == '_' || r == '-':
			r = ' '
		}
		b.WriteRune(r)
	}
	return b.String()
}
