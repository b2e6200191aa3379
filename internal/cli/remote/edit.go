package remote

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"

	"personae.dev/client"
	"personae.dev/internal/cli/format"
	"personae.dev/internal/persona"
)

type editCmd struct {
	onePersona
	Yes bool `short:"y" help:"Do not ask before the change is made."`
}

// Help implements kong.HelpProvider.
func (editCmd) Help() string {
	return `Opens the persona as YAML in the editor that VISUAL or EDITOR names, shows what changed, asks, and
makes the change, unless somebody else was faster. Where the change cannot be made, the text is
kept in a file, so that nothing is lost. In a script, without a terminal, it does not ask.

Examples:

  personae persona edit pe_06DFGNZRiDHBWpqvR0XvAb
  EDITOR="code --wait" personae persona edit pe_06DFGNZRiDHBWpqvR0XvAb
  EDITOR="sed -i s/Ramp/Onboarding/" personae persona edit pe_06DFGNZRiDHBWpqvR0XvAb --yes`
}

// heading stands above what is edited.
const heading = `# The persona %s. Save and leave to change it; leave without a change to let it be.
# A field that you remove is cleared. A question keeps its history as long as it keeps its oId.
`

// Run edits a persona.
func (c editCmd) Run(ctx context.Context, stdio format.Stdio) error {
	api, err := c.connect()
	if err != nil {
		return err
	}
	// The tag is read before the text: if somebody writes in between, it does not
	// name what is edited, and the server refuses the change.
	p, etag, err := api.GetPersonaIfChanged(ctx, c.OID, "")
	if err != nil {
		return err
	}
	if p.DeletedAt != nil {
		return persona.Conflictf(persona.CodePersonaDeleted, "The persona is deleted: `personae persona restore %s` brings it back.", c.OID)
	}
	if !strings.HasPrefix(etag, `"`) { // a proxy may drop it, or make it a weak one, which never matches
		return fmt.Errorf("the persona came without a strong ETag, so that a change by somebody else would be overwritten unseen, and nothing is changed: look at what stands between here and %s", c.Server)
	}
	before, err := latestBody(ctx, api, c.OID)
	if err != nil {
		return err
	}
	text, err := format.YAML(before)
	if err != nil {
		return err
	}
	original := fmt.Sprintf(heading, c.OID) + string(text)
	draft, err := newDraft(original)
	if err != nil {
		return err
	}
	written, err := c.rounds(ctx, stdio, api, draft, before.NewPersona, etag)
	switch {
	case err != nil && draft.is(original): // the editor could not be started, for one
		fmt.Fprintln(stdio.Err, "Nothing was changed.")
	case err != nil:
		fmt.Fprintf(stdio.Err, "Nothing was changed. What you wrote is kept in %s\n", draft.file)
		return err
	case written == nil:
		fmt.Fprintln(stdio.Err, "No change.")
	default:
		err = c.showWritten(stdio, "was changed", written)
	}
	return errors.Join(err, os.Remove(draft.file))
}

// rounds has a draft edited until the server takes it, or until the person gives
// up. It returns nil where there is nothing to change.
func (c editCmd) rounds(ctx context.Context, stdio format.Stdio, api *client.Client, draft *draft, before client.NewPersona, etag string) (*client.Written, error) {
	for {
		written, err := c.round(ctx, stdio, api, draft, before, etag)
		if !faulty(err) || !interactive(stdio) {
			return written, err
		}
		fmt.Fprintln(stdio.Err, faultLines(err))
		if again, stopped := ask(ctx, stdio, "Edit it again?"); stopped != nil || !again {
			return nil, errors.Join(stopped, err)
		}
	}
}

// round has a draft edited once and sends what it changes.
func (c editCmd) round(ctx context.Context, stdio format.Stdio, api *client.Client, draft *draft, before client.NewPersona, etag string) (*client.Written, error) {
	text, err := draft.edit(ctx, stdio)
	if err != nil {
		return nil, err
	}
	after, err := parseBody(text)
	if err != nil {
		return nil, err
	}
	changes, patch, err := compare(before, after)
	if err != nil || len(changes) == 0 {
		return nil, err
	}
	if err := writeDiff(stdio.Err, changes); err != nil {
		return nil, err
	}
	if !c.Yes && interactive(stdio) {
		switch yes, err := ask(ctx, stdio, "Make this change?"); {
		case err != nil:
			return nil, err
		case !yes:
			return nil, errors.New("you said no")
		}
	}
	written, err := api.UpdatePersona(ctx, c.OID, patch, client.IfMatch(etag))
	if client.IsPreconditionFailed(err) {
		return nil, errors.New("somebody else changed the persona meanwhile: edit it again, and take over from your text what still holds")
	}
	return written, err
}

// faulty tells whether err is about what was written, so that it can be mended.
func faulty(err error) bool {
	if refused, ok := errors.AsType[*client.Error](err); ok {
		return refused.StatusCode == http.StatusBadRequest
	}
	known, ok := errors.AsType[*persona.Error](err)
	return ok && known.Kind == persona.Invalid && len(known.Fields) > 0
}

// faultLines has a line for every fault.
func faultLines(err error) string {
	var lines []string
	if refused, ok := errors.AsType[*client.Error](err); ok {
		for _, fault := range refused.Fields {
			lines = append(lines, fault.Field+": "+fault.Message)
		}
		if len(lines) == 0 {
			lines = []string{refused.Message}
		}
	}
	if known, ok := errors.AsType[*persona.Error](err); ok {
		for _, fault := range known.Fields {
			lines = append(lines, fault.String())
		}
	}
	return strings.Join(lines, "\n")
}

// draft is a file that is edited.
type draft struct{ file string }

func newDraft(text string) (*draft, error) {
	f, err := os.CreateTemp("", "personae-*.yaml")
	if err != nil {
		return nil, fmt.Errorf("edit: %w", err)
	}
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, errors.Join(fmt.Errorf("edit: %w", err), os.Remove(f.Name()))
	}
	return &draft{f.Name()}, nil
}

// is tells whether the draft has this text.
func (d *draft) is(text string) bool {
	now, err := os.ReadFile(d.file)
	return err == nil && string(now) == text
}

// edit opens the draft in the person's editor and returns what it is afterwards.
func (d *draft) edit(ctx context.Context, stdio format.Stdio) ([]byte, error) {
	editor := strings.Fields(os.Getenv("VISUAL"))
	if len(editor) == 0 {
		editor = strings.Fields(os.Getenv("EDITOR"))
	}
	if len(editor) == 0 {
		editor = []string{"vi"}
	}
	// A Ctrl-C in an editor is the editor's.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), editor[0], append(editor[1:], d.file)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdio.In, stdio.Out, stdio.Err
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("the editor %q failed: %w; set VISUAL or EDITOR to the one to use", strings.Join(editor, " "), err)
	}
	text, err := os.ReadFile(d.file)
	if err != nil {
		return nil, fmt.Errorf("edit: %w", err)
	}
	return text, nil
}

// interactive tells whether there is a person to ask.
func interactive(stdio format.Stdio) bool {
	return format.IsTerminal(stdio.In) && format.IsTerminal(stdio.Err)
}

// ask asks a question to which Enter says yes.
func ask(ctx context.Context, stdio format.Stdio, question string) (yes bool, err error) {
	fmt.Fprintf(stdio.Err, "%s [Y/n] ", question)
	type line struct {
		text string
		err  error
	}
	// Reading a terminal does not end with a context.
	answers := make(chan line, 1)
	go func() {
		text, err := bufio.NewReader(stdio.In).ReadString('\n')
		answers <- line{text, err}
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(stdio.Err)
		return false, ctx.Err()
	case answer := <-answers:
		if answer.err != nil {
			return false, fmt.Errorf("read the answer: %w", answer.err)
		}
		word := strings.ToLower(strings.TrimSpace(answer.text))
		return word == "" || word == "y" || word == "yes", nil
	}
}
