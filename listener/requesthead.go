package listener

import (
	"net/http"
	"strings"
)

// byteSet is a set of bytes.
type byteSet [256]bool

func newByteSet(bytes string) *byteSet {
	const alphanumeric = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	set := new(byteSet)
	for _, b := range []byte(alphanumeric + bytes) {
		set[b] = true
	}
	return set
}

func (s *byteSet) holds(text string) bool {
	for _, b := range []byte(text) {
		if !s[b] {
			return false
		}
	}
	return true
}

var (
	tokenBytes = newByteSet("!#$%&'*+-.^_`|~")     // RFC 9110, 5.6.2
	hostBytes  = newByteSet("!$%&'()*+,-.:;=[]_~") // RFC 3986, 3.2.2
)

// isToken reports whether a text is a token.
func isToken(text string) bool { return text != "" && tokenBytes.holds(text) }

// isPlainHead reports whether a head that http.ReadRequest has read is one that net/http's server takes as well, and that has
// nothing in it to which it would answer in a way of its own: it looks at more than ReadRequest does.
func isPlainHead(r *http.Request) bool {
	if r.ProtoMajor != 1 || !strings.HasPrefix(r.RequestURI, "/") || r.Host == "" || !hostBytes.holds(r.Host) || r.Header["Expect"] != nil {
		return false
	}
	for name, values := range r.Header {
		if !isToken(name) {
			return false
		}
		for _, value := range values {
			if strings.ContainsFunc(value, isControl) {
				return false
			}
		}
	}
	return true
}

// isControl reports whether a character may not be in the value of a header field (RFC 9110, 5.5).
func isControl(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }

// headSize is the size of a request's head as clients write it. net/http's own limit lets 4 KiB more pass, and another 4 KiB from
// the second request of a connection on.
func headSize(r *http.Request) int {
	const separators = len(": \r\n")
	size := len(r.Method) + len(" ") + len(r.RequestURI) + len(" ") + len(r.Proto) + len("\r\n") + len("\r\n")
	if r.Host != "" {
		size += len("Host") + len(r.Host) + separators
	}
	for name, values := range r.Header {
		for _, value := range values {
			size += len(name) + len(value) + separators
		}
	}
	for _, coding := range r.TransferEncoding {
		size += len("Transfer-Encoding") + len(coding) + separators
	}
	return size
}
