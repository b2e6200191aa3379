package remote

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"personae.dev/client"
	"personae.dev/internal/cli/format"
	"personae.dev/internal/errs"
)

type editCmd struct {
	one
	Yes bool `short:"y" help:"Do not ask for confirmation, and run without a terminal."`
}

// Help implements kong.HelpProvider.
func (*editCmd) Help() string {
	return `Opens the {title} as YAML in your editor, shows the difference, asks for confirmation and saves. If
somebody else changed the {title} meanwhile, nothing is saved. If your text cannot be saved, it is
kept in a file. The editor is the command in VISUAL or EDITOR, run by a shell; without them, vi.

Examples:

  personae {kind} edit {id}
  EDITOR="code --wait" personae {kind} edit {id}`
}

// heading stands above what is edited.
const heading = `# %s. Save and leave the editor to change it; leave without saving to keep it.
# A field that you remove is cleared. A question keeps its history as long as it keeps its oId.
`

// Run edits an entity.
func (c *editCmd) Run(ctx context.Context, stdio format.Stdio, kind Kind) error {
	if !c.Yes && !stdio.Interactive() {
		return errs.BadSettingf("`edit` needs a terminal. In a script, use `personae %s update` with --set or -f, or give --yes to run EDITOR without a terminal.", kind.Name)
	}
	var edited *edit
	_, err := c.on(ctx, kind, func(api *connection, oID string) (_ *answer, err error) {
		edited, err = api.beginEdit(ctx, oID)
		return nil, err
	})
	if err != nil {
		return err
	}
	if edited.draft, err = newDraft(edited.original); err != nil {
		return err
	}
	written, err := c.rounds(ctx, stdio, edited)
	switch {
	case errors.Is(err, errNoChange):
		fmt.Fprintln(stdio.Err, "No change.")
		err = nil
	case err != nil && edited.draft.is(edited.original): // the editor could not be started, for example
		fmt.Fprintln(stdio.Err, "Nothing was changed.")
	case err != nil:
		fmt.Fprintf(stdio.Err, "Nothing was changed. Your text is kept in %s\n", edited.draft.file)
		return err
	default:
		err = c.showChanged(stdio, kind, "was changed", written)
	}
	return errors.Join(err, os.Remove(edited.draft.file))
}

// edit is an entity that is edited.
type edit struct {
	api      *connection
	oID      string
	etag     string
	before   object
	original string // the text that is first shown
	draft    *draft
}

// beginEdit reads an entity for editing.
func (c *connection) beginEdit(ctx context.Context, oID string) (*edit, error) {
	a, err := c.get(ctx, oID, client.WithLinks(), client.QuestionIDs())
	if err != nil {
		return nil, err
	}
	if a.Entity.text("deletedAt") != "" {
		return nil, errs.Conflictf(errs.DeletedCode(c.kind.Name), "%s is deleted. To restore it: personae %s restore %s", label(c.kind, a.Entity), c.kind.Name, oID)
	}
	if a.Entity != nil && !strings.HasPrefix(a.ETag, `"`) { // a proxy removed it, or made it a weak one, which never matches
		return nil, fmt.Errorf("the server's answer has no strong ETag, so that a change could overwrite another one, and nothing is changed: check the proxy before %s", c.address)
	}
	body := bodyOf(c.kind, a.Entity)
	before, err := check(c.kind, body)
	if err != nil {
		return nil, err
	}
	text, err := body.yaml()
	if err != nil {
		return nil, err
	}
	return &edit{api: c, oID: oID, etag: a.ETag, before: before, original: fmt.Sprintf(heading, label(c.kind, a.Entity)) + text}, nil
}

// errNoChange is the error of an edit that changes nothing.
var errNoChange = errors.New("no change")

// rounds has a draft edited until the server takes it, or until the person gives
// up.
func (c *editCmd) rounds(ctx context.Context, stdio format.Stdio, e *edit) (*answer, error) {
	for {
		written, err := c.round(ctx, stdio, e)
		if !correctable(err) || !stdio.Interactive() {
			return written, err
		}
		fmt.Fprintln(stdio.Err, strings.Join(ErrorLines(err), "\n"))
		if again, stopped := ask(ctx, stdio, "Edit it again?"); stopped != nil || !again {
			return nil, errors.Join(stopped, err)
		}
	}
}

// round has a draft edited once and sends what it changes.
func (c *editCmd) round(ctx context.Context, stdio format.Stdio, e *edit) (*answer, error) {
	text, err := e.draft.edit(ctx, stdio)
	if err != nil {
		return nil, err
	}
	after, err := parseBody(e.api.kind, text)
	if err != nil {
		return nil, err
	}
	if after, err = check(e.api.kind, after); err != nil {
		return nil, err
	}
	changes := compare(e.api.kind, e.before, after, true)
	if len(changes) == 0 {
		return nil, errNoChange
	}
	if err := writeDiff(stdio.Err, changes); err != nil {
		return nil, err
	}
	if !c.Yes {
		switch yes, err := ask(ctx, stdio, "Save this change?"); {
		case err != nil:
			return nil, err
		case !yes:
			return nil, errors.New("you answered no")
		}
	}
	var options []client.Option
	if e.etag != "" { // a singleton that does not exist yet has none
		options = append(options, client.IfMatch(e.etag))
	}
	written, err := e.api.update(ctx, e.oID, patchOf(changes), options...)
	if client.IsPreconditionFailed(err) {
		return nil, fmt.Errorf("somebody else changed the %s meanwhile: edit it again, and copy what you need from your text", e.api.kind.Title)
	}
	return written, err
}

// correctable tells whether err is about the text, so that it can be corrected.
func correctable(err error) bool {
	if refused, ok := errors.AsType[*client.Error](err); ok {
		return refused.StatusCode == http.StatusBadRequest
	}
	known, ok := errors.AsType[*errs.Error](err)
	return ok && known.Kind == errs.Invalid && len(known.Fields) > 0
}

// ErrorLines says what is wrong, with a line for each field that is: none for an
// error that is neither the answer of a server nor an errs.Error.
func ErrorLines(err error) (lines []string) {
	message := ""
	if refused, ok := errors.AsType[*client.Error](err); ok {
		message = refused.Message
		for _, f := range refused.Fields {
			lines = append(lines, f.Field+": "+f.Message)
		}
	} else if known, ok := errors.AsType[*errs.Error](err); ok {
		message = known.Message
		for _, f := range known.Fields {
			lines = append(lines, f.String())
		}
	}
	if message != "" && len(lines) == 0 {
		return []string{message}
	}
	return lines
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

// edit opens the draft in the person's editor and returns its text afterwards.
func (d *draft) edit(ctx context.Context, stdio format.Stdio) ([]byte, error) {
	editor := "vi"
	for _, variable := range []string{"VISUAL", "EDITOR"} {
		if command := os.Getenv(variable); strings.TrimSpace(command) != "" {
			editor = command
			break
		}
	}
	if stdio.Lent != nil {
		stdio.Lent.Store(true)
		defer stdio.Lent.Store(false)
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), "sh", "-c", editor+` "$@"`, "sh", d.file)
	if runtime.GOOS == "windows" {
		words := strings.Fields(editor)
		cmd = exec.CommandContext(context.WithoutCancel(ctx), words[0], append(words[1:], d.file)...)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdio.In, stdio.Out, stdio.Err
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("the editor %q failed: %w; set VISUAL or EDITOR to the editor to use", editor, err)
	}
	text, err := os.ReadFile(d.file)
	if err != nil {
		return nil, fmt.Errorf("edit: %w", err)
	}
	return text, nil
}

// ask asks a question to which Enter says yes.
func ask(ctx context.Context, stdio format.Stdio, question string) (yes bool, err error) {
	fmt.Fprintf(stdio.Err, "%s [Y/n] ", question)
	type line struct {
		text string
		err  error
	}
	// Reading a terminal does not end with the context.
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
