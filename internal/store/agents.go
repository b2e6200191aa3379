package store

import (
	"context"

	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
)

// agentColumns are those of a list, which has no configuration.
const agentColumns = "a.workspace, a.o_id, a.type, a.name, a.description, a.created_at, a.updated_at"

// scanAgent reads agentColumns, and then those of more.
func scanAgent(r row, more ...any) (entity.Agent, error) {
	var a entity.Agent
	var created, updated int64
	err := r.Scan(append([]any{&a.Workspace, &a.OID, &a.Type, &a.Name, &a.Description, &created, &updated}, more...)...)
	a.CreatedAt, a.UpdatedAt = fromMillis(created), fromMillis(updated)
	return a, err
}

// Agents implements entity.Reader.
func (q *queries) Agents(ctx context.Context, workspace string) ([]entity.Agent, error) {
	const query = `select ` + agentColumns + ` from agents a where a.workspace = $1 order by a.created_at, a.o_id`
	return all(ctx, q, query, func(r row) (entity.Agent, error) { return scanAgent(r) }, workspace)
}

// Agent implements entity.Reader.
func (q *queries) Agent(ctx context.Context, workspace, oID string) (*entity.Agent, error) {
	const query = `select ` + agentColumns + `, a.config from agents a where a.workspace = $1 and a.o_id = $2`
	return one(ctx, q, query+q.lockRow("a"), func(r row) (*entity.Agent, error) {
		var config []byte
		a, err := scanAgent(r, &config)
		a.Config = config
		return &a, err
	}, errs.NotFoundf(errs.CodeAgentNotFound, "There is no agent with this oId in the workspace of the API key. agents/list shows all."), workspace, oID)
}

// PutAgent implements entity.Tx.
func (t *tx) PutAgent(ctx context.Context, a *entity.Agent) error {
	const query = `
		insert into agents (workspace, o_id, type, name, description, config, created_at, updated_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8)
		on conflict (workspace, o_id) do update
		set type = excluded.type, name = excluded.name, description = excluded.description, config = excluded.config, updated_at = excluded.updated_at`
	_, err := t.exec(ctx, query, a.Workspace, a.OID, a.Type, a.Name, a.Description, string(a.Config), millis(a.CreatedAt), millis(a.UpdatedAt))
	return err
}

// DeleteAgent implements entity.Tx.
func (t *tx) DeleteAgent(ctx context.Context, workspace, oID string) error {
	_, err := t.exec(ctx, `delete from agents where workspace = $1 and o_id = $2`, workspace, oID)
	return err
}
