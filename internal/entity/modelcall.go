package entity

import "time"

// ModelCall is the record of one request to a language model: what it was for and
// what it took, and nothing of what was asked or answered.
type ModelCall struct {
	Workspace string
	At        time.Time
	// Purpose is what the answer is for, such as "generate persona".
	Purpose, Model            string
	InputTokens, OutputTokens int
	Took                      time.Duration
	// Tries are the HTTP requests, and Repaired tells that a wrong answer was sent
	// back once.
	Tries    int
	Repaired bool
	// Outcome is "ok" or the code of the error.
	Outcome string
}

// ModelUsage sums up calls to a language model.
type ModelUsage struct{ Calls, Tokens int64 }
