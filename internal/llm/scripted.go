package llm

import (
	"context"
	"encoding/json"
	"os"
	"regexp"
	"strconv"
	"strings"

	"personae.dev/internal/errs"
)

// script is a model whose answers stand in a file, for tests and demos: the same
// request has the same answer, and nothing leaves the machine.
//
// A line of the file is a JSON object; empty lines and those that begin with #
// do not count. The first line that fits a request answers it.
type script struct{ lines []scriptLine }

type scriptLine struct {
	// Purpose, Contains, Match and Turn say which requests the line is for: all
	// that are set must fit.
	Purpose  string   `json:"purpose"`
	Contains []string `json:"contains"` // texts of the prompt
	Match    string   `json:"match"`    // a regular expression for the prompt
	Turn     int      `json:"turn"`     // 2 is the repair

	// Answer is what the model says: a JSON value, or a text with anything in
	// it. In both, $1 is the first group of Match, and so on.
	Answer json.RawMessage `json:"answer"`
	Text   string          `json:"text"`
	// Error is "refused", "filtered", "cut_off" or "unreachable".
	Error string `json:"error"`
	Usage struct {
		Input  int `json:"input"`
		Output int `json:"output"`
	} `json:"usage"`

	match *regexp.Regexp
}

// loadScript reads the file of a scripted model.
func loadScript(path string) (*script, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, errs.BadSettingf("The script of the model cannot be read: %v", err)
	}
	s := &script{}
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		var l scriptLine
		decoder := json.NewDecoder(strings.NewReader(line))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&l); err != nil {
			return nil, errs.BadSettingf("%s:%d: %v", path, n, err)
		}
		if l.match, err = regexp.Compile(l.Match); err != nil {
			return nil, errs.BadSettingf("%s:%d: %v", path, n, err)
		}
		s.lines = append(s.lines, l)
	}
	return s, nil
}

func (*script) modes() []Mode { return []Mode{ModeSchema} }

func (s *script) turn(_ context.Context, t turn) (*answer, error) {
	t.call.Tries++
	prompt := t.messages[0].Content
	number := (len(t.messages) + 1) / 2
	for i := range s.lines {
		if l := &s.lines[i]; l.fits(t.request.Purpose, prompt, number) {
			return l.answer(prompt)
		}
	}
	return nil, fail(CodeUnreachable, nil, "The script of the model has no answer for this request (%s).", shorten(t.request.Purpose))
}

// fits tells whether the line is for a request.
func (l *scriptLine) fits(purpose, prompt string, number int) bool {
	if l.Purpose != "" && l.Purpose != purpose || l.Turn != 0 && l.Turn != number || !l.match.MatchString(prompt) {
		return false
	}
	for _, c := range l.Contains {
		if !strings.Contains(prompt, c) {
			return false
		}
	}
	return true
}

// answer is what the line says.
func (l *scriptLine) answer(prompt string) (*answer, error) {
	switch l.Error {
	case "":
	case "refused":
		return nil, refused(l.Text)
	case "filtered":
		return nil, filtered()
	case "cut_off":
		return nil, cutOff()
	default:
		return nil, fail(CodeUnreachable, nil, "The model's server cannot be reached. Check its address, and that it runs.")
	}
	text := l.Text
	groups := l.match.FindStringSubmatch(prompt)
	if len(l.Answer) > 0 {
		text = string(l.Answer)
		for i, g := range groups {
			quoted, err := json.Marshal(g)
			if err != nil {
				return nil, err
			}
			groups[i] = string(quoted[1 : len(quoted)-1])
		}
	}
	for i := len(groups) - 1; i > 0; i-- { // $10 before $1
		text = strings.ReplaceAll(text, "$"+strconv.Itoa(i), groups[i])
	}
	return &answer{text: text, usage: Usage{InputTokens: l.Usage.Input, OutputTokens: l.Usage.Output}}, nil
}
