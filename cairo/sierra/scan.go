package sierra

import "fmt"

// tokenKind classifies the tokens of Sierra text.
type tokenKind uint8

const (
	tokenEOF    tokenKind = iota
	tokenWord             // a label or a keyword
	tokenNumber           // decimal, optionally negative
	tokenPunct            // :: -> ... or one character
)

// token is one token and its position.
type token struct {
	kind tokenKind
	text string
	pos  int
}

func (t token) String() string {
	if t.kind == tokenEOF {
		return "the end"
	}
	return fmt.Sprintf("%q", t.text)
}

// scanner splits Sierra text into tokens, each the longest that matches, separated by white space and // comments.
type scanner struct {
	src string
	pos int
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isSpace(c byte) bool  { return c == ' ' || '\t' <= c && c <= '\r' }

// next returns the next token, or an error for an unknown character.
func (s *scanner) next() (token, error) {
	s.skip()
	start := s.pos
	if start == len(s.src) {
		return token{pos: start}, nil
	}
	take := func(kind tokenKind, n int) (token, error) {
		s.pos += n
		return token{kind: kind, text: s.src[start:s.pos], pos: start}, nil
	}
	rest := s.src[start:]
	switch c := rest[0]; {
	case isLetter(c):
		n := 1
		for n < len(rest) && (isLetter(rest[n]) || isDigit(rest[n])) {
			n++
		}
		return take(tokenWord, n)
	case isDigit(c):
		return take(tokenNumber, digits(rest))
	case c == '-' && len(rest) > 1 && '1' <= rest[1] && rest[1] <= '9':
		return take(tokenNumber, 1+digits(rest[1:]))
	}
	for _, p := range [...]string{"...", "::", "->"} {
		if len(rest) >= len(p) && rest[:len(p)] == p {
			return take(tokenPunct, len(p))
		}
	}
	switch rest[0] {
	case '=', ';', ',', '.', ':', '[', ']', '<', '>', '(', ')', '{', '}', '@', '/', '\\', '-':
		return take(tokenPunct, 1)
	}
	return token{}, fmt.Errorf("unexpected character %q", rest[0])
}

// digits returns the length of the number at the start of s, which begins with a digit. A leading zero is a number of its
// own.
func digits(s string) int {
	if s[0] == '0' {
		return 1
	}
	n := 1
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	return n
}

// skip skips white space and comments.
func (s *scanner) skip() {
	for s.pos < len(s.src) {
		switch c := s.src[s.pos]; {
		case isSpace(c):
			s.pos++
		case c == '/' && s.pos+1 < len(s.src) && s.src[s.pos+1] == '/':
			for s.pos < len(s.src) && s.src[s.pos] != '\n' && s.src[s.pos] != '\r' {
				s.pos++
			}
		default:
			return
		}
	}
}
