package redisurl_test

import (
	"reflect"
	"strings"
	"testing"

	"scenecast/redisurl"
)

func TestParse(t *testing.T) {
	host := func(name string, port int) []redisurl.Host { return []redisurl.Host{{Name: name, Port: port}} }
	for text, want := range map[string]redisurl.URL{
		"redis://127.0.0.1":                         {Hosts: host("127.0.0.1", 0)},
		"redis://127.0.0.1:6379/":                   {Hosts: host("127.0.0.1", 6379)},
		"redis://127.0.0.1:6379/15":                 {Hosts: host("127.0.0.1", 6379), Database: 15},
		"REDIS://h":                                 {Hosts: host("h", 0)},
		"valkey://h":                                {Hosts: host("h", 0)},
		"tcp://127.0.0.1:6379?database=0":           {Hosts: host("127.0.0.1", 6379)}, // Laravel's documentation
		"tls://user:pw@127.0.0.1:6380?database=1":   {Hosts: host("127.0.0.1", 6380), TLS: true, Username: "user", Password: "pw", Database: 1},
		"rediss://:pw@redis.example.com/2":          {Hosts: host("redis.example.com", 0), TLS: true, Password: "pw", Database: 2},
		"valkeys://h:1":                             {Hosts: host("h", 1), TLS: true},
		"redis://default:a%2Fb%3Fc%40d%25:e@h?db=3": {Hosts: host("h", 0), Username: "default", Password: "a/b?c@d%:e", Database: 3},
		"redis://u:a@b@h":                           {Hosts: host("h", 0), Username: "u", Password: "a@b"},
		"redis://[::1]:6379/1":                      {Hosts: host("::1", 6379), Database: 1},
		"redis://[fd00::1]":                         {Hosts: host("fd00::1", 0)},
		"redis://:p@a:7000,b,[::1]:7002":            {Password: "p", Hosts: []redisurl.Host{{Name: "a", Port: 7000}, {Name: "b"}, {Name: "::1", Port: 7002}}},
		"unix:///run/redis.sock":                    {Socket: "/run/redis.sock"},
		"redis+unix:///run/redis.sock?db=1":         {Socket: "/run/redis.sock", Database: 1},
		"unix://u:p@/run/a%20b.sock?database=2":     {Socket: "/run/a b.sock", Username: "u", Password: "p", Database: 2},
	} {
		got, err := redisurl.Parse(text)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("Parse(%s) = %+v, %v, want %+v", text, got, err, want)
		}
	}
}

// TestParseErrors: each says what is wrong, and quotes nothing of what may be a password.
func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                             "it is no URL of Redis; …",
		"127.0.0.1:6379":               "it is no URL of Redis; …",
		"http://s3cret":                "it is no URL of Redis; …",
		"redis:/s3cret":                "it is no URL of Redis; …",
		"redis://":                     "host 1 has no name; …",
		"redis://:s3cret@":             "host 1 has no name; …",
		"redis://a,,b":                 "host 2 has no name; …",
		"redis://u:s3cret":             "host 1 has no port from 1 to 65535 behind its colon; …",
		"redis://h:":                   "host 1 has no port from 1 to 65535 behind its colon; …",
		"redis://h:0":                  "host 1 has no port from 1 to 65535 behind its colon; …",
		"redis://h:65536":              "host 1 has no port from 1 to 65535 behind its colon; …",
		"redis://::1":                  "host 1 has no name; …",
		"redis://fd00::1":              "host 1 has more than one colon; …",
		"redis://[::1":                 "host 1 is no IPv6 address in brackets; …",
		"redis://[s3cret]":             "host 1 is no IPv6 address in brackets; …",
		"redis://[::1]s3cret":          "host 1 has something other than a port behind its brackets; …",
		"redis://s3cret!":              "host 1 has characters that no name of a host has; …",
		"redis://u:a/s3cret@h":         "there is an @ behind the first / or ?: …",
		"redis://u:a?s3cret@h":         "there is an @ behind the first / or ?: …",
		"redis://s3cret@h":             "there is a user without a password; …",
		"redis://u:s3cret%zz@h":        "the password has a % that begins no percent-encoding; a % itself is %25",
		"redis://s3cret%@h":            "the user has a % that begins no percent-encoding; a % itself is %25",
		"redis://h/s3cret":             "the database is no number from 0",
		"redis://h/-1":                 "the database is no number from 0",
		"redis://h/01":                 "the database is no number from 0",
		"redis://h/2147483648":         "the database is no number from 0",
		"redis://h/1/2":                "the database is no number from 0",
		"redis://h?db=x":               "the database is no number from 0",
		"redis://h/1?db=1":             "the database is there twice, in the path and behind the ?",
		"redis://h?timeout=s3cret":     "behind the ? only the database can stand, as db=0 or database=0",
		"redis://h?db=1&x=2":           "behind the ? only the database can stand, as db=0 or database=0",
		"unix://run/redis.sock":        "a socket has an absolute path; …",
		"unix:///":                     "a socket has an absolute path; …",
		"unix:///run/%zz":              "the path of the socket has a % that begins no percent-encoding; a % itself is %25",
		"redis+unix:///run/r.sock/1?x": "behind the ? only the database can stand, as db=0 or database=0",
	} {
		_, err := redisurl.Parse(text)
		if err == nil {
			t.Errorf("Parse(%s) has no error, want %s", text, want)
			continue
		}
		beginning, open := strings.CutSuffix(want, "…")
		if got := err.Error(); got != want && !(open && strings.HasPrefix(got, beginning)) || strings.Contains(got, "s3cret") {
			t.Errorf("Parse(%s): %v, want %s", text, err, want)
		}
	}
}

func TestAddresses(t *testing.T) {
	u, err := redisurl.Parse("redis://a:7000,b,[::1]")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := u.Addresses(26379), []string{"a:7000", "b:26379", "[::1]:26379"}; !reflect.DeepEqual(got, want) {
		t.Errorf("the addresses are %q, want %q", got, want)
	}
}

func TestRedact(t *testing.T) {
	for text, want := range map[string]string{
		"redis://h:1/2":                    "redis://h:1/2",
		"redis://user:s3cret@h:1/2":        "redis://user:(hidden)@h:1/2",
		"redis://:s3c%40ret@a,b?db=1":      "redis://:(hidden)@a,b?db=1",
		"redis://u:s3@cr:et@h":             "redis://u:(hidden)@h",
		"unix://u:s3cret@/run/r.sock?db=1": "unix://u:(hidden)@/run/r.sock?db=1",
		"s3cret":                           "(hidden)",
		"redis://u:s3/cret@h":              "(hidden)",
	} {
		if got := redisurl.Redact(text); got != want {
			t.Errorf("Redact(%s) = %s, want %s", text, got, want)
		}
	}
}

// FuzzRedact: what is redacted has nothing of the password, parses as before but for that, and nothing panics.
func FuzzRedact(f *testing.F) {
	for _, seed := range []string{"redis://user:p%40w@h:1,[::1]:2/3", "unix://:p@/a?db=1", "rediss://h?database=1", "redis://:@h", "redis://a:b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		redacted := redisurl.Redact(text)
		u, err := redisurl.Parse(text)
		if err != nil {
			if redacted != "(hidden)" {
				t.Fatalf("%q is malformed (%v), and redacted as %q", text, err, redacted)
			}
			return
		}
		again, err := redisurl.Parse(redacted)
		if err != nil {
			t.Fatalf("%q is redacted as %q, which is malformed: %v", text, redacted, err)
		}
		if want := "(hidden)"; u.Password != "" && again.Password != want {
			t.Fatalf("%q is redacted as %q, whose password is %q", text, redacted, again.Password)
		}
		u.Password, again.Password = "", ""
		if !reflect.DeepEqual(u, again) {
			t.Fatalf("%q parses as %+v, and redacted as %+v", text, u, again)
		}
	})
}
