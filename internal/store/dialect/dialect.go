// Package dialect has the SQL that the engines do not have in common.
package dialect

import (
	"personae.dev/internal/persona"
	"personae.dev/internal/store/engine"
	"personae.dev/internal/store/fts"
	"personae.dev/internal/store/personarow"
	"personae.dev/internal/store/segments"
)

// Dialect is the SQL of an engine that the other does not have, or not so.
//
// On SQLite a transaction that writes is alone. On PostgreSQL others write at
// the same time, and so it holds, until its end, what its rules have read: the
// persona that it changes, the idempotency key that it looks up, the workspace
// that it counts, the list of accounts (docs/adr/0015).
type Dialect struct {
	// HoldRow ends a query for one row, of the table with the alias that
	// follows. "" where nothing need be held.
	HoldRow string
	// PassHeld ends a query for rows of a table: those that another holds are
	// left out.
	PassHeld string
	// HoldKey, HoldWorkspace and HoldAccounts are statements; so are HoldPersona and
	// HoldOfRevision, for the persona of a revision: what the newest revision left
	// is the persona's row, and so nobody may change that after the revision was read.
	HoldKey, HoldWorkspace, HoldAccounts, HoldPersona, HoldOfRevision string

	// BeforeWords and AfterWords are statements around the insert of the words of
	// many personas with ids of their own.
	BeforeWords, AfterWords []string
	// PlanAnew is a statement after which, until the transaction ends, each
	// statement is planned for the rows that are there: a plan that was made for
	// an empty table is kept otherwise, and nobody else can see how the table
	// has grown since. It is sent after ManyRows.
	PlanAnew string

	// Listed selects the texts of a JSON array, $2. NewIDs selects the ids for so
	// many rows of personas, $1, as the engine would number them; where it is "",
	// they are those that follow the greatest, which NumberAndLast selects after the
	// number of a workspace, $1.
	Listed, NewIDs, NumberAndLast string

	// Counts tells whether totals are kept.
	Counts bool
	// Segments is the search index, nil where lists find words by SQL.
	Segments *segments.Index
	// Put and Remove are changes of the search index: p stands in a place, or is
	// gone from it. Remove is nil where words go with their persona.
	Put    func(at personarow.Place, p *persona.Persona) engine.Change
	Remove func(at personarow.Place) engine.Change
}

// ManyRows is how many personas a transaction adds before plans grow too old.
const ManyRows = 1000

// SQLite is that of SQLite, with its search index.
func SQLite(index *segments.Index) *Dialect {
	return &Dialect{
		Listed: `select value from json_each($2)`,
		// Nobody else writes at the same time.
		NumberAndLast: `select number, (select coalesce(max(id), 0) from personas) from workspaces where o_id = $1`,

		Counts:   true,
		Segments: index,
		Put: func(at personarow.Place, p *persona.Persona) engine.Change {
			return index.Put(at.Workspace, at.ID, at.Author, at.Fresh, p)
		},
		Remove: func(at personarow.Place) engine.Change { return index.Remove(at.Workspace, at.ID) },
	}
}

// Postgres is that of PostgreSQL.
func Postgres() *Dialect {
	return &Dialect{
		HoldRow:       " for update of ",
		PassHeld:      " for update skip locked",
		HoldKey:       `select pg_advisory_xact_lock(hashtextextended($1 || ' ' || $2, 0))`,
		HoldWorkspace: `select o_id from workspaces where o_id = $1 for update`,
		HoldAccounts:  `lock table organizations in share row exclusive mode`,
		HoldPersona:   `select id from personas where workspace_o_id = $1 and o_id = $2 for update`,
		HoldOfRevision: `
			select p.id
			from revisions r
			join personas p on p.id = r.persona_id
			where p.workspace_o_id = $1 and r.o_id = $2
			for update of p`,
		// The words of all are put in their places together, and not those of one
		// persona after the other, which takes ten times as long.
		BeforeWords: []string{
			`set local gin_pending_list_limit = '128MB'`,
			`alter index personas_search_by_word set (fastupdate = on)`,
		},
		AfterWords: []string{
			`select gin_clean_pending_list('personas_search_by_word')`,
			`alter index personas_search_by_word set (fastupdate = off)`,
			`select setval(pg_get_serial_sequence('personas', 'id'), (select max(id) from personas))`,
		},

		PlanAnew: `set local plan_cache_mode = force_custom_plan`,
		Listed:   `select jsonb_array_elements_text($2::jsonb)`,
		NewIDs:   `select nextval(pg_get_serial_sequence('personas', 'id')) from generate_series(1, $1::int)`,

		Put: func(at personarow.Place, p *persona.Persona) engine.Change { return fts.Put(at.Workspace, at.ID, p) },
	}
}
