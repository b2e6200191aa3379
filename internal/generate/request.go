package generate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
)

// Request is the body of a generate call.
type Request struct {
	Items []Item
	// Unknown are the members that mean nothing here.
	Unknown []string

	fields map[string]json.RawMessage // of every entity that is made, as create takes them
	around []string                   // ids of entities that the model is told of
	errors errs.List
}

// Item is what one entity is made from.
type Item struct {
	// Name is "" where the model is to find one.
	Name    string
	Sources []entity.Origin
	// Notes are what the caller says beside the sources.
	Notes []string

	places []int // of Sources in what was sent
}

const (
	nameField    = "name"
	internalName = "internalName"
)

// Decode reads the body of a generate call. From n8n, empty values count as not
// sent.
func Decode(k *entity.Kind, body []byte, n8n bool) *Request {
	r := &Request{fields: map[string]json.RawMessage{}}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil || members == nil {
		r.errors.Add("body", "must be a JSON object")
		return r
	}
	item := func(path string, raw json.RawMessage, more func(name, path string, value json.RawMessage) bool) Item {
		var i Item
		var fields map[string]json.RawMessage
		if json.Unmarshal(raw, &fields) != nil || fields == nil {
			r.errors.Add(strings.TrimSuffix(path, "."), "must be an object with sources")
			return i
		}
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			value := fields[name]
			switch {
			case name == nameField:
				i.Name = r.text(path+name, value)
			case name == "sources":
				r.sources(&i, path+name, value, n8n)
			case strings.HasSuffix(name, "Input"):
				i.Notes = r.note(i.Notes, path+name, name, value)
			case more != nil && more(name, path+name, value):
			default:
				r.Unknown = append(r.Unknown, path+name)
			}
		}
		return i
	}
	var notes []string
	whole := func(name, path string, value json.RawMessage) bool {
		switch name {
		case "primaryOfferingOId", "playbookOId", "brandVoiceOId":
			r.link(k, name, r.text(path, value))
		case "linkingStrategy":
			if !n8n || !isEmpty(value) {
				r.fields[name] = value
			}
		case "async": // an answer is never later
		default:
			return false
		}
		return true
	}
	if k.GeneratesOne {
		domain := ""
		i := item("", body, func(name, path string, value json.RawMessage) bool {
			if name == "domain" && k.Singleton {
				domain = r.text(path, value)
				return true
			}
			return whole(name, path, value)
		})
		if domain != "" {
			if !strings.Contains(domain, "://") {
				domain = "https://" + domain
			}
			i.Sources, i.places = append(i.Sources, entity.Origin{Type: URL, Value: domain}), append(i.places, len(i.places))
		}
		r.Items = []Item{i}
		return r
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		switch {
		case name == k.Plural:
			var items []json.RawMessage
			if json.Unmarshal(members[name], &items) != nil {
				r.errors.Add(name, "must be a list of objects with sources")
			}
			for at, raw := range items[:min(len(items), MaxItems)] {
				r.Items = append(r.Items, item(fmt.Sprintf("%s[%d].", name, at), raw, nil))
			}
			if len(items) > MaxItems {
				r.errors.Add(name, "has %d items; the limit is %d", len(items), MaxItems)
			}
		case strings.HasSuffix(name, "Input"):
			notes = r.note(notes, name, name, members[name])
		case whole(name, name, members[name]):
		default:
			r.Unknown = append(r.Unknown, name)
		}
	}
	for i := range r.Items {
		r.Items[i].Notes = append(r.Items[i].Notes, notes...)
	}
	return r
}

// check returns every error of a request, before the model is asked.
func (r *Request) check(k *entity.Kind) []errs.Field {
	var list errs.List
	for i := range r.Items {
		item := &r.Items[i]
		if len(item.Sources) == 0 {
			list.Add(r.path(k, i, "sources"), `must have a source, such as {"type":"TEXT","value":"…"}`)
		}
		if item.Name != "" {
			list.AddAll(errs.CheckText(r.path(k, i, nameField), item.Name, 1, k.Field(nameField).MaxChars()))
		}
	}
	if len(r.Items) == 0 {
		list.Add(k.Plural, `must have an item, such as {"sources":[{"type":"TEXT","value":"…"}]}`)
	}
	// What the caller wants of links is wrong whatever the model says.
	patch, form := r.wanted(k)
	_, fields := k.Apply(nil, patch)
	for _, f := range errs.Join(form, fields) {
		if name, _, _ := strings.Cut(f.Path, "."); r.fields[name] != nil {
			list.AddAll([]errs.Field{f})
		}
	}
	return errs.Join(r.errors.Fields(), list.Fields())
}

// wanted is what the caller wants of every entity.
func (r *Request) wanted(k *entity.Kind) (*entity.Patch, []errs.Field) {
	return k.Decode(r.body(&Item{Name: "x"}, nil), entity.Mode{Create: true})
}

// path is where a member of an item stands; "" is the item itself, for a message.
func (r *Request) path(k *entity.Kind, i int, member string) string {
	switch {
	case k.GeneratesOne:
		return member
	case member == "":
		return fmt.Sprintf("%s[%d]: ", k.Plural, i)
	}
	return fmt.Sprintf("%s[%d].%s", k.Plural, i, member)
}

// link notes an entity that those that are made belong to.
func (r *Request) link(k *entity.Kind, name, oID string) {
	if oID == "" {
		return
	}
	r.around = append(r.around, oID)
	for _, f := range k.RequestFields() {
		switch {
		case f.Name == name && f.Type == entity.TypeLink:
			r.fields[f.Name], _ = json.Marshal(oID)
		case name == entity.FilterPlaybook && f.Filter == entity.FilterPlaybook && f.Type == entity.TypeLinks:
			r.fields[f.Name], _ = json.Marshal([]string{oID})
		}
	}
}

// sources reads the sources of an item.
func (r *Request) sources(i *Item, path string, value json.RawMessage, n8n bool) {
	var list []json.RawMessage
	if json.Unmarshal(value, &list) != nil {
		r.errors.Add(path, "must be a list of sources")
		return
	}
	if len(list) > MaxSources {
		r.errors.Add(path, "has %d items; the limit is %d", len(list), MaxSources)
		return
	}
	for at, raw := range list {
		path := fmt.Sprintf("%s[%d]", path, at)
		var s struct {
			Type  *string `json:"type"`
			Value *string `json:"value"`
		}
		if json.Unmarshal(raw, &s) != nil || isNull(raw) {
			r.errors.Add(path, `must be an object of two texts: {"type":"TEXT","value":"…"}`)
			continue
		}
		text := func(s *string) string {
			if s == nil {
				return ""
			}
			return strings.TrimSpace(*s)
		}
		kind, content := text(s.Type), text(s.Value)
		if n8n && content == "" {
			continue // a row of the form that its user left alone
		}
		if !slices.Contains([]string{Text, URL, Resource}, kind) {
			r.errors.Add(path+".type", "must be TEXT, URL or RESOURCE")
		}
		if content == "" {
			r.errors.Add(path+".value", "must not be empty")
			continue
		}
		r.errors.AddAll(errs.CheckText(path+".value", content, 1, len(content)))
		i.Sources, i.places = append(i.Sources, entity.Origin{Type: kind, Value: content}), append(i.places, at)
	}
}

// text reads a text; null is "".
func (r *Request) text(path string, value json.RawMessage) (s string) {
	if !isNull(value) && json.Unmarshal(value, &s) != nil {
		r.errors.Add(path, "must be a text")
	}
	return strings.TrimSpace(s)
}

// note adds what the caller says beside the sources.
func (r *Request) note(notes []string, path, name string, value json.RawMessage) []string {
	if text := r.text(path, value); text != "" {
		r.errors.AddAll(errs.CheckText(path, text, 1, entity.MaxText))
		return append(notes, strings.TrimSuffix(name, "Input")+": "+text)
	}
	return notes
}

func isNull(value json.RawMessage) bool { return string(bytes.TrimSpace(value)) == "null" }

func isEmpty(value json.RawMessage) bool {
	var object map[string]json.RawMessage
	return json.Unmarshal(value, &object) == nil && len(object) == 0
}
