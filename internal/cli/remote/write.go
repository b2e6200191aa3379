package remote

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"personae.dev/client"
	"personae.dev/internal/cli/format"
	"personae.dev/internal/errs"
)

type createCmd struct {
	server
	format.Output
	input
	IdempotencyKey string `placeholder:"KEY" help:"A name for this command: within 24 hours a second one with the same name and the same content creates nothing new."`
}

// Help implements kong.HelpProvider.
func (*createCmd) Help() string {
	return `The file may also be an export, or what get or list answer: ids and dates in it are ignored, and each
{title} in it becomes a new one. To keep ids and dates, use "personae import".

Examples:

  ID=$(personae {kind} create --set name="New one" --set {list}="First item")
  personae {kind} create -f {kind}.yaml
  personae {kind} get {id} -o yaml | personae {kind} create -f -`
}

// Run creates entities.
func (c *createCmd) Run(ctx context.Context, stdio format.Stdio, kind Kind) error {
	api, err := c.connect(kind)
	if err != nil {
		return err
	}
	bodies, err := c.bodies(ctx, stdio, kind)
	if err != nil {
		return err
	}
	created := []object{}
	for i, body := range bodies {
		options := []client.Option{client.StrictLinks()}
		if key := c.IdempotencyKey; key != "" {
			if len(bodies) > 1 {
				key = fmt.Sprintf("%s/%d", key, i+1)
			}
			options = append(options, client.IdempotencyKey(key))
		}
		a, err := api.Create(ctx, body, options...)
		if err != nil {
			if i > 0 {
				fmt.Fprintf(stdio.Err, "Created %d of %d, then failed at %q.\n", i, len(bodies), body.name())
			}
			return err
		}
		done := "was created"
		if a.Replayed {
			done = "was created before, with the same --idempotency-key"
		}
		fmt.Fprintf(stdio.Err, "%s %s.\n", label(kind, a.Entity), done)
		if c.IsTable() { // at once, in case a later one fails
			if _, err := fmt.Fprintln(stdio.Out, a.Entity.oID()); err != nil {
				return err
			}
		}
		created = append(created, a.Entity)
	}
	if c.IsTable() {
		return nil
	}
	if len(created) == 1 {
		return c.Show(stdio.Out, created[0], nil)
	}
	return c.Show(stdio.Out, created, nil)
}

// bodies returns the bodies of the creates.
func (c *createCmd) bodies(ctx context.Context, stdio format.Stdio, kind Kind) ([]object, error) {
	if c.File == "" && len(c.Set) == 0 {
		return nil, errs.BadSettingf("Nothing to create is given: use -f FILE, or --set name=NAME.")
	}
	bodies := []object{{}}
	if c.File != "" {
		text, err := stdio.Read(ctx, c.File)
		if err != nil {
			return nil, err
		}
		if bodies, err = readEntities(kind, text); err != nil {
			return nil, err
		}
	}
	if len(c.Set) == 0 {
		return bodies, nil
	}
	for i := range bodies {
		if err := c.apply(kind, &bodies[i]); err != nil {
			return nil, err
		}
		var err error
		if bodies[i], err = check(kind, bodies[i]); err != nil {
			return nil, err
		}
	}
	return bodies, nil
}

type updateCmd struct {
	one
	change
}

// Help implements kong.HelpProvider.
func (*updateCmd) Help() string {
	return `Fields that are not named keep their values. Shows what changed.

Examples:

  personae {kind} update {id} --set description="Signs the contract"
  personae {kind} update {id} --set {list}="[First item, Second item]" --unset customFields
  personae {kind} get {id} --body -o yaml >{kind}.yaml
  personae {kind} update {id} -f {kind}.yaml`
}

// Run changes fields.
func (c *updateCmd) Run(ctx context.Context, stdio format.Stdio, kind Kind) error {
	after, err := c.read(ctx, stdio, kind)
	if err != nil {
		return err
	}
	unchanged := false
	a, err := c.on(ctx, kind, func(api *connection, oID string) (*answer, error) {
		now, changes, err := api.changes(ctx, oID, after, false)
		if err != nil {
			return nil, err
		}
		if unchanged = len(changes) == 0; unchanged {
			return now, nil
		}
		if err := writeDiff(stdio.Err, changes); err != nil {
			return nil, err
		}
		return api.update(ctx, oID, patchOf(changes))
	})
	switch {
	case err != nil:
		return err
	case unchanged:
		return c.showChanged(stdio, kind, "has these values already", a)
	}
	return c.showChanged(stdio, kind, "was changed", a)
}

// changes reads an entity, and returns how it differs from after.
func (c *connection) changes(ctx context.Context, oID string, after object, complete bool) (*answer, []fieldChange, error) {
	now, err := c.get(ctx, oID, client.WithLinks(), client.QuestionIDs())
	if err != nil {
		return nil, nil, err
	}
	before, err := check(c.kind, bodyOf(c.kind, now.Entity))
	if err != nil {
		return nil, nil, err
	}
	return now, compare(c.kind, before, after, complete), nil
}

type diffCmd struct {
	one
	change
	ExitCode bool `help:"Exit with 1 if there is a difference, and with 2 for an error, as diff does."`
}

// Help implements kong.HelpProvider.
func (*diffCmd) Help() string {
	return `Takes the same flags as update, and changes nothing. Lines with - are in the library, lines with + would
take their place.

Examples:

  personae {kind} diff {id} -f {kind}.yaml
  personae {kind} diff {id} --exit-code --set description="Signs the contract"`
}

// Run shows what an update would change.
func (c *diffCmd) Run(ctx context.Context, stdio format.Stdio, kind Kind) error {
	changes, err := c.diff(ctx, stdio, kind)
	switch {
	case err != nil && c.ExitCode:
		return &format.ExitError{Code: 2, Err: err}
	case len(changes) > 0 && c.ExitCode:
		return fmt.Errorf("differences in %d fields", len(changes))
	}
	return err
}

// diff shows the changes, and returns them.
func (c *diffCmd) diff(ctx context.Context, stdio format.Stdio, kind Kind) (changes []fieldChange, err error) {
	after, err := c.read(ctx, stdio, kind)
	if err != nil {
		return nil, err
	}
	_, err = c.on(ctx, kind, func(api *connection, oID string) (a *answer, err error) {
		a, changes, err = api.changes(ctx, oID, after, false)
		return a, err
	})
	if err != nil {
		return nil, err
	}
	if len(changes) == 0 {
		fmt.Fprintln(stdio.Err, "No difference.")
		return nil, nil
	}
	return changes, c.Show(stdio.Out, patchOf(changes), func(w io.Writer) error { return writeDiff(w, changes) })
}

type deleteCmd struct{ one }

// Help implements kong.HelpProvider.
func (*deleteCmd) Help() string {
	return `A deleted {title} can be shown and restored until the server removes it for good: after 30 days, unless
its operator has chosen another time.

Examples:

  personae {kind} delete {id}
  personae {kind} restore {id}`
}

// Run deletes an entity.
func (c *deleteCmd) Run(ctx context.Context, stdio format.Stdio, kind Kind) error {
	return c.retire(ctx, stdio, kind, "is deleted", func(api *connection, oID string) (*answer, error) { return api.Delete(ctx, oID) })
}

// retire deletes or archives an entity with call, and tells how to undo that.
func (o one) retire(ctx context.Context, stdio format.Stdio, kind Kind, done string, call func(c *connection, oID string) (*answer, error)) error {
	a, err := o.on(ctx, kind, call)
	if err != nil {
		return err
	}
	err = o.showChanged(stdio, kind, done, a)
	fmt.Fprintf(stdio.Err, "To undo: personae %s restore %s\n", kind.Name, a.Entity.oID())
	return err
}

type archiveCmd struct{ one }

// Help implements kong.HelpProvider.
func (*archiveCmd) Help() string {
	return `An archived {title} is never removed, and can be shown and restored.

Examples:

  personae {kind} archive {id}
  personae {kind} list --status archived`
}

// Run archives an entity.
func (c *archiveCmd) Run(ctx context.Context, stdio format.Stdio, kind Kind) error {
	return c.retire(ctx, stdio, kind, "is archived", func(api *connection, oID string) (*answer, error) { return api.Archive(ctx, oID) })
}

type restoreCmd struct {
	one
	Revision string `placeholder:"REVISION" help:"Make the {title} what it was after this revision, given by its number or id (rv_…). That is a new revision: none is lost."`
}

// Help implements kong.HelpProvider.
func (*restoreCmd) Help() string {
	return `Without --revision, un-archives or un-deletes the {title} and changes nothing else.

Examples:

  personae {kind} restore {id}
  personae {kind} restore {id} --revision 3`
}

// Run restores an entity.
func (c *restoreCmd) Run(ctx context.Context, stdio format.Stdio, kind Kind) error {
	done := "is restored"
	if c.Revision != "" {
		done = "is what it was after revision " + c.Revision
	}
	a, err := c.on(ctx, kind, func(api *connection, oID string) (*answer, error) {
		if c.Revision == "" {
			return api.Restore(ctx, oID)
		}
		revision, err := api.findRevision(ctx, oID, c.Revision)
		if err != nil {
			return nil, err
		}
		return api.Revert(ctx, oID, revision)
	})
	if err != nil {
		return err
	}
	return c.showChanged(stdio, kind, done, a)
}

// null is the JSON of no value.
func null() json.RawMessage { return json.RawMessage("null") }
