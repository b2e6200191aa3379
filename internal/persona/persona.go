// Package persona is the domain, and reads as the product's dictionary: what a
// persona, a workspace, a key and an error are, which limits they have, and the
// ports through which the rest of the house is reached.
//
// It decides nothing about use (that is library), and knows neither SQL, HTTP
// nor JSON.
package persona

import (
	"slices"
	"time"
)

// Persona describes one kind of person whom a team sells to.
//
// A Persona handed out by a Store or kept in a cache is shared: treat it as
// read-only.
type Persona struct {
	// WorkspaceOID is the owner. A persona's id is unique within it only.
	WorkspaceOID string
	OID          string
	// Author is the user who made the persona.
	Author User

	Name         string
	InternalName *string
	Description  *string

	PrimaryResponsibilities []string
	PainPoints              []string
	KeyConcerns             []string
	KeyObjectives           []string
	CommonJobTitles         []string
	WhyTheyMatterToUs       []string
	WhyWeMatterToThem       []string
	CustomFields            []CustomField
	BuyingRole              []string
	QualifyingQuestions     []QualifyingQuestion

	Links Links

	// Active tells that the persona can be used.
	Active bool
	// Unrecognized tells that the persona was not recognised.
	Unrecognized bool
	// Rejected tells that the persona was rejected.
	Rejected bool

	// All times are UTC, to the millisecond.
	CreatedAt time.Time
	UpdatedAt time.Time
	// ArchivedAt and DeletedAt are nil unless the persona is archived, deleted.
	ArchivedAt *time.Time
	DeletedAt  *time.Time
}

// CustomField is a titled list of the workspace's own.
type CustomField struct {
	Title string
	Value []string
}

// QualifyingQuestion is a yes/no question that tells a good fit from a bad one.
type QualifyingQuestion struct {
	// OID is unique in the persona, and stays when the question is changed.
	OID       string
	Question  string
	Rationale string
	FitType   FitType
	Weight    Weight
	// ArchivedAt is set on a question that is kept, and not asked.
	ArchivedAt *time.Time
}

// FitType says whose answer to a qualifying question is yes.
type FitType string

// The fit types.
const (
	FitGood FitType = "GOOD" // a good fit answers yes
	FitBad  FitType = "BAD"  // a bad fit answers yes
)

// Weight says how much the answer to a qualifying question counts.
type Weight string

// The weights.
const (
	WeightLow                 Weight = "LOW"
	WeightMedium              Weight = "MEDIUM"
	WeightHigh                Weight = "HIGH"
	WeightInstantDisqualifier Weight = "INSTANT_DISQUALIFIER"
)

// NamedList is one list of a persona and the name that it has in the API.
type NamedList struct {
	Name  string
	Items *[]string
}

// Lists returns the lists of text of p, in the API's order. The pointers lead
// into p.
func (p *Persona) Lists() []NamedList {
	return []NamedList{
		{"primaryResponsibilities", &p.PrimaryResponsibilities},
		{"painPoints", &p.PainPoints},
		{"keyConcerns", &p.KeyConcerns},
		{"keyObjectives", &p.KeyObjectives},
		{"commonJobTitles", &p.CommonJobTitles},
		{"whyTheyMatterToUs", &p.WhyTheyMatterToUs},
		{"whyWeMatterToThem", &p.WhyWeMatterToThem},
		{"buyingRole", &p.BuyingRole},
	}
}

// Equal tells whether p and q are the same persona with the same content. The
// author counts by id only, and an absent list is the same as an empty one.
func (p *Persona) Equal(q *Persona) bool {
	lists, others := p.Lists(), q.Lists()
	for i := range lists {
		if !slices.Equal(*lists[i].Items, *others[i].Items) {
			return false
		}
	}
	return p.WorkspaceOID == q.WorkspaceOID && p.OID == q.OID && p.Author.OID == q.Author.OID &&
		p.Name == q.Name && equalValue(p.InternalName, q.InternalName) && equalValue(p.Description, q.Description) &&
		p.Active == q.Active && p.Unrecognized == q.Unrecognized && p.Rejected == q.Rejected &&
		p.CreatedAt.Equal(q.CreatedAt) && p.UpdatedAt.Equal(q.UpdatedAt) &&
		equalTime(p.ArchivedAt, q.ArchivedAt) && equalTime(p.DeletedAt, q.DeletedAt) && p.Links.equal(q.Links) &&
		slices.EqualFunc(p.CustomFields, q.CustomFields, func(a, b CustomField) bool {
			return a.Title == b.Title && slices.Equal(a.Value, b.Value)
		}) &&
		slices.EqualFunc(p.QualifyingQuestions, q.QualifyingQuestions, func(a, b QualifyingQuestion) bool {
			return a.OID == b.OID && a.Question == b.Question && a.Rationale == b.Rationale && a.FitType == b.FitType &&
				a.Weight == b.Weight && equalTime(a.ArchivedAt, b.ArchivedAt)
		})
}

func equalValue[T comparable](a, b *T) bool {
	return a == b || a != nil && b != nil && *a == *b
}

func equalTime(a, b *time.Time) bool {
	return a == b || a != nil && b != nil && a.Equal(*b)
}
