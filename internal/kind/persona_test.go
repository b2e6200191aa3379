package kind_test

import (
	"bufio"
	"encoding/json"
	"os"
	"testing"

	"personae.dev/internal/account"
	"personae.dev/internal/kind"
)

// TestPersonaDocuments holds documents and records of personas against a golden
// file, byte for byte: clients keep them, and what is stored must stay readable.
func TestPersonaDocuments(t *testing.T) {
	t.Parallel()
	file, err := os.Open("testdata/persona-documents.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	registry := kind.Registry()
	persona := registry.Kinds()[0]
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	count := 0
	for ; lines.Scan(); count++ {
		var want struct {
			Record, Document, WithQuestionIDs, Workspace, User, First, Last string
		}
		if err := json.Unmarshal(lines.Bytes(), &want); err != nil {
			t.Fatal(err)
		}
		records, errors := registry.DecodeRecords([]byte(want.Record), persona, false)
		if len(errors) > 0 || len(records) != 1 {
			t.Fatalf("%d records, errors %v: %s", len(records), errors, want.Record)
		}
		stored := persona.Store(want.Workspace, records[0].Entity)
		answer := func(document []byte) string {
			return string(persona.AppendAnswer(nil, document, nil, account.Author{OID: want.User, FirstName: want.First, LastName: want.Last}, want.Workspace))
		}
		if got := answer(stored.Document); got != want.Document {
			t.Errorf("document\n%s\nwant\n%s", got, want.Document)
		}
		withIDs, err := persona.DocumentWithQuestionIDs(&stored.Row)
		if err != nil {
			t.Fatal(err)
		}
		if got := answer(withIDs); got != want.WithQuestionIDs {
			t.Errorf("document with ids of questions\n%s\nwant\n%s", got, want.WithQuestionIDs)
		}
		loaded, err := persona.Load(&stored.Row)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(persona.AppendRecord(nil, loaded)); got != want.Record {
			t.Errorf("record\n%s\nwant\n%s", got, want.Record)
		}
	}
	if err := lines.Err(); err != nil || count < 50 {
		t.Errorf("%d documents were compared, %v", count, err)
	}
}
