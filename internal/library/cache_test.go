package library_test

import (
	"runtime"
	"testing"
	"unsafe"
	"weak"
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
