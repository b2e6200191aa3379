package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"personae.dev/apitype"
	"personae.dev/internal/persona"
)

// Revision returns r as the API answers it.
func Revision(r *persona.Revision) (apitype.Revision, error) {
	changes, err := changes(r.Before, r.Persona)
	if err != nil {
		return apitype.Revision{}, err
	}
	wire := apitype.Revision{
		OID: r.OID, PersonaOID: r.PersonaOID, Number: r.Number, Action: string(r.Action),
		CreatedAt: apitype.NewTime(r.At), User: WireUser(r.User), Changes: changes,
	}
	if r.KeyOID != "" {
		wire.APIKeyOID = &r.KeyOID
	}
	return wire, nil
}

// changes compares the records of two personas field by field, in their order.
// Without a before, everything is new.
func changes(before, after *persona.Persona) ([]apitype.Change, error) {
	old := reflect.ValueOf(apitype.PersonaRecord{})
	if before != nil {
		old = reflect.ValueOf(fullRecord(before))
	}
	found := []apitype.Change{}
	current := reflect.ValueOf(fullRecord(after))
	for i := range current.NumField() {
		name, _, _ := strings.Cut(current.Type().Field(i).Tag.Get("json"), ",")
		if name == "oId" {
			continue // of the persona, and the same
		}
		was, err := fieldJSON(old.Field(i))
		if err != nil {
			return nil, err
		}
		is, err := fieldJSON(current.Field(i))
		if err != nil {
			return nil, err
		}
		if !bytes.Equal(was, is) {
			found = append(found, apitype.Change{Field: name, Before: was, After: is})
		}
	}
	return found, nil
}

// fullRecord is Record where active is told also when it is true.
func fullRecord(p *persona.Persona) apitype.PersonaRecord {
	r := Record(p)
	r.Active = &p.Active
	return r
}

func fieldJSON(v reflect.Value) (json.RawMessage, error) {
	if v.IsZero() && v.Kind() != reflect.Bool {
		return json.RawMessage("null"), nil
	}
	b, err := encode(v.Interface())
	if err != nil {
		return nil, fmt.Errorf("wire: change: %w", err)
	}
	return b, nil
}
