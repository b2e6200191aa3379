package archtest

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

// A fault is one place where the tree breaks a rule.
type fault struct {
	rule  string // the kind of rule: "import", "module", …
	where string // a file or a folder
	what  string // what is wrong and what to do
}

func (f fault) String() string { return fmt.Sprintf("%s: %s (%s)", f.where, f.what, f.rule) }

// A pkg is what the checker reads of one folder of Go files.
type pkg struct {
	dir   string
	name  string // of its non-test files; "" where there are none
	files []file
}

type file struct {
	path    string
	test    bool
	imports []string
	doc     string // the package comment, "" for none
	lines   int
}

// check reads every Go file below the root of fsys and every go.mod, and returns
// the faults and the folders that it read. The packages of nested modules,
// testdata and files with "//go:build ignore" are not part of the house.
func check(fsys fs.FS) (faults []fault, dirs []string, err error) {
	pkgs, err := readPackages(fsys)
	if err != nil {
		return nil, nil, err
	}
	size := map[string]struct{ lines, files int }{}
	for _, p := range pkgs {
		dirs = append(dirs, p.dir)
		faults = append(faults, checkNames(p)...)
		if p.name != "" {
			faults = append(faults, checkComment(p)...)
		}
		r, ok := roomOf(p.dir)
		if !ok {
			faults = append(faults, fault{"room", p.dir, "is no room of the house: give it a row in internal/archtest/rules_test.go"})
			continue
		}
		for _, f := range p.files {
			if f.test {
				continue
			}
			faults = append(faults, checkImports(r, p, f)...)
			s := size[r.dir]
			size[r.dir] = struct{ lines, files int }{s.lines + f.lines, s.files + 1}
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(size)) {
		if s := size[dir]; !strings.HasSuffix(dir, "test") && (s.lines > maxLines || s.files > maxFiles) {
			faults = append(faults, fault{"size", dir, fmt.Sprintf("has %d lines in %d files, of %d and %d at most: divide the room", s.lines, s.files, maxLines, maxFiles)})
		}
	}
	gomods, err := readNested(fsys)
	if err != nil {
		return nil, nil, err
	}
	for _, where := range append(gomods, "go.mod") {
		gomod, err := fs.ReadFile(fsys, where)
		if err != nil {
			return nil, nil, err
		}
		faults = append(faults, checkModules(where, string(gomod))...)
	}
	return faults, dirs, nil
}

// readNested returns the go.mod of every module below ours.
func readNested(fsys fs.FS) (gomods []string, err error) {
	err = fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if d.IsDir() && name != "." && hidden(d.Name()) {
			return fs.SkipDir
		}
		if d.Name() == "go.mod" && name != "go.mod" {
			gomods = append(gomods, name)
		}
		return err
	})
	return gomods, err
}

// hidden tells whether the go command passes over a folder of this name.
func hidden(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" || name == "vendor"
}

// roomOf returns the innermost room that dir is in.
func roomOf(dir string) (found room, ok bool) {
	for _, r := range rooms {
		if within(dir, r.dir) && len(r.dir) >= len(found.dir) {
			found, ok = r, true
		}
	}
	return found, ok
}

// within tells whether p is the path parent or below it.
func within(p, parent string) bool { return p == parent || strings.HasPrefix(p, parent+"/") }

func checkImports(r room, p pkg, f file) (faults []fault) {
	for _, imp := range f.imports {
		if what := importFault(r, p, imp); what != "" {
			faults = append(faults, fault{"import", f.path, what})
		}
	}
	return faults
}

// importFault says what is wrong with an import of a non-test file, or nothing.
func importFault(r room, p pkg, imp string) string {
	for _, t := range testOnly {
		if within(imp, t) && !strings.HasSuffix(p.name, "test") {
			return fmt.Sprintf("imports %s, which is for tests only", imp)
		}
	}
	for _, res := range reserved {
		if within(imp, res.path) && (!within(r.dir, res.room) || strings.HasSuffix(r.dir, "test")) {
			return fmt.Sprintf("imports %s, which only %s may: %s", imp, res.room, res.why)
		}
	}
	if imp == "C" {
		return "uses cgo: the binary is built without"
	}
	if dir, ours := strings.CutPrefix(imp, module+"/"); ours {
		to, ok := roomOf(dir)
		if ok && to.dir != r.dir && !slices.Contains(r.may, to.dir) {
			return fmt.Sprintf("imports %s: the room %s may import %s", imp, r.dir, orNothing(r.may))
		}
		return ""
	}
	if r.stdOnly && !standard(imp) {
		return fmt.Sprintf("imports %s: of what is not ours, %s may import only the standard library", imp, r.dir)
	}
	return ""
}

// standard tells whether an import path is the standard library's: only those
// have no dot in their first element.
func standard(imp string) bool {
	first, _, _ := strings.Cut(imp, "/")
	return !strings.Contains(first, ".")
}

func orNothing(dirs []string) string {
	if len(dirs) == 0 {
		return "no other"
	}
	return strings.Join(dirs, ", ")
}

func checkNames(p pkg) []fault {
	for _, name := range []string{p.name, path.Base(p.dir)} {
		if slices.Contains(vague, name) {
			return []fault{{"name", p.dir, fmt.Sprintf("is named %q, which does not say what it is for", name)}}
		}
	}
	return nil
}

// checkComment wants "Package x …" of a package and any comment of a command.
func checkComment(p pkg) []fault {
	want := "Package " + p.name + " "
	if p.name == "main" {
		want = ""
	}
	for _, f := range p.files {
		if !f.test && f.doc != "" && strings.HasPrefix(strings.Join(strings.Fields(f.doc), " "), want) {
			return nil
		}
	}
	return []fault{{"comment", p.dir, fmt.Sprintf("has no package comment %q that says what it is for, and what not", want+"…")}}
}

// checkModules reads the require and replace lines of a go.mod.
func checkModules(where, gomod string) (faults []fault) {
	bad := func(format string, args ...any) {
		faults = append(faults, fault{"module", where, fmt.Sprintf(format, args...)})
	}
	dir := path.Dir(where)
	more, known := nested[dir]
	if dir != "." && !known {
		bad("is a module that has no row: give it one in internal/archtest/rules_test.go")
		return faults
	}
	block := ""
	for line := range strings.Lines(gomod) {
		code, comment, _ := strings.Cut(line, "//")
		words := strings.Fields(code)
		switch {
		case len(words) == 0:
			continue
		case words[0] == ")":
			block = ""
			continue
		case len(words) == 2 && words[1] == "(":
			block = words[0]
			continue
		case block != "":
			words = slices.Insert(words, 0, block)
		}
		switch words[0] {
		case "replace":
			switch {
			case dir == ".":
				bad("replaces %s: then 'go install %s/cmd/personae' would refuse", words[1], module)
			case words[1] != module:
				bad("replaces %s: a module below ours replaces ours only", words[1])
			}
		case "require":
			name, version := words[1], words[2]
			indirect := strings.TrimSpace(comment) == "indirect"
			if indirect && dir != "." {
				continue // a peer has its own
			}
			pinned, known := modules[name]
			if at, ok := more[name]; ok {
				pinned, known = at, true
			}
			if !known && !indirect {
				bad("requires %s: a new dependency needs an ADR in docs/adr and a row in internal/archtest/rules_test.go", name)
			}
			if known && version != pinned {
				bad("requires %s %s, which is pinned to %s in internal/archtest/rules_test.go", name, version, pinned)
			}
		}
	}
	return faults
}

func readPackages(fsys fs.FS) ([]pkg, error) {
	byDir := map[string]*pkg{}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := path.Base(name)
		if d.IsDir() {
			if name == "." {
				return nil
			}
			if hidden(base) {
				return fs.SkipDir
			}
			if _, err := fs.Stat(fsys, path.Join(name, "go.mod")); err == nil {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(base) != ".go" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") {
			return nil
		}
		src, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		if ignored(parsed) {
			return nil
		}
		dir := path.Dir(name)
		p := byDir[dir]
		if p == nil {
			p = &pkg{dir: dir}
			byDir[dir] = p
		}
		f := file{path: name, test: strings.HasSuffix(base, "_test.go"), lines: bytes.Count(src, []byte("\n"))}
		for _, spec := range parsed.Imports {
			imp, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			f.imports = append(f.imports, imp)
		}
		if parsed.Doc != nil {
			f.doc = parsed.Doc.Text()
		}
		if !f.test {
			p.name = parsed.Name.Name
		}
		p.files = append(p.files, f)
		return nil
	})
	if err != nil {
		return nil, err
	}
	var pkgs []pkg
	for _, dir := range slices.Sorted(maps.Keys(byDir)) {
		pkgs = append(pkgs, *byDir[dir])
	}
	return pkgs, nil
}

// ignored tells whether a file has the constraint "//go:build ignore": a script
// that is run by itself and is part of no package.
func ignored(f *ast.File) bool {
	for _, group := range f.Comments {
		for _, c := range group.List {
			if c.Pos() > f.Package || !constraint.IsGoBuild(c.Text) {
				continue
			}
			if expr, err := constraint.Parse(c.Text); err == nil && expr.String() == "ignore" {
				return true
			}
		}
	}
	return false
}
