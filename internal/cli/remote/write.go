package remote

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"

	"personae.dev/client"
	"personae.dev/internal/cli/format"
	"personae.dev/internal/persona"
)

type createCmd struct {
	server
	format.Output
	File           string `short:"f" required:"" placeholder:"FILE" help:"YAML or JSON with the fields of the body of persona/create; - reads stdin."`
	IdempotencyKey string `placeholder:"KEY" help:"A name for this creation: within 24 hours a second one with the same name and the same file makes no second persona."`
}

// Help implements kong.HelpProvider.
func (createCmd) Help() string {
	return `A file needs no more than a name:

  name: VP of Sales
  painPoints:
    - New sellers take nine months to make their number

Examples:

  ID=$(personae persona create -f persona.yaml)
  echo 'name: VP of Sales' | personae persona create -f -
  personae persona get pe_06DFGNZRiDHBWpqvR0XvAb --body -o yaml | personae persona create -f -`
}

// Run creates a persona.
func (c createCmd) Run(ctx context.Context, stdio format.Stdio) error {
	api, err := c.connect()
	if err != nil {
		return err
	}
	text, err := c.read(stdio.In)
	if err != nil {
		return err
	}
	p, err := parseBody(text)
	if err != nil {
		return err
	}
	for i := range p.QualifyingQuestions {
		p.QualifyingQuestions[i].OID = "" // of the persona that it was copied from
	}
	key := c.IdempotencyKey
	if key == "" {
		key = rand.Text() // so that a broken connection is tried again, and makes no second persona
	}
	written, err := api.CreatePersona(ctx, p, client.IdempotencyKey(key))
	if err != nil {
		return err
	}
	done := "was created"
	if written.Replayed {
		done = "was created before, with the same --idempotency-key"
	}
	fmt.Fprintf(stdio.Err, "Persona %q %s.\n", p.Name, done)
	return c.Show(stdio.Out, written.Persona, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, written.Persona.OID)
		return err
	})
}

func (c createCmd) read(stdin io.Reader) ([]byte, error) {
	if c.File == "-" {
		text, err := io.ReadAll(stdin)
		if err != nil {
			return nil, fmt.Errorf("read stdin: %w", err)
		}
		return text, nil
	}
	text, err := os.ReadFile(c.File)
	if err != nil {
		return nil, persona.BadSettingf("The file cannot be read: %s.", err)
	}
	return text, nil
}

// change makes a call that changes one persona, and says what was done.
func (o onePersona) change(stdio format.Stdio, done string, call func(*client.Client) (*client.Written, error)) error {
	api, err := o.connect()
	if err != nil {
		return err
	}
	written, err := call(api)
	if err != nil {
		return err
	}
	return o.showWritten(stdio, done, written)
}

// showWritten says what was done, and shows the persona where JSON or YAML is
// wanted.
func (o onePersona) showWritten(stdio format.Stdio, done string, written *client.Written) error {
	fmt.Fprintf(stdio.Err, "Persona %s (%s) %s.\n", written.Persona.OID, text(written.Persona.Name), done)
	return o.Show(stdio.Out, written.Persona, func(io.Writer) error { return nil })
}

type deleteCmd struct{ onePersona }

// Help implements kong.HelpProvider.
func (deleteCmd) Help() string {
	return `A deleted persona can be shown and restored until the server removes it for good, after 30 days
where its operator says nothing else.

Examples:

  personae persona delete pe_06DFGNZRiDHBWpqvR0XvAb
  personae persona restore pe_06DFGNZRiDHBWpqvR0XvAb`
}

// Run deletes a persona.
func (c deleteCmd) Run(ctx context.Context, stdio format.Stdio) error {
	return c.change(stdio, "is deleted", func(api *client.Client) (*client.Written, error) { return api.DeletePersona(ctx, c.OID) })
}

type archiveCmd struct{ onePersona }

// Help implements kong.HelpProvider.
func (archiveCmd) Help() string {
	return `An archived persona is kept for good, and can be shown and restored.

Examples:

  personae persona archive pe_06DFGNZRiDHBWpqvR0XvAb
  personae persona list --status archived`
}

// Run archives a persona.
func (c archiveCmd) Run(ctx context.Context, stdio format.Stdio) error {
	return c.change(stdio, "is archived", func(api *client.Client) (*client.Written, error) { return api.ArchivePersona(ctx, c.OID) })
}

type restoreCmd struct {
	onePersona
	Revision string `placeholder:"REVISION" help:"Make the persona what it was after this revision, by its number or id (rv_…). That is a new revision: none is lost."`
}

// Help implements kong.HelpProvider.
func (restoreCmd) Help() string {
	return `Without --revision the persona is neither archived nor deleted any more, and else stays as it is.

Examples:

  personae persona restore pe_06DFGNZRiDHBWpqvR0XvAb
  personae persona restore pe_06DFGNZRiDHBWpqvR0XvAb --revision 3`
}

// Run restores a persona.
func (c restoreCmd) Run(ctx context.Context, stdio format.Stdio) error {
	done := "is restored"
	if c.Revision != "" {
		done = "is what it was after revision " + c.Revision
	}
	return c.change(stdio, done, func(api *client.Client) (*client.Written, error) {
		if c.Revision == "" {
			return api.RestorePersona(ctx, c.OID)
		}
		revision, err := findRevision(ctx, api, c.OID, c.Revision)
		if err != nil {
			return nil, err
		}
		return api.RevertPersona(ctx, c.OID, revision)
	})
}
