// The program gen writes docs/cli.md and docs/configuration.md from the grammar of
// the command line.
package main

import (
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"personae.dev/internal/cli"
)

//go:generate go run . ../../../docs

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: gen FOLDER")
	}
	model, err := cli.Model()
	if err != nil {
		log.Fatal(err)
	}
	settings := configurationPage(model)
	for name, text := range map[string]string{"cli.md": commandsPage(model, settings), "configuration.md": settings} {
		if err := os.WriteFile(filepath.Join(os.Args[1], name), []byte(text), 0o644); err != nil { //nolint:gosec // documentation is public
			log.Fatal(err)
		}
	}
}

// page is Markdown that is being written. Flags that settings has are left out.
type page struct {
	strings.Builder
	settings string
}

func (p *page) line(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

const generated = "<!-- Made by `make generate` from the grammar in internal/cli. Do not edit. -->"

// exampleKind is the kind whose commands are shown; the other kinds have the same.
const exampleKind = "persona"

func commandsPage(app *kong.Application, settings string) string {
	p := page{settings: settings}
	p.line("%s\n\n# The command line\n", generated)
	p.line("`personae COMMAND --help` shows the same in a terminal, and `personae completion` completes commands in a shell.")
	p.line("Results go to stdout, everything else to stderr. Exit codes: 0 for success, 1 for a failure, 2 for a wrong flag,")
	p.line("argument or setting, which is 78 for `serve` and 1 for `healthcheck`. Settings that many commands have are explained")
	p.line("once, in [configuration.md](configuration.md).\n")
	p.line("The commands of %s are shown; every other kind has the same, with its own name:", exampleKind)
	var kinds []string
	groups := map[string]string{}
	for _, node := range app.Children {
		if isKind(app, node) && node.Name != exampleKind {
			kinds = append(kinds, "`"+node.Name+"`")
		}
		groups[node.Group.Key] = node.Group.Title
	}
	p.line("%s. [kinds.md](kinds.md) has their fields.", strings.Join(kinds, ", "))
	for _, group := range []string{"library", "database", "more"} {
		p.line("\n## %s", strings.TrimSuffix(groups[group], ":"))
		for _, node := range app.Children {
			if node.Group.Key == group && !node.Hidden && (!isKind(app, node) || node.Name == exampleKind) {
				p.command(node)
			}
		}
	}
	return p.String()
}

// isKind tells whether a command is that of a kind: it has the commands of persona.
func isKind(app *kong.Application, node *kong.Node) bool {
	has := func(name string) bool {
		return slices.ContainsFunc(node.Children, func(child *kong.Node) bool { return child.Name == name })
	}
	return has("diff") && has("edit") && node.Parent == app.Node
}

// command writes a command that does something, or those below it.
func (p *page) command(node *kong.Node) {
	if len(node.Children) > 0 {
		for _, child := range node.Children {
			if !child.Hidden {
				p.command(child)
			}
		}
		return
	}
	name := node.Name
	for above := node.Parent; above != nil; above = above.Parent {
		name = above.Name + " " + name
	}
	usage := name
	for _, arg := range node.Positional {
		usage += " " + arg.Summary()
	}
	p.line("\n### %s\n\n%s\n\n```\n%s [flags]\n```", name, node.Help, usage)
	if detail := strings.TrimSpace(node.Detail); detail != "" {
		text, examples, _ := strings.Cut(detail, "Examples:")
		if only, after, found := strings.Cut(text, "Example:"); found {
			text, examples = only, after
		}
		if text = strings.TrimSpace(text); text != "" {
			p.line("\n%s", text)
		}
		if examples = strings.Trim(examples, "\n"); examples != "" {
			p.line("\n```sh\n%s\n```", script(examples))
		}
	}
	var rows []string
	for _, arg := range node.Positional {
		rows = append(rows, fmt.Sprintf("| `%s` | %s |", arg.Name, cell(arg.Help)))
	}
	for _, flag := range node.Flags {
		if flag.Hidden || flag.Name == "help" || strings.Contains(p.settings, settingRow(flag)) {
			continue
		}
		help := flag.Help
		if len(flag.Envs) > 0 {
			help += " Variable: `" + flag.Envs[0] + "`."
		}
		rows = append(rows, fmt.Sprintf("| %s | %s |", flagCell(flag), cell(help)))
	}
	if len(rows) > 0 {
		p.line("\n| argument, flag | meaning |\n|---|---|\n%s", strings.Join(rows, "\n"))
	}
}

// script removes the spaces that examples are indented by. Where some are below a
// line of prose, that becomes a comment.
func script(text string) string {
	titled := strings.Contains(text, ":\n    ")
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		line = strings.TrimPrefix(line, "  ")
		switch {
		case titled && strings.HasPrefix(line, "  "):
			line = line[2:]
		case titled && line != "":
			line = "# " + line
		}
		lines[i] = line
	}
	return strings.Join(lines, "\n")
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

func flagCell(flag *kong.Flag) string {
	name := "--" + flag.Name
	if flag.Short != 0 {
		name = fmt.Sprintf("-%c, %s", flag.Short, name)
	}
	if !flag.IsBool() {
		name += "=" + flag.FormatPlaceHolder()
	}
	return "`" + name + "`"
}

func configurationPage(app *kong.Application) string {
	var p page
	p.line("%s\n\n# Configuration\n", generated)
	p.line("Every setting is a flag, and most also a variable; a flag overrides its variable. There is no configuration file.")
	serve := child(app.Node, "serve")
	var titles []string
	tables := map[string][]string{}
	for _, flag := range serve.Flags {
		if flag.Hidden || flag.Name == "help" {
			continue
		}
		title := "The server"
		if flag.Group != nil {
			title = strings.TrimSuffix(flag.Group.Title, ":")
		}
		if tables[title] == nil {
			titles = append(titles, title)
		}
		tables[title] = append(tables[title], settingRow(flag))
	}
	p.line("\n## `personae serve`")
	for _, title := range titles {
		p.line("\n### %s\n\n| flag | variable | meaning |\n|---|---|---|\n%s", title, strings.Join(tables[title], "\n"))
	}
	p.line("\n## Commands that call a server\n\n| flag | variable | meaning |\n|---|---|---|")
	for _, flag := range child(child(app.Node, exampleKind), "get").Flags {
		if len(flag.Envs) > 0 {
			p.line("%s", settingRow(flag))
		}
	}
	p.line("| | `PERSONAE_API_KEY` | The API key. There is no flag for it, so that it never appears in the process list. |")
	p.line("\n## Commands on the database\n\n| flag | variable | meaning |\n|---|---|---|")
	for _, flag := range child(app.Node, "import").Flags {
		if len(flag.Envs) > 0 && flag.Group == nil {
			p.line("%s", settingRow(flag))
		}
	}
	p.line("\nThey also take the flags of *Database tuning* above. [cli.md](cli.md) has what only some of them take.")
	return p.String()
}

func settingRow(flag *kong.Flag) string {
	variable := ""
	if len(flag.Envs) > 0 {
		variable = "`" + flag.Envs[0] + "`"
	}
	return fmt.Sprintf("| %s | %s | %s |", flagCell(flag), variable, cell(flag.Help))
}

func child(node *kong.Node, name string) *kong.Node {
	i := slices.IndexFunc(node.Children, func(n *kong.Node) bool { return n.Name == name })
	if i < 0 {
		log.Fatalf("gen: there is no command %s", name)
	}
	return node.Children[i]
}
