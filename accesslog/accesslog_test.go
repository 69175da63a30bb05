package accesslog

import (
	"bytes"
	"io"
	"log/slog"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"scenecast/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// TestTarget: values that may be secret are masked however their names are written, and nothing else is.
func TestTarget(t *testing.T) {
	for target, want := range map[string]string{
		"/":                                  "/",
		"/?func=x&token=abc&order=7":         "/?func=x&token=***&order=7",
		"/?%74oken=abc":                      "/?%74oken=***",
		"/?TOKEN=abc&x;token=d":              "/?TOKEN=***&x;token=***",
		"/?a=1;token=d;b=2&;c":               "/?a=1;token=***;b=2&;c",
		"/?%zz=abc":                          "/?%zz=***",
		"/?token":                            "/?token=***",
		"/a%0ab?auth_signature=f&x=y":        "/a%0ab?auth_signature=***&x=y",
		"/" + strings.Repeat("a", maxTarget): "/" + strings.Repeat("a", maxTarget-1) + "…",
	} {
		path, query, _ := strings.Cut(target, "?")
		u := &url.URL{Path: path, RawQuery: query}
		if read, err := url.PathUnescape(path); err == nil {
			u.Path, u.RawPath = read, path
		}
		if got := Target(u); got != want {
			t.Errorf("%s is told as %s, want %s", target, got, want)
		}
	}
}

// FuzzTarget: no value of a token is told.
func FuzzTarget(f *testing.F) {
	f.Add("a=b&token=", "&c")
	f.Add("%", "=token")
	f.Fuzz(func(t *testing.T, before, behind string) {
		const secret = "0123456789secret9876543210"
		if strings.ContainsAny(behind, "=") || before != "" && !strings.HasSuffix(before, "&") {
			return
		}
		if got := Target(&url.URL{Path: "/", RawQuery: before + "token=" + secret + behind}); strings.Contains(got, secret) {
			t.Error(got)
		}
	})
}

func callOf() Call {
	r := httptest.NewRequest("GET", "/v1/nodes?token=abc", nil)
	r.Header.Set("User-Agent", "caller/1")
	return Call{Request: r, Route: "/v1/nodes", Status: 200, Bytes: 7, Took: 1500 * time.Microsecond, From: netip.MustParseAddr("203.0.113.9"), App: "default", Key: "all", RequestID: "r1", TraceID: "t1"}
}

// TestLines: the lines, literally.
func TestLines(t *testing.T) {
	for format, want := range map[string]string{
		FormatJSON: `"level":"INFO","msg":"call","method":"GET","route":"/v1/nodes","target":"/v1/nodes?token=***","proto":"HTTP/1.1","status":200,"bytes":7,"ms":1.5,` +
			`"remote":"203.0.113.9","request_id":"r1","app":"default","key":"all","trace_id":"t1","user_agent":"caller/1"}` + "\n",
		FormatText: `level=INFO msg=call method=GET route=/v1/nodes target="/v1/nodes?token=***" proto=HTTP/1.1 status=200 bytes=7 ms=1.5 ` +
			`remote=203.0.113.9 request_id=r1 app=default key=all trace_id=t1 user_agent=caller/1` + "\n",
	} {
		var out bytes.Buffer
		l, err := Open(Options{To: Stdout, Format: format}, &out, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		l.Call(callOf())
		l.Close(time.Minute)
		if got := out.String(); !strings.HasSuffix(got, want) {
			t.Errorf("%s\nwant\n%s", got, want)
		}
	}
}

// TestReopen: a file that was renamed is left when it is asked for, and no line is lost between the two; one that cannot be opened is gone on with.
func TestReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	var log bytes.Buffer
	l, err := Open(Options{To: path, Format: FormatJSON, Logger: slog.New(slog.NewTextHandler(&log, nil))}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	await := func(path string, lines int) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
			if text, _ := os.ReadFile(path); bytes.Count(text, []byte("\n")) == lines {
				return
			} else if time.Now().After(deadline) {
				t.Fatalf("%s has %q", path, text)
			}
		}
	}
	l.Call(callOf())
	await(path, 1)
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	l.Call(callOf())
	await(path+".1", 2)
	l.Reopen()
	l.Call(callOf())
	await(path, 1)
	if err := os.Rename(path, path+".2"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o700); err != nil { // in whose place no file can be opened
		t.Fatal(err)
	}
	l.Reopen()
	l.Call(callOf())
	await(path+".2", 2)
	l.Close(time.Minute)
	if n := strings.Count(log.String(), "cannot be opened anew"); n != 1 {
		t.Error(log.String())
	}
	if _, err := Open(Options{To: path}, nil, nil); err == nil || !strings.Contains(err.Error(), "access_log.to") {
		t.Errorf("a directory: %v", err)
	}
}

// stalled is a disk that hangs.
type stalled struct{ end chan struct{} }

func (s stalled) Write(b []byte) (int, error) {
	<-s.end
	return len(b), nil
}

// TestStalledDisk: who has lines written does not wait, what finds no room is counted, and so does the end not.
func TestStalledDisk(t *testing.T) {
	disk := stalled{make(chan struct{})}
	l, err := Open(Options{To: Stderr, Format: FormatJSON}, nil, disk)
	if err != nil {
		t.Fatal(err)
	}
	const lines = 12_000
	for range lines {
		l.Call(callOf())
	}
	if lost := l.Lost(); lost == 0 || lost >= lines {
		t.Errorf("%d lines are lost", lost)
	}
	l.Close(time.Millisecond)
	close(disk.end)
}
