package segments

import (
	"context"
	"database/sql"
	"math/rand/v2"
	"slices"
	"time"

	"personae.dev/internal/store/engine"
	"personae.dev/internal/store/inverted"
)

// Prepare implements engine.Prepare. A persona that was changed is dead where it
// stood, and stands in a segment with the others that were changed.
func (x *Index) Prepare(changes []engine.Change) (write func(context.Context, engine.Runner) error) {
	byWorkspace := map[int][]*change{}
	for _, c := range changes {
		c := c.(*change)
		byWorkspace[c.workspace] = append(byWorkspace[c.workspace], c)
	}
	all := make([]prepared, 0, len(byWorkspace))
	for workspace, changes := range byWorkspace {
		all = append(all, x.prepare(workspace, changes))
	}
	return func(ctx context.Context, r engine.Runner) error {
		for _, p := range all {
			w := writing{x, r, p.workspace}
			if err := w.apply(ctx, p); err != nil {
				return damaged(err)
			}
		}
		return nil
	}
}

// prepared are changes of a workspace that are yet to be written: who may stand
// in a segment, in ascending order, and the segments to add.
type prepared struct {
	workspace int
	before    []int64
	built     []*inverted.Built
}

func (x *Index) prepare(workspace int, changes []*change) prepared {
	p := prepared{workspace: workspace}
	last := make(map[int64]int, len(changes))
	for i, c := range changes {
		if _, again := last[c.id]; !again && !c.fresh {
			p.before = append(p.before, c.id)
		}
		last[c.id] = i
	}
	slices.Sort(p.before)
	docs := make([]*inverted.Doc, 0, len(last))
	for i, c := range changes {
		if last[c.id] == i && c.doc != nil {
			docs = append(docs, c.doc)
		}
	}
	b := x.builders.Get().(*inverted.Builder)
	defer x.builders.Put(b)
	for docs := range inverted.Split(docs) {
		p.built = append(p.built, b.Build(docs))
	}
	return p
}

// writing writes the segments of a workspace, in a transaction.
type writing struct {
	*Index
	engine.Runner
	workspace int
}

func (w *writing) apply(ctx context.Context, p prepared) error {
	if len(p.before) > 0 {
		if err := w.bury(ctx, p.before); err != nil {
			return err
		}
	}
	for _, b := range p.built {
		if err := w.add(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

// row is that of a segment.
type row struct {
	class, docs, weight int
	parts               int // in search_blocks
	id, low, high       int64
	dead                []byte
}

const rowColumns = `class, id, docs, weight, parts, low, high, dead`

func (w *writing) rows(ctx context.Context, text string, args ...any) (all []*row, err error) {
	err = read(ctx, w, text, func(rows *sql.Rows) error {
		s := &row{}
		all = append(all, s)
		if err := rows.Scan(&s.class, &s.id, &s.docs, &s.weight, &s.parts, &s.low, &s.high, &s.dead); err != nil {
			return err
		}
		if s.docs < 1 || s.docs > inverted.MaxDocs { // by which memory is taken
			return inverted.ErrDamaged
		}
		return nil
	}, append([]any{w.workspace}, args...)...)
	return all, err
}

// bury marks personas as dead, by the ids of their rows in ascending order.
// Where no other is left in a segment, that goes.
func (w *writing) bury(ctx context.Context, ids []int64) error {
	const (
		near = `select ` + rowColumns + ` from search_segments where workspace = $1 and low <= $2 and high >= $3`
		mark = `update search_segments set dead = $4 where workspace = $1 and class = $2 and id = $3`
	)
	segments, err := w.rows(ctx, near, ids[len(ids)-1], ids[0])
	if err != nil {
		return err
	}
	var gone, sparse []*row
	for _, s := range segments {
		dead, more, err := w.deadOf(ctx, s, ids)
		if err != nil {
			return err
		}
		if !more {
			continue
		}
		s.dead = dead.AppendTo(nil)
		switch count := dead.Count(); {
		case count == s.docs:
			gone = append(gone, s)
			continue
		case s.class > inverted.Small && 2*count > s.docs && sparse == nil:
			sparse = append(sparse, s) // one at a time, as it takes long
			continue
		}
		if _, err := w.ExecContext(ctx, mark, w.workspace, s.class, s.id, s.dead); err != nil {
			return err
		}
	}
	if err := w.drop(ctx, gone); err != nil || sparse == nil {
		return err
	}
	return w.merge(ctx, sparse)
}

// deadOf returns who is dead in a segment, with those of ids, and whether these
// are more.
func (w *writing) deadOf(ctx context.Context, s *row, ids []int64) (dead inverted.Bitmap, more bool, err error) {
	from, _ := slices.BinarySearch(ids, s.low)
	ids = ids[from:]
	if len(ids) == 0 || ids[0] > s.high {
		return nil, false, nil
	}
	places, err := w.placesOf(ctx, s)
	if err != nil {
		return nil, false, err
	}
	if dead = inverted.NewBitmap(s.docs); len(s.dead) > 0 {
		if dead, err = inverted.BitmapOf(s.dead, s.docs); err != nil {
			return nil, false, err
		}
	}
	for _, id := range ids {
		if id > s.high {
			break
		}
		doc, found, err := inverted.PlaceOf(places, s.docs, id)
		if err != nil {
			return nil, false, err
		}
		if found && !dead.Has(doc) {
			dead.Set(doc)
			more = true
		}
	}
	return dead, more, nil
}

// placesOf reads where the personas of a segment stand in it.
func (w *writing) placesOf(ctx context.Context, s *row) ([]byte, error) {
	if s.parts > 1 {
		parts, err := w.parts(ctx, w, s.id, inverted.PlacesPart, inverted.PlacesPart+1)
		return parts[0], err
	}
	h, err := w.head(ctx, s.id)
	if err != nil {
		return nil, err
	}
	return h.Places, nil
}

// head reads the head of a segment.
func (w *writing) head(ctx context.Context, segment int64) (*inverted.Head, error) {
	if h, _ := w.cache.get(partKey{segment, inverted.HeadPart}).(*inverted.Head); h != nil {
		return h, nil
	}
	var h *inverted.Head
	err := read(ctx, w, partsOf, func(rows *sql.Rows) error {
		part, err := scanPart(rows)
		if err != nil {
			return err
		}
		if h, err = inverted.ParseHead(part.bytes); err == nil {
			w.cache.put(part.partKey, h, h.Size)
		}
		return err
	}, segment, inverted.HeadPart, inverted.HeadPart)
	if err == nil && h == nil {
		err = inverted.ErrDamaged
	}
	return h, err
}

// add adds a segment. Where there are others of its class with which it makes
// one of a next, they are merged, and that is added.
func (w *writing) add(ctx context.Context, b *inverted.Built) error {
	const (
		beside  = `select count(*), coalesce(sum(weight), 0) from search_segments where workspace = $1 and class = $2`
		ofClass = `select ` + rowColumns + ` from search_segments where workspace = $1 and class = $2 order by id`
	)
	for b != nil {
		class := inverted.ClassOf(b.Weight())
		if class == inverted.Full {
			break
		}
		var count, weight int
		err := read(ctx, w, beside, func(rows *sql.Rows) error { return rows.Scan(&count, &weight) }, w.workspace, class)
		if err != nil {
			return err
		}
		if (class != inverted.Small || count+1 < inverted.MergeAt) && weight+b.Weight() < inverted.MaxDocs {
			break
		}
		others, err := w.rows(ctx, ofClass, class)
		if err != nil {
			return err
		}
		room := inverted.MaxDocs - b.Weight()
		for i, s := range others {
			if room -= s.weight; room < 0 {
				others = others[:i]
				break
			}
		}
		if b, err = w.mergeWith(ctx, others, b); err != nil {
			return err
		}
	}
	if b == nil {
		return nil
	}
	return w.write(ctx, b)
}

// merge replaces segments by one of what lives in them.
func (w *writing) merge(ctx context.Context, segments []*row) error {
	b, err := w.mergeWith(ctx, segments, nil)
	if err != nil {
		return err
	}
	return w.add(ctx, b)
}

// mergeWith drops segments, and returns one of what lives in them and in b; nil
// where nothing does.
func (w *writing) mergeWith(ctx context.Context, segments []*row, b *inverted.Built) (*inverted.Built, error) {
	const all = `
		select b.segment, b.part, b.bytes
		from json_each($1) s
		cross join search_blocks b on b.segment = s.value
		order by b.segment, b.part`
	parts := map[int64][][]byte{}
	err := read(ctx, w, all, func(rows *sql.Rows) error {
		part, err := scanPart(rows)
		parts[part.segment] = append(parts[part.segment], part.bytes)
		return err
	}, jsonOf(idsOf(segments)))
	if err != nil {
		return nil, err
	}
	var old []*inverted.Loaded
	for _, s := range segments {
		l, err := inverted.Load(parts[s.id], s.dead)
		if err != nil {
			return nil, err
		}
		old = append(old, l)
	}
	if b != nil {
		l, err := b.Loaded()
		if err != nil {
			return nil, err
		}
		old = append(old, l)
	}
	if err := w.drop(ctx, segments); err != nil {
		return nil, err
	}
	m := w.builders.Get().(*inverted.Builder)
	defer w.builders.Put(m)
	return m.Merge(old)
}

func idsOf(segments []*row) []int64 {
	ids := make([]int64, len(segments))
	for i, s := range segments {
		ids[i] = s.id
	}
	return ids
}

func (w *writing) drop(ctx context.Context, segments []*row) error {
	const (
		dropRow   = `delete from search_segments where workspace = $1 and class = $2 and id = $3`
		dropParts = `delete from search_blocks where segment in (select value from json_each($1))`
	)
	for _, s := range segments {
		if _, err := w.ExecContext(ctx, dropRow, w.workspace, s.class, s.id); err != nil {
			return err
		}
	}
	if len(segments) == 0 {
		return nil
	}
	_, err := w.ExecContext(ctx, dropParts, jsonOf(idsOf(segments)))
	return err
}

// write writes a segment.
func (w *writing) write(ctx context.Context, b *inverted.Built) error {
	const (
		addRow  = `insert into search_segments (workspace, ` + rowColumns + `) values ($1, $2, $3, $4, $5, $6, $7, $8, null)`
		addPart = `insert into search_blocks (segment, part, bytes) values ($1, $2, $3)`
	)
	id, parts, weight := w.newID(), 0, b.Weight()
	for part, bytes := range b.Parts() {
		if _, err := w.ExecContext(ctx, addPart, id, part, bytes); err != nil {
			return err
		}
		parts++
	}
	_, err := w.ExecContext(ctx, addRow, w.workspace, inverted.ClassOf(weight), id, b.Docs, weight, parts, b.Low, b.High)
	return err
}

// newID returns an id that no segment has had, not even one that was rolled back
// or is not in a backup: of the time, and of chance. A clock that
// was never set tells no time, and ids would be the same after every start.
func (x *Index) newID() int64 {
	const randomBits = 22
	epoch := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	at := time.Since(epoch).Milliseconds()
	if at <= 0 {
		at = rand.Int64N(1 << 40) //nolint:gosec // it is no secret
	}
	for {
		last := x.lastID.Load()
		id := max(last+1, at<<randomBits|rand.Int64N(1<<randomBits)) //nolint:gosec // it is no secret
		if x.lastID.CompareAndSwap(last, id) {
			return id
		}
	}
}
