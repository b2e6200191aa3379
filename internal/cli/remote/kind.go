// Package remote has the commands that work through the API of a server:
// `personae persona …`, `personae product …`, one for each kind. They need an
// address and a key, and no database.
//
// The commands are the same for all kinds and follow from the kind's table. The
// server decides what is valid; this package only shows and sends.
package remote

import (
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"personae.dev/internal/entity"
)

// Kind is the kind that a command works on.
type Kind struct {
	*entity.Kind
	registry *entity.Registry
}

// commands are the commands of a kind. Texts have placeholders: see fill.
type commands struct {
	List     listCmd     `cmd:"" aliases:"ls" help:"List and search {titles}."`
	Get      getCmd      `cmd:"" aliases:"show" help:"Show {a title}."`
	Create   createCmd   `cmd:"" help:"Create {titles} from YAML or JSON, and print their ids."`
	Update   updateCmd   `cmd:"" help:"Change fields of {a title}."`
	Edit     editCmd     `cmd:"" help:"Change {a title} in an editor."`
	Diff     diffCmd     `cmd:"" help:"Show what an update would change."`
	Delete   deleteCmd   `cmd:"" aliases:"rm" help:"Mark {a title} as deleted."`
	Archive  archiveCmd  `cmd:"" help:"Keep {a title}, but leave it out of lists."`
	Restore  restoreCmd  `cmd:"" help:"Undo archive and delete, or bring back a revision."`
	History  historyCmd  `cmd:"" help:"Show who changed {a title}, when and how."`
	Question questionCmd `cmd:"" help:"Change qualifying questions of {a title}."`

	kind Kind
}

// ProvideKind gives the kind to the Run method of each command.
func (c *commands) ProvideKind() Kind { return c.kind }

// Help implements kong.HelpProvider.
func (*commands) Help() string {
	return `{Description}

These commands call a server, and need its address and an API key. On the machine that has the
server's database, create a key with:

  export PERSONAE_API_KEY=$(personae key create --scope read,write)

For a server elsewhere, ask its operator for a key, and give the address with --server or
PERSONAE_SERVER.

Examples:

  personae {kind} get {id}
  personae {kind} history {id}`
}

// hasCommand tells whether a kind has a command.
func (k Kind) hasCommand(name string) bool {
	switch name {
	case "get", "update", "edit", "diff", "history":
		return true
	case "question":
		return k.QuestionsField() != nil
	}
	return !k.Singleton
}

// Options returns the grammar: a command for each kind.
func Options(registry *entity.Registry, group string) []kong.Option {
	var options []kong.Option
	for _, k := range registry.Kinds() {
		kind := Kind{k, registry}
		options = append(options,
			kong.DynamicCommand(k.Name, kind.help(), group, &commands{kind: kind}),
			kong.PostBuild(func(app *kong.Kong) error {
				for _, node := range app.Model.Children {
					if node.Name == k.Name {
						adapt(node, kind)
					}
				}
				return nil
			}))
	}
	return options
}

// adapt removes the commands and flags that a kind does not have, and fills in
// the texts of the others.
func adapt(node *kong.Node, kind Kind) {
	node.Help, node.Detail = fill(node.Help, kind), fill(node.Detail, kind)
	node.Children = slices.DeleteFunc(node.Children, func(child *kong.Node) bool {
		return node.Name == kind.Name && !kind.hasCommand(child.Name)
	})
	node.Positional = slices.DeleteFunc(node.Positional, func(v *kong.Value) bool { return v.Name == "id" && kind.Singleton })
	node.Flags = slices.DeleteFunc(node.Flags, func(f *kong.Flag) bool { return f.Name == "type" && kind.facet() == nil })
	for _, value := range node.Positional {
		fillValue(value, kind)
	}
	for _, flag := range node.Flags {
		fillValue(flag.Value, kind)
	}
	for _, child := range node.Children {
		adapt(child, kind)
	}
}

func fillValue(value *kong.Value, kind Kind) {
	value.Help, value.OrigHelp = fill(value.Help, kind), fill(value.OrigHelp, kind)
	if value.Target.Kind() == reflect.String {
		value.Enum = fill(value.Enum, kind)
	}
}

// fill puts the words of a kind into a text for people.
func fill(text string, kind Kind) string {
	article := "a "
	switch {
	case kind.Singleton:
		article = "the "
	case strings.ContainsRune("aeio", rune(kind.Title[0])): // not use case
		article = "an "
	}
	types := ""
	if f := kind.facet(); f != nil {
		types = strings.Join(f.Enum, ", ")
		if kind.AlsoLists != nil {
			types += " or " + kind.AlsoLists.All
		}
	}
	return strings.NewReplacer(
		"{kind}", kind.Name,
		"{title}", kind.Title,
		"{titles}", kind.titles(),
		"{Titles}", upperFirst(kind.titles()),
		"{a title}", article+kind.Title,
		"{A title}", upperFirst(article)+kind.Title,
		" {id}", kind.exampleID(),
		"{prefix}", kind.Prefix,
		"{list}", kind.exampleList(),
		"{types}", types,
		"{Description}", strings.TrimSuffix(kind.Description, ".")+".",
	).Replace(text)
}

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func (k Kind) help() string {
	if k.Singleton {
		return "Show and change the " + k.Title + "."
	}
	return "List, show and change " + k.titles() + "."
}

// titles is the plural for people.
func (k Kind) titles() string { return k.Title + "s" }

// exampleID is an id for help texts, with the space before it. A singleton has
// none.
func (k Kind) exampleID() string {
	switch {
	case k.Singleton:
		return ""
	case k.Example != "":
		return " " + k.Example
	}
	return " " + k.Prefix + "06DFGNZRiDHBWpqvR0XvAb"
}

// exampleList is the name of a list of texts, for help texts.
func (k Kind) exampleList() string {
	for _, f := range k.RequestFields() {
		if f.Type == entity.TypeTexts && !f.Old {
			return f.Name
		}
	}
	return "customFields"
}

// facet is the field that lists filter by with --type, nil for none.
func (k Kind) facet() *entity.Field {
	for i := range k.Fields {
		if f := &k.Fields[i]; f.Type == entity.TypeEnum && f.Filter != "" {
			return f
		}
	}
	return nil
}
