package remote

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"personae.dev/apitype"
	"personae.dev/client"
	"personae.dev/internal/cli/format"
	"personae.dev/internal/persona"
	"personae.dev/internal/wire"
)

// body is what a person writes of a persona: the fields of the body of
// persona/create, every one of them, so that one sees what can be filled in.
type body struct{ client.NewPersona }

// MarshalJSON implements json.Marshaler.
func (b body) MarshalJSON() ([]byte, error) {
	var out []string
	for field := range fieldsOf(b.NewPersona) {
		value, err := json.Marshal(field.value.Interface())
		if err != nil {
			return nil, err
		}
		if field.value.Kind() == reflect.Slice && field.value.Len() == 0 {
			value = []byte("[]") // which says what belongs there
		}
		out = append(out, fmt.Sprintf("%q:%s", field.name, value))
	}
	return []byte("{" + strings.Join(out, ",") + "}"), nil
}

type field struct {
	name  string // as in the API
	value reflect.Value
}

// fieldsOf iterates over the fields of p in their order.
func fieldsOf(p client.NewPersona) func(yield func(field) bool) {
	return func(yield func(field) bool) {
		v := reflect.ValueOf(p)
		for i := range v.NumField() {
			name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
			if !yield(field{name, v.Field(i)}) {
				return
			}
		}
	}
}

// parseBody reads what a person wrote, in YAML or JSON, and refuses it with all
// faults of its form. An unknown field is one: a list that is lost for a typing
// error is found too late.
func parseBody(text []byte) (client.NewPersona, error) {
	var p client.NewPersona
	data, err := format.JSON(text)
	if err != nil {
		return p, persona.InvalidFields([]persona.Fault{{Field: "body", Message: err.Error()}})
	}
	oID, _, unknown, faults := wire.DecodePatch(data)
	if oID != "" {
		unknown = append(unknown, "oId")
	}
	for _, name := range unknown {
		faults = append(faults, persona.Fault{Field: name, Message: "is no field that can be written: remove it, or mend its name"})
	}
	if err := persona.InvalidFields(faults); err != nil {
		return p, err
	}
	if err := json.Unmarshal(data, &p); err != nil {
		return p, fmt.Errorf("read a persona: %w", err)
	}
	if p.Active == nil {
		p.Active = new(true)
	}
	return p, nil
}

// latestBody reads a persona as it can be written. What the API shows of a
// persona lacks its links: they stand in its latest revision.
func latestBody(ctx context.Context, api *client.Client, oID string) (b body, err error) {
	latest, err := api.ListRevisions(ctx, oID, client.PageOptions{Limit: 1})
	if err != nil {
		return b, err
	}
	if len(latest.Data) == 0 {
		return b, fmt.Errorf("the persona %s has no history, from which it could be read", oID)
	}
	r, err := api.GetRevision(ctx, latest.Data[0].OID)
	if err != nil {
		return b, err
	}
	record := &r.Persona
	active := record.Active == nil || *record.Active
	return body{client.NewPersona{
		Name: record.Name, InternalName: record.InternalName, Description: record.Description,
		PrimaryResponsibilities: record.PrimaryResponsibilities, PainPoints: record.PainPoints, KeyConcerns: record.KeyConcerns,
		KeyObjectives: record.KeyObjectives, CommonJobTitles: record.CommonJobTitles,
		WhyTheyMatterToUs: record.WhyTheyMatterToUs, WhyWeMatterToThem: record.WhyWeMatterToThem,
		CustomFields: record.CustomFields, BuyingRole: record.BuyingRole, QualifyingQuestions: record.QualifyingQuestions,
		PrimaryOfferingOID: record.PrimaryOfferingOID, LinkingStrategy: record.LinkingStrategy, PlaybookOIDs: record.PlaybookOIDs,
		Active: &active,
	}}, nil
}

// compare returns the fields in which after differs from before, and the patch
// that makes before after.
func compare(before, after client.NewPersona) (changes []apitype.Change, patch client.PersonaPatch, err error) {
	old := map[string]json.RawMessage{}
	for field := range fieldsOf(before) {
		if old[field.name], err = fieldJSON(field.value); err != nil {
			return nil, patch, err
		}
	}
	changed := map[string]json.RawMessage{}
	for field := range fieldsOf(after) {
		value, err := fieldJSON(field.value)
		if err != nil {
			return nil, patch, err
		}
		if string(value) != string(old[field.name]) {
			changes = append(changes, apitype.Change{Field: field.name, Before: old[field.name], After: value})
			changed[field.name] = value
		}
	}
	b, err := json.Marshal(changed)
	if err != nil {
		return nil, patch, fmt.Errorf("compare: %w", err)
	}
	if err := json.Unmarshal(b, &patch); err != nil {
		return nil, patch, fmt.Errorf("compare: %w", err)
	}
	return changes, patch, nil
}

// fieldJSON is null for an empty list too, which is kept the same.
func fieldJSON(v reflect.Value) (json.RawMessage, error) {
	if v.Kind() == reflect.Slice && v.Len() == 0 {
		return json.RawMessage("null"), nil
	}
	b, err := json.Marshal(v.Interface())
	if err != nil {
		return nil, fmt.Errorf("compare: %w", err)
	}
	return b, nil
}
