package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/schollz/progressbar/v3"

	"personae.dev/internal/account"
	"personae.dev/internal/cli/format"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/files"
	"personae.dev/internal/library"
)

const (
	// maxInvalidShown is how many lines with errors are listed.
	maxInvalidShown = 100
	// maxUnknownShown is how many unknown fields are listed.
	maxUnknownShown = 20
	// longImport is the size of a file whose import holds up other writers for
	// long enough to say so.
	longImport = 8 << 20
)

type importCmd struct {
	inWorkspace
	File          string `arg:"" help:"The file to read; - reads stdin."`
	Kind          string `placeholder:"KIND" help:"Take only this kind, such as product, also where the file does not name it. Default: what the file says, else persona."`
	User          string `placeholder:"USER" help:"The author of new entities, by id or email address. Default: the owner."`
	SkipInvalid   bool   `help:"Leave out lines with errors, and import the others."`
	IgnoreUnknown bool   `help:"Leave out unknown fields, instead of refusing them."`
	DryRun        bool   `help:"Check the file and count, but write nothing."`
}

// Help implements kong.HelpProvider.
func (importCmd) Help() string {
	return `The file has JSON lines as export writes them, an answer of get or list as the API gives it, a JSON
array, or YAML documents. Without ids, each import creates new entities. An entity whose id exists
is replaced, and fields that the file leaves out are cleared; to import a file twice changes nothing.

All errors are reported with line and field. With one error nothing is imported, unless
--skip-invalid is given.

Examples:

  personae import examples/onet/personas.jsonl
  personae import --workspace Sandbox --skip-invalid personas.jsonl
  personae export --workspace Production | personae import --workspace Sandbox -
  curl -H "api_key: $KEY" "$URL/api/v2/persona/list?limit=1000" | personae import -`
}

// Run imports.
func (c importCmd) Run(ctx context.Context, stdio format.Stdio) error {
	return c.open(ctx, func(l *library.Library, workspace account.Workspace) error {
		options, err := c.options(ctx, l, workspace)
		if err != nil {
			return err
		}
		in, err := openInput(ctx, stdio, c.File)
		if err != nil {
			return err
		}
		defer in.close()
		if in.size > longImport && !c.DryRun && !strings.HasPrefix(c.Database, "postgres") {
			fmt.Fprintln(stdio.Err, "This is a large file: until its import ends, a running server answers other writes with 503.")
		}
		bar := format.Progress(stdio.Err, in.size, "importing")
		read := progressbar.NewReader(in, bar)
		lines, err := files.Values(&read)
		if err != nil {
			return err
		}
		shown, hidden := 0, 0
		options.Invalid = func(line int, fields []errs.Field) {
			if shown == maxInvalidShown {
				hidden++
				return
			}
			shown++
			_ = bar.Clear()
			for _, f := range fields {
				fmt.Fprintf(stdio.Err, "%s:%d: %s\n", c.File, line, f)
			}
		}
		report, err := l.Import(ctx, options, lines)
		_ = bar.Finish()
		if hidden > 0 {
			fmt.Fprintf(stdio.Err, "%s: more lines with errors: %d\n", c.File, hidden)
		}
		if err != nil {
			return err
		}
		c.summarize(stdio.Err, workspace, report)
		return nil
	})
}

// options returns what the flags say.
func (c importCmd) options(ctx context.Context, l *library.Library, workspace account.Workspace) (o library.ImportOptions, err error) {
	author, err := l.User(ctx, workspace, c.User)
	if err != nil {
		return o, err
	}
	var kind *entity.Kind
	if c.Kind != "" {
		if kind, err = l.Registry().Kind(c.Kind); err != nil {
			return o, errs.BadSettingf("--kind: %s", describe(err))
		}
	}
	return library.ImportOptions{
		Workspace: workspace, Author: *author, Kind: kind,
		SkipInvalid: c.SkipInvalid, IgnoreUnknown: c.IgnoreUnknown, DryRun: c.DryRun,
	}, nil
}

// summarize says what was imported, and what was left out.
func (c importCmd) summarize(w io.Writer, workspace account.Workspace, report library.ImportReport) {
	done := "Imported into"
	if c.DryRun {
		done = "Would be imported into"
	}
	fmt.Fprintf(w, "%s %s: %d created, %d updated, %d unchanged, %d skipped.\n",
		done, workspace.Name, report.Created, report.Updated, report.Unchanged, report.Skipped)
	if names := slices.Sorted(maps.Keys(report.Unknown)); len(names) > 0 {
		var left []string
		for _, name := range names[:min(len(names), maxUnknownShown)] {
			left = append(left, fmt.Sprintf("%s (%d)", name, report.Unknown[name]))
		}
		if more := len(names) - maxUnknownShown; more > 0 {
			left = append(left, fmt.Sprintf("and %d more", more))
		}
		fmt.Fprintf(w, "Left out, as unknown fields (and how often): %s.\n", strings.Join(left, ", "))
	}
	if report.Missing > 0 {
		fmt.Fprintf(w, "Links to what is not in the workspace: %d. They are kept. The first:\n", report.Missing)
		for _, link := range report.MissingLinks {
			fmt.Fprintf(w, "  %s\n", link)
		}
	}
}
