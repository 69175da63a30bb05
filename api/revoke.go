package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"scenecast"
	"scenecast/audience"
	"scenecast/problem"
)

// revokeRequest is the body of POST /v1/revoke.
type revokeRequest struct {
	user, tokenID *string
	to            audience.Expr
	before        time.Time
}

func (q *revokeRequest) fields() fields {
	return fields{
		"user":   as(&q.user, aText),
		"jti":    as(&q.tokenID, aText),
		"to":     asAudience(&q.to),
		"before": asTime(&q.before),
	}
}

// asTime reads a time as RFC 3339 writes it, or as tokens do, in seconds since 1970.
func asTime(into *time.Time) func(json.RawMessage) error {
	return func(raw json.RawMessage) error {
		var seconds float64
		if json.Unmarshal(raw, &seconds) == nil && seconds > 0 && seconds < 1e11 {
			*into = time.UnixMilli(int64(seconds * 1000))
			return nil
		}
		if string(raw) == "null" || json.Unmarshal(raw, into) != nil {
			return problem.New(problem.Invalid, "takes a time, as 2026-07-01T12:00:00Z, or in seconds since 1970")
		}
		return nil
	}
}

// clockDifference is by how much the clock of a backend may be ahead of this server's.
const clockDifference = time.Minute

// revocation is what is asked for.
func (q *revokeRequest) revocation(now time.Time) (r scenecast.Revocation, err error) {
	given := 0
	for _, is := range []bool{q.user != nil, q.tokenID != nil, !q.to.IsZero()} {
		if is {
			given++
		}
	}
	switch {
	case given != 1:
		return r, problem.New(problem.Invalid, "say which tokens: one of user, jti and to")
	case q.user != nil && *q.user == "":
		return r, problem.New(problem.Invalid, "is the name of a user").At("user")
	case q.tokenID != nil && *q.tokenID == "":
		return r, problem.New(problem.Invalid, "is the ID of a token (jti)").At("jti")
	case q.tokenID != nil && !q.before.IsZero():
		return r, problem.New(problem.Invalid, "belongs to user and to: a jti is one token").At("before")
	case q.before.After(now.Add(clockDifference)):
		return r, problem.New(problem.Invalid, "takes a time that has passed").At("before")
	}
	if q.tokenID != nil {
		return scenecast.Revocation{TokenID: *q.tokenID}, nil
	}
	if q.before.IsZero() {
		q.before = now
	}
	r = scenecast.Revocation{To: q.to, Before: q.before.UTC()}
	if q.user != nil {
		r.User = *q.user
	}
	return r, nil
}

// atField puts the problem that the push which carries a revocation is too large at the field that makes it so, because a caller has sent no
// message. An audience is never too long for the log: it has a limit of its own.
func (q *revokeRequest) atField(err error) error {
	var p *problem.Problem
	if !errors.As(err, &p) || p.Kind != problem.TooLarge {
		return err
	}
	tooLong := func(text string) *problem.Problem {
		return problem.New(problem.TooLarge, "has %d bytes, which is more than the log takes", len(text))
	}
	switch {
	case q.user != nil:
		return tooLong(*q.user).At("user")
	case q.tokenID != nil:
		return tooLong(*q.tokenID).At("jti")
	}
	return err
}

// revokeResponse is the answer to POST /v1/revoke.
type revokeResponse struct {
	Matched int       `json:"matched"` // pages that were closed
	Until   time.Time `json:"until"`   // when the last of the tokens has ended by itself
	answered
}

// revoke answers POST /v1/revoke.
func (a *API) revoke(r *request) (any, error) {
	object, err := a.object(r)
	if err != nil {
		return nil, err
	}
	var body revokeRequest
	if err := body.fields().read(object); err != nil {
		return nil, err
	}
	now := time.Now()
	revocation, err := body.revocation(now)
	if err != nil {
		return nil, err
	}
	revocation.App, revocation.Within = r.caller.App, r.caller.Within
	revocation.Until = now.Add(a.o.TokenLifetime(r.caller.App)).UTC().Truncate(time.Second)
	switch {
	case revocation.User != "":
		r.audit = append(r.audit, "user", revocation.User)
	case revocation.TokenID != "":
		r.audit = append(r.audit, "jti", revocation.TokenID)
	default:
		r.audit = append(r.audit, "to", revocation.To.String())
	}
	if !a.o.MayRevoke(revocation) {
		return nil, problem.New(problem.TooMany, "as many revocations are in force as may be; a new key in jwt.keys makes all tokens of the old one void")
	}
	pending, err := a.engine.Revoke(r.caller, revocation)
	if err != nil {
		return nil, body.atField(err)
	}
	done, err := pending.Wait(r.Context())
	r.audit = append(r.audit, "matched", done.Tally.Matched)
	if err != nil && r.Context().Err() != nil {
		err = fmt.Errorf("%w (%w)", problem.New(problem.Uncertain,
			"it is not known yet whether all nodes have closed the pages of these tokens; to say it once more does no harm"), err)
	}
	if err != nil {
		return nil, err
	}
	return revokeResponse{done.Tally.Matched, revocation.Until, answeredBy(scenecast.Reply{Tally: done.Tally, Known: done.Known})}, nil
}
