package cache_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"personae.dev/internal/cache"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// epochs vouches as a test says.
type epochs struct {
	epoch uint64
	away  bool
}

func (e *epochs) Epoch() (uint64, bool) { return e.epoch, !e.away }

// fixture is a cache of texts that notes what its looks gave.
type fixture struct {
	*cache.Cache[string, string]
	kind    kind
	epochs  epochs
	results []cache.Result
}

type kind = cache.Kind[string, string]

// kinds are those that all caches have.
var kinds = map[string]kind{
	"Objects": cache.Objects[string, string]{
		Own:   func(key, value string) (string, string) { return strings.Clone(key), value },
		Bytes: func(key, value string) int { return len(key) + len(value) },
	},
	"Texts": cache.Texts[string, string]{Of: func(value, key string) bool { return strings.HasPrefix(value, key+"=") }},
}

func setup(t *testing.T, kind kind, maxBytes int64) *fixture {
	t.Helper()
	f := &fixture{kind: kind}
	var err error
	f.Cache, err = cache.New(cache.Config{
		Epochs: &f.epochs, MaxBytes: maxBytes, Typical: typical,
		Observe: func(r cache.Result) { f.results = append(f.results, r) },
	}, kind)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// get looks for key, and has it loaded as value where it is not there.
func (f *fixture) get(t *testing.T, key, value string) string {
	t.Helper()
	got, err := f.Get(t.Context(), key, func(context.Context, string) (string, error) { return key + "=" + value, nil })
	if err != nil {
		t.Fatalf("Get: %v", err)
	}
	_, got, _ = strings.Cut(got, "=")
	return got
}

// want fails the test unless the looks since the last time gave this.
func (f *fixture) want(t *testing.T, want ...cache.Result) {
	t.Helper()
	if diff := cmp.Diff(want, f.results); diff != "" {
		t.Errorf("the looks gave (-want +got):\n%s", diff)
	}
	f.results = nil
}

func same(t *testing.T, what, want, got string) {
	t.Helper()
	if want != got {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

const (
	plenty  = 1 << 20
	typical = 500
)

func TestGet(t *testing.T) {
	t.Parallel()
	for kindName, kind := range kinds {
		t.Run(kindName, func(t *testing.T) {
			t.Parallel()
			f := setup(t, kind, plenty)
			same(t, "first", "1", f.get(t, "k", "1"))
			same(t, "again", "1", f.get(t, "k", "2"))
			same(t, "another key", "3", f.get(t, "l", "3"))
			f.want(t, cache.Miss, cache.Hit, cache.Miss)
			f.Changing("k")()
			same(t, "forgotten", "4", f.get(t, "k", "4"))
			same(t, "not forgotten", "3", f.get(t, "l", "5"))
			f.want(t, cache.Miss, cache.Hit)
			f.Forget("k")
			same(t, "forgotten again", "5", f.get(t, "k", "5"))
			same(t, "not forgotten", "3", f.get(t, "l", "5"))
			f.want(t, cache.Miss, cache.Hit)
			f.ForgetAll()
			same(t, "all forgotten", "6", f.get(t, "k", "6"))
			same(t, "all forgotten", "7", f.get(t, "l", "7"))
			f.want(t, cache.Miss, cache.Miss)
		})
	}
}

func TestErrorIsNotKept(t *testing.T) {
	t.Parallel()
	for kindName, kind := range kinds {
		t.Run(kindName, func(t *testing.T) {
			t.Parallel()
			f := setup(t, kind, plenty)
			errLoad := errors.New("load")
			if _, err := f.Get(t.Context(), "k", func(context.Context, string) (string, error) { return "k=no", errLoad }); !errors.Is(err, errLoad) {
				t.Errorf("Get: %v", err)
			}
			same(t, "afterwards", "1", f.get(t, "k", "1"))
			f.want(t, cache.Miss, cache.Miss)
		})
	}
}

// TestEpoch: what was read before another process wrote is not handed out.
func TestEpoch(t *testing.T) {
	t.Parallel()
	for kindName, kind := range kinds {
		t.Run(kindName, func(t *testing.T) {
			t.Parallel()
			f := setup(t, kind, plenty)
			f.get(t, "k", "1")
			f.epochs.epoch++
			same(t, "after another's write", "2", f.get(t, "k", "2"))
			same(t, "kept again", "2", f.get(t, "k", "3"))
			f.want(t, cache.Miss, cache.Miss, cache.Hit)

			// It was read before, though it came in after.
			if _, err := f.Get(t.Context(), "l", func(context.Context, string) (string, error) {
				f.epochs.epoch++
				return "l=old", nil
			}); err != nil {
				t.Fatal(err)
			}
			same(t, "written while it was read", "new", f.get(t, "l", "new"))
			f.want(t, cache.Miss, cache.Miss)
		})
	}
}

// TestBypass: a cache that nobody vouches for is neither asked nor filled.
func TestBypass(t *testing.T) {
	t.Parallel()
	for kindName, kind := range kinds {
		t.Run(kindName, func(t *testing.T) {
			t.Parallel()
			f := setup(t, kind, plenty)
			f.get(t, "k", "1")
			f.epochs.away = true
			same(t, "kept", "2", f.get(t, "k", "2"))
			same(t, "not kept", "3", f.get(t, "l", "3"))
			f.want(t, cache.Miss, cache.Bypass, cache.Bypass)
			f.epochs.away = false
			same(t, "kept from before", "1", f.get(t, "k", "4"))
			same(t, "not filled meanwhile", "5", f.get(t, "l", "5"))
			f.want(t, cache.Hit, cache.Miss)
			// A write while it was away.
			f.epochs.away = true
			f.Changing("k")()
			f.epochs.away = false
			same(t, "forgotten meanwhile", "6", f.get(t, "k", "6"))
		})
	}
}

func TestOff(t *testing.T) {
	t.Parallel()
	for kindName, kind := range kinds {
		t.Run(kindName, func(t *testing.T) {
			t.Parallel()
			f := setup(t, kind, 0)
			f.get(t, "k", "1")
			same(t, "again", "2", f.get(t, "k", "2"))
			f.Changing("k")()
			f.Forget("k")
			f.ForgetAll()
			f.want(t, cache.Bypass, cache.Bypass)
		})
	}
}

// TestWriteWhileLoading: what was loaded while there was a write is handed to
// the one who asked before it ended, and kept for nobody.
func TestWriteWhileLoading(t *testing.T) {
	t.Parallel()
	for kindName, kind := range kinds {
		t.Run(kindName, func(t *testing.T) {
			t.Parallel()
			for name, write := range map[string]func(*fixture){
				"SameKey":    func(f *fixture) { f.Changing("k")() },
				"AnotherKey": func(f *fixture) { f.Changing("l")() }, // careful, and rare
				"Another's":  func(f *fixture) { f.Forget("k") },
				"All":        func(f *fixture) { f.ForgetAll() },
			} {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					f := setup(t, kind, plenty)
					got, err := f.Get(t.Context(), "k", func(context.Context, string) (string, error) {
						write(f)
						return "k=old", nil
					})
					if err != nil || got != "k=old" {
						t.Errorf("Get = %q, %v", got, err)
					}
					same(t, "afterwards", "new", f.get(t, "k", "new"))
					same(t, "kept", "new", f.get(t, "k", "newer"))
					f.want(t, cache.Miss, cache.Miss, cache.Hit)
				})
			}
		})
	}
}

// TestWriteWhileLoadingKeepsTheNewer: a late load does not take away what an
// earlier one left.
func TestWriteWhileLoadingKeepsTheNewer(t *testing.T) {
	t.Parallel()
	for kindName, kind := range kinds {
		t.Run(kindName, func(t *testing.T) {
			t.Parallel()
			f := setup(t, kind, plenty)
			if _, err := f.Get(t.Context(), "k", func(context.Context, string) (string, error) {
				f.Changing("k")()
				f.get(t, "k", "new")
				return "k=old", nil
			}); err != nil {
				t.Fatal(err)
			}
			same(t, "afterwards", "new", f.get(t, "k", "newer"))
			f.want(t, cache.Miss, cache.Miss, cache.Hit)
		})
	}
}

// TestBound: however much is read, no more is kept than was allowed.
func TestBound(t *testing.T) {
	t.Parallel()
	for kindName, kind := range kinds {
		t.Run(kindName, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const maxBytes, entry, entries = 10_000, 500, 200
				value := string(make([]byte, entry-1))
				f := setup(t, kind, maxBytes)
				keys := []string{"huge"}
				for i := range entries {
					keys = append(keys, string(rune('A'+i)))
					f.get(t, keys[i+1], value)
				}
				f.get(t, "huge", string(make([]byte, 2*maxBytes)))
				synctest.Wait() // for the eviction
				f.results = nil
				kept := 0
				for _, key := range keys {
					_, _ = f.Get(t.Context(), key, func(context.Context, string) (string, error) { return "", errors.New("gone") })
					if f.results[len(f.results)-1] == cache.Hit {
						kept++
					}
				}
				if kept == 0 || kept*entry > maxBytes {
					t.Errorf("%d entries of %d bytes are kept in %d bytes", kept, entry, maxBytes)
				}
			})
		})
	}
}

// full is a cache in which there is no room for more: others were asked for.
type full struct {
	*fixture
	others []string
}

// ask gets keys, one after the other.
func (f *full) ask(t *testing.T, keys ...string) {
	t.Helper()
	for _, key := range keys {
		f.get(t, key, strings.Repeat("x", typical-200))
		synctest.Wait() // for the eviction
	}
}

// kept tells how many of the keys are in the cache.
func (f *full) kept(keys ...string) (kept int) {
	look, _ := f.Look()
	for _, key := range keys {
		if _, ok := look.Get(key); ok {
			kept++
		}
	}
	return kept
}

// refills tells whether what was there is let in again only when it is asked for twice:
// its place among the texts is no room for others, until the memory around it goes.
func (f *full) refills() bool {
	_, texts := f.kind.(cache.Texts[string, string])
	return texts
}

// names returns so many keys.
func names(prefix string, count int) (keys []string) {
	for i := range count {
		keys = append(keys, prefix+strconv.Itoa(i))
	}
	return keys
}

// TestFull: what is asked for once takes no place in a full cache, and what is
// asked for again does at once.
func TestFull(t *testing.T) {
	t.Parallel()
	for kindName, kind := range kinds {
		t.Run(kindName, func(t *testing.T) {
			t.Parallel()
			const fit = 400
			const few = fit / 20       // that an approximate bound may be off by
			const key = "the only key" // longer than others: it has no room that those left
			for name, test := range map[string]func(*testing.T, *full){
				"AskedForOnce": func(t *testing.T, f *full) {
					t.Helper()
					once := names("once ", 10*fit)
					f.ask(t, once...)
					if got, others := f.kept(once...), f.kept(f.others...); got > few || others < fit-few {
						t.Errorf("%d of those asked for once are kept, and %d of %d others", got, others, fit)
					}
				},
				"AskedForAgain": func(t *testing.T, f *full) {
					t.Helper()
					f.ask(t, key, "the other key", key)
					if f.kept(key) != 1 || f.kept("the other key") != 0 {
						t.Error("what was asked for again is not kept, or what was not is")
					}
				},
				"AskedForLongAgo": func(t *testing.T, f *full) {
					t.Helper()
					f.ask(t, key)
					f.ask(t, names("between ", 10*fit)...)
					f.ask(t, key)
					if f.kept(key) != 0 {
						t.Error("the second time, after many others, it is kept")
					}
				},
				"Hot": func(t *testing.T, f *full) {
					t.Helper()
					hot := names("hot ", fit/2)
					for range 10 {
						f.ask(t, hot...)
					}
					if got := f.kept(hot...); got < len(hot)-few {
						t.Errorf("%d of %d that are asked for again and again are kept", got, len(hot))
					}
				},
				"OwnWrite": func(t *testing.T, f *full) {
					t.Helper()
					f.Changing(f.others[0])()
					synctest.Wait() // for the room
					f.ask(t, f.others[0])
					if f.refills() {
						f.ask(t, f.others[0])
					}
					if f.kept(f.others[0]) == 0 {
						t.Error("what was written is not kept again")
					}
				},
				"Another'sWrite": func(t *testing.T, f *full) {
					t.Helper()
					f.epochs.epoch++
					rand.Shuffle(len(f.others), func(i, j int) { f.others[i], f.others[j] = f.others[j], f.others[i] })
					f.ask(t, f.others...)
					if f.refills() {
						f.ask(t, f.others...)
					}
					if got := f.kept(f.others...); got < fit-few {
						t.Errorf("of %d that may have changed %d are kept again", fit, got)
					}
				},
			} {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						f := &full{setup(t, kind, fit*typical), names("other ", 10*fit)}
						f.ask(t, f.others...)
						f.others = slices.DeleteFunc(f.others, func(key string) bool { return f.kept(key) == 0 })
						if len(f.others) < fit {
							t.Fatalf("%d are kept while there is room, want %d or more", len(f.others), fit)
						}
						test(t, f)
					})
				})
			}
		})
	}
}

// TestResize: a small change is none, however often it is asked for; many small
// ones together are.
func TestResize(t *testing.T) {
	t.Parallel()
	for kindName, kind := range kinds {
		t.Run(kindName, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const maxBytes, entries = 100_000, 100
				f := setup(t, kind, maxBytes)
				bytes := func() int64 {
					synctest.Wait() // for the eviction
					return f.Bytes()
				}
				for i := range entries + 50 {
					f.get(t, string(rune('A'+i)), string(make([]byte, maxBytes/entries-200)))
				}
				full := bytes()
				f.Resize(maxBytes - maxBytes/100)
				f.Resize(maxBytes - maxBytes/100)
				if got := bytes(); got != full {
					t.Errorf("a hundredth less makes %d bytes of %d", got, full)
				}
				f.Resize(maxBytes - maxBytes/100 - 1)
				if got := bytes(); got > maxBytes-maxBytes/100-1 {
					t.Errorf("more than a hundredth less leaves %d bytes of %d", got, full)
				}
				f.Resize(-1)
				if got := bytes(); got != 0 {
					t.Errorf("without room there are %d bytes", got)
				}
			})
		})
	}
}

// TestWriteUnderWay: what is read while a write is under way is kept for nobody,
// until the last such write has ended.
func TestWriteUnderWay(t *testing.T) {
	t.Parallel()
	for kindName, kind := range kinds {
		t.Run(kindName, func(t *testing.T) {
			t.Parallel()
			f := setup(t, kind, plenty)
			f.get(t, "k", "old")
			f.get(t, "l", "other")
			first, second := f.Changing("k", "m"), f.Changing("k")
			same(t, "before the first has ended", "1", f.get(t, "k", "1"))
			same(t, "of the same writes", "2", f.get(t, "m", "2"))
			first()
			same(t, "before the second has ended", "3", f.get(t, "k", "3"))
			same(t, "of a write that has ended", "4", f.get(t, "m", "4"))
			second()
			same(t, "afterwards", "5", f.get(t, "k", "5"))
			same(t, "kept", "5", f.get(t, "k", "6"))
			same(t, "kept", "4", f.get(t, "m", "6"))
			same(t, "of no write", "other", f.get(t, "l", "6"))
			f.want(t, cache.Miss, cache.Miss, cache.Miss, cache.Miss, cache.Miss, cache.Miss, cache.Miss, cache.Hit, cache.Hit, cache.Hit)
		})
	}
}

// TestReadsWhatWasWritten: every look that begins after a write was seen or has
// ended sees it, or a later one, whatever else is read and written meanwhile.
func TestReadsWhatWasWritten(t *testing.T) {
	t.Parallel()
	for kindName, kind := range kinds {
		t.Run(kindName, func(t *testing.T) {
			t.Parallel()
			var truth, written atomic.Int64
			c, err := cache.New(cache.Config{Epochs: &epochs{}, MaxBytes: plenty, Typical: typical, Observe: func(cache.Result) {}}, kind)
			if err != nil {
				t.Fatal(err)
			}
			const writes, readers = 5000, 4
			var group sync.WaitGroup
			group.Go(func() {
				for n := range int64(writes) {
					changed := c.Changing("k")
					truth.Store(n + 1)
					if n%2 == 0 {
						written.Store(n + 1) // somebody sees it early
					}
					changed()
					written.Store(n + 1)
				}
			})
			for range readers {
				group.Go(func() {
					for written.Load() < writes {
						atLeast := written.Load()
						got, err := c.Get(t.Context(), "k", func(context.Context, string) (string, error) {
							return "k=" + strconv.FormatInt(truth.Load(), 10), nil
						})
						if n, _ := strconv.ParseInt(strings.TrimPrefix(got, "k="), 10, 64); err != nil || n < atLeast {
							t.Errorf("Get = %q, %v; %d was written before", got, err, atLeast)
							return
						}
					}
				})
			}
			group.Wait()
		})
	}
}

// TestTextsLeaveNoHoles: what was replaced or forgotten takes no memory for long, and
// what stands between stays.
func TestTextsLeaveNoHoles(t *testing.T) {
	t.Parallel()
	f := setup(t, kinds["Texts"], 64<<20)
	value := strings.Repeat("x", 300)
	stays := names("stays ", 1000)
	for _, key := range stays {
		f.get(t, key, value)
	}
	before := f.Bytes()
	for round := range 500 {
		for _, key := range names("goes ", 100) {
			f.get(t, key, value)
			if round%2 == 0 {
				f.Forget(key)
			}
		}
		f.Changing(names("goes ", 100)...)()
	}
	if after := f.Bytes(); after > 3*before+2<<20 {
		t.Errorf("%d bytes became %d", before, after)
	}
	f.results = nil
	for _, key := range stays {
		same(t, key, value, f.get(t, key, "new"))
	}
}

// TestTextsStayForgotten: what was forgotten does not come back when the memory that it
// was in is thrown away, be there room or not. The first text of a shard is the one.
func TestTextsStayForgotten(t *testing.T) {
	t.Parallel()
	for name, maxBytes := range map[string]int64{"Full": plenty, "Room": 64 << 20} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t, kinds["Texts"], maxBytes)
			first := names("first ", 50)
			for _, key := range first {
				f.get(t, key, "old")
				f.get(t, key, "old") // used
				f.Forget(key)
			}
			for round := range 2 {
				for _, key := range names("other ", 20_000) {
					f.get(t, key, strings.Repeat("x", 300))
					if name == "Room" {
						f.Forget(key)
					} else if round > 0 {
						f.get(t, key, strings.Repeat("x", 300))
					}
				}
			}
			for _, key := range first {
				same(t, key, "new", f.get(t, key, "new"))
			}
		})
	}
}

// TestTextsSpareWhatIsUsed: what is used stays, however many others come and go.
func TestTextsSpareWhatIsUsed(t *testing.T) {
	t.Parallel()
	f := setup(t, kinds["Texts"], plenty)
	value := strings.Repeat("x", 300)
	hot := names("hot ", 500)
	for round := range 20 {
		for _, key := range hot {
			f.get(t, key, value)
		}
		for _, key := range names("round "+strconv.Itoa(round)+" ", 500) {
			f.get(t, key, value)
			f.get(t, key, value) // the door knows it
		}
	}
	f.results = nil
	kept := 0
	for _, key := range hot {
		f.get(t, key, value)
		if f.results[len(f.results)-1] == cache.Hit {
			kept++
		}
	}
	if kept < len(hot)*87/100 { // in order of age alone it would be 300, more or less
		t.Errorf("%d of %d that are used all the time are kept", kept, len(hot))
	}
}

// TestTextsTooLarge: what has no room at all takes none from others.
func TestTextsTooLarge(t *testing.T) {
	t.Parallel()
	f := setup(t, kinds["Texts"], plenty)
	few := names("k", 100)
	for _, key := range few {
		f.get(t, key, "1")
	}
	for _, key := range names("large ", 100) {
		f.get(t, key, strings.Repeat("x", plenty/8))
		f.get(t, key, strings.Repeat("x", plenty/8))
	}
	for _, key := range few {
		same(t, key, "1", f.get(t, key, "2"))
	}
}

// TestTextsOfOneHash: of two keys that cannot be told apart by what is kept of them
// neither is given the other's value.
func TestTextsOfOneHash(t *testing.T) {
	t.Parallel()
	f := &fixture{}
	var err error
	f.Cache, err = cache.New[string](cache.Config{Epochs: &f.epochs, MaxBytes: plenty, Typical: typical, Observe: func(cache.Result) {}},
		cache.Texts[string, string]{Of: func(string, string) bool { return false }})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "first", "1", f.get(t, "k", "1"))
	same(t, "again", "2", f.get(t, "k", "2"))
}
