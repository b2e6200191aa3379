package api

import (
	"encoding/json"
	"net/http"
	"slices"

	"personae.dev/apitype"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/httpx"
	"personae.dev/internal/library"
)

// agentRoutes lists the calls on agents, which are stored as they are sent.
func (a *API) agentRoutes() []httpx.Route {
	return []httpx.Route{
		listRoute("agents/list", a.listAgents),
		getRoute("agents/get", a.getAgent),
		writeRoute(http.MethodPost, "agents/create", a.createAgent),
		writeRoute(http.MethodPost, "agents/update", a.updateAgent),
		writeRoute(http.MethodDelete, "agents/delete", a.deleteAgent),
		getRoute("agents/types", a.agentTypes),
		getRoute("agents/languages", a.agentLanguages),
	}
}

// listAgents answers GET agents/list.
func (a *API) listAgents(w http.ResponseWriter, r *http.Request) error {
	q := readQuery(r)
	types := []string{""}
	for _, t := range library.AgentTypes() {
		types = append(types, t.Type)
	}
	query := library.AgentQuery{
		Type: q.choice("type", types...), Query: q.optional("query", "text", "search", "textSearchQuery"),
		Limit: q.number("limit", library.DefaultLimit), Offset: q.number("offset", 0),
		Order: entity.Order(q.choice("orderField", "createdAt", "updatedAt", "name")),
	}
	q.choice("includeExperiments", "false", "true") // there are none
	direction := q.choice("orderDirection", "", "ASC", "DESC")
	query.Descending = direction == "DESC" || direction == "" && query.Order != entity.OrderName
	query.Errors = q.errors
	agents, total, err := a.Library.Agents(r.Context(), callerOf(r), query)
	if err != nil {
		return err
	}
	answer := apitype.List[apitype.AgentRow]{
		Metadata: httpx.Metadata(r, message(q, nil)), HasNext: query.Offset+len(agents) < total, Total: total, Data: []apitype.AgentRow{},
	}
	for i := range agents {
		agent := &agents[i]
		answer.Data = append(answer.Data, apitype.AgentRow{
			OID: agent.OID, Name: agent.Name, Description: agent.Description, CreatedAt: apitype.NewTime(agent.CreatedAt), UpdatedAt: apitype.NewTime(agent.UpdatedAt),
			Type: agent.Type, ItemType: "agent",
		})
	}
	w.Header().Set("Cache-Control", "no-store")
	return httpx.WriteJSON(w, http.StatusOK, answer)
}

// getAgent answers GET agents/get.
func (a *API) getAgent(w http.ResponseWriter, r *http.Request) error {
	q := readQuery(r)
	oID := q.required("oId")
	if err := q.err(); err != nil {
		return err
	}
	agent, err := a.Library.Agent(r.Context(), callerOf(r), oID)
	return writeAgent(w, r, q, agent, err)
}

// createAgent answers POST agents/create.
func (a *API) createAgent(w http.ResponseWriter, r *http.Request) error {
	q := readQuery(r)
	patch, err := readAgent(r, q)
	if err != nil {
		return err
	}
	agent, err := a.Library.CreateAgent(r.Context(), callerOf(r), patch)
	return writeAgent(w, r, q, agent, err)
}

// updateAgent answers POST agents/update: what is not sent stays as it is.
func (a *API) updateAgent(w http.ResponseWriter, r *http.Request) error {
	q := readQuery(r)
	patch, err := readAgent(r, q)
	if err != nil {
		return err
	}
	agent, err := a.Library.UpdateAgent(r.Context(), callerOf(r), patch)
	return writeAgent(w, r, q, agent, err)
}

// deleteAgent answers DELETE agents/delete.
func (a *API) deleteAgent(w http.ResponseWriter, r *http.Request) error {
	q := readQuery(r)
	oID := q.required("oId")
	if err := q.err(); err != nil {
		return err
	}
	agent, err := a.Library.DeleteAgent(r.Context(), callerOf(r), oID)
	return writeAgent(w, r, q, agent, err)
}

type agentResponse struct {
	Metadata apitype.Metadata `json:"_metadata"`
	Data     apitype.Agent    `json:"data"`
}

func writeAgent(w http.ResponseWriter, r *http.Request, q *query, agent *entity.Agent, err error) error {
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	return httpx.WriteJSON(w, http.StatusOK, agentResponse{httpx.Metadata(r, message(q, nil)), apitype.Agent{
		OID: agent.OID, Name: agent.Name, Description: agent.Description, CreatedAt: apitype.NewTime(agent.CreatedAt), UpdatedAt: apitype.NewTime(agent.UpdatedAt),
		Type: agent.Type, Data: json.RawMessage(agent.Config), Warnings: []string{},
	}})
}

// agentFrame are keys of an answer that an edited agent may send back.
//
//nolint:gochecknoglobals // a list that never changes
var agentFrame = []string{"_metadata", "createdAt", "updatedAt", "costToRun", "warnings", "itemType", "steps"}

// readAgent reads the body of a create or an update. The configuration is what
// stands under data, and over it what stands beside it.
func readAgent(r *http.Request, q *query) (p library.AgentPatch, _ error) {
	body, err := httpx.JSONBody(r)
	if err != nil {
		return p, err
	}
	var list errs.List
	list.AddAll(q.errors.Fields())
	var sent map[string]json.RawMessage
	if err := json.Unmarshal(body, &sent); err != nil || sent == nil {
		list.Add("body", "must be a JSON object")
	}
	if fromN8n(r) {
		withoutEmpties(sent)
	}
	p.Config = map[string]json.RawMessage{}
	if data, ok := sent["data"]; ok && string(data) != "null" {
		if err := json.Unmarshal(data, &p.Config); err != nil {
			list.Add("data", "must be an object")
		}
	}
	text := func(name string) *string {
		value, ok := sent[name]
		if !ok {
			return nil
		}
		var text string // null is the empty text
		if err := json.Unmarshal(value, &text); err != nil {
			list.Add(name, "must be a text")
		}
		return &text
	}
	if oID := text("oId"); oID != nil {
		p.OID = *oID
	}
	p.Name, p.Description, p.Type = text("name"), text("description"), text("type")
	for name, value := range sent {
		if !slices.Contains(agentFrame, name) && !slices.Contains([]string{"oId", "name", "description", "type", "data"}, name) {
			p.Config[name] = value
		}
	}
	p.Errors = list.Fields()
	return p, nil
}

// withoutEmpties drops what n8n sends for inputs that its user left alone.
func withoutEmpties(object map[string]json.RawMessage) {
	for name, value := range object {
		var inner map[string]json.RawMessage
		if json.Unmarshal(value, &inner) == nil && inner != nil {
			withoutEmpties(inner)
			if encoded, err := json.Marshal(inner); err == nil && len(inner) > 0 {
				object[name] = encoded
				continue
			}
			delete(object, name)
			continue
		}
		var list []json.RawMessage
		if string(value) == `""` || json.Unmarshal(value, &list) == nil && list != nil && len(list) == 0 {
			delete(object, name)
		}
	}
}

type agentTypesResponse struct {
	Metadata apitype.Metadata    `json:"_metadata"`
	Total    int                 `json:"total"`
	Data     []apitype.AgentType `json:"data"`
}

// agentTypes answers GET agents/types.
func (a *API) agentTypes(w http.ResponseWriter, r *http.Request) error {
	q := readQuery(r)
	if err := q.err(); err != nil {
		return err
	}
	answer := agentTypesResponse{Metadata: httpx.Metadata(r, message(q, nil)), Data: []apitype.AgentType{}}
	for _, t := range library.AgentTypes() {
		answer.Data = append(answer.Data, apitype.AgentType(t))
	}
	answer.Total = len(answer.Data)
	w.Header().Set("Cache-Control", "no-store")
	return httpx.WriteJSON(w, http.StatusOK, answer)
}

// agentLanguages answers GET agents/languages. No agent writes here, so that there
// is no language to choose.
func (a *API) agentLanguages(w http.ResponseWriter, r *http.Request) error {
	q := readQuery(r)
	if err := q.err(); err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	return httpx.WriteJSON(w, http.StatusOK, agentTypesResponse{Metadata: httpx.Metadata(r, message(q, nil)), Data: []apitype.AgentType{}})
}
