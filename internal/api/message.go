package api

import (
	"fmt"
	"strings"

	"personae.dev/internal/httpx"
	"personae.dev/internal/library"
)

// message is what an answer says in words: that all went well, and what was
// ignored.
func message(q *query, unknownFields []string) string {
	unknown := q.unknown()
	if len(unknown) == 0 && len(unknownFields) == 0 {
		return httpx.MessageOK
	}
	text := httpx.MessageOK
	if len(unknownFields) > 0 {
		text += ". Unknown fields were ignored: " + strings.Join(unknownFields, ", ")
	}
	if len(unknown) > 0 {
		text += ". Unknown query parameters were ignored: " + strings.Join(unknown, ", ")
	}
	return text
}

// maxNamed is how many links a message names.
const maxNamed = 20

// writtenMessage is message for a change, and names links to what is not there.
func writtenMessage(q *query, unknownFields []string, written *library.Written) string {
	text := message(q, unknownFields)
	if missing := written.Missing; len(missing) > 0 {
		text += ". Links to what is not in the workspace were kept: " + strings.Join(missing[:min(len(missing), maxNamed)], ", ")
		if more := len(missing) - maxNamed; more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
	}
	if n := written.LinkingTotal; n > 0 {
		text += fmt.Sprintf(". Still linked from %d: see linkedFrom", n)
		if some := len(written.Linking); some < n {
			text += fmt.Sprintf(", which has the first %d", some)
		}
	}
	return text
}
