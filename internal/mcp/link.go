package mcp

import (
	"context"
	"strings"

	"personae.dev/apitype"
)

// linkTool is link_entities_to_offering.
func linkTool() *tool {
	return &tool{
		name: "link_entities_to_offering", title: "Link entities to offerings", effect: changes, run: linkToOffering,
		about: "Link entities to products, services or solutions, or take such links away: all of them, or none.",
		params: []param{
			needed("entityOIds", texts("The ids of what is linked: personas, segments, playbooks …")),
			needed("offeringOIds", texts("The ids of the offerings.")),
			optional("unlink", truth("Take the links away.")),
		},
	}
}

// linkChange is one link in a call of the API.
type linkChange struct {
	OID    string `json:"oId"`
	Target string `json:"target"`
}

// relinked is an entity after its links were changed.
type relinked struct {
	EntityType string `json:"entityType"`
	OID        string `json:"oId"`
	Name       string `json:"name"`
	Changed    bool   `json:"changed"`
}

// linkToOffering answers link_entities_to_offering.
func linkToOffering(ctx context.Context, c *call) (any, error) {
	entities, offerings, unlink := c.texts("entityOIds"), c.texts("offeringOIds"), c.truth("unlink")
	if err := c.err(); err != nil {
		return nil, err
	}
	pairs := []linkChange{}
	for _, e := range entities {
		for _, o := range offerings {
			pairs = append(pairs, linkChange{strings.TrimSpace(e), strings.TrimSpace(o)})
		}
	}
	body := map[string]any{"link": pairs}
	if unlink {
		body = map[string]any{"unlink": pairs}
	}
	var done struct {
		Metadata apitype.Metadata   `json:"_metadata"`
		Data     []apitype.Relinked `json:"data"`
	}
	if err := c.api.post(ctx, "link/update", body, &done); err != nil {
		return nil, err
	}
	answer := struct {
		Done     string     `json:"done"`
		Entities []relinked `json:"entities"`
		Note     string     `json:"note,omitempty"`
	}{"Linked", []relinked{}, note(done.Metadata)}
	if unlink {
		answer.Done = "Unlinked"
	}
	for _, e := range done.Data {
		answer.Entities = append(answer.Entities, relinked{c.toolName(e.Kind), e.OID, e.Name, e.Changed})
	}
	return answer, nil
}

// toolName is the name of a kind in tools.
func (s *service) toolName(kind string) string {
	if k, err := s.registry.Kind(kind); err == nil {
		return k.Tool
	}
	return kind
}
