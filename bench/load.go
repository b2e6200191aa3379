package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"
)

// measurement is what one load of a server gave.
type measurement struct {
	perSecond float64
	// p50 and p99 are how long answers took, in milliseconds.
	p50, p99 float64
	// cores is how many cores the server used; near 1 on one core, it was the
	// server that was the limit.
	cores float64
}

// recordAnswers asks for every persona once, keeps the bodies for the ceiling,
// and returns the requests as they go over the wire.
func recordAnswers(ctx context.Context, address, key, file string) ([][]byte, error) {
	export, err := os.Open("examples/onet/personas.jsonl")
	if err != nil {
		return nil, err
	}
	defer export.Close()
	var requests, bodies [][]byte
	lines := json.NewDecoder(export)
	for {
		var line struct{ OID string }
		if err := lines.Decode(&line); err == io.EOF {
			break
		} else if err != nil {
			return nil, err
		}
		body, err := fetch(ctx, address, key, line.OID)
		if err != nil {
			return nil, err
		}
		bodies = append(bodies, body)
		requests = append(requests, getRequest(address, key, "/api/v2/persona/get?oId="+line.OID))
	}
	encoded, err := json.Marshal(bodies)
	if err != nil {
		return nil, err
	}
	return requests, os.WriteFile(file, encoded, 0o600)
}

// getRequest is a GET as it goes over the wire.
func getRequest(address, key, target string) []byte {
	return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\napi_key: %s\r\n\r\n", target, address, key)
}

func fetch(ctx context.Context, address, key, oID string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/api/v2/persona/get?oId="+oID, http.NoBody)
	if err != nil {
		return nil, err
	}
	request.Header["api_key"] = []string{key}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("get %s: %s: %s", oID, response.Status, body)
	}
	return body, err
}

// load keeps clients connections busy for a time, each with one request after
// the other. It reads answers no further than it must: the generator's core is
// not to be the limit.
func load(ctx context.Context, server *process, requests [][]byte, clients int, lasts time.Duration) (measurement, error) {
	ctx, cancel := context.WithTimeout(ctx, lasts)
	defer cancel()
	before, err := server.cpuSeconds()
	if err != nil {
		return measurement{}, err
	}
	began := time.Now()
	took := make([][]float64, clients)
	var wait sync.WaitGroup
	failed := make(chan error, clients)
	for client := range clients {
		wait.Go(func() {
			var err error
			if took[client], err = keepAsking(ctx, server.address, requests, client*len(requests)/clients); err != nil {
				failed <- err
			}
		})
	}
	wait.Wait()
	seconds := time.Since(began).Seconds()
	after, err := server.cpuSeconds()
	select {
	case err = <-failed:
	default:
	}
	times := slices.Sorted(slices.Values(slices.Concat(took...)))
	if len(times) == 0 {
		return measurement{}, errors.Join(err, errors.New("nothing was answered"))
	}
	return measurement{
		perSecond: float64(len(times)) / seconds, cores: (after - before) / seconds,
		p50: times[len(times)/2], p99: times[len(times)*99/100],
	}, err
}

// keepAsking returns how long each answer took, in milliseconds.
func keepAsking(ctx context.Context, address string, requests [][]byte, next int) (took []float64, err error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	reader := bufio.NewReaderSize(conn, 16<<10)
	for ; ctx.Err() == nil; next++ {
		began := time.Now()
		if _, err := conn.Write(requests[next%len(requests)]); err != nil {
			return took, err
		}
		if err := readAnswer(reader); err != nil {
			return took, err
		}
		took = append(took, float64(time.Since(began).Nanoseconds())/1e6)
	}
	return took, nil
}

// readAnswer reads one answer with a Content-Length, which must be a 200.
func readAnswer(reader *bufio.Reader) error {
	status, err := reader.ReadSlice('\n')
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(status, []byte("HTTP/1.1 200 ")) {
		return fmt.Errorf("answer %q", status)
	}
	length := -1
	for {
		line, err := reader.ReadSlice('\n')
		if err != nil {
			return err
		}
		if line = bytes.TrimSpace(line); len(line) == 0 {
			break
		}
		if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			if length, err = strconv.Atoi(string(value)); err != nil {
				return err
			}
		}
	}
	if length < 0 {
		return fmt.Errorf("an answer without Content-Length")
	}
	_, err = reader.Discard(length)
	return err
}
