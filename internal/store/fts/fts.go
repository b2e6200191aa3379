// Package fts keeps the words of personas in the full-text index of PostgreSQL, a
// tsvector (docs/adr/0013). What a word is, and how matches are ranked, the
// domain says. SQLite has an index of ours (store/segments), by which the same is
// found.
package fts

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"personae.dev/internal/persona"
	"personae.dev/internal/search"
	"personae.dev/internal/store/engine"
)

const (
	// Into is the table with the columns of a Row.
	Into = "personas_search (persona_id, words)"
	// Join has the index, s, and the personas, p, by its side.
	Join = "personas_search s join personas p on p.id = s.persona_id"
)

// Columns are those to Match in, by tier of persona.ByRank.
type Columns int

// The columns.
const (
	Names Columns = iota
	Titles
	All
)

// weights are the letters that PostgreSQL has for names, titles and the rest.
const weights = "ABD"

// Row has the words of a persona for its row, by the number of its workspace.
func Row(workspace int, id int64, p *persona.Persona) []any {
	words := search.WordsOf(p)
	prefix := termPrefix(workspace, p.Status())
	var b strings.Builder
	for i, words := range [...][]string{words.Name, words.Titles, words.Rest} {
		for _, word := range words {
			fmt.Fprintf(&b, "%s:1%c ", lexeme(prefix+word), weights[i])
		}
	}
	return []any{id, b.String()}
}

// change is a Row.
type change []any

// Size implements engine.Change.
func (c change) Size() int { return len(c[1].(string)) }

// Put is that p stands in a row. It needs none that it is gone, as its words go
// with it.
func Put(workspace int, id int64, p *persona.Persona) engine.Change {
	return change(Row(workspace, id, p))
}

// Prepare implements engine.Prepare.
func Prepare(changes []engine.Change) (write func(context.Context, engine.Runner) error) {
	const put = `
		insert into personas_search (persona_id, words)
		values ($1, $2::tsvector)
		on conflict (persona_id) do update set words = excluded.words`
	return func(ctx context.Context, r engine.Runner) error {
		for _, c := range changes {
			if _, err := r.ExecContext(ctx, put, c.(change)...); err != nil {
				return err
			}
		}
		return nil
	}
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

// Matches is the condition for the rows of s that an argument, made by Match,
// selects.
func Matches(arg string) string { return "s.words @@ " + arg + "::tsquery" }

// Match is the query for all words, each as a prefix, in the columns.
func Match(workspace int, status persona.Status, in Columns, words []string) string {
	statuses := []persona.Status{status}
	if status == persona.StatusAll {
		statuses = []persona.Status{persona.StatusActive, persona.StatusArchived, persona.StatusDeleted}
	}
	alternatives := make([]string, len(statuses))
	for i, status := range statuses {
		terms := make([]string, len(words))
		for j, word := range words {
			terms[j] = lexeme(termPrefix(workspace, status)+word) + ":*" + weights[:in+1]
		}
		alternatives[i] = "(" + strings.Join(terms, " & ") + ")"
	}
	return strings.Join(alternatives, " | ")
}

// lexeme is a term in the text form of a tsvector or tsquery.
func lexeme(term string) string {
	return "'" + strings.ReplaceAll(strings.ReplaceAll(term, `\`, `\\`), `'`, `''`) + "'"
}
