package client_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"scenecast"
	"scenecast/client"
)

const jwtSecret = "signs the tokens of the pages of one app"

// signed is a token that ends in so long and brings this plan.
func signed(t *testing.T, in time.Duration, plan string) string {
	t.Helper()
	claims := jwt.MapClaims{"sub": "42", "exp": float64(time.Now().Add(in).UnixMilli()) / 1000, "labels": map[string]string{"plan": plan}}
	text, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(jwtSecret))
	if err != nil {
		t.Error(err)
	}
	return text
}

// TestTokenEnds: a token that ends is replaced on the open connection.
func TestTokenEnds(t *testing.T) {
	t.Parallel()
	address := start(t, map[string]string{"jwt.keys": `[{key: "` + jwtSecret + `"}]`, "jwt.leeway": "0"})
	b := newBackend(t, address)
	var calls atomic.Int32
	p := run(t, client.PageOptions{URL: address, TokenFunc: func(context.Context) (string, error) {
		switch calls.Add(1) {
		case 1:
			return signed(t, 2*time.Second, "free"), nil
		case 2:
			return "", errors.New("the login service is down")
		case 3:
			return "not a token", nil
		}
		return signed(t, time.Hour, "pro"), nil
	}})
	id := p.welcomed().ID // a machine may be so slow that the first token has ended before that
	for {
		c, err := b.Connection(t.Context(), id)
		var e *client.Error
		if errors.As(err, &e) && e.Kind == client.KindNotFound { // the machine is so slow that the token has ended first
			var closed *client.Error
			if err := expectTold[error](p); !errors.As(err, &closed) || closed.Code != scenecast.CloseUnauthorized {
				t.Fatalf("the page was lost by %v", err)
			}
			id = p.welcomed().ID
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if c.Labels.Get("plan") == "pro" {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	b.push(`plan == "pro"`, "1")
	p.expect("1")
	if n := calls.Load(); n < 4 {
		t.Errorf("TokenFunc was called %d times", n)
	}
}

// TestTokenRefused: a page whose token the server does not take asks once more for one, and then gives up; one that cannot have any asks again.
func TestTokenRefused(t *testing.T) {
	address := start(t, nil)
	for name, c := range map[string]struct {
		tokens []string // the last one again and again
		calls  int32
		err    error // nil: it is welcomed
	}{
		"the second is good": {[]string{"old", pageToken}, 2, nil},
		"none is good":       {[]string{"old", "older"}, 2, &client.Error{Code: scenecast.CloseUnauthorized}},
		"the login fails":    {[]string{"!down", "!down", pageToken}, 3, nil},
		"logged out":         {[]string{"!out"}, 1, client.ErrNoToken},
	} {
		var calls atomic.Int32
		p := run(t, client.PageOptions{URL: address, TokenFunc: func(context.Context) (string, error) {
			token := c.tokens[min(int(calls.Add(1)), len(c.tokens))-1]
			switch token {
			case "!down":
				return "", &client.Error{Status: 403, Detail: "down"} // of another server: nothing to give up for
			case "!out":
				return "", client.ErrNoToken
			}
			return token, nil
		}})
		if c.err == nil {
			p.welcomed()
			p.stop()
			_ = p.end()
		} else {
			var want, got *client.Error
			if err := p.end(); errors.As(c.err, &want) && (!errors.As(err, &got) || got.Code != want.Code) || want == nil && !errors.Is(err, c.err) {
				t.Errorf("%s: Run returned %v, want %v", name, err, c.err)
			}
		}
		if calls.Load() != c.calls {
			t.Errorf("%s: TokenFunc was called %d times, want %d", name, calls.Load(), c.calls)
		}
	}
}
