// Command gen writes what follows from the kinds in the contract: the OpenAPI
// document, from contract/base.yaml and the registry, and docs/kinds.md.
// `make generate` runs it.
//
//	go run ./contract/gen [ROOT]
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"personae.dev/internal/entity"
	"personae.dev/internal/kind"
)

func main() {
	root := "."
	if len(os.Args) > 1 {
		root = os.Args[1]
	}
	if err := run(root, kind.Registry()); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

// run writes every generated file under root.
func run(root string, registry *entity.Registry) error {
	files, err := generate(root, registry)
	if err != nil {
		return err
	}
	for path, content := range files {
		if err := os.WriteFile(filepath.Join(root, path), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// generate returns the generated files by their path in the repository.
func generate(root string, registry *entity.Registry) (map[string][]byte, error) {
	base, err := os.ReadFile(filepath.Join(root, "contract", "base.yaml"))
	if err != nil {
		return nil, err
	}
	openAPI, err := document(base, registry)
	if err != nil {
		return nil, err
	}
	return map[string][]byte{
		"contract/openapi.yaml": openAPI,
		"docs/kinds.md":         kindsPage(registry),
	}, nil
}
