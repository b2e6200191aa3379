package fastpath

import (
	"bufio"
	"net/http"
	"strings"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
)

// TestNamesAreCopies: what is known of names keeps no head in memory.
func TestNamesAreCopies(t *testing.T) {
	t.Parallel()
	r := newRequest()
	head := strings.Clone("GET / HTTP/1.1\r\nHost: h\r\nX-Canonical: secret\r\nx-other: secret\r\n\r\n")
	if !r.read(head, &http.Request{}) || len(r.names) != 3 {
		t.Fatalf("%q is known of %q", r.names, head)
	}
	for name, key := range r.names {
		for _, s := range []string{name, key} {
			at := uintptr(unsafe.Pointer(unsafe.StringData(s))) - uintptr(unsafe.Pointer(unsafe.StringData(head)))
			if at < uintptr(len(head)) {
				t.Errorf("%q is part of the head", s)
			}
		}
	}
}

// FuzzRead shows that a head that is taken for plain means to net/http what it
// means here.
func FuzzRead(f *testing.F) {
	for _, head := range []string{
		"GET /api/v2/persona/get?oId=pe_1 HTTP/1.1\r\nHost: h:80\r\napi_key: k\r\nUser-Agent: a/1 (b; c)\r\nAccept: */*\r\n\r\n",
		"GET /a?b=%zz&c=+d&=&&e:1,2 HTTP/1.1\r\nhost:h\r\nA: 1\r\na: 2\r\nConnection: keep-alive\r\n\r\n",
		"GET /../a/./b HTTP/1.1\r\nHost: h\r\nCache-Control: no-cache\r\nTE: trailers\r\nKeep-Alive: 5\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
		"GET / HTTP/1.1\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\nX:\r\n\r\n",
	} {
		f.Add(head)
	}
	f.Fuzz(func(t *testing.T, head string) {
		template := &http.Request{Method: http.MethodGet, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
		got := newRequest()
		// What was there before must not matter.
		got.read("GET /before?x HTTP/1.1\r\nHost: before\r\nBefore: 1\r\nAPI_KEY: before\r\n\r\n", template)
		if !got.read(head, template) {
			return
		}
		rest := strings.NewReader(head)
		reader := bufio.NewReader(rest)
		want, err := http.ReadRequest(reader)
		if err != nil {
			t.Fatalf("net/http refuses it: %v", err)
		}
		if rest.Len()+reader.Buffered() != 0 || want.ContentLength != 0 || want.Close || want.TransferEncoding != nil {
			t.Errorf("more than a head without a body: %+v", want)
		}
		if diff := cmp.Diff(
			[]any{want.Method, want.Host, want.RequestURI, *want.URL, want.Proto, want.Header},
			[]any{got.Method, got.Host, got.RequestURI, *got.URL, got.Proto, got.Header},
		); diff != "" {
			t.Error(diff)
		}
	})
}
