package remote

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"personae.dev/apitype"
	"personae.dev/client"
	"personae.dev/internal/cli/format"
	"personae.dev/internal/errs"
)

type historyCmd struct {
	one
	Revision string `placeholder:"REVISION" help:"Show what one revision changed, given by its number or id (rv_…)."`
}

// Help implements kong.HelpProvider.
func (*historyCmd) Help() string {
	return `The newest change comes first. A change that was made by a command on the database has no key.

Examples:

  personae {kind} history {id}
  personae {kind} history {id} --revision 3`
}

// Run shows the history of an entity, or one change.
func (c *historyCmd) Run(ctx context.Context, stdio format.Stdio, kind Kind) error {
	if c.Revision != "" {
		return c.showOne(ctx, stdio, kind)
	}
	revisions := []apitype.Revision{}
	_, err := c.on(ctx, kind, func(api *connection, oID string) (*answer, error) {
		a, err := api.get(ctx, oID) // for an error where it does not exist
		if err != nil {
			return nil, err
		}
		for r, err := range api.client.Revisions(ctx, history(kind, a.Entity)) {
			if err != nil {
				return nil, err
			}
			revisions = append(revisions, r)
		}
		return a, nil
	})
	if err != nil {
		return err
	}
	return c.Show(stdio.Out, revisions, func(w io.Writer) error {
		rows := [][]string{{"NUMBER", "REVISION", "WHEN", "WHO", "KEY", "SOURCE", "ACTION", "FIELDS"}}
		for i, r := range revisions {
			rows = append(rows, []string{
				strconv.Itoa(len(revisions) - i), r.RevisionOID, format.Time(&r.CreatedAt.Time), r.AuthorName, keyOf(&r), r.Source, r.Action,
				strings.Join(r.Fields, ", "),
			})
		}
		return format.Table(w, rows)
	})
}

// history asks for all revisions of an entity.
func history(kind Kind, e object) client.RevisionOptions {
	list := client.RevisionOptions{Kinds: []string{kind.Name}, Restored: true}
	if oID := e.oID(); oID != "" {
		list.OIDs = []string{oID}
	}
	return list
}

func keyOf(r *apitype.Revision) string {
	if r.APIKeyOID == nil {
		return ""
	}
	return *r.APIKeyOID
}

// showOne shows what one revision changed.
func (c *historyCmd) showOne(ctx context.Context, stdio format.Stdio, kind Kind) error {
	var r *apitype.RevisionDetail
	_, err := c.on(ctx, kind, func(api *connection, oID string) (*answer, error) {
		a, err := api.get(ctx, oID)
		if err != nil {
			return nil, err
		}
		revision, err := api.findRevision(ctx, a.Entity.oID(), c.Revision)
		if err != nil {
			return nil, err
		}
		if r, err = api.client.GetRevision(ctx, revision); err == nil && r.EntityOID != a.Entity.oID() {
			err = noSuchRevision(kind, a.Entity.oID(), c.Revision)
		}
		return a, err
	})
	if err != nil {
		return err
	}
	return c.Show(stdio.Out, r, func(w io.Writer) error {
		fmt.Fprintf(w, "Revision %s of %s: %s at %s by %s", r.RevisionOID, r.EntityOID, r.Action, format.Time(&r.CreatedAt.Time), r.AuthorName)
		if r.APIKeyOID != nil {
			fmt.Fprintf(w, " with key %s", *r.APIKeyOID)
		}
		fmt.Fprint(w, "\n\n")
		return writeDiff(w, changesOf(kind, &r.Diff))
	})
}

// changesOf returns a diff in the order of the kind's fields.
func changesOf(kind Kind, d *apitype.Diff) []fieldChange {
	var changes []fieldChange
	for name, value := range d.Added {
		changes = append(changes, fieldChange{field: name, after: value})
	}
	for name, value := range d.Removed {
		changes = append(changes, fieldChange{field: name, before: value})
	}
	for name, change := range d.Changed {
		changes = append(changes, fieldChange{name, change.Before, change.After})
	}
	place := func(c fieldChange) int {
		for i := range kind.Fields {
			if kind.Fields[i].Name == c.field {
				return i
			}
		}
		return len(kind.Fields) // archivedAt and deletedAt
	}
	slices.SortFunc(changes, func(a, b fieldChange) int {
		if d := place(a) - place(b); d != 0 {
			return d
		}
		return strings.Compare(a.field, b.field)
	})
	return changes
}

// findRevision returns the id of a revision of an entity, which may be given by
// its number: revisions are counted from the first.
func (c *connection) findRevision(ctx context.Context, oID, named string) (string, error) {
	number, err := strconv.Atoi(named)
	if err != nil { // then it is an id
		return named, nil //nolint:nilerr // the server judges it
	}
	list := client.RevisionOptions{Kinds: []string{c.kind.Name}, OIDs: []string{oID}, Restored: true, Limit: 1}
	for {
		page, err := c.client.ListRevisions(ctx, list)
		switch {
		case err != nil:
			return "", err
		case number < 1 || number > page.Total:
			return "", noSuchRevision(c.kind, oID, named)
		case page.Total-list.Offset == number && len(page.Revisions) == 1:
			return page.Revisions[0].RevisionOID, nil
		}
		list.Offset = page.Total - number // again if somebody writes meanwhile
	}
}

func noSuchRevision(kind Kind, oID, named string) error {
	return errs.NotFoundf(errs.CodeRevisionNotFound, "The %s %s has no revision %s: `personae %s history %[2]s` lists them.", kind.Title, oID, named, kind.Name)
}
