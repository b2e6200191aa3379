package store

import (
	"context"
	"database/sql"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"personae.dev/internal/errs"
)

// files are the files of a database as they were when it was opened. Where
// another file has taken the place of one, or none, what is written is lost.
type files struct {
	path          string
	database, log fs.FileInfo
}

// newFiles notes the files of a database that a connection has open. The log is
// there as soon as something was read.
func newFiles(path string) (*files, error) {
	// SQLite names the log by the file itself, whatever links lead to it.
	followed, err := filepath.EvalSymlinks(path)
	f := &files{path: followed}
	if err == nil {
		f.database, err = os.Stat(followed)
	}
	if err == nil {
		f.log, err = os.Stat(followed + "-wal")
	}
	if err != nil {
		return nil, errs.Unavailablef(err, "The database file %s or its log was removed while it was opened. Put it back, and start again.", path)
	}
	return f, nil
}

// check tells whether the files are still those that were opened.
func (f *files) check() error {
	if f == nil { // in memory
		return nil
	}
	for name, opened := range map[string]fs.FileInfo{f.path: f.database, f.path + "-wal": f.log} {
		now, err := os.Stat(name)
		if err != nil || !os.SameFile(opened, now) {
			return errs.Unavailablef(err, "The file %s was removed or replaced while the server had it open, so that nothing can be written safely. Nothing of this change was kept. Stop the server, put the database file and its log back in their place or restore a backup, and start it again.", name)
		}
	}
	return nil
}

// batchRunner runs statements of a batch, until its transaction is lost.
type batchRunner struct {
	*session
	batch *batch
}

// QueryContext implements runner.
func (r batchRunner) QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	if r.batch.fatal != nil {
		return nil, r.batch.fatal
	}
	return r.session.QueryContext(ctx, text, args...)
}

// ExecContext implements runner.
func (r batchRunner) ExecContext(ctx context.Context, text string, args ...any) (sql.Result, error) {
	if r.batch.fatal != nil {
		return nil, r.batch.fatal
	}
	return r.session.ExecContext(ctx, text, args...)
}

// compactSteps bounds how often compact asks FTS5 to merge.
const compactSteps = 100_000

// compact implements engine. Merging drops the words of rows that are gone, but
// not the pages that they were on; VACUUM drops those, and the checkpoint the
// log.
func (e *sqliteEngine) compact(ctx context.Context) error {
	const (
		// Blocks of the index that are tombstones: the flag for them is the highest
		// bit of their numbers, 1 << 53.
		tombstones = `select count(*) from words_data where id >= 9007199254740992`
		start      = `insert into words (words, rank) values ('merge', -200)`
		step       = `insert into words (words, rank) values ('merge', 200)`
	)
	text := start
	for range compactSteps {
		var left int64
		err := e.write(ctx, false, func(ctx context.Context, t *tx) (err error) {
			if _, err = t.exec(ctx, text); err == nil {
				left, err = one(ctx, &t.queries, tombstones, scanInt, nil)
			}
			return err
		})
		if err != nil {
			return err
		}
		if left == 0 {
			break
		}
		text = step
	}
	if err := e.writer.enqueue(ctx, &job{alone: func(ctx context.Context, s *session) error {
		_, err := s.ExecContext(ctx, "vacuum")
		return err
	}}); err != nil {
		return err
	}
	return e.truncateLog(ctx)
}

// truncateLog moves what the log has into the file. A reader may be in the way
// for a while.
func (e *sqliteEngine) truncateLog(ctx context.Context) error {
	const tries, pause = 10, 200 * time.Millisecond
	for range tries {
		var busy, frames, moved int
		err := e.writer.enqueue(ctx, &job{alone: func(ctx context.Context, s *session) error {
			return s.QueryRowContext(ctx, "pragma wal_checkpoint(truncate)").Scan(&busy, &frames, &moved)
		}})
		if err != nil || busy == 0 {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return errs.Unavailablef(nil, "What was purged is still in the log of the database file %s, as a long read is under way. The next purge removes it.", e.path)
}
