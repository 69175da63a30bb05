package dashboard

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"

	"scenecast/auth"
	"scenecast/problem"
)

// settingKeys is the setting that decides who may log in.
const settingKeys = "api_keys"

// The names of the cookie. A browser takes one with the prefix __Host- only over TLS, for this host alone and for all of its paths
// (RFC 6265bis, 4.1.3.2). Without TLS, which is for localhost alone, a browser would not take that, nor Secure.
const (
	secureCookie = "__Host-scenecast"
	plainCookie  = "scenecast"
)

func (h *handler) cookieName(r *http.Request) string {
	if h.o.Secure(r) {
		return secureCookie
	}
	return plainCookie
}

// cookie is the session's. Without TLS it has no path, so it is sent to what is beside the login alone, and to no other server of this machine
// that has no dashboard: a cookie is for all ports of a host.
func (h *handler) cookie(r *http.Request, value string) *http.Cookie {
	c := &http.Cookie{Name: h.cookieName(r), Value: value, HttpOnly: true, SameSite: http.SameSiteStrictMode}
	if h.o.Secure(r) {
		c.Secure, c.Path = true, "/"
	}
	return c
}

// maxLogin bounds the body of a login.
const maxLogin = 4 << 10

// credentials are what a login says.
type credentials struct {
	Key      string `json:"key"`      // an API key, or a code that stands for one
	Remember bool   `json:"remember"` // the cookie outlives the browser, until the session ends
}

// login answers POST /dashboard/login.
func (h *handler) login(w http.ResponseWriter, r *http.Request) {
	session, remember, err := h.admit(r)
	if err != nil {
		p := problem.Of(err)
		h.audit(r, "login", session.key, p)
		h.refuse(w, r, p)
		return
	}
	cookie := h.cookie(r, session.encode())
	if remember {
		cookie.MaxAge = int(Lifetime / time.Second)
	}
	http.SetCookie(w, cookie)
	h.audit(r, "login", session.key, nil)
	w.WriteHeader(http.StatusNoContent)
}

// admit is the session of a login. The key is known where one was shown that may not log in.
func (h *handler) admit(r *http.Request) (s session, remember bool, err error) {
	if !h.o.Secure(r) && !isLoopback(hostOf(r.Host)) {
		return s, false, problem.New(problem.Forbidden, "this connection is not encrypted, so anybody on the way would read the API key: use HTTPS, or "+
			"localhost; behind a proxy with TLS, name it in the setting, and have it send X-Forwarded-Proto").DecidedBy("limits.trusted_proxies")
	}
	if h.o.CheckClient != nil {
		if err := h.o.CheckClient(r); err != nil {
			return s, false, err
		}
	}
	c, err := readCredentials(r)
	if err != nil {
		return s, false, err
	}
	attempt, err := h.tries.begin(h.o.Origin(r), h.o.Now())
	if err != nil {
		return s, false, err
	}
	secret := c.Key
	key, ok := h.o.FindKey(secret)
	if !ok && h.o.Code != nil {
		if secret, ok = h.o.Code(c.Key); ok {
			key, ok = h.o.FindKey(secret)
		}
	}
	if !ok {
		return s, false, problem.New(problem.Unauthorized, "this is no API key of this server").DecidedBy(settingKeys)
	}
	attempt.succeed()
	s = session{key, secret, h.o.Now().Add(Lifetime)}
	if !key.May(auth.Read) {
		return s, false, problem.New(problem.Forbidden, "this API key lacks the scope %q, which the dashboard needs", auth.Read).DecidedBy(settingKeys)
	}
	if len(s.encode()) > maxToken {
		return s, false, problem.New(problem.LimitExceeded, "the name and the secret of this API key are too long for a cookie").DecidedBy(settingKeys)
	}
	return s, c.Remember, nil
}

// readCredentials reads the body of a login.
func readCredentials(r *http.Request) (c credentials, err error) {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return c, problem.New(problem.UnsupportedMedia, `a login is JSON: Content-Type: application/json, and {"key": "…"}`)
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxLogin+1))
	switch {
	case err != nil:
		return c, fmt.Errorf("%w (%w)", problem.New(problem.Timeout, "the body did not come in whole"), err)
	case len(body) > maxLogin:
		return c, problem.New(problem.TooLarge, "a login has at most %d bytes", maxLogin)
	case json.Unmarshal(body, &c) != nil:
		return c, problem.New(problem.Invalid, `a login is {"key": "…", "remember": true}, and this is not`)
	case c.Key == "":
		return c, problem.New(problem.Invalid, "the API key is missing").At("key")
	}
	return c, nil
}

// logout answers POST /dashboard/logout: the browser forgets the cookie. Logging out without a session is no mistake.
func (h *handler) logout(w http.ResponseWriter, r *http.Request) {
	if s, err := h.session(r); err == nil {
		h.audit(r, "logout", s.key, nil)
	}
	cookie := h.cookie(r, "")
	cookie.MaxAge = -1
	http.SetCookie(w, cookie)
	w.WriteHeader(http.StatusNoContent)
}

// audit logs who has logged in or out, or has tried to. A flood of tries ends at their limit, which is told once a minute.
func (h *handler) audit(r *http.Request, what string, key auth.Key, p *problem.Problem) {
	if h.o.Audit == nil || p != nil && p.Kind == problem.TooMany && !h.tries.tell(h.o.Now()) {
		return
	}
	attributes := []any{"call", "POST " + Path + what}
	if key.Name != "" {
		attributes = append(attributes, "app", key.App, "key", key.Name)
	}
	if from := h.o.Origin(r); from.IsValid() {
		attributes = append(attributes, "client", from)
	}
	if p != nil {
		attributes = append(attributes, "kind", p.Kind, "why", p.Error())
	}
	h.o.Audit.Info("audit", attributes...)
}
