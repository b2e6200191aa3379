package api

import (
	"bytes"
	"encoding/json"

	"personae.dev/internal/entity"
)

// linkedEntity is an entity that links to another one.
type linkedEntity struct {
	Field     string  `json:"field"`
	OID       string  `json:"oId"`
	Kind      string  `json:"kind"`
	Name      string  `json:"name"`
	DeletedAt *string `json:"deletedAt"`
}

// appendLinkedFrom adds to an object which entities link to it, where there are
// any.
func appendLinkedFrom(object []byte, linking []entity.Named) ([]byte, error) {
	if len(linking) == 0 {
		return object, nil
	}
	list := make([]linkedEntity, len(linking))
	for i, n := range linking {
		list[i] = linkedEntity{Field: n.Field, OID: n.OID, Kind: n.Kind, Name: n.Name}
	}
	var b bytes.Buffer
	b.Write(object[:len(object)-1])
	b.WriteString(`,"linkedFrom":`)
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(list); err != nil {
		return nil, err
	}
	return append(bytes.TrimSpace(b.Bytes()), '}'), nil
}
