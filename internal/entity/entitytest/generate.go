package entitytest

import (
	"encoding/json"
	"fmt"
	"time"
	"unicode"

	"pgregory.net/rapid"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
)

// Entity returns a generator of valid entities of k, with ids, dates and an
// author.
func Entity(k *entity.Kind) *rapid.Generator[*entity.Entity] {
	registry := entity.NewRegistry(k)
	return rapid.Custom(func(t *rapid.T) *entity.Entity {
		record := values(t, k, func(f *entity.Field) bool { return f.Required || rapid.Bool().Draw(t, "has "+f.Name) })
		record["oId"] = ID(k.Prefix).Draw(t, "oId")
		record["createdAt"] = date(t, "createdAt")
		record["updatedAt"] = date(t, "updatedAt")
		for _, key := range []string{"archivedAt", "deletedAt"} {
			if rapid.IntRange(0, 3).Draw(t, "has "+key) == 0 {
				record[key] = date(t, key)
			}
		}
		records, errors := registry.DecodeRecords(encode(t, record), k, false)
		if len(errors) > 0 || len(records) != 1 {
			t.Fatalf("generated %v: %v", record, errors)
		}
		e := k.Identify(records[0].Entity, nil)
		e.Author = account.Author{OID: ID(account.UserPrefix).Draw(t, "author"), FirstName: Text(0).Draw(t, "first name"), LastName: Text(0).Draw(t, "last name")}
		if errors := k.Validate(e); len(errors) > 0 {
			t.Fatalf("generated %v: %v", record, errors)
		}
		return e
	})
}

// Body returns a generator of bodies of a valid create of k: fields are flat or
// under data, and may be null.
func Body(k *entity.Kind) *rapid.Generator[[]byte] {
	return rapid.Custom(func(t *rapid.T) []byte {
		body := values(t, k, func(f *entity.Field) bool {
			return !f.ReadOnly && (f.Required || rapid.Bool().Draw(t, "has "+f.Name))
		})
		for i := range k.Fields {
			f := &k.Fields[i]
			if questions, ok := body[f.Name].([]any); ok && f.Type == entity.TypeQuestions {
				for _, q := range questions {
					delete(q.(map[string]any), "oId") // which a create gives
				}
			}
		}
		data := map[string]any{}
		for i := range k.Fields {
			f := &k.Fields[i]
			value, given := body[f.Name]
			if given && !f.Required && rapid.IntRange(0, 9).Draw(t, "null "+f.Name) == 0 {
				value = nil
				body[f.Name] = nil
			}
			if given && rapid.Bool().Draw(t, "nested "+f.Name) {
				delete(body, f.Name)
				data[f.DataKey()] = value
			}
		}
		if len(data) > 0 {
			body["data"] = data
		}
		return encode(t, body)
	})
}

// ID returns a generator of ids with a prefix.
func ID(prefix string) *rapid.Generator[string] {
	return rapid.Map(rapid.StringMatching("[0-9A-Za-z]{22}"), func(s string) string { return prefix + s })
}

// Text returns a generator of texts of at least so many characters, with those
// that are escaped in JSON, and those of many scripts.
func Text(minimum int) *rapid.Generator[string] {
	runes := rapid.OneOf(rapid.SampledFrom([]rune("abc XYZ 0189 \"\\/<>&\n\t\u2028\u2029é中😀\u200d\ufffd")), rapid.RuneFrom(nil, unicode.L, unicode.N, unicode.M, unicode.P, unicode.S))
	return rapid.StringOfN(runes, minimum, 12, -1)
}

func encode(t *rapid.T, v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func date(t *rapid.T, label string) string {
	const from, to = 946_684_800_000, 2_524_608_000_000 // the years 2000 to 2050
	return time.UnixMilli(rapid.Int64Range(from, to).Draw(t, label)).UTC().Format("2006-01-02T15:04:05.000Z")
}

// values draws a value of each field for which has holds.
func values(t *rapid.T, k *entity.Kind, has func(*entity.Field) bool) map[string]any {
	drawn := map[string]any{}
	for i := range k.Fields {
		if f := &k.Fields[i]; has(f) {
			drawn[f.Name] = value(t, f)
		}
	}
	return drawn
}

func value(t *rapid.T, f *entity.Field) any {
	minimum := 0
	if f.Required {
		minimum = 1
	}
	list := func(label string) []string { return rapid.SliceOfN(Text(1), minimum, 4).Draw(t, label) }
	switch f.Type {
	case entity.TypeText:
		return Text(minimum).Draw(t, f.Name)
	case entity.TypeTexts:
		return list(f.Name)
	case entity.TypeTextOrTexts:
		if rapid.Bool().Draw(t, f.Name+" is one") {
			return Text(minimum).Draw(t, f.Name)
		}
		return list(f.Name)
	case entity.TypeBool:
		return rapid.Bool().Draw(t, f.Name)
	case entity.TypeEnum:
		return rapid.SampledFrom(f.Enum).Draw(t, f.Name)
	case entity.TypeCustom:
		return times(t, f.Name, minimum, func(label string) any {
			return map[string]any{"title": Text(1).Draw(t, label), "value": list(label + " value")}
		})
	case entity.TypeLists:
		lists := map[string]any{}
		for i, key := range f.Keys {
			if i < minimum || rapid.Bool().Draw(t, f.Name+" has "+key) {
				lists[key] = list(f.Name + " " + key)
			}
		}
		if f.Free {
			for _, key := range rapid.SliceOfNDistinct(Text(1), 0, 3, rapid.ID[string]).Draw(t, f.Name+" keys") {
				lists[key] = list(f.Name + " " + key)
			}
		}
		return lists
	case entity.TypeQuestions:
		return questions(t, f)
	case entity.TypeLink:
		return ID("x_").Draw(t, f.Name)
	case entity.TypeLinks:
		return ids(t, f.Name, minimum)
	case entity.TypeStrategy:
		if rapid.Bool().Draw(t, f.Name+" is all") {
			return map[string]any{"mode": entity.ModeAll}
		}
		return map[string]any{"mode": entity.ModeSpecific, "offeringOIds": ids(t, f.Name, 1)}
	case entity.TypeRaw:
		return raw(t, f.Name, 3)
	}
	panic(fmt.Sprintf("entitytest: no values for the type %d of %s", f.Type, f.Name))
}

func times(t *rapid.T, label string, minimum int, draw func(label string) any) []any {
	items := make([]any, rapid.IntRange(minimum, 3).Draw(t, label+" count"))
	for i := range items {
		items[i] = draw(fmt.Sprintf("%s %d", label, i))
	}
	return items
}

func ids(t *rapid.T, label string, minimum int) []string {
	return rapid.SliceOfNDistinct(ID("x_"), minimum, 3, rapid.ID[string]).Draw(t, label)
}

func questions(t *rapid.T, f *entity.Field) []any {
	return times(t, f.Name, 0, func(label string) any {
		q := map[string]any{
			"question": Text(1).Draw(t, label), "rationale": Text(0).Draw(t, label+" rationale"),
			"fitType": rapid.SampledFrom([]string{entity.FitGood, entity.FitBad}).Draw(t, label+" fit"),
			"weight":  rapid.SampledFrom([]string{entity.WeightLow, entity.WeightMedium, entity.WeightHigh, entity.WeightInstantDisqualifier}).Draw(t, label+" weight"),
		}
		if rapid.Bool().Draw(t, label+" has an id") {
			q["oId"] = ID(account.QuestionPrefix).Draw(t, label+" id")
		}
		if rapid.Bool().Draw(t, label+" is archived") {
			q["archivedAt"] = date(t, label+" archived")
		}
		return q
	})
}

// raw draws any JSON value but null.
func raw(t *rapid.T, label string, depth int) any {
	kinds := 4
	if depth > 0 {
		kinds = 6
	}
	switch rapid.IntRange(1, kinds).Draw(t, label+" type") {
	case 1:
		return Text(0).Draw(t, label)
	case 2:
		return rapid.Bool().Draw(t, label)
	case 3:
		return rapid.Int32().Draw(t, label)
	case 4:
		return rapid.Float64Range(-1e9, 1e9).Draw(t, label) + 0 // YAML makes 0 of -0
	case 5:
		return times(t, label, 0, func(label string) any { return raw(t, label, depth-1) })
	default:
		object := map[string]any{}
		for _, key := range rapid.SliceOfN(Text(1), 0, 3).Draw(t, label+" keys") {
			object[key] = raw(t, label+"."+key, depth-1)
		}
		return object
	}
}
