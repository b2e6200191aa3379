package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"personae.dev/apitype"
	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/httpx"
	"personae.dev/internal/library"
	"personae.dev/internal/qualify"
)

// qualifyRoutes lists the calls that score people and companies. They change
// nothing.
func (a *API) qualifyRoutes() []httpx.Route {
	routes := []httpx.Route{
		{Path: "persona/qualify", Handler: a.qualifyPersona},
		{Path: "agents/qualify-person/run", Handler: a.runAgent(library.AgentQualifyPerson)},
		{Path: "agents/qualify-company/run", Handler: a.runAgent(library.AgentQualifyCompany)},
	}
	for i := range routes {
		r := &routes[i]
		r.Method, r.Path, r.Class, r.Scope = http.MethodPost, root+r.Path, httpx.ClassModel, account.ScopeRead
		r.BodyLimit, r.Timeout = MaxBodyBytes, GenerateTimeout
	}
	return routes
}

// leadFields are the members of a lead. The ids of a CRM are accepted, and there is
// none to look them up in.
func leadFields() []string {
	return []string{
		"firstName", "lastName", "email", "jobTitle", "linkedInProfile", "companyName", "companyDomain",
		"crmContactId", "crmLeadId", "crmAccountId",
	}
}

// knownBody is what both calls take beside the lead.
type knownBody struct {
	Answers        []apitype.GivenAnswer `json:"answers"`
	RuntimeContext json.RawMessage       `json:"runtimeContext"`
	WithoutModel   bool                  `json:"withoutModel"`
}

func (b *knownBody) request(lead apitype.Lead, fields []errs.Field) library.QualifyRequest {
	r := library.QualifyRequest{
		Lead: library.Lead{
			FirstName: lead.FirstName, LastName: lead.LastName, Email: lead.Email, JobTitle: lead.JobTitle,
			LinkedInProfile: lead.LinkedInProfile, CompanyName: lead.CompanyName, CompanyDomain: lead.CompanyDomain,
		},
		WithoutModel: b.WithoutModel, Errors: fields,
	}
	for _, a := range b.Answers {
		r.Answers = append(r.Answers, qualify.Given(a))
	}
	// A text stands for itself, null for nothing, and anything else for its JSON.
	if json.Unmarshal(b.RuntimeContext, &r.Lead.Context) != nil {
		r.Lead.Context = string(b.RuntimeContext)
	}
	return r
}

// qualifyPersona answers POST persona/qualify.
func (a *API) qualifyPersona(w http.ResponseWriter, r *http.Request) error {
	q := readQuery(r)
	data, err := httpx.JSONBody(r)
	if err != nil {
		return err
	}
	var body struct {
		knownBody
		Person     json.RawMessage `json:"person"`
		PersonaOID string          `json:"personaOId"`
		Persona    json.RawMessage `json:"persona"`
		Explain    bool            `json:"explain"`
	}
	var list errs.List
	list.AddAll(q.errors.Fields())
	if err := json.Unmarshal(data, &body); err != nil {
		list.AddAll([]errs.Field{bodyError(err)})
	}
	var lead apitype.Lead
	if len(body.Person) > 0 {
		if err := json.Unmarshal(body.Person, &lead); err != nil {
			list.AddAll([]errs.Field{inside("person", bodyError(err))})
		}
	}
	draft, wrong := a.readDraft(body.Persona)
	list.AddAll(wrong)
	request := body.request(lead, list.Fields())
	request.PersonaOID, request.Draft = body.PersonaOID, draft
	found, err := a.Library.Qualify(r.Context(), callerOf(r), request)
	if err != nil {
		return err
	}
	unknown := unknownMembers(data, "person", "personaOId", "persona", "answers", "explain", "runtimeContext", "withoutModel")
	for _, name := range unknownMembers(body.Person, leadFields()...) {
		unknown = append(unknown, "person."+name)
	}
	if draft != nil {
		for _, name := range draft.Unknown {
			unknown = append(unknown, "persona."+name)
		}
	}
	return writeQualified(w, r, message(q, unknown), found, lead, library.AgentQualifyPerson, body.Explain)
}

// readDraft reads a persona that is not saved; nil for none.
func (a *API) readDraft(data json.RawMessage) (draft *entity.Patch, wrong []errs.Field) {
	if data = bytes.TrimSpace(data); len(data) == 0 || string(data) == "null" {
		return nil, nil
	}
	draft, fields := a.Library.PersonaKind().Decode(data, entity.Mode{})
	for _, f := range fields {
		wrong = append(wrong, inside("persona", f))
	}
	return draft, wrong
}

// inside returns the error of a member of an object.
func inside(object string, f errs.Field) errs.Field {
	if f.Path == "body" {
		f.Path = object
	} else {
		f.Path = object + "." + f.Path
	}
	return f
}

// runAgent answers POST agents/qualify-person/run and agents/qualify-company/run.
func (a *API) runAgent(agentType string) httpx.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		q := readQuery(r)
		data, err := httpx.JSONBody(r)
		if err != nil {
			return err
		}
		var body struct {
			apitype.Lead
			knownBody
			AgentOID string `json:"agentOId"`
			Full     bool   `json:"includeFullAnnotation"`
		}
		fields := q.errors.Fields()
		if err := json.Unmarshal(data, &body); err != nil {
			fields = append(fields, bodyError(err))
		}
		found, err := a.Library.RunAgent(r.Context(), callerOf(r), agentType, body.AgentOID, body.request(body.Lead, fields))
		if err != nil {
			return err
		}
		unknown := unknownMembers(data, append(leadFields(), "agentOId", "answers", "includeFullAnnotation", "runtimeContext", "withoutModel")...)
		return writeQualified(w, r, message(q, unknown), found, body.Lead, agentType, body.Full)
	}
}

type qualifyResponse struct {
	Metadata apitype.Metadata `json:"_metadata"`
	apitype.Qualified
}

// writeQualified answers a qualification, with each step where explain is set.
func writeQualified(w http.ResponseWriter, r *http.Request, message string, found *library.Qualified, lead apitype.Lead, agentType string, explain bool) error {
	data := apitype.Qualification{
		Score: scoreOf(found.Score), Rationale: found.Rationale,
		Model: apitype.ModelUse(found.Model),
	}
	company := apitype.QualifiedCompany{Name: lead.CompanyName, Domain: lead.CompanyDomain}
	if agentType == library.AgentQualifyCompany {
		data.Company = &company
	} else {
		data.Person = &apitype.QualifiedPerson{
			FirstName: lead.FirstName, LastName: lead.LastName, Title: lead.JobTitle, ProfileURL: lead.LinkedInProfile, Company: company,
		}
	}
	for i := range found.Sections {
		section := qualifiedSection(&found.Sections[i], explain)
		switch found.Sections[i].Name {
		case "product":
			data.Product = section
		case "persona":
			data.Persona = section
		case "segment":
			data.Segment = section
		case "playbook":
			data.Playbook = section
		case "motion":
			data.Motion = section
		default:
			return fmt.Errorf("api: the section %q has no place in an answer", found.Sections[i].Name)
		}
	}
	if ignored, ok := strings.CutPrefix(message, httpx.MessageOK+". "); ok {
		found.Message += " " + ignored
	}
	w.Header().Set("Cache-Control", "no-store")
	return httpx.WriteJSON(w, http.StatusOK, qualifyResponse{
		httpx.Metadata(r, found.Message), apitype.Qualified{Found: found.Found, Message: found.Message, Data: data},
	})
}

func scoreOf(s *qualify.Score) *float64 {
	if s == nil {
		return nil
	}
	return new(s.Float())
}

func qualifiedSection(s *library.QualifiedSection, explain bool) *apitype.QualifiedSection {
	section := &apitype.QualifiedSection{Message: s.Message}
	section.Qualification.Answers = []apitype.QualifiedAnswer{}
	section.Qualification.Band = string(qualify.BandOf(nil))
	if s.Entity == nil {
		return section
	}
	if s.Entity.OID != "" {
		section.OID = &s.Entity.OID
	}
	section.Name, section.Description = new(s.Entity.Text("name")), new(s.Entity.Text("description"))
	result := apitype.SectionQualification{
		Answers: []apitype.QualifiedAnswer{}, Score: scoreOf(s.Result.Score), Rationale: s.Result.Rationale(),
		Coverage: s.Result.Coverage(), Band: string(qualify.BandOf(s.Result.Score)),
	}
	for _, a := range s.Answers {
		answer := apitype.QualifiedAnswer{
			Answer: string(a.Answer), Rationale: a.Evidence, Confidence: string(a.Confidence), Question: a.Text,
			FitType: string(a.Fit), Weight: string(a.Weight),
		}
		switch {
		case !a.Known():
			answer.Confidence = string(qualify.Guessed)
			switch {
			case answer.Rationale != "":
			case a.Given:
				answer.Rationale = "The caller does not know."
			default:
				answer.Rationale = "Nobody answered it."
			}
		case answer.Rationale == "":
			answer.Rationale = "The caller answered it."
		}
		result.Answers = append(result.Answers, answer)
	}
	if explain {
		for i, step := range s.Result.Explain() {
			shown := apitype.ScoreStep{Text: step.Text, Hits: step.Hits, Counted: step.Counted}
			if i < len(s.Answers) {
				shown.Question = s.Answers[i].Text
			}
			result.Steps = append(result.Steps, shown)
		}
	}
	section.Qualification = result
	return section
}
