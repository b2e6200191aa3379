package cli

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"personae.dev/internal/machinetest"
)

// TestComplete shows what shells are offered for a line.
func TestComplete(t *testing.T) {
	t.Parallel()
	model, err := Model()
	if err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"personae prod":                       "product",
		"personae persona hi":                 "history",
		"personae persona list --or":          "--order",
		"personae persona list --order up":    "updatedAt",
		"personae persona list --order=na":    "--order=name",
		"personae persona list -o ":           "json table yaml",
		"personae completion ":                "bash fish zsh",
		"personae persona list --limit 3 --s": "--server --since --status",
		"personae persona get x":              "",
		"personae nothing ":                   "persona",
	} {
		got := complete(model, line)
		if line == "personae nothing " { // as if it were not there
			if !slices.Contains(got, want) {
				t.Errorf("%s: %q", line, got)
			}
			continue
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}

// TestCompletionOfShells lets each shell complete a line. A program in the place of
// personae offers the line that it is asked to complete.
func TestCompletionOfShells(t *testing.T) {
	t.Parallel()
	const stub = "personae() { echo \"$PERSONAE_COMPLETE\"; }\n"
	for name, test := range map[string]struct{ shell, script, want string }{
		"bash": {"bash", stub + `COMP_LINE='personae persona li more' COMP_POINT=19 COMP_WORDS=(personae persona li more)
_personae; echo "${COMPREPLY[@]}"; complete -p personae`, "personae persona li\ncomplete -o default -F _personae personae\n"},
		"bash after an equals sign": {"bash", stub + `COMP_LINE='personae persona list --order=na' COMP_POINT=32 COMP_WORDS=(personae persona list --order = na)
_personae; echo "${COMPREPLY[@]}"`, "na\n"},
		"zsh": {"zsh", stub + `compadd() { shift; print -r -- "$@"; }
words=(personae persona list --order=na more) CURRENT=4
_personae`, "personae persona list --order=na\n"},
		"fish": {"fish", `function personae; echo "$PERSONAE_COMPLETE"; end
complete -C 'personae persona li'`, "personae persona li\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shell, err := exec.LookPath(test.shell)
			switch {
			case err != nil && test.shell == "bash":
				machinetest.Lacks(t, "no bash, so that its completion is not tried")
			case err != nil:
				t.Skipf("there is no %s", test.shell)
			}
			var script strings.Builder
			if test.shell == "zsh" { // what it has on a terminal
				script.WriteString("compdef() { }\n")
			}
			if err := (completionCmd{Shell: test.shell}).Run(Stdio{Out: &script}); err != nil {
				t.Fatal(err)
			}
			out, err := exec.CommandContext(t.Context(), shell, "-c", script.String()+test.script).CombinedOutput()
			if err != nil || string(out) != test.want {
				t.Errorf("%v: %q, want %q", err, out, test.want)
			}
		})
	}
}
