package signature

import (
	"crypto/md5" // the protocol says so; what it covers is signed by HMAC-SHA256
	"encoding/hex"
	"strconv"
	"time"

	"scenecast/problem"
)

// The parameters of a request that say who has signed it.
const (
	paramKey       = "auth_key"
	paramTimestamp = "auth_timestamp"
	paramVersion   = "auth_version"
	paramBody      = "body_md5"
	paramSignature = "auth_signature"
)

// Window is how far a request's timestamp may be from the server's time, on either side.
const Window = 600 * time.Second

// Request is a request of the HTTP API.
type Request struct {
	Method string
	Path   string   // without its escapes, and without a prefix that only a proxy knows
	Also   []string // other paths that may have been signed in its place: clients differ; nil: none
	Query  Query
}

// Verify reports who has signed a request. The error is a problem that is Unauthorized. What is signed says which body the request has:
// CheckBody compares that with the body, which need not have been read before.
func (k Keys) Verify(r Request, now time.Time) (*Key, error) {
	var auth [4]string
	for i, name := range []string{paramKey, paramTimestamp, paramVersion, paramSignature} {
		value, times := r.Query.find(name)
		if times > 1 {
			return nil, refused("the parameter %s is there %d times", name, times)
		}
		if times == 0 {
			return nil, refused("the parameter %s is missing", name)
		}
		auth[i] = value
	}
	name, timestamp, version, signature := auth[0], auth[1], auth[2], auth[3]
	key := k.Find(name)
	if key == nil {
		return nil, refused("there is no auth_key %.100q of this app", name)
	}
	if version != "1.0" {
		return nil, refused("auth_version is %.20q, and 1.0 is known", version)
	}
	if err := checkTimestamp(timestamp, now); err != nil {
		return nil, err
	}
	s := key.begin()
	defer key.end(s)
	for _, path := range r.Also {
		if s.request(r, path); s.signs(signature) {
			return key, nil
		}
	}
	if s.request(r, r.Path); s.signs(signature) {
		return key, nil
	}
	return nil, refused("auth_signature is not the HMAC-SHA256, in hexadecimal, of %.1000q with the secret of this key", string(s.text))
}

// SignRequest is the signature of a request, to be its parameter auth_signature.
func (k *Key) SignRequest(r Request) string {
	s := k.begin()
	defer k.end(s)
	s.request(r, r.Path)
	return string(s.sign())
}

func (s *state) request(r Request, path string) {
	s.text = append(append(s.text[:0], r.Method...), '\n')
	s.text = append(append(s.text, path...), '\n')
	s.text = r.Query.signed(s.text)
}

func checkTimestamp(text string, now time.Time) error {
	at, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return refused("auth_timestamp is %.40q, and no number of seconds since 1970", text)
	}
	if off := now.Unix() - at; off > int64(Window/time.Second) || off < -int64(Window/time.Second) {
		return refused("auth_timestamp is %d, which is not within %d seconds of the server's time, %d", at, int64(Window/time.Second), now.Unix())
	}
	return nil
}

// CheckBody compares the body of a request with what is signed of it. The error is a problem that is Unauthorized.
func (q Query) CheckBody(body []byte) error {
	sum, times := q.find(paramBody)
	switch {
	case times > 1:
		return refused("the parameter %s is there %d times", paramBody, times)
	case sum == "" && len(body) > 0:
		return refused("the parameter %s is missing, and the request has a body", paramBody)
	case sum == "":
		return nil
	}
	var text [2 * md5.Size]byte
	right := md5.Sum(body)
	hex.Encode(text[:], right[:])
	if sum != string(text[:]) {
		return refused("body_md5 is not the MD5 of the body, in hexadecimal")
	}
	return nil
}

func refused(format string, args ...any) error {
	return problem.New(problem.Unauthorized, format, args...)
}
