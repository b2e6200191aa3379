package library

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/search"
)

// Limits of agents.
const (
	// MaxAgents is how many agents a workspace may have.
	MaxAgents = 1000

	// MaxAgentConfig is how many bytes an agent's configuration may have.
	MaxAgentConfig = 256 << 10

	maxAgentName        = 255
	maxAgentDescription = 10_000
)

// The types of agents that can be run.
const (
	AgentQualifyPerson  = "QUALIFY_PERSON"
	AgentQualifyCompany = "QUALIFY_COMPANY"
)

// AgentType is a type of agent.
type AgentType struct {
	Type, Name, Description, Category string
	// Runs tells whether agents of the type can be run here.
	Runs bool
}

// AgentTypes returns all published types.
func AgentTypes() []AgentType {
	return []AgentType{
		{Type: "PROSPECTOR", Name: "Prospector", Description: "Finds people and companies that fit.", Category: "research"},
		{Type: "CONTENT", Name: "Content", Description: "Writes content from the library.", Category: "writing"},
		{Type: "EMAIL", Name: "Email", Description: "Writes a sequence of emails to a person.", Category: "writing"},
		{Type: "ENRICH_PERSON", Name: "Enrich person", Description: "Researches a person.", Category: "research"},
		{Type: "ENRICH_COMPANY", Name: "Enrich company", Description: "Researches a company.", Category: "research"},
		{Type: AgentQualifyPerson, Name: "Qualify person", Description: "Scores how well a person fits the library.", Category: "qualification", Runs: true},
		{Type: AgentQualifyCompany, Name: "Qualify company", Description: "Scores how well a company fits the library.", Category: "qualification", Runs: true},
		{Type: "CALL_PREP", Name: "Call preparation", Description: "Prepares a call with a person.", Category: "writing"},
		{Type: "CONTEXT", Name: "Context", Description: "Answers questions from the library.", Category: "research"},
	}
}

// AgentPatch says what a body gives of an agent; nil is not given.
type AgentPatch struct {
	OID                     string
	Type, Name, Description *string
	// Config has what else the body gives, by name. A value of null takes the name
	// away.
	Config map[string]json.RawMessage
	// Errors are those of the request's form.
	Errors []errs.Field
}

// AgentQuery says which agents to list.
type AgentQuery struct {
	// Type and Query restrict where they are set: Query is words that must occur in
	// name or description.
	Type, Query   string
	Order         entity.Order
	Descending    bool
	Limit, Offset int
	Errors        errs.List
}

// Agents returns a page of the agents of the caller's workspace, without their
// configuration, and how many there are in all.
func (l *Library) Agents(ctx context.Context, c Caller, q AgentQuery) (page []entity.Agent, total int, _ error) {
	if err := require(c, account.ScopeRead); err != nil {
		return nil, 0, err
	}
	checkPage(&q.Errors, q.Limit, MaxLimit, q.Offset)
	if err := q.Errors.Err(); err != nil {
		return nil, 0, err
	}
	agents, err := l.store.Agents(ctx, c.Workspace.OID)
	if err != nil {
		return nil, 0, err
	}
	words := search.Fold(strings.Join(strings.Fields(q.Query), " "))
	agents = slices.DeleteFunc(agents, func(a entity.Agent) bool {
		return q.Type != "" && a.Type != q.Type || words != "" && !strings.Contains(search.Fold(a.Name+" "+a.Description), words)
	})
	slices.SortStableFunc(agents, func(a, b entity.Agent) int {
		order := a.CreatedAt.Compare(b.CreatedAt)
		switch q.Order {
		case entity.OrderUpdated:
			order = a.UpdatedAt.Compare(b.UpdatedAt)
		case entity.OrderName:
			order = strings.Compare(search.Fold(a.Name), search.Fold(b.Name))
		}
		if q.Descending {
			order = -order
		}
		return cmp.Or(order, strings.Compare(a.OID, b.OID))
	})
	from := min(q.Offset, len(agents))
	return agents[from:min(from+q.Limit, len(agents))], len(agents), nil
}

// Agent returns an agent of the caller's workspace.
func (l *Library) Agent(ctx context.Context, c Caller, oID string) (*entity.Agent, error) {
	if err := require(c, account.ScopeRead); err != nil {
		return nil, err
	}
	return l.agent(ctx, l.store, c, oID)
}

func (l *Library) agent(ctx context.Context, r entity.Reader, c Caller, oID string) (*entity.Agent, error) {
	if !account.ValidID(oID) {
		return nil, errs.NotFoundf(errs.CodeAgentNotFound, "There is no agent with this oId in the workspace of the API key. agents/list shows all.")
	}
	return r.Agent(ctx, c.Workspace.OID, oID)
}

// CreateAgent makes an agent.
func (l *Library) CreateAgent(ctx context.Context, c Caller, p AgentPatch) (*entity.Agent, error) {
	if err := require(c, account.ScopeWrite); err != nil {
		return nil, err
	}
	now := l.now()
	a := &entity.Agent{Workspace: c.Workspace.OID, OID: l.newID(account.AgentPrefix), Config: []byte("{}"), CreatedAt: now, UpdatedAt: now}
	if err := p.apply(a); err != nil {
		return nil, err
	}
	err := l.store.Write(ctx, func(ctx context.Context, tx entity.Tx) error {
		agents, err := tx.Agents(ctx, a.Workspace)
		if err != nil {
			return err
		}
		if len(agents) >= MaxAgents {
			return errs.Invalidf("The workspace has %d agents, which is the limit: delete one first.", len(agents))
		}
		return tx.PutAgent(ctx, a)
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}

// UpdateAgent changes what the patch gives of an agent.
func (l *Library) UpdateAgent(ctx context.Context, c Caller, p AgentPatch) (a *entity.Agent, err error) {
	if err := require(c, account.ScopeWrite); err != nil {
		return nil, err
	}
	if p.OID == "" && len(p.Errors) == 0 {
		p.Errors = []errs.Field{{Path: "oId", Message: "must name the agent"}}
	}
	if p.OID == "" {
		return nil, errs.InvalidFields(p.Errors)
	}
	err = l.store.Write(ctx, func(ctx context.Context, tx entity.Tx) error {
		if a, err = l.agent(ctx, tx, c, p.OID); err != nil {
			return err
		}
		before := *a
		if err := p.apply(a); err != nil {
			return err
		}
		if a.Type == before.Type && a.Name == before.Name && a.Description == before.Description && bytes.Equal(a.Config, before.Config) {
			return nil
		}
		a.UpdatedAt = after(a.UpdatedAt, l.now())
		return tx.PutAgent(ctx, a)
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}

// DeleteAgent removes an agent for good, and returns it.
func (l *Library) DeleteAgent(ctx context.Context, c Caller, oID string) (a *entity.Agent, err error) {
	if err := require(c, account.ScopeWrite); err != nil {
		return nil, err
	}
	err = l.store.Write(ctx, func(ctx context.Context, tx entity.Tx) error {
		if a, err = l.agent(ctx, tx, c, oID); err != nil {
			return err
		}
		return tx.DeleteAgent(ctx, a.Workspace, a.OID)
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}

// apply changes an agent, and checks it.
func (p AgentPatch) apply(a *entity.Agent) error {
	for _, field := range []struct{ to, value *string }{{&a.Type, p.Type}, {&a.Name, p.Name}, {&a.Description, p.Description}} {
		if field.value != nil {
			*field.to = *field.value
		}
	}
	config := map[string]json.RawMessage{}
	if err := json.Unmarshal(a.Config, &config); err != nil {
		return err
	}
	maps.Copy(config, p.Config)
	maps.DeleteFunc(config, func(_ string, value json.RawMessage) bool { return string(bytes.TrimSpace(value)) == "null" })
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(config); err != nil {
		return err
	}
	a.Config = bytes.TrimSpace(b.Bytes())

	var list errs.List
	list.AddAll(p.Errors)
	list.AddAll(errs.CheckText("name", a.Name, 1, maxAgentName))
	list.AddAll(errs.CheckText("description", a.Description, 0, maxAgentDescription))
	if n := len(a.Config); n > MaxAgentConfig {
		list.Add("body", "has %d bytes beside type, name and description; the limit is %d", n, MaxAgentConfig)
	}
	types := []string{}
	for _, t := range AgentTypes() {
		types = append(types, t.Type)
	}
	if !slices.Contains(types, a.Type) {
		list.Add("type", "must be one of %s", strings.Join(types, ", "))
	}
	return list.Err()
}
