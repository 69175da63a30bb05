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
	Path   string // as it was signed: without a prefix that only a proxy knows
	Prefix string // of the path, which some clients sign as well; empty: none
	Query  Query
	Body   []byte
}

// Verify reports who has signed a request. The error is a problem that is Unauthorized.
func (k Keys) Verify(r Request, now time.Time) (*Key, error) {
	var auth [5]string
	for i, name := range []string{paramKey, paramTimestamp, paramVersion, paramSignature, paramBody} {
		value, times := r.Query.find(name)
		if times > 1 {
			return nil, refused("the parameter %s is there %d times", name, times)
		}
		if times == 0 && name != paramBody {
			return nil, refused("the parameter %s is missing", name)
		}
		auth[i] = value
	}
	name, timestamp, version, signature, sum := auth[0], auth[1], auth[2], auth[3], auth[4]
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
	if err := checkBody(sum, r.Body); err != nil {
		return nil, err
	}
	s := key.begin()
	defer key.end(s)
	s.request(r, "")
	if s.signs(signature) {
		return key, nil
	}
	if r.Prefix != "" {
		s.text = s.text[:0]
		s.request(r, r.Prefix)
		if s.signs(signature) {
			return key, nil
		}
		s.text = s.text[:0]
		s.request(r, "")
	}
	return nil, refused("auth_signature is not the HMAC-SHA256, in hexadecimal, of %.1000q with the secret of this key", s.text)
}

// SignRequest is the signature of a request, to be its parameter auth_signature.
func (k *Key) SignRequest(r Request) string {
	s := k.begin()
	defer k.end(s)
	s.request(r, r.Prefix)
	return string(s.sign())
}

func (s *state) request(r Request, prefix string) {
	s.text = append(append(s.text, r.Method...), '\n')
	s.text = append(append(append(s.text, prefix...), r.Path...), '\n')
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

func checkBody(sum string, body []byte) error {
	if sum == "" {
		if len(body) > 0 {
			return refused("the parameter body_md5 is missing, and the request has a body")
		}
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
