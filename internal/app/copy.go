package app

import (
	"context"
	"errors"
	"time"

	"personae.dev/internal/persona"
	"personae.dev/internal/store"
	"personae.dev/internal/transfer"
)

// copyStatementTimeout is what a statement of a copy has at least: it has more to
// do than one of a request, and nobody waits for it.
const copyStatementTimeout = 5 * time.Minute

// Copy copies a whole installation from one database to another, which it sets
// up where it is new. An SQLite file must have no server on either side.
func Copy(ctx context.Context, from, to string, settings DatabaseSettings, progress transfer.Progress) (_ *transfer.Report, err error) {
	if from == to {
		return nil, persona.BadSettingf("--from and --to name the same database.")
	}
	settings.StatementTimeout = max(settings.StatementTimeout, copyStatementTimeout)
	source, err := store.Open(ctx, from, store.Options{Exclusive: true, Settings: settings})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	target, err := store.Open(ctx, to, store.Options{Create: true, Exclusive: true, Settings: settings})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	return transfer.Copy(ctx, source, target, progress)
}
