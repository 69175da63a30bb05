package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// backend makes HTTP calls.
type backend struct {
	at     address
	client *http.Client
}

func newBackend(a address) *backend {
	transport := &http.Transport{MaxIdleConnsPerHost: 256}
	if a.Root != nil {
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(a.Root)
		transport.TLSClientConfig = &tls.Config{RootCAs: roots}
	}
	return &backend{a, &http.Client{Transport: transport, Timeout: 2 * time.Minute}}
}

// call makes a call with the key, and returns the body of an answer that is 200.
func (b *backend) call(ctx context.Context, method, path, body string) ([]byte, error) {
	status, answer, err := b.do(ctx, method, path, "application/json", body)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("%s %s: %d: %.300s", method, path, status, answer)
	}
	return answer, err
}

func (b *backend) do(ctx context.Context, method, path, media, body string) (int, []byte, error) {
	address := b.at.url("") + path
	r, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Authorization", "Bearer "+b.at.Key)
	r.Header.Set("Content-Type", media)
	response, err := b.client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	return response.StatusCode, answer, err
}

// push publishes to an audience.
func (b *backend) push(ctx context.Context, to string, message string) error {
	_, err := b.call(ctx, http.MethodPost, "/v1/push", `{"to":`+strconv.Quote(to)+`,"message":`+message+`}`)
	return err
}

// lasting publishes pushes that wait for pages to come, each to an audience of its own.
func (b *backend) lasting(ctx context.Context, n int, to func(i int) string) error {
	const atOnce = 250
	for done := 0; done < n; {
		var batch bytes.Buffer
		size := min(atOnce, n-done)
		for i := range size {
			if audience := to(done + i); batch.Len()+len(audience) < 200<<10 { // under http.max_body
				fmt.Fprintf(&batch, `,{"to":%s,"ttl":"1h","message":"later"}`, strconv.Quote(audience))
			} else {
				size = i
				break
			}
		}
		body := "[" + strings.TrimPrefix(batch.String(), ",") + "]"
		answer, err := b.call(ctx, http.MethodPost, "/v1/push", body)
		if err != nil {
			return err
		}
		var answers []struct{ Status int }
		if err := json.Unmarshal(answer, &answers); err != nil {
			return err
		}
		for _, a := range answers {
			if a.Status != 0 {
				return fmt.Errorf("a lasting push is refused: %.300s", answer)
			}
		}
		done += size
	}
	return nil
}
