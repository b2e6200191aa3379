package torture

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"personae.dev/apitype"
	"personae.dev/internal/entity"
)

// TestCrash kills the server, and PostgreSQL, while writers write as fast as
// they can. Afterwards every acknowledged write is there, and no other is half
// there. With -torture it kills 100 times on each engine.
func TestCrash(t *testing.T) {
	t.Parallel()
	kills, stops := sized(3, 100), sized(3, 20)
	onEngines(t, func(t *testing.T, i *installation) {
		t.Helper()
		l := &ledger{prefix: fmt.Sprintf("w%x", rand.Uint32())}
		s := i.start(t)
		var slowest time.Duration
		for range kills {
			l.writeUntil(t, s, s.kill)
			i.settle(t)
			began := time.Now()
			s = i.start(t)
			slowest = max(slowest, time.Since(began))
			l.verify(t, s, l.touched())
		}
		figure(t, "%d SIGKILLs, slowest start after one %s; %s", kills, slowest.Round(time.Millisecond), l)
		if i.postgres != nil {
			slowest = 0
			for range stops {
				l.writeUntil(t, s, func() { i.postgres.Stop(t) })
				began := time.Now()
				i.postgres.Start(t)
				until(t, patience, "a server that is ready again", s.ready)
				slowest = max(slowest, time.Since(began))
				l.verify(t, s, l.touched())
			}
			figure(t, "%d immediate stops of PostgreSQL, ready again after %s at most; %s", stops, slowest.Round(time.Millisecond), l)
		}
		l.verify(t, s, l.entries)
		l.verifyTotal(t, s)
		l.verifyFeed(t, s)
		s.stop(t)
		i.checkIntegrity(t)
	})
}

func (s *server) ready() bool {
	response, err := http.Get(s.url + "/readyz")
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// ledger notes what was written. Every persona has one writer, so that one
// write of it at most has an unknown end.
type ledger struct {
	prefix  string
	entries []*entry
	feed    feed

	mu           sync.Mutex
	acknowledged int
	applied      int // of unknown end, and there after all
	lost         int // of unknown end, and not there
}

func (l *ledger) String() string {
	return fmt.Sprintf("%d writes of %d personas acknowledged and there; %d of unknown end: %d whole, %d not there",
		l.acknowledged, len(l.entries), l.applied+l.lost, l.applied, l.lost)
}

// entry is one persona. Its version n has the word of n in every field.
type entry struct {
	oID, token string
	version    int    // the last one acknowledged, 0 for none
	etag       string // of version
	history    []int  // the versions that were acknowledged
	pending    int    // the version of unknown end, 0 for none
	sent       int    // the last version sent
	touched    bool   // since the last fault
}

func (e *entry) word(version int) string { return fmt.Sprintf("%sv%dx", e.token, version) }

// body is what is sent for a version.
func (e *entry) body(version int) map[string]any {
	word := e.word(version)
	body := map[string]any{
		"name": "Persona " + word, "internalName": word, "description": strings.Repeat(word+" ", 40),
		"painPoints": []string{word, "that it ends " + word}, "commonJobTitles": []string{word},
		"linkingStrategy": map[string]any{"mode": "SPECIFIC", "offeringOIds": []string{"of_" + word}},
	}
	if e.oID != "" {
		body["oId"] = e.oID
	}
	return body
}

// write sends the next version, and tells how it was answered.
func (e *entry) write(ctx context.Context, c *caller) (*answer, error) {
	e.touched = true
	e.sent++
	e.pending = e.sent
	path, header := "persona/update", map[string]string(nil)
	if e.oID == "" {
		path, header = "persona/create", map[string]string{"Idempotency-Key": e.token}
	}
	a, err := c.post(ctx, path, header, e.body(e.pending))
	if err != nil || a.status != http.StatusOK {
		return a, err
	}
	var written struct{ Data apitype.Persona }
	if err := json.Unmarshal(a.body, &written); err != nil {
		return a, err
	}
	e.oID = written.Data.OID
	e.acknowledge(a.header.Get("Etag"))
	return a, nil
}

func (e *entry) acknowledge(etag string) {
	e.version, e.etag, e.pending = e.pending, etag, 0
	e.history = append(e.history, e.version)
}

// writeUntil lets writers work, each on personas of its own, until fault, which
// comes after a number of writes that nobody can foretell. Each ends with the first write
// that is not acknowledged.
func (l *ledger) writeUntil(t *testing.T, s *server, fault func()) {
	t.Helper()
	writers := sized(8, 64)
	for _, e := range l.entries {
		e.touched = false
	}
	var group sync.WaitGroup
	c := s.caller(t)
	shares := make([][]*entry, writers)
	for n, e := range l.entries {
		shares[n%writers] = append(shares[n%writers], e)
	}
	for _, mine := range shares {
		group.Go(func() {
			for n := 0; ; n++ {
				if n%5 == 0 || len(mine) == 0 {
					mine = append(mine, l.add())
				}
				e := mine[len(mine)-1-rand.IntN(min(len(mine), 20))]
				if n%5 == 0 {
					e = mine[len(mine)-1]
				}
				a, err := e.write(t.Context(), c)
				switch {
				case err != nil: // who was killed answers nothing
					return
				case a.status == http.StatusServiceUnavailable:
					if a.header.Get("Retry-After") == "" {
						t.Errorf("503 without Retry-After: %s", a.body)
					}
					return
				case a.status != http.StatusOK:
					t.Errorf("a write was answered with %d %s", a.status, a.body)
					return
				}
				l.mu.Lock()
				l.acknowledged++
				l.mu.Unlock()
			}
		})
	}
	group.Go(func() {
		for l.feed.read(t.Context(), c) == nil && s.ready() {
		}
	})
	wanted := l.answered() + 1 + rand.IntN(sized(50, 200))
	until(t, patience, "so many writes", func() bool { return l.answered() >= wanted })
	fault()
	group.Wait()
}

// answered is how many writes were acknowledged.
func (l *ledger) answered() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.acknowledged
}

func (l *ledger) add() *entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := &entry{token: fmt.Sprintf("%sn%d", l.prefix, len(l.entries))}
	l.entries = append(l.entries, e)
	return e
}

func (l *ledger) touched() []*entry {
	return slices.DeleteFunc(slices.Clone(l.entries), func(e *entry) bool { return !e.touched })
}

// verify compares personas with what was acknowledged, and learns what became
// of writes of unknown end.
func (l *ledger) verify(t *testing.T, s *server, entries []*entry) {
	t.Helper()
	c := s.caller(t)
	// A connection that was good a second ago is not tried before it is used:
	// PostgreSQL that was away for less still costs a few requests.
	c.patient = true
	var group sync.WaitGroup
	work := make(chan *entry)
	for range 4 {
		group.Go(func() {
			for e := range work {
				unknown := e.pending != 0
				applied, err := e.verify(t.Context(), c)
				if err != nil {
					t.Errorf("persona %s, of version %d acknowledged and %d sent: %v", e.oID, e.version, e.sent, err)
				}
				l.mu.Lock()
				switch {
				case unknown && applied:
					l.applied++
				case unknown:
					l.lost++
				}
				l.mu.Unlock()
			}
		})
	}
	for _, e := range entries {
		work <- e
	}
	close(work)
	group.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

// verify compares all that the server has of one persona, and tells whether the
// write of unknown end was made.
func (e *entry) verify(ctx context.Context, c *caller) (applied bool, err error) {
	created := false
	if e.oID == "" {
		if created, err = e.createAgain(ctx, c); err != nil {
			return false, err
		}
	}
	p, header, err := read[apitype.Persona](ctx, c, "persona/get?oId="+e.oID)
	if err != nil {
		return false, err
	}
	word := p.Data.InternalName
	switch etag := header.Get("Etag"); {
	case word == e.word(e.version) && etag == e.etag:
	case e.pending != 0 && word == e.word(e.pending):
		applied = true
		e.acknowledge(etag)
	default:
		return false, fmt.Errorf("it is %q with ETag %s, want that of version %d with %s, or of %d", word, etag, e.version, e.etag, e.pending)
	}
	gone := []int{e.version - 1, e.pending}
	e.pending = 0
	want := e.body(e.version)
	for field, same := range map[string]bool{
		"name": p.Name == want["name"], "description": *p.Description == want["description"],
		"painPoints": slices.Equal(p.Data.PainPoints, want["painPoints"].([]string)), "commonJobTitles": slices.Equal(p.Data.CommonJobTitles, []string{word}),
	} {
		if !same {
			return false, fmt.Errorf("%s is not that of %s", field, word)
		}
	}
	for _, filter := range []string{"text=", "productOId=of_"} {
		if err := e.findable(ctx, c, filter+word, true); err != nil {
			return false, err
		}
		for _, version := range gone {
			if version > 0 {
				if err := e.findable(ctx, c, filter+e.word(version), false); err != nil {
					return false, err
				}
			}
		}
	}
	return applied || created, e.verifyHistory(ctx, c)
}

// createAgain repeats a create of unknown end with its Idempotency-Key: that
// makes one persona of it, and tells whether it was made before, which the
// search must know too.
func (e *entry) createAgain(ctx context.Context, c *caller) (before bool, err error) {
	found, _, err := read[apitype.List[apitype.Persona]](ctx, c, "persona/list?status=all&text="+e.word(1))
	if err != nil {
		return false, err
	}
	e.sent = 0
	a, err := e.write(ctx, c)
	if err != nil || a.status != http.StatusOK {
		return false, errors.Join(fmt.Errorf("the repeated create: %+v", a), err)
	}
	before = a.header.Get("Idempotency-Replayed") == "true"
	if before != (found.Total == 1) || before && found.Data[0].OID != e.oID {
		return false, fmt.Errorf("the create was replayed: %t; the search found %d", before, found.Total)
	}
	return before, nil
}

// findable looks into the index of words, or of links.
func (e *entry) findable(ctx context.Context, c *caller, filter string, want bool) error {
	found, _, err := read[apitype.List[apitype.Persona]](ctx, c, "persona/list?status=all&"+filter)
	if err == nil && slices.ContainsFunc(found.Data, func(p apitype.Persona) bool { return p.OID == e.oID }) != want {
		err = fmt.Errorf("%s finds it: %t", filter, !want)
	}
	return err
}

// historyShown is how many of the last revisions are read one by one.
const historyShown = 20

// verifyHistory looks for gaps, and for a last revision that is not the persona.
func (e *entry) verifyHistory(ctx context.Context, c *caller) error {
	history, _, err := read[struct{ Data apitype.RevisionPage }](ctx, c, fmt.Sprintf("revision/list?entityOIds[]=%s&limit=%d", url.QueryEscape(e.oID), historyShown))
	if err != nil {
		return err
	}
	if history.Data.Total != len(e.history) || len(history.Data.Revisions) != min(len(e.history), historyShown) {
		return fmt.Errorf("%d revisions, %d shown, want %d", history.Data.Total, len(history.Data.Revisions), len(e.history))
	}
	for n, r := range history.Data.Revisions {
		i := len(e.history) - 1 - n
		want, was := e.word(e.history[i]), ""
		if i > 0 {
			was = e.word(e.history[i-1])
		}
		detail, _, err := read[struct{ Data apitype.RevisionDetail }](ctx, c, "revision/get?revisionOId="+url.QueryEscape(r.RevisionOID))
		if err != nil {
			return err
		}
		var after, before struct {
			InternalName, Description string
			LinkingStrategy           apitype.LinkingStrategy
		}
		if err := errors.Join(json.Unmarshal(detail.Data.NewEntity, &after), json.Unmarshal(detail.Data.OldEntity, &before)); err != nil {
			return err
		}
		if after.InternalName != want || before.InternalName != was {
			return fmt.Errorf("revision %d from the end goes from %q to %q, want %q to %q", n, before.InternalName, after.InternalName, was, want)
		}
		if n == 0 && (after.Description != e.body(e.version)["description"] || !slices.Equal(after.LinkingStrategy.OfferingOIDs, []string{"of_" + want})) {
			return fmt.Errorf("the last revision is %s, want %s", detail.Data.NewEntity, want)
		}
	}
	return nil
}

// verifyTotal shows that there is nothing else.
func (l *ledger) verifyTotal(t *testing.T, s *server) {
	t.Helper()
	all, _, err := read[apitype.List[apitype.Persona]](t.Context(), s.caller(t), "persona/list?status=all&limit=1")
	must(t, err)
	if all.Total != len(l.entries) {
		t.Errorf("there are %d personas, want %d", all.Total, len(l.entries))
	}
}

// feed is a reader of the change feed, who goes on after each kill.
type feed struct {
	after string
	// changes are the ids of revisions, by the id of their entity.
	changes map[string][]string
}

// read reads what there is.
func (f *feed) read(ctx context.Context, c *caller) error {
	for {
		page, _, err := read[apitype.Feed](ctx, c, "change/list?limit=500&after="+f.after)
		if err != nil {
			return err
		}
		if f.changes == nil {
			f.changes = map[string][]string{}
		}
		for _, r := range page.Data {
			f.changes[r.EntityOID] = append(f.changes[r.EntityOID], r.RevisionOID)
		}
		f.after = page.NextCursor
		if !page.HasNext {
			return nil
		}
	}
}

// verifyFeed compares what the reader of the feed was told, through all kills,
// with the history of each persona: nothing is missing, nothing came twice, and
// the order is that of the revisions.
func (l *ledger) verifyFeed(t *testing.T, s *server) {
	t.Helper()
	c := s.caller(t)
	c.patient = true
	must(t, l.feed.read(t.Context(), c))
	if len(l.feed.changes) != len(l.entries) {
		t.Errorf("the feed has %d personas, want %d", len(l.feed.changes), len(l.entries))
	}
	for _, e := range l.entries {
		told := l.feed.changes[e.oID]
		if len(told) != len(e.history) {
			t.Fatalf("the feed has %d changes of %s, want %d", len(told), e.oID, len(e.history))
		}
		shown, _, err := read[struct{ Data apitype.RevisionPage }](t.Context(), c, fmt.Sprintf("revision/list?entityOIds[]=%s&limit=%d", url.QueryEscape(e.oID), historyShown))
		must(t, err)
		for n, r := range shown.Data.Revisions {
			if told[len(told)-1-n] != r.RevisionOID {
				t.Fatalf("the feed has %q of %s, and not %s at place %d from the end", told, e.oID, r.RevisionOID, n)
			}
		}
	}
}

// TestLedger shows that a persona that is not as it was acknowledged is found.
func TestLedger(t *testing.T) {
	t.Parallel()
	const row = "(select id from entities where o_id = $1)"
	damages := map[string]struct {
		statement string
		replace   [2]string // in the document, whose tag is made again
		want      string
	}{
		"Whole":            {},
		"Lost":             {statement: "delete from entities where id = " + row, want: "404"},
		"OldVersion":       {replace: [2]string{"v3x", "v2x"}, want: "ETag"},
		"HalfWritten":      {replace: [2]string{`"painPoints":[`, `"painPoints":["half",`}, want: "ETag"},
		"Damaged":          {statement: "update entities set document = replace(document, 'that it ends', 'that it endz') where id = " + row, want: "503"},
		"NotInTheIndex":    {statement: "delete from words where rowid = " + row, want: "text="},
		"NoLinks":          {statement: "delete from links where entity_id = " + row, want: "productOId"},
		"RevisionLost":     {statement: "delete from revisions where number = 3 and entity_id = " + row, want: "revisions"},
		"RevisionOfOther":  {statement: "update revisions set document = replace(document, 'v2x', 'v1x') where number = 2 and entity_id = " + row, want: "from the end"},
		"UnknownHalfThere": {replace: [2]string{`v3x","primaryResponsibilities`, `v4x","primaryResponsibilities`}, want: "is not that of"},
	}
	i := &installation{dir: t.TempDir(), database: onSQLite}
	s := i.start(t)
	c := s.caller(t)
	l := &ledger{prefix: "l"}
	entries := map[string]*entry{}
	for name := range damages {
		e := l.add()
		entries[name] = e
		for range 3 {
			a, err := e.write(t.Context(), c)
			if err != nil || a.status != http.StatusOK {
				t.Fatalf("write: %+v, %v", a, err)
			}
		}
	}
	entries["UnknownHalfThere"].pending = 4
	s.stop(t)
	db := i.openSQLite(t)
	for name, damage := range damages {
		oID := entries[name].oID
		if damage.replace != [2]string{} {
			replaceInDocument(t, db, oID, damage.replace)
		}
		if damage.statement == "" {
			continue
		}
		result, err := db.ExecContext(t.Context(), damage.statement, oID)
		must(t, err)
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			t.Fatalf("%s: %d rows, %v", name, n, err)
		}
	}
	must(t, db.Close())
	c = i.start(t).caller(t)
	for name, damage := range damages {
		_, err := entries[name].verify(t.Context(), c)
		if damage.want == "" && err != nil || damage.want != "" && (err == nil || !strings.Contains(err.Error(), damage.want)) {
			t.Errorf("%s: the error is %v, want one of %q", name, err, damage.want)
		}
	}
}

// replaceInDocument writes another document, with the tag that it would have.
func replaceInDocument(t *testing.T, db *sql.DB, oID string, replace [2]string) {
	t.Helper()
	var document, hidden string
	must(t, db.QueryRowContext(t.Context(), "select document, hidden from entities where o_id = $1", oID).Scan(&document, &hidden))
	other := strings.Replace(document, replace[0], replace[1], 1)
	if other == document {
		t.Fatalf("%s does not contain %s", document, replace[0])
	}
	tag := entity.TagOf([]byte(other), []byte(hidden))
	_, err := db.ExecContext(t.Context(), "update entities set document = $2, tag = $3 where o_id = $1", oID, other, tag[:])
	must(t, err)
}
