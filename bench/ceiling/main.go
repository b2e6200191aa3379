// Command ceiling is what an answer can cost at the least with net/http: it
// writes the same fixed body to every request, or looks one up in a map and
// gives it a fresh _metadata. It checks no key, logs nothing and counts nothing.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

func main() {
	size := flag.Int("size", 2048, "length of the fixed body, in bytes")
	unchanged := flag.Bool("not-modified", false, "answer 304 to a request with If-None-Match")
	bodies := flag.String("bodies", "", "look up the bodies of this file, a JSON object by id, instead")
	flag.Parse()
	if err := serve(*size, *unchanged, *bodies); err != nil {
		fmt.Fprintln(os.Stderr, "ceiling:", err)
		os.Exit(1)
	}
}

func serve(size int, unchanged bool, bodies string) error {
	var handler http.Handler = fixed(size, unchanged)
	if bodies != "" {
		text, err := os.ReadFile(bodies)
		if err != nil {
			return err
		}
		var byID map[string]json.RawMessage
		if err := json.Unmarshal(text, &byID); err != nil {
			return err
		}
		handler = lookUp(byID)
	}
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("Serving http://%s\n", listener.Addr())
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	return server.Serve(listener)
}

// fixed writes one body.
func fixed(size int, unchanged bool) http.HandlerFunc {
	body := []byte(`"` + strings.Repeat("x", max(size-2, 0)) + `"`)
	contentType, length := []string{"application/json"}, []string{strconv.Itoa(len(body))}
	return func(w http.ResponseWriter, r *http.Request) {
		if unchanged && len(r.Header["If-None-Match"]) > 0 {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		header := w.Header()
		header["Content-Type"], header["Content-Length"] = contentType, length
		_, _ = w.Write(body)
	}
}

// lookUp writes the body of the id asked for, after a _metadata of its own.
func lookUp(byID map[string]json.RawMessage) http.HandlerFunc {
	contentType := []string{"application/json"}
	return func(w http.ResponseWriter, r *http.Request) {
		id, _ := strings.CutPrefix(r.URL.RawQuery, "oId=")
		body, ok := byID[id]
		if !ok {
			http.NotFound(w, r)
			return
		}
		var space [4096]byte
		answer := append(space[:0], `{"_metadata":{"usage":0,"requestId":"req_`...)
		answer = strconv.AppendInt(answer, time.Now().UnixNano(), 36)
		answer = append(answer, `","message":"OK","timestamp":"`...)
		answer = time.Now().UTC().AppendFormat(answer, "2006-01-02T15:04:05.000Z")
		answer = append(answer, `"},`...)
		answer = append(answer, body[1:]...)
		header := w.Header()
		header["Content-Type"] = contentType
		header["Content-Length"] = []string{strconv.Itoa(len(answer))}
		_, _ = w.Write(answer)
	}
}
