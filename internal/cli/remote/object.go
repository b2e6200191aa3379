package remote

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"personae.dev/internal/files"
)

// object is a JSON object that keeps the order of its members. It is what a
// server answers, without _metadata, and what is sent.
type object []member

type member struct {
	name  string
	value json.RawMessage
}

// UnmarshalJSON implements json.Unmarshaler.
func (o *object) UnmarshalJSON(b []byte) error {
	*o = object{}
	d := json.NewDecoder(bytes.NewReader(b))
	if token, err := d.Token(); err != nil || token != json.Delim('{') {
		return errors.Join(err, errors.New("must be an object"))
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		var m member
		if err := d.Decode(&m.value); err != nil {
			return err
		}
		if m.name = name.(string); m.name != "_metadata" {
			*o = append(*o, m)
		}
	}
	return nil
}

// MarshalJSON implements json.Marshaler.
func (o object) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	out.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			out.WriteByte(',')
		}
		name, err := json.Marshal(m.name)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&out, "%s:%s", name, m.value)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// get returns a member, nil where there is none.
func (o object) get(name string) json.RawMessage {
	for _, m := range o {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

// set adds or replaces a member.
func (o *object) set(name string, value json.RawMessage) {
	for i := range *o {
		if (*o)[i].name == name {
			(*o)[i].value = value
			return
		}
	}
	*o = append(*o, member{name, value})
}

// text returns a member that is a text, "" for any other.
func (o object) text(name string) string {
	var text string
	_ = json.Unmarshal(o.get(name), &text) // null and what is no text are ""
	return text
}

// object returns a member that is an object, an empty one for any other.
func (o object) object(name string) object {
	var inner object
	if value := o.get(name); len(value) > 0 && value[0] == '{' {
		_ = json.Unmarshal(value, &inner) // it was read before
	}
	return inner
}

// oID and name are the id and the name of an entity.
func (o object) oID() string  { return o.text("oId") }
func (o object) name() string { return o.text("name") }

// status returns active, inactive, archived or deleted.
func (o object) status() string {
	switch {
	case o.text("deletedAt") != "":
		return "deleted"
	case o.text("archivedAt") != "":
		return "archived"
	case string(o.get("active")) == "false":
		return "inactive"
	}
	return "active"
}

// author is the name of the one who made an entity, or the id.
func (o object) author() string {
	user := o.object("user")
	if name := joinWords(user.text("firstName"), user.text("lastName")); name != "" {
		return name
	}
	return user.text("oId")
}

// yaml returns the object as YAML.
func (o object) yaml() (string, error) {
	text, err := files.YAML(o)
	return string(text), err
}
