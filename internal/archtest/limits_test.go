package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

// noLimits are constants that bound what is kept for speed, and nothing that
// anybody could meet.
var noLimits = map[string]bool{"maxDrained": true, "maxPooled": true}

// TestLimitsAreWritten shows that every constant Max… has its line in
// docs/limits.md.
func TestLimitsAreWritten(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/limits.md")
	if err != nil {
		t.Fatal(err)
	}
	limit := regexp.MustCompile(`^[mM]ax[A-Z]`)
	found := 0
	err = fs.WalkDir(os.DirFS("../.."), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), "../../"+name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range parsed.Decls {
			constants, ok := decl.(*ast.GenDecl)
			if !ok || constants.Tok != token.CONST {
				continue
			}
			for _, spec := range constants.Specs {
				for _, ident := range spec.(*ast.ValueSpec).Names {
					if !limit.MatchString(ident.Name) || noLimits[ident.Name] {
						continue
					}
					found++
					if !regexp.MustCompile("`([a-z]+\\.)?" + ident.Name + "`").Match(page) {
						t.Errorf("%s: %s is not in docs/limits.md", name, ident.Name)
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found < 30 {
		t.Errorf("only %d limits were found", found)
	}
}
