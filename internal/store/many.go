package store

import (
	"context"
	"encoding/json"
	"fmt"

	"personae.dev/internal/parallel"
	"personae.dev/internal/persona"
	"personae.dev/internal/search"
	"personae.dev/internal/store/document"
	"personae.dev/internal/store/fts"
)

// PersonasByID implements persona.Tx.
func (t *tx) PersonasByID(ctx context.Context, workspaceOID string, oIDs []string) (map[string]*persona.Persona, error) {
	if len(oIDs) == 0 {
		return nil, nil //nolint:nilnil // none of none
	}
	defer t.timed("personas_by_id")()
	list, err := json.Marshal(oIDs)
	if err != nil {
		return nil, fmt.Errorf("store: ids: %w", err)
	}
	found, err := all(ctx, &t.queries, personasAmong+t.dialect.listed+")"+t.holdRow("p"), scanPersona, workspaceOID, string(list))
	if err != nil {
		return nil, err
	}
	personas := make(map[string]*persona.Persona, len(found))
	for _, p := range found {
		personas[p.OID] = p
	}
	return personas, nil
}

const personasAmong = `
	select ` + personaColumns + `
	from personas p
	join users u on u.o_id = p.user_o_id
	where p.workspace_o_id = $1 and p.o_id in (`

const (
	insertedPersonaColumns = `personas (id, workspace_o_id, o_id, user_o_id, name, internal_name, description,
		active, unrecognized, rejected, created_at, updated_at, archived_at, deleted_at,
		primary_offering_o_id, offering_mode, document)`
	insertedRevisionColumns = `revisions (o_id, persona_id, number, action, user_o_id, key_o_id, created_at, snapshot)`
)

// InsertPersonas implements persona.Tx.
func (t *tx) InsertPersonas(ctx context.Context, firsts []*persona.Revision) error {
	if len(firsts) == 0 {
		return nil
	}
	defer t.timed("insert_personas")()
	if err := t.adding(ctx, len(firsts)); err != nil {
		return err
	}
	ids, err := all(ctx, &t.queries, t.dialect.newIDs, scanInt, len(firsts))
	if err != nil {
		return err
	}
	prepared := make([]preparedPersona, len(firsts))
	for i, r := range firsts {
		workspace, err := t.workspaceNumber(ctx, r.Persona.WorkspaceOID)
		if err != nil {
			return err
		}
		prepared[i].at = fts.Place{ID: ids[i], Workspace: workspace}
	}
	parallel.Each(len(firsts), func(i int) { prepared[i].prepare(t.dialect.words, firsts[i]) })

	personas, revisions, words := make([][]any, len(firsts)), make([][]any, len(firsts)), make([][]any, len(firsts))
	var links [][]any
	for i := range prepared {
		if err := prepared[i].err; err != nil {
			return err
		}
		personas[i], revisions[i], words[i] = prepared[i].persona, prepared[i].revision, prepared[i].words
		links = append(links, prepared[i].links...)
	}
	for _, table := range []struct {
		into string
		rows [][]any
	}{
		{insertedPersonaColumns, personas}, {insertedRevisionColumns, revisions}, {linkColumns, links}, {t.dialect.words.Into, words},
	} {
		if err := t.insertMany(ctx, table.into, table.rows); err != nil {
			return err
		}
	}
	for _, r := range firsts {
		r.Number = 1
	}
	return nil
}

// preparedPersona has the rows of a new persona.
type preparedPersona struct {
	at                       fts.Place
	persona, revision, words []any
	links                    [][]any
	err                      error
}

func (row *preparedPersona) prepare(index *fts.Index, r *persona.Revision) {
	p := r.Persona
	doc, err := document.Encode(p)
	if err != nil {
		row.err = err
		return
	}
	snapshot, err := document.EncodeSnapshot(p)
	if err != nil {
		row.err = err
		return
	}
	row.persona = []any{
		row.at.ID, p.WorkspaceOID, p.OID, p.Author.OID, p.Name, nullable(p.InternalName), nullable(p.Description),
		p.Active, p.Unrecognized, p.Rejected, micros(p.CreatedAt), micros(p.UpdatedAt), nullableMicros(p.ArchivedAt), nullableMicros(p.DeletedAt),
		nullable(p.Links.PrimaryOfferingOID), unlessEmpty(string(p.Links.Offerings)), doc,
	}
	row.revision = []any{r.OID, row.at.ID, 1, string(r.Action), r.User.OID, unlessEmpty(r.KeyOID), micros(r.At), snapshot}
	row.links = linkRows(row.at, p)
	row.words = index.Row(row.at, p.Status(), search.WordsOf(p))
}

// workspaceNumber looks up what the words of a workspace begin with, once in a
// transaction.
func (t *tx) workspaceNumber(ctx context.Context, oID string) (int, error) {
	if number, known := t.numbers[oID]; known {
		return number, nil
	}
	const query = `select number from workspaces where o_id = $1`
	number, err := one(ctx, &t.queries, query, scanInt, error(persona.NotFoundf("workspace_not_found", "There is no workspace %s.", oID)), oID)
	if err != nil {
		return 0, err
	}
	if t.numbers == nil {
		t.numbers = map[string]int{}
	}
	t.numbers[oID] = number
	return number, nil
}
