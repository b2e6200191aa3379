package entity

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"personae.dev/internal/errs"
)

// Mode says how a request body is read.
type Mode struct {
	// Merge reads the body as a merge patch of RFC 7396: null unsets, objects are
	// merged.
	Merge bool
	// N8n takes "", [] and {} as not sent, at any depth, and ignores FormOnly
	// fields of an update: the vendor's n8n node sends them for every input that
	// its user left alone.
	N8n bool
	// Create is for a create: where a field is sent both flat and nested, the
	// flat one counts, and Apply alone tells of limits and missing values.
	Create bool
}

// Patch is what the body of a create or an update says: the values of some
// fields. Those that are not given stay as they are.
type Patch struct {
	// OID is the oId of the body, "" where there is none.
	OID string
	// Given has the canonical value of each field that is to change; nil unsets it.
	Given map[string]jsontext.Value
	// Nested has the value that was sent under data where another one was sent
	// flat: the one that differs from what is stored counts. A field of place
	// InBoth is here also where it was sent under data alone.
	Nested map[string]jsontext.Value
	// Merge has fields whose value is a merge patch for what is stored.
	Merge map[string]jsontext.Value
	// Unknown are the fields that the kind does not have, in the order of the body.
	Unknown []string
	// Origins are what the body says that it was written from.
	Origins []Origin

	// paths has where a field was sent, where that is not its name.
	paths map[string]string
}

// Decode reads the body of a create or an update: all errors at once, each with
// its path. The patch is never nil. Of an update, limits of the values that are
// given are checked, too; what depends on the entity, Apply tells.
func (k *Kind) Decode(body []byte, mode Mode) (*Patch, []errs.Field) {
	p := &Patch{Given: map[string]jsontext.Value{}, Nested: map[string]jsontext.Value{}, Merge: map[string]jsontext.Value{}, paths: map[string]string{}}
	root, broken := parse(body)
	if broken != nil {
		return p, broken
	}
	d := &decoder{kind: k, mode: mode}
	d.object(root, "")
	p.OID, p.Origins = d.oID, d.origins
	for _, u := range d.unknown[:min(len(d.unknown), MaxUnknown)] {
		p.Unknown = append(p.Unknown, Shorten(u.path))
	}
	for i := range k.Fields {
		f := &k.Fields[i]
		sent := d.sent[f.Name]
		if len(sent) == 0 {
			continue
		}
		p.take(f, sent)
	}
	form := d.Fields()
	if mode.Create {
		return p, form
	}
	return p, errs.Join(form, k.checkGiven(p))
}

// take chooses between the places where a field was sent; the first of sent is
// the outermost.
func (p *Patch) take(f *Field, sent []sentValue) {
	first := sent[0]
	if first.path != f.Name {
		p.paths[f.Name] = first.path
	}
	if f.In == InBoth && first.level > 0 {
		p.Nested[f.Name] = first.value
		return
	}
	if first.merge {
		p.Merge[f.Name] = first.value
		return
	}
	p.Given[f.Name] = first.value
	for _, other := range sent[1:] {
		if !other.merge && !slices.Equal(other.value, first.value) {
			p.Nested[f.Name] = other.value
			return
		}
	}
}

// decoder reads the fields of one object.
type decoder struct {
	errs.List
	kind *Kind
	mode Mode
	// record reads what an import takes: dates and read-only fields count.
	record bool

	oID     string
	dates   map[string]*time.Time
	sent    map[string][]sentValue // by the field's name, outermost first
	unknown []unknownField
	origins []Origin
	joined  map[string]string // ids of Kind.Joins, by the field's name
}

// sentValue is the value of a field at one of the places where it was sent.
type sentValue struct {
	level int // 0 where it is flat, 1 under data, 2 under data in data
	path  string
	value jsontext.Value
	merge bool // value is a merge patch
}

type unknownField struct {
	path       string
	hasContent bool
	message    string // "" for the usual one
}

// object reads the whole body, or a record at a path.
func (d *decoder) object(n *node, path string) {
	d.sent = map[string][]sentValue{}
	if n.kind != '{' {
		if path == "" {
			path = "body"
		}
		d.wrong(path, n, "an object")
		return
	}
	d.level(n, path, 0)
	for _, sent := range d.sent {
		slices.SortStableFunc(sent, func(a, b sentValue) int { return a.level - b.level })
	}
}

// level reads the members of the body (level 0), or of an object that wraps
// fields.
func (d *decoder) level(n *node, prefix string, level int) {
	d.members(n, prefix, func(name, path string, value *node) bool {
		if f := d.kind.field(name); f != nil {
			d.field(f, value, path, level, name)
			return true
		}
		switch {
		case name == keyOID:
			if text, ok := d.text(path, value); ok && d.oID == "" {
				d.oID = text
			}
		case name == keySources && level == 0 && (d.kind.Generates || slices.Contains(d.kind.Ignored, name)):
			d.sources(value)
		case name == keyData && level < 2, level == 0 && slices.Contains(d.kind.Nest, name):
			d.wrapper(value, path, level+1)
		case name == keyKind:
			d.kindName(path, value)
		case d.record && isDate(name):
			d.date(name, path, value)
		case isFrame(name) || slices.Contains(d.kind.Ignored, name):
		case slices.ContainsFunc(d.kind.Joins, func(j Join) bool { return j.As == name }):
			d.join(name, value)
		default:
			return false
		}
		return true
	})
}

// wrapper reads an object that wraps fields; null is none.
func (d *decoder) wrapper(n *node, path string, level int) {
	switch {
	case n.kind == '{':
		d.level(n, path, level)
	case n.kind == 'n', d.mode.N8n && n.isEmpty():
	default:
		d.wrong(path, n, "an object")
	}
}

// sources notes what an entity was written from. It is not a field, so that what
// cannot be read is no error.
func (d *decoder) sources(n *node) {
	for _, item := range n.items {
		text := func(name string) string {
			if m := item.member(name); item.kind == '{' && m != nil && m.kind == '"' {
				return strings.Clone(m.text)
			}
			return ""
		}
		if o := (Origin{text("type"), text("value")}); o.Type != "" && o.Value != "" && utf8.ValidString(o.Type+o.Value) {
			d.origins = append(d.origins, o)
		}
	}
}

func isDate(name string) bool {
	switch name {
	case keyCreatedAt, keyUpdatedAt, keyArchivedAt, keyDeletedAt:
		return true
	}
	return false
}

// members calls member for each member of an object, with its path. It returns
// whether it knows the member.
func (d *decoder) members(n *node, prefix string, member func(name, path string, value *node) bool) {
	for _, m := range n.members {
		path := Shorten(m.name)
		if prefix != "" {
			path = prefix + "." + path
		}
		if m.again {
			d.Add(Shorten(path), "occurs twice: keep one")
			continue
		}
		if member(m.name, path, m.value) {
			continue
		}
		d.unknown = append(d.unknown, unknownField{path: path, hasContent: m.value.hasContent()})
		if m.value.tooDeep {
			d.Add(Shorten(path), "is nested deeper than %d levels", MaxDepth)
		}
	}
}

// field notes the value of a field at the place where it was sent.
func (d *decoder) field(f *Field, n *node, path string, level int, name string) {
	switch {
	case f.ReadOnly && !d.record,
		d.mode.N8n && n.isEmpty(),
		d.mode.N8n && f.FormOnly && !d.mode.Create:
		return
	}
	if level == 0 && name != f.Name { // a DataName that is sent flat counts less than the name
		level = 1
	}
	s := sentValue{level: level, path: path}
	if n.kind == '{' && f.mergeable() && (d.mode.Merge || d.mode.N8n && f.Type == TypeLists && hasEmptyMember(n)) {
		s.merge = true
		s.value = d.mergePatch(f, n, path)
	} else {
		s.value = d.value(f, n, path)
	}
	d.sent[f.Name] = append(d.sent[f.Name], s)
}

func hasEmptyMember(n *node) bool {
	return slices.ContainsFunc(n.members, func(m member) bool { return m.value.isEmpty() })
}

// kindName checks the key kind, which a line of an export has.
func (d *decoder) kindName(path string, n *node) {
	name, ok := d.text(path, n)
	if ok && name != "" && !d.kind.isNamed(name) {
		d.Add(path, "is %q, and this is about %s: use the calls or the command for that kind", Shorten(name), d.kind.WithArticle())
	}
}

// join takes the id of a joined entity in a record, as the link is not shown
// otherwise.
func (d *decoder) join(name string, n *node) {
	if !d.record || n.kind != '{' {
		return
	}
	for _, j := range d.kind.Joins {
		if oID := n.member(keyOID); j.As == name && oID != nil && oID.kind == '"' {
			if d.joined == nil {
				d.joined = map[string]string{}
			}
			d.joined[j.Field] = oID.text
		}
	}
}

func (d *decoder) date(name, path string, n *node) {
	t := d.optionalDate(path, n)
	if t == nil || d.dates[name] != nil {
		return
	}
	if d.dates == nil {
		d.dates = map[string]*time.Time{}
	}
	d.dates[name] = t
}

func (d *decoder) optionalDate(path string, n *node) *time.Time {
	switch n.kind {
	case 'n':
		return nil
	case '"':
		t, err := parseTime(n.text)
		if err != nil {
			d.Add(path, "is not an RFC 3339 date: write it as 2021-01-01T00:00:00.000Z")
			return nil
		}
		return &t
	}
	d.wrong(path, n, "a date such as 2021-01-01T00:00:00.000Z, or null")
	return nil
}

// text reads a text; null is "".
func (d *decoder) text(path string, n *node) (string, bool) {
	switch n.kind {
	case 'n':
		return "", true
	case '"':
		return n.text, true
	}
	d.wrong(path, n, "a text")
	return "", false
}

// texts reads a list of texts; null is an empty one.
func (d *decoder) texts(path string, n *node) []string {
	if n.kind != '[' {
		if n.kind != 'n' {
			d.wrong(path, n, "a list of texts")
		}
		return nil
	}
	items := make([]string, len(n.items))
	for i, item := range n.items {
		if item.kind != '"' {
			d.wrong(fmt.Sprintf("%s[%d]", path, i), item, "a text")
		}
		items[i] = item.text
	}
	return items
}

// wrong notes that a value has another type than is wanted.
func (d *decoder) wrong(path string, n *node, wanted string) {
	d.Add(Shorten(path), "must be %s, not %s", wanted, n.describe())
	if n.tooDeep {
		d.Add(Shorten(path), "is nested deeper than %d levels", MaxDepth)
	}
}

// Shorten cuts a name that a caller made up, for a message.
func Shorten(path string) string {
	if len(path) <= maxUnknownNameLength {
		return path
	}
	end := maxUnknownNameLength
	for !utf8.RuneStart(path[end]) {
		end--
	}
	return path[:end] + "…"
}

// DecodeTexts reads a body of the named texts, such as that of an archive call:
// all errors at once. values has those that were sent; null is "". unknown are
// the names of other members.
func DecodeTexts(body []byte, names ...string) (values map[string]string, unknown []string, errors []errs.Field) {
	values = map[string]string{}
	root, broken := parse(body)
	if broken != nil {
		return values, nil, broken
	}
	d := &decoder{}
	if root.kind != '{' {
		d.wrong("body", root, "an object")
		return values, nil, d.Fields()
	}
	d.members(root, "", func(name, path string, value *node) bool {
		if !slices.Contains(names, name) {
			return false
		}
		values[strings.Clone(name)], _ = d.text(path, value)
		return true
	})
	for _, u := range d.unknown[:min(len(d.unknown), MaxUnknown)] {
		unknown = append(unknown, Shorten(u.path))
	}
	return values, unknown, d.Fields()
}
