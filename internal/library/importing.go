package library

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
)

// ImportOptions say how to import.
type ImportOptions struct {
	Workspace account.Workspace
	// Author is who made the entities that are new, and KeyOID the key in whose
	// name it is done, "" for none.
	Author account.User
	KeyOID string
	// Kind, if set, is the only kind that is taken; nil takes all kinds, and a
	// record without a kind is of the registry's first.
	Kind *entity.Kind
	// SkipInvalid leaves out lines with errors. Without it, one error and nothing
	// is imported.
	SkipInvalid bool
	// OnlyIfEmpty imports nothing into a workspace that has an entity.
	OnlyIfEmpty bool
	// IgnoreUnknown leaves unknown fields out, which are errors without it.
	IgnoreUnknown bool
	// DryRun counts and checks, and writes nothing.
	DryRun bool
	// Invalid, if set, is told of every line with errors, in order.
	Invalid func(line int, fields []errs.Field)
	// Progress, if set, is told now and then of how many lines are done.
	Progress func(lines int)
}

// ImportReport counts the entities of an import.
type ImportReport struct {
	Created, Updated, Unchanged int
	// Skipped are lines with errors.
	Skipped int
	// Missing is how many links have a target that is not in the workspace, and
	// MissingLinks the first of them: "line 3: personaOIds: pe_1".
	Missing      int
	MissingLinks []string
	// Unknown is how often an unknown field was left out, by its name.
	Unknown map[string]int
}

// maxMissingLinks is how many links without a target are listed.
const maxMissingLinks = 20

// Lines are taken together until there are importLines of them, or until they
// have importBytes: what is done once for all of them costs little, and they fit
// into memory.
const (
	importLines = 1024
	importBytes = 4 << 20
)

// Reasons to undo an import that are no errors.
var (
	errNotEmpty = errors.New("the workspace has entities")
	errDryRun   = errors.New("nothing is to be written")
)

// Import writes the entities of lines into a workspace, in one transaction. An
// entity whose id is there already is updated, or left alone where it is equal:
// to import the same twice changes nothing. An error of lines ends it.
func (l *Library) Import(ctx context.Context, o ImportOptions, lines iter.Seq2[ImportLine, error]) (ImportReport, error) {
	i := &importer{
		Library: l, opts: o, outer: ctx, lineOf: map[string]int{}, links: map[importedLink]linkUse{}, only: map[*entity.Kind]int{},
		caller: Caller{&account.Principal{Key: account.APIKey{OID: o.KeyOID}, Workspace: o.Workspace, User: o.Author}, entity.SourceImport},
		kind:   l.registry.Kinds()[0], report: ImportReport{Unknown: map[string]int{}},
	}
	if o.Kind != nil {
		i.kind = o.Kind
	}
	err := l.store.WriteLong(ctx, func(ctx context.Context, tx entity.Tx) error {
		if o.OnlyIfEmpty {
			if n, err := tx.Count(ctx, o.Workspace.OID, ""); err != nil {
				return err
			} else if n > 0 {
				return errNotEmpty
			}
		}
		if err := i.all(ctx, tx, lines); err != nil {
			return err
		}
		if i.report.Skipped > 0 && !o.SkipInvalid {
			return errs.Invalidf("Lines with errors: %d. Nothing was imported: correct them, or leave them out with --skip-invalid.", i.report.Skipped)
		}
		if err := i.checkOnly(ctx, tx); err != nil {
			return err
		}
		if err := i.countMissing(ctx, tx); err != nil {
			return err
		}
		if o.DryRun {
			return errDryRun
		}
		return nil
	})
	switch {
	case errors.Is(err, errNotEmpty):
		return ImportReport{}, nil
	case errors.Is(err, errDryRun):
		return i.report, nil
	}
	l.documents.dropAll()
	l.versions.dropAll()
	return i.report, err
}

// importer is one import.
type importer struct {
	*Library
	opts   ImportOptions
	outer  context.Context // ends where the import is given up
	caller Caller
	kind   *entity.Kind
	report ImportReport
	done   int            // lines
	lineOf map[string]int // by id
	links  map[importedLink]linkUse
	only   map[*entity.Kind]int // the last line that sets Kind.Only
}

type importedLink struct {
	kind   *entity.Kind
	field  string
	target string
}

// linkUse is how often a link was imported, and the first line that has it.
type linkUse struct{ count, line int }

// imported is a line on its way.
type imported struct {
	ImportLine
	records []record
	fields  []errs.Field
	unknown []string
}

// record is one entity of a line.
type record struct {
	entity.Record
	given    string         // the id in the line, "" for none
	existing *entity.Entity // nil for none
	stored   *entity.Stored // nil where it is equal to existing
}

// all imports lines, some together. Those before an error are looked through,
// so that their errors are told.
func (i *importer) all(ctx context.Context, tx entity.Tx, lines iter.Seq2[ImportLine, error]) error {
	var waiting []imported
	size := 0
	for line, err := range lines {
		if err != nil {
			if failed := i.together(ctx, tx, waiting); failed != nil {
				return failed
			}
			return err
		}
		waiting = append(waiting, imported{ImportLine: line})
		if size += len(line.Value); len(waiting) < importLines && size < importBytes {
			continue
		}
		if err := i.together(ctx, tx, waiting); err != nil {
			return err
		}
		waiting, size = nil, 0
	}
	return i.together(ctx, tx, waiting)
}

func (i *importer) together(ctx context.Context, tx entity.Tx, lines []imported) error {
	if err := i.outer.Err(); err != nil || len(lines) == 0 {
		return err
	}
	inParallel(len(lines), func(n int) { i.decode(&lines[n]) })
	if err := i.find(ctx, tx, lines); err != nil {
		return err
	}
	now := i.now()
	for n := range lines {
		for r := range lines[n].records {
			// Here, as ids are made in ascending order: entities of one time keep that of
			// their lines.
			if e := lines[n].records[r].Entity; e.OID == "" {
				e.OID = i.newID(lines[n].records[r].Kind.Prefix)
			}
		}
	}
	complete := func(n int) {
		for r := range lines[n].records {
			if len(lines[n].fields) == 0 {
				i.complete(&lines[n].records[r], now)
			}
		}
	}
	if i.ordered {
		for n := range lines {
			complete(n)
		}
	} else {
		inParallel(len(lines), complete)
	}
	for n := range lines {
		if err := i.line(ctx, tx, &lines[n], now); err != nil {
			return err
		}
	}
	i.done += len(lines)
	if i.opts.Progress != nil {
		i.opts.Progress(i.done)
	}
	return nil
}

// inParallel calls do with 0 to n-1, on all processors.
func inParallel(n int, do func(int)) {
	var group errgroup.Group
	workers := runtime.GOMAXPROCS(0)
	for first := range min(workers, n) {
		group.Go(func() error {
			for i := first; i < n; i += workers {
				do(i)
			}
			return nil
		})
	}
	_ = group.Wait() // there are no errors
}

// decode reads the records of a line.
func (i *importer) decode(line *imported) {
	if line.fields = line.Errors; len(line.fields) > 0 {
		return
	}
	records, fields := i.registry.DecodeRecords(line.Value, i.kind, i.opts.IgnoreUnknown)
	var list errs.List
	list.AddAll(fields)
	for _, r := range records {
		if i.opts.Kind != nil && r.Kind != i.opts.Kind {
			list.Add(r.At+"kind", "is %s, and only %s is imported here", r.Kind.Name, i.opts.Kind.Name)
		} else if other := i.madeFor(r.Entity.OID); other != nil && r.Kind == i.kind && other != r.Kind {
			list.Add(r.At+"oId", "is that of %s, and not of %s: name the kind in the record, as \"kind\": %q", other.WithArticle(), r.Kind.WithArticle(), other.Name)
		}
		given := r.Entity.OID
		if r.Kind.Singleton {
			given = singletonID(r.Kind, i.opts.Workspace.OID)
			r.Entity.OID = given
		}
		line.records = append(line.records, record{Record: r, given: given})
		line.unknown = append(line.unknown, r.Unknown...)
	}
	line.fields = list.Fields()
	line.Value = nil
}

// madeFor returns the kind that an id of ours was made for, nil for other ids.
func (i *importer) madeFor(oID string) *entity.Kind {
	for _, k := range i.registry.Kinds() {
		if account.Made(oID, k.Prefix) {
			return k
		}
	}
	return nil
}

// find looks for the entities that lines name.
func (i *importer) find(ctx context.Context, tx entity.Tx, lines []imported) error {
	workspace := i.opts.Workspace.OID
	var oIDs []string
	for n := range lines {
		for _, r := range lines[n].records {
			// One that was in a line before is an error, whatever is there.
			if r.given != "" && i.lineOf[r.given] == 0 && account.ValidID(r.given) {
				oIDs = append(oIDs, r.given)
			}
		}
	}
	if len(oIDs) == 0 {
		return nil
	}
	found, err := tx.Find(ctx, workspace, oIDs)
	if err != nil {
		return err
	}
	kinds := map[string][]string{}
	for _, e := range found {
		kinds[e.OID] = append(kinds[e.OID], e.Kind)
	}
	for n := range lines {
		for j := range lines[n].records {
			r := &lines[n].records[j]
			there := kinds[r.given]
			switch {
			case len(there) == 0:
			case !slices.Contains(there, r.Kind.Name):
				lines[n].fields = errs.JoinAll(lines[n].fields, []errs.Field{{Path: r.At + "oId", Message: fmt.Sprintf("is that of %s in this workspace", i.articles(there)[0])}})
			default:
				row, err := i.row(ctx, tx, r.Kind, entity.Ref{Workspace: workspace, Kind: r.Kind.Name, OID: r.given})
				if err != nil {
					return err
				}
				if r.existing, err = r.Kind.Load(row); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// complete gives an entity, which has an id, what its line did not say.
func (i *importer) complete(r *record, now time.Time) {
	e := r.Kind.Identify(r.Entity, r.existing)
	r.Entity = e
	if r.existing == nil {
		e.Author = i.opts.Author.Author()
		if e.CreatedAt.IsZero() {
			e.CreatedAt = now
		}
		if e.UpdatedAt.IsZero() {
			e.UpdatedAt = e.CreatedAt
		}
		r.stored = r.Kind.Store(i.opts.Workspace.OID, e)
		return
	}
	was := r.existing
	e.Author = was.Author
	if e.CreatedAt.IsZero() {
		e.CreatedAt = was.CreatedAt
	}
	unchanged := same(r.Kind, e, was)
	switch {
	case !e.UpdatedAt.IsZero():
		unchanged = unchanged && e.UpdatedAt.Equal(was.UpdatedAt)
	case unchanged:
		e.UpdatedAt = was.UpdatedAt
	default:
		e.UpdatedAt = after(was.UpdatedAt, now)
	}
	if !unchanged {
		r.stored = r.Kind.Store(i.opts.Workspace.OID, e)
	}
}

// line writes what a line says, unless the import fails.
func (i *importer) line(ctx context.Context, tx entity.Tx, line *imported, now time.Time) error {
	for _, r := range line.records {
		if first := i.lineOf[r.given]; r.given != "" && first > 0 {
			line.fields = errs.JoinAll(line.fields, []errs.Field{{Path: r.At + "oId", Message: fmt.Sprintf("is in line %d too: keep one of them", first)}})
		}
		if r.given != "" && (len(line.fields) == 0 || !i.opts.SkipInvalid) {
			i.lineOf[r.given] = line.Number
		}
	}
	if len(line.fields) > 0 {
		i.report.Skipped++
		if i.opts.Invalid != nil {
			i.opts.Invalid(line.Number, line.fields)
		}
		return nil
	}
	if i.report.Skipped > 0 && !i.opts.SkipInvalid {
		return nil // all will be undone: look for more errors only
	}
	for _, name := range line.unknown {
		i.report.Unknown[name]++
	}
	for n := range line.records {
		if err := i.write(ctx, tx, &line.records[n], now); err != nil {
			return err
		}
		i.noteLinks(&line.records[n], line.Number)
		if r := &line.records[n]; r.stored != nil && isOnly(r.Kind, r.Entity) {
			i.only[r.Kind] = line.Number
		}
	}
	return nil
}

func (i *importer) write(ctx context.Context, tx entity.Tx, r *record, now time.Time) error {
	if r.stored == nil {
		i.report.Unchanged++
		return nil
	}
	rev := i.newRevision(i.caller, r.stored, entity.ActionImported, now)
	if r.existing == nil {
		i.report.Created++
		return tx.Insert(ctx, r.stored, rev)
	}
	i.report.Updated++
	rev.Fields = r.Kind.Changed(r.existing, r.Entity)
	return tx.Replace(ctx, r.stored, rev)
}

func (i *importer) noteLinks(r *record, line int) {
	for _, link := range r.Kind.Links(r.Entity) {
		if link.Target == entity.LinkAll {
			continue
		}
		key := importedLink{r.Kind, link.Field, link.Target}
		use := i.links[key]
		if use.count == 0 {
			use.line = line
		}
		use.count++
		i.links[key] = use
	}
}

// countMissing counts the links whose target is not in the workspace now.
func (i *importer) countMissing(ctx context.Context, tx entity.Tx) error {
	type missing struct {
		line int
		text string
	}
	var all []missing
	links := make([]importedLink, 0, len(i.links))
	for link := range i.links {
		links = append(links, link)
	}
	for some := range slices.Chunk(links, importLines) {
		asked := make([]entity.Link, len(some))
		for n, link := range some {
			asked[n] = entity.Link{Field: link.field, Target: link.target}
		}
		targets, err := i.targets(ctx, tx, i.opts.Workspace.OID, asked)
		if err != nil {
			return err
		}
		for n, link := range some {
			if targets.of(link.kind, asked[n]) == nil {
				use := i.links[link]
				i.report.Missing += use.count
				all = append(all, missing{use.line, fmt.Sprintf("line %d: %s: %s", use.line, link.field, link.target)})
			}
		}
	}
	slices.SortFunc(all, func(a, b missing) int {
		if a.line != b.line {
			return a.line - b.line
		}
		return strings.Compare(a.text, b.text)
	})
	for _, m := range all[:min(len(all), maxMissingLinks)] {
		i.report.MissingLinks = append(i.report.MissingLinks, m.text)
	}
	return nil
}

// ExportList returns the records of all entities that List finds, in the order in
// which they were made. It reads them in pages: who reads slowly keeps nothing
// from being read by others. A record is valid until the next one.
func (l *Library) ExportList(ctx context.Context, c Caller, k *entity.Kind, r ListRequest) iter.Seq2[[]byte, error] {
	r.Order, r.Descending, r.Limit, r.Offset, r.After = entity.OrderCreated, false, exportAtOnce, 0, nil
	return func(yield func([]byte, error) bool) {
		more := false
		err := require(c, account.ScopeRead)
		var q entity.Query
		if err == nil {
			q, more, err = l.query(c, k, r)
		}
		for i := range q.Sets {
			q.Sets[i].Joins = nil
		}
		for more && err == nil {
			held := &Listed{release: l.lists.Release}
			var page *entity.Page
			if page, err = l.page(ctx, held, q); errs.CodeOf(err) == errs.CodePageTooLarge && q.Limit > 1 {
				q.Limit, err = q.Limit/2, nil
				continue
			}
			if err == nil {
				more, q.After = page.HasNext, &page.Last
				more, err = l.records(page.Rows, more, yield)
			}
			held.Close()
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

// exportAtOnce is how many entities ExportList reads at once.
const exportAtOnce = 100

// records yields the records of rows. It returns more, or false where yield wants
// no more.
func (l *Library) records(rows []*entity.Row, more bool, yield func([]byte, error) bool) (bool, error) {
	var b []byte
	for _, row := range rows {
		k, err := l.registry.Kind(row.Kind)
		if err != nil {
			return false, err
		}
		e, err := k.Load(row)
		if err != nil {
			return false, err
		}
		if b = k.AppendRecord(b[:0], e); !yield(b, nil) {
			return false, nil
		}
	}
	return more, nil
}

// Export returns the records of a workspace, deleted entities too: kinds in the
// order given (none stands for all, in the registry's), and in a kind in the
// order in which they were added. A record is valid until the next one.
func (l *Library) Export(ctx context.Context, workspace account.Workspace, kinds ...*entity.Kind) iter.Seq2[[]byte, error] {
	if len(kinds) == 0 {
		kinds = l.registry.Kinds()
	}
	return func(yield func([]byte, error) bool) {
		var b []byte
		for _, k := range kinds {
			for row, err := range l.store.All(ctx, workspace.OID, k.Name) {
				var e *entity.Entity
				if err == nil {
					e, err = k.Load(row)
				}
				if err != nil {
					yield(nil, err)
					return
				}
				b = k.AppendRecord(b[:0], e)
				if !yield(b, nil) {
					return
				}
			}
		}
	}
}
