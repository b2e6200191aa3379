package cache_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"personae.dev/internal/cache"
)

// TestModel holds a cache in which there is room for some against what was written:
// whatever is asked for, changed, forgotten and resized, an answer is the newest
// value of its own key, and what is kept has room.
func TestModel(t *testing.T) {
	t.Parallel()
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				maxBytes := int64(rapid.SampledFrom([]int{1, 2_000, 40_000, 400_000, 16 << 20}).Draw(t, "maxBytes"))
				least := maxBytes / 100 // that is a change
				var e epochs
				c, err := cache.New(cache.Config{Epochs: &e, MaxBytes: maxBytes, Typical: typical, Observe: func(cache.Result) {}}, kind)
				if err != nil {
					t.Fatal(err)
				}
				versions := map[string]int{}
				key := rapid.Custom(func(t *rapid.T) string { return "k" + strconv.Itoa(rapid.IntRange(0, 300).Draw(t, "key")) })
				value := func(key string) string {
					return fmt.Sprintf("%s=%d %s", key, versions[key], strings.Repeat("x", len(key)*versions[key]*97%5000))
				}
				t.Repeat(map[string]func(*rapid.T){
					"": func(t *rapid.T) {
						if got := c.Bytes(); name == "Texts" && got > maxBytes { // of others they go later
							t.Fatalf("%d bytes are kept in %d", got, maxBytes)
						}
					},
					"get": func(t *rapid.T) {
						for range 20 {
							key := key.Draw(t, "key")
							got, err := c.Get(t.Context(), key, func(context.Context, string) (string, error) { return value(key), nil })
							if err != nil || got != value(key) {
								t.Fatalf("%s is %.40q, %v, want %.40q", key, got, err, value(key))
							}
						}
					},
					"write": func(t *rapid.T) {
						key := key.Draw(t, "key")
						changed := c.Changing(key)
						versions[key]++
						changed()
					},
					"another's write": func(t *rapid.T) {
						key := key.Draw(t, "key")
						versions[key]++
						c.Forget(key)
					},
					"anybody's write": func(t *rapid.T) {
						versions[key.Draw(t, "key")]++
						e.epoch++
					},
					"write to all": func(*rapid.T) {
						for key := range versions {
							versions[key]++
						}
						c.ForgetAll()
					},
					"resize": func(t *rapid.T) {
						maxBytes = rapid.Int64Range(0, 400_000).Draw(t, "maxBytes")
						c.Resize(maxBytes)
						maxBytes += least
					},
				})
			})
		})
	}
}
