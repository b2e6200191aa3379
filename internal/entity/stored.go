package entity

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"personae.dev/internal/account"
	"personae.dev/internal/errs"
	"personae.dev/internal/search"
)

// Store returns e as it is stored: encoded, tagged, with links, facets and words.
func (k *Kind) Store(workspace string, e *Entity) *Stored {
	document, hidden := k.appendDocument(nil, e, false), k.appendHidden(nil, e)
	return &Stored{
		Row: Row{
			Ref: Ref{Workspace: workspace, Kind: k.Name, OID: e.OID}, Name: e.Text(nameField), Author: e.Author,
			Shape: k.Shape, Tag: TagOf(document, hidden), CreatedAt: e.CreatedAt, UpdatedAt: e.UpdatedAt,
			ArchivedAt: e.ArchivedAt, DeletedAt: e.DeletedAt, Document: document, Hidden: hidden,
		},
		Links: k.Links(e), Facets: k.facets(e), Words: search.Cut(k.Texts(e)),
	}
}

// nameField is the field that every kind has.
const nameField = "name"

func (k *Kind) facets(e *Entity) []Facet {
	var facets []Facet
	for i := range k.Fields {
		f := &k.Fields[i]
		if f.Type != TypeEnum || f.Filter == "" {
			continue
		}
		if value := e.Text(f.Name); value != "" {
			facets = append(facets, Facet{Field: f.Name, Value: value})
		}
	}
	return facets
}

// Texts returns the texts of e by which search finds it. Qualifying questions,
// links and values of enums are not among them.
func (k *Kind) Texts(e *Entity) search.Texts {
	var t search.Texts
	for i := range k.Fields {
		f := &k.Fields[i]
		texts := f.texts(e.Fields[f.Name])
		switch f.Tier {
		case TierName:
			t.Names = append(t.Names, texts...)
			t.Whole = append(t.Whole, texts...)
		case TierTitle:
			t.Titles = append(t.Titles, texts...)
			t.Whole = append(t.Whole, texts...)
		case TierRest:
			t.Rest = append(t.Rest, texts...)
		case TierNone:
		}
	}
	return t
}

// texts returns the texts in a value that search finds.
func (f *Field) texts(value jsontext.Value) []string {
	switch f.Type {
	case TypeText, TypeTexts, TypeTextOrTexts, TypeCustom, TypeLists, TypeRaw:
	default:
		return nil
	}
	if value == nil {
		return nil
	}
	n, _ := parse(value)
	if n == nil {
		return nil
	}
	if f.Type != TypeLists {
		return n.allTexts(nil)
	}
	var texts []string
	for _, m := range n.members {
		if f.Free {
			texts = append(texts, m.name)
		}
		texts = m.value.allTexts(texts)
	}
	return texts
}

// allTexts appends all strings in a value to texts; not the names of members.
func (n *node) allTexts(texts []string) []string {
	if n.kind == '"' {
		texts = append(texts, n.text)
	}
	for _, item := range n.items {
		texts = item.allTexts(texts)
	}
	for _, m := range n.members {
		texts = m.value.allTexts(texts)
	}
	return texts
}

// Load reads an entity back from its row, also from one of a lower shape.
func (k *Kind) Load(r *Row) (*Entity, error) {
	return k.load(r.Ref, r.Shape, r.Author, r.Document, r.Hidden)
}

// LoadRevision reads the entity as a revision left it. It has no author.
func (k *Kind) LoadRevision(r *Revision) (*Entity, error) {
	return k.load(r.Ref, r.Shape, account.Author{}, r.Document, r.Hidden)
}

// DocumentWithQuestionIDs returns the document of a row where qualifying
// questions have their ids.
func (k *Kind) DocumentWithQuestionIDs(r *Row) ([]byte, error) {
	e, err := k.Load(r)
	if err != nil {
		return nil, err
	}
	return k.appendDocument(nil, e, true), nil
}

func (k *Kind) load(ref Ref, shape int, author account.Author, document, hidden []byte) (*Entity, error) {
	var e *Entity
	var err error
	switch {
	case shape == k.Shape:
		e, err = k.loadExact(document, hidden)
	case shape < k.Shape:
		e, err = k.loadLower(document, hidden)
	default:
		err = fmt.Errorf("its shape is %d, and this program knows shapes up to %d: update the program", shape, k.Shape)
	}
	if err != nil {
		return nil, errs.Unavailablef(fmt.Errorf("entity: load %s %s of %s: %w", ref.Kind, ref.OID, ref.Workspace, err),
			"The stored %s %s cannot be read. Ask the operator of the server to run personae check.", k.Title, ref.OID)
	}
	e.Author = author
	return e, nil
}

// loadExact reads what Store wrote: every value is canonical.
func (k *Kind) loadExact(document, hidden []byte) (*Entity, error) {
	e := &Entity{Fields: make(map[string]jsontext.Value, len(k.Fields))}
	err := eachMember(document, func(name string, value jsontext.Value) error {
		if name == keyData {
			return eachMember(value, func(name string, value jsontext.Value) error {
				for i := range k.Fields {
					if f := &k.Fields[i]; f.In == InData && f.DataKey() == name {
						e.take(f, value)
					}
				}
				return nil
			})
		}
		if name == keyOID {
			oID, err := jsontext.AppendUnquote(nil, value)
			e.OID = string(oID)
			return err
		}
		if isDate(name) {
			return e.takeDate(name, value)
		}
		if f := k.Field(name); f != nil {
			e.take(f, value)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("document: %w", err)
	}
	var questionOIDs []string
	err = eachMember(hidden, func(name string, value jsontext.Value) error {
		if name == keyQuestionOIDs {
			n, _ := parse(value)
			questionOIDs = n.texts()
		} else if f := k.Field(name); f != nil {
			e.take(f, value)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("hidden: %w", err)
	}
	e.setQuestionOIDs(questionOIDs)
	return e, nil
}

// take sets a field to a canonical value, as it is answered.
func (e *Entity) take(f *Field, value jsontext.Value) {
	if f.Default != "" || !bytes.Equal(value, f.Empty()) {
		e.Fields[f.Name] = value
	}
}

func (e *Entity) takeDate(name string, value jsontext.Value) error {
	if string(value) == "null" {
		return nil
	}
	text, err := jsontext.AppendUnquote(nil, value)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	t, err := parseTime(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	e.setDate(name, &t)
	return nil
}

func (e *Entity) setDate(name string, t *time.Time) {
	if t == nil {
		return
	}
	switch name {
	case keyCreatedAt:
		e.CreatedAt = *t
	case keyUpdatedAt:
		e.UpdatedAt = *t
	case keyArchivedAt:
		e.ArchivedAt = t
	case keyDeletedAt:
		e.DeletedAt = t
	}
}

// setQuestionOIDs gives the questions of e their ids, by position.
func (e *Entity) setQuestionOIDs(oIDs []string) {
	if len(oIDs) == 0 {
		return
	}
	questions := e.Questions()
	for i := range questions {
		if i < len(oIDs) {
			questions[i].OID = oIDs[i]
		}
	}
	e.Fields[questionsName] = appendQuestions(nil, questions, true)
}

// loadLower reads a document of a lower shape as an import does: a field is
// looked for at every place, and what does not fit the table is left out.
func (k *Kind) loadLower(document, hidden []byte) (*Entity, error) {
	root, broken := parse(document)
	if broken != nil {
		return nil, fmt.Errorf("document %s", broken[0].Message)
	}
	rest, broken := parse(hidden)
	if broken != nil {
		return nil, fmt.Errorf("hidden %s", broken[0].Message)
	}
	root.members = append(root.members, rest.members...)
	d := &decoder{kind: k, record: true}
	d.object(root, "")
	e := d.entity()
	if oIDs := rest.member(keyQuestionOIDs); oIDs != nil {
		e.setQuestionOIDs(oIDs.texts())
	}
	return e, nil
}

// eachMember calls yield with the members of an object.
func eachMember(object []byte, yield func(name string, value jsontext.Value) error) error {
	d := jsontext.NewDecoder(bytes.NewBuffer(object), jsontext.AllowDuplicateNames(true))
	token, err := d.ReadToken()
	if err != nil {
		return err
	}
	if token.Kind() != '{' {
		return errors.New("is not an object")
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		key := name.String()
		value, err := d.ReadValue()
		if err != nil {
			return err
		}
		if err := yield(key, value.Clone()); err != nil {
			return err
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the object")
	}
	return nil
}
