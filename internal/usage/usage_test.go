package usage_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"personae.dev/internal/persona"
	"personae.dev/internal/usage"
)

// store takes down what is written, one map for each transaction.
type store struct {
	persona.Store
	writes []map[string]time.Time
	fails  func(write int) error
}

type tx struct {
	persona.Tx
	store *store
}

func (s *store) Write(ctx context.Context, fn func(persona.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return fn(tx{store: s})
}

func (t tx) TouchAPIKeys(_ context.Context, lastUsed map[string]time.Time) error {
	if t.store.fails != nil {
		if err := t.store.fails(len(t.store.writes)); err != nil {
			return err
		}
	}
	t.store.writes = append(t.store.writes, lastUsed)
	return nil
}

func (s *store) all() map[string]time.Time {
	all := map[string]time.Time{}
	for _, write := range s.writes {
		maps.Copy(all, write)
	}
	return all
}

func at(second int) time.Time { return time.Date(2026, 11, 28, 0, 0, second, 0, time.UTC) }

func keyOID(n int) string { return fmt.Sprintf("ak_%022d", n) }

func flush(t *testing.T, times *usage.Times, s *store) error {
	t.Helper()
	return times.Flush(t.Context(), s, false)
}

func TestFlush(t *testing.T) {
	t.Parallel()
	times, s := usage.New(), &store{}
	times.At(keyOID(1), at(1))
	times.At(keyOID(1), at(5))
	times.At(keyOID(1), at(3)) // began earlier
	times.At(keyOID(2), at(2))
	if err := flush(t, times, s); err != nil {
		t.Fatal(err)
	}
	want := []map[string]time.Time{{keyOID(1): at(5), keyOID(2): at(2)}}
	if diff := cmp.Diff(want, s.writes); diff != "" {
		t.Errorf("written (-want +got):\n%s", diff)
	}
	if err := flush(t, times, s); err != nil || len(s.writes) != 1 {
		t.Errorf("without a use, %d were written, %v", len(s.writes)-1, err)
	}
	times.At(keyOID(2), at(9))
	if err := flush(t, times, s); err != nil || len(s.writes) != 2 || !s.writes[1][keyOID(2)].Equal(at(9)) || len(s.writes[1]) != 1 {
		t.Errorf("after one more use: %v, %v", s.writes, err)
	}
}

// TestFlushFails: what could not be written is written the next time, with what
// came meanwhile.
func TestFlushFails(t *testing.T) {
	t.Parallel()
	times, s := usage.New(), &store{}
	const keys = 12_000 // several transactions
	want := map[string]time.Time{}
	for i := range keys {
		want[keyOID(i)] = at(1)
		times.At(keyOID(i), at(1))
	}
	broken := errors.New("broken")
	s.fails = func(write int) error {
		if write == 1 {
			times.At(keyOID(0), at(7))
			return broken
		}
		return nil
	}
	if err := flush(t, times, s); !errors.Is(err, broken) || len(s.writes) != 1 {
		t.Fatalf("%d transactions, %v, want 1 and %v", len(s.writes), err, broken)
	}
	s.fails, want[keyOID(0)] = nil, at(7)
	if err := flush(t, times, s); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, s.all()); diff != "" {
		t.Errorf("written (-want +got):\n%s", diff)
	}
}

// TestFlushGently: a write begins each tenth of a second, and nine tenths of the time
// are left to others, until there is much to write again, or no time any more.
func TestFlushGently(t *testing.T) {
	t.Parallel()
	const keys = 200
	const slow = time.Second // whose pauses are the longest that there are
	nothing, all := func(*usage.Times, func()) {}, []int{40, 40, 40, 40, 40}
	for name, c := range map[string]struct {
		each  time.Duration                        // that a transaction takes
		then  func(times *usage.Times, end func()) // after the second one
		sizes []int
		took  time.Duration
		kept  int // for the next time
	}{
		"ToTheEnd": {slow, nothing, all, 5*slow + 4*slow, 0},
		"Fast":     {time.Millisecond, nothing, all, 401 * time.Millisecond, 0},
		"Tenth":    {20 * time.Millisecond, nothing, all, (5 + 4*9) * 20 * time.Millisecond, 0},
		"UntilMany": {slow, func(times *usage.Times, _ func()) {
			for i := range 150_000 {
				times.At(keyOID(keys+i), at(2))
			}
		}, []int{40, 40, 120}, 3*slow + slow, 150_000},
		"UntilTheEnd": {slow, func(_ *usage.Times, end func()) { end() }, []int{40, 40}, 2*slow + slow, 120},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				times, s := usage.New(), &store{}
				for i := range keys {
					times.At(keyOID(i), at(1))
				}
				ctx, end := context.WithCancel(t.Context())
				defer end()
				s.fails = func(write int) error {
					time.Sleep(c.each) //nolint:forbidigo // in a synctest bubble
					if write == 1 {
						c.then(times, end)
					}
					return nil
				}
				began := time.Now()
				if err := times.Flush(ctx, s, true); err != nil && ctx.Err() == nil {
					t.Fatal(err)
				}
				var sizes []int
				for _, write := range s.writes {
					sizes = append(sizes, len(write))
				}
				if took := time.Since(began); took != c.took || !slices.Equal(sizes, c.sizes) {
					t.Errorf("%v were written in %s, want %v in %s", sizes, took, c.sizes, c.took)
				}
				select {
				case <-times.Many(): // who waits for it is told, too
				default:
					if c.kept >= 150_000 {
						t.Error("nobody is told that there are many")
					}
				}
				s.writes, s.fails = nil, nil
				if err := flush(t, times, s); err != nil || len(s.all()) != c.kept {
					t.Errorf("the next time %d are written, %v, want %d", len(s.all()), err, c.kept)
				}
			})
		})
	}
}

// TestUsedWhileOthersAreWritten: what is used before its turn comes is written with
// that, once.
func TestUsedWhileOthersAreWritten(t *testing.T) {
	t.Parallel()
	times, s := usage.New(), &store{}
	const keys = 5_001 // one more than a transaction
	for i := range keys {
		times.At(keyOID(i), at(1))
	}
	s.fails = func(write int) error {
		if write == 0 {
			times.At(keyOID(0), at(2)) // which is being written
			times.At(keyOID(keys-1), at(3))
		}
		return nil
	}
	if err := flush(t, times, s); err != nil || len(s.writes) != 2 {
		t.Fatalf("%d transactions, %v, want 2", len(s.writes), err)
	}
	if diff := cmp.Diff(map[string]time.Time{keyOID(keys - 1): at(3)}, s.writes[1]); diff != "" {
		t.Errorf("written second (-want +got):\n%s", diff)
	}
	s.writes, s.fails = nil, nil
	if err := flush(t, times, s); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]map[string]time.Time{{keyOID(0): at(2)}}, s.writes); diff != "" {
		t.Errorf("written the next time (-want +got):\n%s", diff)
	}
}

// TestMany: much is to be written at once, and what is noted is bounded.
func TestMany(t *testing.T) {
	t.Parallel()
	times, s := usage.New(), &store{}
	const early, atMost = 150_000, 200_000
	for i := range atMost + 1000 {
		times.At(keyOID(i), at(1))
		if i == early-2 {
			select {
			case <-times.Many():
				t.Fatal("there are not yet many")
			default:
			}
		}
	}
	select {
	case <-times.Many():
	default:
		t.Error("nobody was told that there are many")
	}
	if err := flush(t, times, s); err != nil || len(s.all()) != atMost {
		t.Errorf("%d were written, %v, want %d", len(s.all()), err, atMost)
	}
}

// TestManyUsesOfOneKey: it is keys that count, and not requests.
func TestManyUsesOfOneKey(t *testing.T) {
	t.Parallel()
	times, s := usage.New(), &store{}
	const requests = 150_000
	latest := at(requests)
	times.At(keyOID(1), latest)
	for i := range requests {
		times.At(keyOID(1), at(i))
	}
	select {
	case <-times.Many():
		t.Error("one key counts as many")
	default:
	}
	if err := flush(t, times, s); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]map[string]time.Time{{keyOID(1): latest}}, s.writes); diff != "" {
		t.Errorf("written (-want +got):\n%s", diff)
	}
}

// TestForeignID: what no token has is not noted as what it begins with.
func TestForeignID(t *testing.T) {
	t.Parallel()
	times, s := usage.New(), &store{}
	times.At(keyOID(1), at(1))
	times.At(keyOID(1)+"2", at(2))
	times.At("", at(3))
	if err := flush(t, times, s); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]map[string]time.Time{{keyOID(1): at(1)}}, s.writes); diff != "" {
		t.Errorf("written (-want +got):\n%s", diff)
	}
}
