package entity

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"personae.dev/internal/errs"
)

// Registry is the kinds of a library, in a fixed order.
type Registry struct {
	kinds []*Kind
}

// NewRegistry returns a registry of the kinds in the order of their positions,
// and panics where a table breaks a rule: it is a mistake in the program.
func NewRegistry(kinds ...*Kind) *Registry {
	r := &Registry{kinds: slices.SortedFunc(slices.Values(kinds), func(a, b *Kind) int { return a.Position - b.Position })}
	if err := r.check(); err != nil {
		panic(err)
	}
	return r
}

// UseIDs lets questions have ids of newID instead of account.NewID, before the
// registry is used.
func (r *Registry) UseIDs(newID func(prefix string) string) {
	for _, k := range r.kinds {
		k.newID = newID
	}
}

// Kinds returns all kinds in order. Do not change it.
func (r *Registry) Kinds() []*Kind { return r.kinds }

// Kind returns the kind of a name, or an Invalid error that lists the names and
// suggests a near one. Names, plurals, titles, revision and tool names are
// known, in any case.
func (r *Registry) Kind(name string) (*Kind, error) {
	var known []string
	for _, k := range r.kinds {
		if k.isNamed(name) {
			return k, nil
		}
		known = append(known, k.names()...)
	}
	names := make([]string, len(r.kinds))
	for i, k := range r.kinds {
		names[i] = k.Name
	}
	if near := Nearest(name, known); near != "" {
		return nil, errs.Invalidf("There is no kind %q; did you mean %s? The kinds are %s.", Shorten(name), near, strings.Join(names, ", "))
	}
	return nil, errs.Invalidf("There is no kind %q. The kinds are %s.", Shorten(name), strings.Join(names, ", "))
}

// Titled returns the kind of personas, the first whose entities have job titles, and
// the name of the field with these; nil where there is none.
func (r *Registry) Titled() (kind *Kind, field string) {
	for _, k := range r.kinds {
		if titles := k.where(func(f *Field) bool { return f.Tier == TierTitle }); len(titles) > 0 {
			return k, titles[0].Name
		}
	}
	return nil, ""
}

// PathPlural is the plural of old paths: "use-cases".
func (k *Kind) PathPlural() string {
	stem, isY := strings.CutSuffix(k.Name, "y")
	switch {
	case isY && !strings.HasSuffix(stem, "a") && !strings.HasSuffix(stem, "e") && !strings.HasSuffix(stem, "o"):
		return stem + "ies"
	default:
		return k.Name + "s"
	}
}

func (k *Kind) names() []string {
	return []string{k.Name, k.PathPlural(), k.Plural, k.Title, k.Revision, k.Tool}
}

func (k *Kind) isNamed(name string) bool {
	return name != "" && slices.ContainsFunc(k.names(), func(known string) bool { return strings.EqualFold(known, name) })
}

// message is what an error tells the caller.
func message(err error) string {
	if e, ok := errors.AsType[*errs.Error](err); ok {
		return e.Message
	}
	return err.Error()
}

// LinkFilter returns what a list of kind filters by where filter (FilterOffering,
// FilterPlaybook) is target; ok is false where nothing can match. An entity
// matches that links to the target, and one that the target links to.
func (r *Registry) LinkFilter(kind *Kind, filter, target string) (_ LinkFilter, ok bool) {
	f := LinkFilter{Target: target}
	for i := range kind.Fields {
		if kind.Fields[i].Filter == filter && kind.Fields[i].isLink() {
			f.Fields = append(f.Fields, kind.Fields[i].Name)
		}
	}
	for _, k := range r.kinds {
		if !r.isTarget(k, filter) {
			continue
		}
		back := k.where(func(field *Field) bool { return field.isLink() && slices.Contains(field.Targets, kind.Name) })
		if len(back) == 0 {
			continue
		}
		f.Kinds = append(f.Kinds, k.Name)
		for _, field := range back {
			if !slices.Contains(f.Back, field.Name) {
				f.Back = append(f.Back, field.Name)
			}
		}
	}
	return f, len(f.Fields) > 0 || len(f.Back) > 0
}

// isTarget tells whether a filter names entities of k.
func (r *Registry) isTarget(k *Kind, filter string) bool {
	for _, other := range r.kinds {
		for i := range other.Fields {
			if f := &other.Fields[i]; f.Filter == filter && f.isLink() && slices.Contains(f.Targets, k.Name) {
				return true
			}
		}
	}
	return false
}

func (f *Field) isLink() bool {
	return f.Type == TypeLink || f.Type == TypeLinks || f.Type == TypeStrategy
}

// WithArticle is the title with its article: "a use case", "an objection".
func (k *Kind) WithArticle() string {
	if k.Title != "" && strings.ContainsRune("aeio", rune(k.Title[0])) {
		return "an " + k.Title
	}
	return "a " + k.Title
}

// LinkFields returns the fields of k that hold ids of other entities.
func (k *Kind) LinkFields() []*Field { return k.where((*Field).isLink) }

var (
	kebab = regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	camel = regexp.MustCompile(`^[a-z][A-Za-z0-9]*$`)
	snake = regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
)

// check returns what is wrong with the tables.
func (r *Registry) check() error {
	var problems []error
	positions, names := map[int]string{}, map[string]string{}
	prefixes := map[string]string{}
	for _, k := range r.kinds {
		problems = append(problems, k.check()...)
		if other := positions[k.Position]; other != "" || k.Position < 1 {
			problems = append(problems, fmt.Errorf("%s: position %d is taken by %q", k.Name, k.Position, other))
		}
		positions[k.Position] = k.Name
		if other := prefixes[k.Prefix]; other != "" || !strings.HasSuffix(k.Prefix, "_") {
			problems = append(problems, fmt.Errorf("%s: prefix %q is taken by %q, or does not end with _", k.Name, k.Prefix, other))
		}
		prefixes[k.Prefix] = k.Name
		for _, name := range k.names() {
			if other := names[strings.ToLower(name)]; other != "" && other != k.Name {
				problems = append(problems, fmt.Errorf("%s: the name %q is taken by %s", k.Name, name, other))
			}
			names[strings.ToLower(name)] = k.Name
		}
	}
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("entity: kinds: %w", err)
	}
	return nil
}

func (k *Kind) check() (problems []error) {
	problem := func(format string, args ...any) {
		problems = append(problems, fmt.Errorf(k.Name+": "+format, args...))
	}
	if !kebab.MatchString(k.Name) || !camel.MatchString(k.Plural) || !snake.MatchString(k.Tool) || k.Title == "" || k.Revision == "" || k.Description == "" {
		problem("a name, the title or the description is missing or malformed")
	}
	if k.Shape < 1 {
		problem("shape must be at least 1")
	}
	if f := k.Field(nameField); f == nil || f.Type != TypeText || f.In != InTop && f.In != InBoth {
		problem("it needs a text field %s at the top", nameField)
	}
	seen := map[string]bool{}
	for i := range k.Fields {
		f := &k.Fields[i]
		for _, key := range []string{f.Name, f.DataKey()} {
			if isFrame(key) || key == keyOID || key == keyData || key == keyKind || !camel.MatchString(key) {
				problem("field %s: the name %q cannot be used", f.Name, key)
			}
		}
		if seen[f.Name] || f.DataKey() != f.Name && seen[f.DataKey()] {
			problem("field %s: the name is taken", f.Name)
		}
		seen[f.Name], seen[f.DataKey()] = true, true
		for _, err := range f.check() {
			problem("field %s: %w", f.Name, err)
		}
	}
	keys := k.AnswerKeys()
	for i, key := range keys {
		switch f := k.Field(key); {
		case slices.Contains(keys[:i], key):
			problem("order: %s occurs twice", key)
		case key == keyOID, key == keyData, isDate(key):
		case f == nil || f.In != InTop && f.In != InBoth:
			problem("order: %s is not a field at the top", key)
		}
	}
	for i := range k.Fields {
		if f := &k.Fields[i]; (f.In == InTop || f.In == InBoth) && !slices.Contains(keys, f.Name) {
			problem("order: %s is missing", f.Name)
		}
	}
	for _, key := range []string{keyOID, keyData, keyCreatedAt, keyUpdatedAt, keyArchivedAt, keyDeletedAt} {
		if !slices.Contains(keys, key) {
			problem("order: %s is missing", key)
		}
	}
	for _, j := range k.Joins {
		if f := k.Field(j.Field); f == nil || f.Type != TypeLink || k.field(j.As) != nil {
			problem("join %s: it needs a field of one link, and a key of its own", j.As)
		}
	}
	if a := k.AlsoLists; a != nil && !slices.ContainsFunc(k.Fields, func(f Field) bool { return f.Type == TypeEnum && f.Filter == a.Param }) {
		problem("also lists: there is no enum with the filter %s", a.Param)
	}
	return problems
}

func (f *Field) check() (problems []error) {
	require := func(holds bool, problem string) {
		if !holds {
			problems = append(problems, errors.New(problem))
		}
	}
	require(f.Label != "" && f.Description != "", "label and description are missing")
	require((f.Type == TypeEnum) == (len(f.Enum) > 0), "an enum, and only it, has values")
	require(f.Type == TypeLists || len(f.Keys) == 0 && !f.Free, "only an object of lists has keys")
	require(f.Type != TypeLists || f.Free || len(f.Keys) > 0, "an object of lists needs keys")
	require(f.isLink() == (len(f.Targets) > 0), "a link, and only it, has targets")
	require(f.Filter == "" || f.Type == TypeEnum || f.isLink(), "only links and enums answer filters")
	require((f.Type == TypeQuestions) == (f.Name == questionsName), "questions are called "+questionsName)
	require(f.Type != TypeQuestions || f.In == InTop, "questions stand at the top")
	require(f.Type != TypeBool || f.Default != "" || f.Null, "a field that is true or false has a default, or is null")
	require(f.Type != TypeStrategy || f.In == Hidden, "a linking strategy is hidden")
	require(!f.Old || f.In == InData && f.Default == "" && !f.Required, "an old field stands in data, and has no default")
	require(f.DataName == "" || f.In == InData || f.In == InBoth, "only a field in data has another name there")
	require(f.In != InBoth || f.Type == TypeText || f.Type == TypeEnum || f.Type == TypeTexts, "only texts stand at the top and in data")
	require(!f.Required || f.Default == "", "a required field has no default")
	require(!f.Null || f.In != InBoth || f.Default == "", "a default is never null")
	for _, value := range []string{f.Default, f.Example} {
		if value == "" {
			continue
		}
		n, broken := parse([]byte(value))
		if broken != nil {
			problems = append(problems, fmt.Errorf("%s %s", value, broken[0].Message))
			continue
		}
		d, v := decoder{}, validator{}
		canonical := d.value(f, n, f.Name)
		v.field(f, canonical, f.Name)
		for _, e := range append(d.Fields(), v.Fields()...) {
			problems = append(problems, fmt.Errorf("%s: %s", value, e))
		}
		if value == f.Default {
			require(string(canonical) == value, "the default is not canonical JSON of its type")
		}
	}
	return problems
}

// Suggest returns the request field of k that is nearest to a name that it does
// not have, "" where none is near.
func (k *Kind) Suggest(name string) string {
	names := []string{keyOID}
	for _, f := range k.RequestFields() {
		names = append(names, f.Name)
		if f.DataName != "" {
			names = append(names, f.DataName)
		}
	}
	return Nearest(name, names)
}

// unknownMessage is the message for an unknown field at a path.
func (k *Kind) unknownMessage(path string) string {
	prefix, name := "", path
	if dot := strings.LastIndexByte(path, '.'); dot >= 0 {
		prefix, name = path[:dot], path[dot+1:]
	}
	if outer := prefix[strings.LastIndexByte(prefix, '.')+1:]; prefix == "" || outer == keyData || slices.Contains(k.Nest, outer) || strings.HasPrefix(outer, "data[") || strings.HasPrefix(outer, "[") {
		if near := k.Suggest(name); near != "" {
			return "unknown field; did you mean " + near + "?"
		}
		return fmt.Sprintf("unknown field of %s: remove it", k.WithArticle())
	}
	return "unknown field: remove it"
}

// Nearest returns the known name that is nearest to a name, "" where none is
// near.
func Nearest(name string, known []string) string {
	best, bestDistance := "", -1
	wanted := plainName(name)
	if len(wanted) < 2 || len(wanted) > maxUnknownNameLength {
		return ""
	}
	for _, k := range known {
		plain := plainName(k)
		distance := editDistance(wanted, plain)
		if distance > (len(wanted)+1)/3 {
			if len(wanted) < 5 || !strings.Contains(plain, wanted) && !strings.Contains(wanted, plain) {
				continue
			}
			distance += len(wanted) // worse than a near one
		}
		if bestDistance < 0 || distance < bestDistance {
			best, bestDistance = k, distance
		}
	}
	return best
}

// plainName makes names comparable that differ in case and separators.
func plainName(name string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "").Replace(name))
}

// editDistance is how many bytes must be added, removed or replaced to make b of
// a.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
