package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"iter"
	"slices"
	"strings"
	"time"

	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
)

const (
	// copyAtOnce is how many rows a copy adds in one transaction at most, and
	// copyBytes about how many bytes. What was added stays when the next fails.
	copyAtOnce = 1000
	copyBytes  = 8 << 20
)

// The codes of Copy's own errors.
const (
	CodeTargetDiffers = "target_differs"
	CodeCopyDiffers   = "copy_differs"
)

// CopyStage is what a copy is doing.
type CopyStage string

// The stages, in their order.
const (
	Comparing CopyStage = "comparing" // reads what an earlier try has copied
	Copying   CopyStage = "copying"
	Verifying CopyStage = "verifying"
)

// CopyOptions say how to copy.
type CopyOptions struct {
	// Derive returns a row with all that is derived from its document: links and
	// words are not copied.
	Derive func(*entity.Row) (*entity.Stored, error)
	// Progress, if set, is told how many of all rows a stage is through with.
	Progress func(stage CopyStage, done, total int)
}

// CopyReport says what a copy did.
type CopyReport struct {
	// Before counts the rows that were there before, and Copied those that were
	// added.
	Before, Copied int
	// Tables has the rows of both stores, in the order in which they are copied.
	Tables []CopiedTable
}

// CopiedTable is what both stores have in a table.
type CopiedTable struct {
	Name string
	Rows int
	// SHA256 is that of all rows as JSON lines, by key.
	SHA256 string
}

// copyTable is a table that is copied: its name, its columns, and how many of them
// are the key, by which it is read.
type copyTable struct {
	name    string
	columns []string
	keys    int
}

// The tables, each after those that it refers to. All else is derived, a cache, or
// of browsers, who sign in again.
var copyTables = []copyTable{ //nolint:gochecknoglobals // a constant list
	{"organizations", strings.Fields("o_id name slug domain created_at"), 1},
	{"workspaces", strings.Fields("o_id id organization name domain created_at"), 1},
	{"users", strings.Fields("o_id organization first_name last_name email role created_at removed_at"), 1},
	{"api_keys", strings.Fields("o_id workspace user_o_id name scopes secret_digest created_at expires_at revoked_at last_used_at"), 1},
	{"passwords", strings.Fields("user_o_id email hash changed_at"), 1},
	{"members", strings.Fields("workspace user_o_id role created_at"), 2},
	{"entities", strings.Fields("workspace id kind o_id name author shape tag created_at updated_at archived_at deleted_at document hidden"), 2},
	{"revisions", strings.Fields("workspace id o_id kind entity_id number action author api_key source created_at archived_at deleted_at shape fields origins document hidden"), 2},
	{"idempotency", strings.Fields("workspace key digest created_at pending_until"), 2},
	{"idempotency_rows", strings.Fields("workspace key position kind o_id name author shape tag created_at updated_at archived_at deleted_at document hidden"), 3},
	{"agents", strings.Fields("workspace o_id type name description config created_at updated_at"), 2},
	{"model_calls", strings.Fields("workspace id created_at purpose model input_tokens output_tokens ms tries repaired outcome"), 2},
	{"unmatched", strings.Fields("workspace title count last_at"), 2},
}

const (
	accountTables  = 6 // the first tables of copyTables
	entitiesTable  = 6
	revisionsTable = 7
)

// copyRow is a row of copyTables[table]; no values where a store has no more.
type copyRow struct {
	table  int
	values []any // int64, string, []byte or nil
}

func (r copyRow) key() []any { return r.values[:copyTables[r.table].keys] }

func (r copyRow) String() string {
	return strings.TrimSuffix(fmt.Sprintln(append([]any{copyTables[r.table].name}, r.key()...)...), "\n")
}

// size is about how many bytes a row has.
func (r copyRow) size() int {
	size := 0
	for _, value := range r.values {
		switch value := value.(type) {
		case string:
			size += len(value)
		case []byte:
			size += len(value)
		}
	}
	return size
}

// value is that of a column.
func (r copyRow) value(column string) any {
	return r.values[slices.Index(copyTables[r.table].columns, column)]
}

// Copy adds to a store what another one has, and then compares all that both
// have. What is in the target must be the beginning of what is in the source, as
// a try that was cut off leaves it; otherwise nothing is written.
//
// Nobody else should change either meanwhile. What is copied is the source as it
// was at one moment; a change before the end is an error.
func Copy(ctx context.Context, from, to *Store, o CopyOptions) (*CopyReport, error) {
	c := &copier{from: from, to: to, options: o}
	if o.Progress == nil {
		c.options.Progress = func(CopyStage, int, int) {}
	}
	var err error
	if c.total, err = from.countRows(ctx); err != nil {
		return nil, err
	}
	if err := c.copy(ctx); err != nil {
		return nil, err
	}
	if err := c.verify(ctx); err != nil {
		return nil, err
	}
	return &c.report, nil
}

type copier struct {
	from, to *Store
	options  CopyOptions
	total    int
	report   CopyReport
}

// copy goes through both stores, and adds what the source has more.
func (c *copier) copy(ctx context.Context) error {
	var batch []copyRow
	size := 0
	for p, err := range pairs(ctx, c.from, c.to) {
		switch {
		case err != nil:
			return err
		case p.to.values == nil:
			batch = append(batch, p.from)
			if size += p.from.size(); len(batch) == copyAtOnce || size > copyBytes {
				if err := c.add(ctx, batch); err != nil {
					return err
				}
				batch, size = nil, 0
			}
		case !p.same():
			return c.refuse(p)
		default:
			c.report.Before++
			c.options.Progress(Comparing, c.report.Before, c.total)
		}
	}
	if err := c.add(ctx, batch); err != nil {
		return err
	}
	// Also where an earlier try has copied the last row, and was cut off then.
	return c.to.engine.write(ctx, true, func(ctx context.Context, t *tx) error { return t.setSequences(ctx) })
}

// add adds rows, all or none.
func (c *copier) add(ctx context.Context, rows []copyRow) error {
	if len(rows) == 0 {
		return nil
	}
	err := c.to.engine.write(ctx, true, func(ctx context.Context, t *tx) error {
		for _, r := range rows {
			if err := t.insertCopy(ctx, r, c.options.Derive); err != nil {
				return fmt.Errorf("store: copy %s: %w", r, err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	c.report.Copied += len(rows)
	c.options.Progress(Copying, c.report.Before+c.report.Copied, c.total)
	return nil
}

// refuse answers for a target that does not begin as the source does.
func (c *copier) refuse(p pair) error {
	what := "It is no copy of the source as it is now: one of both was changed"
	if p.to.table == 0 {
		what = "It holds another installation"
	}
	return errs.Conflictf(CodeTargetDiffers,
		"The target was left as it is. %s (%s). Name an empty database with --to, or empty this one, and copy again.", what, p.difference())
}

// verify reads all of both again.
func (c *copier) verify(ctx context.Context) error {
	sums := make([]hash.Hash, len(copyTables))
	for i, t := range copyTables {
		sums[i] = sha256.New()
		c.report.Tables = append(c.report.Tables, CopiedTable{Name: t.name})
	}
	done := 0
	for p, err := range pairs(ctx, c.from, c.to) {
		if err != nil {
			return err
		}
		if !p.same() {
			return copyDiffers(p.difference())
		}
		line, err := json.Marshal(p.from.values)
		if err != nil {
			return fmt.Errorf("store: copy %s: %w", p.from, err)
		}
		sums[p.from.table].Write(append(line, '\n'))
		c.report.Tables[p.from.table].Rows++
		done++
		c.options.Progress(Verifying, done, c.total)
	}
	for i, sum := range sums {
		c.report.Tables[i].SHA256 = hex.EncodeToString(sum.Sum(nil))
	}
	return c.unchanged(ctx, done)
}

// unchanged looks for changes of the source while all rows were compared: those
// of an entity add a revision, and a server that is called sets when keys were
// last used.
func (c *copier) unchanged(ctx context.Context, rows int) error {
	now, err := c.from.countRows(ctx)
	if err != nil {
		return err
	}
	if now != rows {
		return copyDiffers(fmt.Sprintf("the source had %d rows, and has %d", rows, now))
	}
	for p, err := range pairs(ctx, c.from, c.to) {
		switch {
		case err != nil:
			return err
		case p.from.table >= accountTables:
			return nil
		case !p.same():
			return copyDiffers(p.difference())
		}
	}
	return nil
}

func copyDiffers(how string) error {
	return errs.Conflictf(CodeCopyDiffers,
		"The copy is not what the source is now: one of both was changed meanwhile (%s). Stop the servers, empty the target, and copy again.", how)
}

// pair is a row of each store, in the order of their keys; without values where
// one has no more.
type pair struct{ from, to copyRow }

// pairs goes through two stores at once.
func pairs(ctx context.Context, from, to *Store) iter.Seq2[pair, error] {
	return func(yield func(pair, error) bool) {
		next, stop := iter.Pull2(to.rows(ctx))
		defer stop()
		for row, err := range from.rows(ctx) {
			there, targetErr, _ := next()
			if err == nil {
				err = targetErr
			}
			if !yield(pair{row, there}, err) || err != nil {
				return
			}
		}
		for there, err, more := next(); more; there, err, more = next() {
			if !yield(pair{to: there}, err) || err != nil {
				return
			}
		}
	}
}

func (p pair) same() bool {
	return p.from.table == p.to.table && slices.EqualFunc(p.from.values, p.to.values, func(a, b any) bool {
		text, isBytes := a.([]byte)
		if !isBytes {
			return a == b
		}
		other, isBytes := b.([]byte)
		return isBytes && bytes.Equal(text, other)
	})
}

// difference says how the rows of a pair differ.
func (p pair) difference() string {
	switch {
	case p.to.values == nil:
		return p.from.String() + " is in the source only"
	case p.from.values == nil:
		return p.to.String() + " is in the target only"
	}
	order := p.from.table - p.to.table
	if order == 0 {
		order = slices.CompareFunc(p.from.key(), p.to.key(), compareKeys)
	}
	switch {
	case order < 0:
		return p.from.String() + " is in the source only"
	case order > 0:
		return p.to.String() + " is in the target only"
	}
	return p.from.String() + " is not the same"
}

func compareKeys(a, b any) int {
	if a, ok := a.(int64); ok {
		if b, ok := b.(int64); ok {
			return int(min(1, max(-1, a-b)))
		}
	}
	return strings.Compare(fmt.Sprint(a), fmt.Sprint(b))
}

// rows returns all rows of copyTables, table by table, as they were at one moment.
func (s *Store) rows(ctx context.Context) iter.Seq2[copyRow, error] {
	return func(yield func(copyRow, error) bool) {
		stopped := false
		err := s.snapshot(ctx, func(q *queries) error {
			for i := range copyTables {
				for r, err := range q.rowsOf(ctx, i) {
					if err != nil {
						return err
					}
					if stopped = !yield(r, nil); stopped {
						return nil
					}
				}
			}
			return nil
		})
		if err != nil && !stopped {
			yield(copyRow{}, err)
		}
	}
}

// rowsOf reads a table in the order of its key, some rows at a time.
func (q *queries) rowsOf(ctx context.Context, table int) iter.Seq2[copyRow, error] {
	t := copyTables[table]
	key := strings.Join(t.columns[:t.keys], ", ")
	first := fmt.Sprintf("select %s from %s order by %s limit $1", strings.Join(t.columns, ", "), t.name, key)
	next := fmt.Sprintf("select %s from %s where (%s) > (%s) order by %s limit $%d",
		strings.Join(t.columns, ", "), t.name, key, strings.Join([]string{"$1", "$2", "$3"}[:t.keys], ", "), key, t.keys+1)
	scan := func(r row) (copyRow, error) {
		values, dest := make([]any, len(t.columns)), make([]any, len(t.columns))
		for i := range values {
			dest[i] = &values[i]
		}
		return copyRow{table, values}, r.Scan(dest...)
	}
	return func(yield func(copyRow, error) bool) {
		text, args := first, []any{rowsAtOnce}
		for {
			some, err := all(ctx, q, text, scan, args...)
			if err != nil {
				yield(copyRow{}, err)
				return
			}
			for _, r := range some {
				if !yield(r, nil) {
					return
				}
			}
			if len(some) < rowsAtOnce {
				return
			}
			text, args = next, append(slices.Clone(some[len(some)-1].key()), rowsAtOnce)
		}
	}
}

// countRows counts the rows of copyTables.
func (s *Store) countRows(ctx context.Context) (total int, err error) {
	for _, t := range copyTables {
		n, err := one(ctx, &s.queries, "select count(*) from "+t.name, scanInt, nil)
		if err != nil {
			return 0, err
		}
		total += int(n)
	}
	return total, nil
}

// insertCopy adds a row as it is, and what is derived from it.
func (t *tx) insertCopy(ctx context.Context, r copyRow, derive func(*entity.Row) (*entity.Stored, error)) error {
	of := copyTables[r.table]
	if r.table == entitiesTable {
		row := r.entity()
		derived, err := derive(row)
		if err != nil {
			return err
		}
		s := *derived
		s.Row = *row // as it was written, whatever its shape is
		return t.put(ctx, copyEntity, taken(row.Kind, row.OID), &s, nil, r.value("id"))
	}
	places := make([]string, len(of.columns))
	for i := range places {
		places[i] = fmt.Sprintf("$%d", i+1)
	}
	query := fmt.Sprintf("insert into %s (%s) values (%s)", of.name, strings.Join(of.columns, ", "), strings.Join(places, ", "))
	_, err := t.exec(ctx, query, r.values...)
	return err
}

// entity is a row of entities as it is stored.
func (r copyRow) entity() *entity.Row {
	text := func(column string) string {
		text, _ := r.value(column).(string)
		return text
	}
	number := func(column string) int64 {
		n, _ := r.value(column).(int64)
		return n
	}
	optional := func(column string) *time.Time {
		n, ok := r.value(column).(int64)
		return fromNullMillis(sql.Null[int64]{V: n, Valid: ok})
	}
	tag, _ := r.value("tag").([]byte)
	row := &entity.Row{
		Ref:  entity.Ref{Workspace: text("workspace"), Kind: text("kind"), OID: text("o_id")},
		Name: text("name"), Shape: int(number("shape")), Tag: tagOf(tag),
		CreatedAt: fromMillis(number("created_at")), UpdatedAt: fromMillis(number("updated_at")),
		ArchivedAt: optional("archived_at"), DeletedAt: optional("deleted_at"),
		Document: []byte(text("document")), Hidden: []byte(text("hidden")),
	}
	row.Author.OID = text("author")
	return row
}

// setSequences lets the next rows follow those that were copied.
func (t *tx) setSequences(ctx context.Context) error {
	if !t.postgres {
		return nil // it follows by itself
	}
	for _, table := range []string{"workspaces", "entities", "revisions", "model_calls"} {
		query := "select setval(pg_get_serial_sequence('" + table + "', 'id'), coalesce(max(id), 1), max(id) is not null) from " + table
		if _, err := one(ctx, &t.queries, query, scanInt, nil); err != nil {
			return err
		}
	}
	return nil
}
