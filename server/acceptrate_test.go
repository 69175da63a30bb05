package server_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestHTTPBesidePages: pages that wait for their turn keep no health check and no push waiting, whichever way connections come in.
func TestHTTPBesidePages(t *testing.T) {
	cert, key, pool := selfSigned(t)
	for name, settings := range map[string]map[string]string{
		"plain": {"limits.accept_rate": "1"},
		"TLS":   {"limits.accept_rate": "1", "tls.cert": cert, "tls.key": key},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, settings, nil)
			base, client := "http://"+s.addr, &http.Client{Transport: &http.Transport{}}
			if name == "TLS" {
				base, client = "https://"+s.addr, http2Client(t, pool)
			}
			defer client.CloseIdleConnections()
			const pages = 30
			for range pages {
				if name == "TLS" {
					conn := s.dialTLS(pool)
					_, _ = io.WriteString(conn, upgrade("/?token="+pageToken))
				} else {
					_, _ = s.raw(upgrade("/?token=" + pageToken))
				}
			}
			response, err := client.Get(base + "/healthz")
			if err != nil {
				t.Fatal(err)
			}
			readAll(t, response)
			request, _ := http.NewRequest(http.MethodPost, base+"/v1/push", strings.NewReader(`{"to":"*","message":1}`))
			request.Header.Set("Authorization", "Bearer "+apiKey)
			if response, err = client.Do(request); err != nil {
				t.Fatal(err)
			}
			readAll(t, response)
			if n := s.Connections(); n == pages {
				t.Errorf("all %d pages are in, and only then HTTP was answered", n)
			}
			if response.StatusCode != http.StatusOK {
				t.Error(response.Status)
			}
		})
	}
}
