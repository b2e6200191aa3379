package store

import (
	"context"
	"encoding/json"
	"fmt"

	"personae.dev/internal/persona"
	"personae.dev/internal/store/fts"
	"personae.dev/internal/store/personarow"
)

// PersonasByID implements persona.Tx.
func (t *tx) PersonasByID(ctx context.Context, workspaceOID string, oIDs []string) (map[string]*persona.Persona, error) {
	personas := make(map[string]*persona.Persona, len(oIDs))
	if len(oIDs) == 0 {
		return personas, nil
	}
	defer t.timed("personas_by_id")()
	list, err := json.Marshal(oIDs)
	if err != nil {
		return nil, fmt.Errorf("store: ids: %w", err)
	}
	text := personarow.Select + ` where p.workspace_o_id = $1 and p.o_id in (` + t.dialect.Listed + ")" + t.holdRow("p")
	for p, err := range each(ctx, &t.queries, text, personarow.Scan, workspaceOID, string(list)) {
		if err != nil {
			return nil, err
		}
		personas[p.OID] = p
	}
	return personas, nil
}

// InsertPersonas implements persona.Tx.
func (t *tx) InsertPersonas(ctx context.Context, revisions []*persona.Revision) error {
	if len(revisions) == 0 {
		return nil
	}
	defer t.timed("insert_personas")()
	if err := t.hold(ctx, t.dialect.PlanAnew); err != nil {
		return err
	}
	ids, err := t.newIDs(ctx, revisions[0].Persona.WorkspaceOID, len(revisions))
	if err != nil {
		return err
	}
	firsts := make([]personarow.First, len(revisions))
	totals := map[total]int{}
	for i, r := range revisions {
		r.Number = 1
		at := personarow.Place{ID: int64(ids[i]), Author: r.Persona.Author.OID, Fresh: true}
		if at.Workspace, err = t.workspaceNumber(ctx, r.Persona.WorkspaceOID); err != nil {
			return err
		}
		firsts[i].At = at
		totals[total{r.Persona.WorkspaceOID, r.Persona.Status()}]++
	}
	for filled, err := range personarow.Fill(firsts, revisions, t.find) {
		if err != nil {
			return err
		}
		if err := t.insertFilled(ctx, filled); err != nil {
			return err
		}
	}
	return t.countAll(ctx, totals)
}

// newIDs returns the ids of so many new rows of personas. Where it costs no more,
// it looks up the number of a workspace too.
func (t *tx) newIDs(ctx context.Context, workspaceOID string, count int) ([]int, error) {
	if t.dialect.NewIDs != "" {
		return all(ctx, &t.queries, t.dialect.NewIDs, scanInt, count)
	}
	type numberAndLast struct{ number, last int }
	scan := func(r row) (n numberAndLast, err error) {
		err = r.Scan(&n.number, &n.last)
		return n, err
	}
	n, err := one(ctx, &t.queries, t.dialect.NumberAndLast, scan, noWorkspace(workspaceOID), workspaceOID)
	if err != nil {
		return nil, err
	}
	t.numbers[workspaceOID] = n.number
	ids := make([]int, count)
	for i := range ids {
		ids[i] = n.last + 1 + i
	}
	return ids, nil
}

// total is of a workspace and status.
type total struct {
	workspaceOID string
	status       persona.Status
}

func (t *tx) countAll(ctx context.Context, totals map[total]int) error {
	for of, personas := range totals {
		if err := t.count(ctx, of.workspaceOID, of.status, personas); err != nil {
			return err
		}
	}
	return nil
}

// find sets what finds a new persona by its words. It is safe for concurrent use.
func (t *tx) find(f *personarow.First, p *persona.Persona) {
	if t.dialect.Segments != nil {
		f.Index = t.dialect.Put(f.At, p)
	} else {
		f.Words = fts.Row(f.At.Workspace, f.At.ID, p)
	}
}

// insertFilled writes new personas, with what finds them.
func (t *tx) insertFilled(ctx context.Context, firsts []personarow.First) error {
	for into, rows := range personarow.Tables(firsts) {
		if err := t.insertMany(ctx, into, rows); err != nil {
			return err
		}
	}
	var words [][]any
	for _, f := range firsts {
		if f.Index == nil {
			words = append(words, f.Words)
		} else if err := t.later(ctx, f.Index); err != nil {
			return err
		}
	}
	return t.insertMany(ctx, fts.Into, words)
}

// workspaceNumber looks up what the words of a workspace begin with, once in a
// transaction.
func (t *tx) workspaceNumber(ctx context.Context, oID string) (int, error) {
	if number, known := t.numbers[oID]; known {
		return number, nil
	}
	const query = `select number from workspaces where o_id = $1`
	number, err := one(ctx, &t.queries, query, scanInt, noWorkspace(oID), oID)
	if err != nil {
		return 0, err
	}
	t.numbers[oID] = number
	return number, nil
}

func noWorkspace(oID string) error {
	return persona.NotFoundf("workspace_not_found", "There is no workspace %s.", oID)
}
