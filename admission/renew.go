package admission

import (
	"slices"

	"scenecast"
	"scenecast/auth"
	"scenecast/problem"
)

// Renew puts what another token says of a page in the place of what its token said, all in one step; with an error, a *problem.Problem,
// nothing changes. The token must be of the same app and of the same user: another user's page is another page.
func (a *Authenticator) Renew(c scenecast.Conn, page auth.Page) error {
	switch {
	case page.App != c.App():
		return problem.New(problem.Forbidden, "the token is one of another app; connect with it").At(TokenParam)
	case !slices.Equal(page.Labels.Values(scenecast.LabelUser), c.Labels().Values(scenecast.LabelUser)):
		return problem.New(problem.Forbidden, "the token is one of another user; connect with it").At(TokenParam)
	}
	return problem.At(c.Renew(page.Labels, page.Token, a.Rules(page.App).OfToken(page.Token.MaySet)), TokenParam)
}
