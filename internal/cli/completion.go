package cli

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"personae.dev/internal/cli/format"
)

// The shells complete a line by running this program with the line in
// completeLine. What it prints is offered.
const completeLine = "PERSONAE_COMPLETE"

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"The shell: bash, zsh or fish."`
}

// Help implements kong.HelpProvider.
func (completionCmd) Help() string {
	return `Put the script into the file that the shell reads when it starts.

Examples:

  personae completion bash >>~/.bashrc
  personae completion zsh >>~/.zshrc
  personae completion fish >~/.config/fish/completions/personae.fish`
}

// Run shows the script of a shell.
func (c completionCmd) Run(stdio format.Stdio) error {
	scripts := map[string]string{
		"bash": `_personae() {
  local IFS=$'\n' line="${COMP_LINE:0:COMP_POINT}"
  COMPREPLY=($(` + completeLine + `="$line" "${COMP_WORDS[0]}" 2>/dev/null))
  # To bash, a word usually begins after an equals sign.
  [[ $COMP_WORDBREAKS == *=* && ${line##* } == *=* ]] && COMPREPLY=("${COMPREPLY[@]#*=}")
}
complete -o default -F _personae personae
`,
		"zsh": `(( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }
_personae() {
  local -a offers
  offers=("${(@f)$(` + completeLine + `="${(j: :)words[1,CURRENT]}" "${words[1]}" 2>/dev/null)}")
  [[ -n "$offers" ]] && compadd -- $offers || _files
}
compdef _personae personae
`,
		// Files are offered after a flag.
		"fish": `complete -c personae -f -a '(` + completeLine + `=(commandline -cp) personae 2>/dev/null)'
complete -c personae -F -n 'string match -q -- "-*" (commandline -opc)[-1]'
`,
	}
	_, err := fmt.Fprint(stdio.Out, scripts[c.Shell])
	return err
}

// completing returns the line that a shell wants to have completed.
func completing() (line string, ok bool) { return os.LookupEnv(completeLine) }

// complete returns what can stand in the place of the last word of a line, which
// may be empty: commands, flags, and values of flags that have a choice.
func complete(app *kong.Application, line string) (offers []string) {
	words := strings.Fields(line)
	if len(words) == 0 || strings.HasSuffix(line, " ") {
		words = append(words, "")
	}
	node, last := app.Node, words[len(words)-1]
	var before *kong.Flag // the flag whose value is the next word
	for _, word := range words[1:max(len(words)-1, 1)] {
		if before != nil {
			before = nil
			continue
		}
		if strings.HasPrefix(word, "-") {
			before = flagNamed(node, word)
			continue
		}
		for _, child := range node.Children {
			if child.Name == word || slices.Contains(child.Aliases, word) {
				node = child
				break
			}
		}
	}
	name, value, given := strings.Cut(last, "=")
	switch {
	case before != nil:
		offers = values(before, "")
	case given:
		if flag := flagNamed(node, name+"="); flag != nil {
			offers = values(flag, name+"=")
		}
		last = name + "=" + value
	case strings.HasPrefix(last, "-"):
		for _, group := range node.AllFlags(true) {
			for _, flag := range group {
				offers = append(offers, "--"+flag.Name)
			}
		}
	default:
		for _, child := range node.Children {
			if !child.Hidden {
				offers = append(offers, child.Name)
			}
		}
		for _, arg := range node.Positional {
			offers = append(offers, choices(arg)...)
		}
	}
	offers = slices.DeleteFunc(offers, func(offer string) bool { return !strings.HasPrefix(offer, last) })
	slices.Sort(offers)
	return offers
}

// flagNamed returns the flag of a word that the next word is the value of, or of a
// word that ends with "="; nil for none.
func flagNamed(node *kong.Node, word string) *kong.Flag {
	name, value, given := strings.Cut(word, "=")
	if given && value != "" {
		return nil
	}
	for _, group := range node.AllFlags(false) {
		for _, flag := range group {
			if !flag.IsBool() && (name == "--"+flag.Name || flag.Short != 0 && name == "-"+string(flag.Short)) {
				return flag
			}
		}
	}
	return nil
}

func values(flag *kong.Flag, prefix string) (offers []string) {
	for _, choice := range choices(flag.Value) {
		offers = append(offers, prefix+choice)
	}
	return offers
}

// choices returns the values that there are, none where any is possible.
func choices(value *kong.Value) []string {
	return slices.DeleteFunc(strings.Split(value.Enum, ","), func(choice string) bool { return choice == "" })
}
