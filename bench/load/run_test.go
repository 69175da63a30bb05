package load

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode"

	"scenecast/freeport"
	"scenecast/language"
)

func address(t *testing.T, s *httptest.Server) *url.URL {
	t.Helper()
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// small are the options of tests: pushes 1 to 4 are the round's, the fences are 0 and 5.
func small(t *testing.T, s *httptest.Server) Options {
	return Options{
		URL: address(t, s), Token: fakeToken, Key: fakeKey,
		Pages: 20, Few: 4, To: []string{Few}, Pipeline: 1, Rounds: 1, Pushes: 4,
	}
}

// TestFaultsAreFound, over both transports: also the fault of a round's last message, which only the fence brings to light.
func TestFaultsAreFound(t *testing.T) {
	for _, c := range []struct {
		mischief string
		at       int
		want     Faults // but for the examples
		err      string // besides ErrFaults
		example  string
	}{
		{"none", 0, Faults{}, "", ""},
		{"foreign", 2, Faults{}, "", ""},
		{"drop", 2, Faults{Missing: 1}, "4 of 20: deliveries are missing: none has come for 2s", "did not get message 2, which went to 4 pages from"},
		{"double", 2, Faults{Doubled: 1}, "", "got message 2 again"},
		{"double", 4, Faults{Doubled: 1}, "", "got message 4 again"},
		{"misroute", 2, Faults{Misdelivered: 1}, "", "got message 2, which went to 4 pages from"},
		{"misroute", 4, Faults{Misdelivered: 1}, "", "got message 4, which went to 4 pages from"},
		{"damage", 2, Faults{Damaged: 1, Missing: 1}, "deliveries are missing", "got the damaged message"},
		{"wrong answer", 2, Faults{WrongAnswers: 1}, "", "message 2 went to 4 pages from"},
		{"close", 2, Faults{Closed: 1, Missing: 1}, "deliveries are missing", `the server closes the page with code 4408: "slow consumer"`},
		{"cut off", 2, Faults{Closed: 1, Missing: 1}, "deliveries are missing", "page "},
	} {
		for _, portable := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s at %d, goroutines: %t", c.mischief, c.at, portable), func(t *testing.T) {
				t.Parallel() // most wait for what is missing
				o := small(t, newFake(t, c.mischief, c.at, httptest.NewServer))
				o.portable = portable
				if c.want.Missing > 0 {
					o.Patience = 2 * time.Second // else nothing is waited for in vain
				}
				r, err := Run(t.Context(), o)
				if r == nil {
					t.Fatalf("no report: %v", err)
				}
				got := r.Faults
				got.Examples = nil
				if got.String() != c.want.String() {
					t.Errorf("got %s, want %s", &r.Faults, &c.want)
				}
				switch {
				case !c.want.Any() && err != nil, c.want.Any() && c.err == "" && !errors.Is(err, ErrFaults), c.err != "" && !strings.Contains(text(err), c.err):
					t.Errorf("got the error %v, want %s", err, c.err)
				}
				for _, e := range append(r.Faults.Examples, language.Textf("%s", &r.Faults), language.Textf("%v", err)) {
					if !strings.ContainsFunc(e.In(language.Chinese), func(r rune) bool { return unicode.Is(unicode.Han, r) }) && e.String() != "<nil>" {
						t.Errorf("%q is in Chinese %q", e, e.In(language.Chinese))
					}
				}
				if !strings.Contains(fmt.Sprint(r.Faults.Examples), c.example) {
					t.Errorf("got the examples %q, want one with %s", r.Faults.Examples, c.example)
				}
				if (r.Foreign == 1) != (c.mischief == "foreign") || r.Complete != (c.err == "") {
					t.Errorf("%d foreign messages, complete %t", r.Foreign, r.Complete)
				}
			})
		}
	}
}

// TestRun goes through every kind of scenario.
func TestRun(t *testing.T) {
	o := small(t, newFake(t, "none", 0, httptest.NewServer))
	o.To, o.Pipeline, o.Rounds, o.Pushes = []string{Everybody, Few, One, `page == "home"`}, 3, 2, 4
	var progress []string
	o.Progress = func(text language.Text) { progress = append(progress, text.String()) }
	checkReport(t, o, map[string]int{
		"everybody": 4 * 20, "everybody, 3 at a time": 6 * 20, "4 of 20": 4 * 4, "4 of 20, 3 at a time": 6 * 4,
		"one page": 4, "one page, 3 at a time": 6, `page == "home"`: 4 * 5, `page == "home", 3 at a time`: 6 * 5,
	})
	if len(progress) == 0 || progress[len(progress)-1] != `scenario 8 of 8, page == "home", 3 at a time: round 2 of 2` {
		t.Errorf("progress: %q", progress)
	}
	o.Rate, o.Pushes = 1000, 100
	checkReport(t, o, map[string]int{"everybody, 1000/s": 2000, "4 of 20, 1000/s": 400, "one page, 1000/s": 100, `page == "home", 1000/s`: 500})
}

// TestRunTLS talks to pages and backend over TLS.
func TestRunTLS(t *testing.T) {
	s := newFake(t, "none", 0, func(h http.Handler) *httptest.Server {
		s := httptest.NewUnstartedServer(h)
		s.Config.ErrorLog = log.New(io.Discard, "", 0) // of connections that only tried whether somebody listens
		s.StartTLS()
		return s
	})
	o := small(t, s)
	o.TLS = &tls.Config{RootCAs: s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
	checkReport(t, o, map[string]int{"4 of 20": 16})
}

// checkReport runs, and checks how many deliveries the scenarios have.
func checkReport(t *testing.T, o Options, want map[string]int) {
	t.Helper()
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Scenes) != len(want) || !r.Complete || r.Connect == nil {
		t.Errorf("got %+v, want the scenarios %v", r, want)
	}
	for _, s := range r.Scenes {
		if m := s.Median; m.Deliveries != want[s.Name.String()] || m.Latency.Max <= 0 || m.Latency.P50 > m.Latency.Max || len(s.Rounds) != o.Rounds {
			t.Errorf("%s: got %+v, want %d deliveries", s.Name, s, want[s.Name.String()])
		}
	}
	var out bytes.Buffer
	r.Print(&out, language.English)
	if !strings.Contains(out.String(), "every message came once to every page of its audience, and to no other") {
		t.Errorf("got %s", &out)
	}
}

// TestRefusals: what a user is told who cannot be served.
func TestRefusals(t *testing.T) {
	s := newFake(t, "none", 0, httptest.NewServer)
	nobody := freeport.Addr(t)
	for _, c := range []struct {
		name string
		o    func(*Options)
		want string
	}{
		{"wrong token", func(o *Options) { o.Token = "wrong" }, `the server refuses the page: 401 Unauthorized {"code":401,"message":"no"}`},
		{"wrong key", func(o *Options) { o.Key = "wrong" }, "push: the server answers 401 Unauthorized: no such key"},
		{"no native protocol", func(o *Options) { o.Native = true }, "the server refuses the page: 404"},
		{"nobody listens", func(o *Options) { o.URL = &url.URL{Scheme: "http", Host: nobody} }, "no server answers: "},
		{"no URL", func(o *Options) { o.URL = nil }, "which server?"},
		{"no page", func(o *Options) { o.Pages = 0 }, "0 pages: it takes one at least"},
		{"a large group", func(o *Options) { o.Few = 21 }, "21 pages in a group: it takes from 1 to all 20"},
		{"no process", func(o *Options) { o.PID = 1 << 30 }, "there is no process"},
		{"small messages", func(o *Options) { o.Size = 10 }, "messages of 10 bytes"},
		{"many calls", func(o *Options) { o.Pipeline = 65 }, "65 calls at a time: it takes from 1 to 64"},
		{"no rounds", func(o *Options) { o.Rounds = -1 }, "are not negative"},
		{"a strange audience", func(o *Options) { o.To = []string{"few", "all"} }, "--to all: "},
	} {
		o := small(t, s)
		c.o(&o)
		if _, err := Run(t.Context(), o); !strings.Contains(text(err), c.want) {
			t.Errorf("%s: got %v, want %s", c.name, err, c.want)
		}
	}
}

// TestCancel ends a run at once that waits for what never comes.
func TestCancel(t *testing.T) {
	o := small(t, newFake(t, "drop", 2, httptest.NewServer))
	o.Patience = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	o.Progress = func(text language.Text) {
		if strings.HasPrefix(text.String(), "scenario") {
			time.AfterFunc(10*time.Millisecond, cancel)
		}
	}
	if r, err := Run(ctx, o); !errors.Is(err, context.Canceled) || r.Complete {
		t.Errorf("got %v, %v", r, err)
	}
}

// TestSpread connects from several addresses of loopback.
func TestSpread(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has all of 127.0.0.0/8")
	}
	s := newFake(t, "none", 0, httptest.NewServer)
	for _, portable := range []bool{false, true} {
		o, err := small(t, s).withDefaults()
		if err != nil {
			t.Fatal(err)
		}
		o.portable = portable
		r, err := newRunner(o, people{run: "abc", pages: o.Pages, few: o.Few})
		if err != nil {
			t.Fatal(err)
		}
		r.fleet.sources = sources{each: 5}
		err = r.fleet.connect(t.Context(), func(int) {})
		r.close()
		if err != nil {
			t.Error(err)
		}
	}
}
