// Package search says what a word is, and by which words an entity is found.
// Where words are kept stands in package store. It imports nothing of ours.
package search

// Version is raised whenever a change makes other words of the same text.
const Version = 1

// Texts are the texts of an entity by the tier in which their words count.
// Whole are those that also count as a whole: names and job titles.
type Texts struct {
	Whole, Names, Titles, Rest []string
}

// Doc is what search finds an entity by: each word once, in its best tier, and
// the terms of whole names and titles.
type Doc struct {
	Exact, Names, Titles, Rest []string
}
