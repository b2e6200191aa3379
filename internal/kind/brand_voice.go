package kind

import "personae.dev/internal/entity"

// brandVoice says how the company writes.
func brandVoice() *entity.Kind {
	title := inData(name("The brand voice's name. Under data it is called title.", `"Plain and warm"`))
	title.DataName = "title"
	about := text("description", "Description", "How the company sounds, in a few sentences.", `"We write as we talk to a customer we like."`)
	about.Required = true
	two := func(name, label, description string, keys ...string) entity.Field {
		return entity.Field{
			Name: name, Type: entity.TypeLists, Keys: keys, Label: label, Description: description,
			Example: `{"` + keys[0] + `":["Clear"],"` + keys[1] + `":["Short"]}`,
		}
	}
	return &entity.Kind{
		Position: 15, Name: "brand-voice", Plural: "brandVoices", Title: "brand voice", Revision: "BrandVoice", Tool: "brand_voice", Prefix: "bv_",
		Example:     "demo-plain-and-warm",
		Icon:        "audio-lines",
		Description: "How your company writes: its personality, tone, words and rules.",
		Order:       "oId name createdAt deletedAt archivedAt updatedAt * data", Shape: 1, Generates: true, GeneratesOne: true, Only: "default",
		Fields: []entity.Field{
			title,
			about,
			text("essence", "Essence", "The voice in one sentence.", `"A colleague who has done it before."`),
			two("personality", "Personality", "Who the company would be as a person.", "coreTraits", "guidingPrinciples"),
			two("tonality", "Tonality", "How it sounds, and how it never sounds.", "soundLike", "neverSoundLike"),
			two("vocabulary", "Vocabulary", "Words to use, and words to replace.", "keyCompanyTerms", "keySubstitutions"),
			two("writingRules", "Writing rules", "Rules of language and form.", "languageRules", "formattingFundamentals"),
			two("audienceConsiderations", "Audience", "Who reads it, and what they expect.", "qualitiesAndCharacteristics", "aspirationsAndBoundaries"),
			customFields(),
			// Two voices change when another one becomes the default, so that it has a
			// call of its own.
			readOnly(flag("default", false, "Default", "Whether it is the voice that is used where none is named.")),
		},
	}
}
