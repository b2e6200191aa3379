package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"personae.dev/apitype"
	"personae.dev/internal/account"
)

func (e *editor) keys(t *testing.T, query string) apitype.ListKeysResponse {
	t.Helper()
	got := e.get(t, "/api/v2/api-key/list"+query, "api_key", e.key)
	var v apitype.ListKeysResponse
	must(t, json.Unmarshal([]byte(got.body), &v))
	return v
}

func TestListKeys(t *testing.T) {
	t.Parallel()
	s := setup(t)
	e := &editor{s.start(t), s.token}
	got := e.get(t, "/api/v2/api-key/list", "api_key", s.token)
	if all := e.keys(t, ""); all.Total != 3 || len(all.Data) != 3 || all.HasNext { // admin, read and write of setup
		t.Errorf("%s", got.body)
	}
	for _, token := range []string{s.adminToken, s.token, s.writeToken} {
		parsed, err := account.ParseToken(token)
		must(t, err)
		if !strings.Contains(got.body, parsed.KeyOID()) || !strings.Contains(got.body, `"key":"psk_`+parsed.KeyID+`"`) || strings.Contains(got.body, parsed.Secret) {
			t.Errorf("the list lacks %s, or shows its secret:\n%s", parsed.KeyOID(), got.body)
		}
	}
	for query, n := range map[string]int{"?limit=2": 2, "?limit=2&offset=2": 1, "?offset=9": 0, "?productOId=&playbookOId=": 3, "?productOId=px_1": 0, "?playbookOId=pb_1": 0} {
		page := e.keys(t, query)
		if len(page.Data) != n || page.HasNext != (query == "?limit=2") {
			t.Errorf("%s: %d of %d, hasNext %t", query, len(page.Data), page.Total, page.HasNext)
		}
	}
	for _, query := range []string{"?limit=0", "?limit=1001", "?offset=-1", "?limit=x"} {
		if got := e.get(t, "/api/v2/api-key/list"+query, "api_key", s.token); got.status != http.StatusBadRequest {
			t.Errorf("%s: status %d", query, got.status)
		}
	}
}

func TestCreateAndRevokeKey(t *testing.T) {
	t.Parallel()
	s := setup(t)
	admin := &editor{s.start(t), s.adminToken}
	create := func(t *testing.T, body string) apitype.APIKey {
		t.Helper()
		got := admin.post(t, "/api/v2/api-key/create", body)
		if got.status != http.StatusOK || got.header.Get("Cache-Control") != "no-store" {
			t.Fatalf("status %d: %s", got.status, got.body)
		}
		var v struct{ Data apitype.APIKey }
		must(t, json.Unmarshal([]byte(got.body), &v))
		return v.Data
	}
	made := create(t, `{"name":"n8n","scopes":["write","read"],"expiresAt":"2999-01-01T00:00:00Z"}`)
	if made.Name != "n8n" || strings.Join(made.Scopes, ",") != "read,write" || made.UserOID != s.owner.OID || made.ExpiresAt == nil || made.RevokedAt != nil {
		t.Errorf("%+v", made)
	}
	user := &editor{admin.caller, made.Key}
	if got := user.get(t, listPath, "api_key", user.key); got.status != http.StatusOK {
		t.Fatalf("the new key: %d %s", got.status, got.body)
	}
	for _, key := range admin.keys(t, "").Data {
		if strings.Contains(made.Key, key.Key) && key.Key == made.Key {
			t.Error("the list shows the whole key")
		}
	}
	got := admin.post(t, "/api/v2/api-key/revoke", `{"oId":"`+made.OID+`"}`)
	if got.status != http.StatusOK || got.value(t, "data.revokedAt") == nil || got.value(t, "data.updatedAt") != got.value(t, "data.revokedAt") || strings.Contains(got.body, made.Key) {
		t.Errorf("%d %s", got.status, got.body)
	}
	again := admin.post(t, "/api/v2/api-key/revoke", `{"oId":"`+made.OID+`"}`)
	if again.value(t, "data.revokedAt") != got.value(t, "data.revokedAt") {
		t.Errorf("revoked a second time: %s", again.body)
	}
	if got := user.get(t, listPath, "api_key", user.key); got.status != http.StatusUnauthorized {
		t.Errorf("the revoked key: %d", got.status)
	}

	for name, test := range map[string]struct {
		call, body string
		status     int
		field      string
	}{
		"NoScopes":     {"create", `{"name":"x"}`, 400, "scopes"},
		"EmptyScopes":  {"create", `{"name":"x","scopes":[]}`, 400, "scopes"},
		"UnknownScope": {"create", `{"name":"x","scopes":["own"]}`, 400, "scopes"},
		"ScopesAsText": {"create", `{"name":"x","scopes":"read"}`, 400, "scopes"},
		"NumberAsName": {"create", `{"name":1,"scopes":["read"]}`, 400, "name"},
		"LongName":     {"create", `{"name":"` + strings.Repeat("x", account.MaxNameLength+1) + `","scopes":["read"]}`, 400, "name"},
		"Past":         {"create", `{"scopes":["read"],"expiresAt":"2001-01-01T00:00:00Z"}`, 400, "expiresAt"},
		"NoDate":       {"create", `{"scopes":["read"],"expiresAt":"tomorrow"}`, 400, "expiresAt"},
		"NoObject":     {"create", `[]`, 400, "body"},
		"NoKey":        {"revoke", `{}`, 400, "oId"},
		"EmptyKey":     {"revoke", `{"oId":""}`, 400, "oId"},
		"UnknownKey":   {"revoke", `{"oId":"ak_nobody"}`, 404, ""},
		"TheirKey":     {"revoke", `{"oId":"` + keyOID(t, s.otherToken) + `"}`, 404, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := admin.post(t, "/api/v2/api-key/"+test.call, test.body)
			field := ""
			if _, fields := failure(t, got); len(fields) > 0 {
				field = fields[0]
			}
			if got.status != test.status || field != test.field {
				t.Errorf("%d %q: %s", got.status, field, got.body)
			}
		})
	}
}

func keyOID(t *testing.T, token string) string {
	t.Helper()
	parsed, err := account.ParseToken(token)
	must(t, err)
	return parsed.KeyOID()
}
