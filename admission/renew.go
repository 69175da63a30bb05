package admission

import (
	"context"
	"errors"
	"net/netip"
	"slices"

	"scenecast"
	"scenecast/auth"
	"scenecast/problem"
)

// OriginOf is the address that a connected page comes from, by its lease. The zero value: it is not known. The page must be connected.
func (a *Authenticator) OriginOf(lease scenecast.Lease) netip.Addr {
	if a.Quota != nil {
		if from, known := a.Quota.Origin(lease); known {
			return from
		}
	}
	return netip.Addr{}
}

// AuthenticateAgain is Authenticate for a token that a connected page sends. A wrong one counts for the address that the page comes from;
// where that has shown too many, what it shows is not looked at.
func (a *Authenticator) AuthenticateAgain(ctx context.Context, from netip.Addr, token string) (auth.Page, error) {
	if a.Addresses != nil && from.IsValid() {
		if err := a.Addresses.Check(from); err != nil {
			return auth.Page{}, err
		}
	}
	page, err := a.Authenticate(ctx, token)
	if p := new(problem.Problem); a.TokenRefused != nil && errors.As(err, &p) && p.Kind == problem.Unauthorized {
		a.TokenRefused(from, p)
	}
	return page, err
}

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
