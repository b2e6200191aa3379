package cli

import (
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// root is the folder of the project.
const root = "../.."

// pages returns the pages of the documentation by their paths under root.
func pages(t *testing.T) map[string]string {
	t.Helper()
	pages := map[string]string{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (strings.HasPrefix(entry.Name(), ".") && path != root || entry.Name() == "node_modules" || entry.Name() == "testdata"):
			return fs.SkipDir
		case filepath.Ext(path) != ".md":
			return nil
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(root, path) //nolint:errcheck // it is below root
		pages[filepath.ToSlash(name)] = string(text)
		return err
	})
	if err != nil || len(pages) < 10 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	return pages
}

var (
	fence   = regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```")
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ +(.+?) *$`)
	command = regexp.MustCompile(`(?:^|[\s(|;])(?:bin/)?personae((?: +[^\s|;&<>()#]+)+)`)
)

// TestLinks follows the links of all pages that stay within the project, to a
// heading, too.
func TestLinks(t *testing.T) {
	t.Parallel()
	all := pages(t)
	for name, text := range all {
		for _, match := range link.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
			target, err := url.Parse(match[1])
			if err != nil || target.Scheme != "" {
				continue
			}
			file := name
			if target.Path != "" {
				file = filepath.ToSlash(filepath.Join(filepath.Dir(name), filepath.FromSlash(target.Path)))
			}
			if _, err := os.Stat(filepath.Join(root, file)); err != nil {
				t.Errorf("%s: %s is not there", name, match[1])
			} else if page, ok := all[file]; ok && target.Fragment != "" && !slices.Contains(anchors(page), target.Fragment) {
				t.Errorf("%s: %s has no heading %s", name, file, target.Fragment)
			}
		}
	}
}

// TestReadmeIsShort holds the length that somebody reads who has just come.
func TestReadmeIsShort(t *testing.T) {
	t.Parallel()
	if n := strings.Count(pages(t)["README.md"], "\n"); n > 130 {
		t.Errorf("README.md has %d lines, and 130 are enough", n)
	}
}

// anchors returns the names that GitHub gives to headings.
func anchors(page string) (names []string) {
	for _, match := range heading.FindAllStringSubmatch(fence.ReplaceAllString(page, ""), -1) {
		name := regexp.MustCompile(`[^\p{L}\p{N}\- _]`).ReplaceAllString(strings.ToLower(match[1]), "")
		names = append(names, strings.ReplaceAll(name, " ", "-"))
	}
	return names
}

// TestCommandsOfPages looks up each command and flag that the code of a page names.
func TestCommandsOfPages(t *testing.T) {
	t.Parallel()
	model, err := Model()
	if err != nil {
		t.Fatal(err)
	}
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range pages(t) {
		if name == "CHANGELOG.md" {
			continue
		}
		for _, match := range fence.FindAllStringSubmatch(text, -1) {
			for line := range strings.Lines(strings.ReplaceAll(match[2], "\\\n", " ")) {
				if match[1] == "console" && !strings.HasPrefix(line, "$ ") {
					continue // what a command prints
				}
				for _, words := range command.FindAllStringSubmatch(line, -1) {
					checkCommand(t, name, model.Node, strings.Fields(words[1]))
				}
			}
		}
		for _, match := range regexp.MustCompile("`make ([a-z-]+)[^`]*`").FindAllStringSubmatch(text, -1) {
			if !regexp.MustCompile(`(?m)^` + match[1] + `:`).Match(makefile) {
				t.Errorf("%s: the Makefile has no %s", name, match[1])
			}
		}
		for _, match := range regexp.MustCompile("`personae( [^`]+)`").FindAllStringSubmatch(text, -1) {
			checkCommand(t, name, model.Node, strings.Fields(match[1]))
		}
	}
}

func checkCommand(t *testing.T, page string, node *kong.Node, words []string) {
	t.Helper()
	if words[0] == "personae" { // the user of that name runs it
		words = words[1:]
	}
	if first := words[0][0]; first < 'a' || first > 'z' { // a name, and no command
		return
	}
	line := strings.Join(words, " ")
	for _, word := range words {
		word = strings.Trim(word, `"'.,:`)
		if strings.HasPrefix(word, "--") {
			flag, _, _ := strings.Cut(strings.TrimPrefix(word, "--"), "=")
			if flag == "" { // what follows is for another program
				return
			}
			if !hasFlag(node, flag) {
				t.Errorf("%s: personae %s: there is no flag --%s", page, line, flag)
			}
			continue
		}
		if len(node.Children) == 0 || strings.ContainsAny(word, "{…<[$-") && !slices.ContainsFunc(node.Children, named(word)) ||
			word == strings.ToUpper(word) || word == "help" {
			continue
		}
		i := slices.IndexFunc(node.Children, named(word))
		if i < 0 {
			t.Errorf("%s: personae %s: there is no command %s", page, line, word)
			return
		}
		node = node.Children[i]
	}
}

func named(word string) func(*kong.Node) bool {
	return func(node *kong.Node) bool { return node.Name == word || slices.Contains(node.Aliases, word) }
}

func hasFlag(node *kong.Node, name string) bool {
	if name == "version" || name == "help" {
		return true
	}
	for _, flags := range node.AllFlags(false) {
		for _, flag := range flags {
			if flag.Name == name {
				return true
			}
		}
	}
	return false
}
