package cluster

import "scenecast/audience"

// audiences remembers what canonical texts mean: most pushes of a backend are for few different audiences, and parsing one takes as
// long as the rest of a push. For one goroutine.
type audiences struct{ byText map[string]audience.Expr }

// maxAudiences bounds what is remembered; when there are more, all are forgotten, which costs less than to know which to forget.
const maxAudiences = 4096

func (a *audiences) parse(text string) (audience.Expr, error) {
	if e, ok := a.byText[text]; ok {
		return e, nil
	}
	e, err := audience.Parse(text)
	if err != nil {
		return e, err
	}
	if a.byText == nil || len(a.byText) == maxAudiences {
		a.byText = make(map[string]audience.Expr)
	}
	a.byText[text] = e
	return e, nil
}
