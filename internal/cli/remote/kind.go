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

// commands are the commands of a kind. Texts have placeholders: see words.
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

// Options returns the grammar: a command for each kind. Where only is set, a kind
// for which it is false has a name and no commands: to build them all takes longer
// than most commands run.
func Options(registry *entity.Registry, group string, only func(kind string) bool) []kong.Option {
	var options []kong.Option
	for _, k := range registry.Kinds() {
		kind := Kind{k, registry}
		if only != nil && !only(k.Name) {
			options = append(options, kong.DynamicCommand(k.Name, kind.help(), group, &struct{}{}))
			continue
		}
		options = append(options,
			kong.DynamicCommand(k.Name, kind.help(), group, &commands{kind: kind}),
			kong.PostBuild(func(app *kong.Kong) error {
				for _, node := range app.Model.Children {
					if node.Name == k.Name {
						adapt(node, kind, kind.words())
					}
				}
				return nil
			}))
	}
	return options
}

// adapt removes the commands and flags that a kind does not have, and fills in
// the texts of the others.
func adapt(node *kong.Node, kind Kind, words *strings.Replacer) {
	node.Help, node.Detail = words.Replace(node.Help), words.Replace(node.Detail)
	node.Children = slices.DeleteFunc(node.Children, func(child *kong.Node) bool {
		return node.Name == kind.Name && !kind.hasCommand(child.Name)
	})
	node.Positional = slices.DeleteFunc(node.Positional, func(v *kong.Value) bool { return v.Name == "id" && kind.Singleton })
	node.Flags = slices.DeleteFunc(node.Flags, func(f *kong.Flag) bool { return f.Name == "type" && kind.facet() == nil })
	for _, value := range node.Positional {
		fillValue(value, words)
	}
	for _, flag := range node.Flags {
		fillValue(flag.Value, words)
	}
	for _, child := range node.Children {
		adapt(child, kind, words)
	}
}

func fillValue(value *kong.Value, words *strings.Replacer) {
	value.Help, value.OrigHelp = words.Replace(value.Help), words.Replace(value.OrigHelp)
	if value.Target.Kind() == reflect.String {
		value.Enum = words.Replace(value.Enum)
	}
}

// words puts the words of a kind into texts for people.
func (k Kind) words() *strings.Replacer {
	article := "a "
	switch {
	case k.Singleton:
		article = "the "
	case strings.ContainsRune("aeio", rune(k.Title[0])): // not use case
		article = "an "
	}
	types := ""
	if f := k.facet(); f != nil {
		types = strings.Join(f.Enum, ", ")
		if k.AlsoLists != nil {
			types += " or " + k.AlsoLists.All
		}
	}
	return strings.NewReplacer(
		"{kind}", k.Name,
		"{title}", k.Title,
		"{titles}", k.titles(),
		"{Titles}", upperFirst(k.titles()),
		"{a title}", article+k.Title,
		"{A title}", upperFirst(article)+k.Title,
		" {id}", k.exampleID(),
		"{prefix}", k.Prefix,
		"{list}", k.exampleList(),
		"{types}", types,
		"{Description}", strings.TrimSuffix(k.Description, ".")+".",
	)
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
