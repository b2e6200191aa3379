package api_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"personae.dev/internal/entity"
	"personae.dev/internal/library"
	"personae.dev/internal/search"
)

// play sends a request past the network, for the fuzz targets, and fails where
// the answer is not JSON or blames the server.
func (s *server) play(t *testing.T, method, target, body string, header ...string) *recorder {
	t.Helper()
	r := s.request(t, method, "/", s.adminToken)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	path, query, _ := strings.Cut(target, "?")
	r.URL = &url.URL{Path: path, RawQuery: query}
	if body != "" {
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
		r.Header.Set("Content-Type", "application/json")
	}
	w := &recorder{header: http.Header{}}
	s.handler.ServeHTTP(w, r)
	unchanged := w.status == http.StatusNotModified && w.body.Len() == 0
	if w.status >= 500 || !json.Valid(w.body.Bytes()) && !unchanged {
		t.Fatalf("%s %s: status %d: %.1000s", method, target, w.status, w.body.String())
	}
	return w
}

var bodies = []string{
	"", "{}", "null", "[]", `{"name":"x"}`, `{"name":"x","name":"y"}`, `{"oId":"p_1234","name":null}`, `{"name":"\ud800"}`, "{\"name\":\"\xff\"}",
	`{"name":"x","painPoints":["a",1,null],"customFields":[{"title":"t","value":["v"]}],"linkingStrategy":{"mode":"SPECIFIC","offeringOIds":["o"]}}`,
	`{"linkingStrategy":{"offeringOIds":["o"]}}`, `{"linkingStrategy":{"mode":"ALL"}}`, `{"name":"x","linkingStrategy":{}}`, `{"name":"x","linkingStrategy":{"mode":null}}`, `{"name":"x","qualifyingQuestions":[{"question":"q","fitType":"GOOD","weight":"LOW","archivedAt":"2021-01-01T00:00:00Z"}]}`,
	`{"name":"x","buyingRole":[],"playbookOIds":["a","a"],"active":null,"a":{"b":[[[[]]]]}}`, `{"name":1e999}`, `{"name":"x"}x`,
}

func FuzzCreateBody(f *testing.F) {
	for _, body := range bodies {
		f.Add(body)
	}
	s := setup(f)
	f.Fuzz(func(t *testing.T, body string) {
		w := s.play(t, http.MethodPost, createPath, body)
		if w.status != http.StatusOK {
			return
		}
		// What was taken is there, and found by its name.
		var created personaResponse
		must(t, json.Unmarshal(w.body.Bytes(), &created))
		got := s.play(t, http.MethodGet, getPath+created.Data.OID, "")
		var read getPersona
		must(t, json.Unmarshal(got.body.Bytes(), &read))
		if diff := cmp.Diff(created.Data, read.Persona); diff != "" {
			t.Fatalf("created, then read:\n%s", diff)
		}
	})
}

func FuzzUpdateBody(f *testing.F) {
	for _, body := range bodies {
		f.Add(body, false)
		f.Add(strings.Replace(body, "{", `{"oId":"live",`, 1), true)
	}
	s := setup(f)
	s.live(f)
	f.Fuzz(func(t *testing.T, body string, patch bool) {
		method := http.MethodPost
		if patch {
			method = http.MethodPatch
		}
		first := s.play(t, method, updatePath, body)
		if first.status != http.StatusOK {
			return
		}
		// A second time changes nothing.
		second := s.play(t, method, updatePath, body)
		if second.status != http.StatusOK || first.header.Get("ETag") != second.header.Get("ETag") {
			t.Fatalf("the same update twice: %d %s\n%d %s", first.status, first.body.String(), second.status, second.body.String())
		}
	})
}

// live adds a persona that can be changed, with a question qq_1, and returns its
// first revision.
func (s *server) live(f *testing.F) (revision string) {
	f.Helper()
	record := strings.NewReplacer("p_1234", "live", `,"archivedAt":"2021-01-01T01:00:00.000Z"`, "", `,"deletedAt":"2021-01-01T01:00:00.000Z"`, "").Replace(sampleRecord)
	s.put(f, record)
	principal, err := s.library.Authenticate(f.Context(), s.adminToken)
	must(f, err)
	page, err := s.library.Revisions(f.Context(), library.Caller{Principal: principal}, entity.RevisionQuery{OIDs: []string{"live"}, Limit: 1})
	must(f, err)
	return page.Revisions[0].RevisionOID
}

// FuzzReferenceBody sends bodies to the calls that only name what they act on.
func FuzzReferenceBody(f *testing.F) {
	paths := []string{archivePath, restorePath, questionPath + "update", questionPath + "archive", questionPath + "restore"}
	for i := range paths {
		for _, body := range []string{
			`{"oId":"live"}`, `{"oId":"live","questionOId":"qq_1"}`, `{"oId":"live","revisionOId":"$REVISION"}`, `{"oId":"live","revisionOId":"\u0000"}`, `{"oId":"p_1234","questionOId":"qq_1"}`, `{"oId":""}`, `[]`,
		} {
			f.Add(uint8(i), body)
		}
	}
	s := setup(f)
	revision := s.live(f)
	f.Fuzz(func(t *testing.T, path uint8, body string) {
		// What an input does is its own, and not that of those before.
		s.play(t, http.MethodPost, restorePath, `{"oId":"live","revisionOId":"`+revision+`"}`)
		target := paths[int(path)%len(paths)]
		body = strings.ReplaceAll(body, "$REVISION", revision)
		first := s.play(t, http.MethodPost, target, body)
		if first.status != http.StatusOK {
			return
		}
		// A second time changes nothing, and get answers the same.
		second := s.play(t, http.MethodPost, target, body)
		var done personaResponse
		must(t, json.Unmarshal(second.body.Bytes(), &done))
		read := s.play(t, http.MethodGet, getPath+done.Data.OID, "")
		if etag := first.header.Get("ETag"); second.status != http.StatusOK || etag != second.header.Get("ETag") || etag != read.header.Get("ETag") {
			t.Fatalf("%s %q twice, then get: %d %s\n%d %s\n%s", target, body, first.status, first.body.String(), second.status, second.body.String(), read.body.String())
		}
	})
}

// FuzzHeaders sends the headers by which a request says on what condition it is
// to be done. $ETAG is the tag of the persona.
func FuzzHeaders(f *testing.F) {
	for _, value := range []string{
		"", " ", "*", " * ", "$ETAG", "W/$ETAG", `"other", $ETAG`, `$ETAG,`, `,,$ETAG ,"x`, `"`, `""`, `"*"`, "*, $ETAG", "x$ETAG", "$ETAG$ETAG", "key", "\xff", "a\x00", strings.Repeat("é", 256), strings.Repeat(`"a",`, 1000) + "$ETAG",
	} {
		f.Add(value)
	}
	s := setup(f)
	revision := s.live(f)
	f.Fuzz(func(t *testing.T, value string) {
		restored := s.play(t, http.MethodPost, restorePath, `{"oId":"live","revisionOId":"`+revision+`"}`)
		etag := restored.header.Get("ETag")
		value = strings.ReplaceAll(value, "$ETAG", etag)
		var tags []string
		for tag := range strings.SplitSeq(value, ",") {
			tags = append(tags, strings.TrimSpace(tag))
		}
		matches := slices.Contains(tags, etag) || strings.TrimSpace(value) == "*"

		// Weak comparison for reading, strong for writing. A tag among what is no
		// tag can only be meant: that costs nobody anything but a body.
		read := s.play(t, http.MethodGet, getPath+"live", "", "If-None-Match", value)
		if same := matches || strings.Contains(value, etag); same != (read.status == http.StatusNotModified) {
			t.Errorf("If-None-Match %q of %s: status %d", value, etag, read.status)
		}
		for _, call := range [][]string{
			{http.MethodPost, updatePath, `{"oId":"live","name":"New"}`},
			{http.MethodPost, questionPath + "archive", `{"oId":"live","questionOId":"qq_1"}`},
			{http.MethodDelete, deletePath + "live", ""},
		} {
			got := s.play(t, call[0], call[1], call[2], "If-Match", value)
			want := http.StatusPreconditionFailed
			if matches {
				want = http.StatusOK
			}
			if got.status != want {
				t.Fatalf("If-Match %q of %s: %v: status %d, want %d", value, etag, call, got.status, want)
			}
			if now := got.header.Get("ETag"); (now == etag) == matches {
				t.Fatalf("If-Match %q of %s: %v: the ETag is now %s", value, etag, call, now)
			}
			if matches {
				break // it is another version now
			}
		}

		// Of two creates with the same key both are refused, or one is done.
		first := s.play(t, http.MethodPost, createPath, `{"name":"x"}`, "Idempotency-Key", value)
		second := s.play(t, http.MethodPost, createPath, `{"name":"x"}`, "Idempotency-Key", value)
		if first.status != second.status || first.status != http.StatusOK && first.status != http.StatusBadRequest {
			t.Fatalf("Idempotency-Key %q: status %d, then %d", value, first.status, second.status)
		}
		if replayed := second.header.Get("Idempotency-Replayed") == "true"; first.status == http.StatusOK && (replayed != (value != "") || replayed != (first.header.Get("ETag") == second.header.Get("ETag"))) {
			t.Fatalf("Idempotency-Key %q: replayed is %t: %s %s", value, replayed, first.body.String(), second.body.String())
		}
	})
}

// FuzzCursor sends cursors that no server gave: what comes is refused, or a part
// of the list that stands together.
func FuzzCursor(f *testing.F) {
	orders := []string{"createdAt", "updatedAt", "name"}
	for i, cursor := range []string{
		`{"o":"createdAt","d":true,"a":{"Millis":1704067201000,"OID":"id_004"}}`, `{"o":"updatedAt","d":true,"a":{"Millis":-1}}`,
		`{"o":"name","d":true,"a":{"Name":"name 002","OID":"id_005"}}`, `{"o":"createdAt","d":true}`, `{"o":"rank","d":true,"a":null}`, `{}`, `null`, `[]`, ``, `{"o":"name","d":true,"a":{"Name":"\u0000\ud800"}}`,
		`{"o":"name","d":true,"a":{"Millis":1e99}}`, `{"o":"name","d":true,"a":{"Name":{}}}`,
	} {
		f.Add(uint8(i), []byte(cursor), false)
	}
	f.Add(uint8(0), []byte("=%00 ä"), true)
	s := setup(f)
	fill(f, s, 12)
	f.Fuzz(func(t *testing.T, order uint8, cursor []byte, raw bool) {
		text := base64.RawURLEncoding.EncodeToString(cursor)
		if raw {
			text = string(cursor)
		}
		query := "orderDirection=DESC&orderField=" + orders[int(order)%len(orders)]
		list := func(query string) (page personaPage, status int) {
			w := s.play(t, http.MethodGet, listPath+query, "")
			must(t, json.Unmarshal(w.body.Bytes(), &page))
			return page, w.status
		}
		all, _ := list(query + "&limit=100")
		part, status := list(query + "&limit=5&cursor=" + url.QueryEscape(text))
		switch status {
		case http.StatusOK:
			whole, got := ids(all), ids(part)
			rest := len(whole)
			if len(got) > 0 {
				rest = slices.Index(whole, got[0])
			}
			if rest < 0 || part.Total != all.Total || !slices.Equal(got, whole[rest:min(rest+5, len(whole))]) || part.HasNext != (rest+5 < len(whole)) {
				t.Fatalf("%s %s: %v of %v, total %d, hasNext %t", query, cursor, got, whole, part.Total, part.HasNext)
			}
		case http.StatusBadRequest:
		default:
			t.Fatalf("%s %s: status %d", query, cursor, status)
		}
	})
}

// FuzzSearchText searches for any text in a persona that has just that: it is
// found, whatever the order, and so it is by each of its words alone.
func FuzzSearchText(f *testing.F) {
	for _, text := range []string{
		"VP of Sales", `"`, "*", "a*", "NEAR(a b)", "a AND", "name:x", "^a", "C++ dev", "Ingénieur", "I\u0307", "ß", "\U0001f600", "o'clock", "北京", "हिन्दी", "x\u0301\u0301y", "\ue000", "a\u200bb", "\u00ad", "10,000", "Ⅷ ½", "\ufb01n",
	} {
		f.Add(text)
	}
	s := setup(f)
	s.live(f)
	f.Fuzz(func(t *testing.T, text string) {
		find := func(query string) (found bool) {
			w := s.play(t, http.MethodGet, listPath+"limit=1000&"+query, "")
			var page personaPage
			must(t, json.Unmarshal(w.body.Bytes(), &page))
			words := search.Words(text)
			if tooMany := len(words) > library.MaxSearchWords || utf8.RuneCountInString(text) > library.MaxTextLength; w.status != http.StatusOK && !tooMany && utf8.ValidString(text) {
				t.Fatalf("%s: status %d: %s", query, w.status, w.body.String())
			}
			if len(page.Data) != page.Total || strings.Contains(w.body.String(), "Theirs") {
				t.Fatalf("%s: %d of %d: %s", query, len(page.Data), page.Total, w.body.String())
			}
			return slices.Contains(ids(page), "live")
		}
		body, err := json.Marshal(map[string]string{"oId": "live", "description": text})
		must(t, err)
		written := s.play(t, http.MethodPatch, updatePath, string(body))
		query := "text=" + url.QueryEscape(text)
		byRank, byName := find(query), find("orderField=name&"+query)
		words := search.Words(text)
		wanted := len(words) > 0 && len(words) <= library.MaxSearchWords && utf8.RuneCountInString(text) <= library.MaxTextLength && utf8.ValidString(text) && written.status == http.StatusOK
		if byRank != byName || wanted && !byRank {
			t.Fatalf("%q, with the words %q: found by rank %t, by name %t", text, words, byRank, byName)
		}
		for i := 0; wanted && i < min(len(words), 8); i++ {
			if !find("text=" + url.QueryEscape(words[i])) {
				t.Fatalf("%q is not found by its word %q", text, words[i])
			}
		}
	})
}
