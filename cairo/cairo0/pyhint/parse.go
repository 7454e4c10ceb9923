package pyhint

import (
	"errors"
	"fmt"
	"strings"

	"github.com/starkd/starkd/cairo/machine"
)

// env is the state of a running hint.
type env struct {
	m      *machine.Machine
	ids    Names
	locals []map[string]any // variables of the running functions and comprehensions, innermost last
	budget int              // remaining iterations and calls
	depth  int
}

type (
	expr func(e *env) (any, error)
	stmt func(e *env) (flow, error)
	// target assigns v to a variable, an attribute, an element or a tuple of them.
	target func(e *env, v any) error
)

// flow says how a statement ended.
type flow struct {
	kind  byte // 0 next statement, 'b' break, 'c' continue, 'r' return
	value any  // the returned value
}

// parser is a recursive-descent parser that produces closures.
type parser struct {
	toks  []token
	at    int
	depth int
}

// parse parses a hint.
func parse(src string) (stmt, error) {
	toks, err := lex(src)
	if err != nil {
		return nil, err
	}
	p := &parser{toks: toks}
	var list []stmt
	for p.peek().kind != 0 {
		s, err := p.statement()
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return block(list), nil
}

func block(list []stmt) stmt {
	if len(list) == 1 {
		return list[0]
	}
	return func(e *env) (flow, error) {
		for _, s := range list {
			if f, err := s(e); err != nil || f.kind != 0 {
				return f, err
			}
		}
		return flow{}, nil
	}
}

func (p *parser) peek() token { return p.toks[p.at] }

func (p *parser) isOp(op string) bool {
	t := p.peek()
	return t.kind == 'o' && t.text == op
}

func (p *parser) isWord(w string) bool {
	t := p.peek()
	return t.kind == 'n' && t.text == w
}

func (p *parser) accept(op string) bool {
	if p.isOp(op) {
		p.at++
		return true
	}
	return false
}

func (p *parser) acceptWord(w string) bool {
	if p.isWord(w) {
		p.at++
		return true
	}
	return false
}

func (p *parser) expect(op string) error {
	if !p.accept(op) {
		return fmt.Errorf("want %q, have %q", op, p.peek().text)
	}
	return nil
}

func (p *parser) name() (string, error) {
	t := p.peek()
	if t.kind != 'n' {
		return "", fmt.Errorf("want a name, have %q", t.text)
	}
	p.at++
	return t.text, nil
}

func (p *parser) endOfLine() error {
	if p.accept(";") {
		return nil
	}
	if p.peek().kind != '\n' {
		return fmt.Errorf("unexpected %q", p.peek().text)
	}
	p.at++
	return nil
}

// suite parses a colon and the body after it.
func (p *parser) suite() (stmt, error) {
	if err := p.expect(":"); err != nil {
		return nil, err
	}
	if p.peek().kind != '\n' {
		return p.statement()
	}
	p.at++
	if p.peek().kind != '>' {
		return nil, errors.New("want an indented block")
	}
	p.at++
	var list []stmt
	for p.peek().kind != '<' {
		if p.peek().kind == 0 {
			return nil, errors.New("unexpected end")
		}
		s, err := p.statement()
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	p.at++
	return block(list), nil
}

func (p *parser) statement() (stmt, error) {
	if p.depth++; p.depth > 100 {
		return nil, errors.New("nested too deep")
	}
	defer func() { p.depth-- }()
	t := p.peek()
	if t.kind == '\n' {
		p.at++
		return func(*env) (flow, error) { return flow{}, nil }, nil
	}
	if t.kind == 'n' {
		switch t.text {
		case "if":
			p.at++
			return p.ifStatement()
		case "for":
			p.at++
			return p.forStatement()
		case "while":
			p.at++
			return p.whileStatement()
		case "def":
			p.at++
			return p.defStatement()
		case "from", "import":
			return p.importStatement()
		case "pass", "break", "continue":
			p.at++
			kind := map[string]byte{"pass": 0, "break": 'b', "continue": 'c'}[t.text]
			return func(*env) (flow, error) { return flow{kind: kind}, nil }, p.endOfLine()
		case "return":
			p.at++
			var x expr
			if p.peek().kind != '\n' {
				var err error
				if x, err = p.exprList(); err != nil {
					return nil, err
				}
			}
			return func(e *env) (flow, error) {
				if x == nil {
					return flow{kind: 'r'}, nil
				}
				v, err := x(e)
				return flow{'r', v}, err
			}, p.endOfLine()
		case "assert":
			p.at++
			x, err := p.expr()
			if err != nil {
				return nil, err
			}
			var msg expr
			if p.accept(",") {
				if msg, err = p.expr(); err != nil {
					return nil, err
				}
			}
			return assertion(x, msg), p.endOfLine()
		case "raise":
			p.at++
			x, err := p.expr()
			if err != nil {
				return nil, err
			}
			return func(e *env) (flow, error) {
				v, err := x(e)
				if err != nil {
					return flow{}, err
				}
				return flow{}, fmt.Errorf("%s", Str(v))
			}, p.endOfLine()
		case "del":
			p.at++
			n, err := p.name()
			if err != nil {
				return nil, err
			}
			return func(e *env) (flow, error) {
				delete(e.scope(), n)
				return flow{}, nil
			}, p.endOfLine()
		}
	}
	return p.assignment()
}

func assertion(x, msg expr) stmt {
	return func(e *env) (flow, error) {
		v, err := x(e)
		if err != nil {
			return flow{}, err
		}
		if truth(v) {
			return flow{}, nil
		}
		text := "AssertionError"
		if msg != nil {
			if m, err := msg(e); err == nil {
				text = Str(m)
			}
		}
		return flow{}, errors.New(text)
	}
}

func (p *parser) ifStatement() (stmt, error) {
	cond, err := p.expr()
	if err != nil {
		return nil, err
	}
	then, err := p.suite()
	if err != nil {
		return nil, err
	}
	var otherwise stmt
	switch {
	case p.acceptWord("elif"):
		otherwise, err = p.ifStatement()
	case p.acceptWord("else"):
		otherwise, err = p.suite()
	}
	return func(e *env) (flow, error) {
		v, err := cond(e)
		if err != nil {
			return flow{}, err
		}
		if truth(v) {
			return then(e)
		}
		if otherwise != nil {
			return otherwise(e)
		}
		return flow{}, nil
	}, err
}

func (p *parser) forStatement() (stmt, error) {
	target, err := p.targets()
	if err != nil {
		return nil, err
	}
	if !p.acceptWord("in") {
		return nil, errors.New("want in")
	}
	iter, err := p.exprList()
	if err != nil {
		return nil, err
	}
	body, err := p.suite()
	if err != nil {
		return nil, err
	}
	var otherwise stmt
	if p.acceptWord("else") {
		if otherwise, err = p.suite(); err != nil {
			return nil, err
		}
	}
	return func(e *env) (flow, error) {
		v, err := iter(e)
		if err != nil {
			return flow{}, err
		}
		broken := false
		var flow flow
		err = e.iterate(v, func(x any) (bool, error) {
			if err := target(e, x); err != nil {
				return false, err
			}
			f, err := body(e)
			if err != nil {
				return false, err
			}
			switch f.kind {
			case 'b':
				broken = true
				return false, nil
			case 'r':
				broken, flow = true, f
				return false, nil
			}
			return true, nil
		})
		if err != nil || broken || otherwise == nil {
			return flow, err
		}
		return otherwise(e)
	}, nil
}

func (p *parser) whileStatement() (stmt, error) {
	cond, err := p.expr()
	if err != nil {
		return nil, err
	}
	body, err := p.suite()
	return func(e *env) (flow, error) {
		for {
			if err := e.spend(); err != nil {
				return flow{}, err
			}
			v, err := cond(e)
			if err != nil || !truth(v) {
				return flow{}, err
			}
			f, err := body(e)
			if err != nil || f.kind == 'r' {
				return f, err
			}
			if f.kind == 'b' {
				return flow{}, nil
			}
		}
	}, err
}

// annotation skips a type annotation that begins with mark, if there is one: `: type` or `-> type`.
func (p *parser) annotation(mark string) error {
	if !p.accept(mark) {
		return nil
	}
	_, err := p.expr()
	return err
}

func (p *parser) defStatement() (stmt, error) {
	name, err := p.name()
	if err != nil {
		return nil, err
	}
	if err := p.expect("("); err != nil {
		return nil, err
	}
	params, defaults, err := p.params(")")
	if err != nil {
		return nil, err
	}
	if err := p.annotation("->"); err != nil {
		return nil, err
	}
	body, err := p.suite()
	return func(e *env) (flow, error) {
		f, err := e.function(params, defaults, func(e *env) (any, error) {
			f, err := body(e)
			return f.value, err
		})
		if err != nil {
			return flow{}, err
		}
		e.set(name, f)
		return flow{}, nil
	}, err
}

// params parses parameters up to the token end. A default is nil if the parameter has none.
func (p *parser) params(end string) (names []string, defaults []expr, err error) {
	for !p.accept(end) {
		n, err := p.name()
		if err != nil {
			return nil, nil, err
		}
		if end != ":" {
			if err := p.annotation(":"); err != nil {
				return nil, nil, err
			}
		}
		var d expr
		if p.accept("=") {
			if d, err = p.expr(); err != nil {
				return nil, nil, err
			}
		}
		names, defaults = append(names, n), append(defaults, d)
		if !p.accept(",") {
			return names, defaults, p.expect(end)
		}
	}
	return names, defaults, nil
}

func (p *parser) dotted() (string, error) {
	n, err := p.name()
	for err == nil && p.accept(".") {
		var more string
		more, err = p.name()
		n += "." + more
	}
	return n, err
}

func (p *parser) importStatement() (stmt, error) {
	type binding struct{ as, path string }
	var list []binding
	if p.acceptWord("import") {
		path, err := p.dotted()
		if err != nil {
			return nil, err
		}
		as := strings.SplitN(path, ".", 2)[0]
		if p.acceptWord("as") {
			if as, err = p.name(); err != nil {
				return nil, err
			}
		}
		list = append(list, binding{as, path})
	} else {
		p.at++
		module, err := p.dotted()
		if err != nil {
			return nil, err
		}
		if !p.acceptWord("import") {
			return nil, errors.New("want import")
		}
		paren := p.accept("(")
		for {
			n, err := p.name()
			if err != nil {
				return nil, err
			}
			as := n
			if p.acceptWord("as") {
				if as, err = p.name(); err != nil {
					return nil, err
				}
			}
			list = append(list, binding{as, module + "." + n})
			if !p.accept(",") || paren && p.isOp(")") {
				break
			}
		}
		if paren {
			if err := p.expect(")"); err != nil {
				return nil, err
			}
		}
	}
	for _, b := range list {
		if _, ok := modules[b.path]; !ok {
			return nil, fmt.Errorf("No module named %q", b.path)
		}
	}
	return func(e *env) (flow, error) {
		for _, b := range list {
			e.set(b.as, modules[b.path])
		}
		return flow{}, nil
	}, p.endOfLine()
}

func (p *parser) assignment() (stmt, error) {
	first, err := p.placeList()
	if err != nil {
		return nil, err
	}
	for _, op := range []string{"+", "-", "*", "//", "%", "&", "|", "^", "<<", ">>", "**"} {
		if p.accept(op + "=") {
			x, err := p.exprList()
			if err != nil {
				return nil, err
			}
			if first.set == nil {
				return nil, errors.New("cannot assign")
			}
			return func(e *env) (flow, error) {
				a, err := first.get(e)
				if err != nil {
					return flow{}, err
				}
				b, err := x(e)
				if err != nil {
					return flow{}, err
				}
				v, err := binaryOp(op, a, b)
				if err != nil {
					return flow{}, err
				}
				return flow{}, first.set(e, v)
			}, p.endOfLine()
		}
	}
	places := []place{first}
	if p.isOp(":") { // an annotation of the name
		if err := p.annotation(":"); err != nil {
			return nil, err
		}
	}
	for p.accept("=") {
		next, err := p.placeList()
		if err != nil {
			return nil, err
		}
		places = append(places, next)
	}
	value := places[len(places)-1].get
	places = places[:len(places)-1]
	for _, t := range places {
		if t.set == nil {
			return nil, errors.New("cannot assign")
		}
	}
	return func(e *env) (flow, error) {
		v, err := value(e)
		if err != nil {
			return flow{}, err
		}
		for _, t := range places {
			if err := t.set(e, v); err != nil {
				return flow{}, err
			}
		}
		return flow{}, nil
	}, p.endOfLine()
}

// targets parses the variables of a loop.
func (p *parser) targets() (target, error) {
	paren := p.accept("(")
	var list []target
	for {
		n, err := p.name()
		if err != nil {
			return nil, err
		}
		list = append(list, func(e *env, v any) error { e.set(n, v); return nil })
		if !p.accept(",") {
			break
		}
	}
	if paren {
		if err := p.expect(")"); err != nil {
			return nil, err
		}
	}
	if len(list) == 1 {
		return list[0], nil
	}
	return unpack(list), nil
}

func unpack(list []target) target {
	return func(e *env, v any) error {
		values, err := e.list(v)
		if err != nil {
			return err
		}
		if len(values) != len(list) {
			return fmt.Errorf("%d values for %d names", len(values), len(list))
		}
		for i, t := range list {
			if err := t(e, values[i]); err != nil {
				return err
			}
		}
		return nil
	}
}

// Hint is a parsed hint.
type Hint struct{ run stmt }

// Parse parses the code of a hint.
func Parse(code string) (*Hint, error) {
	run, err := parse(code)
	if err != nil {
		return nil, err
	}
	return &Hint{run}, nil
}

// Run runs the hint on m, with access to ids.
func (h *Hint) Run(m *machine.Machine, ids Names) error {
	_, err := h.run(&env{m: m, ids: ids, budget: maxIterations})
	return err
}
