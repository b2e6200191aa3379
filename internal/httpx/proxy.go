package httpx

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Proxies are the networks of the proxies whose X-Forwarded-For is believed.
type Proxies []netip.Prefix

// ParseProxies reads networks, such as 10.0.0.0/8, and single addresses.
func ParseProxies(networks []string) (Proxies, error) {
	var proxies Proxies
	for _, network := range networks {
		prefix, err := netip.ParsePrefix(network)
		if err != nil {
			var address netip.Addr
			if address, err = netip.ParseAddr(network); err != nil || address.Zone() != "" {
				return nil, fmt.Errorf("%q is neither a network such as 10.0.0.0/8 nor an address such as 10.0.0.1", network)
			}
			prefix = netip.PrefixFrom(address, address.BitLen())
		}
		proxies = append(proxies, prefix.Masked())
	}
	return proxies, nil
}

func (p Proxies) contain(address netip.Addr) bool {
	return slices.ContainsFunc(p, func(network netip.Prefix) bool { return network.Contains(address) })
}

// client returns the address of the client of a request: that of its connection,
// with the port, or, where the connection is a proxy's, what the proxies say. They
// add to the right of X-Forwarded-For, so that the first address from the right
// that is no proxy's is the client's; what stands further left anybody may have
// written.
func (p Proxies) client(r *http.Request) string {
	connection, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	client := connection.Addr().Unmap()
	if !p.contain(client) {
		return r.RemoteAddr
	}
	values := r.Header["X-Forwarded-For"]
	if len(values) == 0 {
		return r.RemoteAddr
	}
	for _, value := range slices.Backward(values) {
		for _, hop := range slices.Backward(strings.Split(value, ",")) {
			address, err := parseHop(strings.TrimSpace(hop))
			if err != nil {
				return client.String() // the last that is known
			}
			if client = address; !p.contain(client) {
				return client.String()
			}
		}
	}
	return client.String()
}

// parseHop reads one entry of X-Forwarded-For: some proxies add a port.
func parseHop(hop string) (netip.Addr, error) {
	address, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(hop, "["), "]"))
	if err != nil {
		var withPort netip.AddrPort
		if withPort, err = netip.ParseAddrPort(hop); err != nil {
			return netip.Addr{}, err
		}
		address = withPort.Addr()
	}
	return address.Unmap().WithZone(""), nil
}

// traceOf returns the trace id of the W3C header traceparent, "" where there is
// none.
func traceOf(h http.Header) string {
	const length = len("00-") + 32 + len("-0123456789abcdef-01")
	values := h["Traceparent"]
	if len(values) != 1 || len(values[0]) < length {
		return ""
	}
	parts := strings.Split(values[0][:length], "-")
	if len(parts) != 4 || len(parts[0]) != 2 || len(parts[1]) != 32 || len(parts[2]) != 16 || parts[0] == "ff" {
		return ""
	}
	// Later versions may add something, after another hyphen.
	if rest := values[0][length:]; rest != "" && (parts[0] == "00" || rest[0] != '-') {
		return ""
	}
	for _, part := range parts {
		if strings.Trim(part, "0123456789abcdef") != "" {
			return ""
		}
	}
	if strings.Trim(parts[1], "0") == "" || strings.Trim(parts[2], "0") == "" {
		return ""
	}
	return parts[1]
}

// ClientAddress returns the address of the client of a request, without the port.
func ClientAddress(r *http.Request) string {
	var proxies Proxies
	if t := exchangeIn(r.Context()).transport; t != nil {
		proxies = t.Proxies
	}
	client := proxies.client(r)
	if withPort, err := netip.ParseAddrPort(client); err == nil {
		return withPort.Addr().Unmap().String()
	}
	return client
}
