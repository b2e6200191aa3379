package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// tests is what can be named on a page.
type tests struct {
	funcs   map[string][]string // tests, fuzz targets and benchmarks, by package
	texts   []string            // what stands in quotes in tests: names of subtests among them
	scripts map[string]bool     // e2e/testdata, without .txtar
}

func readTests(fsys fs.FS) (tests, error) {
	found := tests{funcs: map[string][]string{}, scripts: map[string]bool{}}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		dir, base := path.Split(name)
		dir = path.Clean(dir)
		switch {
		case err != nil:
			return err
		case dir == "e2e/testdata" && path.Ext(base) == ".txtar":
			found.scripts[strings.TrimSuffix(base, ".txtar")] = true
			return nil
		case d.IsDir() && name != "." && name != "e2e/testdata" && hidden(base):
			return fs.SkipDir
		case path.Ext(base) != ".go" || !strings.HasSuffix(base, "_test.go") && !strings.HasSuffix(dir, "test"):
			return nil
		}
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Recv == nil && named.MatchString(n.Name.Name) {
					found.funcs[dir] = append(found.funcs[dir], n.Name.Name)
				}
			case *ast.BasicLit:
				if unquoted, err := strconv.Unquote(n.Value); err == nil {
					found.texts = append(found.texts, unquoted)
				}
			}
			return true
		})
		return nil
	})
	return found, err
}

var (
	fenced   = regexp.MustCompile("(?m)^```.*$")
	block    = regexp.MustCompile(`\n\s*\n|\n\||\n\$ |\n[-*] `) // a paragraph, a row, a command or an item
	sentence = regexp.MustCompile(`[.)]+\s+`)
	command  = regexp.MustCompile("`go test [^`]+`|^(\\$ )?go test .*")
	pattern  = regexp.MustCompile(`-(?:run|fuzz|bench)[ =](?:'([^']+)'|(\S+))`)
	inFolder = regexp.MustCompile(`\./[\w/]+`)
	script   = regexp.MustCompile(`\b([a-z_]+)\.txtar\b`)
	named    = regexp.MustCompile(`\b(?:Test|Fuzz|Benchmark)[A-Z]\w*(?:/\w+)*`)
	place    = regexp.MustCompile("[`\\[]([a-z0-9]+(?:/[a-z0-9]+)*)[`\\]]")
)

// missing returns what a page names that is not there. A name belongs to the
// package that its sentence names next, else to the one before it.
func (all tests) missing(page string) (faults []string, found int) {
	for _, b := range block.Split(fenced.ReplaceAllString(page, "\n"), -1) {
		b = strings.Join(strings.Fields(b), " ")
		for _, match := range script.FindAllStringSubmatch(b, -1) {
			if found++; !all.scripts[match[1]] {
				faults = append(faults, match[0]+" is not in e2e/testdata")
			}
		}
		for _, c := range command.FindAllString(b, -1) {
			more, n := all.missingIn(strings.ReplaceAll(strings.Trim(c, "`"), `\|`, "|"))
			faults, found = append(faults, more...), found+n
		}
		for _, s := range sentence.Split(command.ReplaceAllString(b, ""), -1) {
			places := slices.DeleteFunc(place.FindAllStringSubmatchIndex(s, -1), func(at []int) bool { return all.funcs[s[at[2]:at[3]]] == nil })
			for _, at := range named.FindAllStringIndex(s, -1) {
				found++
				next := slices.IndexFunc(places, func(p []int) bool { return p[0] > at[1] })
				var dirs []string // any
				if next < 0 {
					next = len(places) - 1
				}
				if next >= 0 {
					dirs = []string{s[places[next][2]:places[next][3]]}
				}
				faults = append(faults, all.lacks(s[at[0]:at[1]], dirs, func(want, name string) bool { return want == name })...)
			}
		}
	}
	return faults, found
}

// missingIn returns which patterns of a `go test …` match nothing.
func (all tests) missingIn(c string) (faults []string, found int) {
	dirs := inFolder.FindAllString(c, -1)
	for n := range dirs {
		dirs[n] = path.Clean(dirs[n])
	}
	for _, match := range pattern.FindAllStringSubmatch(c, -1) {
		for _, want := range alternatives(match[1] + match[2]) {
			if want == "NAME" || want == "xx" || want == "^$" { // whatever the reader wants, and nothing
				continue
			}
			found++
			faults = append(faults, all.lacks(want, dirs, func(want, name string) bool { return regexp.MustCompile(want).MatchString(name) })...)
		}
	}
	return faults, found
}

// alternatives are the patterns of which any may match: of "a(b|c)", ab and ac.
func alternatives(pattern string) (all []string) {
	before, rest, grouped := strings.Cut(pattern, "(")
	group, after, _ := strings.Cut(rest, ")")
	if !grouped {
		return strings.Split(pattern, "|")
	}
	for one := range strings.SplitSeq(group, "|") {
		all = append(all, before+one+after)
	}
	return all
}

// lacks tells whether no package of dirs has a test, or the test no such part.
func (all tests) lacks(want string, dirs []string, same func(want, name string) bool) []string {
	parts := strings.Split(want, "/")
	if len(dirs) == 0 {
		dirs = slices.Collect(maps.Keys(all.funcs))
	}
	if !slices.ContainsFunc(dirs, func(dir string) bool {
		return slices.ContainsFunc(all.funcs[dir], func(name string) bool { return same(parts[0], name) })
	}) {
		if len(dirs) > 1 {
			dirs = []string{"any package"}
		}
		return []string{fmt.Sprintf("%s is not in %s", parts[0], strings.Join(dirs, ", "))}
	}
	if parts[0] == "TestScripts" && len(parts) > 1 {
		if len(parts) != 3 || !all.scripts[parts[2]] && parts[2] != "NAME" {
			return []string{want + " runs no script: write TestScripts/ENGINE/NAME, where NAME is in e2e/testdata"}
		}
		return nil
	}
	for _, part := range parts[1:] {
		if !slices.ContainsFunc(all.texts, func(text string) bool { return same(part, text) }) {
			return []string{want + " has no part " + part}
		}
	}
	return nil
}

// TestNamedTests shows that the tests that our pages name are there: a pattern
// that matches nothing passes.
func TestNamedTests(t *testing.T) {
	t.Parallel()
	root := os.DirFS("../..")
	all, err := readTests(root)
	if err != nil {
		t.Fatal(err)
	}
	pages := []string{"README.md", "CONTRIBUTING.md"}
	err = fs.WalkDir(root, "docs", func(name string, d fs.DirEntry, err error) error {
		if err == nil && path.Ext(name) == ".md" {
			pages = append(pages, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	sum := 0
	for _, page := range pages {
		text, err := fs.ReadFile(root, page)
		if err != nil {
			t.Fatal(err)
		}
		faults, found := all.missing(string(text))
		for _, f := range faults {
			t.Errorf("%s: %s", page, f)
		}
		sum += found
	}
	if sum < 100 {
		t.Errorf("only %d names of tests were found", sum)
	}
}

func TestNamedTestsFinds(t *testing.T) {
	t.Parallel()
	all := tests{
		funcs:   map[string][]string{"e2e": {"TestScripts"}, "internal/app": {"TestRun", "TestRunLong"}, "client": {"TestCall", "FuzzRead"}},
		texts:   []string{"Part"},
		scripts: map[string]bool{"keys": true},
	}
	for page, want := range map[string]string{
		"`TestRun`, and\n`TestRunLong` in `internal/app`; `TestCall` in `client`. `FuzzRead` too":    "",
		"`TestRun/Part`, `go test -run 'TestRunL\\|^TestRun$' ./internal/app`, keys.txtar":           "",
		"```sh\n$ go test ./client -run Call\n```":                                                   "",
		"`go test -run 'TestScripts/.*/keys' ./e2e`, `go test -run 'TestScripts/SQLite/NAME' ./e2e`": "",
		"`TestWalk` is quick":                             "TestWalk is not in any package",
		"`TestCall` in\n`internal/app`":                   "TestCall is not in internal/app",
		"In `client` is `TestCall`, and `TestRun`":        "TestRun is not in client",
		"[client](../client): `TestRun`":                  "TestRun is not in client",
		"`go test -run 'TestCall|Walk' ./client`":         "Walk is not in client",
		"| a | `go test -run TestCall\\|Walk ./client` |": "Walk is not in client",
		"```\ngo test ./clients -run Call\n```":           "Call is not in clients",
		"`go test -run TestScripts/keys ./e2e`":           "TestScripts/keys runs no script",
		"`go test -run TestScripts/.*/locks ./e2e`":       "TestScripts/.*/locks runs no script",
		"`locks.txtar`":                                   "locks.txtar is not in e2e/testdata",
		"`TestRun/Whole`":                                 "TestRun/Whole has no part Whole",
	} {
		faults, found := all.missing(page)
		got := strings.Join(faults, "; ")
		if found == 0 || (want == "") != (got == "") || !strings.HasPrefix(got, want) || len(faults) > 1 {
			t.Errorf("%q: got %q of %d names, want %q", page, got, found, want)
		}
	}
}
