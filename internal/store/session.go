package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
)

// session is a connection of SQLite, and the statements that are prepared on it.
type session struct {
	*sql.Conn
	prepared map[string]*sql.Stmt
}

func newSession(ctx context.Context, db *sql.DB) (*session, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &session{Conn: conn, prepared: map[string]*sql.Stmt{}}, nil
}

// prepare returns the statement of a text.
func (s *session) prepare(ctx context.Context, text string) (*sql.Stmt, error) {
	if stmt := s.prepared[text]; stmt != nil {
		return stmt, nil
	}
	if len(s.prepared) == maxPrepared {
		s.forget()
	}
	stmt, err := s.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	s.prepared[text] = stmt
	return stmt, nil
}

// QueryContext implements runner.
func (s *session) QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	stmt, err := s.prepare(ctx, text)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(ctx, args...)
}

// ExecContext implements runner.
func (s *session) ExecContext(ctx context.Context, text string, args ...any) (sql.Result, error) {
	stmt, err := s.prepare(ctx, text)
	if err != nil {
		return nil, err
	}
	return stmt.ExecContext(ctx, args...)
}

// Close closes the statements too: with one that is open SQLite keeps the file,
// and its log stays behind.
func (s *session) Close() error {
	s.forget()
	return s.Conn.Close()
}

// forget closes the statements. SQLite keeps a connection open that has some.
func (s *session) forget() {
	for _, stmt := range s.prepared {
		_ = stmt.Close()
	}
	clear(s.prepared)
}

// discard closes the connection for good, and with it its transaction.
func (s *session) discard() {
	s.forget()
	_ = s.Raw(func(any) error { return driver.ErrBadConn })
	_ = s.Conn.Close()
}
