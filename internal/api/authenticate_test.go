package api_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"personae.dev/apitype"
	"personae.dev/contract"
	"personae.dev/internal/account"
	"personae.dev/internal/api"
	"personae.dev/internal/entity"
	"personae.dev/internal/library"
)

func TestKeysAreAccepted(t *testing.T) {
	t.Parallel()
	s := setup(t)
	c := s.start(t)
	for name, header := range map[string][]string{
		"APIKey":          {"api_key", s.token},
		"APIKeyOtherCase": {"API_KEY", s.token},
		"XAPIKey":         {"X-API-Key", s.token},
		"Bearer":          {"Authorization", "Bearer " + s.token},
		"BearerOtherCase": {"authorization", "bearer  " + s.token},
		"AllTheSame":      {"api_key", s.token, "X-API-Key", s.token, "Authorization", "Bearer " + s.token},
		"SentTwice":       {"api_key", s.token, "api_key", s.token},
		"ForAProxy":       {"api_key", s.token, "Authorization", "Basic dXNlcjpwYXNz"},
		"EmptyBeside":     {"api_key", s.token, "X-API-Key", ""},
		"AdminReadsToo":   {"api_key", s.adminToken},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := c.get(t, getPath+"p_1234", header...); got.status != http.StatusOK {
				t.Errorf("status %d: %s", got.status, got.body)
			}
		})
	}
	for name, header := range map[string][]string{
		"KeysDiffer":        {"api_key", s.token, "X-API-Key", s.otherToken},
		"BearerDiffers":     {"api_key", s.token, "Authorization", "Bearer " + s.otherToken},
		"SentTwiceDiffer":   {"api_key", s.token, "api_key", s.otherToken},
		"WrongBesideRight":  {"api_key", s.token, "X-API-Key", "wrong"},
		"ThirdOneDisagrees": {"api_key", s.token, "X-API-Key", s.token, "Authorization", "Bearer x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := c.get(t, getPath+"p_1234", header...)
			if got.status != http.StatusBadRequest || !strings.Contains(got.body, `"field":"api_key"`) {
				t.Errorf("status %d: %s", got.status, got.body)
			}
			if strings.Contains(got.body, "psk_") {
				t.Errorf("the answer shows a key: %s", got.body)
			}
		})
	}
}

// TestKeysAreRefusedAlike shows that nothing in the answer tells why a key is
// not accepted, and that the log does.
func TestKeysAreRefusedAlike(t *testing.T) {
	t.Parallel()
	now := time.Now()
	s := setup(t, withNow(func() time.Time { return now }))
	expires := now.Add(time.Hour)
	expired, _, err := s.library.CreateKey(t.Context(), library.NewKey{
		Workspace: s.workspace, User: s.owner, Scopes: account.Scopes{account.ScopeRead}, ExpiresAt: &expires,
	})
	must(t, err)
	revoked := s.key(t, s.workspace, account.ScopeRead)
	unknown, _ := account.NewToken()
	parsed, err := account.ParseToken(s.token)
	must(t, err)
	wrongSecret := account.Token{KeyID: parsed.KeyID, Secret: unknown.Secret}

	c := s.start(t)
	for _, token := range []string{expired, revoked} { // both are in the cache
		if got := c.get(t, getPath+"p_1234", "api_key", token); got.status != http.StatusOK {
			t.Fatalf("status %d: %s", got.status, got.body)
		}
	}
	_, err = s.library.RevokeKey(t.Context(), revoked)
	must(t, err)
	now = expires

	changing := regexp.MustCompile(`"requestId":"[^"]*"|"timestamp":"[^"]*"`)
	var first *answer
	for _, test := range []struct{ name, token, logged string }{
		{"None", "", "no api key was sent"},
		{"Malformed", "octave-1234", "does not have the form"},
		{"Typo", swapLast(s.token), "typing error"},
		{"Unknown", unknown.Reveal(), "is unknown"},
		{"WrongSecret", wrongSecret.Reveal(), "wrong secret"},
		{"Revoked", revoked, "is revoked"},
		{"Expired", expired, "has expired"},
	} {
		got := c.get(t, getPath+"p_1234", "api_key", test.token)
		if !strings.Contains(s.log.String(), test.logged) {
			t.Errorf("%s: the log does not say %q", test.name, test.logged)
		}
		got.body = changing.ReplaceAllString(got.body, "")
		got.header.Del("X-Request-Id")
		got.header.Del("Date")
		if first == nil {
			first = &got
		}
		if got.status != http.StatusUnauthorized {
			t.Errorf("%s: status %d", test.name, got.status)
		}
		if diff := cmp.Diff(*first, got, cmp.AllowUnexported(answer{})); diff != "" {
			t.Errorf("%s is told from no key:\n%s", test.name, diff)
		}
	}
	if strings.Contains(s.log.String(), "psk_") {
		t.Errorf("a key is in the log:\n%s", s.log)
	}
}

// swapLast exchanges the last two different characters.
func swapLast(token string) string {
	b := []byte(token)
	for i := len(b) - 1; ; i-- {
		if b[i] != b[i-1] {
			b[i], b[i-1] = b[i-1], b[i]
			return string(b)
		}
	}
}

// TestWriteIncludesRead shows that a key with the scope write reads, too: the
// answer to a change is the whole entity.
func TestWriteIncludesRead(t *testing.T) {
	t.Parallel()
	s := setup(t)
	if got := s.start(t).get(t, getPath+"p_1234", "api_key", s.writeToken); got.status != http.StatusOK {
		t.Errorf("status %d: %s", got.status, got.body)
	}
}

// TestWorkspacesAreApart asks every route of the contract, with a key of
// another workspace that may do all, for what the first one has of every kind,
// and tries to change it.
func TestWorkspacesAreApart(t *testing.T) {
	t.Parallel()
	s := setup(t)
	e := s.edit(t)
	ids := map[string][]string{} // what to ask for, by kind; "" for calls that are not of a kind
	for _, k := range s.library.Registry().Kinds() {
		oID := "ours_" + k.Name
		values := map[string]any{"kind": k.Name, "oId": oID, "name": "Only Ours", "description": "Ours alone"}
		if k.QuestionsField() != nil {
			values["qualifyingQuestions"] = []any{map[string]any{"oId": "qq_ours", "question": "ours?", "fitType": "GOOD", "weight": "LOW"}}
		}
		if k.Singleton {
			delete(values, "kind")
			delete(values, "oId")
			oID = e.post(t, "/api/v2/"+k.Name+"/update", minimal(t, k, values)).value(t, "data.oId").(string)
		} else {
			s.put(t, minimal(t, k, values))
		}
		revision := e.revisions(t, "entityOIds="+oID).Revisions[0].RevisionOID
		ids[k.Name] = []string{oID, "p_1234", revision}
		ids[""] = append(ids[""], oID, revision)
	}
	ids[""] = append(ids[""], keyOID(t, s.adminToken))

	// All that the first workspace has, as it is now.
	ours := func() string {
		t.Helper()
		targets := []string{"/api/v2/revision/list?limit=100&includeRestored=true", "/api/v2/api-key/list?limit=1000"}
		for _, k := range s.library.Registry().Kinds() {
			if k.Singleton {
				targets = append(targets, "/api/v2/"+k.Name+"/get")
			} else {
				targets = append(targets, "/api/v2/"+k.Name+"/list?status=all&include=questionIds")
			}
		}
		var all strings.Builder
		for _, target := range targets {
			got := e.get(t, target, "api_key", e.key)
			all.WriteString(lastUsed.ReplaceAllString(withoutMetadata(t, got.body), ""))
		}
		return all.String()
	}
	before := ours()

	document, err := openapi3.NewLoader().LoadFromData(contract.OpenAPI())
	must(t, err)
	others := &editor{e.caller, s.key(t, s.other, account.ScopeAdmin)}
	theirs := []string{"Only Ours", "Ours alone", "ours?", "VP of Sales", s.workspace.OID, s.workspace.Name}
	walked := map[string]bool{}
	for path, item := range document.Paths.Map() {
		for method, operation := range item.Operations() {
			if !strings.HasPrefix(path, "/api/") || path == "/api/v2/api-key/validate" {
				continue
			}
			walked[method] = true
			name, _, _ := strings.Cut(strings.TrimPrefix(path, "/api/v2/"), "/")
			if ids[name] == nil {
				name = ""
			}
			for _, oID := range ids[name] {
				body := ""
				if operation.RequestBody != nil {
					body = `{"oId":"` + oID + `","revisionOId":"` + oID + `","questionOId":"qq_ours","name":"Stolen","question":"stolen?","scopes":["read"]}`
				}
				query := "?status=all&limit=100&include=questionIds&text=ours&oIds=" + oID + "&entityOIds=" + oID + "&oId=" + oID + "&revisionOId=" + oID
				for _, query := range []string{query, strings.Replace(query, "&text=ours", "", 1)} {
					got := others.send(t, method, path+query, body)
					for _, secret := range theirs {
						if strings.Contains(got.body, secret) {
							t.Errorf("%s %s%s shows %q to another workspace:\n%s", method, path, query, secret, got.body)
						}
					}
				}
			}
		}
	}
	if len(walked) < 5 {
		t.Errorf("the contract has the verbs %v below /api/", walked)
	}
	if diff := cmp.Diff(before, ours()); diff != "" {
		t.Errorf("another workspace has changed it:\n%s", diff)
	}
	c := e.caller

	// The id that both have leads each to its own, and one that only the other
	// has is as unknown as one that nobody has.
	if got := c.get(t, getPath+"p_1234", "api_key", s.otherToken); !strings.Contains(got.body, `"name":"Theirs"`) {
		t.Errorf("status %d: %s", got.status, got.body)
	}
	changing := regexp.MustCompile(`"requestId":"[^"]*"|"timestamp":"[^"]*"`)
	another := c.get(t, getPath+"ours_persona", "api_key", s.otherToken)
	nobodys := c.get(t, getPath+"nobodys", "api_key", s.otherToken)
	if another.status != http.StatusNotFound || changing.ReplaceAllString(another.body, "") != changing.ReplaceAllString(nobodys.body, "") {
		t.Errorf("another's: %d %s\nnobody's: %d %s", another.status, another.body, nobodys.status, nobodys.body)
	}
}

// lastUsed matches when a key was last used, which any call may change.
var lastUsed = regexp.MustCompile(`"lastUsedAt":("[^"]*"|null)`)

// minimal returns the body of a create, or a record, with the given values that
// the kind has fields for, and with what it requires.
func minimal(t *testing.T, k *entity.Kind, values map[string]any) string {
	t.Helper()
	body := map[string]any{}
	for name, value := range values {
		if k.Field(name) != nil || name == "oId" || name == "kind" {
			body[name] = value
		}
	}
	for _, f := range k.RequestFields() {
		if _, given := body[f.Name]; f.Required && !given {
			var example any
			must(t, json.Unmarshal([]byte(f.Example), &example))
			body[f.Name] = example
		}
	}
	b, err := json.Marshal(body)
	must(t, err)
	return string(b)
}

func TestValidateKey(t *testing.T) {
	t.Parallel()
	s := setup(t)
	c := s.start(t)

	t.Run("OK", func(t *testing.T) {
		t.Parallel()
		// A key of any scope may ask what it is.
		for _, token := range []string{s.token, s.writeToken, s.adminToken} {
			got := c.get(t, "/api/v2/api-key/validate", "api_key", token)
			var v apitype.ValidateKeyResponse
			must(t, json.Unmarshal([]byte(got.body), &v))
			if got.status != http.StatusOK || v.Status != "ok" || !v.Valid || v.WorkspaceOID != s.workspace.OID ||
				v.OrganizationOID == "" || v.OrganizationSlug != "my-organization" || v.Credits.CreditsAvailable == 0 {
				t.Errorf("status %d: %s", got.status, got.body)
			}
		}
	})

	t.Run("Unauthorized", func(t *testing.T) {
		t.Parallel()
		if got := c.get(t, "/api/v2/api-key/validate"); got.status != http.StatusUnauthorized {
			t.Errorf("status %d: %s", got.status, got.body)
		}
	})

	t.Run("RateLimited", func(t *testing.T) {
		t.Parallel()
		token := s.key(t, s.workspace, account.ScopeRead)
		for n := range api.ValidatePerMinute {
			w := &recorder{header: http.Header{}}
			s.handler.ServeHTTP(w, s.request(t, http.MethodGet, "/api/v2/api-key/validate", token))
			if w.status != http.StatusOK {
				t.Fatalf("call %d: status %d: %s", n+1, w.status, w.body.String())
			}
		}
		// The bucket fills while it is emptied: one call in 60 ms.
		var got answer
		for range 10 * api.ValidatePerMinute {
			if got = c.get(t, "/api/v2/api-key/validate", "api_key", token); got.status != http.StatusOK {
				break
			}
		}
		if got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") != "1" ||
			got.header.Get("RateLimit-Limit") != "1000" || got.header.Get("RateLimit-Remaining") != "0" || got.header.Get("RateLimit-Reset") == "" {
			t.Errorf("status %d, header %v: %s", got.status, got.header, got.body)
		}
		// Neither another key nor another call is held up.
		if got := c.get(t, "/api/v2/api-key/validate", "api_key", s.otherToken); got.status != http.StatusOK {
			t.Errorf("another key: status %d", got.status)
		}
		if got := c.get(t, getPath+"p_1234", "api_key", token); got.status != http.StatusOK {
			t.Errorf("another call: status %d", got.status)
		}
	})
}

func TestRequestIDs(t *testing.T) {
	t.Parallel()
	s := setup(t)
	c := s.start(t)
	got := c.get(t, getPath+"p_1234", "api_key", s.token, "x-external-request-id", "trace 1/ä", "x-request-source", "n8n")
	if id := got.header.Get("X-External-Request-Id"); id != "" {
		t.Errorf("an id that is not visible ASCII comes back as %q", id)
	}
	got = c.get(t, getPath+"p_1234", "api_key", s.token, "x-external-request-id", "trace-1", "x-request-source", "n8n")
	if id := got.header.Get("X-External-Request-Id"); id != "trace-1" {
		t.Errorf("the caller's id comes back as %q", id)
	}
	for _, want := range []string{`"externalRequestId":"trace-1"`, `"source":"n8n"`, `"requestId":"` + got.header.Get("X-Request-Id") + `"`} {
		if !strings.Contains(s.log.String(), want) {
			t.Errorf("the log lacks %s:\n%s", want, s.log)
		}
	}
	if long := c.get(t, getPath+"p_1234", "api_key", s.token, "x-external-request-id", strings.Repeat("x", 257)); long.header.Get("X-External-Request-Id") != "" {
		t.Error("an id of 257 bytes comes back")
	}
	if strings.Contains(s.log.String(), "p_1234") || strings.Contains(s.log.String(), "VP of Sales") {
		t.Errorf("a query or a body is in the log:\n%s", s.log)
	}
}

func TestOperations(t *testing.T) {
	t.Parallel()
	s := setup(t)
	c := s.start(t)
	for _, path := range []string{"/healthz", "/readyz"} {
		if got := c.get(t, path); got.status != http.StatusOK || got.body != "ok\n" {
			t.Errorf("%s: %d %q", path, got.status, got.body)
		}
	}
}

// TestKeysStayOutOfTheLog puts keys where none belongs, and faults that quote
// what was sent.
func TestKeysStayOutOfTheLog(t *testing.T) {
	t.Parallel()
	s := setup(t)
	c := s.start(t)
	c.get(t, "/"+s.token)
	c.get(t, getPath+s.token, "api_key", s.token)
	c.get(t, getPath+"p_1234", "Authorization", "Bearer "+s.token, "x-request-source", s.token, "x-external-request-id", "a-"+s.token+"-b")
	c.get(t, "/api/v2/persona/get?"+s.token+"=1", "api_key", s.token+s.token)
	if log := s.log.String(); strings.Contains(log, "psk_") || strings.Count(log, "***") != 3 {
		t.Errorf("%s", log)
	}
}
