package store

import (
	"context"
	"errors"
)

var errTODO = errors.New("store: PostgreSQL is not there yet")

func openPostgres(context.Context, string, Options) (*Store, error)       { return nil, errTODO }
func postgresSteps(context.Context, string, Options) ([]Migration, error) { return nil, errTODO }
func isPostgres(string) bool                                              { return false }
func postgresName(string) string                                          { return "" }
func (t *tx) putAtOnce(context.Context, string, error, any, any) error    { return errTODO }
