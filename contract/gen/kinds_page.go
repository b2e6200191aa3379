package main

import (
	"fmt"
	"slices"
	"strings"

	"personae.dev/internal/entity"
)

// kindsPage returns docs/kinds.md: a section for each kind.
func kindsPage(registry *entity.Registry) []byte {
	p := &page{}
	p.line("<!-- Generated from the kinds by contract/gen. DO NOT EDIT: run `make generate`. -->")
	p.line("# Kinds of entities\n")
	p.line("What a library holds, and the fields of each kind. All kinds have the same calls; the API reference at `/docs` has them in full.\n")
	p.line("- A field that stands in `data` is sent flat or under `data`, and answered under `data`. Top fields stand beside `oId`.")
	p.line("- A hidden field is kept, and not answered; `get?include=links` shows what it links to.")
	p.line("- An old field belongs to an earlier generation of the API. It is answered only where it is set.")
	p.line("- Lists of every kind take the same parameters: `text`, `limit`, `offset`, `offeringOId`, `playbookOId`, `oIds`, `queryType`,")
	p.line("  `name`, `updatedSince`, `status`, `orderField`, `orderDirection`, `cursor`, `fields` and `include`.")
	p.line("- All texts of one entity together have at most %s bytes.\n", count(entity.MaxTextBytes))
	p.line("| kind | path | ids begin with | in revisions | in tools |")
	p.line("|---|---|---|---|---|")
	for _, k := range registry.Kinds() {
		p.line("| [%s](#%s) | `/api/v2/%s/` | `%s` | `%s` | `%s` |", k.Title, strings.ReplaceAll(k.Title, " ", "-"), k.Name, k.Prefix, k.Revision, k.Tool)
	}
	for _, k := range registry.Kinds() {
		p.kind(registry, k)
	}
	return []byte(p.String())
}

type page struct{ strings.Builder }

func (p *page) line(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

// kind writes the section of a kind.
func (p *page) kind(registry *entity.Registry, k *entity.Kind) {
	p.line("\n## %s\n", upperFirst(k.Title))
	p.line("%s\n", sentence(k.Description))
	if k.Singleton {
		p.line("A workspace has one: there are `get` and `update`, and no list, create, delete or archive.\n")
	}
	p.line("| field | type | where | limits | what it is |")
	p.line("|---|---|---|---|---|")
	for i := range k.Fields {
		f := &k.Fields[i]
		p.line("| `%s` | %s | %s | %s | %s |", f.Name, typeInWords(f), place(f), limitsInWords(f), meaning(f))
	}
	for i := range k.Fields {
		f := &k.Fields[i]
		if f.Filter != "" && f.Type == entity.TypeEnum {
			p.line("\nLists can be filtered by `%s`: %s.", f.Filter, inWords(quoted(f.Enum)))
		}
	}
	if also := k.AlsoLists; also != nil {
		p.line("\n`%s/list?%s=%s` shows the %ss of the workspace, too; with `%s` all of both.", k.Name, also.Param, also.On[0], also.Kind, also.All)
	}
	for _, join := range k.Joins {
		p.line("\nThe entity that `%s` names is answered in full as `%s`.", join.Field, join.As)
	}
	if linking := linkingTo(registry, k); len(linking) > 0 {
		p.line("\nFields that link to it, and the kinds that have them: %s.", strings.Join(linking, ", "))
	}
	if len(k.Ignored) > 0 {
		p.line("\nTaken from other clients, and ignored: %s.", inWords(quoted(k.Ignored)))
	}
}

// linkingTo lists the link fields that may name the kind, each with the kinds that
// have it.
func linkingTo(registry *entity.Registry, target *entity.Kind) []string {
	var fields []string
	kinds := map[string][]string{}
	for _, k := range registry.Kinds() {
		for _, f := range k.LinkFields() {
			if !slices.Contains(f.Targets, target.Name) {
				continue
			}
			if kinds[f.Name] == nil {
				fields = append(fields, f.Name)
			}
			kinds[f.Name] = append(kinds[f.Name], k.Title)
		}
	}
	for i, name := range fields {
		fields[i] = "`" + name + "` (" + strings.Join(kinds[name], ", ") + ")"
	}
	return fields
}

func typeInWords(f *entity.Field) string {
	switch f.Type {
	case entity.TypeText:
		return "text"
	case entity.TypeTexts:
		return "list of texts"
	case entity.TypeBool:
		return "true or false"
	case entity.TypeEnum:
		return strings.Join(quoted(f.Enum), ", ")
	case entity.TypeCustom:
		return "custom fields: `[{title, value: [text]}]`"
	case entity.TypeLists:
		keys := strings.Join(quoted(f.Keys), ", ")
		switch {
		case keys == "":
			return "object of lists of texts, any keys"
		case f.Free:
			return "object of lists of texts: " + keys + " and others"
		}
		return "object of lists of texts: " + keys
	case entity.TypeTextOrTexts:
		return "text or list of texts; answered as a list"
	case entity.TypeRaw:
		return "any JSON value"
	case entity.TypeQuestions:
		return "qualifying questions"
	case entity.TypeLink:
		return "id"
	case entity.TypeLinks:
		return "list of ids"
	case entity.TypeStrategy:
		return "`{mode: ALL}`, or `{mode: SPECIFIC, offeringOIds: [id]}`"
	}
	panic(fmt.Sprintf("gen: the type %d has no words", f.Type))
}

func place(f *entity.Field) string {
	switch f.In {
	case entity.InTop:
		return "top"
	case entity.InBoth:
		if f.DataName != "" {
			return "top, and in data as `" + f.DataName + "`"
		}
		return "top and data"
	case entity.Hidden:
		return "hidden"
	default:
		if f.DataName != "" {
			return "data, as `" + f.DataName + "`"
		}
		return "data"
	}
}

func limitsInWords(f *entity.Field) string {
	var limits []string
	switch f.Type {
	case entity.TypeCustom:
		limits = append(limits, count(entity.MaxCustomFields)+" fields", "titles of "+count(entity.MaxCustomFieldTitle)+" characters")
	case entity.TypeQuestions:
		return count(f.MaxCount()) + " questions of " + count(entity.MaxQuestion) + " characters, rationales of " + count(entity.MaxRationale)
	}
	if n := f.MaxCount(); n > 0 {
		limits = append(limits, count(n)+" items")
	}
	if n := f.MaxChars(); n > 0 {
		limits = append(limits, count(n)+" characters")
	}
	return strings.Join(limits, ", ")
}

// meaning is the description of a field, and what else is to know of it.
func meaning(f *entity.Field) string {
	description := sentence(f.Description)
	if description == "" {
		description = sentence(f.Label)
	}
	notes := []string{description}
	if f.Required {
		notes = append(notes, "Required.")
	}
	if f.Old {
		notes = append(notes, "Old.")
	}
	if f.ReadOnly {
		notes = append(notes, "Read-only: it comes with an import.")
	}
	if f.Default != "" {
		notes = append(notes, "Default: `"+f.Default+"`.")
	}
	if len(f.Targets) > 0 {
		notes = append(notes, "Links to: "+inWords(f.Targets)+".")
	}
	if f.Filter != "" && f.Type != entity.TypeEnum {
		notes = append(notes, "Lists are filtered by it with `"+f.Filter+"`.")
	}
	return strings.ReplaceAll(strings.TrimSpace(strings.Join(notes, " ")), "|", "\\|")
}
