package entity

import (
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Keys of answers that are no fields.
const (
	keyOID        = "oId"
	keyCreatedAt  = "createdAt"
	keyUpdatedAt  = "updatedAt"
	keyArchivedAt = "archivedAt"
	keyDeletedAt  = "deletedAt"
	keyData       = "data"
	keyUser       = "user"
	keyWorkspace  = "workspace"
	keyKind       = "kind"
	keySources    = "sources"

	keyQuestionOIDs = "questionOIds" // in Row.Hidden
	keyMode         = "mode"
	keyOfferingOIDs = "offeringOIds"
)

// isFrame tells whether a key stands in answers, of get or of list, beside the
// fields of an entity. Such keys are ignored in requests, so that an answer can
// be edited and sent back.
func isFrame(key string) bool {
	switch key {
	case keyCreatedAt, keyUpdatedAt, keyArchivedAt, keyDeletedAt, keyUser, keyWorkspace, "_metadata", "hasNext", "total", "nextCursor", "links":
		return true
	}
	return false
}

// Field returns the field with the name, nil where there is none.
func (k *Kind) Field(name string) *Field {
	for i := range k.Fields {
		if k.Fields[i].Name == name {
			return &k.Fields[i]
		}
	}
	return nil
}

// field returns the field that is sent under a key: its Name or its DataName.
func (k *Kind) field(key string) *Field {
	if f := k.Field(key); f != nil {
		return f
	}
	for i := range k.Fields {
		if k.Fields[i].DataName == key && key != "" {
			return &k.Fields[i]
		}
	}
	return nil
}

// QuestionsField returns the field of qualifying questions, nil where the kind
// has none.
func (k *Kind) QuestionsField() *Field {
	for i := range k.Fields {
		if k.Fields[i].Type == TypeQuestions {
			return &k.Fields[i]
		}
	}
	return nil
}

// RequestFields returns the fields that a request may set, in table order.
func (k *Kind) RequestFields() []*Field {
	return k.where(func(f *Field) bool { return !f.ReadOnly })
}

// DataFields returns the fields that answers have under data, in table order;
// DataKey is their key.
func (k *Kind) DataFields() []*Field {
	return k.where(func(f *Field) bool { return f.In == InData || f.In == InBoth })
}

func (k *Kind) where(holds func(*Field) bool) []*Field {
	var fields []*Field
	for i := range k.Fields {
		if holds(&k.Fields[i]) {
			fields = append(fields, &k.Fields[i])
		}
	}
	return fields
}

// AnswerKeys returns the keys of an answer in order, without _metadata and what
// is joined.
func (k *Kind) AnswerKeys() []string {
	named := strings.Fields(k.Order)
	var keys []string
	for _, key := range named {
		if key != "*" {
			keys = append(keys, key)
			continue
		}
		for i := range k.Fields {
			if f := &k.Fields[i]; (f.In == InTop || f.In == InBoth) && !slices.Contains(named, f.Name) {
				keys = append(keys, f.Name)
			}
		}
	}
	return keys
}

// DataKey is the key of f under data.
func (f *Field) DataKey() string {
	if f.DataName != "" {
		return f.DataName
	}
	return f.Name
}

// Empty is how answers show f at its place when it is not set.
func (f *Field) Empty() jsontext.Value {
	if f.Null {
		return jsontext.Value("null")
	}
	return f.emptyOfType()
}

// EmptyInData is how answers show f under data when it is not set: null is
// shown at the top only.
func (f *Field) EmptyInData() jsontext.Value {
	if f.In == InBoth {
		return f.emptyOfType()
	}
	return f.Empty()
}

func (f *Field) emptyOfType() jsontext.Value {
	switch f.Type {
	case TypeText, TypeEnum:
		return jsontext.Value(`""`)
	case TypeTexts, TypeCustom, TypeTextOrTexts, TypeQuestions, TypeLinks:
		return jsontext.Value("[]")
	case TypeBool:
		return jsontext.Value("false")
	case TypeLists:
		return appendLists(nil, f, nil)
	default:
		return jsontext.Value("null")
	}
}
