package store

import (
	"context"

	"personae.dev/internal/persona"
	"personae.dev/internal/store/engine"
	"personae.dev/internal/store/fts"
	"personae.dev/internal/store/personarow"
	"personae.dev/internal/store/segments"
)

// dialect is the SQL that the engines do not have in common.
//
// On SQLite a transaction that writes is alone. On PostgreSQL others write at
// the same time, and so it holds, until its end, what its rules have read: the
// persona that it changes, the idempotency key that it looks up, the workspace
// that it counts, the list of accounts (docs/adr/0015).
type dialect struct {
	// holdRow ends a query for one row, of the table with the alias that
	// follows. "" where nothing need be held.
	holdRow string
	// passHeld ends a query for rows of a table: those that another holds are
	// left out.
	passHeld string
	// holdKey, holdWorkspace and holdAccounts are statements.
	holdKey, holdWorkspace, holdAccounts string

	// beforeWords and afterWords are statements around the insert of the words of
	// many personas with ids of their own.
	beforeWords, afterWords []string
	// planAnew is a statement after which, until the transaction ends, each
	// statement is planned for the rows that are there: a plan that was made for
	// an empty table is kept otherwise, and nobody else can see how the table
	// has grown since. It is sent after manyRows.
	planAnew string

	// listed selects the texts of a JSON array, $2, and newIDs the ids for so many
	// rows of personas, $1, as the engine would number them.
	listed, newIDs string

	// counts tells whether totals are kept.
	counts bool
	// segments is the search index, nil where lists find words by SQL.
	segments *segments.Index
	// put and remove are changes of the search index: p stands in a place, or is
	// gone from it. remove is nil where words go with their persona.
	put    func(at personarow.Place, p *persona.Persona) engine.Change
	remove func(at personarow.Place) engine.Change
}

// manyRows is how many personas a transaction adds before plans grow too old.
const manyRows = 1000

func sqliteDialect(index *segments.Index) *dialect {
	return &dialect{
		listed: `select value from json_each($2)`,
		// Nobody else writes at the same time.
		newIDs: `
			with recursive last (id) as (select coalesce(max(id), 0) from personas),
				ids (id, n) as (select last.id + 1, 1 from last union all select id + 1, n + 1 from ids where n < $1)
			select id from ids`,

		counts:   true,
		segments: index,
		put: func(at personarow.Place, p *persona.Persona) engine.Change {
			return index.Put(at.Workspace, at.ID, at.Author, at.Fresh, p)
		},
		remove: func(at personarow.Place) engine.Change { return index.Remove(at.Workspace, at.ID) },
	}
}

func postgresDialect() *dialect {
	return &dialect{
		holdRow:       " for update of ",
		passHeld:      " for update skip locked",
		holdKey:       `select pg_advisory_xact_lock(hashtextextended($1 || ' ' || $2, 0))`,
		holdWorkspace: `select o_id from workspaces where o_id = $1 for update`,
		holdAccounts:  `lock table organizations in share row exclusive mode`,
		// The words of all are put in their places together, and not those of one
		// persona after the other, which takes ten times as long.
		beforeWords: []string{
			`set local gin_pending_list_limit = '128MB'`,
			`alter index personas_search_by_word set (fastupdate = on)`,
		},
		afterWords: []string{
			`select gin_clean_pending_list('personas_search_by_word')`,
			`alter index personas_search_by_word set (fastupdate = off)`,
			`select setval(pg_get_serial_sequence('personas', 'id'), (select max(id) from personas))`,
		},

		planAnew: `set local plan_cache_mode = force_custom_plan`,
		listed:   `select jsonb_array_elements_text($2::jsonb)`,
		newIDs:   `select nextval(pg_get_serial_sequence('personas', 'id')) from generate_series(1, $1::int)`,

		put: func(at personarow.Place, p *persona.Persona) engine.Change { return fts.Put(at.Workspace, at.ID, p) },
	}
}

// holdRow ends the text of a query for one row.
func (q *queries) holdRow(alias string) string {
	if !q.writing || q.dialect.holdRow == "" {
		return ""
	}
	return q.dialect.holdRow + alias
}

// hold runs a statement that holds something until the transaction ends.
func (q *queries) hold(ctx context.Context, statement string, args ...any) error {
	if !q.writing || statement == "" {
		return nil
	}
	_, err := q.exec(ctx, statement, args...)
	return err
}
