package sierra

import (
	"strings"
)

// Names in text are labels that can contain all constructs of a user's program: paths, generic arguments, tuples,
// snapshots, fixed-size arrays, and the brackets that the compiler appends to the names of loops and specialisations.
// They are normalised to the spelling of the official compiler, so that names can be compared as strings.

func (p *textParser) genericArg() textArg {
	defer p.enter()()
	if p.tok.kind == tokenNumber {
		return textArg{kind: ValueArg, value: p.number()}
	}
	if p.tok.kind == tokenWord && p.scanner.pos < len(p.scanner.src) && p.scanner.src[p.scanner.pos] == '@' {
		switch p.tok.text {
		case "user":
			p.advance()
			p.advance()
			return textArg{kind: UserFuncArg, name: p.functionName()}
		case "ut":
			p.advance()
			p.advance()
			return textArg{kind: UserTypeArg, name: p.userTypeName()}
		case "lib":
			p.advance()
			p.advance()
			return textArg{kind: LibfuncArg, name: p.labelOrNumber()}
		}
	}
	return textArg{kind: TypeArg, name: p.typeName()}
}

// spell returns the argument as it is printed within a name.
func (a textArg) spell() string {
	switch a.kind {
	case ValueArg:
		return a.value.String()
	case UserFuncArg:
		return "user@" + a.name
	case UserTypeArg:
		return "ut@" + a.name
	case LibfuncArg:
		return "lib@" + a.name
	default:
		return a.name
	}
}

// spelledArgs parses generic arguments within a name up to the closing token. "..." stands for omitted arguments.
func (p *textParser) spelledArgs(end string) string {
	var args []string
	p.list(end, func() {
		if p.accept("...") {
			args = append(args, "...")
			return
		}
		args = append(args, p.genericArg().spell())
	})
	return strings.Join(args, ", ")
}

// tupleArgs does what spelledArgs does, for a tuple. It keeps a trailing comma: (T,) is the tuple of one member.
func (p *textParser) tupleArgs() string {
	start := p.tok.pos
	args := p.spelledArgs(")")
	if inner := p.scanner.src[start:p.tok.pos]; p.err == nil && args != "" {
		if i := strings.LastIndexByte(inner, ')'); strings.HasSuffix(strings.TrimSpace(inner[:i]), ",") {
			args += ","
		}
	}
	return args
}

// label parses a name: a word or tuple, continued by paths and generic arguments.
func (p *textParser) label() string {
	defer p.enter()()
	var b strings.Builder
	if p.accept("(") {
		b.WriteString("(" + p.tupleArgs() + ")")
	} else {
		b.WriteString(p.word())
	}
	for p.err == nil {
		switch {
		case p.accept("::"):
			b.WriteString("::")
			if p.accept("<") {
				b.WriteString("<" + p.spelledArgs(">") + ">")
			} else {
				b.WriteString(p.word())
			}
		case p.accept("<"):
			b.WriteString("<" + p.spelledArgs(">") + ">")
		default:
			return b.String()
		}
	}
	return b.String()
}

func (p *textParser) bracketedNumber() string {
	p.expect("[")
	v := p.uint64()
	p.expect("]")
	return bracketed(v)
}

func (p *textParser) labelOrNumber() string {
	if p.is("[") {
		return p.bracketedNumber()
	}
	return p.label()
}

// functionName parses a label with the suffixes of generated functions: foo[12-34]{…}.
func (p *textParser) functionName() string {
	if p.is("[") {
		return p.bracketedNumber()
	}
	name := p.label()
	if p.is("[") {
		name += p.verbatim("]")
	}
	if p.is("{") && p.suffixFollows() {
		name += p.verbatim("}")
	}
	return name
}

// suffixFollows reports whether a brace begins the suffix of a name, not the branches of an invocation: a suffix follows
// its name directly, without white space.
func (p *textParser) suffixFollows() bool {
	return p.tok.pos > 0 && !isSpace(p.scanner.src[p.tok.pos-1])
}

func (p *textParser) userTypeName() string {
	switch {
	case p.is("["):
		p.advance()
		v := p.number()
		if v.Sign() < 0 {
			p.failAt(p.tok.pos, "%v is not a user type's id", v)
		}
		p.expect("]")
		return "[" + v.String() + "]"
	case p.is("{"):
		return p.verbatim("}")
	default:
		return p.label()
	}
}

func (p *textParser) typeName() string {
	defer p.enter()()
	switch {
	case p.accept("@"):
		return "@" + p.typeName()
	case !p.is("["):
		return p.label()
	}
	p.advance()
	if p.tok.kind == tokenNumber {
		v := p.uint64()
		p.expect("]")
		return bracketed(v)
	}
	elem := p.typeName()
	p.expect(";")
	n := p.number()
	p.expect("]")
	return "[" + elem + "; " + n.String() + "]"
}

// verbatim returns the text from the current opening bracket to the matching closing one. The compiler may print anything
// between them (constants of a specialisation, for example), so every character is allowed, but brackets must match.
func (p *textParser) verbatim(end string) string {
	src, start := p.scanner.src, p.tok.pos
	var open []byte
	for i := start; i < len(src) && src[i] != '\n'; i++ {
		switch c := src[i]; c {
		case '[', '{', '(':
			open = append(open, c)
		case ']', '}', ')':
			want := map[byte]byte{']': '[', '}': '{', ')': '('}[c]
			if open[len(open)-1] != want {
				p.failAt(i, "bracket %q does not match", c)
				return ""
			}
			if open = open[:len(open)-1]; len(open) == 0 {
				p.scanner.pos = i + 1
				p.advance()
				return src[start : i+1]
			}
		}
	}
	p.failAt(start, "no closing %s on the line", end)
	return ""
}
