package cli

import (
	"os"
	"strings"
	"time"

	"personae.dev/internal/errs"
	"personae.dev/internal/server"
)

// modelKeyVariable is where the key of the language model is read from. There is
// no flag for it, so that it is not seen in the process list.
const modelKeyVariable = "PERSONAE_LLM_KEY"

// model is the settings of the language model.
type model struct {
	LLM            string        `name:"llm" group:"model" default:"none" enum:"none,openai,anthropic,scripted" placeholder:"PROVIDER" env:"PERSONAE_LLM" help:"The language model that generates entities and answers questions: openai (and most other servers, such as Ollama and gateways), anthropic, scripted (answers from a file), or none. Default: ${default}."`
	LLMURL         string        `name:"llm-url" group:"model" placeholder:"URL" env:"PERSONAE_LLM_URL" help:"Where its API is, such as http://localhost:11434/v1. Default: the provider's own."`
	LLMModel       string        `name:"llm-model" group:"model" placeholder:"NAME" env:"PERSONAE_LLM_MODEL" help:"The name of the model. Its key is read from PERSONAE_LLM_KEY."`
	LLMMode        string        `name:"llm-mode" group:"model" default:"schema" enum:"schema,object,text" placeholder:"MODE" env:"PERSONAE_LLM_MODE" help:"How the model is held to JSON: by a schema, an object, or the text of the prompt. A server that refuses one is asked in the next. Default: ${default}."`
	LLMTimeout     time.Duration `name:"llm-timeout" group:"model" default:"2m" placeholder:"TIME" env:"PERSONAE_LLM_TIMEOUT" help:"How long the model may take for an answer. Default: ${default}."`
	LLMConcurrency int           `name:"llm-concurrency" group:"model" default:"4" placeholder:"N" env:"PERSONAE_LLM_CONCURRENCY" help:"How many calls a workspace may have at once; more wait. All workspaces together have four times as many. Default: ${default}."`
	LLMBudget      int64         `name:"llm-budget" group:"model" placeholder:"TOKENS" env:"PERSONAE_LLM_BUDGET" help:"How many tokens each workspace may use in a month; then calls are refused. Default: no limit."`
	LLMCache       time.Duration `name:"llm-cache" group:"model" default:"24h" placeholder:"TIME" env:"PERSONAE_LLM_CACHE" help:"How long an answer is used again for the same request; 0 is not at all. Default: ${default}."`
	LLMScript      string        `name:"llm-script" group:"model" type:"existingfile" placeholder:"FILE" env:"PERSONAE_LLM_SCRIPT" help:"The answers of --llm scripted, for tests and demos (docs/models.md)."`
}

// settings checks the flags.
func (m *model) settings() (s server.ModelSettings, err error) {
	switch {
	case m.LLM == "none":
		if m.LLMURL != "" || m.LLMModel != "" || m.LLMScript != "" {
			return s, errs.BadSettingf("There are settings of a language model, and none is chosen: add --llm openai, anthropic or scripted.")
		}
		return s, nil
	case m.LLM == "scripted" && m.LLMScript == "":
		return s, errs.BadSettingf("--llm scripted needs a file of answers: name it with --llm-script.")
	case m.LLMConcurrency < 1, m.LLMTimeout <= 0:
		return s, errs.BadSettingf("--llm-concurrency is %d and --llm-timeout %s: use 1 or more, and a time.", m.LLMConcurrency, m.LLMTimeout)
	case m.LLMBudget < 0, m.LLMCache < 0:
		return s, errs.BadSettingf("--llm-budget is %d and --llm-cache %s: use 0 or more.", m.LLMBudget, m.LLMCache)
	}
	key := strings.TrimSpace(os.Getenv(modelKeyVariable))
	if strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return s, errs.BadSettingf("%s has characters that no key has, such as a line break: set it to the key alone.", modelKeyVariable)
	}
	return server.ModelSettings{
		Provider: m.LLM, URL: m.LLMURL, Name: m.LLMModel, Script: m.LLMScript, Mode: m.LLMMode, Key: server.Secret(key),
		Timeout: m.LLMTimeout, Budget: m.LLMBudget, Cache: m.LLMCache, Concurrency: m.LLMConcurrency,
	}, nil
}
