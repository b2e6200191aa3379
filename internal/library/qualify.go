package library

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/match"
	"personae.dev/internal/qualify"
)

// Limits of a qualification.
const (
	// MaxLeadText is how many characters a text about a lead may have, and
	// MaxLeadContext how many Lead.Context.
	MaxLeadText    = 1000
	MaxLeadContext = 50_000
	// MaxAnswers is how many answers a caller may give.
	MaxAnswers = 1000
	// maxCandidates is how many entities of a section are looked at.
	maxCandidates = 100
)

// DefaultAgent is the id of the agent that nobody stored: every section counts,
// and it has no instructions.
const DefaultAgent = "default"

// Lead is what a caller knows of a person and of their company. It is read, and
// never stored.
type Lead struct {
	FirstName, LastName, Email, JobTitle, LinkedInProfile string
	CompanyName, CompanyDomain                            string
	// Context is what else is known, as text or JSON. Only a model reads it.
	Context string
}

// QualifyRequest says whom to qualify, and what is known.
type QualifyRequest struct {
	Lead Lead
	// PersonaOID names the persona; Draft, in place of it, is one that is not saved:
	// what it changes of the persona with its id, or a new one. Without both it is the
	// one that the job title belongs to.
	PersonaOID string
	Draft      *entity.Patch
	// Answers are what the caller knows already. They count over those of a model.
	Answers []qualify.Given
	// WithoutModel asks no model, though one is set.
	WithoutModel bool
	// Errors are those of the request's form.
	Errors []errs.Field
}

// Qualified is how well a lead fits. It follows from the request and the library
// alone, and from what the model answered where one was asked.
type Qualified struct {
	// Found tells whether anything is known of the lead, and whether there is an entity
	// to score it by; where not, Message says what is missing.
	Found bool
	// Message says in words what was done.
	Message string
	// Score is the mean of the sections that count, nil where there is none, and
	// Rationale how it came about.
	Score     *qualify.Score
	Rationale string
	// Sections are those that were asked for, in the order product, persona, segment,
	// playbook.
	Sections []QualifiedSection
	Model    ModelUse
}

// QualifiedSection is a part of a qualification: one entity with its questions.
type QualifiedSection struct {
	// Name is that of the section: "product", "persona", "segment", "playbook" or
	// "motion".
	Name string
	// Message says why this entity was chosen, or why none was.
	Message string
	// Entity is nil where none was chosen. A draft of a new persona has no OID.
	Entity *entity.Entity
	// Answers has each question with its answer, in order.
	Answers []qualify.Answered
	// Result is the score of the answers; its Explain has each step.
	Result qualify.Result
	// Skipped tells that the section does not count for the overall score.
	Skipped bool
}

// ModelUse says what a model was asked.
type ModelUse struct {
	// Name is the model's, "" where none is set.
	Name string
	// Questions is how many questions the caller left open, and Tokens about how
	// many tokens it takes to ask them.
	Questions, Tokens int
	// Asked tells whether it was asked.
	Asked bool
}

// Qualify tells how well a person fits a persona.
func (l *Library) Qualify(ctx context.Context, c Caller, r QualifyRequest) (*Qualified, error) {
	var p qualification
	for _, s := range l.qualifiedKinds() {
		if s.byTitle {
			p.sections = []plannedSection{{sectionKinds: s, shown: s.name}}
		}
	}
	return l.qualify(ctx, c, r, p)
}

// RunAgent runs a stored agent over a person (of the type QUALIFY_PERSON) or a
// company (QUALIFY_COMPANY), or DefaultAgent. PersonaOID and Draft of the request
// do not count.
func (l *Library) RunAgent(ctx context.Context, c Caller, agentType, agentOID string, r QualifyRequest) (*Qualified, error) {
	r.PersonaOID, r.Draft = "", nil
	if err := require(c, account.ScopeRead); err != nil {
		return nil, err
	}
	if agentOID == "" {
		r.Errors = append([]errs.Field{{Path: "agentOId", Message: "must name the agent: agents/list shows all, and " + DefaultAgent + " is one with every section"}}, r.Errors...)
	}
	if len(r.Errors) > 0 {
		return nil, errs.InvalidFields(r.Errors)
	}
	agent := &entity.Agent{Type: agentType, Config: []byte("{}")}
	if agentOID != DefaultAgent {
		var err error
		if agent, err = l.agent(ctx, l.store, c, agentOID); err != nil {
			return nil, err
		}
	}
	if agent.Type != agentType {
		return nil, errs.InvalidFields([]errs.Field{{Path: "agentOId", Message: fmt.Sprintf("is an agent of the type %s: name one of the type %s", agent.Type, agentType)}})
	}
	return l.qualify(ctx, c, r, l.planOf(agent))
}

// sectionKinds is a section, with the kinds whose entities it is about.
type sectionKinds struct {
	name  string
	kinds []string
	// byTitle tells that the entity is found by the job title of the person.
	byTitle bool
}

// qualifiedKinds are the sections of the published API in its order, with the
// kinds whose Section they are.
func (l *Library) qualifiedKinds() []sectionKinds {
	sections := []sectionKinds{{name: "product"}, {name: "persona"}, {name: "segment"}, {name: "playbook"}}
	for i := range sections {
		s := &sections[i]
		for _, k := range l.registry.Kinds() {
			if k.Section == s.name {
				s.kinds, s.byTitle = append(s.kinds, k.Name), k == l.titled
			}
		}
	}
	return slices.DeleteFunc(sections, func(s sectionKinds) bool { return len(s.kinds) == 0 })
}

// qualification says what to do for a request.
type qualification struct {
	sections     []plannedSection
	instructions string
}

type plannedSection struct {
	sectionKinds
	shown string // its name in the answer: "motion" for playbook, where an agent says so
	oIDs  []string
	skip  bool
}

// agentConfig is what counts of an agent's configuration; the rest is ignored.
type agentConfig struct {
	Instructions  string   `json:"instructions"`
	ProductOID    string   `json:"productOId"`
	ServiceOID    string   `json:"serviceOId"`
	PlaybookOID   string   `json:"playbookOId"`
	PersonaOIDs   []string `json:"personaOIds"`
	SegmentOIDs   []string `json:"segmentOIds"`
	CommonContext struct {
		Entities map[string]struct {
			Strategy string `json:"strategy"`
		} `json:"entities"`
	} `json:"commonContext"`
	ScoringContext map[string]struct {
		Skip bool `json:"skipContributingToOverallScore"`
	} `json:"scoringContext"`
}

// motionSection is another name of the section playbook. Personae has playbooks
// in place of motions.
const motionSection = "motion"

// planOf returns what an agent does. A section is part of it unless its strategy
// is NONE.
func (l *Library) planOf(agent *entity.Agent) (p qualification) {
	var config agentConfig
	// It is stored as it was sent: a value of a type that is not known counts as
	// not sent, and Unmarshal goes on after it.
	_ = json.Unmarshal(agent.Config, &config)
	p.instructions = config.Instructions
	entities := config.CommonContext.Entities
	oIDs := map[string][]string{
		"product": {config.ProductOID, config.ServiceOID}, "persona": config.PersonaOIDs,
		"segment": config.SegmentOIDs, "playbook": {config.PlaybookOID},
	}
	for _, s := range l.qualifiedKinds() {
		if s.byTitle && agent.Type == AgentQualifyCompany {
			continue
		}
		planned := plannedSection{sectionKinds: s, shown: s.name, oIDs: slices.DeleteFunc(oIDs[s.name], func(oID string) bool { return oID == "" })}
		if _, named := entities[s.name]; s.name == "playbook" && !named {
			if _, isMotion := entities[motionSection]; isMotion {
				planned.shown = motionSection
			}
		}
		planned.skip = config.ScoringContext[planned.shown].Skip
		if entities[planned.shown].Strategy != "NONE" {
			p.sections = append(p.sections, planned)
		}
	}
	return p
}

// candidate is an entity that a section may be about.
type candidate struct {
	kind    *entity.Kind
	entity  *entity.Entity
	reason  string
	answers []qualify.Answered
	result  qualify.Result
}

// qualify carries out p.
func (l *Library) qualify(ctx context.Context, c Caller, r QualifyRequest, p qualification) (*Qualified, error) {
	if err := require(c, account.ScopeRead); err != nil {
		return nil, err
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	sections := make([][]*candidate, len(p.sections))
	q := &Qualified{Sections: make([]QualifiedSection, len(p.sections))}
	var persona *candidate
	for i, s := range p.sections {
		if !s.byTitle {
			continue
		}
		found, message, err := l.byTitle(ctx, c, s, r)
		if err != nil {
			return nil, err
		}
		q.Sections[i].Message = message
		if persona = found; found != nil {
			sections[i] = []*candidate{found}
		}
	}
	for i, s := range p.sections {
		if s.byTitle {
			continue
		}
		found, err := l.candidates(ctx, c, s)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			q.Sections[i].Message = fmt.Sprintf("The library has no %s with qualifying questions.", strings.Join(s.kinds, " or "))
		}
		if sections[i] = found; persona != nil && len(s.oIDs) == 0 {
			sections[i] = related(persona, found)
		}
	}
	all := slices.Concat(sections...)
	unused, err := answer(all, r.Answers)
	if err != nil {
		return nil, err
	}
	if q.Model, err = l.askModel(ctx, c, r, p.instructions, all); err != nil {
		return nil, err
	}
	scored := make([]qualify.Section, len(p.sections))
	for i, s := range p.sections {
		q.Sections[i].Name, q.Sections[i].Skipped = s.shown, s.skip
		q.Sections[i].choose(sections[i])
		scored[i] = qualify.Section{Name: s.shown, Result: q.Sections[i].Result, Skip: s.skip}
	}
	q.Score, q.Rationale = qualify.Overall(scored), qualify.ExplainOverall(scored)
	q.tell(r, unused)
	return q, nil
}

// check returns the errors of a request.
func (r *QualifyRequest) check() error {
	var list errs.List
	list.AddAll(r.Errors)
	for _, text := range []struct{ path, value string }{
		{"firstName", r.Lead.FirstName},
		{"lastName", r.Lead.LastName},
		{"email", r.Lead.Email},
		{"jobTitle", r.Lead.JobTitle},
		{"linkedInProfile", r.Lead.LinkedInProfile},
		{"companyName", r.Lead.CompanyName},
		{"companyDomain", r.Lead.CompanyDomain},
	} {
		list.Text(text.path, text.value, 0, MaxLeadText)
	}
	list.Text("jobTitle", r.Lead.JobTitle, 0, MaxMatchTitle)
	list.Text("runtimeContext", r.Lead.Context, 0, MaxLeadContext)
	if r.PersonaOID != "" && r.Draft != nil {
		list.Add("persona", "is a draft, and personaOId names another persona: send one of the two")
	}
	if len(r.Answers) > MaxAnswers {
		list.Add("answers", "has %d answers; the limit is %d", len(r.Answers), MaxAnswers)
		return list.Err()
	}
	for i, a := range r.Answers {
		list.Text(fmt.Sprintf("answers[%d].question", i), a.Question, 1, entity.MaxQuestion)
		list.Text(fmt.Sprintf("answers[%d].evidence", i), a.Evidence, 0, entity.MaxRationale)
	}
	_, _, fields := qualify.Pair(nil, r.Answers)
	list.AddAll(fields)
	return list.Err()
}

// byTitle returns the persona that a request names, or that the job title belongs
// to, and says why it is that one, or why there is none.
func (l *Library) byTitle(ctx context.Context, c Caller, s plannedSection, r QualifyRequest) (found *candidate, message string, _ error) {
	k, err := l.registry.Kind(s.kinds[0])
	if err != nil {
		return nil, "", err
	}
	oID := r.PersonaOID
	switch {
	case r.Draft != nil:
		e, err := l.unsaved(ctx, c.Workspace.OID, k, r.Draft)
		if err != nil {
			return nil, "", err
		}
		return newCandidate(k, e, "It is the draft of the request."), "", nil
	case oID != "":
		message = "The request names it."
	case len(s.oIDs) == 1:
		found, err := l.candidates(ctx, c, s)
		if err != nil || len(found) == 0 {
			return nil, fmt.Sprintf("The library has no %s that the agent names.", k.Title), err
		}
		return found[0], "", nil
	case r.Lead.JobTitle == "":
		return nil, fmt.Sprintf("No %s was chosen, because there is no jobTitle.", k.Title), nil
	default:
		m, err := l.bestByTitle(ctx, c.Workspace.OID, r.Lead.JobTitle, s.oIDs)
		if err != nil {
			return nil, "", err
		}
		if m == nil {
			return nil, fmt.Sprintf("No %s matches the job title %q.", k.Title, r.Lead.JobTitle), nil
		}
		oID, message = m.OID, fmt.Sprintf("It matches the job title %q: %s (%s).", r.Lead.JobTitle, m.Reason, m.Confidence)
	}
	ref, err := l.readable(c, k, oID)
	if err != nil {
		return nil, "", err
	}
	row, err := l.row(ctx, l.store, k, ref)
	if err != nil {
		return nil, "", l.explain(ctx, k, ref, err)
	}
	e, err := k.Load(row)
	if err != nil {
		return nil, "", err
	}
	if e.DeletedAt != nil {
		return nil, "", errs.Conflictf(errs.DeletedCode(k.Name), "The %s is deleted: restore it first, with %s/restore.", k.Title, k.Name)
	}
	return newCandidate(k, e, message), "", nil
}

// bestByTitle returns the persona that a job title belongs to, nil for none: of
// some of them where oIDs are given. One that is active is better than one that is
// not. The title is not counted where it belongs to nobody, as that would store it.
func (l *Library) bestByTitle(ctx context.Context, workspace, title string, oIDs []string) (*match.Match, error) {
	indexed, err := l.index(ctx, workspace)
	if err != nil {
		return nil, err
	}
	x := indexed.Index
	if len(oIDs) > 0 {
		x = x.Only(func(oID string) bool { return slices.Contains(oIDs, oID) })
	}
	matches := x.Match(title, MaxMatches, match.Auto)
	if len(matches) == 0 {
		return nil, nil
	}
	return &matches[max(0, slices.IndexFunc(matches, func(m match.Match) bool { return !m.Inactive }))], nil
}

// candidates returns the active entities that a section may be about, by name:
// those that the agent names, or those that have questions.
func (l *Library) candidates(ctx context.Context, c Caller, s plannedSection) (found []*candidate, _ error) {
	q := entity.Query{Workspace: c.Workspace.OID, Order: entity.OrderName, Limit: maxCandidates}
	for _, name := range s.kinds {
		q.Sets = append(q.Sets, entity.Set{Kind: name})
	}
	var possible bool
	if q.OIDs, possible = validIDs(s.oIDs); !possible {
		return nil, nil
	}
	held := &Listed{release: l.lists.Release}
	defer held.Close()
	for ; ; q.Offset += q.Limit {
		page, err := l.page(ctx, held, q)
		if err != nil {
			return nil, err
		}
		for _, row := range page.Rows {
			k, err := l.registry.Kind(row.Kind)
			if err != nil {
				return nil, err
			}
			e, err := k.Load(row)
			if err != nil {
				return nil, err
			}
			message := ""
			if len(s.oIDs) > 0 {
				message = "The agent names it."
			}
			if one := newCandidate(k, e, message); len(s.oIDs) > 0 || len(one.answers) > 0 && e.Bool("active") {
				found = append(found, one)
			}
		}
		if len(page.Rows) < q.Limit || len(found) >= maxCandidates {
			return found[:min(len(found), maxCandidates)], nil
		}
	}
}

// newCandidate returns an entity with its questions; archived ones are not asked.
func newCandidate(k *entity.Kind, e *entity.Entity, reason string) *candidate {
	one := &candidate{kind: k, entity: e, reason: reason}
	for _, q := range e.Questions() {
		if q.ArchivedAt == nil {
			one.answers = append(one.answers, qualify.Answered{
				Question: qualify.Question{OID: q.OID, Text: q.Question, Fit: qualify.Fit(q.FitType), Weight: qualify.Weight(q.Weight)},
				Answer:   qualify.Unknown,
			})
		}
	}
	return one
}

// related returns those of found that have to do with the persona: one links to
// the other, or both to the same entity. Where none has, it returns all.
func related(persona *candidate, found []*candidate) []*candidate {
	links := map[string]bool{persona.entity.OID: true}
	for _, link := range persona.kind.Links(persona.entity) {
		links[link.Target] = true
	}
	delete(links, "")
	delete(links, entity.LinkAll) // what has to do with all is no reason to choose one
	near := slices.DeleteFunc(slices.Clone(found), func(one *candidate) bool {
		return !links[one.entity.OID] && !slices.ContainsFunc(one.kind.Links(one.entity), func(link entity.Link) bool { return links[link.Target] })
	})
	if len(near) == 0 {
		return found
	}
	return near
}

// answer gives the questions of all candidates the answers of the caller, and
// returns the questions of those that belong to none.
func answer(all []*candidate, given []qualify.Given) (unused []string, _ error) {
	missed := make([]int, len(given))
	for _, one := range all {
		questions := make([]qualify.Question, len(one.answers))
		for i := range one.answers {
			questions[i] = one.answers[i].Question
		}
		answers, others, fields := qualify.Pair(questions, given)
		if len(fields) > 0 {
			return nil, errs.InvalidFields(fields)
		}
		one.answers = answers
		for _, i := range others {
			missed[i]++
		}
	}
	for i, n := range missed {
		if n == len(all) {
			unused = append(unused, given[i].Question)
		}
	}
	return unused, nil
}

// choose takes the candidate with the highest score; of equal ones that with the
// higher coverage, then the first by name. Without a score there is a choice of
// one only.
func (s *QualifiedSection) choose(candidates []*candidate) {
	var best *candidate
	for _, one := range candidates {
		one.result = qualify.Evaluate(one.answers)
		if one.result.Score == nil {
			continue
		}
		if best == nil || cmp.Or(cmp.Compare(*one.result.Score, *best.result.Score), cmp.Compare(one.result.Coverage(), best.result.Coverage())) > 0 {
			best = one
		}
	}
	switch {
	case len(candidates) == 0: // the message is there
		return
	case len(candidates) == 1:
		best = candidates[0]
		best.reason = cmp.Or(best.reason, "There is no other.")
	case best == nil:
		s.Message = fmt.Sprintf("There are %d, and no answer tells which.", len(candidates))
		return
	default:
		best.reason = fmt.Sprintf("It has the highest score of %d.", len(candidates))
	}
	s.Entity, s.Message, s.Answers, s.Result = best.entity, best.reason, best.answers, best.result
}

// tell sets Found and Message. unused are the questions of answers that belong to
// none.
func (q *Qualified) tell(r QualifyRequest, unused []string) {
	var parts []string
	answered, open := 0, 0
	for _, s := range q.Sections {
		if s.Entity == nil {
			parts = append(parts, strings.ToUpper(s.Name[:1])+s.Name[1:]+": "+s.Message)
			continue
		}
		q.Found = true
		answered, open = answered+s.Result.Answered, open+s.Result.Asked-s.Result.Answered
	}
	if r.Lead == (Lead{}) && len(r.Answers) == 0 {
		q.Found = false
		parts = []string{"Nothing is known of the lead: send a jobTitle, what else you know, or answers."}
	}
	if q.Found {
		questions := fmt.Sprintf("%d of %d questions are answered.", answered, answered+open)
		switch {
		case open == 0:
		case q.Model.Name == "":
			questions += " No model is set, so the others are Unknown: send answers, or let the operator set a model."
		case !q.Model.Asked:
			questions += " The model was not asked, so the others are Unknown."
		}
		parts = append([]string{questions}, parts...)
	}
	if len(unused) > 0 {
		parts = append(parts, fmt.Sprintf("%d of the answers belong to no question here, such as the one to %q.", len(unused), unused[0]))
	}
	q.Message = strings.Join(parts, " ")
}
