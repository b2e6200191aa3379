// Package fts keeps the words of personas in the full-text index of the engine:
// an FTS5 table of SQLite, or a tsvector of PostgreSQL (docs/adr/0013). Both
// hold the same terms, so that both find the same. What a word is, and how
// matches are ranked, the domain says.
package fts

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"

	"personae.dev/internal/persona"
	"personae.dev/internal/search"
	"personae.dev/internal/store/document"
)

// Index is the table personas_search of an engine.
type Index struct {
	// Into is the table with the columns of a Row. Insert writes a Row, in the
	// place of one with its id. Forget removes it; "" where it goes with the
	// persona.
	Into, Insert, Forget string
	// Join has the index, s, and the personas, p, by its side.
	Join string
	// Matches is the condition for the rows of s that an argument, made by
	// Match, selects. In is the same beside another one.
	Matches, In func(arg string) string

	// row has the values for words of three columns, each behind a prefix.
	row   func(id int, prefix string, columns [3][]string) []any
	match func(prefixes []string, in Columns, words []string) string
}

// Columns are those to Match in, by tier of persona.ByRank.
type Columns int

// The columns.
const (
	Names Columns = iota
	Titles
	All
)

// Place is where the words of a persona stand: the id of its row, and the number
// of its workspace.
type Place struct{ ID, Workspace int }

// Row has the values of Insert.
func (x *Index) Row(at Place, status persona.Status, words search.Indexed) []any {
	return x.row(at.ID, termPrefix(at.Workspace, status), [3][]string{words.Name, words.Titles, words.Rest})
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

// Match is the full-text query for all words, each as a prefix, in the columns.
func (x *Index) Match(workspace int, status persona.Status, in Columns, words []string) string {
	statuses := []persona.Status{status}
	if status == persona.StatusAll {
		statuses = []persona.Status{persona.StatusActive, persona.StatusArchived, persona.StatusDeleted}
	}
	prefixes := make([]string, len(statuses))
	for i, status := range statuses {
		prefixes[i] = termPrefix(workspace, status)
	}
	return x.match(prefixes, in, words)
}

// SQLite is an FTS5 table. Its tokenizer, ascii, divides at the spaces: terms
// have letters, digits and marks only, in lower case.
func SQLite() *Index {
	return &Index{
		Into: "personas_search (rowid, name, titles, rest)",
		Insert: `
		insert or replace into personas_search (rowid, name, titles, rest)
		values ($1, $2, $3, $4)`,
		Forget:  `delete from personas_search where rowid = $1`,
		Join:    "personas_search s join personas p on p.id = s.rowid",
		Matches: func(arg string) string { return "personas_search match " + arg },
		In: func(arg string) string {
			return "s.rowid in (select rowid from personas_search where personas_search match " + arg + ")"
		},
		row: func(id int, prefix string, columns [3][]string) []any {
			values := []any{id, "", "", ""}
			for i, words := range columns {
				if len(words) > 0 {
					values[i+1] = prefix + strings.Join(words, " "+prefix)
				}
			}
			return values
		},
		match: func(prefixes []string, in Columns, words []string) string {
			columns := [...]string{"name", "name titles", "name titles rest"}[in]
			return anyOf(prefixes, words, "AND", "OR", func(term string) string {
				// Quoted, no text is an operator.
				return "{" + columns + `} : "` + strings.ReplaceAll(term, `"`, `""`) + `" *`
			})
		},
	}
}

// Postgres is a tsvector with a weight for each column.
func Postgres() *Index {
	return &Index{
		Into: "personas_search (persona_id, words)",
		Insert: `
		insert into personas_search (persona_id, words)
		values ($1, $2::tsvector)
		on conflict (persona_id) do update set words = excluded.words`,
		Join:    "personas_search s join personas p on p.id = s.persona_id",
		Matches: matchesVector,
		In:      matchesVector,
		row: func(id int, prefix string, columns [3][]string) []any {
			var b strings.Builder
			for i, words := range columns {
				for _, word := range words {
					fmt.Fprintf(&b, "%s:1%c ", lexeme(prefix+word), weights[i])
				}
			}
			return []any{id, b.String()}
		},
		match: func(prefixes []string, in Columns, words []string) string {
			return anyOf(prefixes, words, "&", "|", func(term string) string { return lexeme(term) + ":*" + weights[:in+1] })
		},
	}
}

// weights are the letters that PostgreSQL has for names, titles and the rest.
const weights = "ABD"

func matchesVector(arg string) string { return "s.words @@ " + arg + "::tsquery" }

// lexeme is a term in the text form of a tsvector or tsquery.
func lexeme(term string) string {
	return "'" + strings.ReplaceAll(strings.ReplaceAll(term, `\`, `\\`), `'`, `''`) + "'"
}

// anyOf is a query for all words behind one of the prefixes.
func anyOf(prefixes, words []string, and, or string, quote func(string) string) string {
	alternatives := make([]string, len(prefixes))
	for i, prefix := range prefixes {
		terms := make([]string, len(words))
		for j, word := range words {
			terms[j] = quote(prefix + word)
		}
		alternatives[i] = "(" + strings.Join(terms, " "+and+" ") + ")"
	}
	return strings.Join(alternatives, " "+or+" ")
}

// Fill is migration 4 of SQLite: words of what is there already for the index that
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
	index := SQLite()
	stmt, err := sqlTx.PrepareContext(ctx, index.Insert)
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
		if _, err := stmt.ExecContext(ctx, index.Row(at, status, search.WordsOf(&p))...); err != nil {
			return err
		}
	}
	return rows.Err()
}
