package remote

import (
	"context"
	"encoding/json"
	"fmt"

	"personae.dev/apitype"
	"personae.dev/client"
	"personae.dev/internal/cli/format"
)

// rescored is a lead whose score a draft changes.
type rescored struct {
	Row   int    `json:"row"`
	Title string `json:"title"`
	Now   string `json:"now"`
	Then  string `json:"then"`
	Why   string `json:"why"`
}

// rescore returns the leads that have answers in the file and whose score a draft
// of the persona oID changes. now and then are the personas of titles without and
// with the draft.
func (l *leads) rescore(ctx context.Context, stdio format.Stdio, api *client.Client, now, then map[string]*apitype.PersonaMatch, oID string, draft json.RawMessage) (scores []rescored, _ error) {
	columns := answerColumns(l.file)
	if len(columns) == 0 {
		return nil, nil
	}
	bar := format.Count(stdio.Err, int64(l.file.Rows), "scores")
	defer func() { _ = bar.Finish() }() // it is not worth an error
	err := l.each(func(i int, row []string, title string) error {
		_ = bar.Add(1)
		request := apitype.QualifyRequest{WithoutModel: true, Answers: answersOf(l.file, columns, row)}
		of := func(m *apitype.PersonaMatch, draft json.RawMessage) (score, why string, _ error) {
			if m == nil {
				return "-", "It belongs to no persona then.", nil
			}
			r := request
			if r.PersonaOID = m.OID; draft != nil && m.OID == oID {
				r.PersonaOID, r.Persona = "", draft
			}
			found, err := api.QualifyPerson(ctx, r)
			if err != nil {
				return "", "", fmt.Errorf("row %d: %w", i+1, err)
			}
			q := &found.Data.Persona.Qualification
			return m.Name + " " + scoreInWords(q), q.Rationale, nil
		}
		before, after := now[title], then[title]
		if len(request.Answers) == 0 || (before == nil || before.OID != oID) && (after == nil || after.OID != oID) {
			return nil
		}
		s := rescored{Row: i + 1, Title: title}
		var err error
		if s.Now, _, err = of(before, nil); err != nil {
			return err
		}
		if s.Then, s.Why, err = of(after, draft); err == nil && s.Now != s.Then {
			scores = append(scores, s)
		}
		return err
	})
	return scores, err
}
