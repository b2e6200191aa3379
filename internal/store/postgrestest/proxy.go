package postgrestest

import (
	"bytes"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
)

// Cut is how a connection ends in place of the answer to a commit.
type Cut string

// The ways.
const (
	FIN     Cut = "FIN"
	RST     Cut = "RST"
	Half    Cut = "half an answer"
	Silence Cut = "silence"
)

// Proxy is a network between a program and a server that can fall silent, or cut
// a connection at the worst moment.
type Proxy struct {
	// URL is the address of the database through the proxy.
	URL string

	mu     sync.Mutex
	frozen bool
	cut    Cut
	links  []net.Conn
}

// NewProxy returns a proxy to the database at an address, which ends with t.
func NewProxy(t testing.TB, address string) *Proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("postgrestest: %v", err)
	}
	_, rest, _ := strings.Cut(address, "?host=")
	socket, _, _ := strings.Cut(rest, "&")
	p := &Proxy{URL: fmt.Sprintf("postgres://personae@%s/%s?sslmode=disable", listener.Addr(), databaseOf(address))}
	var group sync.WaitGroup
	group.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("unix", socket+"/.s.PGSQL.5432")
			if err != nil {
				client.Close()
				continue
			}
			p.mu.Lock()
			p.links = append(p.links, client, server)
			p.mu.Unlock()
			l := &link{proxy: p, client: client.(*net.TCPConn), server: server}
			group.Go(l.ask)
			group.Go(l.answer)
		}
	})
	t.Cleanup(func() {
		listener.Close()
		p.Thaw()
		p.Close()
		group.Wait()
	})
	return p
}

// link is a connection through the proxy.
type link struct {
	proxy  *Proxy
	client *net.TCPConn
	server net.Conn

	mu  sync.Mutex
	cut Cut // what becomes of the next answer
}

// ask passes on what the client sends.
func (l *link) ask() {
	commit := []byte("commit\x00")
	buffer := make([]byte, 64<<10)
	for {
		n, err := l.client.Read(buffer)
		if err != nil {
			l.server.Close()
			return
		}
		l.proxy.mu.Lock()
		frozen := l.proxy.frozen
		if l.proxy.cut != "" && bytes.HasSuffix(buffer[:n], commit) {
			l.mu.Lock()
			l.cut = l.proxy.cut
			l.mu.Unlock()
			l.proxy.cut = ""
		}
		l.proxy.mu.Unlock()
		if !frozen {
			_, _ = l.server.Write(buffer[:n])
		}
	}
}

// answer passes on what the server sends.
func (l *link) answer() {
	buffer := make([]byte, 64<<10)
	for {
		n, err := l.server.Read(buffer)
		if err != nil {
			l.client.Close()
			return
		}
		l.proxy.mu.Lock()
		frozen := l.proxy.frozen
		l.proxy.mu.Unlock()
		l.mu.Lock()
		cut := l.cut
		l.mu.Unlock()
		switch {
		case frozen, cut == Silence:
		case cut == "":
			_, _ = l.client.Write(buffer[:n])
		default:
			if cut == Half {
				_, _ = l.client.Write(buffer[:min(n, 7)])
			}
			if cut == RST {
				_ = l.client.SetLinger(0)
			}
			l.client.Close()
			l.server.Close()
			return
		}
	}
}

// CutCommit passes the next commit on, and cuts the connection in place of its
// answer.
func (p *Proxy) CutCommit(how Cut) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = how
}

// Close cuts all connections that are open.
func (p *Proxy) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, link := range p.links {
		link.Close()
	}
}

// Freeze lets nothing through.
func (p *Proxy) Freeze() { p.freeze(true) }

// Thaw lets new connections through; the old ones have lost what was sent.
func (p *Proxy) Thaw() { p.freeze(false) }

func (p *Proxy) freeze(frozen bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.frozen = frozen
}

// databaseOf is the name of the database at an address.
func databaseOf(address string) string {
	database, _, _ := strings.Cut(strings.TrimPrefix(address, "postgres:///"), "?")
	return database
}
