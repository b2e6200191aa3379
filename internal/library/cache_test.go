package library_test

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"unsafe"
	"weak"

	"personae.dev/internal/library"
	"personae.dev/internal/wire"
)

// TestCachesKeepNoRequest: what a request names, a key or a persona, is a part
// of the text that came in. The caches keep nothing of that text: there is a
// secret in it.
func TestCachesKeepNoRequest(t *testing.T) {
	t.Parallel()
	f := setupWriting(t)
	oID := f.create(t, `{"name":"x"}`).Persona.OID
	// ask makes do a request, whose text it returns.
	ask := func(text string, do func(string) error) weak.Pointer[[1024]byte] {
		request := new([1024]byte)
		if err := do(unsafe.String(&request[0], copy(request[:], text))); err != nil {
			t.Fatal(err)
		}
		return weak.Make(request)
	}
	for name, request := range map[string]weak.Pointer[[1024]byte]{
		"Key": ask(f.tokenOf(t, f.workspace), func(token string) error {
			_, err := f.Authenticate(t.Context(), token)
			return err
		}),
		"Persona": ask(oID, func(oID string) error {
			_, err := f.Persona(t.Context(), f.caller, oID)
			return err
		}),
	} {
		runtime.GC()
		if request.Value() != nil {
			t.Errorf("%s: the request is kept", name)
		}
	}
	runtime.KeepAlive(f) // and its caches
}

// TestDocumentsTakeWhatIsCounted: what escapes make larger has no more room in a
// cache than the rest.
func TestDocumentsTakeWhatIsCounted(t *testing.T) {
	t.Parallel()
	f := setupWriting(t)
	for _, point := range []string{"plain", `\"quoted\"\n`, strings.Repeat(`\"`, 40)} {
		for _, count := range []int{1, 10, 100, 200} {
			oID := f.create(t, `{"name":"x","painPoints":["`+strings.Repeat(point+`","`, count)+`x"]}`).Persona.OID
			ask := func() *library.Document {
				d, err := f.Persona(t.Context(), f.caller, oID)
				if err != nil {
					t.Fatal(err)
				}
				return d
			}
			ask().Done()
			cached := ask()
			if room := cap(cached.Body) - len(cached.Body); cached != ask() || room > len(cached.Body)/16 {
				t.Errorf("%d times %q: %d bytes have room for %d more", count, point, len(cached.Body), room)
			}
		}
	}
}

// TestDocumentsAreUsedAgain: without a cache, what many read at once is not mixed
// up, though its memory is used again.
func TestDocumentsAreUsedAgain(t *testing.T) {
	t.Parallel()
	f := setupWriting(t)
	var oIDs []string
	for i := range 5 {
		oIDs = append(oIDs, f.create(t, fmt.Sprintf(`{"name":"n%d","description":%q}`, i, strings.Repeat("x", 2000*i))).Persona.OID)
	}
	cold, err := library.New(library.Config{Store: f.store, Render: wire.AppendPersona})
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			for n := range 50 {
				oID := oIDs[(i+n)%len(oIDs)]
				want, err := f.Persona(t.Context(), f.caller, oID)
				if err != nil {
					t.Error(err)
					return
				}
				got, err := cold.Persona(t.Context(), f.caller, oID)
				if err != nil || string(got.Body) != string(want.Body) || got.ETag != want.ETag {
					t.Errorf("%s is %s %.100s, %v, want %s %.100s", oID, got.ETag, got.Body, err, want.ETag, want.Body)
					return
				}
				got.Done()
			}
		})
	}
	group.Wait()
}
