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

// TestCompletionOfBash lets bash complete a line.
func TestCompletionOfBash(t *testing.T) {
	t.Parallel()
	bash, err := exec.LookPath("bash")
	if err != nil {
		machinetest.Lacks(t, "no bash, so that its completion is not tried")
	}
	var script strings.Builder
	if err := (completionCmd{Shell: "bash"}).Run(Stdio{Out: &script}); err != nil {
		t.Fatal(err)
	}
	// A program in the place of personae shows the line that it is asked to complete.
	script.WriteString(`personae() { echo "asked:$PERSONAE_COMPLETE"; }
COMP_LINE='personae persona li more' COMP_POINT=19 COMP_WORDS=(personae persona li more)
_personae; echo "${COMPREPLY[@]}"; complete -p personae`)
	out, err := exec.CommandContext(t.Context(), bash, "-c", script.String()).CombinedOutput()
	if want := "asked:personae persona li\ncomplete -o default -F _personae personae\n"; err != nil || string(out) != want {
		t.Errorf("%v: %q, want %q", err, out, want)
	}
}
