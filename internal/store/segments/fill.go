package segments

import (
	"context"
	"database/sql"
	"time"

	"personae.dev/internal/persona"
	"personae.dev/internal/store/document"
	"personae.dev/internal/store/engine"
	"personae.dev/internal/store/inverted"
)

// fillAtOnce is how many personas Fill has in memory: as many as a segment, or
// fewer where they have many words.
const (
	fillAtOnce = inverted.MaxDocs
	fillBytes  = 16 << 20
)

// Fill is migration 6 of SQLite: segments for what is there already.
func Fill(ctx context.Context, sqlTx *sql.Tx) error { return New().fill(ctx, sqlTx, fillAtOnce) }

// FillAnew replaces all segments, also those that cannot be read.
func FillAnew(ctx context.Context, sqlTx *sql.Tx) error {
	for _, text := range []string{`delete from search_segments`, `delete from search_blocks`} {
		if _, err := sqlTx.ExecContext(ctx, text); err != nil {
			return err
		}
	}
	return Fill(ctx, sqlTx)
}

// fill has so many personas in memory at once.
func (x *Index) fill(ctx context.Context, sqlTx *sql.Tx, atOnce int) error {
	// In the order of an index, so that nothing is sorted.
	const query = `
		select w.number, p.id, p.user_o_id, p.o_id, p.name, p.internal_name, p.description, p.document,
			p.created_at, p.updated_at, p.archived_at, p.deleted_at, p.primary_offering_o_id, coalesce(p.offering_mode, '')
		from workspaces w
		cross join personas p on p.workspace_o_id = w.o_id
		order by w.o_id, p.created_at, p.o_id`
	var changes []engine.Change
	size := 0
	flush := func() error {
		err := x.Prepare(changes)(ctx, sqlTx)
		changes, size = nil, 0
		return err
	}
	err := read(ctx, sqlTx, query, func(rows *sql.Rows) error {
		var (
			workspace        int
			id               int64
			author           string
			p                persona.Persona
			doc              []byte
			created, updated int64
			archived, gone   *int64
		)
		err := rows.Scan(&workspace, &id, &author, &p.OID, &p.Name, &p.InternalName, &p.Description, &doc,
			&created, &updated, &archived, &gone, &p.Links.PrimaryOfferingOID, &p.Links.Offerings)
		if err != nil {
			return err
		}
		p.CreatedAt, p.UpdatedAt = time.UnixMicro(created), time.UnixMicro(updated)
		if archived != nil {
			p.ArchivedAt = &p.UpdatedAt // whenever that was
		}
		if gone != nil {
			p.DeletedAt = &p.UpdatedAt
		}
		if err := document.Decode(doc, &p); err != nil {
			return err
		}
		c := x.Put(workspace, id, author, true, &p)
		changes = append(changes, c)
		if size += c.Size(); len(changes) < atOnce && size < fillBytes {
			return nil
		}
		return flush()
	})
	if err != nil {
		return err
	}
	return flush()
}
