package sqlite

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"personae.dev/internal/store/engine"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func setup(t *testing.T) (s *DB, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "personae.db")
	return openInternal(t, path, engine.Options{Create: true}), path
}

func openInternal(t *testing.T, path string, opts engine.Options) *DB {
	t.Helper()
	s, err := Open(t.Context(), path, opts.WithDefaults(), addAll)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

// TestBulk: what has a file to itself writes no log, and leaves it as others do.
func TestBulk(t *testing.T) {
	t.Parallel()
	mode := func(d *DB) (mode string) {
		if err := d.writer.QueryRowContext(t.Context(), `pragma journal_mode`).Scan(&mode); err != nil {
			t.Errorf("journal_mode: %v", err)
		}
		return mode
	}
	first, path := setup(t)
	if beside := openInternal(t, path, engine.Options{Bulk: true}); mode(beside) != "wal" {
		t.Errorf("beside another: %s", mode(beside))
	} else if err := errors.Join(beside.Write(t.Context(), add(t, "og_1")), beside.Close(), first.Close()); err != nil {
		t.Error(err)
	}

	alone := openInternal(t, path, engine.Options{Bulk: true})
	if got := mode(alone); got != "delete" {
		t.Errorf("alone: %s", got)
	}
	// A reader that came in would hold up what is written.
	reader, err := sql.Open("sqlite", dsn(path, url.Values{"mode": {"rw"}, "_query_only": {"1"}}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = reader.Close() })
	err = alone.WriteAlone(t.Context(), func(w engine.Writer) error {
		if _, err := reader.ExecContext(t.Context(), `select count(*) from organizations`); err == nil {
			t.Error("a reader came in")
		}
		return add(t, "og_2")(w)
	})
	if err := errors.Join(err, reader.Close()); err != nil {
		t.Error(err)
	}
	if got := organizations(t, alone); len(got) != 2 {
		t.Errorf("there are %v", got)
	}
	// Who opens it between two writes takes it back.
	second := openInternal(t, path, engine.Options{})
	if err := errors.Join(alone.Write(t.Context(), add(t, "og_3")), second.Write(t.Context(), add(t, "og_4"))); err != nil {
		t.Error(err)
	}
	if got := mode(alone); got != "wal" {
		t.Errorf("with a second: %s", got)
	}
	if err := errors.Join(second.Close(), alone.Close()); err != nil {
		t.Error(err)
	}

	alone = openInternal(t, path, engine.Options{Bulk: true})
	if err := alone.Close(); err != nil {
		t.Error(err)
	}
	if after := openInternal(t, path, engine.Options{Bulk: true}); len(organizations(t, after)) != 4 {
		t.Errorf("there are %v", organizations(t, after))
	}
	head, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if size := int(head[16])<<8 | int(head[17]); size != PageSize { // as SQLite writes it
		t.Errorf("a page of a new file has %d bytes, want %d", size, PageSize)
	}
}

// TestWatchLosesConnection: the driver gives a connection up when a statement
// on it was cancelled, and the version that a new one tells is its own.
func TestWatchLosesConnection(t *testing.T) {
	t.Parallel()
	s, path := setup(t)
	other := openInternal(t, path, engine.Options{})
	before, _ := s.Epoch()
	conn, err := s.writer.Conn(t.Context()) // the watch has to wait
	if err != nil {
		t.Fatalf("Conn: %v", err)
	}
	err = other.Write(t.Context(), func(r engine.Writer) error {
		_, err := r.ExecContext(t.Context(), `insert into organizations (o_id, name, slug, created_at) values ('og_1', 'x', 'x', 0)`)
		return err
	})
	if err != nil {
		t.Fatalf("Write: %v", err)
	}
	_ = conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = conn.Close()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	looked := s.watch.lookedAt.Load()
	for deadline := time.Now().Add(10 * time.Second); s.watch.lookedAt.Load() == looked; <-ticker.C {
		if time.Now().After(deadline) {
			t.Fatal("the watch does not look any more")
		}
	}
	if epoch, _ := s.Epoch(); epoch == before {
		t.Error("a foreign change was missed with a new connection")
	}
}

// TestConnections checks what durability and isolation stand on, and what a
// mistake in a DSN would take away without a word.
func TestConnections(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	pragma := func(db *sql.DB, name string) (value string) {
		if err := db.QueryRowContext(t.Context(), "pragma "+name).Scan(&value); err != nil {
			t.Fatalf("pragma %s: %v", name, err)
		}
		return value
	}
	for name, want := range map[string]string{
		"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "5000", "query_only": "0",
	} {
		if got := pragma(s.writer, name); got != want {
			t.Errorf("writer: %s = %s, want %s", name, got, want)
		}
	}
	for name, want := range map[string]string{"journal_mode": "wal", "query_only": "1", "busy_timeout": "5000"} {
		if got := pragma(s.readers, name); got != want {
			t.Errorf("readers: %s = %s, want %s", name, got, want)
		}
	}
	if _, err := s.readers.ExecContext(t.Context(), "delete from users"); err == nil {
		t.Error("a reading connection can write")
	}
	if n := s.writer.Stats().MaxOpenConnections; n != 1 {
		t.Errorf("there may be %d writing connections, want 1", n)
	}
}
