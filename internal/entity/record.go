package entity

import (
	"bytes"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"personae.dev/internal/errs"
)

// AppendRecord appends e as export and import write it: one flat JSON object
// with everything that is kept, on one line, without a line end. Fields without
// a value, and those that have their default, are left out.
func (k *Kind) AppendRecord(b []byte, e *Entity) []byte {
	b = append(b, '{')
	if k.Position > 1 { // the first kind is what a line without a kind is about
		b = appendString(appendKey(b, keyKind), k.Name)
	}
	if e.OID != "" {
		b = appendString(appendKey(b, keyOID), e.OID)
	}
	for i := range k.Fields {
		f := &k.Fields[i]
		if value := e.Fields[f.Name]; value != nil && string(value) != f.Default {
			b = append(appendKey(b, f.Name), value...)
		}
	}
	if !e.CreatedAt.IsZero() {
		b = appendTime(appendKey(b, keyCreatedAt), e.CreatedAt)
	}
	if !e.UpdatedAt.IsZero() {
		b = appendTime(appendKey(b, keyUpdatedAt), e.UpdatedAt)
	}
	if e.ArchivedAt != nil {
		b = appendTime(appendKey(b, keyArchivedAt), *e.ArchivedAt)
	}
	if e.DeletedAt != nil {
		b = appendTime(appendKey(b, keyDeletedAt), *e.DeletedAt)
	}
	return append(b, '}')
}

// Record is an entity as an import reads it.
type Record struct {
	Kind *Kind
	// At is what paths of its errors begin with: "data[2].", or "".
	At string
	// Entity has a zero OID, CreatedAt and UpdatedAt where the record has none,
	// and no author.
	Entity *Entity
	// Unknown are fields that the kind does not have and that have content.
	Unknown []string
}

// DecodeRecords reads what an import takes: the record of an export, an answer
// of get, or an answer of list, with data nested or flat; also a JSON array of
// such. kind is the kind of what does not name one. ignoreUnknown tells whether
// unknown fields with content are returned in Record.Unknown, instead of being
// errors with a suggestion. The errors are all that can be known without the
// stored entity.
func (r *Registry) DecodeRecords(value []byte, kind *Kind, ignoreUnknown bool) ([]Record, []errs.Field) {
	root, broken := parse(value)
	if broken != nil {
		return nil, broken
	}
	rd := &recordReader{registry: r, kind: kind, ignoreUnknown: ignoreUnknown}
	switch list := root.member(keyData); {
	case root.kind == '[':
		rd.items(root, "")
	case list != nil && list.kind == '[':
		rd.listAnswer(root)
	default:
		rd.record(root, "")
	}
	return rd.records, rd.Fields()
}

type recordReader struct {
	errs.List
	registry      *Registry
	kind          *Kind
	ignoreUnknown bool
	records       []Record
}

// listAnswer reads the records of a list answer, and looks at what is beside
// them.
func (rd *recordReader) listAnswer(root *node) {
	d := &decoder{kind: rd.kind}
	d.members(root, "", func(name, _ string, value *node) bool {
		switch {
		case name == keyData:
			rd.items(value, keyData)
		case name == keyKind:
			rd.kind = rd.kindOf(root, keyKind)
		case !isFrame(name):
			return false
		}
		return true
	})
	rd.AddAll(d.Fields())
	rd.reject(d.unknown, rd.kind)
}

func (rd *recordReader) items(list *node, path string) {
	for i, item := range list.items {
		rd.record(item, fmt.Sprintf("%s[%d]", path, i))
	}
}

// kindOf returns the kind that a record names.
func (rd *recordReader) kindOf(n *node, path string) *Kind {
	named := n.member(keyKind)
	if named == nil || named.kind != '"' || named.text == "" {
		return rd.kind
	}
	kind, err := rd.registry.Kind(named.text)
	if err != nil {
		rd.Add(path, "%s", message(err))
		return nil
	}
	return kind
}

func (rd *recordReader) record(n *node, path string) {
	at := path
	if path != "" {
		at += "."
	}
	kind := rd.kindOf(n, at+keyKind)
	if kind == nil {
		return
	}
	d := &decoder{kind: kind, record: true}
	d.object(n, path)
	e := d.entity()
	form := d.Fields()
	if n.kind == '{' {
		v := validator{}
		if e.OID != "" {
			v.id(at+keyOID, e.OID)
		}
		paths := map[string]string{}
		for name, sent := range d.sent {
			paths[name] = sent[0].path
		}
		if path != "" {
			for i := range kind.Fields {
				if name := kind.Fields[i].Name; paths[name] == "" {
					paths[name] = at + name
				}
			}
		}
		kind.validateFields(&v, e, paths)
		for _, date := range []string{keyCreatedAt, keyUpdatedAt, keyArchivedAt, keyDeletedAt} {
			v.date(at+date, d.dates[date])
		}
		form = errs.Join(form, v.Fields())
	}
	rd.AddAll(form)
	unknown := rd.reject(d.unknown, kind)
	rd.records = append(rd.records, Record{Kind: kind, At: at, Entity: e, Unknown: unknown})
}

// reject adds errors for unknown fields that have content, or returns their
// names where they are to be ignored.
func (rd *recordReader) reject(unknown []unknownField, kind *Kind) (ignored []string) {
	for _, u := range unknown {
		switch {
		case !u.hasContent:
		case rd.ignoreUnknown:
			if len(ignored) < MaxUnknown {
				ignored = append(ignored, Shorten(u.path))
			}
		case u.message != "":
			rd.Add(Shorten(u.path), "%s", u.message)
		case len(rd.Fields()) > errs.MaxFields:
			rd.Add(Shorten(u.path), "unknown field") // which is counted, and not listed
		default:
			rd.Add(Shorten(u.path), "%s", kind.unknownMessage(u.path))
		}
	}
	return ignored
}

// entity returns what a record says. Of a field that was sent at two places the
// outermost counts, unless it says nothing; another value is noted as unknown,
// as it gets lost.
func (d *decoder) entity() *Entity {
	e := &Entity{OID: d.oID, Fields: map[string]jsontext.Value{}}
	for name, t := range d.dates {
		e.setDate(name, t)
	}
	for i := range d.kind.Fields {
		f := &d.kind.Fields[i]
		var value jsontext.Value
		for n, s := range d.sent[f.Name] {
			inData := orEmptyInData(f, s.value)
			switch {
			case n == 0 || value == nil && !bytes.Equal(inData, f.EmptyInData()):
				value = s.value
			case s.value != nil && !bytes.Equal(inData, orEmptyInData(f, value)) && !bytes.Equal(inData, f.EmptyInData()):
				d.unknown = append(d.unknown, unknownField{
					path: s.path, hasContent: true,
					message: "differs from " + d.sent[f.Name][0].path + ": make them equal, or remove one",
				})
			}
		}
		if value == nil && d.joined[f.Name] != "" {
			value = appendString(nil, d.joined[f.Name])
		}
		e.set(f, value)
	}
	return e
}
