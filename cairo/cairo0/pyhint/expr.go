package pyhint

import (
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// This file parses expressions.

// place is a parsed expression. set assigns to it, and is nil if that is not possible.
type place struct {
	get expr
	set target
}

// placeList parses an expression list, which may be a target.
func (p *parser) placeList() (place, error) {
	x, err := p.place()
	if err != nil || !p.isOp(",") {
		return x, err
	}
	list := []place{x}
	for p.accept(",") {
		if p.peek().kind == '\n' || p.isOp("=") {
			break
		}
		if x, err = p.place(); err != nil {
			return x, err
		}
		list = append(list, x)
	}
	return tuplePlace(list), nil
}

func tuplePlace(list []place) place {
	out := place{get: func(e *env) (any, error) {
		t := make(tuple, len(list))
		for i, x := range list {
			v, err := x.get(e)
			if err != nil {
				return nil, err
			}
			t[i] = v
		}
		return t, nil
	}}
	targets := make([]target, len(list))
	for i, x := range list {
		if x.set == nil {
			return out
		}
		targets[i] = x.set
	}
	out.set = unpack(targets)
	return out
}

// place parses an expression, which may be a target.
func (p *parser) place() (place, error) {
	start := p.at
	if x, err := p.postfix(); err == nil && x.set != nil {
		t := p.peek()
		if t.kind == '\n' || t.kind == 'o' && (t.text == "=" || t.text == "," || t.text == ")" || t.text == ":" || strings.HasSuffix(t.text, "=") && t.text != "==" && t.text != "!=" && t.text != "<=" && t.text != ">=") {
			return x, nil
		}
	}
	p.at = start
	x, err := p.expr()
	return place{get: x}, err
}

func (p *parser) exprList() (expr, error) {
	x, err := p.placeList()
	return x.get, err
}

// expr parses a conditional expression or a lambda.
func (p *parser) expr() (expr, error) {
	if p.depth++; p.depth > 100 {
		return nil, errors.New("nested too deep")
	}
	defer func() { p.depth-- }()
	if p.acceptWord("lambda") {
		params, defaults, err := p.params(":")
		if err != nil {
			return nil, err
		}
		body, err := p.expr()
		return func(e *env) (any, error) { return e.function(params, defaults, body) }, err
	}
	x, err := p.or()
	if err != nil || !p.acceptWord("if") {
		return x, err
	}
	cond, err := p.or()
	if err != nil {
		return nil, err
	}
	if !p.acceptWord("else") {
		return nil, errors.New("want else")
	}
	y, err := p.expr()
	return func(e *env) (any, error) {
		c, err := cond(e)
		if err != nil {
			return nil, err
		}
		if truth(c) {
			return x(e)
		}
		return y(e)
	}, err
}

func (p *parser) or() (expr, error) {
	x, err := p.and()
	for err == nil && p.acceptWord("or") {
		a := x
		var b expr
		if b, err = p.and(); err == nil {
			x = func(e *env) (any, error) {
				v, err := a(e)
				if err != nil || truth(v) {
					return v, err
				}
				return b(e)
			}
		}
	}
	return x, err
}

func (p *parser) and() (expr, error) {
	x, err := p.not()
	for err == nil && p.acceptWord("and") {
		a := x
		var b expr
		if b, err = p.not(); err == nil {
			x = func(e *env) (any, error) {
				v, err := a(e)
				if err != nil || !truth(v) {
					return v, err
				}
				return b(e)
			}
		}
	}
	return x, err
}

func (p *parser) not() (expr, error) {
	if !p.acceptWord("not") {
		return p.comparison()
	}
	if p.depth++; p.depth > 100 {
		return nil, errors.New("nested too deep")
	}
	defer func() { p.depth-- }()
	x, err := p.not()
	return func(e *env) (any, error) {
		v, err := x(e)
		return !truth(v), err
	}, err
}

func (p *parser) compareOp() string {
	t := p.peek()
	if t.kind == 'o' {
		switch t.text {
		case "<", ">", "<=", ">=", "==", "!=":
			p.at++
			return t.text
		}
	}
	if t.kind == 'n' {
		switch {
		case t.text == "in":
			p.at++
			return "in"
		case t.text == "is":
			p.at++
			if p.acceptWord("not") {
				return "!="
			}
			return "=="
		case t.text == "not" && p.toks[p.at+1].kind == 'n' && p.toks[p.at+1].text == "in":
			p.at += 2
			return "not in"
		}
	}
	return ""
}

// comparison parses a chain of comparisons, such as a < b < c.
func (p *parser) comparison() (expr, error) {
	x, err := p.binary(0)
	if err != nil {
		return nil, err
	}
	var ops []string
	operands := []expr{x}
	for {
		op := p.compareOp()
		if op == "" {
			break
		}
		y, err := p.binary(0)
		if err != nil {
			return nil, err
		}
		ops, operands = append(ops, op), append(operands, y)
	}
	if len(ops) == 0 {
		return x, nil
	}
	return func(e *env) (any, error) {
		a, err := operands[0](e)
		if err != nil {
			return nil, err
		}
		for i, op := range ops {
			b, err := operands[i+1](e)
			if err != nil {
				return nil, err
			}
			ok, err := e.compare(op, a, b)
			if err != nil || !ok {
				return false, err
			}
			a = b
		}
		return true, nil
	}, nil
}

// precedence lists the binary operators by increasing precedence.
var precedence = [][]string{{"|"}, {"^"}, {"&"}, {"<<", ">>"}, {"+", "-"}, {"*", "//", "/", "%"}}

func (p *parser) binary(level int) (expr, error) {
	if level == len(precedence) {
		return p.unary()
	}
	x, err := p.binary(level + 1)
	for err == nil {
		op := ""
		for _, o := range precedence[level] {
			if p.accept(o) {
				op = o
				break
			}
		}
		if op == "" {
			return x, nil
		}
		a := x
		var b expr
		if b, err = p.binary(level + 1); err == nil {
			x = func(e *env) (any, error) {
				v, err := a(e)
				if err != nil {
					return nil, err
				}
				w, err := b(e)
				if err != nil {
					return nil, err
				}
				return binaryOp(op, v, w)
			}
		}
	}
	return nil, err
}

func (p *parser) unary() (expr, error) {
	for _, op := range []string{"-", "+", "~"} {
		if p.accept(op) {
			if p.depth++; p.depth > 100 {
				return nil, errors.New("nested too deep")
			}
			defer func() { p.depth-- }()
			x, err := p.unary()
			return func(e *env) (any, error) {
				v, err := x(e)
				if err != nil {
					return nil, err
				}
				n, err := toInt(v)
				if err != nil {
					return nil, err
				}
				switch op {
				case "-":
					return new(big.Int).Neg(n), nil
				case "~":
					return new(big.Int).Not(n), nil
				}
				return n, nil
			}, err
		}
	}
	base, err := p.postfix()
	if err != nil || !p.accept("**") {
		return base.get, err
	}
	power, err := p.unary()
	return func(e *env) (any, error) {
		a, err := base.get(e)
		if err != nil {
			return nil, err
		}
		b, err := power(e)
		if err != nil {
			return nil, err
		}
		return binaryOp("**", a, b)
	}, err
}

// postfix parses an atom followed by calls, subscripts and attributes.
func (p *parser) postfix() (place, error) {
	x, err := p.atom()
	for err == nil {
		switch {
		case p.accept("("):
			x, err = p.call(x.get)
		case p.accept("["):
			x, err = p.subscript(x.get)
		case p.accept("."):
			var n string
			if n, err = p.name(); err == nil {
				obj := x.get
				x = place{
					func(e *env) (any, error) {
						v, err := obj(e)
						if err != nil {
							return nil, err
						}
						return e.attr(v, n)
					},
					func(e *env, w any) error {
						v, err := obj(e)
						if err != nil {
							return err
						}
						return e.setAttr(v, n, w)
					},
				}
			}
		default:
			return x, nil
		}
	}
	return x, err
}

func (p *parser) call(f expr) (place, error) {
	type arg struct {
		name string
		star bool // *x
		dict bool // **x
		x    expr
	}
	var args []arg
	for !p.accept(")") {
		var a arg
		a.dict = p.accept("**")
		a.star = p.accept("*")
		if t := p.peek(); t.kind == 'n' && p.toks[p.at+1].kind == 'o' && p.toks[p.at+1].text == "=" {
			a.name = t.text
			p.at += 2
		}
		x, err := p.expr()
		if err != nil {
			return place{}, err
		}
		if p.isWord("for") { // a generator as the only argument
			if x, err = p.comprehension(x, nil, '['); err != nil {
				return place{}, err
			}
		}
		a.x = x
		args = append(args, a)
		if !p.accept(",") {
			if err := p.expect(")"); err != nil {
				return place{}, err
			}
			break
		}
	}
	return place{get: func(e *env) (any, error) {
		fv, err := f(e)
		if err != nil {
			return nil, err
		}
		var list []any
		var kw map[string]any
		for _, a := range args {
			v, err := a.x(e)
			if err != nil {
				return nil, err
			}
			switch {
			case a.dict:
				d, ok := v.(*Dict)
				if !ok {
					return nil, errors.New("** wants a dict")
				}
				if kw == nil {
					kw = make(map[string]any)
				}
				for i := range d.len() {
					k, v := d.item(i)
					kw[Str(k)] = v
				}
			case a.name != "":
				if kw == nil {
					kw = make(map[string]any)
				}
				kw[a.name] = v
			case a.star:
				more, err := e.list(v)
				if err != nil {
					return nil, err
				}
				list = append(list, more...)
			default:
				list = append(list, v)
			}
		}
		return e.call(fv, list, kw)
	}}, nil
}

func (p *parser) subscript(obj expr) (place, error) {
	var parts [3]expr
	n, slice := 0, false
	for {
		if p.accept(":") {
			slice = true
			if n++; n > 2 {
				return place{}, errors.New("bad slice")
			}
			continue
		}
		if p.accept("]") {
			break
		}
		x, err := p.exprList()
		if err != nil {
			return place{}, err
		}
		parts[n] = x
	}
	if slice {
		return place{get: func(e *env) (any, error) {
			v, err := obj(e)
			if err != nil {
				return nil, err
			}
			var b [3]any
			for i, x := range parts {
				if x != nil {
					if b[i], err = x(e); err != nil {
						return nil, err
					}
				}
			}
			return e.slice(v, b)
		}}, nil
	}
	if parts[0] == nil {
		return place{}, errors.New("empty subscript")
	}
	key := parts[0]
	return place{
		func(e *env) (any, error) {
			v, err := obj(e)
			if err != nil {
				return nil, err
			}
			k, err := key(e)
			if err != nil {
				return nil, err
			}
			return e.index(v, k)
		},
		func(e *env, w any) error {
			v, err := obj(e)
			if err != nil {
				return err
			}
			k, err := key(e)
			if err != nil {
				return err
			}
			return e.setIndex(v, k, w)
		},
	}, nil
}

func constantPlace(v any) place { return place{get: func(*env) (any, error) { return v, nil }} }

func (p *parser) atom() (place, error) {
	t := p.peek()
	p.at++
	switch t.kind {
	case 'i':
		return constantPlace(t.num), nil
	case 's', 'f', 'b':
		text, isBytes := t.text, t.kind == 'b'
		for k := p.peek().kind; k == 's' || k == 'f' || k == 'b'; k = p.peek().kind {
			text += p.peek().text
			p.at++
		}
		if isBytes {
			return constantPlace(byteString(text)), nil
		}
		return constantPlace(text), nil
	case 'n':
		switch t.text {
		case "True":
			return constantPlace(true), nil
		case "False":
			return constantPlace(false), nil
		case "None":
			return constantPlace(nil), nil
		}
		n := t.text
		return place{
			func(e *env) (any, error) { return e.lookup(n) },
			func(e *env, v any) error { e.set(n, v); return nil },
		}, nil
	case 'o':
		switch t.text {
		case "(":
			if p.accept(")") {
				return constantPlace(tuple{}), nil
			}
			x, err := p.place()
			if err != nil {
				return x, err
			}
			if p.isWord("for") {
				g, err := p.comprehension(x.get, nil, '[')
				if err != nil {
					return x, err
				}
				return place{get: g}, p.expect(")")
			}
			if !p.isOp(",") {
				return x, p.expect(")")
			}
			list := []place{x}
			for p.accept(",") {
				if p.isOp(")") {
					break
				}
				if x, err = p.place(); err != nil {
					return x, err
				}
				list = append(list, x)
			}
			return tuplePlace(list), p.expect(")")
		case "[":
			return p.listDisplay()
		case "{":
			return p.dictDisplay()
		}
	}
	return place{}, fmt.Errorf("unexpected %q", t.text)
}

func (p *parser) listDisplay() (place, error) {
	var list []expr
	var stars []bool
	for !p.accept("]") {
		star := p.accept("*")
		x, err := p.expr()
		if err != nil {
			return place{}, err
		}
		if p.isWord("for") {
			g, err := p.comprehension(x, nil, '[')
			if err != nil {
				return place{}, err
			}
			return place{get: g}, p.expect("]")
		}
		list, stars = append(list, x), append(stars, star)
		if !p.accept(",") {
			if err := p.expect("]"); err != nil {
				return place{}, err
			}
			break
		}
	}
	return place{get: func(e *env) (any, error) {
		out := &List{}
		for i, x := range list {
			v, err := x(e)
			if err != nil {
				return nil, err
			}
			if !stars[i] {
				out.Items = append(out.Items, v)
				continue
			}
			more, err := e.list(v)
			if err != nil {
				return nil, err
			}
			out.Items = append(out.Items, more...)
		}
		return out, nil
	}}, nil
}

func (p *parser) dictDisplay() (place, error) {
	var keys, values []expr
	for !p.accept("}") {
		k, err := p.expr()
		if err != nil {
			return place{}, err
		}
		if err := p.expect(":"); err != nil {
			return place{}, err
		}
		v, err := p.expr()
		if err != nil {
			return place{}, err
		}
		if p.isWord("for") {
			g, err := p.comprehension(k, v, '{')
			if err != nil {
				return place{}, err
			}
			return place{get: g}, p.expect("}")
		}
		keys, values = append(keys, k), append(values, v)
		if !p.accept(",") {
			if err := p.expect("}"); err != nil {
				return place{}, err
			}
			break
		}
	}
	return place{get: func(e *env) (any, error) {
		d := NewDict()
		for i := range keys {
			k, err := keys[i](e)
			if err != nil {
				return nil, err
			}
			v, err := values[i](e)
			if err != nil {
				return nil, err
			}
			if err := d.Set(k, v); err != nil {
				return nil, err
			}
		}
		return d, nil
	}}, nil
}

// comprehension parses `for a in b if c …` after x. The result is a list of x, or if kind is '{' a dict of x to y.
func (p *parser) comprehension(x, y expr, kind byte) (expr, error) {
	type clause struct {
		target target
		iter   expr
		conds  []expr
	}
	var clauses []clause
	for p.acceptWord("for") {
		t, err := p.targets()
		if err != nil {
			return nil, err
		}
		if !p.acceptWord("in") {
			return nil, errors.New("want in")
		}
		it, err := p.or()
		if err != nil {
			return nil, err
		}
		c := clause{t, it, nil}
		for p.acceptWord("if") {
			cond, err := p.or()
			if err != nil {
				return nil, err
			}
			c.conds = append(c.conds, cond)
		}
		clauses = append(clauses, c)
	}
	return func(e *env) (any, error) {
		e.locals = append(e.locals, make(map[string]any))
		defer func() { e.locals = e.locals[:len(e.locals)-1] }()
		list, dict := &List{}, NewDict()
		var run func(i int) error
		run = func(i int) error {
			if i == len(clauses) {
				v, err := x(e)
				if err != nil {
					return err
				}
				if kind == '[' {
					list.Items = append(list.Items, v)
					return nil
				}
				w, err := y(e)
				if err != nil {
					return err
				}
				return dict.Set(v, w)
			}
			c := clauses[i]
			it, err := c.iter(e)
			if err != nil {
				return err
			}
			return e.iterate(it, func(v any) (bool, error) {
				if err := c.target(e, v); err != nil {
					return false, err
				}
				for _, cond := range c.conds {
					ok, err := cond(e)
					if err != nil || !truth(ok) {
						return true, err
					}
				}
				return true, run(i + 1)
			})
		}
		if err := run(0); err != nil {
			return nil, err
		}
		if kind == '[' {
			return list, nil
		}
		return dict, nil
	}, nil
}
