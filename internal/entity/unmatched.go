package entity

import "time"

// UnmatchedTitle is a job title that belongs to no persona. It says nothing of
// the people who have it.
type UnmatchedTitle struct {
	// Title is folded: lower case, without accents and punctuation.
	Title string
	// Count is how often it was matched, and LastAt when for the last time.
	Count  int
	LastAt time.Time
}

// Version names what an entity was like at one moment.
type Version struct {
	OID string
	Tag Tag
}
