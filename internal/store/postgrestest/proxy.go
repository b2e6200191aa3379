package postgrestest

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
)

// Proxy stands between a program and a server, as a network that can fall
// silent: nothing comes back, and nothing says so.
type Proxy struct {
	// URL is the address of the database through the proxy.
	URL string

	mu     sync.Mutex
	frozen bool
	links  []net.Conn
}

// NewProxy returns a proxy to the database at an address, which ends with t.
func NewProxy(t testing.TB, address string) *Proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("postgrestest: %v", err)
	}
	database, rest, _ := strings.Cut(strings.TrimPrefix(address, "postgres:///"), "?host=")
	socket, _, _ := strings.Cut(rest, "&")
	p := &Proxy{URL: fmt.Sprintf("postgres://personae@%s/%s?sslmode=disable", listener.Addr(), database)}
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
			group.Go(func() { p.copy(server, client) })
			group.Go(func() { p.copy(client, server) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		p.Thaw()
		p.mu.Lock()
		for _, link := range p.links {
			link.Close()
		}
		p.mu.Unlock()
		group.Wait()
	})
	return p
}

// copy copies, and drops what comes while the proxy is frozen.
func (p *Proxy) copy(to, from net.Conn) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			to.Close()
			return
		}
		p.mu.Lock()
		frozen := p.frozen
		p.mu.Unlock()
		if !frozen {
			_, _ = to.Write(buffer[:n])
		}
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
