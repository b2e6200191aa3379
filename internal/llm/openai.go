package llm

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
)

// openAI speaks chat completions, as OpenAI, Gemini, Ollama, vLLM, llama.cpp and
// most gateways do.
type openAI struct{ *wire }

type openAIRequest struct {
	Model          string          `json:"model"`
	Messages       []message       `json:"messages"`
	ResponseFormat *responseFormat `json:"response_format,omitempty"`
}

type responseFormat struct {
	Type       string            `json:"type"`
	JSONSchema *openAIJSONSchema `json:"json_schema,omitempty"`
}

type openAIJSONSchema struct {
	Name   string          `json:"name"`
	Strict bool            `json:"strict"`
	Schema json.RawMessage `json:"schema"`
}

type openAIResponse struct {
	Choices []struct {
		Message struct {
			Content json.RawMessage `json:"content"`
			Refusal string          `json:"refusal"`
		} `json:"message"`
		FinishReason string `json:"finish_reason"`
	} `json:"choices"`
	Usage struct {
		PromptTokens     int `json:"prompt_tokens"`
		CompletionTokens int `json:"completion_tokens"`
	} `json:"usage"`
	Error json.RawMessage `json:"error"`
}

func (*openAI) modes() []Mode { return []Mode{ModeSchema, ModeObject, ModeText} }

func (o *openAI) turn(ctx context.Context, t turn) (*answer, error) {
	request := openAIRequest{Model: o.config.Model}
	if t.system != "" {
		request.Messages = append(request.Messages, message{Role: "system", Content: t.system})
	}
	request.Messages = append(request.Messages, t.messages...)
	switch t.mode {
	case ModeSchema:
		request.ResponseFormat = &responseFormat{Type: "json_schema", JSONSchema: &openAIJSONSchema{Name: t.request.SchemaName, Strict: true, Schema: t.request.Schema}}
	case ModeObject:
		request.ResponseFormat = &responseFormat{Type: "json_object"}
	}
	header := http.Header{}
	if o.config.Key != "" {
		header.Set("Authorization", "Bearer "+string(o.config.Key))
	}
	var response openAIResponse
	if err := o.send(ctx, "/chat/completions", header, request, &response, t.call); err != nil {
		return nil, err
	}
	return o.read(&response)
}

// read tells the answer from all that is none.
func (o *openAI) read(r *openAIResponse) (*answer, error) {
	if len(r.Choices) == 0 {
		if said := reason([]byte(`{"error":` + string(orNull(r.Error)) + `}`)); said != "" {
			return nil, fail(CodeRejected, nil, "The model's server does not answer: %s", o.clean(said))
		}
		return nil, fail(CodeUnreachable, nil, "The model's server sends no answer. Check its address and the name of the model.")
	}
	choice := &r.Choices[0]
	a := &answer{
		text:  textOf(choice.Message.Content),
		usage: Usage{InputTokens: max(0, r.Usage.PromptTokens), OutputTokens: max(0, r.Usage.CompletionTokens)},
	}
	switch {
	case choice.Message.Refusal != "":
		return a, refused(o.clean(choice.Message.Refusal))
	case choice.FinishReason == "content_filter":
		return a, filtered()
	case choice.FinishReason == "length":
		return a, cutOff()
	}
	return a, nil
}

// textOf reads a content, which is a text or a list of parts.
func textOf(content json.RawMessage) string {
	var text string
	if json.Unmarshal(content, &text) == nil {
		return text
	}
	var parts []struct {
		Text string `json:"text"`
	}
	if json.Unmarshal(content, &parts) != nil {
		return ""
	}
	var b strings.Builder
	for _, p := range parts {
		b.WriteString(p.Text)
	}
	return b.String()
}

func orNull(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return json.RawMessage("null")
	}
	return raw
}
