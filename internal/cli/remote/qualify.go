package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"personae.dev/apitype"
	"personae.dev/client"
	"personae.dev/internal/cli/format"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/files"
)

// QualifyCmd scores people.
type QualifyCmd struct {
	server
	Title        string   `arg:"" optional:"" name:"job-title" help:"The person's job title, by which the persona is found."`
	FirstName    string   `placeholder:"NAME" help:"The person's first name."`
	LastName     string   `placeholder:"NAME" help:"The person's last name."`
	Email        string   `placeholder:"ADDRESS" help:"The person's email address."`
	LinkedIn     string   `name:"linkedin" placeholder:"URL" help:"The person's profile."`
	Company      string   `placeholder:"NAME" help:"The name of the company."`
	Domain       string   `placeholder:"DOMAIN" help:"The domain of the company."`
	Context      string   `placeholder:"TEXT" help:"What else is known. Only a language model reads it."`
	Persona      string   `placeholder:"PERSONA" help:"The persona, by id or name, instead of the one that the job title belongs to."`
	File         string   `short:"f" placeholder:"FILE" help:"A draft of a persona, as YAML or JSON, in place of a stored one; - reads stdin."`
	Answer       []string `sep:"none" placeholder:"QUESTION=YES|NO" help:"What you know of a question, by its number or its text. May be repeated."`
	Explain      bool     `help:"Show each step of the score."`
	WithoutModel bool     `help:"Ask no language model, though the server has one."`

	CSV    string `name:"csv" placeholder:"FILE" help:"Score each row of a CSV file; - reads stdin."`
	Yes    bool   `short:"y" help:"With --csv, ask the language model without a question."`
	Output string `short:"o" default:"table" placeholder:"FORMAT" help:"What to write: table, json or yaml; with --csv, the file to write, or - for stdout. Default: ${default}."`
}

// Help implements kong.HelpProvider.
func (*QualifyCmd) Help() string {
	return `The score follows from the answers to the persona's qualifying questions by a fixed formula (docs/scoring.md).
Nothing of a person is stored on the server.

A CSV file needs a header. Columns are found by their usual names: job title, first name, last name, email, company, domain,
LinkedIn. A column whose name ends with a question mark has answers to that question. The result has the columns persona,
personaOId, score, band, coverage and reason beside the others. If it is interrupted, the same command goes on where it ended.

Examples:

  personae qualify "Regional VP of Sales" --company Fernhill
  personae qualify "Regional VP of Sales" --answer 1=yes --answer 5=no --explain
  personae qualify "VP of Sales" -f draft.yaml --answer "Do they own a target?=yes"
  personae qualify --csv leads.csv -o scored.csv`
}

// Run scores one person, or each row of a file.
func (c *QualifyCmd) Run(ctx context.Context, stdio format.Stdio, registry *entity.Registry) error {
	persona, _ := personas(registry)
	conn, err := c.connect(persona)
	if err != nil {
		return err
	}
	request, err := c.request(ctx, stdio, conn)
	if err != nil {
		return err
	}
	if c.CSV != "" {
		return c.scoreFile(ctx, stdio, conn.client, request)
	}
	if c.Output != "table" && c.Output != "json" && c.Output != "yaml" {
		return errs.BadSettingf("--output is %q: use table, json or yaml. A file goes with --csv.", c.Output)
	}
	if request.Answers, err = c.answers(ctx, conn.client, request); err != nil {
		return err
	}
	found, err := conn.client.QualifyPerson(ctx, request)
	if err != nil {
		return err
	}
	return format.Output{Output: c.Output}.Show(stdio.Out, found, func(w io.Writer) error { return writeQualified(w, found) })
}

// request returns what all requests of the command have in common.
func (c *QualifyCmd) request(ctx context.Context, stdio format.Stdio, conn *connection) (r apitype.QualifyRequest, err error) {
	r = apitype.QualifyRequest{
		Person: apitype.Lead{
			FirstName: c.FirstName, LastName: c.LastName, Email: c.Email, JobTitle: c.Title, LinkedInProfile: c.LinkedIn,
			CompanyName: c.Company, CompanyDomain: c.Domain,
		},
		Explain: c.Explain, WithoutModel: c.WithoutModel,
	}
	if c.Context != "" {
		r.RuntimeContext = c.Context
	}
	if c.File != "" {
		text, err := stdio.Read(ctx, c.File)
		if err != nil {
			return r, err
		}
		if r.Persona, err = files.JSON(text); err != nil {
			return r, errs.BadSettingf("%s: %s.", c.File, err)
		}
	}
	if c.Persona != "" {
		found, err := conn.Get(ctx, c.Persona)
		if client.IsNotFound(err) {
			r.PersonaOID, err = conn.named(ctx, c.Persona)
			return r, err
		}
		if err != nil {
			return r, err
		}
		r.PersonaOID = found.Entity.oID()
	}
	return r, nil
}

// answers returns those of the flags. A number stands for a question of the
// persona.
func (c *QualifyCmd) answers(ctx context.Context, api *client.Client, r apitype.QualifyRequest) (given []apitype.GivenAnswer, _ error) {
	var questions []apitype.QualifiedAnswer
	for _, flag := range c.Answer {
		i := strings.LastIndexByte(flag, '=')
		if i < 0 {
			return nil, errs.BadSettingf("--answer %s has no answer: write --answer QUESTION=YES or --answer 1=NO.", flag)
		}
		a := apitype.GivenAnswer{Question: strings.TrimSpace(flag[:i]), Answer: strings.TrimSpace(flag[i+1:])}
		if n, err := strconv.Atoi(a.Question); err == nil {
			if questions == nil {
				r.WithoutModel = true
				found, err := api.QualifyPerson(ctx, r)
				if err != nil {
					return nil, err
				}
				questions = found.Data.Persona.Qualification.Answers
			}
			if n < 1 || n > len(questions) {
				return nil, errs.BadSettingf("--answer %s: the persona has %d questions. Without --answer, the command shows them.", flag, len(questions))
			}
			a.Question = questions[n-1].Question
		}
		given = append(given, a)
	}
	return given, nil
}

// writeQualified shows a score to a person.
func writeQualified(w io.Writer, found *apitype.Qualified) error {
	section := found.Data.Persona
	if section == nil || section.Name == nil {
		_, err := fmt.Fprintln(w, found.Message)
		return err
	}
	q := &section.Qualification
	fmt.Fprintf(w, "%s: %s\n%s\n%s\n%s\n\n", *section.Name, scoreInWords(q), section.Message, q.Rationale, found.Message)
	rows := [][]string{{"#", "ANSWER", "FIT", "WEIGHT", "QUESTION", "RATIONALE"}}
	for i, a := range q.Answers {
		rows = append(rows, []string{strconv.Itoa(i + 1), a.Answer, a.FitType, a.Weight, a.Question, a.Rationale})
	}
	if err := format.Table(w, rows); err != nil || len(q.Steps) == 0 {
		return err
	}
	fmt.Fprintln(w)
	for _, step := range q.Steps {
		fmt.Fprintln(w, step.Text)
	}
	return nil
}

func scoreInWords(q *apitype.SectionQualification) string {
	if q.Score == nil {
		return "no score"
	}
	return fmt.Sprintf("%s %s, coverage %s", number(*q.Score), q.Band, number(q.Coverage))
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// leadColumns are the places of what is known of a lead in the rows of a file, -1
// for none, and those of answers.
type leadColumns struct {
	fields  [7]int
	answers []int
}

// leadColumnsOf finds the columns by their usual names.
func leadColumnsOf(file *format.CSV) (columns leadColumns, err error) {
	known := false
	for i, names := range [...][]string{
		{"first name", "given name", "vorname"},
		{"last name", "surname", "family name", "nachname"},
		{"email", "email address", "e-mail"},
		{"job title", "title", "position", "role"},
		{"linkedin profile", "linkedin", "linkedin url", "person linkedin url", "profile url"},
		{"company name", "company", "account", "account name", "organization"},
		{"company domain", "domain", "website"},
	} {
		columns.fields[i] = file.Column(names...)
		known = known || columns.fields[i] >= 0
	}
	columns.answers = answerColumns(file)
	if !known && len(columns.answers) == 0 {
		return columns, errs.BadSettingf("No column is known: name one of them job title, first name, last name, email, company, domain or LinkedIn. The header is: %s.", strings.Join(file.Header, ", "))
	}
	return columns, nil
}

// of returns r for the lead of a row.
func (columns leadColumns) of(file *format.CSV, row []string, r apitype.QualifyRequest) apitype.QualifyRequest {
	for i, field := range [...]*string{
		&r.Person.FirstName, &r.Person.LastName, &r.Person.Email, &r.Person.JobTitle, &r.Person.LinkedInProfile, &r.Person.CompanyName, &r.Person.CompanyDomain,
	} {
		if at := columns.fields[i]; at >= 0 && row[at] != "" {
			*field = strings.TrimSpace(row[at])
		}
	}
	r.Answers = answersOf(file, columns.answers, row)
	return r
}

// answerColumns are the places of answers in the rows of a file.
func answerColumns(file *format.CSV) (columns []int) {
	for i, header := range file.Header {
		if strings.HasSuffix(strings.TrimSpace(header), "?") {
			columns = append(columns, i)
		}
	}
	return columns
}

// answersOf returns the answers of a row.
func answersOf(file *format.CSV, columns []int, row []string) (given []apitype.GivenAnswer) {
	for _, at := range columns {
		if row[at] != "" {
			given = append(given, apitype.GivenAnswer{Question: file.Header[at], Answer: row[at]})
		}
	}
	return given
}

const (
	// leadWorkers is how many leads are asked about at once, and sampled on how many
	// the costs are estimated.
	leadWorkers = 8
	sampled     = 20
)

// scoreFile scores each row of a file.
func (c *QualifyCmd) scoreFile(ctx context.Context, stdio format.Stdio, api *client.Client, r apitype.QualifyRequest) error {
	if c.Title != "" || len(c.Answer) > 0 || c.Explain {
		return errs.BadSettingf("A job title, --answer and --explain are about one person, and do not go with --csv.")
	}
	if c.Output == "table" {
		return errs.BadSettingf("The result needs a file: name it with -o, or write -o - for stdout.")
	}
	file, err := format.OpenCSV(ctx, stdio, c.CSV)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // it was only read
	columns, err := leadColumnsOf(file)
	if err != nil {
		return err
	}
	out, err := file.Create(stdio, c.Output, "persona", "personaOId", "score", "band", "coverage", "reason")
	if err != nil {
		return err
	}
	defer func() { _ = out.Close() }() // each row was written
	if out.Done > 0 {
		fmt.Fprintf(stdio.Err, "%d of %d rows are there already.\n", out.Done, file.Rows)
	}
	if ok, err := c.agreed(ctx, stdio, api, file, columns, r, out.Done); !ok || err != nil {
		return err
	}
	wrong := 0
	score := func(ctx context.Context, row []string) ([]string, error) {
		found, err := api.QualifyPerson(ctx, columns.of(file, row, r))
		if reason := rowsFault(err); reason != "" {
			return []string{"", "", "", "", "", reason}, nil
		}
		if err != nil {
			return nil, err
		}
		return scoreCells(found), nil
	}
	err = file.Fill(ctx, stdio, out, leadWorkers, score, func(cells []string) {
		if cells[3] == "" {
			wrong++
		}
	})
	if err != nil {
		if c.Output != "-" && ctx.Err() == nil {
			fmt.Fprintf(stdio.Err, "The rows until here are in %s: the same command goes on.\n", c.Output)
		}
		return err
	}
	fmt.Fprintf(stdio.Err, "Rows that were scored: %d.\n", file.Rows-out.Done-wrong)
	if wrong > 0 {
		return errs.Invalidf("Rows that could not be scored: %d. The column reason says why.", wrong)
	}
	return nil
}

// rowsFault returns what is said of a row that cannot be scored though others can,
// "" where err is not about the row.
func rowsFault(err error) string {
	refused, ok := errors.AsType[*client.Error](err)
	if !ok {
		return ""
	}
	switch refused.Code {
	case "model_refused", "model_filtered", "model_cut_off", "model_bad_answer":
		return refused.Message
	}
	if refused.StatusCode == http.StatusBadRequest {
		return refused.Message
	}
	return ""
}

// scoreCells are the cells that a row gets.
func scoreCells(found *apitype.Qualified) []string {
	section := found.Data.Persona
	if section == nil || section.Name == nil {
		return []string{"", "", "", "UNKNOWN", "0", found.Message}
	}
	q, score, oID := &section.Qualification, "", ""
	if q.Score != nil {
		score = number(*q.Score)
	}
	if section.OID != nil {
		oID = *section.OID
	}
	return []string{*section.Name, oID, score, q.Band, number(q.Coverage), section.Message + " " + q.Rationale}
}

// agreed tells what it will cost, and asks where it costs something.
func (c *QualifyCmd) agreed(ctx context.Context, stdio format.Stdio, api *client.Client, file *format.CSV, columns leadColumns, r apitype.QualifyRequest, done int) (bool, error) {
	if c.WithoutModel || file.Rows == done {
		return true, nil
	}
	r.WithoutModel = true
	model, tokens, answered := "", 0, 0
	enough := errors.New("enough")
	err := file.Each(func(i int, row []string) error {
		if i < done {
			return nil
		}
		found, err := api.QualifyPerson(ctx, columns.of(file, row, r))
		if rowsFault(err) != "" {
			return nil
		}
		if err != nil {
			return err
		}
		answered++
		if model, tokens = found.Data.Model.Name, tokens+found.Data.Model.Tokens; model == "" || answered == sampled {
			return enough
		}
		return nil
	})
	if err != nil && !errors.Is(err, enough) {
		return false, err
	}
	if answered == 0 { // no row can be scored
		return true, nil
	}
	if model == "" {
		fmt.Fprintln(stdio.Err, "The server has no language model: it costs nothing, and questions without an answer in the file stay Unknown.")
		return true, nil
	}
	fmt.Fprintf(stdio.Err, "The model %s will be asked about %d people, which takes about %d tokens.\n", model, file.Rows-done, tokens/answered*(file.Rows-done))
	if c.Yes {
		return true, nil
	}
	if !stdio.Interactive() {
		return false, errs.BadSettingf("Nobody can be asked whether that is meant: add --yes, or --without-model to ask no model.")
	}
	fmt.Fprint(stdio.Err, "Go on? [y/N] ")
	var reply string
	_, _ = fmt.Fscanln(stdio.In, &reply) // no reply is no
	return strings.EqualFold(reply, "y") || strings.EqualFold(reply, "yes"), nil
}
