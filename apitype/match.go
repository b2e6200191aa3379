package apitype

import "encoding/json"

// MatchRequest asks which personas job titles belong to. It has Titles or People,
// 1 to 1000 of them.
type MatchRequest struct {
	Titles []string `json:"titles,omitempty"`
	// People are matched by their job title. A server stores nothing of them.
	People []Lead `json:"people,omitempty"`
	// Counts has how often each title occurs, for the list of unmatched titles: 1
	// where it is left out, 0 for one that is not to be counted.
	Counts []int `json:"counts,omitempty"`
	// Limit is how many matches of each title are wanted, 1 to 10; 0 is 3.
	Limit int `json:"limit,omitempty"`
	// MinScore is the least score of a match, 0 to 1; nil stands for the
	// documented thresholds.
	MinScore *float64 `json:"minScore,omitempty"`
	// OfferingOID leaves out personas that are not linked to it.
	OfferingOID string `json:"offeringOId,omitempty"`
	// Persona is a persona that is not stored, or a change of the one whose oId it
	// has.
	Persona json.RawMessage `json:"persona,omitempty"`
}

// Matched answers MatchRequest, in the order of its titles.
type Matched struct {
	Metadata Metadata       `json:"_metadata"`
	Data     []MatchedTitle `json:"data"`
}

// MatchedTitle is a job title with the personas that it belongs to, the best
// first.
type MatchedTitle struct {
	Title   string         `json:"title"`
	Matches []PersonaMatch `json:"matches"`
}

// PersonaMatch is a persona that a job title belongs to.
type PersonaMatch struct {
	OID  string `json:"oId"`
	Name string `json:"name"`
	// Score is from 0 to 1, and Confidence HIGH, MEDIUM or LOW.
	Score      float64 `json:"score"`
	Confidence string  `json:"confidence"`
	// Reason says in words why it matches.
	Reason string `json:"reason"`
	// Inactive tells that the persona is switched off.
	Inactive bool `json:"inactive"`
}

// UnmatchedTitle is a job title that belongs to no persona.
type UnmatchedTitle struct {
	// Title is in lower case, without accents and punctuation.
	Title string `json:"title"`
	// Count is how often it was matched, and LastAt when for the last time.
	Count  int  `json:"count"`
	LastAt Time `json:"lastAt"`
	// Nearest is the persona that it is closest to, nil for none.
	Nearest *PersonaMatch `json:"nearest"`
}

// Audit is what could be better in a library.
type Audit struct {
	Metadata Metadata `json:"_metadata"`
	// Score is 100 for a library without findings.
	Score int `json:"score"`
	// Counts has how many findings of each severity there are.
	Counts  AuditCounts    `json:"counts"`
	HasNext bool           `json:"hasNext"`
	Total   int            `json:"total"`
	Data    []AuditFinding `json:"data"`
}

// AuditCounts counts findings by severity.
type AuditCounts struct {
	Critical int `json:"critical"`
	Warning  int `json:"warning"`
	Language int `json:"language"`
	Question int `json:"question"`
	Info     int `json:"info"`
}

// AuditFinding is something that could be better.
type AuditFinding struct {
	Severity string `json:"severity"`
	// Rule names what was looked for: "empty_field".
	Rule string `json:"rule"`
	Kind string `json:"kind"`
	OID  string `json:"oId"`
	Name string `json:"name"`
	// Field is "" where no single one is meant.
	Field   string `json:"field"`
	Message string `json:"message"`
	// Fix says what to do.
	Fix string `json:"fix"`
	// Others are the entities that it is compared with.
	Others []NamedEntity `json:"others"`
}

// NamedEntity is an entity by name.
type NamedEntity struct {
	Kind string `json:"kind"`
	OID  string `json:"oId"`
	Name string `json:"name"`
}
