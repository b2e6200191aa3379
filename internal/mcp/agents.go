package mcp

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
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
				optional("limit", number(fmt.Sprintf("Rows; default %d.", usualRows), mostRows)),
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
	query := url.Values{"orderField": {"name"}}
	set(query, "type", c.text("type"))
	set(query, "query", c.text("query"))
	return c.list(ctx, "agents/list", query, c.number("limit", usualRows, 1, mostRows), short)
}

// getAgent answers get_agent.
func getAgent(ctx context.Context, c *call) (any, error) {
	var found struct {
		Data json.RawMessage `json:"data"`
	}
	err := c.api.get(ctx, "agents/get", url.Values{"oId": {c.text("oId")}}, &found)
	return found.Data, err
}
