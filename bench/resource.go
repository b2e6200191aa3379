package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"
)

// searches are what people look for; each is asked as often as the others.
var searches = []string{"nurse", "vp", "sales manager", "engineer", "C++ dev", "data", "a", "chief executive officer"}

// runResource measures create, list and search against get of the same server,
// over 1,000 and over 100,000 personas.
func runResource(ctx context.Context, rounds int, each time.Duration) (err error) {
	folder, err := os.MkdirTemp("", "personae-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	binary, err := build(ctx, folder)
	if err != nil {
		return err
	}
	pinSelf()
	w := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintf(w, "%d rounds of %s; medians\n\npersonas\tcall\tclients\tper second\tto get\tp50 ms\tp99 ms\n", rounds, each)
	for _, copies := range []int{1, 98} {
		file := filepath.Join(folder, fmt.Sprintf("personas-%d.jsonl", copies))
		if err := repeat(onet, file, copies); err != nil {
			return err
		}
		if err := measureResource(ctx, w, binary, file, copies*1016, rounds, each); err != nil {
			return err
		}
	}
	return w.Flush()
}

// repeat writes the personas of a file so many times, with ids of their own.
func repeat(from, to string, copies int) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	var all bytes.Buffer
	for n := range copies {
		all.WriteString(strings.ReplaceAll(string(text), `"oId":"onet-`, fmt.Sprintf(`"oId":"onet%d-`, n)))
	}
	return os.WriteFile(to, all.Bytes(), 0o600)
}

func measureResource(ctx context.Context, w *tabwriter.Writer, binary, file string, count, rounds int, each time.Duration) error {
	database := "sqlite:" + strings.TrimSuffix(file, ".jsonl") + ".db"
	fmt.Fprintf(os.Stderr, "importing %d personas\n", count)
	began := time.Now()
	key, err := prepare(ctx, binary, database, file)
	if err != nil {
		return err
	}
	imported := time.Since(began)
	server, err := startPersonae(ctx, binary, database, file+".log")
	if err != nil {
		return err
	}
	defer server.stop()

	get := func(targets ...string) (requests [][]byte) {
		for _, target := range targets {
			requests = append(requests, getRequest(server.address, key, target))
		}
		return requests
	}
	var found []string
	for _, text := range searches {
		found = append(found, "/api/v2/persona/list?limit=10&text="+url.QueryEscape(text))
	}
	creates, err := createRequests(server.address, key)
	if err != nil {
		return err
	}
	calls := []struct {
		name     string
		clients  int
		requests [][]byte
	}{
		{"get", 16, get("/api/v2/persona/get?oId=onet0-11-1011.00", "/api/v2/persona/get?oId=onet0-29-1141.00")},
		{"list of 50", 16, get("/api/v2/persona/list?limit=50")},
		{"search", 1, get(found...)},
		{"create, durable", 1, creates},
		{"create, durable", 16, creates},
	}
	results := make([][]measurement, len(calls))
	for round := range rounds {
		for i, call := range calls {
			fmt.Fprintf(os.Stderr, "%d personas, round %d of %d: %s\n", count, round+1, rounds, call.name)
			m, err := load(ctx, server, call.requests, call.clients, each)
			if err != nil {
				return fmt.Errorf("%s: %w", call.name, err)
			}
			results[i] = append(results[i], m)
		}
	}
	of := func(ms []measurement, value func(measurement) float64) float64 {
		var values []float64
		for _, m := range ms {
			values = append(values, value(m))
		}
		return median(values)
	}
	rate := func(m measurement) float64 { return m.perSecond }
	for i, call := range calls {
		fmt.Fprintf(w, "%d\t%s\t%d\t%.0f\t%.4f\t%.2f\t%.2f\n", count, call.name, call.clients, of(results[i], rate),
			of(results[i], rate)/of(results[0], rate),
			of(results[i], func(m measurement) float64 { return m.p50 }), of(results[i], func(m measurement) float64 { return m.p99 }))
	}
	fmt.Fprintf(w, "%d\timport\t1\t%.0f\n", count, float64(count)/imported.Seconds())
	return nil
}

// createRequests are creates of the occupations, as they go over the wire.
func createRequests(address, key string) (requests [][]byte, err error) {
	text, err := os.ReadFile(onet)
	if err != nil {
		return nil, err
	}
	for line := range bytes.Lines(text) {
		var body map[string]any
		if err := json.Unmarshal(line, &body); err != nil {
			return nil, err
		}
		delete(body, "oId")
		encoded, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		requests = append(requests, fmt.Appendf(nil,
			"POST /api/v2/persona/create HTTP/1.1\r\nHost: %s\r\napi_key: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
			address, key, len(encoded), encoded))
	}
	return requests, nil
}
