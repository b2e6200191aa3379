package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
)

// revisionColumns are those of a list, which has no documents.
const revisionColumns = `r.id, r.o_id, r.workspace, r.kind, e.o_id, e.name, r.number, r.action, r.author, u.first_name, u.last_name,
	r.api_key, r.source, r.created_at, r.archived_at, r.deleted_at, r.shape, r.fields`

const fromRevisions = `
	from revisions r
	join entities e on e.id = r.entity_id and e.workspace = r.workspace
	join users u on u.o_id = r.author`

// revisionsOf is fromRevisions where entities are found first.
func (q *queries) revisionsOf() string {
	return " from entities e" + q.dialect.join + "revisions r on r.entity_id = e.id and r.workspace = e.workspace" +
		q.dialect.join + "users u on u.o_id = r.author"
}

// numbered is a revision with its number in the database.
type numbered struct {
	id int64
	*entity.Revision
}

// scanRevision reads revisionColumns, and then those of more.
func scanRevision(r row, more ...any) (numbered, error) {
	rev := numbered{Revision: new(entity.Revision)}
	var (
		created           int64
		archived, deleted sql.Null[int64]
		fields            string
	)
	err := r.Scan(append([]any{
		&rev.id, &rev.RevisionOID, &rev.Workspace, &rev.Kind, &rev.OID, &rev.Name, &rev.Number, &rev.Action, &rev.Author.OID, &rev.Author.FirstName, &rev.Author.LastName,
		&rev.KeyOID, &rev.Source, &created, &archived, &deleted, &rev.Shape, &fields,
	}, more...)...)
	if err != nil {
		return numbered{}, err
	}
	rev.At, rev.ArchivedAt, rev.DeletedAt = fromMillis(created), fromNullMillis(archived), fromNullMillis(deleted)
	if err := json.Unmarshal([]byte(fields), &rev.Fields); err != nil {
		return numbered{}, fmt.Errorf("store: fields of revision %s: %w", rev.RevisionOID, err)
	}
	return rev, nil
}

// insertRevision adds a revision of an entity that was just written.
func (t *tx) insertRevision(ctx context.Context, entityID int64, s *entity.Stored, rev *entity.Revision) error {
	const query = `
		insert into revisions (workspace, kind, entity_id, o_id, action, author, api_key, source, created_at,
			archived_at, deleted_at, shape, fields, origins, document, hidden, number)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,
			(select coalesce(max(number), 0) + 1 from revisions where entity_id = $3))
		returning number`
	number, err := one(ctx, &t.queries, query, scanInt, nil, s.Workspace, s.Kind, entityID, rev.RevisionOID, string(rev.Action), rev.Author.OID,
		rev.KeyOID, string(rev.Source), millis(rev.At), nullMillis(s.ArchivedAt), nullMillis(s.DeletedAt), s.Shape, fieldsText(rev.Fields), originsText(rev.Origins),
		string(s.Document), string(s.Hidden))
	rev.Number = int(number)
	return err
}

// fieldsText is how the names of changed fields are kept.
func fieldsText(fields []string) string {
	if len(fields) == 0 {
		return "[]"
	}
	return jsonText(fields)
}

// originsText is how the origins of a change are kept.
func originsText(origins []entity.Origin) string {
	if len(origins) == 0 {
		return "[]"
	}
	return jsonText(origins)
}

// Revisions implements entity.Reader: page and total are of one moment.
func (s *Store) Revisions(ctx context.Context, query entity.RevisionQuery) (*entity.RevisionPage, error) {
	return read(ctx, s, func(q *queries) (*entity.RevisionPage, error) { return q.Revisions(ctx, query) })
}

// Revisions implements entity.Reader.
func (q *queries) Revisions(ctx context.Context, query entity.RevisionQuery) (*entity.RevisionPage, error) {
	defer q.timed("revisions")()
	c := conditions{args: []any{query.Workspace}, where: []string{"r.workspace = $1"}}
	counted, from := " from revisions r", fromRevisions
	if len(query.Kinds) > 0 {
		c.and("r.kind in " + fmt.Sprintf(q.texts, c.arg(jsonText(query.Kinds))))
	}
	if len(query.OIDs) > 0 {
		from = q.revisionsOf()
		counted = from
		c.and("e.workspace = $1 and e.o_id in " + fmt.Sprintf(q.texts, c.arg(jsonText(query.OIDs))))
	}
	if query.AuthorOID != "" {
		c.and("r.author = " + c.arg(query.AuthorOID))
	}
	if query.KeyOID != "" {
		c.and("r.api_key = " + c.arg(query.KeyOID))
	}
	if query.From != nil {
		c.and("r.created_at >= " + c.arg(millis(*query.From)))
	}
	if query.To != nil {
		c.and("r.created_at <= " + c.arg(millis(*query.To)))
	}
	if !query.Restored {
		c.and("r.action not in ('" + string(entity.ActionRestored) + "', '" + string(entity.ActionReverted) + "')")
	}
	total, err := one(ctx, q, "select count(*)"+counted+" where "+c.text(), scanInt, nil, c.args...)
	if err != nil {
		return nil, err
	}
	page := &entity.RevisionPage{Total: int(total)}
	text := "select " + revisionColumns + from + " where " + c.text() + " order by r.id desc limit " + c.arg(query.Limit) + " offset " + c.arg(query.Offset)
	page.Revisions, err = all(ctx, q, text, plainRevision, c.args...)
	return page, err
}

func plainRevision(r row) (*entity.Revision, error) {
	rev, err := scanRevision(r)
	return rev.Revision, err
}

// Revision implements entity.Reader: both are of one moment.
func (s *Store) Revision(ctx context.Context, workspace, revisionOID string) (rev, before *entity.Revision, err error) {
	err = s.snapshot(ctx, func(q *queries) error {
		rev, before, err = q.Revision(ctx, workspace, revisionOID)
		return err
	})
	return rev, before, err
}

// Revision implements entity.Reader.
func (q *queries) Revision(ctx context.Context, workspace, revisionOID string) (rev, before *entity.Revision, err error) {
	defer q.timed("revision")()
	const query = `
		select ` + revisionColumns + `, r.origins, r.document, r.hidden` + fromRevisions + `
		join revisions last on last.workspace = r.workspace and last.entity_id = r.entity_id and r.number in (last.number, last.number - 1)
		where last.workspace = $1 and last.o_id = $2
		order by r.number desc`
	found, err := all(ctx, q, query, func(r row) (*entity.Revision, error) {
		var origins, document, hidden []byte
		rev, err := scanRevision(r, &origins, &document, &hidden)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(origins, &rev.Origins); err != nil {
			return nil, fmt.Errorf("store: origins of revision %s: %w", rev.RevisionOID, err)
		}
		rev.Document, rev.Hidden = document, hidden
		return rev.Revision, nil
	}, workspace, revisionOID)
	switch {
	case err != nil:
		return nil, nil, err
	case len(found) == 0:
		return nil, nil, errs.RevisionNotFound()
	case len(found) == 1:
		return found[0], nil, nil
	}
	return found[0], found[1], nil
}
