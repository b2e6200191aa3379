// Command gen writes what follows from the kinds in Go: the types of package
// apitype and the collections of package client. `make generate` runs it.
//
//	go run ./internal/kind/gen [ROOT]
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
	if err := run(root, kind.Registry().Kinds()); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

// run writes every generated file under root.
func run(root string, kinds []*entity.Kind) error {
	files, err := generate(kinds)
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
