package store

import "context"

// dialect is the SQL that the engines do not have in common.
//
// On SQLite one transaction writes at a time. On PostgreSQL others write at the
// same time, so that a transaction locks, until its end, what its rules have
// read: the row that it changes, the idempotency key that it looks for, the
// workspace that it counts, the list of accounts.
type dialect struct {
	postgres bool
	// forUpdate, before an alias, ends a query whose row is locked; skipLocked
	// ends one that leaves out the rows that another transaction has locked.
	forUpdate, skipLocked string
	// lockKey, lockWorkspace and lockAccounts are statements; "" for none.
	lockKey, lockWorkspace, lockAccounts string
	// texts and numbers are the values of a JSON list that is the parameter %s.
	texts, numbers string
	// join joins a table to the one that is read first, and inWorkspace selects
	// the rows e of a workspace that other conditions find: SQLite knows little of
	// what tables hold, and would begin with the other table or go through the
	// whole workspace.
	join, inWorkspace string
}

var sqliteDialect = &dialect{ //nolint:gochecknoglobals // a constant
	texts:   `(select value from json_each(%s))`,
	numbers: `(select value from json_each(%s))`,

	join:        " cross join ",
	inWorkspace: "+e.workspace = $1",
}

var postgresDialect = &dialect{ //nolint:gochecknoglobals // a constant
	postgres:      true,
	forUpdate:     " for update of ",
	skipLocked:    " for update skip locked",
	lockKey:       `select pg_advisory_xact_lock(hashtextextended($1 || ' ' || $2, 0))`,
	lockWorkspace: `select 1 from workspaces where o_id = $1 for no key update`,
	lockAccounts:  `lock table organizations in share row exclusive mode`,
	texts:         `(select jsonb_array_elements_text(%s::jsonb))`,
	numbers:       `(select jsonb_array_elements_text(%s::jsonb)::bigint)`,

	join:        " join ",
	inWorkspace: "e.workspace = $1",
}

// lockRow ends the text of a query for one row of a table with an alias.
func (q *queries) lockRow(alias string) string {
	if !q.writing || q.forUpdate == "" {
		return ""
	}
	return q.forUpdate + alias
}

// lock runs a statement that locks something until the transaction ends.
func (q *queries) lock(ctx context.Context, statement string, args ...any) error {
	if !q.writing || statement == "" {
		return nil
	}
	_, err := q.exec(ctx, statement, args...)
	return err
}
