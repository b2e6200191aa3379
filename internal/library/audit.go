package library

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/match"
	"personae.dev/internal/search"
)

// Severity is how bad a finding is, and what it is about.
type Severity string

// The severities, the worst first.
const (
	SeverityCritical Severity = "critical"
	SeverityWarning  Severity = "warning"
	SeverityLanguage Severity = "language"
	SeverityQuestion Severity = "question"
	SeverityInfo     Severity = "info"
)

// Deduction is what findings of a severity take from the score: Each one, and
// Most all together.
type Deduction struct {
	Severity   Severity
	Each, Most int
}

// Deductions returns those of all severities, the worst first.
func Deductions() []Deduction {
	return []Deduction{
		{SeverityCritical, 15, 45}, {SeverityWarning, 5, 30}, {SeverityLanguage, 3, 15}, {SeverityQuestion, 3, 15}, {SeverityInfo, 1, 10},
	}
}

// MaxFindings is how many findings Audit returns at most.
const MaxFindings = 1000

// Finding is something in a library that could be better.
type Finding struct {
	// Rule names what was looked for: "empty_field".
	Rule     string
	Severity Severity
	// Entity is the one that is meant, and Others are those that it is compared
	// with.
	Entity entity.Named
	Others []entity.Named
	// Field is the name of the field that is meant, "" for none.
	Field string
	// Message says what is wrong, and Fix what to do.
	Message, Fix string
}

// Audited is what an audit found.
type Audited struct {
	// Score is 100 for a library without findings: see Deductions.
	Score int
	// Counts has how many findings of each severity there are.
	Counts map[Severity]int
	// Findings is a page of them, the worst first.
	Findings []Finding
	Total    int
	HasNext  bool
}

// Audit looks through the library of the caller's workspace, archived and deleted
// entities left out: what is empty, old, doubled, linked to nothing or claimed
// twice. It changes nothing, and the same library has the same findings.
func (l *Library) Audit(ctx context.Context, c Caller, limit, offset int, form ...errs.Field) (*Audited, error) {
	if err := require(c, account.ScopeRead); err != nil {
		return nil, err
	}
	var list errs.List
	list.AddAll(form)
	if limit < 1 || limit > MaxFindings {
		list.Add("limit", "is %d: use 1 to %d", limit, MaxFindings)
	}
	if offset < 0 {
		list.Add("offset", "is %d: use 0 or more", offset)
	}
	if err := list.Err(); err != nil {
		return nil, err
	}
	a := &audit{Library: l, now: l.now(), there: map[string][]string{}, claims: map[string][]entity.Named{}}
	for _, k := range l.registry.Kinds() {
		if err := a.read(ctx, c.Workspace.OID, k); err != nil {
			return nil, err
		}
	}
	a.links()
	a.duplicates()
	a.claimed()
	return a.result(limit, offset), nil
}

// audit is one audit under way. It keeps little of each entity.
type audit struct {
	*Library
	now      time.Time
	entities []audited
	// there has the kinds of the entities with an id.
	there map[string][]string
	// claims has the personas that list a title, by the folded title.
	claims   map[string][]entity.Named
	findings []Finding
}

// audited is what an audit keeps of an entity.
type audited struct {
	entity.Named
	kind  *entity.Kind
	links []entity.Link
	name  string // folded
	words []uint32
}

// read looks at the entities of a kind, one by one.
func (a *audit) read(ctx context.Context, workspace string, k *entity.Kind) error {
	for row, err := range a.store.All(ctx, workspace, k.Name) {
		if err != nil {
			return err
		}
		if row.ArchivedAt != nil || row.DeletedAt != nil {
			continue
		}
		e, err := k.Load(row)
		if err != nil {
			return err
		}
		n := entity.Named{Kind: k.Name, OID: e.OID, Name: row.Name}
		kept := audited{Named: n, kind: k, links: k.Links(e), name: search.Fold(row.Name), words: wordsOf(k, e)}
		a.entities = append(a.entities, kept)
		a.there[e.OID] = append(a.there[e.OID], k.Name)
		a.content(k, n, e)
		a.questions(k, n, e)
		a.language(k, n, e)
		if k == a.titled {
			a.titlesOf(n, e)
		}
	}
	return nil
}

func (a *audit) add(s Severity, rule string, n entity.Named, field, message, fix string, others ...entity.Named) {
	a.findings = append(a.findings, Finding{Rule: rule, Severity: s, Entity: n, Others: others, Field: field, Message: message, Fix: fix})
}

const (
	// shortDescription is how many characters a description needs at least.
	shortDescription = 51
	// oldAfter is when an entity is looked at again.
	oldAfter = 90 * 24 * time.Hour
)

// content looks at kinds that have fields which are expected.
func (a *audit) content(k *entity.Kind, n entity.Named, e *entity.Entity) {
	expects := false
	for i := range k.Fields {
		f := &k.Fields[i]
		if !f.Expected {
			continue
		}
		expects = true
		if len(e.Texts(f.Name)) == 0 {
			a.add(SeverityCritical, "empty_field", n, f.Name, f.Label+" is empty.", "Write at least one line: "+lowerFirst(f.Description))
		}
	}
	if !expects {
		return
	}
	if length := utf8.RuneCountInString(e.Text("description")); length < shortDescription {
		a.add(SeverityWarning, "short_description", n, "description",
			fmt.Sprintf("The description has %d characters.", length), "Say in a few sentences who it is, in more than 50 characters.")
	}
	if age := a.now.Sub(e.UpdatedAt); age > oldAfter {
		a.add(SeverityInfo, "old", n, "", fmt.Sprintf("Nobody changed it for %d days.", int(age.Hours()/24)), "Read it again, and change what is not true any more.")
	}
}

func lowerFirst(s string) string {
	_, size := utf8.DecodeRuneInString(s)
	return strings.ToLower(s[:size]) + s[size:]
}

// questions looks at the qualifying questions that are asked.
func (a *audit) questions(k *entity.Kind, n entity.Named, e *entity.Entity) {
	f := k.QuestionsField()
	if f == nil {
		return
	}
	questions := slices.DeleteFunc(e.Questions(), func(q entity.Question) bool { return q.ArchivedAt != nil })
	add := func(rule, message, fix string) { a.add(SeverityQuestion, rule, n, f.Name, message, fix) }
	if len(questions) == 0 {
		if k == a.titled {
			add("no_questions", "It has no qualifying questions.", "Write questions with yes or no as answer that tell a good fit from a bad one.")
		}
		return
	}
	bad, mixed, bare := false, false, 0
	for _, q := range questions {
		bad = bad || q.FitType == entity.FitBad
		mixed = mixed || q.Weight != questions[0].Weight
		if strings.TrimSpace(q.Rationale) == "" {
			bare++
		}
	}
	if !mixed && len(questions) > 1 {
		add("same_weights", "All questions have the weight "+questions[0].Weight+".", "Give those that decide a higher weight than the others.")
	}
	if !bad {
		add("no_bad_question", "No question speaks against a fit.", "Add a question with fitType "+entity.FitBad+": what tells that somebody does not fit?")
	}
	if bare > 0 {
		add("no_rationale", fmt.Sprintf("%d of %d questions have no rationale.", bare, len(questions)), "Say for each why the answer matters.")
	}
}

// language looks for texts that nobody has finished.
func (a *audit) language(k *entity.Kind, n entity.Named, e *entity.Entity) {
	for i := range k.Fields {
		f := &k.Fields[i]
		var texts []string
		switch f.Type {
		case entity.TypeText:
			texts = []string{e.Text(f.Name)}
		case entity.TypeTexts:
			texts = e.Texts(f.Name)
		default:
			continue
		}
		seen := map[string]bool{}
		for _, text := range texts {
			folded := strings.Join(search.Words(text), " ")
			if isPlaceholder(text) {
				a.add(SeverityLanguage, "placeholder", n, f.Name, fmt.Sprintf("%s has a placeholder: %q.", f.Label, shortened(text)), "Write what is meant, or remove it.")
			}
			if folded != "" && seen[folded] && len(texts) > 1 {
				a.add(SeverityLanguage, "said_twice", n, f.Name, fmt.Sprintf("%s says the same twice: %q.", f.Label, shortened(text)), "Remove one of both.")
			}
			seen[folded] = true
		}
	}
}

// isPlaceholder tells whether a text stands for one that is still to be written.
func isPlaceholder(text string) bool {
	words := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\n.,:;!?()[]<>{}", r) })
	for i, w := range words {
		if w == "TODO" || w == "TBD" || w == "FIXME" || strings.EqualFold(w, "lorem") && i+1 < len(words) && strings.EqualFold(words[i+1], "ipsum") {
			return true
		}
	}
	return false
}

func shortened(text string) string {
	const most = 60
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most]) + "…"
}

// titlesOf notes the titles of a persona.
func (a *audit) titlesOf(n entity.Named, e *entity.Entity) {
	titles := e.Texts(a.titlesField)
	if len(titles) == 0 {
		a.add(SeverityWarning, "no_titles", n, a.titlesField, "It has no job titles, so that people are matched by its name alone.", "Add the titles that such people have.")
	}
	for _, title := range titles {
		folded := match.Fold(title)
		if by := a.claims[folded]; folded != "" && (len(by) == 0 || by[len(by)-1].OID != n.OID) {
			a.claims[folded] = append(by, n)
		}
	}
}

// claimed looks for titles that two personas list.
func (a *audit) claimed() {
	for title, by := range a.claims {
		if len(by) > 1 {
			a.add(SeverityWarning, "claimed_twice", by[0], a.titlesField,
				fmt.Sprintf("The title %q is listed by %d personas.", title, len(by)), "Keep it with the one that people with this title are, and remove it from the others.", by[1:]...)
		}
	}
}

// links looks at what entities are linked to.
func (a *audit) links() {
	all := false                // a persona is linked to all offerings
	paired := map[string]bool{} // ids of personas and offerings that are linked with one another
	for i := range a.entities {
		e := &a.entities[i]
		for _, link := range e.links {
			f := e.kind.Field(link.Field)
			toOffering, toPersona := e.kind == a.titled && f.Filter == entity.FilterOffering, a.titled != nil && slices.Contains(f.Targets, a.titled.Name)
			if link.Target == entity.LinkAll {
				all = all || toOffering
				paired[e.OID] = paired[e.OID] || toOffering
				continue
			}
			if !slices.ContainsFunc(a.there[link.Target], func(kind string) bool { return slices.Contains(f.Targets, kind) }) {
				a.add(SeverityWarning, "dead_link", e.Named, link.Field,
					fmt.Sprintf("%s names %s, which is not in the library, or archived or deleted.", f.Label, link.Target), "Name another one, or remove the link.")
			} else if toOffering || toPersona && a.isOffering(e.Kind) {
				paired[e.OID], paired[link.Target] = true, true
			}
		}
	}
	for i := range a.entities {
		e := &a.entities[i]
		switch {
		case e.kind == a.titled && !paired[e.OID]:
			a.add(SeverityWarning, "no_offering", e.Named, "", "It is linked to no offering.", "Set linkingStrategy, or link it to what such people buy.")
		case a.isOffering(e.Kind) && !all && !paired[e.OID]:
			a.add(SeverityWarning, "offering_without_persona", e.Named, "", "No persona is linked to it.", "Link the personas that buy it, or link one to all offerings.")
		}
	}
}

const (
	// similarFrom is the part of their words that near-duplicates have in common.
	similarFrom = 0.7
	// fewWords is how many words an entity needs to be compared.
	fewWords = 12
	// bands and bandRows say how candidates are found: those whose smallest hashes
	// are the same in one band. Of pairs that have similarFrom in common, 99 of 100
	// are found.
	bands, bandRows = 20, 4
	// mostCompared is how many candidates are compared with one another.
	mostCompared = 50
)

// wordsOf returns the hashes of the words of an entity, sorted.
func wordsOf(k *entity.Kind, e *entity.Entity) []uint32 {
	t := k.Texts(e)
	var hashes []uint32
	for _, texts := range [][]string{t.Names, t.Titles, t.Rest} {
		for _, text := range texts {
			for _, word := range search.Words(text) {
				h := fnv.New32a()
				_, _ = h.Write([]byte(word))
				hashes = append(hashes, h.Sum32())
			}
		}
	}
	slices.Sort(hashes)
	return slices.Compact(hashes)
}

// duplicates looks for entities of one kind that have a name or most words in
// common. Each is told of once, with the one that was added first.
func (a *audit) duplicates() {
	names, near := map[string][]int{}, map[string][]int{}
	for i := range a.entities {
		e := &a.entities[i]
		names[e.Kind+" "+e.name] = append(names[e.Kind+" "+e.name], i)
		if len(e.words) >= fewWords {
			for band, key := range signature(e.words) {
				key := fmt.Sprint(e.Kind, band, key)
				near[key] = append(near[key], i)
			}
		}
	}
	of := map[int]int{} // the entity that one is a duplicate of
	for _, with := range near {
		with = with[:min(mostCompared, len(with))]
		for i, x := range with {
			for _, y := range with[i+1:] {
				if first, ok := of[y]; ok && first <= x {
					continue
				}
				if inCommon(a.entities[x].words, a.entities[y].words) >= similarFrom {
					of[y] = x
				}
			}
		}
	}
	for _, with := range names {
		for _, y := range with[1:] {
			of[y] = with[0]
		}
	}
	for y, x := range of {
		first, second := &a.entities[x], &a.entities[y]
		how := fmt.Sprintf("%.0f%% of its words are those of", 100*inCommon(first.words, second.words))
		if first.name == second.name {
			how = "It has the same name as"
		}
		a.add(SeverityWarning, "near_duplicate", second.Named, "", fmt.Sprintf("%s another %s, %q.", how, first.kind.Title, first.Name),
			"Merge both into one, or say in each what makes it differ.", first.Named)
	}
}

// signature returns the bands of the MinHash of words.
func signature(words []uint32) (keys [bands][bandRows]uint32) {
	for band := range bands {
		for row := range bandRows {
			seed := uint32(band*bandRows+row)*0x9e3779b9 + 1
			least := uint32(1<<32 - 1)
			for _, w := range words {
				h := (w ^ seed) * 0x85ebca6b
				h ^= h >> 13
				h *= 0xc2b2ae35
				h ^= h >> 16
				least = min(least, h)
			}
			keys[band][row] = least
		}
	}
	return keys
}

// inCommon returns the part of the words of both that both have.
func inCommon(a, b []uint32) float64 {
	both := 0
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] == b[j]:
			both++
			i++
			j++
		case a[i] < b[j]:
			i++
		default:
			j++
		}
	}
	return float64(both) / float64(len(a)+len(b)-both)
}

// result sorts the findings, and returns a page of them with the score of all.
func (a *audit) result(limit, offset int) *Audited {
	order, position := map[Severity]int{}, map[string]int{}
	for i, d := range Deductions() {
		order[d.Severity] = i
	}
	for i, k := range a.registry.Kinds() {
		position[k.Name] = i
	}
	slices.SortFunc(a.findings, func(x, y Finding) int {
		return cmp.Or(
			order[x.Severity]-order[y.Severity], position[x.Entity.Kind]-position[y.Entity.Kind], strings.Compare(x.Rule, y.Rule),
			strings.Compare(x.Entity.Name, y.Entity.Name), strings.Compare(x.Entity.OID, y.Entity.OID),
			strings.Compare(x.Field, y.Field), strings.Compare(x.Message, y.Message),
		)
	})
	r := &Audited{Score: 100, Counts: map[Severity]int{}, Total: len(a.findings)}
	for i := range a.findings {
		r.Counts[a.findings[i].Severity]++
	}
	for _, d := range Deductions() {
		r.Score -= min(d.Most, d.Each*r.Counts[d.Severity])
	}
	r.Score = max(0, r.Score)
	from := min(offset, len(a.findings))
	r.Findings = a.findings[from:min(from+limit, len(a.findings))]
	r.HasNext = from+len(r.Findings) < r.Total
	return r
}
