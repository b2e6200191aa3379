// Package files reads and writes the files that people exchange with a library:
// JSON lines, YAML, and cells of a table.
package files

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"regexp"
	"strings"

	"personae.dev/internal/errs"
	"personae.dev/internal/library"
)

const (
	// sniffed is how much of a file is looked at to see what it is.
	sniffed = 4 << 10
	// maxWhole is how large a file may be that is read as a whole: YAML, or one
	// JSON array.
	maxWhole = library.MaxLineBytes
)

// Values returns the JSON values of a file of JSON lines, of one JSON value, or
// of YAML documents.
func Values(r io.Reader) (iter.Seq2[library.ImportLine, error], error) {
	reader := bufio.NewReaderSize(r, sniffed)
	head, err := reader.Peek(sniffed)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("import: %w", err)
	}
	head = bytes.TrimSpace(bytes.TrimPrefix(head, []byte("\ufeff")))
	if len(head) == 0 || head[0] == '{' {
		return library.ReadLines(reader), nil
	}
	whole, err := io.ReadAll(io.LimitReader(reader, maxWhole+1))
	if err != nil {
		return nil, fmt.Errorf("import: %w", err)
	}
	if head[0] == '[' && (len(whole) > maxWhole || !json.Valid(whole)) {
		return library.ReadLines(bytes.NewReader(whole)), nil
	}
	if len(whole) > maxWhole {
		return nil, errs.Invalidf("The file does not begin with JSON, and is too large for YAML: it may have %d MiB.", maxWhole>>20)
	}
	documents, err := Documents(bytes.TrimPrefix(whole, []byte("\ufeff")))
	if err == nil {
		err = notEntities(documents)
	}
	if err != nil {
		if kind := looksLike(head); kind != "" {
			return nil, errs.Invalidf("This looks like %s. Import reads JSON lines, JSON or YAML: convert the file first, with the fields that `personae export` shows.", kind)
		}
		return nil, errs.Invalidf("The file %s.", err)
	}
	return func(yield func(library.ImportLine, error) bool) {
		for _, d := range documents {
			if !yield(library.ImportLine{Number: d.Line, Value: d.JSON}, nil) {
				return
			}
		}
	}, nil
}

// notEntities is an error where a document is a text or a number: most texts are
// YAML, after all.
func notEntities(documents []Document) error {
	for _, d := range documents {
		if value := bytes.TrimSpace(d.JSON); len(value) == 0 || value[0] != '{' && value[0] != '[' {
			return errors.New("is neither JSON nor YAML with entities")
		}
	}
	return nil
}

// looksLike returns which other format a text seems to have, "" for none.
func looksLike(head []byte) string {
	first, _, _ := strings.Cut(string(head), "\n")
	switch {
	case strings.HasPrefix(first, "PK\x03\x04"):
		return "a spreadsheet or another zip file"
	case strings.HasPrefix(first, "<"):
		return "HTML or XML"
	case strings.Count(first, "\t") > 0:
		return "a table with tabs (TSV)"
	case csvHead.MatchString(first):
		return "CSV"
	}
	return ""
}

// csvHead matches the first line of a CSV file: names between commas or semicolons.
var csvHead = regexp.MustCompile(`^"?[^":,;{}]+"?([,;]"?[^":,;{}]*"?)+\r?$`)
