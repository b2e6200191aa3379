//go:build !linux

package rawconn

import "net"

// Listen returns l: only on Linux is there something to gain.
func Listen(l *net.TCPListener) net.Listener { return l }
