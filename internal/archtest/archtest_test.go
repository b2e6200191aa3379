package archtest

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// TestArchitecture checks the tree that this file stands in.
func TestArchitecture(t *testing.T) {
	t.Parallel()
	faults, dirs, err := check(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range faults {
		t.Error(f)
	}
	// A checker that reads nothing finds nothing.
	for _, dir := range []string{"apitype", "internal/archtest", "internal/persona"} {
		if !slices.Contains(dirs, dir) {
			t.Errorf("%s was not read", dir)
		}
	}
}

// TestTable checks that the tables speak of rooms that are rows.
func TestTable(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, r := range rooms {
		if known[r.dir] {
			t.Errorf("%s has two rows", r.dir)
		}
		known[r.dir] = true
	}
	for _, r := range rooms {
		for _, to := range r.may {
			if !known[to] {
				t.Errorf("%s may import %s, which has no row", r.dir, to)
			}
		}
	}
	for _, r := range reserved {
		if !known[r.room] {
			t.Errorf("%s is reserved to %s, which has no row", r.path, r.room)
		}
	}
}

// sound is a small tree that breaks no rule.
var sound = map[string]string{
	"go.mod": "module personae.dev\n\ngo 1.26\n\n" +
		"require github.com/google/uuid v1.6.0\n\n" +
		"require (\n\tmodernc.org/sqlite v1.61.1\n\tgithub.com/else/thing v0.1.0 // indirect\n)\n\n" +
		"tool golang.org/x/tools/cmd/stringer\n",
	"cmd/personae/main.go": "// Command personae serves personas.\npackage main\n\nimport _ \"personae.dev/internal/cli\"\n",
	"internal/cli/cli.go": "// Package cli is the command grammar.\npackage cli\n\n" +
		"import (\n\t_ \"github.com/alecthomas/kong\"\n\t_ \"personae.dev/client\"\n\t_ \"personae.dev/internal/app\"\n)\n",
	"internal/cli/serve.go":               "package cli\n",
	"internal/cli/cli_test.go":            "package cli\n\nimport (\n\t_ \"github.com/google/go-cmp/cmp\"\n\t_ \"database/sql\"\n)\n",
	"internal/store/store.go":             "// Package store keeps\n// personas.\npackage store\n\nimport (\n\t_ \"database/sql\"\n\n\t_ \"github.com/pressly/goose/v3\"\n\n\t_ \"personae.dev/internal/persona\"\n)\n",
	"internal/store/migrations/all.go":    "// Package migrations holds the SQL.\npackage migrations\n",
	"internal/store/store_test.go":        "package store_test\n\nimport _ \"personae.dev/internal/store/storetest\"\n",
	"internal/store/storetest/suite.go":   "// Package storetest is the suite of the port.\npackage storetest\n\nimport _ \"pgregory.net/rapid\"\n",
	"internal/persona/persona.go":         "// Package persona is the dictionary.\npackage persona\n",
	"apitype/apitype.go":                  "// Package apitype is the wire.\npackage apitype\n\nimport _ \"encoding/json\"\n",
	"e2e/e2e_test.go":                     "package e2e\n",
	"bench/go.mod":                        "module bench\n\nrequire gonum.org/v1/plot v0.17.0\n\nreplace personae.dev => ..\n",
	"bench/models/models.go":              "package models\n",
	"internal/persona/testdata/util/a.go": "package util\n",
	"examples/gen.go":                     "//go:build ignore\n\npackage main\n\nimport _ \"github.com/else/thing\"\n",
}

// TestChecker breaks each rule in a copy of the sound tree.
func TestChecker(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		path, text string // a file added to the sound tree, or in the place of one
		rule       string // of the one fault wanted; "" for none
		what       string // words of it
	}{
		"Sound":                {"NOTE.md", "nothing\n", "", ""},
		"SubfolderOfARoom":     {"internal/store/b.go", "package store\n\nimport _ \"personae.dev/internal/store/migrations\"\n", "", ""},
		"TestsImportAnyRoom":   {"internal/persona/a_test.go", "package persona_test\n\nimport _ \"personae.dev/internal/store\"\n", "", ""},
		"CommandSkipsCli":      {"cmd/personae/b.go", "package main\n\nimport _ \"personae.dev/internal/app\"\n", "import", "may import internal/cli"},
		"CliImportsStore":      {"internal/cli/b.go", "package cli\n\nimport _ \"personae.dev/internal/store\"\n", "import", "imports personae.dev/internal/store"},
		"ApiImportsStore":      {"internal/api/a.go", "// Package api is routes.\npackage api\n\nimport _ \"personae.dev/internal/store\"\n", "import", "the room internal/api may import"},
		"StoreImportsLibrary":  {"internal/store/b.go", "package store\n\nimport _ \"personae.dev/internal/library\"\n", "import", "may import internal/store/sqlite"},
		"PersonaImportsOurs":   {"internal/persona/b.go", "package persona\n\nimport _ \"personae.dev/apitype\"\n", "import", "may import no other"},
		"ApitypeImportsModule": {"apitype/b.go", "package apitype\n\nimport _ \"github.com/google/uuid\"\n", "import", "only the standard library"},
		"ClientImportsDomain":  {"client/a.go", "// Package client calls the API.\npackage client\n\nimport _ \"personae.dev/internal/persona\"\n", "import", "may import apitype"},
		"ExamplesImportOurs":   {"examples/a.go", "// Package examples is data.\npackage examples\n\nimport _ \"personae.dev/apitype\"\n", "import", "may import no other"},
		"SqlOutsideStore":      {"internal/library/a.go", "// Package library is rules.\npackage library\n\nimport _ \"database/sql\"\n", "import", "only internal/store may"},
		"DriverOutsideStore":   {"internal/app/a.go", "// Package app wires.\npackage app\n\nimport _ \"github.com/jackc/pgx/v5/stdlib\"\n", "import", "only internal/store/postgres may"},
		"GooseInSuite":         {"internal/store/storetest/b.go", "package storetest\n\nimport _ \"github.com/pressly/goose/v3\"\n", "import", "only internal/store may"},
		"SuiteInTheBinary":     {"internal/store/b.go", "package store\n\nimport _ \"personae.dev/internal/store/storetest\"\n", "import", "for tests only"},
		"TestModuleInBinary":   {"internal/cli/b.go", "package cli\n\nimport _ \"go.uber.org/goleak\"\n", "import", "for tests only"},
		"Cgo":                  {"internal/cli/b.go", "package cli\n\nimport \"C\"\n", "import", "cgo"},
		"UnknownRoom":          {"internal/cellar/a.go", "// Package cellar is dark.\npackage cellar\n", "room", "give it a row"},
		"UnknownTestRoom":      {"internal/cellar/a_test.go", "package cellar\n", "room", "give it a row"},
		"VagueFolder":          {"internal/cli/util/a.go", "// Package cliparts is vague.\npackage cliparts\n", "name", `"util"`},
		"VaguePackage":         {"internal/cli/parts/a.go", "// Package helpers is vague.\npackage helpers\n", "name", `"helpers"`},
		"NoPackageComment":     {"internal/api/a.go", "package api\n", "comment", `"Package api …"`},
		"OtherPackageComment":  {"internal/api/a.go", "// The package api is routes.\npackage api\n", "comment", `"Package api …"`},
		"CommentOnlyInTest":    {"internal/persona/persona.go", "package persona\n", "comment", `"Package persona …"`},
		"NoCommandComment":     {"cmd/personae/main.go", "package main\n", "comment", "cmd/personae"},
		"TooManyLines":         {"internal/cli/b.go", "package cli\n" + strings.Repeat("\n", maxLines), "size", "divide the room"},
		"NewModule":            {"go.mod", "require github.com/else/thing v0.1.0\n", "module", "a new dependency needs an ADR in docs/adr"},
		"NewModuleInBlock":     {"go.mod", "require (\n\tgithub.com/else/thing v0.1.0\n)\n", "module", "a new dependency needs an ADR in docs/adr"},
		"OtherVersion":         {"go.mod", "require modernc.org/sqlite v1.61.0\n", "module", "pinned to v1.61.1"},
		"OtherIndirectVersion": {"go.mod", "require modernc.org/libc v1.0.0 // indirect\n", "module", "pinned to v1.79.0"},
		"NestedNewModule":      {"bench/go.mod", "require github.com/else/thing v0.1.0\n", "module", "a new dependency needs an ADR in docs/adr"},
		"NestedOtherVersion":   {"bench/go.mod", "require github.com/jackc/pgx/v5 v5.0.0\n", "module", "pinned to v5.12.0"},
		"NestedReplace":        {"bench/go.mod", "replace modernc.org/libc => ../libc\n", "module", "replaces ours only"},
		"UnknownModule":        {"attic/go.mod", "module attic\n", "module", "has no row"},
		"Replace":              {"go.mod", "replace modernc.org/libc => ../libc\n", "module", "would refuse"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := maps.Clone(sound)
			files[tt.path] = tt.text
			faults, _ := setup(t, files)
			if tt.rule == "" {
				if len(faults) != 0 {
					t.Fatalf("got %v, want no fault", faults)
				}
				return
			}
			if len(faults) != 1 {
				t.Fatalf("got %v, want one fault of rule %q", faults, tt.rule)
			}
			if got := faults[0]; got.rule != tt.rule || !strings.Contains(got.String(), tt.what) {
				t.Errorf("got %v, want a fault of rule %q with %q", got, tt.rule, tt.what)
			}
		})
	}
}

func TestCheckerCountsFiles(t *testing.T) {
	t.Parallel()
	files := maps.Clone(sound)
	for i := range maxFiles {
		files["internal/persona/"+string(rune('a'+i))+".go"] = "package persona\n"
		files["internal/persona/"+string(rune('a'+i))+"_test.go"] = "package persona\n"
	}
	faults, _ := setup(t, files)
	if len(faults) != 1 || faults[0].rule != "size" || faults[0].where != "internal/persona" {
		t.Errorf("got %v, want one fault of the size of internal/persona", faults)
	}
}

// TestCheckerReads shows which folders are read: tests count, other modules and
// testdata do not.
func TestCheckerReads(t *testing.T) {
	t.Parallel()
	_, dirs := setup(t, sound)
	want := []string{
		"apitype", "cmd/personae", "e2e", "internal/cli", "internal/persona",
		"internal/store", "internal/store/migrations", "internal/store/storetest",
	}
	if !slices.Equal(dirs, want) {
		t.Errorf("read %v, want %v", dirs, want)
	}
}

func setup(t *testing.T, files map[string]string) ([]fault, []string) {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	faults, dirs, err := check(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return faults, dirs
}
