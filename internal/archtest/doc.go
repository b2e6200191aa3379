// Package archtest holds the tests that keep the house as it was drawn: which
// room may import which, which modules the project stands on and at which
// version, how large a room may grow, and that every room says what it is for.
//
// The rules are the tables in rules_test.go. A new room or a new module is a new
// row there, and an ADR in docs/adr where a row says so.
//
// It is not a linter: what can be seen in one file alone stands in .golangci.yml.
package archtest
