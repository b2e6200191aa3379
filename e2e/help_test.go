package e2e

import (
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
	commands := listed(string(out))
	if len(commands) < 10 {
		t.Fatalf("only the commands %q are listed in:\n%s", commands, out)
	}
	var all []string
	ofKinds := map[string]bool{} // the sets of commands that kinds have; one of each is looked at
	for _, command := range commands {
		out, err := personae(t.TempDir(), command, "--help").Output()
		if err != nil {
			t.Fatalf("%s: %v", command, err)
		}
		below := listed(string(out))
		set := strings.ReplaceAll(strings.Join(below, ","), command+" ", "")
		switch {
		case len(below) == 0:
			all = append(all, command)
		case !ofKinds[set]:
			ofKinds[set] = true
			all = append(all, below...)
		}
	}
	for _, command := range all {
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

// listed returns the commands that a help lists: they are indented, and no flags.
func listed(help string) (commands []string) {
	for _, match := range regexp.MustCompile(`(?m)^  ([a-z][\w-]*(?: [a-z][\w-]*)*)(?: \(\w+\))?  +[A-Z].*$`).FindAllStringSubmatch(help, -1) {
		if match[1] != "help" && match[1] != "version" {
			commands = append(commands, match[1])
		}
	}
	return commands
}
