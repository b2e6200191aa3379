package store

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/search"
)

// selectRows reads what scanRow scans, and selectHeads the same without the
// documents.
const (
	selectRows  = headColumns + `, e.document, e.hidden` + fromRows
	selectHeads = headColumns + `, null, null` + fromRows

	headColumns = `
		select e.id, e.workspace, e.kind, e.o_id, e.name, e.author, u.first_name, u.last_name, e.shape, e.tag,
			e.created_at, e.updated_at, e.archived_at, e.deleted_at`
	fromRows = `
		from entities e
		join users u on u.o_id = e.author`
)

// rowsAtOnce is how many rows one statement reads of those that are read one
// after the other.
const rowsAtOnce = 200

// keyed is a row with its number.
type keyed struct {
	id int64
	*entity.Row
}

// scanRow reads a row of selectRows, and refuses one that is damaged.
func (q *queries) scanRow(r row) (keyed, error) {
	k, err := scanUnchecked(r)
	if err != nil {
		return keyed{}, err
	}
	return k, q.checkTag(k.Ref, k.Tag, k.Document, k.Hidden)
}

// scanUnchecked reads a row of selectRows, damaged or not.
func scanUnchecked(r row) (keyed, error) {
	k := keyed{Row: new(entity.Row)}
	var (
		tag               []byte
		created, updated  int64
		archived, deleted sql.Null[int64]
	)
	err := r.Scan(&k.id, &k.Workspace, &k.Kind, &k.OID, &k.Name, &k.Author.OID, &k.Author.FirstName, &k.Author.LastName, &k.Shape, &tag,
		&created, &updated, &archived, &deleted, &k.Document, &k.Hidden)
	if err != nil {
		return keyed{}, err
	}
	k.Tag = tagOf(tag)
	k.CreatedAt, k.UpdatedAt = fromMillis(created), fromMillis(updated)
	k.ArchivedAt, k.DeletedAt = fromNullMillis(archived), fromNullMillis(deleted)
	return k, nil
}

// checkTag refuses bytes that are not the ones that were written.
func (q *queries) checkTag(ref entity.Ref, tag entity.Tag, document, hidden []byte) error {
	if tag == entity.TagOf(document, hidden) {
		return nil
	}
	q.warn("A row of the database is damaged: its checksum is wrong. Run `personae check` to find all of them, and restore what is damaged from a backup.",
		"workspace", ref.Workspace, "kind", ref.Kind, "oId", ref.OID)
	return errs.Unavailablef(nil, "The %s %s is damaged in the database: it is not what was written. Ask the operator to run `personae check`.", ref.Kind, ref.OID)
}

// notFound answers for an entity that is not there.
func notFound(ref entity.Ref) error {
	return errs.NotFoundf(errs.NotFoundCode(ref.Kind), "There is no %s with this id in the workspace of the API key.", strings.ReplaceAll(ref.Kind, "-", " "))
}

// Row implements entity.Reader: row and joins are of one moment.
func (s *Store) Row(ctx context.Context, ref entity.Ref, joins []entity.Join) (*entity.Row, error) {
	if len(joins) == 0 {
		return s.queries.Row(ctx, ref, nil)
	}
	return read(ctx, s, func(q *queries) (*entity.Row, error) { return q.Row(ctx, ref, joins) })
}

// Row implements entity.Reader.
func (q *queries) Row(ctx context.Context, ref entity.Ref, joins []entity.Join) (*entity.Row, error) {
	defer q.timed("row")()
	const where = ` where e.workspace = $1 and e.o_id = $2 and e.kind = $3`
	found, err := one(ctx, q, selectRows+where+q.lockRow("e"), q.scanRow, notFound(ref), ref.Workspace, ref.OID, ref.Kind)
	if err != nil {
		return nil, err
	}
	return found.Row, q.join(ctx, ref.Workspace, []keyed{found}, joins)
}

// join fills Joined of rows of one workspace.
func (q *queries) join(ctx context.Context, workspace string, rows []keyed, joins []entity.Join) error {
	if len(joins) == 0 || len(rows) == 0 {
		return nil
	}
	ids, fields, byID := make([]int64, len(rows)), make([]string, len(joins)), map[int64]*entity.Row{}
	for i, r := range rows {
		r.Joined = make([][]byte, len(joins))
		ids[i], byID[r.id] = r.id, r.Row
	}
	for i, join := range joins {
		fields[i] = join.Field
	}
	// An id may be that of two kinds: the one that was added first counts.
	query := "select l.entity_id, l.field, e.kind, e.o_id, e.tag, e.document, e.hidden" + q.joined() + " order by e.id desc"
	type joined struct {
		id               int64
		field            string
		ref              entity.Ref
		tag              []byte
		document, hidden []byte
	}
	scan := func(r row) (j joined, err error) {
		err = r.Scan(&j.id, &j.field, &j.ref.Kind, &j.ref.OID, &j.tag, &j.document, &j.hidden)
		return j, err
	}
	for j, err := range each(ctx, q, query, scan, workspace, jsonText(ids), jsonText(fields)) {
		if err != nil {
			return err
		}
		j.ref.Workspace = workspace
		if err := q.checkTag(j.ref, tagOf(j.tag), j.document, j.hidden); err != nil {
			return err
		}
		byID[j.id].Joined[slices.Index(fields, j.field)] = j.document
	}
	return nil
}

// joined selects the entities e that rows link to. It takes the workspace, the
// numbers of the rows, and the fields that link.
func (q *queries) joined() string {
	return fmt.Sprintf(`
		from links l`+q.dialect.join+`entities e on e.workspace = l.workspace and e.o_id = l.target
		where l.workspace = $1 and l.entity_id in %s and l.field in %s and l.position = 0`,
		fmt.Sprintf(q.numbers, "$2"), fmt.Sprintf(q.texts, "$3"))
}

func tagOf(bytes []byte) (tag entity.Tag) {
	copy(tag[:], bytes)
	return tag
}

// rowsByID reads rows by their numbers, in the order of these; heads leaves
// documents out.
func (q *queries) rowsByID(ctx context.Context, workspace string, ids []int64, heads bool) ([]keyed, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	query, scan := selectRows, q.scanRow
	if heads {
		query, scan = selectHeads, scanUnchecked
	}
	query += ` where ` + q.inWorkspace + ` and e.id in ` + fmt.Sprintf(q.numbers, "$2")
	at := make(map[int64]int, len(ids))
	for i, id := range ids {
		at[id] = i
	}
	rows := make([]keyed, len(ids))
	for r, err := range each(ctx, q, query, scan, workspace, jsonText(ids)) {
		if err != nil {
			return nil, err
		}
		rows[at[r.id]] = r
	}
	// In a transaction of PostgreSQL a row may have gone meanwhile.
	return slices.DeleteFunc(rows, func(r keyed) bool { return r.Row == nil }), nil
}

// All implements entity.Reader.
func (s *Store) All(ctx context.Context, workspace, kind string) iter.Seq2[*entity.Row, error] {
	return func(yield func(*entity.Row, error) bool) {
		err := s.snapshot(ctx, func(q *queries) error {
			q.All(ctx, workspace, kind)(yield)
			return nil
		})
		if err != nil {
			yield(nil, err)
		}
	}
}

// Versions implements entity.Reader.
func (q *queries) Versions(ctx context.Context, workspace, kind string) ([]entity.Version, error) {
	defer q.timed("versions")()
	const query = `
		select o_id, tag
		from entities
		where workspace = $1 and kind = $2 and archived_at is null and deleted_at is null
		order by id`
	return all(ctx, q, query, func(r row) (v entity.Version, err error) {
		var tag []byte
		err = r.Scan(&v.OID, &tag)
		v.Tag = tagOf(tag)
		return v, err
	}, workspace, kind)
}

// All implements entity.Reader.
func (q *queries) All(ctx context.Context, workspace, kind string) iter.Seq2[*entity.Row, error] {
	const query = selectRows + ` where e.workspace = $1 and e.kind = $2 and e.id > $3 order by e.id limit $4`
	return func(yield func(*entity.Row, error) bool) {
		for last := int64(-1); ; {
			rows, err := all(ctx, q, query, q.scanRow, workspace, kind, last, rowsAtOnce)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, r := range rows {
				if !yield(r.Row, nil) {
					return
				}
			}
			if len(rows) < rowsAtOnce {
				return
			}
			last = rows[len(rows)-1].id
		}
	}
}

// Count implements entity.Reader.
func (q *queries) Count(ctx context.Context, workspace, kind string) (int, error) {
	const query = `select count(*) from entities where workspace = $1 and (kind = $2 or $2 = '')`
	if err := q.lock(ctx, q.lockWorkspace, workspace); err != nil {
		return 0, err
	}
	n, err := one(ctx, q, query, scanInt, nil, workspace, kind)
	return int(n), err
}

// Tallies implements entity.Reader.
func (q *queries) Tallies(ctx context.Context, workspace string, since time.Time) ([]entity.Tally, error) {
	const query = `
		select kind,
			count(case when archived_at is null then 1 end),
			count(archived_at),
			count(case when archived_at is null and created_at >= $2 then 1 end),
			count(case when archived_at is null and created_at < $2 and updated_at >= $2 then 1 end)
		from entities
		where workspace = $1 and deleted_at is null
		group by kind
		order by kind`
	return all(ctx, q, query, func(r row) (t entity.Tally, err error) {
		err = r.Scan(&t.Kind, &t.Active, &t.Archived, &t.New, &t.Changed)
		return t, err
	}, workspace, since.UnixMilli())
}

// Find implements entity.Reader.
func (q *queries) Find(ctx context.Context, workspace string, oIDs []string) ([]entity.Named, error) {
	if len(oIDs) == 0 {
		return nil, nil
	}
	query := `
		select kind, o_id, name, deleted_at, ''
		from entities
		where workspace = $1 and o_id in ` + fmt.Sprintf(q.texts, "$2") + `
		order by id + 0` // not by the index of this order, which has the whole workspace
	return all(ctx, q, query, scanNamed, workspace, jsonText(oIDs))
}

func scanNamed(r row) (n entity.Named, err error) {
	var deleted sql.Null[int64]
	err = r.Scan(&n.Kind, &n.OID, &n.Name, &deleted, &n.Field)
	n.DeletedAt = fromNullMillis(deleted)
	return n, err
}

// Outdated implements entity.Reader. A row is outdated by its shape, or by the
// words that it is found by.
func (q *queries) Outdated(ctx context.Context, kind string, shape int, after int64, limit int) ([]entity.OutdatedEntity, error) {
	const query = `
		select e.id, e.workspace, e.kind, e.o_id
		from entities e
		where e.kind = $1 and (e.shape < $2 or e.search < $3) and e.id + 0 > $4
		order by e.id + 0
		limit $5` // by the indexes of shape and search, and not by that of id, which has all rows
	return all(ctx, q, query, func(r row) (o entity.OutdatedEntity, err error) {
		err = r.Scan(&o.Number, &o.Workspace, &o.Kind, &o.OID)
		return o, err
	}, kind, shape, search.Version, after, limit)
}

// entityColumns are the columns of entities that entityValues returns, but for
// id. The first three are the key of a row.
const entityColumns = `workspace, kind, o_id, name, sort_name, author, shape, search, tag, created_at, updated_at, archived_at, deleted_at, document, hidden`

// maxSortName is how many characters of a folded name lists are sorted by: an
// index of PostgreSQL takes no more than 2,704 bytes.
const maxSortName = 255

// sortName is what lists by name are sorted by.
func sortName(name string) string {
	folded, n := search.Fold(name), 0
	for i := range folded {
		if n == maxSortName {
			return folded[:i]
		}
		n++
	}
	return folded
}

// entityValues are the values of entityColumns, which parameters from $1 on have.
func entityValues(s *entity.Stored) []any {
	return []any{
		s.Workspace, s.Kind, s.OID, s.Name, sortName(s.Name), s.Author.OID, s.Shape, search.Version, s.Tag[:],
		millis(s.CreatedAt), millis(s.UpdatedAt), nullMillis(s.ArchivedAt), nullMillis(s.DeletedAt), string(s.Document), string(s.Hidden),
	}
}

const (
	insertEntity = `
		insert into entities (` + entityColumns + `)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
		on conflict do nothing
		returning id`

	// replaceEntity leaves the author; $6 is there for the same values to do.
	replaceEntity = `
		update entities
		set name = $4, sort_name = $5, author = coalesce(author, $6), shape = $7, search = $8, tag = $9,
			created_at = $10, updated_at = $11, archived_at = $12, deleted_at = $13, document = $14, hidden = $15
		where workspace = $1 and kind = $2 and o_id = $3
		returning id`

	// copyEntity inserts an entity under a number that is given.
	copyEntity = `
		insert into entities (` + entityColumns + `, id)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
		on conflict do nothing
		returning id`
)

// Insert implements entity.Tx. The revision has the document, the shape and the
// dates of s.
func (t *tx) Insert(ctx context.Context, s *entity.Stored, rev *entity.Revision) error {
	defer t.timed("insert")()
	return t.put(ctx, insertEntity, taken(s.Kind, s.OID), s, rev)
}

// Replace implements entity.Tx, as Insert does.
func (t *tx) Replace(ctx context.Context, s *entity.Stored, rev *entity.Revision) error {
	defer t.timed("replace")()
	return t.put(ctx, replaceEntity, notFound(s.Ref), s, rev)
}

// put writes an entity with all that is derived from it. text is one of the
// statements above, which more values follow the usual ones for.
func (t *tx) put(ctx context.Context, text string, missing error, s *entity.Stored, rev *entity.Revision, more ...any) error {
	values := append(entityValues(s), more...)
	if t.postgres {
		return t.putAtOnce(ctx, text, missing, s, rev, values)
	}
	id, err := one(ctx, &t.queries, text, scanInt, missing, values...)
	if err != nil {
		return err
	}
	if text == replaceEntity {
		const unlink = `delete from links where entity_id = $1`
		if _, err := t.exec(ctx, unlink, id); err != nil {
			return err
		}
	}
	for _, l := range linkRows(s) {
		const link = `insert into links (entity_id, workspace, field, position, target) values ($1, $2, $3, $4, $5)`
		if _, err := t.exec(ctx, link, id, s.Workspace, l.Field, l.Position, l.Target); err != nil {
			return err
		}
	}
	if rev != nil {
		if err := t.insertRevision(ctx, id, s, rev); err != nil {
			return err
		}
	}
	return t.putWords(ctx, id, text != replaceEntity, s)
}
