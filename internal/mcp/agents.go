package mcp

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"

	"personae.dev/apitype"
)

// agentTools are those that read stored agents.
func agentTools() []*tool {
	return []*tool{
		{
			name: "list_agents", title: "List agents", run: listAgents,
			about: "List the stored agents: configurations for qualifying people and companies, and others that are only kept.",
			params: []param{
				optional("type", text("Only of this type, such as QUALIFY_PERSON.")),
				optional("query", text("Words of the name.")),
				optional("limit", number(fmt.Sprintf("Rows; default %d.", usualRows), mostHits)),
				offset(),
			},
		},
		{
			name: "get_agent", title: "Get an agent", run: getAgent,
			about:  "Read one agent with its configuration.",
			params: []param{needed("oId", text("Its id."))},
		},
	}
}

// listAgents answers list_agents.
func listAgents(ctx context.Context, c *call) (any, error) {
	offset := c.number("offset", 0, 0, 1<<30)
	query := url.Values{"orderField": {"name"}, "offset": {strconv.Itoa(offset)}, "limit": {strconv.Itoa(c.number("limit", usualRows, 1, mostHits))}}
	set(query, "type", c.text("type"))
	set(query, "query", c.text("query"))
	if err := c.err(); err != nil {
		return nil, err
	}
	var found apitype.List[apitype.AgentRow]
	if err := c.api.get(ctx, "agents/list", query, &found); err != nil {
		return nil, err
	}
	type agent struct {
		OID         string `json:"oId"`
		Name        string `json:"name"`
		Description string `json:"description,omitempty"`
		Type        string `json:"type"`
	}
	answer := struct {
		Total   int     `json:"total"`
		Agents  []agent `json:"agents"`
		HasNext bool    `json:"hasNext"`
		Next    string  `json:"next,omitempty"`
	}{found.Total, []agent{}, found.HasNext, ""}
	for _, a := range found.Data {
		answer.Agents = append(answer.Agents, agent{a.OID, a.Name, shorten(a.Description, mostAbout), a.Type})
	}
	if found.HasNext {
		answer.Next = fmt.Sprintf("Call list_agents again with the same arguments and offset %d.", offset+len(found.Data))
	}
	return answer, nil
}

// getAgent answers get_agent.
func getAgent(ctx context.Context, c *call) (any, error) {
	var found struct {
		Data json.RawMessage `json:"data"`
	}
	err := c.api.get(ctx, "agents/get", url.Values{"oId": {c.text("oId")}}, &found)
	return found.Data, err
}
