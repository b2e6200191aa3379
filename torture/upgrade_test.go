package torture

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"personae.dev/apitype"
	"personae.dev/internal/store/postgrestest"
)

// versions holds what programs of every version left. See its README.md.
const versions = "../internal/store/testdata/versions"

// TestUpgrade opens the library that a program of each version left: everything
// reads as that program told it, and can be written.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	folders, err := filepath.Glob(filepath.Join(versions, "*-*"))
	must(t, err)
	if len(folders) < 4 {
		t.Fatalf("there are the databases %q", folders)
	}
	for _, folder := range folders {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			t.Parallel()
			left := fixture{folder}
			i := left.installation(t)
			_, err := i.command(t.Context(), "migrate")
			must(t, err)
			left.checkCommands(t, i)
			var tokens struct{ Admin, Reader, Revoked, Abroad string }
			must(t, json.Unmarshal(left.read(t, "tokens.json"), &tokens))
			i.key = tokens.Admin
			s := i.start(t)
			c := s.caller(t)
			answers := left.checkAnswers(t, c)
			left.checkKeys(t, c, map[string][3]int{ // reads, reads of another workspace, writes
				tokens.Admin: {200, 404, 400}, tokens.Reader: {200, 404, 403}, tokens.Revoked: {401, 401, 401}, tokens.Abroad: {200, 404, 403},
			})
			personas := left.checkWrites(t, c)
			l := &ledger{prefix: "after"}
			for range 3 {
				e := l.add()
				for range 3 {
					a, err := e.write(t.Context(), c)
					if err != nil || a.status != http.StatusOK {
						t.Fatalf("write: %+v, %v", a, err)
					}
				}
			}
			l.verify(t, s, l.entries)
			s.stop(t)
			i.checkIntegrity(t)
			figure(t, "%d answers are as they were, %d personas were changed, reverted, archived and restored", answers, personas)
		})
	}
}

// fixture is a folder with what was left.
type fixture struct{ folder string }

// read returns what stands in a file.
func (f fixture) read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(f.folder, name))
	must(t, err)
	if strings.HasSuffix(name, ".gz") {
		unpacked, err := gzip.NewReader(bytes.NewReader(text))
		must(t, err)
		text, err = io.ReadAll(unpacked)
		must(t, err)
	}
	return text
}

func (f fixture) installation(t *testing.T) *installation {
	t.Helper()
	library, i := f.read(t, "library.gz"), &installation{dir: t.TempDir(), database: onSQLite}
	if strings.HasPrefix(filepath.Base(f.folder), "sqlite-") {
		must(t, os.WriteFile(filepath.Join(i.dir, "personae.db"), library, 0o600))
	} else {
		i = onShared(t)
		postgrestest.Execute(t, i.database, string(library))
	}
	i.flags = []string{"--retain-deleted", "0"}
	return i
}

// checkCommands compares users and keys as they were listed, and the personas as
// they were exported.
func (f fixture) checkCommands(t *testing.T, i *installation) {
	t.Helper()
	for name, args := range map[string][]string{
		"users.txt": {"user", "list"}, "keys-Sales.txt": {"key", "list", "-w", "Sales"}, "keys-Other.txt": {"key", "list", "-w", "Other"},
	} {
		got, err := i.command(t.Context(), args...)
		must(t, err)
		if want := string(f.read(t, name)); got != want {
			t.Errorf("%s: printed\n%swant\n%s", args, got, want)
		}
	}
	for _, workspace := range []string{"Sales", "Other"} {
		got, err := i.command(t.Context(), "export", "-w", workspace)
		must(t, err)
		gotLines, wantLines := strings.Split(got, "\n"), strings.Split(string(f.read(t, "export-"+workspace+".jsonl")), "\n")
		if len(gotLines) != len(wantLines) {
			t.Fatalf("the export of %s has %d lines, want %d", workspace, len(gotLines), len(wantLines))
		}
		for n, line := range wantLines[:len(wantLines)-1] {
			if missing := lacks(decode(t, gotLines[n]), decode(t, line)); missing != "" {
				t.Errorf("export of %s, line %d: %s", workspace, n+1, missing)
			}
		}
	}
}

// checkAnswers asks again for all that was answered.
func (f fixture) checkAnswers(t *testing.T, c *caller) (answers int) {
	t.Helper()
	for line := range bytes.Lines(f.read(t, "answers.jsonl.gz")) {
		var was struct {
			Path   string
			Answer any
		}
		must(t, json.Unmarshal(line, &was))
		now, _, err := read[any](t.Context(), c, was.Path)
		must(t, err)
		if missing := lacks(*now, was.Answer); missing != "" {
			t.Errorf("%s: %s", was.Path, missing)
		}
		answers++
	}
	if answers < 9 {
		t.Errorf("only %d answers were compared", answers)
	}
	return answers
}

func decode(t *testing.T, line string) (value any) {
	t.Helper()
	must(t, json.Unmarshal([]byte(line), &value))
	return value
}

// lacks tells where now is not what was: an object may have gained members, and
// nothing else may differ.
func lacks(now, was any) string {
	switch was := was.(type) {
	case map[string]any:
		object, ok := now.(map[string]any)
		if !ok {
			return fmt.Sprintf("is %v, was an object", now)
		}
		for name, value := range was {
			member, ok := object[name]
			if !ok {
				return fmt.Sprintf(".%s is missing", name)
			}
			if missing := lacks(member, value); missing != "" {
				return "." + name + " " + missing
			}
		}
	case []any:
		list, ok := now.([]any)
		if !ok || len(list) != len(was) {
			return fmt.Sprintf("is %v, was %v", now, was)
		}
		for n := range was {
			if missing := lacks(list[n], was[n]); missing != "" {
				return fmt.Sprintf("[%d] %s", n, missing)
			}
		}
	default:
		if now != was {
			return fmt.Sprintf("is %v, was %v", now, was)
		}
	}
	return ""
}

// checkKeys shows that keys open what they did, and nothing else.
func (f fixture) checkKeys(t *testing.T, c *caller, want map[string][3]int) {
	t.Helper()
	for key, statuses := range want {
		other := *c
		other.key = key
		for n, ask := range []func() (*answer, error){
			func() (*answer, error) { return other.get(t.Context(), "persona/get?oId=rich") }, // in both workspaces
			func() (*answer, error) { return other.get(t.Context(), "persona/get?oId=none") },
			func() (*answer, error) { return other.post(t.Context(), "persona/update", nil, map[string]any{}) },
		} {
			a, err := ask()
			must(t, err)
			if a.status != statuses[n] {
				t.Errorf("%s: request %d was answered with %d %s, want %d", key, n, a.status, a.body, statuses[n])
			}
		}
	}
}

// checkWrites changes every persona, finds it, and brings it back as it was.
func (f fixture) checkWrites(t *testing.T, c *caller) int {
	t.Helper()
	ctx := t.Context()
	all, _, err := read[apitype.ListPersonasResponse](ctx, c, "persona/list?status=all&limit=100")
	must(t, err)
	done := func(a *answer, err error) {
		t.Helper()
		if err != nil || a.status != http.StatusOK {
			t.Fatalf("%+v, %v", a, err)
		}
	}
	for n, p := range all.Data {
		get := "persona/get?include=questionIds&oId=" + p.OID
		before, header, err := read[map[string]any](ctx, c, get)
		must(t, err)
		history, _, err := read[apitype.ListRevisionsResponse](ctx, c, "revision/list?oId="+p.OID)
		must(t, err)
		if p.DeletedAt != nil {
			done(c.post(ctx, "persona/restore", nil, map[string]any{"oId": p.OID}))
			_, header, err = read[map[string]any](ctx, c, get)
			must(t, err)
		}
		word := fmt.Sprintf("upgraded%dx", n)
		done(c.post(ctx, "persona/update", map[string]string{"If-Match": header.Get("Etag")}, map[string]any{"oId": p.OID, "keyConcerns": []string{word}}))
		found, _, err := read[apitype.ListPersonasResponse](ctx, c, "persona/list?status=all&text="+word)
		must(t, err)
		if found.Total != 1 || found.Data[0].OID != p.OID {
			t.Errorf("%s finds %+v, want %s", word, found.Data, p.OID)
		}
		done(c.post(ctx, "persona/restore", nil, map[string]any{"oId": p.OID, "revisionOId": history.Data[0].OID}))
		if p.DeletedAt != nil {
			done(c.call(ctx, http.MethodDelete, "/api/v2/persona/delete?oId="+p.OID, nil, nil))
		}
		if p.ArchivedAt != nil {
			done(c.post(ctx, "persona/archive", nil, map[string]any{"oId": p.OID}))
		}
		after, _, err := read[map[string]any](ctx, c, get)
		must(t, err)
		for _, name := range []string{"_metadata", "updatedAt", "deletedAt", "archivedAt"} {
			delete(*before, name)
			delete(*after, name)
		}
		if missing := lacks(any(*after), any(*before)) + lacks(any(*before), any(*after)); missing != "" {
			t.Errorf("%s, changed and brought back: %s", p.OID, missing)
		}
		now, _, err := read[apitype.ListRevisionsResponse](ctx, c, "revision/list?limit=100&oId="+p.OID)
		must(t, err)
		if now.Total < history.Total+2 || !slices.IsSortedFunc(now.Data, func(a, b apitype.Revision) int { return b.Number - a.Number }) || now.Data[0].Number != now.Total {
			t.Errorf("%s has a history of %d after one of %d", p.OID, now.Total, history.Total)
		}
	}
	return len(all.Data)
}
