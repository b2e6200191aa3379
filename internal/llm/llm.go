// Package llm asks a language model for JSON that follows a schema.
//
// A Client speaks to one server, through one of the providers: OpenAI's chat
// completions, which most servers and gateways understand, Anthropic's messages,
// or a script of answers in a file. It checks every answer against the schema and
// the caller's own rules, whatever the server promises, and gives the model one
// turn to repair a wrong one.
package llm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"personae.dev/internal/errs"
)

// Model answers requests. A Client is one.
type Model interface {
	// Name is the name of the model, for records.
	Name() string
	// Complete returns an answer that follows the schema of the request, or an
	// error in words that can be shown.
	Complete(ctx context.Context, r Request) (*Response, error)
}

// Request asks for one JSON object.
type Request struct {
	// Purpose says in a word or two what the answer is for, for records.
	Purpose string
	// System says what the model is to do, and Prompt what with. Text of others
	// goes in Prompt.
	System, Prompt string
	// SchemaName names the schema: letters, digits, "_" and "-".
	SchemaName string
	// Schema is the JSON schema of the answer. Providers agree on a part of JSON
	// schema only: all properties required, null in place of absence, no other
	// properties, and no limits of length or range.
	Schema json.RawMessage
	// Check says in words what is wrong with an answer that follows the schema;
	// nil is nothing.
	Check func(answer json.RawMessage) []string
	// Ephemeral keeps the answer out of caches: it tells of somebody.
	Ephemeral bool
	// Observe is told of the call when it has ended, where it is set.
	Observe func(Call)
}

// Digest is the same for requests that should have the same answer.
func (r *Request) Digest(model string) string {
	h := sha256.New()
	for _, s := range []string{model, r.System, r.Prompt, r.SchemaName, string(r.Schema)} {
		var size [8]byte
		for i, n := 0, len(s); i < len(size); i, n = i+1, n>>8 {
			size[i] = byte(n)
		}
		h.Write(size[:])
		h.Write([]byte(s))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Response is an answer that follows the schema.
type Response struct {
	JSON  json.RawMessage
	Usage Usage
}

// Usage is what an answer took, in the numbers of the provider, for all turns. It
// is an estimate where the provider gives none, and where an answer was lost.
type Usage struct {
	InputTokens, OutputTokens int
}

func (u *Usage) add(v Usage) {
	u.InputTokens += v.InputTokens
	u.OutputTokens += v.OutputTokens
}

// Call is the record of a Complete.
type Call struct {
	Purpose, Model string
	Usage          Usage
	Took           time.Duration
	Tries          int // HTTP requests
	Repaired       bool
	// Outcome is "ok" or the code of the error.
	Outcome string
}

// Provider is the kind of a server.
type Provider string

// The providers.
const (
	OpenAI    Provider = "openai"
	Anthropic Provider = "anthropic"
	Scripted  Provider = "scripted"
)

// Mode is how the server is told of the schema.
type Mode string

// The modes, in the order in which they are tried. A server that refuses one is
// asked in the next.
const (
	ModeSchema Mode = "schema" // the server holds the model to the schema
	ModeObject Mode = "object" // the server holds the model to a JSON object
	ModeText   Mode = "text"   // the prompt asks for JSON
)

// Secret is a text that is never shown.
type Secret string

// String hides the secret.
func (Secret) String() string { return "[hidden]" }

// GoString hides the secret.
func (Secret) GoString() string { return "[hidden]" }

// LogValue hides the secret.
func (Secret) LogValue() slog.Value { return slog.StringValue("[hidden]") }

// MarshalText hides the secret.
func (Secret) MarshalText() ([]byte, error) { return []byte("[hidden]"), nil }

// Config says which model is asked, and how.
type Config struct {
	Provider Provider
	// URL is where the API begins, such as http://localhost:11434/v1; the
	// provider's own, where it is empty.
	URL   string
	Model string
	Key   Secret
	// Script is the file of a Scripted provider.
	Script string
	// Mode is the first that is tried: ModeSchema, where it is empty.
	Mode Mode
	// Timeout is for one HTTP request: 2 minutes, where it is 0.
	Timeout time.Duration
	// Concurrency is how many requests may run at once: 4, where it is 0.
	Concurrency int
}

// Client asks one model. Any number of goroutines may use it.
type Client struct {
	config   Config
	provider provider
	free     chan struct{} // has one for each request that may run
	// mode is the index of the first mode that the server has not refused.
	mode  atomic.Int32
	sleep func(ctx context.Context, d time.Duration) error
}

// provider makes one turn: it asks the server once, or several times where that
// does no harm. An answer beside an error has the usage.
type provider interface {
	// modes are those that the provider knows.
	modes() []Mode
	turn(ctx context.Context, t turn) (*answer, error)
}

// A turn is what a provider is asked.
type turn struct {
	system   string
	messages []message
	mode     Mode
	request  *Request
	call     *Call // counts HTTP requests, and the tokens of those whose answer was lost
}

// A message is one of the conversation.
type message struct {
	Role    string `json:"role"` // "user" or "assistant"
	Content string `json:"content"`
}

// An answer is what the model says in one turn.
type answer struct {
	text  string
	usage Usage
}

// New returns a client for a model.
func New(config Config) (*Client, error) {
	if config.Timeout == 0 {
		config.Timeout = 2 * time.Minute
	}
	if config.Concurrency == 0 {
		config.Concurrency = 4
	}
	if config.Mode == "" {
		config.Mode = ModeSchema
	}
	c := &Client{config: config, free: make(chan struct{}, config.Concurrency), sleep: sleep}
	if config.Provider == Scripted {
		script, err := loadScript(config.Script)
		if err != nil {
			return nil, err
		}
		c.provider = script
		return c, nil
	}
	if config.Model == "" {
		return nil, errs.BadSettingf("No model is named. Name it with --llm-model.")
	}
	wire := &wire{config: config, sleep: func(ctx context.Context, d time.Duration) error { return c.sleep(ctx, d) }}
	base := config.URL
	switch config.Provider {
	case OpenAI:
		if base == "" {
			base = "https://api.openai.com/v1"
		}
		c.provider = &openAI{wire}
	case Anthropic:
		if base == "" {
			base = "https://api.anthropic.com"
		}
		c.provider = &anthropic{wire}
	default:
		return nil, errs.BadSettingf("%q is no provider of models. Choose openai or anthropic; most other servers speak like openai.", config.Provider)
	}
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errs.BadSettingf("The address of the model's server must be one such as https://api.openai.com/v1, without a password, a query or a fragment. The key goes in PERSONAE_LLM_KEY.")
	}
	wire.base = strings.TrimRight(u.String(), "/")
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxResponseHeaderBytes = maxHeader
	wire.client = &http.Client{
		Transport: transport,
		// A redirect would take the key elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	modes := c.provider.modes()
	for i, m := range modes {
		if m == config.Mode {
			c.mode.Store(int32(i))
			return c, nil
		}
	}
	if config.Mode != ModeObject {
		return nil, errs.BadSettingf("%q is no mode. Choose schema, object or text.", config.Mode)
	}
	c.mode.Store(int32(len(modes) - 1))
	return c, nil
}

// Name is the name of the model.
func (c *Client) Name() string {
	if c.config.Model == "" {
		return string(c.config.Provider)
	}
	return c.config.Model
}

// sleep waits for d, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
