package llm

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
)

// anthropic speaks Anthropic's messages.
type anthropic struct{ *wire }

// anthropicMaxTokens is the longest answer: the API needs a number.
const anthropicMaxTokens = 8192

type anthropicRequest struct {
	Model        string        `json:"model"`
	MaxTokens    int           `json:"max_tokens"`
	System       string        `json:"system,omitempty"`
	Messages     []message     `json:"messages"`
	OutputConfig *outputConfig `json:"output_config,omitempty"`
}

type outputConfig struct {
	Format outputFormat `json:"format"`
}

type outputFormat struct {
	Type   string          `json:"type"`
	Schema json.RawMessage `json:"schema"`
}

type anthropicResponse struct {
	Type    string `json:"type"`
	Content []struct {
		Type string `json:"type"`
		Text string `json:"text"`
	} `json:"content"`
	StopReason string `json:"stop_reason"`
	Usage      struct {
		InputTokens              int `json:"input_tokens"`
		CacheCreationInputTokens int `json:"cache_creation_input_tokens"`
		CacheReadInputTokens     int `json:"cache_read_input_tokens"`
		OutputTokens             int `json:"output_tokens"`
	} `json:"usage"`
}

func (*anthropic) modes() []Mode { return []Mode{ModeSchema, ModeText} }

func (a *anthropic) turn(ctx context.Context, t turn) (*answer, error) {
	request := anthropicRequest{Model: a.config.Model, MaxTokens: anthropicMaxTokens, System: t.system, Messages: t.messages}
	if t.mode == ModeSchema {
		request.OutputConfig = &outputConfig{outputFormat{Type: "json_schema", Schema: t.request.Schema}}
	}
	header := http.Header{"Anthropic-Version": {"2023-06-01"}}
	if a.config.Key != "" {
		header.Set("X-Api-Key", string(a.config.Key))
	}
	var response anthropicResponse
	if err := a.send(ctx, "/v1/messages", header, request, &response, t.call); err != nil {
		return nil, err
	}
	return a.read(&response)
}

// read tells the answer from all that is none.
func (a *anthropic) read(r *anthropicResponse) (*answer, error) {
	var b strings.Builder
	for _, c := range r.Content {
		if c.Type == "text" {
			b.WriteString(c.Text)
		}
	}
	u := r.Usage
	said := &answer{text: b.String(), usage: Usage{
		InputTokens:  max(0, u.InputTokens+u.CacheCreationInputTokens+u.CacheReadInputTokens),
		OutputTokens: max(0, u.OutputTokens),
	}}
	switch r.StopReason {
	case "refusal":
		return said, refused(a.clean(b.String()))
	case "max_tokens", "model_context_window_exceeded":
		return said, cutOff()
	case "":
		return nil, fail(CodeUnreachable, nil, "The model's server sends no answer. Check its address and the name of the model.")
	}
	return said, nil
}
