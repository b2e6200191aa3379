// Package contextpack renders an entity, and what it links to, as one block of
// Markdown that people read and models take as context. It is bounded, and the
// same input always gives the same text.
package contextpack

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"personae.dev/internal/entity"
)

// Limits of a context pack, in tokens. A token counts as BytesPerToken bytes.
const (
	DefaultTokens = 2000
	MinTokens     = 100
	MaxTokens     = 100_000
	BytesPerToken = 4
)

// Item is an entity with its kind.
type Item struct {
	Kind   *entity.Kind
	Entity *entity.Entity
	// As says how the item is linked: the label of the link field. It is "" for
	// the entity that the pack is about.
	As string
}

// Markdown renders item, then linked in their order, in at most maxTokens
// tokens. Where something does not fit, the text says how much is left out.
func Markdown(item Item, linked []Item, maxTokens int) string {
	budget := maxTokens * BytesPerToken
	share := budget
	if len(linked) > 0 {
		share = budget * 2 / 3 // what the entity leaves goes to its links
	}
	w := &writer{limit: share}
	w.item(item, 1)
	w.limit = budget
	for i, link := range linked {
		room := (budget - w.b.Len()) / (len(linked) - i)
		if room < minItemBytes {
			w.note(fmt.Sprintf("\n(%d linked entities are left out: raise maxTokens.)\n", len(linked)-i))
			break
		}
		w.limit = w.b.Len() + room
		w.line("")
		w.item(link, 2)
	}
	return w.String(budget)
}

// minItemBytes is how much room a linked entity needs for its heading and a
// sentence.
const minItemBytes = 160

// writer writes lines until its limit.
type writer struct {
	b     strings.Builder
	limit int
}

// fits tells whether a line of n bytes and its end fit.
func (w *writer) fits(n int) bool { return w.b.Len()+n+1 <= w.limit }

// line writes a line if it fits.
func (w *writer) line(text string) bool {
	if !w.fits(len(text)) {
		return false
	}
	w.b.WriteString(text)
	w.b.WriteByte('\n')
	return true
}

// note writes a text even where the limit is reached; String cuts what is over
// the whole budget.
func (w *writer) note(text string) { w.b.WriteString(text) }

// String returns what was written, cut at budget between two characters.
func (w *writer) String(budget int) string {
	text := w.b.String()
	if len(text) <= budget {
		return text
	}
	for budget > 0 && !utf8.RuneStart(text[budget]) {
		budget--
	}
	return text[:budget]
}

// item writes one entity under a heading of the level.
func (w *writer) item(item Item, level int) {
	heading := strings.Repeat("#", level) + " "
	if item.As != "" {
		heading += item.As + ": "
	}
	w.line(heading + oneLine(item.Entity.Text("name")))
	w.line(fmt.Sprintf("%s, id %s%s", item.Kind.Title, item.Entity.OID, state(item.Entity)))
	left := 0
	for i := range item.Kind.Fields {
		field := &item.Kind.Fields[i]
		if field.Name == "name" || field.In == entity.Hidden {
			continue
		}
		left += w.field(item.Entity, field, level+1)
	}
	if left > 0 {
		w.note(fmt.Sprintf("(%d more lines of this %s are left out: raise maxTokens.)\n", left, item.Kind.Title))
	}
}

// state says in words what keeps an entity from being used.
func state(e *entity.Entity) string {
	switch {
	case e.DeletedAt != nil:
		return ", deleted"
	case e.ArchivedAt != nil:
		return ", archived"
	case string(e.Fields["active"]) == "false":
		return ", not active"
	default:
		return ""
	}
}

// field writes a field that has content, and returns how many lines did not fit.
func (w *writer) field(e *entity.Entity, field *entity.Field, level int) (left int) {
	lines := Lines(e, field)
	if len(lines) == 0 {
		return 0
	}
	heading := strings.Repeat("#", level) + " " + field.Label
	if field.Name == "description" || field.Name == "internalName" {
		heading = ""
	}
	if !w.fits(len(heading) + len(lines[0]) + 2) {
		return len(lines)
	}
	w.line("")
	if heading != "" {
		w.line(heading)
	}
	for i, line := range lines {
		if !w.line(line) {
			return len(lines) - i
		}
	}
	return 0
}

// Lines returns the content of a field as lines of Markdown, none where it is
// empty. Booleans have no lines: the heading of an entity says what matters.
func Lines(e *entity.Entity, field *entity.Field) []string {
	value := e.Fields[field.Name]
	if len(value) == 0 {
		return nil
	}
	switch field.Type {
	case entity.TypeBool, entity.TypeLink, entity.TypeLinks, entity.TypeStrategy:
		return nil
	case entity.TypeText, entity.TypeEnum:
		if text := oneLine(e.Text(field.Name)); text != "" {
			return []string{text}
		}
		return nil
	case entity.TypeTexts, entity.TypeTextOrTexts:
		return bullets(e.Texts(field.Name))
	case entity.TypeQuestions:
		return questions(e.Questions())
	case entity.TypeCustom:
		var custom []struct {
			Title string   `json:"title"`
			Value []string `json:"value"`
		}
		if json.Unmarshal(value, &custom) != nil {
			return nil
		}
		var lines []string
		for _, c := range custom {
			lines = append(lines, fmt.Sprintf("- %s: %s", oneLine(c.Title), oneLine(strings.Join(c.Value, "; "))))
		}
		return lines
	case entity.TypeLists:
		return lists(field, value)
	default:
		if raw := string(value); raw != "null" && raw != "{}" && raw != "[]" && raw != `""` {
			return []string{"```json", raw, "```"}
		}
		return nil
	}
}

func bullets(texts []string) (lines []string) {
	for _, text := range texts {
		if text = oneLine(text); text != "" {
			lines = append(lines, "- "+text)
		}
	}
	return lines
}

// questions lists those that are asked.
func questions(all []entity.Question) (lines []string) {
	for _, q := range all {
		if q.ArchivedAt != nil {
			continue
		}
		answer := "yes speaks for a fit"
		if q.FitType == entity.FitBad {
			answer = "yes speaks against a fit"
		}
		weight := strings.ToLower(q.Weight)
		if q.Weight == entity.WeightInstantDisqualifier {
			weight = "disqualifies"
		}
		line := fmt.Sprintf("- %s (%s, %s)", oneLine(q.Question), answer, weight)
		if rationale := oneLine(q.Rationale); rationale != "" {
			line += " " + rationale
		}
		lines = append(lines, line)
	}
	return lines
}

// lists writes an object of lists, the known keys first, then the others by name.
func lists(field *entity.Field, value []byte) (lines []string) {
	var object map[string][]string
	if json.Unmarshal(value, &object) != nil {
		return nil
	}
	write := func(key string) {
		if items := object[key]; len(items) > 0 {
			lines = append(lines, fmt.Sprintf("- %s: %s", key, oneLine(strings.Join(items, "; "))))
		}
		delete(object, key)
	}
	for _, key := range field.Keys {
		write(key)
	}
	for _, key := range slices.Sorted(maps.Keys(object)) {
		write(key)
	}
	return lines
}

// oneLine joins the lines of a text, so that nothing in it begins a heading or a
// list of the pack.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
