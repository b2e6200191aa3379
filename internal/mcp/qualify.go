package mcp

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"personae.dev/apitype"
	"personae.dev/internal/account"
	"personae.dev/internal/library"
)

// qualifyTools are those that score people and companies. What comes from a lead
// is passed on, and not stored.
func qualifyTools() []*tool {
	const how = " The score follows from the answers by a fixed formula: never make one up. Questions that are Unknown lower coverage and not the score; answer them from what you know with answers, and call again."
	known := []param{
		optional("additionalContext", `{"description":"What else is known, as a text or an object."}`),
		optional("answers", `{"type":"array","items":{"type":"object","properties":{"question":{"type":"string"},"answer":{"type":"string","enum":["YES","NO","UNKNOWN"]},"evidence":{"type":"string"}},"required":["question","answer"]},"description":"Answers to qualifying questions, with what they rest on."}`),
	}
	person := needed("person", object("What is known: firstName, lastName, email, jobTitle, linkedInProfile, companyName, companyDomain. The persona is found by jobTitle."))
	agent := needed("agent", text("The id of a stored agent, or its exact name."))
	return []*tool{
		{
			name: "qualify_person", title: "Qualify a person", run: qualifyWith("qualify-person", person.name),
			about:  "Score how well a person fits the library: product, persona, segment and playbook, each by its own qualifying questions." + how,
			params: append([]param{person}, known...),
		},
		{
			name: "qualify_company", title: "Qualify a company", run: qualifyWith("qualify-company", ""),
			about:  "Score how well a company fits the library: product, segment and playbook, each by its own qualifying questions." + how,
			params: append([]param{needed("companyDomain", text("Its domain.")), optional("companyName", text("Its name."))}, known...),
		},
		{
			name: "run_qualify_person_agent", title: "Run an agent over a person", run: qualifyWith("qualify-person", person.name),
			about:  "Score a person as a stored agent of the type QUALIFY_PERSON says." + how,
			params: append([]param{agent, person}, known...),
		},
		{
			name: "run_qualify_company_agent", title: "Run an agent over a company", run: qualifyWith("qualify-company", "company"),
			about:  "Score a company as a stored agent of the type QUALIFY_COMPANY says." + how,
			params: append([]param{agent, needed("company", object("What is known: domain, name."))}, known...),
		},
	}
}

// qualifyWith returns what answers a tool that scores by a call of the API. lead
// is the argument that has what is known, "" for arguments of their own.
func qualifyWith(path, lead string) func(context.Context, *call) (any, error) {
	return func(ctx context.Context, c *call) (any, error) {
		body := map[string]json.RawMessage{}
		if lead != "" {
			if body = c.object(lead); body == nil { // it was refused
				return nil, nil
			}
		}
		for name, from := range map[string]string{"companyDomain": "domain", "companyName": "name"} {
			if value, ok := c.values[name]; ok {
				body[name] = value
			}
			if value, ok := body[from]; ok && lead == "company" {
				body[name] = value
				delete(body, from)
			}
		}
		if value, ok := c.values["additionalContext"]; ok {
			body["runtimeContext"] = value
		}
		var answers []apitype.GivenAnswer
		if c.read("answers", "a list of objects with question, answer and evidence", &answers) {
			encoded, err := encode(answers)
			if err != nil {
				return nil, err
			}
			body["answers"] = encoded
		}
		agent := library.DefaultAgent
		if c.tool.has("agent") {
			agent = c.text("agent")
		}
		oID, err := c.agentOID(ctx, agent)
		if err != nil {
			return nil, err
		}
		if body["agentOId"], err = encode(oID); err != nil {
			return nil, err
		}
		var found apitype.Qualified
		err = c.api.post(ctx, "agents/"+path+"/run", body, &found)
		return found, err
	}
}

// agentOID returns the id of the agent that has it, or that alone has it as its
// name.
func (c *call) agentOID(ctx context.Context, idOrName string) (string, error) {
	if idOrName == library.DefaultAgent || strings.HasPrefix(idOrName, account.AgentPrefix) {
		return idOrName, nil
	}
	var found apitype.List[apitype.AgentRow]
	if err := c.api.get(ctx, "agents/list", url.Values{"query": {idOrName}, "limit": {strconv.Itoa(library.MaxAgents)}}, &found); err != nil {
		return "", err
	}
	oID := ""
	for _, a := range found.Data {
		switch {
		case a.Name != idOrName:
		case oID != "":
			return "", &refusal{Code: "ambiguous", Message: fmt.Sprintf("Several agents have the name %q.", idOrName), Next: "Pass the oId of one of them; list_agents shows them."}
		default:
			oID = a.OID
		}
	}
	if oID == "" {
		oID = idOrName // the API says that there is none
	}
	return oID, nil
}
