package data

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"personae.dev/internal/store"
)

func setup(t *testing.T) *Documents {
	t.Helper()
	d, err := Read("../..")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestFillFile(t *testing.T) {
	t.Parallel()
	d := setup(t)
	path := filepath.Join(t.TempDir(), "library.db")
	l, err := d.FillFile(t.Context(), path, 1200, 12, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), l.Database, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	workspaces, err := s.Workspaces(t.Context())
	if err != nil || len(workspaces) != 12 || len(l.Tokens) != 12 {
		t.Fatalf("%d workspaces, %d tokens, %v; want 12", len(workspaces), len(l.Tokens), err)
	}
	// The last persona is in the last workspace, as Persona says.
	token, document := l.Persona(1199)
	if token != l.Tokens[11] {
		t.Error("the last persona has not the key of the last workspace")
	}
	found := 0
	for _, w := range workspaces {
		if _, err := s.Persona(t.Context(), w.OID, string(l.AppendID(nil, document))); err == nil {
			found++
		}
		if n, err := s.CountPersonas(t.Context(), w.OID); n != 100 || err != nil {
			t.Errorf("%d personas in %s, %v; want 100", n, w.Name, err)
		}
	}
	if found != 1 {
		t.Errorf("the last persona is in %d workspaces, want 1", found)
	}

	again, err := d.FillFile(t.Context(), path, 1200, 12, func(int) { t.Error("it is filled again") })
	if err != nil || again.Tokens[11] != token {
		t.Errorf("the second time: %v", err)
	}
}

func TestWriteLines(t *testing.T) {
	t.Parallel()
	d := setup(t)
	path := filepath.Join(t.TempDir(), "lines.jsonl")
	if err := d.WriteLines(path, d.Len()+1); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(lines) != d.Len()+1 || !strings.HasPrefix(lines[0], `{"oId":"onet0-11-1011.00"`) || !strings.HasPrefix(lines[d.Len()], `{"oId":"onet1-11-1011.00"`) {
		t.Errorf("%d lines; the last begins %.40s", len(lines), lines[len(lines)-1])
	}
}
