package access

import (
	"crypto/rand"
	"strings"

	"scenecast"
)

// Revoke puts a revocation of tokens on its way, in the app of the caller; of a confined one, of those tokens that it reaches. What its
// pending says is matched are the pages that it has closed.
func (e Engine) Revoke(c Caller, r scenecast.Revocation) (scenecast.Pending, error) {
	r.App, r.Within = c.App, c.Within
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
