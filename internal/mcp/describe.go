package mcp

import (
	"context"
	"strings"

	"personae.dev/internal/entity"
)

// kindRow is a kind in a list of them.
type kindRow struct {
	EntityType  string `json:"entityType"`
	Description string `json:"description"`
}

// kindDetail is what an agent is told of a kind.
type kindDetail struct {
	kindRow
	IDPrefix string        `json:"idPrefix"`
	Fields   []fieldDetail `json:"fields"`
	// Older are fields that clients of older generations send.
	Older []string `json:"olderFields,omitempty"`
	Note  string   `json:"note,omitempty"`
}

// fieldDetail is what an agent is told of a field.
type fieldDetail struct {
	Name        string `json:"name"`
	Type        string `json:"type"`
	Description string `json:"description"`
	Required    bool   `json:"required,omitempty"`
}

// describeKind answers describe_kind. It needs no call of the API: the kinds are
// part of the program.
func describeKind(_ context.Context, c *call) (any, error) {
	k := c.kind()
	if err := c.err(); err != nil {
		return nil, err
	}
	if k == nil {
		var all struct {
			Kinds []kindRow `json:"kinds"`
		}
		for _, k := range c.registry.Kinds() {
			all.Kinds = append(all.Kinds, kindRow{k.Tool, k.Description})
		}
		return all, nil
	}
	d := kindDetail{kindRow: kindRow{k.Tool, k.Description}, IDPrefix: k.Prefix}
	for i := range k.Fields {
		f := &k.Fields[i]
		switch {
		case f.ReadOnly:
		case f.Old:
			d.Older = append(d.Older, f.Name)
		default:
			d.Fields = append(d.Fields, fieldDetail{f.Name, typeOf(f), f.Description, f.Required})
		}
	}
	if k.Singleton {
		d.Note = "The workspace has one: read it with get_" + k.Tool + ", change it with update_" + k.Tool + "."
	}
	return d, nil
}

// typeOf says in words what a field takes.
func typeOf(f *entity.Field) string {
	targets := strings.ReplaceAll(strings.Join(f.Targets, " or "), "-", " ")
	switch f.Type {
	case entity.TypeTexts:
		return "list of texts"
	case entity.TypeBool:
		return "true or false"
	case entity.TypeEnum:
		return "one of " + strings.Join(f.Enum, ", ")
	case entity.TypeCustom:
		return "list of {title, value: [texts]}"
	case entity.TypeLists:
		text := "object of lists of texts"
		if len(f.Keys) > 0 {
			text += " with " + strings.Join(f.Keys, ", ")
		}
		if f.Free {
			text += " and keys of your own"
		}
		return text
	case entity.TypeTextOrTexts:
		return "text or list of texts"
	case entity.TypeRaw:
		return "any JSON"
	case entity.TypeQuestions:
		return "list of {question, rationale, fitType: GOOD or BAD (what a yes speaks for), weight: LOW, MEDIUM, HIGH or INSTANT_DISQUALIFIER}"
	case entity.TypeLink:
		return "oId of a " + targets
	case entity.TypeLinks:
		return "list of oIds of a " + targets
	case entity.TypeStrategy:
		return "{mode: ALL} or {mode: SPECIFIC, offeringOIds: [oIds of a " + targets + "]}"
	default:
		return "text"
	}
}
