package match

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxTitle is how many bytes of a title are read. Longer ones are no titles.
const maxTitle = 300

// A token is a word of a title, folded, and what separates it from the one
// before it.
type token struct {
	text string
	sep  separator
}

// A separator stands between two tokens.
type separator byte

const (
	space separator = iota
	comma
	slash
	part // begins another part of the title: | • - ; and parentheses
)

// Fold returns a title without what does not tell it from others: case,
// accents, punctuation and endings for both genders. It is empty for what is no
// title.
func Fold(title string) string { return joinedKey(tokenize(title)) }

// letters replaces letters that have no decomposition.
//
//nolint:gochecknoglobals // never changed: Go has no constants of this type
var letters = strings.NewReplacer("ß", "ss", "æ", "ae", "œ", "oe", "ø", "o", "ł", "l", "đ", "d", "ı", "i", "’", "'", "‘", "'", "`", "'", "´", "'")

// fold returns s in lower case and without accents.
func fold(s string) string {
	if len(s) > maxTitle {
		s = s[:maxTitle]
	}
	ascii := true
	for i := range len(s) {
		if s[i] >= 0x80 {
			ascii = false
			break
		}
	}
	if ascii {
		return strings.ToLower(s)
	}
	s = letters.Replace(strings.ToLower(strings.ToValidUTF8(s, " ")))
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range norm.NFKD.String(s) {
		if !unicode.Is(unicode.Mn, r) {
			b.WriteRune(r)
		}
	}
	return letters.Replace(strings.ToLower(b.String()))
}

// Endings of words that name both genders, and notes such as (m/w/d).
var (
	genderNote   = regexp.MustCompile(`[(\[]\s*(?:[mwfdxhinav]\s*[/|,*]\s*)+[mwfdxhinav]\s*[)\]]|[(\[]\s*(?:all genders|alle geschlechter|gn|tous genres)\s*[)\]]|\b[mwfhd]/[mwfhd](?:/[mwfdxv])?(?:\s|$)`)
	genderEnding = regexp.MustCompile(`([a-z]{3})(?:[*:_·•]-?(?:innen|in|trice|rice|euse|ere|ne|e|a|as|ora|x)|/-?(?:innen|in|trice|rice|euse|ere|ne|e|a|ora)|\((?:-?in|-?innen|trice|rice|euse|e|a|ora)\))(\s|$|[,.)|/-])`)
	adInterim    = regexp.MustCompile(`(?:^|[\s(,])a\. ?i\.?(?:$|[\s),])`)
)

// ungendered removes what a title says for both genders.
func ungendered(s string) string {
	if !strings.ContainsAny(s, "*:_/·•[|") && !hasShortNote(s) {
		return s
	}
	s = genderNote.ReplaceAllString(s, " ")
	return genderEnding.ReplaceAllString(s, "$1$2")
}

// hasShortNote tells whether something short stands in parentheses.
func hasShortNote(s string) bool {
	for {
		_, rest, ok := strings.Cut(s, "(")
		if !ok {
			return false
		}
		if end := strings.IndexByte(rest, ')'); end >= 0 && end <= len("alle geschlechter") {
			if end <= len("trice") || rest[0] == 'a' || rest[0] == 't' || strings.ContainsAny(rest[:end], "/|,*") {
				return true
			}
		}
		s = rest
	}
}

// tokenize folds a title and splits it into tokens.
func tokenize(title string) []token { return appendTokens(make([]token, 0, 8), title) }

// appendTokens is tokenize that appends.
func appendTokens(tokens []token, title string) []token {
	if (strings.Contains(title, "a.i") || strings.Contains(title, "a. i")) && adInterim.MatchString(title) {
		title = adInterim.ReplaceAllString(title, " interim ")
	}
	s := ungendered(fold(title))
	sep := space
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case wordAt(s, i) > 0:
			j := i
			for n := wordAt(s, j); n > 0; n = wordAt(s, j) {
				j += n
			}
			// Letters with dots are one word (v.p.), as are letters with an
			// ampersand (R&D, FP&A).
			if j-i == 1 && j < len(s) && s[j] == '.' {
				if word, end := dotted(s, i); end > j+1 {
					tokens, sep = append(tokens, token{word, sep}), space
					i = end
					continue
				}
			}
			if j-i <= 2 && j+1 < len(s) && (s[j] == '&' || s[j] == '+') && isWord(s[j+1]) && (j+2 == len(s) || !isWord(s[j+2])) {
				j += 2
			}
			tokens, sep = append(tokens, token{s[i:j], sep}), space
			i = j
			continue
		case c == ' ' && i+2 < len(s) && s[i+1] == '-' && s[i+2] == ' ':
			sep, i = max(sep, part), i+2
		case c == ' ' || c == '.' || c == '\'' || c == '-' || c == '_' || c == '"':
		case c == ',':
			sep = max(sep, comma)
		case c == '&' || c == '+':
			tokens, sep = append(tokens, token{"and", sep}), space
		case c == '/':
			sep = max(sep, slash)
		case c == '@':
			tokens, sep = append(tokens, token{"@", sep}), space
		default:
			// Dashes, bars, parentheses, bullets, emoji and the like.
			sep = part
		}
		i++
	}
	return tokens
}

// dotted reads single letters that are followed by dots, from i on.
func dotted(s string, i int) (word string, end int) {
	var b strings.Builder
	for i+1 < len(s) && isWord(s[i]) && s[i+1] == '.' {
		b.WriteByte(s[i])
		i += 2
		for i+2 < len(s) && s[i] == ' ' && isWord(s[i+1]) && s[i+2] == '.' {
			i++
		}
	}
	if i < len(s) && isWord(s[i]) && (i+1 == len(s) || !isWord(s[i+1])) {
		b.WriteByte(s[i])
		i++
	}
	return b.String(), i
}

// wordAt returns how many bytes the letter or digit at i has, of any script; 0 is
// none.
func wordAt(s string, i int) int {
	if i < len(s) && s[i] < utf8.RuneSelf && isWord(s[i]) {
		return 1
	}
	if r, n := utf8.DecodeRuneInString(s[i:]); r >= utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)) {
		return n
	}
	return 0
}

func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '#'
}

// singular cuts the plural ending of an English word. It need not be right, but
// the same for all: dictionaries and titles go through it.
func singular(w string) string {
	n := len(w)
	switch {
	case n < 4 || w[n-1] != 's' || w[n-2] == 's' || w[n-2] == 'u' || w[n-2] == 'i':
		return w
	case n > 4 && w[n-3:] == "ies":
		return w[:n-3] + "y"
	case n > 5 && (w[n-4:] == "sses" || w[n-4:] == "ches" || w[n-4:] == "shes") || n > 4 && w[n-3:] == "xes":
		return w[:n-2]
	}
	return w[:n-1]
}
