package access

import (
	"crypto/rand"
	"strings"

	"scenecast"
)

// Revoke puts a revocation of tokens on its way, in the app of the caller; of a confined one, of those tokens that it reaches. What its
// pending says is matched are the pages that it has closed. It goes through the log, so it counts as a push of the caller's rate.
func (e Engine) Revoke(c Caller, r scenecast.Revocation) (scenecast.Pending, error) {
	r.App, r.Within = c.App, c.Within
	if err := e.Rates.take(c); err != nil {
		return nil, err
	}
	p, err := r.Push(strings.ToLower(rand.Text()), "")
	if err != nil {
		return nil, err
	}
	pending, err := e.Pushes.Submit(p)
	if err != nil || !c.Confined() {
		return pending, err
	}
	return withoutPosition{pending}, nil
}
