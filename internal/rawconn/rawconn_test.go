package rawconn_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"regexp"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"personae.dev/internal/rawconn"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// both returns the two ends of a connection: the server's is raw, or the net package's.
func both(t *testing.T, raw bool) (server net.Conn, client *net.TCPConn) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	address := listener.Addr().String()
	if raw {
		listener = rawconn.Listen(listener.(*net.TCPListener))
	}
	dialed, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	client = dialed.(*net.TCPConn)
	if server, err = listener.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Close() // many have been
		_ = client.Close()
	})
	return server, client
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// known are the errors that callers look for.
var known = []error{io.EOF, net.ErrClosed, os.ErrDeadlineExceeded, syscall.ECONNRESET, syscall.EPIPE}

var port = regexp.MustCompile(`127\.0\.0\.1:\d+`)

// tell tells all that a caller can know of an error.
func tell(err error) string {
	if err == nil {
		return "no error"
	}
	told := fmt.Sprintf("%T %s", err, port.ReplaceAllString(err.Error(), "ADDRESS"))
	for _, one := range known {
		if errors.Is(err, one) {
			told += fmt.Sprintf(", is %v", one)
		}
	}
	if operation, ok := errors.AsType[*net.OpError](err); ok {
		told += fmt.Sprintf(", %s %s, timeout %t, %T", operation.Op, operation.Net, operation.Timeout(), operation.Err)
	}
	return told
}

// past is a deadline that has passed.
var past = time.Unix(1, 0)

// TestSameAsNet holds what a connection does against one of the net package.
func TestSameAsNet(t *testing.T) {
	t.Parallel()
	type say func(what string, n int, err error)
	for name, do := range map[string]func(t *testing.T, server net.Conn, client *net.TCPConn, say say){
		"Reads": func(t *testing.T, server net.Conn, client *net.TCPConn, say say) {
			t.Helper()
			_, err := client.Write([]byte("abcdef"))
			must(t, err)
			must(t, client.CloseWrite())
			n, err := server.Read(nil)
			say("nothing", n, err)
			room := make([]byte, 4)
			for range 4 {
				n, err := server.Read(room)
				say(string(room[:n]), n, err)
			}
			n, err = server.Read(nil)
			say("nothing at the end", n, err)
		},
		"Writes": func(t *testing.T, server net.Conn, client *net.TCPConn, say say) {
			t.Helper()
			for _, text := range []string{"", "a", "bcd"} {
				n, err := server.Write([]byte(text))
				say(text, n, err)
			}
			must(t, server.(interface{ CloseWrite() error }).CloseWrite())
			got, err := io.ReadAll(client)
			say(string(got), len(got), err)
			n, err := server.Write([]byte("late"))
			say("after CloseWrite", n, err)
			n, err = server.Write(nil)
			say("nothing after CloseWrite", n, err)
		},
		"Deadlines": func(_ *testing.T, server net.Conn, _ *net.TCPConn, say say) {
			say("set", 0, server.SetReadDeadline(time.Now().Add(10*time.Millisecond)))
			n, err := server.Read(make([]byte, 4))
			say("it passes", n, err)
			n, err = server.Read(make([]byte, 4))
			say("it has passed", n, err)
			n, err = server.Read(nil)
			say("for nothing", n, err)
			say("set", 0, server.SetWriteDeadline(past))
			n, err = server.Write([]byte("a"))
			say("it has passed", n, err)
			n, err = server.Write(nil)
			say("for nothing", n, err)
		},
		"Closed": func(t *testing.T, server net.Conn, _ *net.TCPConn, say say) {
			t.Helper()
			must(t, server.Close())
			n, err := server.Read(make([]byte, 4))
			say("read", n, err)
			n, err = server.Read(nil)
			say("nothing read", n, err)
			n, err = server.Write([]byte("a"))
			say("write", n, err)
			n, err = server.Write(nil)
			say("nothing written", n, err)
			say("close", 0, server.Close())
		},
		"ClosedMeanwhile": func(_ *testing.T, server net.Conn, _ *net.TCPConn, say say) {
			time.AfterFunc(10*time.Millisecond, func() { _ = server.Close() })
			n, err := server.Read(make([]byte, 4))
			say("read", n, err)
		},
		"Reset": func(t *testing.T, server net.Conn, client *net.TCPConn, say say) {
			t.Helper()
			must(t, client.SetLinger(0))
			must(t, client.Close())
			n, err := server.Read(make([]byte, 4))
			say("read", n, err)
			n, err = server.Write([]byte("a"))
			say("write", n, err)
		},
		"ReaderTooSlow": func(t *testing.T, server net.Conn, client *net.TCPConn, say say) {
			t.Helper()
			must(t, client.SetReadBuffer(4<<10))
			much := make([]byte, 64<<20) // more than the system keeps for who sends
			must(t, server.SetWriteDeadline(time.Now().Add(500*time.Millisecond)))
			n, err := server.Write(much)
			if n == 0 || n == len(much) {
				t.Errorf("%d bytes were written", n)
			}
			say("some", 0, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var told [2][]string
			for i, raw := range []bool{false, true} {
				server, client := both(t, raw)
				do(t, server, client, func(what string, n int, err error) {
					told[i] = append(told[i], fmt.Sprintf("%s: %d, %s", what, n, tell(err)))
				})
			}
			if diff := cmp.Diff(told[0], told[1]); diff != "" {
				t.Errorf("the net package (-), and ours (+):\n%s", diff)
			}
		})
	}
}

// TestLarge sends more than fits into the buffers of the system, both ways at once.
func TestLarge(t *testing.T) {
	t.Parallel()
	server, client := both(t, true)
	sent := make([]byte, 16<<20)
	for i := range sent {
		sent[i] = byte(rand.Uint32())
	}
	var group sync.WaitGroup
	for from, to := range map[net.Conn]net.Conn{server: client, client: server} {
		group.Go(func() {
			if n, err := from.Write(sent); n != len(sent) || err != nil {
				t.Errorf("Write: %d, %v", n, err)
			}
		})
		group.Go(func() {
			got := make([]byte, len(sent))
			if _, err := io.ReadFull(to, got); err != nil || !bytes.Equal(got, sent) {
				t.Errorf("other bytes came, or %v", err)
			}
		})
	}
	group.Wait()
}

// TestTogether lets many write and read at once: what one wrote stays in one piece.
func TestTogether(t *testing.T) {
	t.Parallel()
	const writers, each, length = 8, 50, 100_000 // more than one call writes
	server, client := both(t, true)
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			piece := bytes.Repeat([]byte{byte(w)}, length)
			for range each {
				if _, err := server.Write(piece); err != nil {
					t.Errorf("Write: %v", err)
				}
			}
		})
	}
	got := make([]byte, length)
	count := make([]int, writers)
	for range writers * each {
		_, err := io.ReadFull(client, got)
		must(t, err)
		if bytes.Count(got, got[:1]) != length {
			t.Fatal("two pieces are mixed")
		}
		count[got[0]]++
	}
	group.Wait()
	if slices.Min(count) != each {
		t.Errorf("pieces of each: %v", count)
	}
	// Readers, too: each byte comes to one of them.
	var mu sync.Mutex
	var read []byte
	for range writers {
		group.Go(func() {
			for room := make([]byte, 3); ; {
				n, err := server.Read(room)
				mu.Lock()
				read = append(read, room[:n]...)
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	for i := range 250 {
		_, err := client.Write([]byte{byte(i)})
		must(t, err)
	}
	must(t, client.CloseWrite())
	group.Wait()
	slices.Sort(read)
	if len(slices.Compact(slices.Clone(read))) != 250 || len(read) != 250 {
		t.Errorf("%d bytes were read", len(read))
	}
}

// TestAllocatesNothing holds for a connection in use.
//
//nolint:paralleltest // what others allocate would count
func TestAllocatesNothing(t *testing.T) {
	server, client := both(t, true)
	request, answer := make([]byte, 200), make([]byte, 3000)
	got := testing.AllocsPerRun(1000, func() {
		_, err := client.Write(request)
		must(t, err)
		_, err = io.ReadFull(server, request)
		must(t, err)
		_, err = server.Write(answer)
		must(t, err)
		_, err = io.ReadFull(client, answer)
		must(t, err)
	})
	if got != 0 {
		t.Errorf("%g allocations", got)
	}
}
