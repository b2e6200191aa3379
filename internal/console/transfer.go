package console

import (
	"cmp"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/files"
	"personae.dev/internal/library"
)

// MaxImportBytes is how large a file may be that is imported in the browser; the
// command line takes any size.
const MaxImportBytes = 8 << 20

// maxWrongLines is how many lines with errors are listed.
const maxWrongLines = 200

// importPage is what a file would do, or has done.
type importPage struct {
	// Text is the file, which is sent once more to be written.
	Name, Text          string
	Kind                string
	Kinds               []*entity.Kind
	Skip, IgnoreUnknown bool
	Checked, Done       bool
	Report              library.ImportReport
	Unknown             []string
	Wrong               []wrongLine
	// Problem is why the file cannot be read at all.
	Problem string
}

// Lines is how many entities the file has that would be written.
func (p importPage) Lines() int { return p.Report.Created + p.Report.Updated }

// May tells whether the file can be written as it is.
func (p importPage) May() bool {
	return p.Checked && p.Problem == "" && p.Lines() > 0 && (len(p.Wrong) == 0 || p.Skip)
}

type wrongLine struct {
	Line int
	errs.Field
}

// importForm answers the page that takes a file.
func (r *request) importForm() error {
	return r.showImport(http.StatusOK, importPage{})
}

func (r *request) showImport(status int, p importPage) error {
	if !r.mayWrite() {
		return &errs.Error{Kind: errs.Forbidden, Code: errs.CodeInsufficientScope, Message: wordMayNotWrite}
	}
	p.Kinds = r.Library.Registry().Kinds()
	return r.render(status, "import", page{Title: "Import", Here: "import", Data: p})
}

// importFile looks through a file, and writes it where the form says so.
func (r *request) importFile() error {
	if !r.mayWrite() {
		return r.showImport(http.StatusForbidden, importPage{})
	}
	p, write, err := r.readImport()
	if err != nil {
		return err
	}
	p.Checked = true
	o := library.ImportOptions{
		Workspace: r.Workspace, Author: r.User, KeyOID: r.Key.OID, IgnoreUnknown: p.IgnoreUnknown, SkipInvalid: true, DryRun: true,
		Invalid: func(line int, fields []errs.Field) {
			for _, f := range fields {
				if len(p.Wrong) < maxWrongLines {
					p.Wrong = append(p.Wrong, wrongLine{line, f})
				}
			}
		},
	}
	if p.Kind != "" {
		if o.Kind, err = r.Library.Registry().Kind(p.Kind); err != nil {
			return err
		}
	}
	run := func() error {
		p.Wrong = nil
		lines, err := files.Values(strings.NewReader(p.Text))
		if err == nil {
			p.Report, err = r.Library.Import(r.Context(), o, lines)
		}
		return err
	}
	err = run()
	if err == nil && write && p.May() {
		o.DryRun, o.SkipInvalid = false, p.Skip
		if err = run(); err == nil {
			p.Done = true
		}
	}
	if errs.KindOf(err) == errs.Invalid {
		p.Problem, err = known(err).Message, nil
	}
	if err != nil {
		return err
	}
	p.Unknown = slices.Sorted(maps.Keys(p.Report.Unknown))
	status := http.StatusOK
	if p.Problem != "" || write && !p.Done {
		status = http.StatusUnprocessableEntity
	}
	return r.showImport(status, p)
}

// readImport reads the form of an import: with a file, with pasted text, or with
// the text of a file that was looked through.
func (r *request) readImport() (p importPage, write bool, err error) {
	name, text, err := r.sentText("text")
	p = importPage{
		Name: cmp.Or(name, r.PostFormValue("name")), Text: text, Kind: r.PostFormValue("kind"),
		Skip: r.PostFormValue("skip") != "", IgnoreUnknown: r.PostFormValue("unknown") != "",
	}
	if strings.TrimSpace(p.Text) == "" {
		p.Problem = wordNoFile
	}
	return p, r.PostFormValue("do") == "import", err
}

// sentText returns the file of a form with its name, or the text of a field.
func (r *request) sentText(field string) (name, text string, err error) {
	if err := r.ParseMultipartForm(MaxImportBytes + MaxBodyBytes); err != nil {
		return "", "", badForm(err)
	}
	f, head, err := r.FormFile("file")
	if err != nil || head.Size == 0 {
		return "", strings.ReplaceAll(r.PostFormValue(field), "\r\n", "\n"), nil
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		return "", "", badForm(err)
	}
	return head.Filename, string(b), nil
}

// export answers the entities of a kind that a list shows, or some of them, as
// lines of JSON that an import takes.
func (r *request) export() error {
	k, err := r.kind()
	if err != nil {
		return err
	}
	q := r.URL.Query()
	ask := listRequest(k, q)
	if ask.OIDs = q["oId"]; len(ask.OIDs) > 0 {
		ask.Status = entity.StatusAll
	}
	h := r.w.Header()
	h.Set("Content-Type", "application/x-ndjson; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="`+k.PathPlural()+`.jsonl"`)
	for record, err := range r.Library.ExportList(r.Context(), r.caller(), k, ask) {
		if err != nil {
			h.Del("Content-Disposition")
			return err
		}
		_, _ = r.w.Write(append(record, '\n')) // an error of the connection is nobody's to handle
	}
	return nil
}
