package entity

import (
	"cmp"
	"time"

	"personae.dev/internal/account"
)

// Limits that hold for every kind. Lengths are in characters (Unicode code
// points) unless said otherwise. Field.Max and Field.MaxItems change those of
// a field.
const (
	// MaxTextBytes is how many bytes of UTF-8 all texts of one entity may have
	// together.
	MaxTextBytes = 2 << 20

	MaxText  = 10_000 // of a text, and of an item of a list
	MaxItems = 5_000  // of a list

	MaxCustomFields      = 100
	MaxCustomFieldTitle  = 255
	MaxQuestions         = 100
	MaxQuestion          = 2_000
	MaxRationale         = 10_000
	MaxLinks             = 1_000
	MaxLists             = 100 // keys of an object of lists
	MaxListName          = 255
	MaxUnknown           = 20 // unknown fields that are named
	maxUnknownNameLength = 64 // bytes of such a name that are shown
)

// earliest and latest bound the dates that answers can show. The zero time is no
// date.
var (
	earliest = time.Date(1, 1, 1, 0, 0, 0, 1e6, time.UTC)
	latest   = time.Date(9999, 12, 31, 23, 59, 59, 999e6, time.UTC)
)

// MaxChars is how many characters a text of f, or an item of its list, may
// have; 0 where it has no texts of its own.
func (f *Field) MaxChars() int {
	switch f.Type {
	case TypeText, TypeTexts, TypeTextOrTexts, TypeLists, TypeCustom:
		return cmp.Or(f.Max, MaxText)
	case TypeLink, TypeLinks, TypeStrategy:
		return account.MaxIDLength
	default:
		return 0
	}
}

// MaxCount is how many items the list of f may have; 0 where it is no list. Of
// TypeLists and TypeCustom it is the limit of each inner list.
func (f *Field) MaxCount() int {
	switch f.Type {
	case TypeTexts, TypeTextOrTexts, TypeLists, TypeCustom:
		return cmp.Or(f.MaxItems, MaxItems)
	case TypeLinks, TypeStrategy:
		return cmp.Or(f.MaxItems, MaxLinks)
	case TypeQuestions:
		return cmp.Or(f.MaxItems, MaxQuestions)
	default:
		return 0
	}
}
