package doctor_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"

	"scenecast/doctor"
)

// TestLinesWithoutAnEnd: of an event stream that is one line without an end, before its first event or while it is to be idle, no more is read
// than an answer may have.
func TestLinesWithoutAnEnd(t *testing.T) {
	for name, beginning := range map[string]string{"at once": "", "when it is idle": "data: {\"type\":\"welcome\",\"id\":\"1.1\"}\n\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var sent atomic.Int64
			hostile := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch r.URL.Path {
				case "/readyz":
					_, _ = w.Write([]byte(`{"status":"ready"}`))
				case "/v1/events":
					w.Header().Set("Content-Type", "text/event-stream")
					_, _ = w.Write([]byte(beginning))
					for part := bytes.Repeat([]byte{'x'}, 1<<16); ; sent.Add(1 << 16) {
						if _, err := w.Write(part); err != nil {
							return
						}
					}
				default:
					w.WriteHeader(http.StatusNotFound)
				}
			}))
			u, err := url.Parse(hostile.URL)
			if err != nil {
				t.Fatal(err)
			}
			found := examine(t, nil, nil, func(o *doctor.Options) { o.URL, o.Token, o.Idle = u, "a-token-of-pages", true })
			hostile.Close()
			check := "proxy.events"
			if beginning != "" {
				check += ".idle"
			}
			expect(t, found, check, doctor.Failure, "")
			if sent := sent.Load(); sent > 64<<20 { // what is on its way in the sockets is among it
				t.Errorf("%d bytes were taken", sent)
			}
		})
	}
}
