package apitype

import "encoding/json"

// Lead is what is known of a person and of their company; each field may be
// empty. A server stores nothing of it.
type Lead struct {
	FirstName       string `json:"firstName,omitempty"`
	LastName        string `json:"lastName,omitempty"`
	Email           string `json:"email,omitempty"`
	JobTitle        string `json:"jobTitle,omitempty"`
	LinkedInProfile string `json:"linkedInProfile,omitempty"`
	CompanyName     string `json:"companyName,omitempty"`
	CompanyDomain   string `json:"companyDomain,omitempty"`
}

// GivenAnswer is what a caller knows of a qualifying question.
type GivenAnswer struct {
	// Question is the text of the question, or its id.
	Question string `json:"question"`
	// Answer is YES, NO or UNKNOWN.
	Answer   string `json:"answer"`
	Evidence string `json:"evidence,omitempty"`
}

// QualifyRequest asks how well a person fits a persona.
type QualifyRequest struct {
	Person Lead `json:"person"`
	// PersonaOID names the persona, and Persona is one that is not stored, in place
	// of it. Without both it is the one that the job title belongs to.
	PersonaOID string          `json:"personaOId,omitempty"`
	Persona    json.RawMessage `json:"persona,omitempty"`
	Answers    []GivenAnswer   `json:"answers,omitempty"`
	// RuntimeContext is what else is known; a text, or any JSON.
	RuntimeContext any `json:"runtimeContext,omitempty"`
	// WithoutModel asks no model, though the server has one.
	WithoutModel bool `json:"withoutModel,omitempty"`
	// Explain answers each step of the score.
	Explain bool `json:"explain,omitempty"`
}

// Qualified is how well a person or a company fits.
type Qualified struct {
	// Found tells whether there was something to go on; Message says what is missing
	// where not.
	Found   bool          `json:"found"`
	Message string        `json:"message"`
	Data    Qualification `json:"data"`
}

// Qualification has the sections that were asked for; the others are nil.
type Qualification struct {
	// Score is the mean of the sections that count, nil where none has one.
	Score     *float64          `json:"score"`
	Rationale string            `json:"rationale"`
	Product   *QualifiedSection `json:"product,omitempty"`
	Persona   *QualifiedSection `json:"persona,omitempty"`
	Segment   *QualifiedSection `json:"segment,omitempty"`
	Playbook  *QualifiedSection `json:"playbook,omitempty"`
	Motion    *QualifiedSection `json:"motion,omitempty"`
	Person    *QualifiedPerson  `json:"person,omitempty"`
	Company   *QualifiedCompany `json:"company,omitempty"`
	Model     ModelUse          `json:"model"`
}

// QualifiedSection is one entity of the library, with its questions. Without an
// entity its fields are nil, and Message says why.
type QualifiedSection struct {
	Message       string               `json:"message"`
	OID           *string              `json:"oId"`
	Name          *string              `json:"name"`
	Description   *string              `json:"description"`
	Qualification SectionQualification `json:"qualification"`
}

// SectionQualification is the score of a section. See docs/scoring.md.
type SectionQualification struct {
	Answers []QualifiedAnswer `json:"answers"`
	// Score is 1 to 10, nil where no question is answered.
	Score     *float64 `json:"score"`
	Rationale string   `json:"rationale"`
	// Coverage is the part of the questions that are answered, by weight, and Band
	// STRONG, PARTIAL, POOR or UNKNOWN.
	Coverage float64 `json:"coverage"`
	Band     string  `json:"band"`
	// Steps explain the score, where that was asked for.
	Steps []ScoreStep `json:"steps,omitempty"`
}

// QualifiedAnswer is a question with its answer.
type QualifiedAnswer struct {
	// Answer is Yes, No or Unknown, and Confidence HIGH, MEDIUM or LOW.
	Answer     string `json:"answer"`
	Rationale  string `json:"rationale"`
	Confidence string `json:"confidence"`
	Question   string `json:"question"`
	// FitType and Weight are those of the question.
	FitType string `json:"fitType"`
	Weight  string `json:"weight"`
}

// ScoreStep is one step of a score: a question, or with an empty Question the sum.
type ScoreStep struct {
	Question string `json:"question"`
	Text     string `json:"text"`
	Hits     int    `json:"hits"`
	Counted  int    `json:"counted"`
}

// QualifiedPerson repeats what the request says of the person.
type QualifiedPerson struct {
	FirstName  string           `json:"firstName"`
	LastName   string           `json:"lastName"`
	Title      string           `json:"title"`
	ProfileURL string           `json:"profileUrl"`
	Company    QualifiedCompany `json:"company"`
}

// QualifiedCompany repeats what the request says of the company.
type QualifiedCompany struct {
	Name   string `json:"name"`
	Domain string `json:"domain"`
}

// ModelUse says what a language model was asked.
type ModelUse struct {
	// Name is "" where the server has no model.
	Name string `json:"name"`
	// Questions is how many were left open for it, and Tokens about how many tokens
	// it takes to ask them.
	Questions int  `json:"questions"`
	Tokens    int  `json:"tokens"`
	Asked     bool `json:"asked"`
}
