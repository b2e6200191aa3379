// Package fts keeps the words of personas in an FTS5 table of SQLite: what its
// rows hold, and how to ask for them (docs/adr/0013). What a word is, and how
// matches are ranked, the domain says.
package fts

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"

	"personae.dev/internal/persona"
	"personae.dev/internal/store/document"
)

// Insert writes a Row, in the place of one with its id.
const Insert = `
	insert or replace into personas_search (rowid, name, titles, rest)
	values ($1, $2, $3, $4)`

// The columns to Match in, by tier of persona.ByRank.
const (
	Names  = "name"
	Titles = "name titles"
	All    = "name titles rest"
)

// Place is where the words of a persona stand: the id of its row, and the number
// of its workspace.
type Place struct{ ID, Workspace int }

// Row has the values of Insert.
func Row(at Place, status persona.Status, words persona.IndexedWords) []any {
	prefix := termPrefix(at.Workspace, status)
	return []any{at.ID, terms(prefix, words.Name), terms(prefix, words.Titles), terms(prefix, words.Rest)}
}

// termPrefix is what the index puts before each word, so that the words of each
// workspace and status stand together, apart from all others.
func termPrefix(workspace int, status persona.Status) string {
	letter := "a"
	switch status {
	case persona.StatusArchived:
		letter = "r"
	case persona.StatusDeleted:
		letter = "d"
	}
	return strconv.Itoa(workspace) + letter
}

// terms is what the tokenizer, ascii, divides at the spaces: words have letters,
// digits and marks only, in lower case.
func terms(prefix string, words []string) string {
	var b strings.Builder
	for _, word := range words {
		b.WriteString(prefix)
		b.WriteString(word)
		b.WriteByte(' ')
	}
	return b.String()
}

// Match is the full-text query for all words, each as a prefix, in the columns.
// Quoted, no text is an operator.
func Match(workspace int, status persona.Status, columns string, words []string) string {
	statuses := []persona.Status{status}
	if status == persona.StatusAll {
		statuses = []persona.Status{persona.StatusActive, persona.StatusArchived, persona.StatusDeleted}
	}
	var b strings.Builder
	for i, status := range statuses {
		if i > 0 {
			b.WriteString(" OR ")
		}
		prefix := termPrefix(workspace, status)
		fmt.Fprintf(&b, "({%s} : (", columns)
		for i, word := range words {
			if i > 0 {
				b.WriteString(" AND ")
			}
			fmt.Fprintf(&b, `"%s%s" *`, prefix, strings.ReplaceAll(word, `"`, `""`))
		}
		b.WriteString("))")
	}
	return b.String()
}

// Fill is migration 4: words of what is there already for the index that
// migration 3 made.
func Fill(ctx context.Context, sqlTx *sql.Tx) error {
	const query = `
		select p.id, w.number, p.name, p.internal_name, p.description, p.document,
			case when p.deleted_at is not null then 'deleted' when p.archived_at is not null then 'archived' else 'active' end
		from personas p
		join workspaces w on w.o_id = p.workspace_o_id`
	rows, err := sqlTx.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	stmt, err := sqlTx.PrepareContext(ctx, Insert)
	if err != nil {
		return err
	}
	defer stmt.Close()
	for rows.Next() {
		var (
			at     Place
			p      persona.Persona
			doc    []byte
			status persona.Status
		)
		if err := rows.Scan(&at.ID, &at.Workspace, &p.Name, &p.InternalName, &p.Description, &doc, &status); err != nil {
			return err
		}
		if err := document.Decode(doc, &p); err != nil {
			return err
		}
		if _, err := stmt.ExecContext(ctx, Row(at, status, p.IndexedWords())...); err != nil {
			return err
		}
	}
	return rows.Err()
}
