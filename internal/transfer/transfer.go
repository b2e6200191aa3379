// Package transfer copies a whole installation from one store to another:
// accounts, keys, personas, their history and first answers, as they are. What a
// copy is, how it goes on where it stopped, and when it is right, stands here.
//
// It knows the ports of persona, and neither SQL nor which engines there are.
package transfer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"iter"
	"slices"
	"strings"

	"personae.dev/internal/persona"
)

const (
	// rowsAtOnce is how many rows are added in one transaction at most, and
	// bytesAtOnce about how many bytes. What was added stays when the next
	// fails.
	rowsAtOnce  = 2000
	bytesAtOnce = 8 << 20
)

// The codes of Copy's own errors.
const (
	CodeTargetDiffers = "target_differs"
	CodeCopyDiffers   = "copy_differs"
)

// Stage is what a copy is at.
type Stage string

// The stages, in their order.
const (
	// Comparing reads what an earlier try has copied.
	Comparing Stage = "comparing"
	Copying   Stage = "copying"
	Verifying Stage = "verifying"
)

// Progress is told how many of all rows a stage is through with.
type Progress func(stage Stage, done, total int)

// Report tells what came of a copy.
type Report struct {
	// Before counts the rows that were there before, and Copied those that were
	// added.
	Before, Copied int
	// Sums are those of both stores.
	Sums [persona.RowKinds]Sum
}

// Sum is the rows of a kind.
type Sum struct {
	Rows int
	// SHA256 is that of all values as JSON lines, by key.
	SHA256 string
}

// Copy adds to a store what another one has, and then compares all that both
// have. What is in the target must be the beginning of what is in the source, as
// a try that was cut off leaves it; otherwise nothing is written.
//
// Nobody else should change either meanwhile. What is copied is the source as it
// was at one moment; a change before the end is an error.
func Copy(ctx context.Context, from, to persona.Store, progress Progress) (*Report, error) {
	total, err := from.CountRows(ctx)
	if err != nil {
		return nil, err
	}
	c := &copier{from: from, to: to, progress: progress, total: total}
	if err := c.copy(ctx); err != nil {
		return nil, err
	}
	if err := c.verify(ctx); err != nil {
		return nil, err
	}
	return &c.report, nil
}

// copier is one copy.
type copier struct {
	from, to persona.Store
	progress Progress
	total    int
	report   Report
}

// copy goes through both, and adds what the source has more.
func (c *copier) copy(ctx context.Context) error {
	var batch []persona.Row
	size := 0
	for row, err := range pairs(ctx, c.from, c.to) {
		switch {
		case err != nil:
			return err
		case row.to.Key == nil:
			batch = append(batch, row.from)
			if size += row.from.Size(); len(batch) == rowsAtOnce || size > bytesAtOnce {
				if err := c.add(ctx, batch); err != nil {
					return err
				}
				batch, size = nil, 0
			}
		case !row.same():
			return refuse(row)
		default:
			c.report.Before++
			c.progress(Comparing, c.report.Before, c.total)
		}
	}
	return c.add(ctx, batch)
}

// add adds rows, all or none.
func (c *copier) add(ctx context.Context, rows []persona.Row) error {
	if len(rows) == 0 {
		return nil
	}
	if err := c.to.WriteAlone(ctx, func(tx persona.Tx) error { return tx.InsertRows(ctx, rows) }); err != nil {
		return err
	}
	c.report.Copied += len(rows)
	c.progress(Copying, c.report.Before+c.report.Copied, c.total)
	return nil
}

// refuse answers for a target that does not begin as the source does.
func refuse(row pair) error {
	what := "It holds another installation"
	if row.to.Kind != persona.OrganizationRows {
		what = "It is no copy of the source as it is now: one of both was changed"
	}
	return persona.Conflictf(CodeTargetDiffers,
		"The target was left as it is. %s (%s). Name an empty database with --to, or empty this one, and copy again.", what, row.difference())
}

// verify reads all of both again.
func (c *copier) verify(ctx context.Context) error {
	var sums [persona.RowKinds]hash.Hash
	for kind := range sums {
		sums[kind] = sha256.New()
	}
	done := 0
	for row, err := range pairs(ctx, c.from, c.to) {
		if err != nil {
			return err
		}
		if !row.same() {
			return differs(row.difference())
		}
		line, err := json.Marshal(row.from.Values)
		if err != nil {
			return fmt.Errorf("transfer: %s: %w", name(row.from), err) // a store broke its promise
		}
		sums[row.from.Kind].Write(append(line, '\n'))
		c.report.Sums[row.from.Kind].Rows++
		done++
		c.progress(Verifying, done, c.total)
	}
	for kind, sum := range sums {
		c.report.Sums[kind].SHA256 = hex.EncodeToString(sum.Sum(nil))
	}
	return c.unchanged(ctx, done)
}

// unchanged looks for changes of the source while all rows were compared: those
// of a persona add a revision, and whoever calls a server moves the time at which
// a key was last used.
func (c *copier) unchanged(ctx context.Context, rows int) error {
	now, err := c.from.CountRows(ctx)
	if err != nil {
		return err
	}
	if now != rows {
		return differs(fmt.Sprintf("the source had %d rows, and has %d", rows, now))
	}
	for row, err := range pairs(ctx, c.from, c.to) {
		switch {
		case err != nil:
			return err
		case row.from.Kind > persona.APIKeyRows:
			return nil
		case !row.same():
			return differs(row.difference())
		}
	}
	return nil
}

func differs(how string) error {
	return persona.Conflictf(CodeCopyDiffers,
		"The copy is not what the source is now: one of both was changed meanwhile (%s). Stop the servers, empty the target, and copy again.", how)
}

// pair is a row of each store, in the order of their keys; empty where one has
// no more.
type pair struct{ from, to persona.Row }

// pairs goes through two stores at once.
func pairs(ctx context.Context, from, to persona.Reader) iter.Seq2[pair, error] {
	return func(yield func(pair, error) bool) {
		next, stop := iter.Pull2(to.Rows(ctx))
		defer stop()
		for row, err := range from.Rows(ctx) {
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
	return p.from.Kind == p.to.Kind && slices.EqualFunc(p.from.Values, p.to.Values, func(a, b any) bool {
		text, isBytes := a.([]byte)
		if !isBytes {
			return a == b
		}
		other, isBytes := b.([]byte)
		return isBytes && bytes.Equal(text, other)
	})
}

// difference tells how the rows of a pair differ.
func (p pair) difference() string {
	order := int(p.from.Kind) - int(p.to.Kind)
	if order == 0 {
		order = slices.Compare(p.from.Key, p.to.Key)
	}
	switch {
	case p.to.Key == nil, p.from.Key != nil && order < 0:
		return name(p.from) + " is in the source only"
	case p.from.Key == nil, order > 0:
		return name(p.to) + " is in the target only"
	}
	return name(p.from) + " is not the same"
}

func name(r persona.Row) string { return fmt.Sprintf("%s %s", r.Kind, strings.Join(r.Key, " ")) }
