package audience

import (
	"scenecast/language"
	"scenecast/problem"
)

// Parse reads the text form. What it cannot take is a *problem.Problem that names the column.
func Parse(text string) (Expr, error) {
	t, err := parse(text, false)
	if err != nil {
		return Expr{}, err
	}
	return t.Bind(nil)
}

// parse reads the text form, with parameters or without.
func parse(text string, parameters bool) (Template, error) {
	if err := checkText(len(text)); err != nil {
		return Template{}, err
	}
	if i := invalidUTF8(text); i >= 0 {
		return Template{}, problem.New(problem.Invalid, "the text is not valid UTF-8").At(place(text, i))
	}
	p := parser{lexer: lexer{text: text}, parameters: parameters}
	p.advance()
	root, err := p.audience()
	if err != nil {
		return Template{}, err
	}
	return newTemplate(root, p.slots)
}

// parser descends the grammar of the package doc. Each method named after a rule begins at the rule's first token and
// leaves the token after its last as current.
type parser struct {
	lexer
	current    token
	depth      int  // parentheses and '!' that are open
	parameters bool // whether they are taken
	values     int  // seen so far
	slots      []slot
}

func (p *parser) advance() { p.current = p.next() }

// take advances over a token of the kind, if that is the current one.
func (p *parser) take(k kind) bool {
	if p.current.kind != k {
		return false
	}
	p.advance()
	return true
}

func (p *parser) audience() (Node, error) {
	switch {
	case p.current.kind == end:
		return Node{}, p.problem(problem.Invalid, emptyRefused)
	case p.take(everybody):
		if p.current.kind != end {
			return Node{}, p.unexpected(language.Textf("the end after *, which is everybody and stands alone"))
		}
		return Node{Op: OpEverybody}, nil
	}
	root, err := p.any()
	if err == nil && p.current.kind != end {
		err = p.noJoint(language.Textf("&& or ||"))
	}
	return root, err
}

func (p *parser) any() (Node, error) { return p.joined(OpOr, "||", p.all) }
func (p *parser) all() (Node, error) { return p.joined(OpAnd, "&&", p.term) }

func (p *parser) joined(op Op, operator kind, operand func() (Node, error)) (Node, error) {
	first, err := operand()
	if err != nil || p.current.kind != operator {
		return first, err
	}
	operands := []Node{first}
	for p.take(operator) {
		n, err := operand()
		if err != nil {
			return Node{}, err
		}
		operands = append(operands, n)
	}
	return join(op, operands), nil
}

// term reads a comparison or an operand. Those that begin with a key are told apart by what follows it.
func (p *parser) term() (Node, error) {
	if p.current.kind != word {
		return p.operand()
	}
	key := p.current
	p.advance()
	switch {
	case p.take("=="):
		return p.comparison(key.text, language.Textf("after =="))
	case p.take("!="):
		in, err := p.comparison(key.text, language.Textf("after !="))
		return Node{Op: OpNot, Children: []Node{in}}, err
	case p.take("in"):
		return p.list(key.text)
	}
	return p.call(key, noComparison)
}

func (p *parser) operand() (Node, error) {
	switch {
	case p.current.kind == "!":
		return p.nested(p.negation)
	case p.current.kind == "(":
		return p.nested(p.group)
	case p.current.kind != word:
		return Node{}, p.noOperand()
	}
	key := p.current
	p.advance()
	return p.call(key, noNegation)
}

// nested reads what the current token opens, one deeper.
func (p *parser) nested(inner func() (Node, error)) (Node, error) {
	if p.depth == MaxDepth {
		return Node{}, p.problem(problem.LimitExceeded, "parentheses and ! may be nested %d deep", MaxDepth)
	}
	p.depth++
	p.advance()
	n, err := inner()
	p.depth--
	return n, err
}

func (p *parser) negation() (Node, error) {
	n, err := p.operand()
	return Node{Op: OpNot, Children: []Node{n}}, err
}

func (p *parser) group() (Node, error) {
	n, err := p.any()
	if err == nil && !p.take(")") {
		err = p.noJoint(language.Textf("&&, || or )"))
	}
	return n, err
}

// call reads the rest of has(key) or key.startsWith(value), of which the first word is read. Where it is neither, the
// problem says what is expected instead, with a hint.
func (p *parser) call(first token, instead func(first token) (expected, hint language.Text)) (Node, error) {
	switch {
	case first.text == "has" && p.take("("):
		return p.has()
	case p.take("."):
		return p.startsWith(first.text)
	}
	expected, hint := instead(first)
	if p.current.kind == "(" {
		hint = language.Textf(`the functions are has(key) and key.startsWith("…")`)
	}
	return Node{}, p.found(expected, hint)
}

func (p *parser) has() (Node, error) {
	key := p.current
	if key.kind != word {
		return Node{}, p.unexpected(language.Textf("a label key in has(…)"))
	}
	p.advance()
	if !p.take(")") {
		return Node{}, p.unexpected(language.Textf(") after has(%s", key.String()))
	}
	return Node{Op: OpHas, Key: key.text}, nil
}

func (p *parser) startsWith(key string) (Node, error) {
	if p.current.kind != word || p.current.text != "startsWith" {
		return Node{}, p.unexpected(language.Textf("startsWith after the dot"))
	}
	p.advance()
	if !p.take("(") {
		return Node{}, p.unexpected(language.Textf("( after startsWith"))
	}
	prefix, err := p.value(language.Textf("in startsWith(…)"))
	if err == nil && !p.take(")") {
		err = p.unexpected(language.Textf(") after the one string of startsWith"))
	}
	return Node{Op: OpHasPrefix, Key: key, Values: []string{prefix}}, err
}

func (p *parser) comparison(key string, where language.Text) (Node, error) {
	value, err := p.value(where)
	return Node{Op: OpIn, Key: key, Values: []string{value}}, err
}

func (p *parser) list(key string) (Node, error) {
	if !p.take("[") {
		return Node{}, p.unexpected(language.Textf("[ after in"))
	}
	if p.current.kind == "]" {
		return Node{}, p.problem(problem.Invalid, "an empty list is refused: nobody is in it")
	}
	in := Node{Op: OpIn, Key: key}
	for {
		value, err := p.value(language.Textf("in the list"))
		if err != nil {
			return Node{}, err
		}
		in.Values = append(in.Values, value)
		if !p.take(",") && p.current.kind != "]" {
			return Node{}, p.unexpected(language.Textf(", or ] in the list"))
		}
		if p.take("]") {
			return in, nil
		}
	}
}

// value reads a string or a parameter, which is an empty string until it is bound. Where it stands is for the problem.
func (p *parser) value(where language.Text) (string, error) {
	value := ""
	switch {
	case p.current.kind == quoted:
		value = p.current.text
	case p.current.kind == parameter && p.parameters:
		p.slots = append(p.slots, slot{p.values, p.current.text})
	default:
		return "", p.noValue(where)
	}
	p.values++
	p.advance()
	return value, nil
}
