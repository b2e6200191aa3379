// Package archtest tests the architecture: which package may import which, and
// that some constructs are used nowhere. What shows in a single file alone is a
// rule for .golangci.yml.
package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

// TestArchitecture checks this repository.
func TestArchitecture(t *testing.T) {
	t.Parallel()
	problems, files, err := check(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	if len(problems) > 0 {
		t.Error(strings.Join(problems, "\n"))
	}
	if files < 100 {
		t.Errorf("only %d Go files were read", files)
	}
}

// TestChecker breaks each rule in a file of its own.
func TestChecker(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ file, source, want string }{
		"OK":                  {"internal/library/a.go", `import _ "personae.dev/internal/entity"`, ""},
		"TestsImportAnything": {"internal/entity/a_test.go", `import _ "personae.dev/internal/store"`, ""},
		"AgainstTheWay":       {"internal/store/a.go", `import _ "personae.dev/internal/library"`, "may not import personae.dev/internal/library"},
		"TransportsApart":     {"internal/mcp/a.go", `import _ "personae.dev/internal/api"`, "may not import personae.dev/internal/api"},
		"ClientKnowsNoServer": {"client/a.go", `import _ "personae.dev/internal/entity"`, "may not import personae.dev/internal/entity"},
		"ClientStandard":      {"client/a.go", `import _ "github.com/google/uuid"`, "standard library"},
		"NoRow":               {"internal/cellar/a.go", ``, "has no row"},
		"DriverOutsideStore":  {"internal/library/a.go", `import _ "modernc.org/sqlite"`, "only internal/store may"},
		"TestSupport":         {"internal/store/a.go", `import _ "personae.dev/internal/store/storetest"`, "for tests only"},
		"TestModule":          {"internal/cli/a.go", `import _ "go.uber.org/goleak"`, "for tests only"},
		"Unsafe":              {"internal/entity/a_test.go", `import _ "unsafe"`, "imports unsafe"},
		"Libc":                {"internal/store/a.go", `import _ "modernc.org/libc"`, "imports modernc.org/libc"},
		"DriverConstant":      {"internal/store/a.go", "import lib \"modernc.org/sqlite/lib\"\nvar a = lib.SQLITE_BUSY", ""},
		"DriverFunction":      {"internal/store/a.go", "import lib \"modernc.org/sqlite/lib\"\nvar a = lib.Xsqlite3_step", "uses Xsqlite3_step"},
		"RawSyscall":          {"internal/server/a.go", "import \"syscall\"\nvar a = syscall.RawSyscall6", "uses RawSyscall6"},
		"Linkname":            {"internal/server/a.go", "//go:linkname a runtime.b\nfunc a()", "go:linkname"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			problems, _, err := check(fstest.MapFS{test.file: {Data: []byte("package a\n" + test.source + "\n")}})
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(problems, "\n"); (test.want == "") != (got == "") || !strings.Contains(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// check reads every Go file of the module and returns what breaks a rule.
func check(fsys fs.FS) (problems []string, files int, err error) {
	err = fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (strings.HasPrefix(d.Name(), ".") && name != "." || d.Name() == "testdata" || name == "bench"):
			return fs.SkipDir
		case d.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		source, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		files++
		for _, p := range checkFile(name, file) {
			problems = append(problems, name+": "+p)
		}
		return nil
	})
	return problems, files, err
}

func checkFile(name string, file *ast.File) (problems []string) {
	dir := path.Dir(name)
	r, ok := rowOf(dir)
	if !ok && !forTests(dir) {
		return []string{"the package has no row in internal/archtest/rules_test.go"}
	}
	for _, spec := range file.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value)
		if why, ok := forbidden[imported]; ok {
			problems = append(problems, fmt.Sprintf("imports %s: %s", imported, why))
		}
		if !strings.HasSuffix(name, "_test.go") && !forTests(dir) {
			problems = append(problems, checkImport(r, imported)...)
		}
	}
	for _, group := range file.Comments {
		for _, c := range group.List {
			if strings.HasPrefix(c.Text, "//go:linkname") {
				problems = append(problems, "uses go:linkname")
			}
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok && (strings.HasPrefix(s.Sel.Name, "RawSyscall") || strings.HasPrefix(s.Sel.Name, "Xsqlite3_")) {
			problems = append(problems, "uses "+s.Sel.Name)
		}
		return true
	})
	return problems
}

// checkImport checks an import of a file that is no test.
func checkImport(r row, imported string) (problems []string) {
	dir, ours := strings.CutPrefix(imported, module+"/")
	to, _ := rowOf(dir)
	switch {
	case ours && forTests(dir), slices.ContainsFunc(testOnly, func(p string) bool { return within(imported, p) }):
		return []string{"imports " + imported + ", which is for tests only"}
	case ours && to.dir != r.dir && !slices.Contains(r.may, to.dir):
		return []string{fmt.Sprintf("%s may not import %s", r.dir, imported)}
	case !ours && slices.Contains(stdOnly, r.dir) && strings.Contains(strings.Split(imported, "/")[0], "."):
		return []string{fmt.Sprintf("imports %s: %s uses the standard library only", imported, r.dir)}
	case !within(r.dir, "internal/store") && slices.ContainsFunc(drivers, func(p string) bool { return within(imported, p) }):
		return []string{"imports " + imported + ": only internal/store may"}
	}
	return nil
}

// forTests reports whether a package is test support.
func forTests(dir string) bool { return strings.HasSuffix(dir, "test") }

// rowOf returns the innermost row that covers a package.
func rowOf(dir string) (found row, ok bool) {
	for _, r := range rows {
		if within(dir, r.dir) && len(r.dir) >= len(found.dir) {
			found, ok = r, true
		}
	}
	return found, ok
}

// within reports whether p is the path parent or below it.
func within(p, parent string) bool { return p == parent || strings.HasPrefix(p, parent+"/") }
