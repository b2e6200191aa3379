package api

import (
	"bytes"
	"fmt"
	"net/http"

	"personae.dev/internal/entity"
	"personae.dev/internal/httpx"
	"personae.dev/internal/library"
)

// writeCreated answers a create with the entity under data, and with what
// Kind.Created says.
func (s resource) writeCreated(w http.ResponseWriter, r *http.Request, message string, written *library.Written, questionIDs bool) error {
	body, err := s.shown(written, questionIDs)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	member := func(name string, value []byte) {
		b.WriteString(`,"` + name + `":`)
		b.Write(value)
	}
	created := s.kind.Created
	member(created.As, body)
	for _, join := range created.Linked {
		list, err := s.linked(r, written.Entity, join.Field)
		if err != nil { // the entity is made all the same
			list = []byte("[]")
			message = fmt.Sprintf("%s. The entities under %s cannot be read at the moment: list them with their own call", message, join.As)
		}
		member(join.As, list)
	}
	for _, name := range created.Empty {
		member(name, []byte("[]"))
	}
	member("data", body)
	object := append(b.Bytes(), '}')
	object[0] = '{'
	setHeaders(w, written)
	return httpx.WriteFlat(w, r, message, object)
}

// linked returns the entities that a link field of e names, as a JSON list.
func (s resource) linked(r *http.Request, e *entity.Entity, field string) ([]byte, error) {
	oIDs := e.Texts(field)
	if len(oIDs) == 0 {
		return []byte("[]"), nil
	}
	target, err := s.Library.Registry().Kind(s.kind.Field(field).Targets[0])
	if err != nil {
		return nil, err
	}
	found, err := s.Library.List(r.Context(), callerOf(r), target, library.ListRequest{
		OIDs: oIDs, Status: entity.StatusAll, Order: entity.OrderCreated, Limit: library.MaxLimit,
	})
	if err != nil {
		return nil, err
	}
	defer found.Close()
	return append(append([]byte("["), bytes.Join(found.Documents, []byte(","))...), ']'), nil
}
