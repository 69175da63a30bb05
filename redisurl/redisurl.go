// Package redisurl reads the URLs by which Redis is named, in the forms that Laravel's configuration takes:
//
//	redis://user:password@host:6379/0        one server; also with valkey:// or tcp://
//	rediss://host:6380?database=1            over TLS; also with valkeys:// or tls://
//	redis://host-a:7000,host-b:7000          nodes of a Redis Cluster, or Sentinels
//	unix:///run/redis/redis.sock?db=1        a socket of this machine; also with redis+unix://
//
// No error quotes the URL: it may have a password in it, and where it is malformed nobody knows in which part.
package redisurl

import (
	"net"
	"net/url"
	"strconv"
	"strings"

	"scenecast/language"
)

// URL is what a URL says.
type URL struct {
	Hosts    []Host // one, or several of a Cluster or of Sentinels; none of a socket
	Socket   string // the path of a socket of this machine; empty: there are hosts
	TLS      bool
	Username string // of an ACL; empty: that of whoever knows the password
	Password string
	Database int
}

// Host is where a server is.
type Host struct {
	Name string // or an IP address, without brackets
	Port int    // 0: it is not said
}

// Addresses are the hosts as host:port.
func (u URL) Addresses(defaultPort int) (addresses []string) {
	for _, h := range u.Hosts {
		port := h.Port
		if port == 0 {
			port = defaultPort
		}
		addresses = append(addresses, net.JoinHostPort(h.Name, strconv.Itoa(port)))
	}
	return addresses
}

// schemes say what each scheme means.
var schemes = map[string]struct{ tls, socket bool }{
	"redis": {}, "valkey": {}, "tcp": {},
	"rediss": {tls: true}, "valkeys": {tls: true}, "tls": {tls: true},
	"unix": {socket: true}, "redis+unix": {socket: true},
}

// Parse reads a URL.
func Parse(text string) (URL, error) {
	scheme, rest, _ := strings.Cut(text, "://")
	kind, known := schemes[strings.ToLower(scheme)]
	if !known {
		return URL{}, language.Errorf("it is no URL of Redis; write it as redis://127.0.0.1:6379/0, or with rediss:// for TLS, unix:// for a socket")
	}
	u := URL{TLS: kind.tls}
	authority, path, query := cut(rest)
	if strings.Contains(path+query, "@") && !strings.Contains(authority, "@") {
		return URL{}, language.NewError("there is an @ behind the first / or ?: a password must have these percent-encoded, / as %2F and ? as %3F")
	}
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		if err := u.setUser(authority[:at]); err != nil {
			return URL{}, err
		}
		authority = authority[at+1:]
	}
	if err := u.setQuery(query); err != nil {
		return URL{}, err
	}
	if kind.socket {
		return u, u.setSocket(authority, path)
	}
	if err := u.setHosts(authority); err != nil {
		return URL{}, err
	}
	return u, u.setPath(path, query)
}

// cut takes apart what stands behind the scheme.
func cut(rest string) (authority, path, query string) {
	rest, query, _ = strings.Cut(rest, "?")
	authority, path = rest, ""
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		authority, path = rest[:i], rest[i:]
	}
	return authority, path, query
}

func (u *URL) setUser(text string) (err error) {
	user, password, hasPassword := strings.Cut(text, ":")
	if u.Username, err = url.PathUnescape(user); err != nil {
		return language.NewError("the user has a % that begins no percent-encoding; a % itself is %25")
	}
	if u.Password, err = url.PathUnescape(password); err != nil {
		return language.NewError("the password has a % that begins no percent-encoding; a % itself is %25")
	}
	if user != "" && !hasPassword {
		return language.Errorf("there is a user without a password; write user:password@, or :password@ for a password alone")
	}
	return nil
}

func (u *URL) setHosts(text string) error {
	for i, item := range strings.Split(text, ",") {
		h, err := parseHost(item)
		if err != nil {
			return language.Errorf("host %d %w; write it as 10.0.0.1:6379 or [fd00::1]:6379", i+1, err)
		}
		u.Hosts = append(u.Hosts, h)
	}
	return nil
}

func parseHost(text string) (h Host, err error) {
	var name, port string
	var hasPort bool
	if strings.HasPrefix(text, "[") {
		inner, rest, closed := strings.Cut(text[1:], "]")
		if ip := net.ParseIP(inner); !closed || ip == nil || !strings.Contains(inner, ":") {
			return h, language.Errorf("is no IPv6 address in brackets")
		}
		if rest != "" && rest[0] != ':' {
			return h, language.Errorf("has something other than a port behind its brackets")
		}
		name, port, hasPort = inner, strings.TrimPrefix(rest, ":"), rest != ""
	} else {
		name, port, hasPort = strings.Cut(text, ":")
	}
	switch {
	case name == "":
		return h, language.Errorf("has no name")
	case strings.Contains(port, ":"):
		return h, language.Errorf("has more than one colon")
	case strings.ContainsFunc(name, isNoHostCharacter):
		return h, language.Errorf("has characters that no name of a host has")
	}
	h.Name = name
	if hasPort {
		if h.Port, err = strconv.Atoi(port); err != nil || h.Port < 1 || h.Port > 65535 {
			return Host{}, language.Errorf("has no port from 1 to 65535 behind its colon")
		}
	}
	return h, nil
}

func isNoHostCharacter(c rune) bool {
	return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune("-._:", c))
}

// setPath takes the number of the database from the path.
func (u *URL) setPath(path, query string) error {
	text := strings.TrimPrefix(path, "/")
	if text == "" {
		return nil
	}
	if query != "" {
		return language.Errorf("the database is there twice, in the path and behind the ?")
	}
	return u.setDatabase(text)
}

func (u *URL) setSocket(authority, path string) (err error) {
	if authority != "" || len(path) < 2 {
		return language.Errorf("a socket has an absolute path; write it as unix:///run/redis/redis.sock?db=0")
	}
	if u.Socket, err = url.PathUnescape(path); err != nil {
		return language.NewError("the path of the socket has a % that begins no percent-encoding; a % itself is %25")
	}
	return nil
}

// setQuery takes the number of the database, the one parameter that there is.
func (u *URL) setQuery(query string) error {
	if query == "" {
		return nil
	}
	name, value, _ := strings.Cut(query, "=")
	if name != "db" && name != "database" || strings.Contains(value, "&") {
		return language.Errorf("behind the ? only the database can stand, as db=0 or database=0")
	}
	return u.setDatabase(value)
}

// maxDatabase is the largest number that any server can be set to have.
const maxDatabase = 1<<31 - 1

func (u *URL) setDatabase(text string) (err error) {
	if u.Database, err = strconv.Atoi(text); err != nil || u.Database < 0 || u.Database > maxDatabase || text != strconv.Itoa(u.Database) {
		return language.Errorf("the database is no number from 0")
	}
	return nil
}

// Redact is the URL with (hidden) in place of its password. Of a text that cannot be parsed everything is hidden.
func Redact(text string) string {
	u, err := Parse(text)
	if err != nil {
		return "(hidden)"
	}
	if u.Password == "" {
		return text
	}
	scheme, rest, _ := strings.Cut(text, "://")
	authority, _, _ := cut(rest)
	at := strings.LastIndexByte(authority, '@')
	user, _, _ := strings.Cut(authority[:at], ":")
	return scheme + "://" + user + ":(hidden)" + rest[at:]
}
