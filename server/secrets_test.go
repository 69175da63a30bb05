package server_test

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"

	"scenecast/auth"
	"scenecast/config"
)

// secrets are those that a server and its clients use. Nothing that the server says may have one of them in it. Every test of this package
// that runs a server by the harness checks that: its log, its answers, its metrics, and its printed configuration.
type secrets struct {
	mu   sync.Mutex
	used []string
}

// shortestSecret is how long a text is at least that is looked for. A shorter one may stand in what the server says by chance.
const shortestSecret = 10

// add notes secrets.
func (s *secrets) add(texts ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, text := range texts {
		if len(text) < shortestSecret || slices.Contains(s.used, text) {
			continue
		}
		s.used = append(s.used, text)
		if !strings.HasPrefix(text, config.DigestPrefix) {
			s.used = append(s.used, fmt.Sprintf("%x", auth.DigestOf(text)))
		}
	}
}

// addConfig notes the secrets of a configuration, wherever they stand in it.
func (s *secrets) addConfig(c config.Config) { s.walk(reflect.ValueOf(c)) }

func (s *secrets) walk(v reflect.Value) {
	switch {
	case v.Type() == reflect.TypeFor[config.Secret]():
		s.add(v.String())
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				s.walk(v.Field(i))
			}
		}
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			s.walk(v.Index(i))
		}
	case v.Kind() == reflect.Map:
		for _, key := range v.MapKeys() {
			s.walk(v.MapIndex(key))
		}
	case v.Kind() == reflect.Pointer && !v.IsNil():
		s.walk(v.Elem())
	}
}

// foundIn is a secret that stands in a text; empty: none does.
func (s *secrets) foundIn(text string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, secret := range s.used {
		if strings.Contains(text, secret) {
			return secret
		}
	}
	return ""
}

// checkSecrets looks for secrets in what the server has said.
func (r *running) checkSecrets() {
	r.t.Helper()
	c := r.Config() // which a reload may have changed
	r.secrets.addConfig(c)
	for what, text := range map[string]string{"log": r.log.String(), "printed configuration": config.Print(c), "metrics": r.metricsText()} {
		if secret := r.secrets.foundIn(text); secret != "" {
			r.t.Errorf("the %s holds the secret %s:\n%s", what, secret, text)
		}
	}
}

// checkAnswer looks for secrets in an answer.
func (r *running) checkAnswer(request string, answer *http.Response, body string) {
	r.t.Helper()
	if strings.HasPrefix(answer.Request.URL.Path, "/demo/") { // whose pages show their token, as all pages do
		return
	}
	if secret := r.secrets.foundIn(fmt.Sprint(answer.Header, body)); secret != "" {
		r.t.Errorf("the answer to %s holds the secret %s:\n%v\n%s", request, secret, answer.Header, body)
	}
}
