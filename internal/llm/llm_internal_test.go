package llm

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"personae.dev/internal/errs"
)

const key = "sk-very-secret-0123456789"

// exchange is what a server was asked, and what it answered.
type exchange struct {
	path   string
	header http.Header
	body   map[string]any
}

// server is a model's server that answers with one handler after the other, and
// with the last one from then on.
type server struct {
	url   string
	mu    sync.Mutex
	asked []exchange
}

// requests returns what the server was asked so far.
func (s *server) requests() []exchange {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

func serve(t *testing.T, handlers ...http.HandlerFunc) *server {
	t.Helper()
	s := &server{}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body map[string]any
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Errorf("the request is not JSON: %v", err)
		}
		s.mu.Lock()
		s.asked = append(s.asked, exchange{r.URL.Path, r.Header, body})
		handler := handlers[min(len(s.asked), len(handlers))-1]
		s.mu.Unlock()
		handler(w, r)
	}))
	t.Cleanup(web.Close)
	s.url = web.URL
	return s
}

// client returns a client of a server, and the pauses that it makes.
func client(t *testing.T, config Config) (*Client, *[]time.Duration) {
	t.Helper()
	if config.Provider == "" {
		config.Provider = OpenAI
	}
	config.Model, config.Key = "m-1", key
	c, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	var pauses []time.Duration
	c.sleep = func(_ context.Context, d time.Duration) error {
		pauses = append(pauses, d)
		return nil
	}
	return c, &pauses
}

var request = Request{
	Purpose: "test", System: "Answer questions.", Prompt: "How many?", SchemaName: "count",
	Schema: json.RawMessage(`{"type": "object", "properties": {"count": {"type": "integer"}, "note": {"type": ["string", "null"]}}, "required": ["count", "note"], "additionalProperties": false}`),
}

const right = `{"count": 3, "note": null}`

// says answers as OpenAI does.
func says(content string) http.HandlerFunc { return chat(content, "", "stop") }

func chat(content, refusal, finish string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{
			"choices": []any{map[string]any{"message": map[string]any{"role": "assistant", "content": content, "refusal": refusal}, "finish_reason": finish}},
			"usage":   map[string]any{"prompt_tokens": 100, "completion_tokens": 20},
		})
	}
}

// status answers with a status and a body.
func status(code int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}
}

func abort(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// TestEstimate shows that an answer whose usage the server does not tell takes tokens.
func TestEstimate(t *testing.T) {
	t.Parallel()
	s := serve(t, status(200, `{"choices":[{"message":{"content":"{\"count\": 3, \"note\": null}"}}]}`))
	c, _ := client(t, Config{URL: s.url})
	if got, err := c.Complete(t.Context(), request); err != nil || got.Usage.InputTokens < 20 || got.Usage.OutputTokens != len(right)/bytesOfToken {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestOpenAI(t *testing.T) {
	t.Parallel()
	s := serve(t, says(right))
	var calls []Call
	c, _ := client(t, Config{URL: s.url + "/v1/"})
	r := request
	r.Observe = func(c Call) { calls = append(calls, c) }
	got, err := c.Complete(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if string(got.JSON) != right || got.Usage != (Usage{100, 20}) {
		t.Errorf("%s, %+v", got.JSON, got.Usage)
	}
	asked := s.requests()[0]
	if asked.path != "/v1/chat/completions" || asked.header.Get("Authorization") != "Bearer "+key {
		t.Errorf("path %s, authorization %s", asked.path, asked.header.Get("Authorization"))
	}
	var schema any
	_ = json.Unmarshal(request.Schema, &schema)
	want := map[string]any{
		"model":           "m-1",
		"messages":        []any{map[string]any{"role": "system", "content": "Answer questions."}, map[string]any{"role": "user", "content": "How many?"}},
		"response_format": map[string]any{"type": "json_schema", "json_schema": map[string]any{"name": "count", "strict": true, "schema": schema}},
	}
	if diff := cmp.Diff(want, asked.body); diff != "" {
		t.Error(diff)
	}
	if len(calls) != 1 || calls[0].Took <= 0 {
		t.Fatalf("calls %+v", calls)
	}
	calls[0].Took = 0
	if diff := cmp.Diff(Call{Purpose: "test", Model: "m-1", Usage: Usage{100, 20}, Tries: 1, Outcome: "ok"}, calls[0]); diff != "" {
		t.Error(diff)
	}
}

func TestAnthropic(t *testing.T) {
	t.Parallel()
	say := func(stop, text string) http.HandlerFunc {
		return status(200, `{"type": "message", "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": `+string(quoted(text))+`}], "stop_reason": "`+stop+`", "usage": {"input_tokens": 10, "cache_read_input_tokens": 5, "output_tokens": 7}}`)
	}
	t.Run("an answer", func(t *testing.T) {
		t.Parallel()
		s := serve(t, say("end_turn", right))
		c, _ := client(t, Config{Provider: Anthropic, URL: s.url})
		got, err := c.Complete(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		if string(got.JSON) != right || got.Usage != (Usage{15, 7}) {
			t.Errorf("%s, %+v", got.JSON, got.Usage)
		}
		asked := s.requests()[0]
		if asked.path != "/v1/messages" || asked.header.Get("X-Api-Key") != key || asked.header.Get("Anthropic-Version") != "2023-06-01" || asked.header.Get("Authorization") != "" {
			t.Errorf("path %s, header %v", asked.path, asked.header)
		}
		var schema any
		_ = json.Unmarshal(request.Schema, &schema)
		want := map[string]any{
			"model": "m-1", "max_tokens": 8192.0, "system": "Answer questions.",
			"messages":      []any{map[string]any{"role": "user", "content": "How many?"}},
			"output_config": map[string]any{"format": map[string]any{"type": "json_schema", "schema": schema}},
		}
		if diff := cmp.Diff(want, asked.body); diff != "" {
			t.Error(diff)
		}
	})
	for name, test := range map[string]struct{ stop, text, code string }{
		"a refusal":         {"refusal", "I will not.", CodeRefused},
		"an answer cut off": {"max_tokens", `{"count": `, CodeCutOff},
		"no stop reason":    {"", "", CodeUnreachable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, say(test.stop, test.text))
			c, _ := client(t, Config{Provider: Anthropic, URL: s.url})
			if _, err := c.Complete(t.Context(), request); errs.CodeOf(err) != test.code || len(s.requests()) != 1 {
				t.Errorf("%v after %d requests", err, len(s.requests()))
			}
		})
	}
	t.Run("a server that knows no schemas is asked in words", func(t *testing.T) {
		t.Parallel()
		s := serve(t, status(400, `{"error": {"message": "output_config: unknown field"}}`), say("end_turn", "Sure:\n```json\n"+right+"\n```"))
		c, _ := client(t, Config{Provider: Anthropic, URL: s.url})
		if _, err := c.Complete(t.Context(), request); err != nil {
			t.Fatal(err)
		}
		if s.requests()[1].body["output_config"] != nil || !strings.Contains(s.requests()[1].body["system"].(string), `"required":["count","note"]`) {
			t.Errorf("asked %v", s.requests()[1].body)
		}
	})
}

func quoted(s string) []byte {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return b
}

func TestModes(t *testing.T) {
	t.Parallel()
	format := func(e exchange) string {
		f, _ := e.body["response_format"].(map[string]any)
		kind, _ := f["type"].(string)
		return kind
	}
	unknown := status(400, `{"error": {"message": "response_format is not supported"}}`)
	t.Run("schema, object, text, and the one that works from then on", func(t *testing.T) {
		t.Parallel()
		s := serve(t, unknown, unknown, says(right))
		c, _ := client(t, Config{URL: s.url})
		for range 2 {
			if _, err := c.Complete(t.Context(), request); err != nil {
				t.Fatal(err)
			}
		}
		var formats []string
		for _, e := range s.requests() {
			formats = append(formats, format(e))
		}
		if diff := cmp.Diff([]string{"json_schema", "json_object", "", ""}, formats); diff != "" {
			t.Error(diff)
		}
		system := s.requests()[2].body["messages"].([]any)[0].(map[string]any)["content"].(string)
		if !strings.HasPrefix(system, "Answer questions.") || !strings.Contains(system, `"required":["count","note"]`) {
			t.Errorf("system %q", system)
		}
	})
	t.Run("a server that accepts none is an error", func(t *testing.T) {
		t.Parallel()
		s := serve(t, unknown)
		c, _ := client(t, Config{URL: s.url})
		_, err := c.Complete(t.Context(), request)
		if errs.CodeOf(err) != CodeRejected || !strings.Contains(err.Error(), "response_format is not supported") || len(s.requests()) != 3 {
			t.Errorf("%v after %d requests", err, len(s.requests()))
		}
	})
	for mode, want := range map[Mode]string{ModeObject: "json_object", ModeText: ""} {
		t.Run("begins with "+string(mode), func(t *testing.T) {
			t.Parallel()
			s := serve(t, says(right))
			c, _ := client(t, Config{URL: s.url, Mode: mode})
			if _, err := c.Complete(t.Context(), request); err != nil || format(s.requests()[0]) != want {
				t.Errorf("%v, asked for %q", err, format(s.requests()[0]))
			}
		})
	}
}

func TestAnswersWithWordsAroundThem(t *testing.T) {
	t.Parallel()
	for _, content := range []string{
		"```json\n" + right + "\n```", "Here you are: " + right + " Anything else?", "<think>{\"count\": 1}</think>\n" + right, "  " + right + "\n\n",
	} {
		s := serve(t, says(content))
		c, _ := client(t, Config{URL: s.url})
		got, err := c.Complete(t.Context(), request)
		if err != nil || string(got.JSON) != right || len(s.requests()) != 1 {
			t.Errorf("%q: %v after %d requests", content, err, len(s.requests()))
		}
	}
}

func TestRepair(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ wrong, told string }{
		"cut JSON":            {`{"count": 3, "note"`, "not one JSON object"},
		"no JSON":             {`Three.`, "not one JSON object"},
		"nothing":             {``, "not one JSON object: it is empty"},
		"a missing property":  {`{"count": 3}`, "does not follow the JSON schema"},
		"another type":        {`{"count": "three", "note": null}`, "does not follow the JSON schema"},
		"a property too many": {`{"count": 3, "note": null, "more": 1}`, "does not follow the JSON schema"},
		"a rule of ours":      {`{"count": 13, "note": null}`, "count must be at most 10"},
	} {
		rules := request
		rules.Check = func(answer json.RawMessage) []string {
			if strings.Contains(string(answer), "13") {
				return []string{"count must be at most 10"}
			}
			return nil
		}
		t.Run(name+" is repaired", func(t *testing.T) {
			t.Parallel()
			s := serve(t, says(test.wrong), says(right))
			var call Call
			c, _ := client(t, Config{URL: s.url})
			r := rules
			r.Observe = func(c Call) { call = c }
			got, err := c.Complete(t.Context(), r)
			if err != nil || string(got.JSON) != right || got.Usage != (Usage{200, 40}) || !call.Repaired || call.Tries != 2 {
				t.Fatalf("%v, %+v", err, call)
			}
			messages := s.requests()[1].body["messages"].([]any)
			last := messages[len(messages)-1].(map[string]any)["content"].(string)
			if len(messages) != 4 || !strings.Contains(last, test.told) {
				t.Errorf("told %q", last)
			}
		})
		t.Run(name+" twice is an error", func(t *testing.T) {
			t.Parallel()
			s := serve(t, says(test.wrong))
			c, _ := client(t, Config{URL: s.url})
			_, err := c.Complete(t.Context(), rules)
			if errs.CodeOf(err) != CodeBadAnswer || len(s.requests()) != 2 {
				t.Errorf("%v after %d requests", err, len(s.requests()))
			}
		})
	}
}

// TestTheKeyIsShownNowhere looks for the key in all that can be shown or logged.
func TestTheKeyIsShownNowhere(t *testing.T) {
	t.Parallel()
	config := Config{Provider: OpenAI, Model: "m-1", Key: key}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "config", config, "key", config.Key)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "config", config, "key", config.Key)
	text, err := json.Marshal(map[string]any{"key": config.Key})
	if err != nil {
		t.Fatal(err)
	}
	shown := log.String() + fmt.Sprintf("%v %+v %#v %s %q %s", config, config, config, config.Key, config.Key, text)
	echo := `you sent ` + key
	for _, handler := range []http.HandlerFunc{
		status(400, `{"error": {"message": "`+echo+`"}}`), status(401, `{"error": "`+echo+`"}`), status(404, `{"message": "`+echo+`"}`), status(422, `{"detail": "`+echo+`"}`),
		status(429, `{"error": {"message": "`+echo+`"}}`), status(500, echo), status(200, echo, "Content-Type", echo), chat("", echo, "stop"),
		status(200, `{"error": {"message": "`+echo+`"}}`), abort,
	} {
		s := serve(t, handler)
		c, _ := client(t, Config{URL: s.url})
		_, err := c.Complete(t.Context(), request)
		if err == nil {
			t.Fatal("no error")
		}
		shown += fmt.Sprintf("%v %+v %#v", err, err, err)
	}
	if strings.Contains(shown, key) || strings.Contains(shown, "very-secret") {
		t.Errorf("the key is shown:\n%s", shown)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		config Config
		words  string
	}{
		"no model":             {Config{Provider: OpenAI}, "--llm-model"},
		"an unknown provider":  {Config{Provider: "oracle", Model: "m"}, "no provider"},
		"an unknown mode":      {Config{Provider: OpenAI, Model: "m", Mode: "xml"}, "no mode"},
		"no address":           {Config{Provider: OpenAI, Model: "m", URL: "localhost:11434"}, "must be one such as"},
		"a key in the address": {Config{Provider: OpenAI, Model: "m", URL: "https://user:key@example.com/v1"}, "PERSONAE_LLM_KEY"},
		"no script":            {Config{Provider: Scripted, Script: "nowhere"}, "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := New(test.config)
			if errs.CodeOf(err) != errs.CodeBadSetting || !strings.Contains(err.Error(), test.words) {
				t.Errorf("%v", err)
			}
		})
	}
	t.Run("a schema that is none", func(t *testing.T) {
		t.Parallel()
		s := serve(t, says(right))
		c, _ := client(t, Config{URL: s.url})
		wrong := request
		wrong.Schema = json.RawMessage(`{"type": 1}`)
		if _, err := c.Complete(t.Context(), wrong); err == nil || len(s.requests()) != 0 {
			t.Errorf("%v after %d requests", err, len(s.requests()))
		}
	})
	t.Run("object mode where there is none is text", func(t *testing.T) {
		t.Parallel()
		c, err := New(Config{Provider: Anthropic, Model: "m", Mode: ModeObject})
		if err != nil || c.provider.modes()[c.mode.Load()] != ModeText {
			t.Errorf("%v", err)
		}
	})
}

func TestScripted(t *testing.T) { //nolint:tparallel // one after the other
	t.Parallel()
	path := filepath.Join(t.TempDir(), "script.jsonl")
	script := `# answers for a test

{"purpose": "other", "answer": {"count": 1, "note": "of another purpose"}}
{"contains": ["repair", "me"], "turn": 1, "text": "no JSON"}
{"contains": ["repair"], "answer": {"count": 2, "note": "repaired"}, "usage": {"input": 5, "output": 2}}
{"contains": ["refuse"], "error": "refused", "text": "I do not want to."}
{"contains": ["filter"], "error": "filtered"}
{"contains": ["cut"], "error": "cut_off"}
{"contains": ["down"], "error": "unreachable"}
{"match": "name is (.*?)\\.", "answer": {"count": 3, "note": "$1"}}
`
	if err := os.WriteFile(path, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := New(Config{Provider: Scripted, Script: path})
	if err != nil {
		t.Fatal(err)
	}
	for prompt, want := range map[string]string{
		"repair me":            `{"count": 2, "note": "repaired"}`,
		`name is Ann "A" Lee.`: `{"count": 3, "note": "Ann \"A\" Lee"}`,
		"refuse":               CodeRefused,
		"filter":               CodeFiltered,
		"cut":                  CodeCutOff,
		"down":                 CodeUnreachable,
		"something else":       CodeUnreachable,
	} {
		for range 2 { // the same request has the same answer
			r := request
			r.Prompt = prompt
			got, err := c.Complete(t.Context(), r)
			switch {
			case err != nil && errs.CodeOf(err) != want:
				t.Errorf("%s: %v, want %s", prompt, err, want)
			case err == nil && string(got.JSON) != want:
				t.Errorf("%s: %s, want %s", prompt, got.JSON, want)
			}
		}
	}
	for name, line := range map[string]string{"no JSON": "{", "an unknown field": `{"anwser": {}}`, "a broken expression": `{"match": "("}`} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(path, []byte("\n"+line), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := New(Config{Provider: Scripted, Script: path}); errs.CodeOf(err) != errs.CodeBadSetting || !strings.Contains(err.Error(), "script.jsonl:2") {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestDigest(t *testing.T) {
	t.Parallel()
	a, b := request, request
	b.Purpose = "another"
	if a.Digest("m") != b.Digest("m") {
		t.Error("the purpose is in the digest")
	}
	for name, change := range map[string]func(*Request){
		"prompt": func(r *Request) { r.Prompt += "x" }, "system": func(r *Request) { r.System += "x" }, "schema": func(r *Request) { r.Schema = json.RawMessage(`{}`) },
		"shifted": func(r *Request) { r.System, r.Prompt = r.System+r.Prompt[:1], r.Prompt[1:] },
	} {
		c := request
		if change(&c); c.Digest("m") == a.Digest("m") {
			t.Errorf("%s is not in the digest", name)
		}
	}
	if a.Digest("m") == a.Digest("n") {
		t.Error("the model is not in the digest")
	}
}
