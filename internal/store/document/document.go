// Package document is how a persona is kept as JSON: the part that is only ever
// read and written whole, and a snapshot of all of it. It knows no SQL, and is
// not the format of the API or of an export.
package document

import (
	"fmt"
	"strconv"
	"time"

	"personae.dev/internal/jsontext"
	"personae.dev/internal/persona"
)

// Text is a document as it is kept.
type Text string

// Encode returns the document of p. Its names are stable: what was written once
// must be read for ever. So is every byte, which copies are compared by.
func Encode(p *persona.Persona) (string, error) {
	w := writer{make([]byte, 0, size(p))}
	w.document(p)
	return string(w.b), nil
}

// EncodeSnapshot returns all of p but its ids and author, for its history. Times
// are in microseconds.
func EncodeSnapshot(p *persona.Persona) (string, error) {
	w := writer{make([]byte, 0, size(p))}
	w.snapshot(p)
	return string(w.b), nil
}

// size is about how many bytes p takes, where little is to be escaped.
func size(p *persona.Persona) int {
	const (
		names = 512 // of all members
		text  = 3   // quotes and comma
	)
	n := names + len(p.Name)
	for _, list := range [...][]string{
		p.PrimaryResponsibilities, p.PainPoints, p.KeyConcerns, p.KeyObjectives, p.CommonJobTitles, p.WhyTheyMatterToUs, p.WhyWeMatterToThem,
		p.BuyingRole, p.Links.OfferingOIDs, p.Links.PlaybookOIDs,
	} {
		for _, item := range list {
			n += len(item) + text
		}
	}
	if p.Description != nil {
		n += len(*p.Description)
	}
	return n + n/16
}

// writer writes as json.Marshal does.
type writer struct{ b []byte }

func (w *writer) document(p *persona.Persona) {
	w.open('{')
	for _, f := range []struct {
		name string
		list []string
	}{
		{"primaryResponsibilities", p.PrimaryResponsibilities},
		{"painPoints", p.PainPoints},
		{"keyConcerns", p.KeyConcerns},
		{"keyObjectives", p.KeyObjectives},
		{"commonJobTitles", p.CommonJobTitles},
		{"whyTheyMatterToUs", p.WhyTheyMatterToUs},
		{"whyWeMatterToThem", p.WhyWeMatterToThem},
	} {
		w.texts(f.name, f.list)
	}
	w.fields(p.CustomFields)
	w.texts("buyingRole", p.BuyingRole)
	w.questions(p.QualifyingQuestions)
	w.texts("offeringOIds", p.Links.OfferingOIDs)
	w.texts("playbookOIds", p.Links.PlaybookOIDs)
	w.close('}')
}

func (w *writer) fields(fields []persona.CustomField) {
	if len(fields) == 0 {
		return
	}
	w.name("customFields")
	w.open('[')
	for _, f := range fields {
		w.next()
		w.open('{')
		w.text("title", f.Title)
		w.texts("value", f.Value)
		w.close('}')
	}
	w.close(']')
}

func (w *writer) questions(questions []persona.QualifyingQuestion) {
	if len(questions) == 0 {
		return
	}
	w.name("qualifyingQuestions")
	w.open('[')
	for i := range questions {
		q := &questions[i]
		w.next()
		w.open('{')
		w.textIfAny("oId", q.OID)
		w.text("question", q.Question)
		w.textIfAny("rationale", q.Rationale)
		w.text("fitType", string(q.FitType))
		w.text("weight", string(q.Weight))
		w.time("archivedAt", q.ArchivedAt)
		w.close('}')
	}
	w.close(']')
}

func (w *writer) snapshot(p *persona.Persona) {
	w.open('{')
	w.text("name", p.Name)
	w.optional("internalName", p.InternalName)
	w.optional("description", p.Description)
	w.name("active")
	w.b = strconv.AppendBool(w.b, p.Active)
	w.flag("unrecognized", p.Unrecognized)
	w.flag("rejected", p.Rejected)
	w.time("createdAt", &p.CreatedAt)
	w.time("updatedAt", &p.UpdatedAt)
	w.time("archivedAt", p.ArchivedAt)
	w.time("deletedAt", p.DeletedAt)
	w.optional("primaryOfferingOId", p.Links.PrimaryOfferingOID)
	w.textIfAny("offerings", string(p.Links.Offerings))
	w.name("document")
	w.document(p)
	w.close('}')
}

func (w *writer) open(c byte)  { w.b = append(w.b, c) }
func (w *writer) close(c byte) { w.b = append(w.b, c) }

// next divides from the member or element before.
func (w *writer) next() {
	if last := w.b[len(w.b)-1]; last != '{' && last != '[' {
		w.b = append(w.b, ',')
	}
}

func (w *writer) name(name string) {
	w.next()
	w.b = append(append(append(w.b, '"'), name...), '"', ':')
}

func (w *writer) text(name, text string) {
	w.name(name)
	w.b = jsontext.AppendHTMLString(w.b, text)
}

func (w *writer) textIfAny(name, text string) {
	if text != "" {
		w.text(name, text)
	}
}

func (w *writer) optional(name string, text *string) {
	if text != nil {
		w.text(name, *text)
	}
}

func (w *writer) texts(name string, list []string) {
	if len(list) == 0 {
		return
	}
	w.name(name)
	w.open('[')
	for i, text := range list {
		if i > 0 { // a text may end as an array begins
			w.b = append(w.b, ',')
		}
		w.b = jsontext.AppendHTMLString(w.b, text)
	}
	w.close(']')
}

func (w *writer) flag(name string, set bool) {
	if set {
		w.name(name)
		w.b = append(w.b, "true"...)
	}
}

func (w *writer) time(name string, t *time.Time) {
	if t != nil {
		w.name(name)
		w.b = strconv.AppendInt(w.b, t.UnixMicro(), 10)
	}
}

// Decode sets what the document says of p. The texts of p are parts of the
// document's.
func Decode[T ~string | ~[]byte](text T, p *persona.Persona) error {
	return new(Decoder).Decode(Text(text), p)
}

// Decoder decodes documents, each into the memory of the one before.
type Decoder struct{ reader jsontext.Reader }

// Decode is as the function is. Lists of p whose elements are no texts are
// written over, and not replaced.
func (d *Decoder) Decode(text Text, p *persona.Persona) error {
	d.reader.Reset(string(text))
	decode(&d.reader, p)
	if err := d.reader.End(); err != nil {
		return fmt.Errorf("document of persona %s: %w", p.OID, err)
	}
	return nil
}

func decode(r *jsontext.Reader, p *persona.Persona) {
	r.Object(func(name string) {
		switch name {
		case "primaryResponsibilities":
			p.PrimaryResponsibilities = r.Texts()
		case "painPoints":
			p.PainPoints = r.Texts()
		case "keyConcerns":
			p.KeyConcerns = r.Texts()
		case "keyObjectives":
			p.KeyObjectives = r.Texts()
		case "commonJobTitles":
			p.CommonJobTitles = r.Texts()
		case "whyTheyMatterToUs":
			p.WhyTheyMatterToUs = r.Texts()
		case "whyWeMatterToThem":
			p.WhyWeMatterToThem = r.Texts()
		case "customFields":
			p.CustomFields = p.CustomFields[:0]
			r.Array(func() { p.CustomFields = append(p.CustomFields, decodeField(r)) })
		case "buyingRole":
			p.BuyingRole = r.Texts()
		case "qualifyingQuestions":
			p.QualifyingQuestions = p.QualifyingQuestions[:0]
			r.Array(func() { p.QualifyingQuestions = append(p.QualifyingQuestions, decodeQuestion(r)) })
		case "offeringOIds":
			p.Links.OfferingOIDs = r.Texts()
		case "playbookOIds":
			p.Links.PlaybookOIDs = r.Texts()
		default:
			r.Skip()
		}
	})
}

func decodeField(r *jsontext.Reader) (f persona.CustomField) {
	r.Object(func(name string) {
		switch name {
		case "title":
			f.Title = r.Text()
		case "value":
			f.Value = r.Texts()
		default:
			r.Skip()
		}
	})
	return f
}

func decodeQuestion(r *jsontext.Reader) (q persona.QualifyingQuestion) {
	r.Object(func(name string) {
		switch name {
		case "oId":
			q.OID = r.Text()
		case "question":
			q.Question = r.Text()
		case "rationale":
			q.Rationale = r.Text()
		case "fitType":
			q.FitType = persona.FitType(r.Text())
		case "weight":
			q.Weight = persona.Weight(r.Text())
		case "archivedAt":
			q.ArchivedAt = timeOf(r.OptionalInt())
		default:
			r.Skip()
		}
	})
	return q
}

// DecodeSnapshot returns the persona of a snapshot.
func DecodeSnapshot[T ~string | ~[]byte](text T, workspaceOID, oID string) (*persona.Persona, error) {
	p := &persona.Persona{WorkspaceOID: workspaceOID, OID: oID, CreatedAt: time.UnixMicro(0).UTC(), UpdatedAt: time.UnixMicro(0).UTC()}
	r := jsontext.NewReader(string(text))
	r.Object(func(name string) {
		switch name {
		case "name":
			p.Name = r.Text()
		case "internalName":
			p.InternalName = r.OptionalText()
		case "description":
			p.Description = r.OptionalText()
		case "active":
			p.Active = r.Bool()
		case "unrecognized":
			p.Unrecognized = r.Bool()
		case "rejected":
			p.Rejected = r.Bool()
		case "createdAt":
			p.CreatedAt = time.UnixMicro(r.Int()).UTC()
		case "updatedAt":
			p.UpdatedAt = time.UnixMicro(r.Int()).UTC()
		case "archivedAt":
			p.ArchivedAt = timeOf(r.OptionalInt())
		case "deletedAt":
			p.DeletedAt = timeOf(r.OptionalInt())
		case "primaryOfferingOId":
			p.Links.PrimaryOfferingOID = r.OptionalText()
		case "offerings":
			p.Links.Offerings = persona.OfferingMode(r.Text())
		case "document":
			decode(r, p)
		default:
			r.Skip()
		}
	})
	if err := r.End(); err != nil {
		return nil, fmt.Errorf("snapshot of persona %s: %w", oID, err)
	}
	return p, nil
}

func timeOf(us *int64) *time.Time {
	if us == nil {
		return nil
	}
	t := time.UnixMicro(*us).UTC()
	return &t
}
