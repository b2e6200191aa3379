package fastpath

import (
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
)

// maxHeaders is how many headers a plain head may have.
const maxHeaders = 32

// request is what a connection's requests are read into, one after the other.
type request struct {
	http.Request

	url    url.URL
	header http.Header
	values [maxHeaders]string
	// names are the keys of headers by the names that the client writes.
	names map[string]string
}

func newRequest() *request {
	return &request{header: http.Header{}, names: map[string]string{}}
}

// read reads the head of a GET as net/http does, and tells whether it is plain:
// one of HTTP/1.1, whole, with nothing after it, and with nothing in it that
// would change how it is read or answered. A head of which that is not certain
// is not plain. What all requests of the connection have is taken from template.
func (r *request) read(head string, template *http.Request) (plain bool) {
	target, rest, whole := strings.Cut(head, " HTTP/1.1\r\n")
	target, isGet := strings.CutPrefix(target, "GET ")
	if !whole || !isGet || !plainTarget(target) {
		return false
	}
	clear(r.header)
	r.Request = *template
	hosts, n := 0, 0
	for ; rest != "\r\n"; n++ {
		line, after, whole := strings.Cut(rest, "\r\n")
		name, value, named := strings.Cut(line, ":")
		if !whole || !named || n == maxHeaders || !plainName(name) || !plainValue(value) {
			return false
		}
		rest, value = after, strings.Trim(value, " \t")
		switch key := r.key(name); key {
		case "Host":
			if hosts++; hosts > 1 || !plainHost(value) {
				return false
			}
			r.Host = value
		case "Content-Length", "Transfer-Encoding", "Trailer", "Expect", "Upgrade", "Pragma":
			return false
		case "Connection":
			if !strings.EqualFold(value, "keep-alive") {
				return false
			}
			fallthrough
		default:
			r.values[n] = value
			if r.header[key] == nil {
				r.header[key] = r.values[n : n+1 : n+1]
			} else {
				r.header[key] = append(r.header[key], value)
			}
		}
	}
	path, query, _ := strings.Cut(target, "?")
	r.url = url.URL{Path: path, RawQuery: query}
	r.URL, r.Header, r.RequestURI = &r.url, r.header, target
	return hosts == 1
}

// key returns the key of a header, as net/http would.
func (r *request) key(name string) string {
	key, known := r.names[name]
	if !known {
		name = strings.Clone(name) // it is part of a whole head, and may be its own key
		key = textproto.CanonicalMIMEHeaderKey(name)
		if len(r.names) < maxHeaders {
			r.names[name] = key
		}
	}
	return key
}

// plainTarget tells whether a path and query need no decoding; what the query
// means is its reader's business.
func plainTarget(s string) bool {
	if s == "" || s[0] != '/' {
		return false
	}
	inQuery := false
	for i := range len(s) {
		switch c := s[i]; {
		case alphanumeric(c), c == '-', c == '_', c == '.', c == '~', c == '/':
		case c == '?' && !inQuery:
			inQuery = true
		case inQuery && (c == '=' || c == '&' || c == '%' || c == '+' || c == ':' || c == ','):
		default:
			return false
		}
	}
	// What net/http would take for a host, and a "?" with nothing after it,
	// which it remembers.
	return !strings.HasPrefix(s, "//") && s[len(s)-1] != '?'
}

func plainName(s string) bool {
	for i := range len(s) {
		if c := s[i]; !alphanumeric(c) && c != '-' && c != '_' {
			return false
		}
	}
	return s != ""
}

func plainValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < ' ' && c != '\t') || c > '~' {
			return false
		}
	}
	return true
}

// plainHost tells whether s is a name or an address, with a port or without.
func plainHost(s string) bool {
	for i := range len(s) {
		if c := s[i]; !alphanumeric(c) && c != '-' && c != '.' && c != ':' {
			return false
		}
	}
	return s != ""
}

func alphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
