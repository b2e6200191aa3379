package apitype

// Usage is a page of calls to the language model, newest first, and their sum in
// the present month.
type Usage struct {
	Metadata Metadata    `json:"_metadata"`
	HasNext  bool        `json:"hasNext"`
	Total    int         `json:"total"`
	Data     []ModelCall `json:"data"`
	Month    UsageMonth  `json:"month"`
}

// UsageMonth sums up the calls since the beginning of a month of UTC.
type UsageMonth struct {
	Since  Time  `json:"since"`
	Calls  int64 `json:"calls"`
	Tokens int64 `json:"tokens"`
	// Budget is how many tokens the workspace may use in the month; null is no
	// limit.
	Budget *int64 `json:"budget"`
}

// ModelCall is one call to the language model. Tokens are the provider's numbers.
type ModelCall struct {
	CreatedAt    Time   `json:"createdAt"`
	Purpose      string `json:"purpose"` // such as "generate persona"
	Model        string `json:"model"`
	InputTokens  int    `json:"inputTokens"`
	OutputTokens int    `json:"outputTokens"`
	Milliseconds int64  `json:"ms"`
	Tries        int    `json:"tries"` // HTTP requests
	// Repaired tells that a wrong answer was sent back once.
	Repaired bool `json:"repaired"`
	// Outcome is "ok" or the code of the error.
	Outcome string `json:"outcome"`
}
