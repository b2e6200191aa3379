// Package importing has the rules of an import: what becomes of a line, and which
// lines are written together. It is a part of library.
package importing

import (
	"context"
	"fmt"
	"iter"
	"time"

	"personae.dev/internal/parallel"
	"personae.dev/internal/persona"
)

// Line is one line of an import.
type Line struct {
	// Number counts from 1.
	Number int
	// Size is how many bytes the line has.
	Size int
	// Persona is what the line says. Its zero OID, CreatedAt and UpdatedAt mean
	// that the line has none.
	Persona *persona.Persona
	// Faults are those of the line's form.
	Faults []persona.Fault
}

// Options say how to import.
type Options struct {
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

// Report counts the lines of an import.
type Report struct {
	Created, Updated, Unchanged, Invalid int
}

// Lines are taken together until there are importLines of them, or until they
// have importBytes: what is done once for all of them then costs little, and
// they still fit into memory.
const (
	importLines = 1024
	importBytes = 4 << 20
)

// Rules are those that an import has in common with other changes.
type Rules struct {
	Now func() time.Time
	// IdentifyQuestions gives ids to the questions of p; before is what was
	// there, or nil.
	IdentifyQuestions func(p, before *persona.Persona) []persona.Fault
	// After is the time of a change after another.
	After func(before, now time.Time) time.Time
}

// Into writes the personas of lines, in a transaction that is undone where it
// returns an error.
func (r Rules) Into(ctx context.Context, tx persona.Tx, opts Options, lines iter.Seq2[Line, error]) (Report, error) {
	var report Report
	i := importer{Rules: r, opts: opts, tx: tx, report: &report, lineOf: map[string]int{}}
	if err := i.all(ctx, lines); err != nil {
		return report, err
	}
	if report.Invalid > 0 && !opts.SkipInvalid {
		return report, persona.Invalidf("Lines with faults: %d. Nothing was imported: mend them, or leave them out with --skip-invalid.", report.Invalid)
	}
	return report, nil
}

// importer is one import.
type importer struct {
	Rules
	opts   Options
	tx     persona.Tx
	report *Report
	lineOf map[string]int // by persona id
}

// all imports lines, some together. Those before an error are looked through,
// so that their faults are told.
func (i *importer) all(ctx context.Context, lines iter.Seq2[Line, error]) error {
	var waiting []importing
	size := 0
	for line, err := range lines {
		if err != nil {
			if failed := i.together(ctx, waiting); failed != nil {
				return failed
			}
			return err
		}
		waiting = append(waiting, importing{Line: line, given: line.Persona.OID})
		if size += line.Size; len(waiting) < importLines && size < importBytes {
			continue
		}
		if err := i.together(ctx, waiting); err != nil {
			return err
		}
		clear(waiting)
		waiting, size = waiting[:0], 0
	}
	return i.together(ctx, waiting)
}

// importing is a line on its way.
type importing struct {
	Line
	given    string           // the id in the line, "" for none
	existing *persona.Persona // nil for none
	faults   []persona.Fault
	equal    bool // to existing
}

func (i *importer) together(ctx context.Context, lines []importing) error {
	if err := ctx.Err(); err != nil || len(lines) == 0 {
		return err
	}
	if err := i.find(ctx, lines); err != nil {
		return err
	}
	now := i.Now()
	for n := range lines {
		// Here, as ids are made in ascending order: personas of one time keep that of
		// their lines.
		if p := lines[n].Persona; p.OID == "" {
			p.OID = persona.NewID(persona.PersonaPrefix)
		}
	}
	parallel.Each(len(lines), func(n int) {
		line := &lines[n]
		i.complete(line.Persona, line.existing, now)
		line.faults = line.Persona.ValidateWith(line.Faults)
		line.equal = line.existing != nil && len(line.faults) == 0 && line.Persona.Equal(line.existing)
	})
	var created, updated []*persona.Revision
	for n := range lines {
		line := &lines[n]
		if first := i.lineOf[line.given]; line.given != "" && first > 0 {
			line.faults = persona.JoinAll(line.faults, []persona.Fault{{Field: "oId", Message: fmt.Sprintf("stands in line %d too: keep one of them", first)}})
		}
		if line.given != "" && (len(line.faults) == 0 || !i.opts.SkipInvalid) {
			i.lineOf[line.given] = line.Number
		}
		switch {
		case len(line.faults) > 0:
			i.report.Invalid++
			if i.opts.Fault != nil {
				i.opts.Fault(line.Number, line.faults)
			}
		case i.report.Invalid > 0 && !i.opts.SkipInvalid:
			// All will be undone: look for more faults only.
		case line.existing == nil:
			i.report.Created++
			created = append(created, i.revision(line.Persona, now))
		case line.equal:
			i.report.Unchanged++
		default:
			i.report.Updated++
			updated = append(updated, i.revision(line.Persona, now))
		}
	}
	if i.report.Invalid > 0 && !i.opts.SkipInvalid {
		return nil
	}
	if err := i.tx.InsertPersonas(ctx, created); err != nil {
		return err
	}
	for _, r := range updated {
		if err := i.tx.ReplacePersona(ctx, r.Persona); err != nil {
			return err
		}
		if err := i.tx.InsertRevision(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// find looks for the personas that lines name.
func (i *importer) find(ctx context.Context, lines []importing) error {
	var oIDs []string
	for n := range lines {
		// One that stood in a line before is a fault, whatever is there.
		if given := lines[n].given; i.lineOf[given] == 0 && persona.ValidID(given) {
			oIDs = append(oIDs, given)
		}
	}
	existing, err := i.tx.PersonasByID(ctx, i.opts.Workspace.OID, oIDs)
	if err != nil {
		return err
	}
	for n := range lines {
		lines[n].existing = existing[lines[n].given]
	}
	return nil
}

// revision is that of what is imported.
func (i *importer) revision(p *persona.Persona, now time.Time) *persona.Revision {
	return &persona.Revision{
		OID: persona.NewID(persona.RevisionPrefix), PersonaOID: p.OID, Action: persona.ActionImported, At: now,
		User: i.opts.Author, Persona: p,
	}
}

// complete gives p, which has an id, what its line did not say.
func (i *importer) complete(p, existing *persona.Persona, now time.Time) {
	p.WorkspaceOID = i.opts.Workspace.OID
	i.IdentifyQuestions(p, existing)
	if existing == nil {
		p.Author = i.opts.Author
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
			p.UpdatedAt = i.After(existing.UpdatedAt, now)
		}
	}
}
