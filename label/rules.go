package label

import (
	"slices"
	"strings"

	"scenecast/language"
	"scenecast/problem"
)

// SettingClient decides which keys a page may set.
const SettingClient = "labels.client"

// Rules say what labels the pages of an app may have.
type Rules struct {
	Limits  Limits
	Client  []string // the keys that a page may set itself; nil: any that is not trusted
	ByToken bool     // Client is what the page's token says, and not the configuration
}

// OfToken are the rules for a page whose token says which keys it may set; nil: it does not say.
func (r Rules) OfToken(maySet []string) Rules {
	if maySet != nil {
		r.Client, r.ByToken = maySet, true
	}
	return r
}

// MaySet reports whether a page may set a key that is not trusted.
func (r Rules) MaySet(key string) bool { return r.Client == nil || slices.Contains(r.Client, key) }

// CheckClient returns a problem where a page names a key that it may not set: the server's, a trusted one, or one that
// the configuration does not list.
func (r Rules) CheckClient(keys []string, trusted func(key string) bool) error {
	for _, key := range keys {
		switch {
		case Reserved(key):
			return problem.New(problem.Forbidden, "label keys with @ are the server's own").At(key)
		case trusted(key):
			return problem.New(problem.Forbidden, "this label is set by the page's token or by the backend, and a page cannot change it").At(key)
		case !r.MaySet(key):
			allowed := language.Textf("no label itself")
			if len(r.Client) > 0 {
				allowed = language.Textf("only %s", strings.Join(r.Client, ", "))
			}
			if r.ByToken {
				return problem.New(problem.Forbidden, "a page with this token may set %s (may_set)", allowed).At(key)
			}
			return problem.New(problem.Forbidden, "a page may set %s", allowed).At(key).DecidedBy(SettingClient)
		}
	}
	return nil
}
