package library

import (
	"context"
	"errors"
	"iter"

	"personae.dev/internal/library/importing"
	"personae.dev/internal/persona"
)

type (
	// ImportLine is one line of an import.
	ImportLine = importing.Line
	// ImportOptions say how to import.
	ImportOptions = importing.Options
	// ImportReport counts the lines of an import.
	ImportReport = importing.Report
)

var errNotEmpty = errors.New("the workspace has personas")

// Import writes the personas of lines into a workspace, in one transaction. A
// persona whose id is there already is updated, or left alone where it is
// equal: to import the same twice changes nothing. An error of lines ends it.
func (l *Library) Import(ctx context.Context, opts ImportOptions, lines iter.Seq2[ImportLine, error]) (ImportReport, error) {
	var report ImportReport
	err := l.store.WriteAlone(ctx, func(tx persona.Tx) error {
		if opts.OnlyIfEmpty {
			if n, err := tx.CountPersonas(ctx, opts.Workspace.OID); err != nil {
				return err
			} else if n > 0 {
				return errNotEmpty
			}
		}
		rules := importing.Rules{Now: l.now, IdentifyQuestions: identifyQuestions, After: after}
		var err error
		report, err = rules.Into(ctx, tx, opts, lines)
		return err
	})
	if errors.Is(err, errNotEmpty) {
		return ImportReport{}, nil
	}
	l.personas.ForgetAll()
	return report, err
}

// Export returns all personas of a workspace, deleted ones too, oldest first,
// as they are at one moment.
func (l *Library) Export(ctx context.Context, workspace persona.Workspace) iter.Seq2[*persona.Persona, error] {
	return l.store.Personas(ctx, workspace.OID)
}
