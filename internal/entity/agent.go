package entity

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Agent is what somebody has set up to be run over people and companies, as it
// was sent. It is no entity of the library: it has no history and no links.
type Agent struct {
	Workspace, OID string
	// Type is one of the nine published types, such as "QUALIFY_PERSON".
	Type              string
	Name, Description string
	// Config is a JSON object with all that was sent beside these. Lists of agents
	// leave it out.
	Config               jsontext.Value
	CreatedAt, UpdatedAt time.Time
}
