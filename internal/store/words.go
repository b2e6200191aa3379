package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
)

// A term is the number of a workspace in workspaceDigits hexadecimal digits, a
// letter for what it is, and the text, which has lower-case letters and digits
// only. So a search costs what its own workspace holds, and prefix indexes have
// fixed lengths.
const (
	workspaceDigits = "7"

	termStatus = "s" // a letter for the status
	termKind   = "k" // the same, and the kind
	termFacet  = "f" // the same, and a digest of kind, field and value
	termExact  = "e" // search.Exact
	termWord   = "w" // a word
)

// workspacePrefix is what the terms of a workspace begin with.
func workspacePrefix(number int64) string { return fmt.Sprintf("%0"+workspaceDigits+"x", number) }

// terms are the terms of an entity, without the number of the workspace.
type terms struct {
	// Terms has those of status, kind, facets, and whole names and titles.
	Terms, Names, Titles, Rest []string
}

func termsOf(s *entity.Stored) *terms {
	status := entity.StatusOf(s.ArchivedAt, s.DeletedAt)
	t := &terms{
		Terms: []string{statusTerm(status), kindTerm(status, s.Kind)},
		Names: words(s.Words.Names), Titles: words(s.Words.Titles), Rest: words(s.Words.Rest),
	}
	for _, f := range s.Facets {
		t.Terms = append(t.Terms, facetTerm(status, s.Kind, f))
	}
	for _, exact := range s.Words.Exact {
		t.Terms = append(t.Terms, termExact+exact)
	}
	return t
}

func words(texts []string) []string {
	terms := make([]string, len(texts))
	for i, text := range texts {
		terms[i] = termWord + text
	}
	return terms
}

func statusTerm(s entity.Status) string { return termStatus + statusLetter(s) }

func kindTerm(s entity.Status, kind string) string {
	return termKind + statusLetter(s) + strings.ReplaceAll(kind, "-", "")
}

func facetTerm(s entity.Status, kind string, f entity.Facet) string {
	sum := sha256.Sum256([]byte(kind + "\x00" + f.Field + "\x00" + f.Value))
	return termFacet + statusLetter(s) + hex.EncodeToString(sum[:8])
}

func statusLetter(s entity.Status) string {
	switch s {
	case entity.StatusArchived:
		return "r"
	case entity.StatusDeleted:
		return "d"
	default:
		return "a"
	}
}

// tier is how well a match counts.
type tier int

// The tiers of entity.OrderRank, the best first.
const (
	tierExact tier = iota
	tierNames
	tierTitles
	tierAll
)

// match is what a search looks for.
type match struct {
	prefix string
	// states are alternatives of kind, status and facet.
	states []string
	exact  string
	words  []string
}

// newMatch returns what a query looks for in the workspace of a number.
func newMatch(number int64, query *entity.Query) *match {
	statuses := []entity.Status{query.Status}
	switch query.Status {
	case "":
		statuses = []entity.Status{entity.StatusActive}
	case entity.StatusAll:
		statuses = []entity.Status{entity.StatusActive, entity.StatusArchived, entity.StatusDeleted}
	}
	m := &match{prefix: workspacePrefix(number), words: words(query.Words), exact: query.Exact}
	for _, status := range statuses {
		if len(query.Sets) == 0 {
			m.states = append(m.states, statusTerm(status))
		}
		for _, set := range query.Sets {
			if set.Facet != nil {
				m.states = append(m.states, facetTerm(status, set.Kind, *set.Facet))
			} else {
				m.states = append(m.states, kindTerm(status, set.Kind))
			}
		}
	}
	return m
}

// fts5 is the query of a tier for SQLite.
func (m *match) fts5(t tier) string {
	quoted := func(term, suffix string) string { return `"` + m.prefix + term + `"` + suffix }
	join := func(terms []string, suffix, operator string) string {
		parts := make([]string, len(terms))
		for i, term := range terms {
			parts[i] = quoted(term, suffix)
		}
		return "(" + strings.Join(parts, operator) + ")"
	}
	states := join(m.states, "", " OR ")
	switch t {
	case tierExact:
		return states + " AND " + quoted(termExact+m.exact, "")
	case tierNames:
		return states + " AND {names} : " + join(m.words, " *", " AND ")
	case tierTitles:
		return states + " AND {names titles} : " + join(m.words, " *", " AND ")
	default:
		return states + " AND " + join(m.words, " *", " AND ")
	}
}

// tsquery is the query of a tier for PostgreSQL, and the column that it is for.
func (m *match) tsquery(t tier) (column, query string) {
	lexeme := func(term string) string {
		return "'" + strings.ReplaceAll(strings.ReplaceAll(m.prefix+term, `\`, `\\`), `'`, `''`) + "'"
	}
	states := make([]string, len(m.states))
	for i, state := range m.states {
		states[i] = lexeme(state)
	}
	parts := []string{"(" + strings.Join(states, " | ") + ")"}
	if t == tierExact {
		parts = append(parts, lexeme(termExact+m.exact))
	} else {
		for _, word := range m.words {
			parts = append(parts, lexeme(word)+":*")
		}
	}
	return [...]string{tierExact: "names", tierNames: "names", tierTitles: "titles", tierAll: "words"}[t], strings.Join(parts, " & ")
}

// workspaceNumber returns the number of a workspace.
func (q *queries) workspaceNumber(ctx context.Context, workspace string) (int64, error) {
	const query = `select id from workspaces where o_id = $1`
	return one(ctx, q, query, scanInt, noWorkspace(workspace), workspace)
}

func noWorkspace(oID string) error {
	return errs.NotFoundf("workspace_not_found", "There is no workspace %s.", oID)
}

// putWords notes the words of an entity, which isNew or had others. They are
// written at the end of the batch: FTS5 writes its index at the end of every
// savepoint, and many entities together cost less.
func (t *tx) putWords(ctx context.Context, id int64, isNew bool, s *entity.Stored) error {
	number, known := t.batch.numbers[s.Workspace]
	if !known {
		var err error
		if number, err = t.workspaceNumber(ctx, s.Workspace); err != nil {
			return err
		}
		t.batch.numbers[s.Workspace] = number
	}
	terms, prefix := termsOf(s), workspacePrefix(number)
	text := func(terms []string) string {
		var b strings.Builder
		for _, term := range terms {
			b.WriteString(prefix)
			b.WriteString(term)
			b.WriteByte(' ')
		}
		return b.String()
	}
	t.batch.words = append(t.batch.words, wordsRow{id: id, isNew: isNew, columns: []any{id, text(terms.Terms), text(terms.Names), text(terms.Titles), text(terms.Rest)}})
	if len(t.batch.words) < wordsMost {
		return nil
	}
	return t.batch.flush(ctx)
}

// wordsRow is a row of words of SQLite; columns is nil for one that is removed.
type wordsRow struct {
	id      int64
	isNew   bool
	columns []any
}

// writeWords writes what putWords noted.
func (q *queries) writeWords(ctx context.Context, rows []wordsRow) error {
	const (
		insert = `insert into words (rowid, terms, names, titles, rest) values ($1, $2, $3, $4, $5)`
		put    = `replace into words (rowid, terms, names, titles, rest) values ($1, $2, $3, $4, $5)`
		remove = `delete from words where rowid = $1`
	)
	last := make(map[int64]int, len(rows))
	for i, r := range rows {
		last[r.id] = i
	}
	for i, r := range rows {
		var err error
		switch {
		case last[r.id] != i: // written again
		case r.columns == nil:
			_, err = q.exec(ctx, remove, r.id)
		case r.isNew:
			_, err = q.exec(ctx, insert, r.columns...)
		default:
			_, err = q.exec(ctx, put, r.columns...)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
