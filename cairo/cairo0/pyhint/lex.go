package pyhint

import (
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// token is a token of a hint.
type token struct {
	kind byte // 'n' name, 'i' int, 's' string, 'b' bytes, 'f' f-string, 'o' operator, '\n', '>' indent, '<' dedent, 0 end
	text string
	num  *big.Int
}

// lex splits a hint into tokens. Changes of the indentation are tokens, too.
func lex(src string) ([]token, error) {
	if len(src) > 1<<16 {
		return nil, errors.New("the hint is too long")
	}
	var toks []token
	indents := []int{0}
	depth := 0
	newline := true
	for i := 0; i < len(src); {
		if newline && depth == 0 {
			n := 0
			for i < len(src) && (src[i] == ' ' || src[i] == '\t') {
				n++
				i++
			}
			if i == len(src) {
				break
			}
			if src[i] == '\n' || src[i] == '\r' {
				i++
				continue
			}
			if src[i] == '#' {
				for i < len(src) && src[i] != '\n' {
					i++
				}
				continue
			}
			for n < indents[len(indents)-1] {
				indents = indents[:len(indents)-1]
				toks = append(toks, token{kind: '<'})
			}
			if n > indents[len(indents)-1] {
				indents = append(indents, n)
				toks = append(toks, token{kind: '>'})
			}
			newline = false
		}
		c := src[i]
		switch {
		case c == '\n':
			i++
			if depth == 0 {
				toks = append(toks, token{kind: '\n'})
				newline = true
			}
		case c == ' ' || c == '\t' || c == '\r':
			i++
		case c == '\\' && i+1 < len(src) && src[i+1] == '\n':
			i += 2
		case c == '#':
			for i < len(src) && src[i] != '\n' {
				i++
			}
		case isNameByte(c):
			j := i
			for j < len(src) && (isNameByte(src[j]) || '0' <= src[j] && src[j] <= '9') {
				j++
			}
			word := src[i:j]
			if j < len(src) && (src[j] == '\'' || src[j] == '"') && len(word) <= 2 && strings.Trim(strings.ToLower(word), "frb") == "" {
				kind := byte('s')
				if strings.ContainsAny(word, "fF") {
					kind = 'f'
				} else if strings.ContainsAny(word, "bB") {
					kind = 'b'
				}
				text, n, err := stringLiteral(src[j:])
				if err != nil {
					return nil, err
				}
				toks = append(toks, token{kind: kind, text: text})
				i = j + n
				break
			}
			toks = append(toks, token{kind: 'n', text: word})
			i = j
		case c == '\'' || c == '"':
			text, n, err := stringLiteral(src[i:])
			if err != nil {
				return nil, err
			}
			toks = append(toks, token{kind: 's', text: text})
			i += n
		case '0' <= c && c <= '9':
			j := i
			for j < len(src) && (isNameByte(src[j]) || '0' <= src[j] && src[j] <= '9') {
				j++
			}
			v, ok := new(big.Int).SetString(src[i:j], 0)
			if !ok {
				return nil, fmt.Errorf("bad number %q", src[i:j])
			}
			toks = append(toks, token{kind: 'i', num: v})
			i = j
		default:
			op := ""
			for _, o := range []string{"**=", "//=", "<<=", ">>=", "**", "//", "<<", ">>", "<=", ">=", "==", "!=", "+=", "-=", "*=", "%=", "&=", "|=", "^=", "->"} {
				if strings.HasPrefix(src[i:], o) {
					op = o
					break
				}
			}
			if op == "" {
				if !strings.ContainsRune("+-*/%&|^~<>=()[]{},:.;@", rune(c)) {
					return nil, fmt.Errorf("unexpected character %q", c)
				}
				op = string(c)
			}
			switch op {
			case "(", "[", "{":
				depth++
			case ")", "]", "}":
				depth--
			}
			toks = append(toks, token{kind: 'o', text: op})
			i += len(op)
		}
	}
	toks = append(toks, token{kind: '\n'})
	for range indents[1:] {
		toks = append(toks, token{kind: '<'})
	}
	return append(toks, token{}), nil
}

func isNameByte(c byte) bool {
	return c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// stringLiteral reads a quoted string at the start of s and returns its text and length.
func stringLiteral(s string) (string, int, error) {
	q := s[:1]
	if strings.HasPrefix(s, q+q+q) {
		q = s[:3]
	}
	var b strings.Builder
	for i := len(q); i < len(s); {
		if strings.HasPrefix(s[i:], q) {
			return b.String(), i + len(q), nil
		}
		if s[i] == '\\' && i+1 < len(s) {
			switch c := s[i+1]; c {
			case 'n':
				b.WriteByte('\n')
			case '\n':
			case 'x':
				if i+3 < len(s) {
					v, ok := new(big.Int).SetString(s[i+2:i+4], 16)
					if !ok {
						return "", 0, errors.New("bad escape")
					}
					b.WriteByte(byte(v.Uint64()))
					i += 2
				}
			default:
				b.WriteByte(c)
			}
			i += 2
			continue
		}
		b.WriteByte(s[i])
		i++
	}
	return "", 0, errors.New("unterminated string")
}
