package signature_test

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"scenecast/problem"
	"scenecast/protocol/pusher/signature"
)

// The vectors are those of the Pusher documentation.
const (
	key      = "278d425bdf160c739803"
	secret   = "7ad3773142a6692b25b8"
	socketID = "1234.1234"
)

func TestVectors(t *testing.T) {
	k := signature.NewKey(key, secret)
	keys := signature.Keys{signature.NewKey("other", "other secret"), k}
	for _, c := range []struct{ channel, data, want string }{
		{"private-foobar", "", "58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4"},
		{"presence-foobar", `{"user_id":10,"user_info":{"name":"Mr. Channels"}}`, "31935e7d86dba64c2a90aed31fdc61869f9b22ba9d8863bba239c03ca481bc80"},
		{"presence-foobar", `{"user_id":10,"user_info":{"name":"Mr. Pusher"}}`, "afaed3695da2ffd16931f457e338e6c9f2921fa133ce7dac49f529792be6304c"},
	} {
		if got := k.Subscription(socketID, c.channel, c.data); got != key+":"+c.want {
			t.Errorf("%s: %s, want %s", c.channel, got, c.want)
		}
		if !keys.VerifySubscription(key+":"+c.want, socketID, c.channel, c.data) {
			t.Errorf("%s: the signature is refused", c.channel)
		}
		for _, wrong := range []string{
			"", ":", key, key + ":", ":" + c.want, c.want, "other:" + c.want, "unknown:" + c.want, key + ":" + c.want + "0", key + ":" + c.want[1:],
			key + ":" + strings.ToUpper(c.want), key + ":" + strings.Repeat("0", 64), key + ":" + c.want + "\x00",
		} {
			if keys.VerifySubscription(wrong, socketID, c.channel, c.data) {
				t.Errorf("%s: %q is taken for right", c.channel, wrong)
			}
		}
		if keys.VerifySubscription(key+":"+c.want, "1234.1235", c.channel, c.data) || keys.VerifySubscription(key+":"+c.want, socketID, c.channel+"x", c.data) ||
			keys.VerifySubscription(key+":"+c.want, socketID, c.channel, c.data+"x") {
			t.Errorf("%s: the signature of another subscription is taken for right", c.channel)
		}
	}
	const user, want = `{"id":"12345"}`, key + ":4708d583dada6a56435fb8bc611c77c359a31eebde13337c16ab43aa6de336ba"
	if got := k.SignIn(socketID, user); got != want {
		t.Errorf("sign-in: %s, want %s", got, want)
	}
	if !keys.VerifySignIn(want, socketID, user) || keys.VerifySignIn(want, socketID, `{"id":"12346"}`) || keys.VerifySignIn(want, "1234.1235", user) {
		t.Error("sign-in: right and wrong are not told apart")
	}
	const body = `{"name":"foo","channels":["project-3"],"data":"{\"some\":\"data\"}"}`
	if got := k.Sign([]byte(body)); got != hmacOf(body, secret) {
		t.Errorf("a webhook's body: %s", got)
	}
}

const requestSignature = "da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c"

// request is the request of the documentation.
func request(t *testing.T) (r signature.Request, body []byte, at time.Time) {
	t.Helper()
	q, err := signature.ParseQuery("auth_key=" + key + "&auth_timestamp=1353088179&auth_version=1.0&body_md5=ec365a775a4cd0599faeb73354201b6f&auth_signature=" + requestSignature)
	if err != nil {
		t.Fatal(err)
	}
	return signature.Request{
		Method: "POST", Path: "/apps/3/events", Query: q,
	}, []byte(`{"name":"foo","channels":["project-3"],"data":"{\"some\":\"data\"}"}`), time.Unix(1353088179, 0)
}

func TestRequestVector(t *testing.T) {
	keys := signature.Keys{signature.NewKey("other", "s"), signature.NewKey(key, secret)}
	r, body, at := request(t)
	if err := r.Query.CheckBody(body); err != nil {
		t.Errorf("its body: %v", err)
	}
	if got := keys[1].SignRequest(r); got != requestSignature {
		t.Errorf("the signature is %s, want %s", got, requestSignature)
	}
	if k, err := keys.Verify(r, at); err != nil || k != keys[1] {
		t.Fatalf("the request is of %v: %v", k, err)
	}
	for _, off := range []time.Duration{-600 * time.Second, 600 * time.Second} {
		if _, err := keys.Verify(r, at.Add(off)); err != nil {
			t.Errorf("%v later: %v", off, err)
		}
	}
	set := func(name, value string) func(*signature.Request) {
		return func(r *signature.Request) {
			r.Query = slices.Clone(r.Query)
			for i := range r.Query {
				if r.Query[i].Name == name {
					r.Query[i].Value = value
				}
			}
		}
	}
	without := func(name string) func(*signature.Request) {
		return func(r *signature.Request) {
			r.Query = slices.DeleteFunc(slices.Clone(r.Query), func(p signature.Param) bool { return p.Name == name })
		}
	}
	twice := func(name string) func(*signature.Request) {
		return func(r *signature.Request) {
			r.Query = append(slices.Clone(r.Query), signature.Param{Name: name, Value: r.Query.Get(name)})
		}
	}
	for name, c := range map[string]struct {
		change func(*signature.Request)
		at     time.Time
		want   string
	}{
		"601 s late":         {func(*signature.Request) {}, at.Add(601 * time.Second), "auth_timestamp is 1353088179, which is not within 600 seconds of the server's time, 1353088780"},
		"601 s early":        {func(*signature.Request) {}, at.Add(-601 * time.Second), "auth_timestamp is 1353088179, which is not within 600 seconds"},
		"no time":            {set("auth_timestamp", "now"), at, `auth_timestamp is "now", and no number of seconds since 1970`},
		"another time":       {set("auth_timestamp", "1353088180"), at, "auth_signature is not the HMAC-SHA256"},
		"a far time":         {set("auth_timestamp", "-9223372036854775808"), at, "auth_timestamp is -9223372036854775808, which is not within"},
		"another version":    {set("auth_version", "2.0"), at, `auth_version is "2.0", and 1.0 is known`},
		"another key":        {set("auth_key", "other"), at, "auth_signature is not the HMAC-SHA256"},
		"an unknown key":     {set("auth_key", "x"), at, `there is no auth_key "x" of this app`},
		"no key":             {without("auth_key"), at, "the parameter auth_key is missing"},
		"no timestamp":       {without("auth_timestamp"), at, "the parameter auth_timestamp is missing"},
		"no version":         {without("auth_version"), at, "the parameter auth_version is missing"},
		"no signature":       {without("auth_signature"), at, "the parameter auth_signature is missing"},
		"two keys":           {twice("auth_key"), at, "the parameter auth_key is there 2 times"},
		"another sum":        {set("body_md5", "0"), at, "auth_signature is not"},
		"two signatures":     {twice("auth_signature"), at, "the parameter auth_signature is there 2 times"},
		"another method":     {func(r *signature.Request) { r.Method = "GET" }, at, "auth_signature is not the HMAC-SHA256"},
		"another path":       {func(r *signature.Request) { r.Path = "/apps/4/events" }, at, `auth_signature is not the HMAC-SHA256, in hexadecimal, of "POST\n/apps/4/events\nauth_key=`},
		"one parameter more": {func(r *signature.Request) { r.Query = append(slices.Clone(r.Query), signature.Param{Name: "x"}) }, at, "auth_signature is not"},
		"an empty signature": {set("auth_signature", ""), at, "auth_signature is not"},
		"a cut signature":    {set("auth_signature", requestSignature[:63]), at, "auth_signature is not"},
		"an upper signature": {set("auth_signature", strings.ToUpper(requestSignature)), at, "auth_signature is not"},
		"another path, also": {func(r *signature.Request) { r.Path, r.Also = "/apps/4/events", []string{"/", "/apps/5/events"} }, at, "auth_signature is not"},
	} {
		changed := r
		c.change(&changed)
		k, err := keys.Verify(changed, c.at)
		if p := problem.Of(err); k != nil || err == nil || p.Kind != problem.Unauthorized || !strings.HasPrefix(p.Detail, c.want) {
			t.Errorf("%s: %v, %v; want %s", name, k, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the secret is told", name)
		}
	}
}

// TestBody: it is the one that is signed.
func TestBody(t *testing.T) {
	r, body, _ := request(t)
	for _, c := range []struct {
		query signature.Query
		body  string
		want  string
	}{
		{r.Query, string(body), ""},
		{nil, "", ""},
		{signature.Query{{Name: "body_md5", Value: "d41d8cd98f00b204e9800998ecf8427e"}}, "", ""},
		{r.Query, string(body) + " ", "body_md5 is not the MD5 of the body, in hexadecimal"},
		{r.Query, "", "body_md5 is not the MD5 of the body, in hexadecimal"},
		{nil, "{}", "the parameter body_md5 is missing, and the request has a body"},
		{signature.Query{{Name: "body_md5"}}, "{}", "the parameter body_md5 is missing, and the request has a body"},
		{append(slices.Clone(r.Query), signature.Param{Name: "body_md5"}), string(body), "the parameter body_md5 is there 2 times"},
		{signature.Query{{Name: "body_md5", Value: "EC365A775A4CD0599FAEB73354201B6F"}}, string(body), "body_md5 is not the MD5 of the body, in hexadecimal"},
	} {
		err := c.query.CheckBody([]byte(c.body))
		if c.want == "" && err != nil || c.want != "" && (err == nil || problem.Of(err).Kind != problem.Unauthorized || problem.Of(err).Detail != c.want) {
			t.Errorf("%v, %q: %v, want %q", c.query, c.body, err, c.want)
		}
	}
}

// TestOtherPaths: each of the paths by which a request may be signed counts.
func TestOtherPaths(t *testing.T) {
	keys := signature.Keys{signature.NewKey(key, secret)}
	for path, right := range map[string]bool{"/apps/3/events": true, "/push/apps/3/events": true, "/a/b": true, "/c": false} {
		r, _, at := request(t)
		r.Query = slices.DeleteFunc(slices.Clone(r.Query), func(p signature.Param) bool { return p.Name == "auth_signature" })
		by := keys[0].SignRequest(signature.Request{Method: r.Method, Path: path, Query: r.Query})
		r.Query = append(r.Query, signature.Param{Name: "auth_signature", Value: by})
		r.Also = []string{"/push/apps/3/events", "/a/b"}
		if _, err := keys.Verify(r, at); (err == nil) != right {
			t.Errorf("signed with the path %q: %v", path, err)
		}
	}
}

// TestConcurrent: signatures do not mix.
func TestConcurrent(t *testing.T) {
	k := signature.NewKey(key, secret)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			text := strings.Repeat(fmt.Sprint(i), 100*i)
			for range 200 {
				if got := k.Sign([]byte(text)); got != hmacOf(text, secret) {
					t.Errorf("%s is signed %s", text, got)
					return
				}
			}
		})
	}
	all.Wait()
}

func TestParseQuery(t *testing.T) {
	many := strings.Repeat("a=1&", 100)
	for raw, want := range map[string]string{
		"":                                   "[]",
		"&&":                                 "[]",
		"b=2&A=1":                            "[{b 2} {a 1}]",
		"info=user_count%2Cx&info":           "[{info user_count,x} {info }]",
		"a=b=c&=d&e+f=g+h%20i":               "[{a b=c} { d} {e f g h i}]",
		"%e4=%FF":                            "[{� \xff}]",
		"a=%zz":                              "error",
		"a%=1":                               "error",
		many:                                 fmt.Sprint(slices.Repeat(signature.Query{{Name: "a", Value: "1"}}, 100)),
		many + "b":                           "error",
		"filter_by_prefix=presence-&b[]=1;c": "[{filter_by_prefix presence-} {b[] 1;c}]",
	} {
		q, err := signature.ParseQuery(raw)
		got := fmt.Sprint(q)
		if err != nil {
			got = "error"
		}
		if got != want && raw != "%e4=%FF" {
			t.Errorf("%q is read as %s, want %s", raw, got, want)
		}
	}
	q, _ := signature.ParseQuery("info=a&INFO=b")
	if q.Get("info") != "b" || q.Get("none") != "" {
		t.Errorf("info is %q", q.Get("info"))
	}
}

// FuzzQuery: however a query is written, what is signed is what another reading of it gives, and a request signed so is taken.
func FuzzQuery(f *testing.F) {
	f.Add("auth_key="+key+"&auth_timestamp=1353088179&auth_version=1.0", "body")
	f.Add("auth_version=1.0&auth_timestamp=1353088179&info=b&auth_key="+key+"&info=a", "")
	f.Add("auth_key="+key+"&Auth_Version=1.0&auth_timestamp=1353088179&x%5B%5D=%26=&filter+by=a%2Bb&&", "{}")
	f.Add("auth_signature=0&auth_key", "\x00")
	k := signature.NewKey(key, secret)
	keys := signature.Keys{k}
	f.Fuzz(func(t *testing.T, raw, body string) {
		q, err := signature.ParseQuery(raw)
		if err != nil {
			return
		}
		r := signature.Request{Method: "POST", Path: "/apps/3/events", Query: q}
		if got, want := k.SignRequest(r), hmacOf("POST\n/apps/3/events\n"+naive(raw), secret); got != want {
			t.Errorf("%q is signed as another text than %q", raw, naive(raw))
		}
		before := fmt.Sprint(q)
		r.Query = append(slices.DeleteFunc(slices.Clone(q), isAuth),
			signature.Param{Name: "auth_key", Value: key}, signature.Param{Name: "auth_version", Value: "1.0"}, signature.Param{Name: "auth_timestamp", Value: "1353088179"})
		if body != "" {
			sum := md5.Sum([]byte(body))
			r.Query = append(r.Query, signature.Param{Name: "body_md5", Value: hex.EncodeToString(sum[:])})
		}
		r.Query = append(r.Query, signature.Param{Name: "auth_signature", Value: k.SignRequest(r)})
		if _, err := keys.Verify(r, time.Unix(1353088179, 0)); err != nil {
			t.Errorf("%q, signed, is refused: %v", raw, err)
		}
		if err := r.Query.CheckBody([]byte(body)); err != nil {
			t.Errorf("%q: %v", body, err)
		}
		if fmt.Sprint(q) != before {
			t.Errorf("%q: signing has changed the parameters", raw)
		}
	})
}

func isAuth(p signature.Param) bool {
	return strings.HasPrefix(p.Name, "auth_") || p.Name == "body_md5"
}

// naive is what is signed of a query, by the words of the protocol.
func naive(raw string) string {
	byName := make(map[string][]string)
	for _, pair := range strings.Split(raw, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, _ = url.QueryUnescape(name)
		value, _ = url.QueryUnescape(value)
		byName[strings.ToLower(name)] = append(byName[strings.ToLower(name)], value)
	}
	delete(byName, "auth_signature")
	var names, pairs []string
	for name := range byName {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range byName[name] {
			pairs = append(pairs, name+"="+value)
		}
	}
	return strings.Join(pairs, "&")
}

func hmacOf(text, secret string) string {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(text))
	return hex.EncodeToString(h.Sum(nil))
}

func BenchmarkVerify(b *testing.B) {
	keys := signature.Keys{signature.NewKey(key, secret)}
	raw := "auth_key=" + key + "&auth_timestamp=1353088179&auth_version=1.0&body_md5=ec365a775a4cd0599faeb73354201b6f&auth_signature=" + requestSignature
	body := []byte(`{"name":"foo","channels":["project-3"],"data":"{\"some\":\"data\"}"}`)
	b.ReportAllocs()
	for b.Loop() {
		q, _ := signature.ParseQuery(raw)
		if _, err := keys.Verify(signature.Request{Method: "POST", Path: "/apps/3/events", Query: q}, time.Unix(1353088179, 0)); err != nil {
			b.Fatal(err)
		}
		if err := q.CheckBody(body); err != nil {
			b.Fatal(err)
		}
	}
}
