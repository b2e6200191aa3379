package e2e

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// Whoever asks a command for help is shown how it is used, not only what there
// is. The commands are those that `personae --help` lists.
func TestEveryCommandHasExamples(t *testing.T) {
	t.Parallel()
	out, err := personae(t.TempDir(), "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	_, list, found := strings.Cut(string(out), "\nCommands:\n")
	if !found {
		t.Fatalf("the help lists no commands:\n%s", out)
	}
	list, _, _ = strings.Cut(list, "\n\n")
	listed := regexp.MustCompile(`(?m)^  (\w[\w ]*\w)  +\w.*$`).FindAllStringSubmatch(list, -1)
	if len(listed) != strings.Count(list, "\n")+1 {
		t.Fatalf("%d commands found in:\n%s", len(listed), list)
	}
	for _, match := range listed {
		command := match[1]
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			cmd := personae(t.TempDir(), append(strings.Fields(command), "--help")...)
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			example := regexp.MustCompile(`(?m)^Examples?:\n(\n|.)*^ +.*\bpersonae ` + command)
			if !example.Match(out) {
				t.Errorf("no example:\n%s", out)
			}
		})
	}
}

// The page that shows `personae migrate` shows every step.
func TestMigrateAsDocumented(t *testing.T) {
	t.Parallel()
	const command = "personae migrate --database sqlite:copy.db"
	page, err := os.ReadFile("../docs/import-export.md")
	if err != nil {
		t.Fatal(err)
	}
	out, err := personae(t.TempDir(), strings.Fields(command)[1:]...).Output()
	if err != nil {
		t.Fatal(err)
	}
	if want := "$ " + command + "\n" + string(out) + "$ "; !strings.Contains(string(page), want) {
		t.Errorf("docs/import-export.md does not show\n%s", want)
	}
}
