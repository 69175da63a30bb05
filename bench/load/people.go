package load

import (
	"crypto/rand"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"scenecast/audience"
	"scenecast/label"
	"scenecast/language"
)

// The keys of the labels that a page has. The values of run, group and user begin with the run's name, so audiences that
// name them hold nobody else's pages.
const (
	keyRun    = "run"
	keyPage   = "page"
	keyGroup  = "group"
	keyUser   = "user"
	keyLocale = "locale"
)

var (
	pageNames = []string{"home", "list", "order", "back"}
	locales   = []string{"zh", "en"}
)

// people says who the pages are: what labels each has, and so which audience it belongs to.
type people struct {
	run   string
	pages int
	few   int // pages in a group; the last group may have fewer
	lost  int // the first so many pages read nothing any more
}

// newPeople makes up a name for a run.
func newPeople(o *Options) people {
	return people{run: strings.ToLower(rand.Text()[:8]), pages: o.Pages, few: o.Few}
}

func (p people) groupOf(page int) string { return p.group(page / p.few) }
func (p people) group(n int) string      { return p.run + "-" + strconv.Itoa(n) }
func (p people) user(page int) string    { return p.run + "-" + strconv.Itoa(page) }

func (p people) labels(page int) url.Values {
	return url.Values{
		keyRun:    {p.run},
		keyPage:   {pageNames[page%len(pageNames)]},
		keyGroup:  {p.groupOf(page)},
		keyUser:   {p.user(page)},
		keyLocale: {locales[page%len(locales)]},
	}
}

// all is everybody who reads.
func (p people) all() crowd { return p.between(p.lost, p.pages) }

func (p people) between(from, to int) crowd {
	c := make(crowd, 0, to-from)
	for i := from; i < to; i++ {
		c = append(c, int32(i))
	}
	return c
}

// audience reads an expression, and finds out by it alone, without the server, who that is.
func (p people) audience(text string) (to []byte, c crowd, err error) {
	parse := func() (audience.Expr, error) { return audience.Parse(text) }
	if len(text) > 0 && text[0] == '{' {
		parse = func() (audience.Expr, error) { return audience.ParseJSON([]byte(text)) }
	}
	e, err := parse()
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", "--to "+text, err)
	}
	root := e.Root()
	if key := strangeKey(&root); key != "" {
		return nil, nil, language.Errorf("--to %s: the pages of bench have no label %q; they have %s, %s, %s, %s and %s",
			text, key, keyRun, keyPage, keyGroup, keyUser, keyLocale)
	}
	for i := range p.pages {
		if e.Match(label.FromMap(p.labels(i))) {
			c = append(c, int32(i))
		}
	}
	if to, err = e.MarshalJSON(); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", "--to "+text, err)
	}
	if len(c) == 0 {
		return nil, nil, language.Errorf("--to %s: no page of bench is in this audience", text)
	}
	return to, c, nil
}

// strangeKey is a key in the expression that pages do not have; empty where there is none.
func strangeKey(n *audience.Node) string {
	switch n.Key {
	case "", keyRun, keyPage, keyGroup, keyUser, keyLocale:
	default:
		return n.Key
	}
	for i := range n.Children {
		if key := strangeKey(&n.Children[i]); key != "" {
			return key
		}
	}
	return ""
}
