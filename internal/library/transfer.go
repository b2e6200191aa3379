package library

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"personae.dev/internal/persona"
)

// ImportLine is one line of an import.
type ImportLine struct {
	// Number counts from 1.
	Number int
	// Persona is what the line says. Its zero OID, CreatedAt and UpdatedAt mean
	// that the line has none.
	Persona *persona.Persona
	// Faults are those of the line's form.
	Faults []persona.Fault
}

// ImportOptions say how to import.
type ImportOptions struct {
	Workspace persona.Workspace
	// Author is who made the personas that are new.
	Author persona.User
	// SkipInvalid leaves out lines with faults. Without it, one fault and
	// nothing is imported.
	SkipInvalid bool
	// OnlyIfEmpty imports nothing into a workspace that has a persona.
	OnlyIfEmpty bool
	// Fault is told of every faulty line, in order.
	Fault func(line int, faults []persona.Fault)
}

// ImportReport counts the lines of an import.
type ImportReport struct {
	Created, Updated, Unchanged, Invalid int
}

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
		i := importer{Library: l, opts: opts, tx: tx, report: &report, lineOf: map[string]int{}}
		for line, err := range lines {
			if err != nil {
				return err
			}
			if err := i.line(ctx, line); err != nil {
				return err
			}
		}
		if report.Invalid > 0 && !opts.SkipInvalid {
			return persona.Invalidf("Lines with faults: %d. Nothing was imported: mend them, or leave them out with --skip-invalid.", report.Invalid)
		}
		return nil
	})
	if errors.Is(err, errNotEmpty) {
		return ImportReport{}, nil
	}
	l.personas.ForgetAll()
	return report, err
}

// importer is one import.
type importer struct {
	*Library
	opts   ImportOptions
	tx     persona.Tx
	report *ImportReport
	lineOf map[string]int // by persona id
}

func (i *importer) line(ctx context.Context, line ImportLine) error {
	p := line.Persona
	given := p.OID
	var existing *persona.Persona
	if persona.ValidID(given) {
		var err error
		existing, err = i.tx.Persona(ctx, i.opts.Workspace.OID, given)
		if err != nil && persona.KindOf(err) != persona.NotFound {
			return err
		}
	}
	i.complete(p, existing)
	faults := p.ValidateWith(line.Faults)
	if first := i.lineOf[given]; given != "" && first > 0 {
		faults = persona.JoinAll(faults, []persona.Fault{{Field: "oId", Message: fmt.Sprintf("stands in line %d too: keep one of them", first)}})
	}
	if given != "" && (len(faults) == 0 || !i.opts.SkipInvalid) {
		i.lineOf[given] = line.Number
	}
	switch {
	case len(faults) > 0:
		i.report.Invalid++
		if i.opts.Fault != nil {
			i.opts.Fault(line.Number, faults)
		}
		return nil
	case i.report.Invalid > 0 && !i.opts.SkipInvalid:
		return nil // all will be undone: look for more faults only
	case existing == nil:
		i.report.Created++
		if err := i.tx.InsertPersona(ctx, p); err != nil {
			return err
		}
		return i.note(ctx, p)
	case p.Equal(existing):
		i.report.Unchanged++
		return nil
	}
	i.report.Updated++
	if err := i.tx.ReplacePersona(ctx, p); err != nil {
		return err
	}
	return i.note(ctx, p)
}

// note writes the revision of what was imported.
func (i *importer) note(ctx context.Context, p *persona.Persona) error {
	return i.tx.InsertRevision(ctx, &persona.Revision{
		OID: persona.NewID(persona.RevisionPrefix), PersonaOID: p.OID, Action: persona.ActionImported, At: i.now(),
		User: i.opts.Author, Persona: p,
	})
}

// complete gives p what its line did not say.
func (i *importer) complete(p, existing *persona.Persona) {
	now := i.now()
	p.WorkspaceOID = i.opts.Workspace.OID
	identifyQuestions(p, existing)
	if existing == nil {
		p.Author = i.opts.Author
		if p.OID == "" {
			p.OID = persona.NewID(persona.PersonaPrefix)
		}
		if p.CreatedAt.IsZero() {
			p.CreatedAt = now
		}
		if p.UpdatedAt.IsZero() {
			p.UpdatedAt = p.CreatedAt
		}
		return
	}
	p.Author = existing.Author
	if p.CreatedAt.IsZero() {
		p.CreatedAt = existing.CreatedAt
	}
	if p.UpdatedAt.IsZero() {
		p.UpdatedAt = existing.UpdatedAt
		if !p.Equal(existing) {
			p.UpdatedAt = after(existing.UpdatedAt, now)
		}
	}
}

// Export returns all personas of a workspace, deleted ones too, oldest first,
// as they are at one moment.
func (l *Library) Export(ctx context.Context, workspace persona.Workspace) iter.Seq2[*persona.Persona, error] {
	return l.store.Personas(ctx, workspace.OID)
}
