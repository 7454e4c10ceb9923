package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// Structured mutations of proof files. A fuzzer writes a program of a few bytes; each of its steps walks down the JSON tree of a good
// file and changes what it finds there: a value, a name, an element. Of whatever comes out three things are asserted: the verifier does
// not fail, it does not allocate more than 8 times the file and 64 MB in all, and if it accepts, it prints what it prints of the
// original, to the letter.
//
// scripts/fuzz runs both targets for a million executions each.

// node is a JSON value with its place in the text. A child of an object is a member: name is the place of its name.
type node struct {
	start, end         int
	nameStart, nameEnd int // 0, 0 of an element
	kind               jsontext.Kind
	children           []node
}

// tree parses a text.
func tree(t testing.TB, text []byte) *node {
	d := jsontext.NewDecoder(bytes.NewBuffer(text))
	skip := func() int { // to the beginning of the next token
		at := int(d.InputOffset())
		for strings.IndexByte(",: \t\r\n", text[at]) >= 0 {
			at++
		}
		return at
	}
	var value func() node
	value = func() node {
		n := node{start: skip()}
		token, err := d.ReadToken()
		if err != nil {
			t.Fatal(err)
		}
		n.kind = token.Kind()
		for n.kind == '{' && d.PeekKind() != '}' || n.kind == '[' && d.PeekKind() != ']' {
			var nameStart, nameEnd int
			if n.kind == '{' {
				nameStart = skip()
				if _, err := d.ReadToken(); err != nil {
					t.Fatal(err)
				}
				nameEnd = int(d.InputOffset())
			}
			child := value()
			child.nameStart, child.nameEnd = nameStart, nameEnd
			n.children = append(n.children, child)
		}
		if n.kind == '{' || n.kind == '[' {
			if _, err := d.ReadToken(); err != nil {
				t.Fatal(err)
			}
		}
		n.end = int(d.InputOffset())
		return n
	}
	root := value()
	return &root
}

// seed is a good file.
type seed struct {
	name    string
	text    []byte // the JSON that is mutated: of a block's file its body
	root    *node
	sealed  bool // a block's file: the body is put into it with its digest
	trusted string
	want    string // what is printed of it
}

func readSeed(t testing.TB, name, trusted string) *seed {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	s := &seed{name: name, text: data, trusted: trusted}
	if _, body, ok := bytes.Cut(data, []byte(`,"body":`)); ok {
		s.text, s.sealed = body[:len(body)-1], true
		if !bytes.Equal(s.seal(s.text, true), data) {
			t.Fatalf("%s: sealing its body does not give the file", name)
		}
	}
	s.root = tree(t, s.text)
	var accepted bool
	if s.want, accepted = s.judge(data); !accepted {
		t.Fatalf("%s: %s", name, s.want)
	}
	return s
}

// seal makes the file of a text; rightly says whether its digest is to be right.
func (s *seed) seal(text []byte, rightly bool) []byte {
	if !s.sealed {
		return text
	}
	digest := sha256.Sum256(text)
	if !rightly {
		digest[0] ^= 1
	}
	return slices.Concat([]byte(`{"format":"starkd-block-proof/2","sha256":"`+hex.EncodeToString(digest[:])+`","body":`), text, []byte("}"))
}

// judge is what the verifier says of a file, without the time that it took.
func (s *seed) judge(data []byte) (text string, accepted bool) {
	v, err := verify(data, s.trusted)
	if err != nil {
		return err.Error(), false
	}
	v.Milliseconds = 0
	return encode(answer{OK: true, verdict: v}), true
}

// program is what a fuzzer writes.
type program []byte

func (p *program) next() byte {
	if len(*p) == 0 {
		return 0
	}
	b := (*p)[0]
	*p = (*p)[1:]
	return b
}

// walk goes down the tree: an odd byte to a child, which that byte and for long lists the next two choose; an even one ends it.
func (p *program) walk(n *node) *node {
	for len(n.children) > 0 {
		b := p.next()
		if b&1 == 0 {
			break
		}
		i := int(b >> 1)
		if len(n.children) > 128 {
			i |= int(p.next())<<7 | int(p.next())<<15
		}
		n = &n.children[i%len(n.children)]
	}
	return n
}

// edit is a part of the text that is replaced.
type edit struct {
	start, end int
	with       []byte
}

// extremes are values in place of others.
var extremes = []string{
	`0`, `1`, `-1`, `-0`, `1.0`, `1e0`, `15`, `16`, `255`, `65535`, `65536`, `131072`, `262144`, `2147483647`, `2147483648`, `4294967295`, `4294967296`,
	`1099511627776`, `9007199254740993`, `9223372036854775807`, `9223372036854775808`, `18446744073709551615`, `18446744073709551616`, `1e999`,
	`"0"`, `"1"`, `"-1"`, `"18446744073709551616"`, `""`, `"0x"`, `"0x0"`, `"0x1"`, `"0x01"`, `"0X1"`, `"0x800000000000011000000000000000000000000000000000000000000000000"`,
	`"0x800000000000010ffffffffffffffffffffffffffffffffffffffffffffffff"`, `"0x800000000000011000000000000000000000000000000000000000000000001"`,
	`"0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"`, `null`, `true`, `false`, `{}`, `[]`, `[[]]`, `[null]`, `{"":0}`,
	`"recursive"`, `"plain"`, `"starknet"`, `"keccak256"`, `"pedersen"`, `"poseidon3"`, `"blake256"`, `"blake256_masked248_lsb"`, `"keccak256_masked160_msb"`,
}

// step is one mutation.
func (s *seed) step(p *program) []edit {
	op := p.next() % 13
	n := p.walk(s.root)
	value := s.text[n.start:n.end]
	whole := n.start // with its name
	if n.nameEnd > 0 {
		whole = n.nameStart
	}
	switch {
	case op == 0: // an extreme value
		return []edit{{n.start, n.end, []byte(extremes[int(p.next())%len(extremes)])}}
	case op == 1 && n != s.root: // left out, with the comma before or after it
		start, end := whole, n.end
		if s.text[start-1] == ',' {
			start--
		} else if s.text[end] == ',' {
			end++
		}
		return []edit{{start, end, nil}}
	case op == 2 && n != s.root: // repeated, up to 64 kB of it
		copies := min(1<<(p.next()%17), 1+(64<<10)/(n.end-whole+1))
		return []edit{{n.end, n.end, bytes.Repeat(append([]byte(","), s.text[whole:n.end]...), copies)}}
	case op == 3 && n.nameEnd > 0: // another name
		name := s.text[n.nameStart+1 : n.nameEnd-1]
		switch p.next() % 5 {
		case 0:
			name = bytes.ToUpper(name)
		case 1:
			name = append([]byte(strings.ToUpper(string(name[:1]))), name[1:]...)
		case 2:
			name = append(bytes.Clone(name), '_')
		case 3:
			name = append([]byte(`\u00`+hex.EncodeToString(name[:1])), name[1:]...)
		case 4:
			if other := p.walk(s.root); other.nameEnd > 0 {
				name = s.text[other.nameStart+1 : other.nameEnd-1]
			}
		}
		return []edit{{n.nameStart + 1, n.nameEnd - 1, name}}
	case op == 4: // the value of another place
		other := p.walk(s.root)
		return []edit{{n.start, n.end, s.text[other.start:other.end]}}
	case op == 5: // exchanged with another
		if other := p.walk(s.root); other.end <= n.start || n.end <= other.start {
			return []edit{{n.start, n.end, s.text[other.start:other.end]}, {other.start, other.end, value}}
		}
	case op <= 7 && n.kind == '"' && len(value) > 3: // a digit
		at := 1 + (int(p.next())|int(p.next())<<8|int(p.next())<<16)%(len(value)-2)
		return []edit{{n.start + at, n.start + at + 1, []byte{"0123456789abcdefABCDEFxg"[p.next()%24]}}}
	case op == 8 && n.kind == '"' && len(value) > 3: // shorter or longer
		if k := 1 << (p.next() % 12); k&1 == 0 && k < len(value)-4 {
			return []edit{{n.end - 1 - k, n.end - 1, nil}}
		} else {
			return []edit{{n.end - 1, n.end - 1, bytes.Repeat([]byte("0"), k)}}
		}
	case op == 9 && n.kind == '0': // a number near it
		if v, err := strconv.ParseUint(string(value), 10, 64); err == nil {
			b := p.next()
			switch {
			case b < 64:
				v += uint64(b) + 1
			case b < 128:
				v -= uint64(b) - 63
			default:
				v ^= 1 << (b & 63)
			}
			return []edit{{n.start, n.end, strconv.AppendUint(nil, v, 10)}}
		}
	case op == 10: // white space
		return []edit{{n.start, n.start, []byte(" \t\r\n"[p.next()%4:][:1])}}
	case op == 11: // bytes after it
		return []edit{{n.end, n.end, []byte([]string{"0", "]", "}", ",", `"`, "{}", "[]", "\x00", "\xff", " "}[p.next()%10])}}
	case op == 12 && n != s.root && len(n.children) > 1: // children in another order
		i := int(p.next()) % (len(n.children) - 1)
		a, b := &n.children[i], &n.children[i+1]
		aStart, bStart := a.start, b.start
		if a.nameEnd > 0 {
			aStart, bStart = a.nameStart, b.nameStart
		}
		return []edit{{aStart, a.end, s.text[bStart:b.end]}, {bStart, b.end, s.text[aStart:a.end]}}
	}
	return nil
}

// mutant runs a program of at most four steps.
func (s *seed) mutant(p program) []byte {
	rightly := p.next() < 250
	var edits []edit
	for range 4 {
		if edits = append(edits, s.step(&p)...); len(p) == 0 {
			break
		}
	}
	slices.SortStableFunc(edits, func(a, b edit) int { return a.start - b.start })
	var text []byte
	at := 0
	for _, e := range edits {
		if e.start < at {
			continue // within one that is made already
		}
		text = append(append(text, s.text[at:e.start]...), e.with...)
		at = e.end
	}
	return s.seal(append(text, s.text[at:]...), rightly)
}

// allocated is what the process has ever allocated on its heap, in bytes. It is read without stopping the program, and may miss what
// the processors' caches hold, some tens of kilobytes.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// check judges a mutant.
func (s *seed) check(t testing.TB, data []byte) (accepted bool) {
	before := allocated()
	text, accepted := s.judge(data)
	if used, most := allocated()-before, 8*uint64(len(data))+64<<20; used > most {
		t.Errorf("%s: %d bytes allocated for a file of %d, at most %d are allowed; %.300s", s.name, used, len(data), most, text)
	}
	if accepted && text != s.want {
		t.Errorf("%s: a mutant is accepted and prints\n%s\nof the original\n%s", s.name, text, s.want)
	}
	return accepted
}

func blockSeed(t testing.TB) *seed {
	genesis, err := os.ReadFile(filepath.Join("testdata", "genesis.json"))
	if err != nil {
		t.Fatal(err)
	}
	trusted, err := json.Marshal(map[string]json.RawMessage{"genesis": genesis})
	if err != nil {
		t.Fatal(err)
	}
	return readSeed(t, "bundle.json.gz", string(trusted))
}

func bareSeeds(t testing.TB) []*seed {
	return []*seed{
		readSeed(t, "plain8-tiny-pedersen.json.gz", `{"min_bits":1}`),
		readSeed(t, "plain512-lcg-keccak-upd.json.gz", `{"min_bits":1}`),
	}
}

// programs are the seeds of both targets: a step of each kind in n places.
func programs(f *testing.F, n int) {
	random := rand.New(rand.NewPCG(9, 0))
	for op := range byte(13) {
		for range n {
			f.Add([]byte{0, op, byte(random.Uint32()) | 1, byte(random.Uint32()), byte(random.Uint32()) | 1, byte(random.Uint32()), byte(random.Uint32())})
		}
	}
}

func FuzzBlockMutations(f *testing.F) {
	s := blockSeed(f)
	programs(f, 1)
	f.Fuzz(func(t *testing.T, p []byte) { s.check(t, s.mutant(p)) })
}

func FuzzBareMutations(f *testing.F) {
	seeds := bareSeeds(f)
	programs(f, 4)
	f.Fuzz(func(t *testing.T, p []byte) {
		s := seeds[0]
		if len(p) > 0 && p[len(p)-1]&1 == 1 {
			s = seeds[1]
		}
		s.check(t, s.mutant(p))
	})
}

// TestMutations runs a fixed sequence of mutations, a short one in every run of the tests.
func TestMutations(t *testing.T) {
	seeds, n := append(bareSeeds(t), blockSeed(t)), 60
	if full := os.Getenv("STARKD_FULL"); full != "" {
		n = 20_000
	}
	for _, s := range seeds {
		random := rand.New(rand.NewPCG(9, 1))
		accepted, unchanged := 0, 0
		for range n {
			p := make(program, 4+random.IntN(24))
			for i := range p {
				p[i] = byte(random.Uint32())
			}
			data := s.mutant(p)
			if bytes.Equal(data, s.seal(s.text, true)) {
				unchanged++
			} else if s.check(t, data) {
				accepted++
			}
		}
		t.Logf("%s: %d mutants, %d of them the original, %d others accepted with the same verdict", s.name, n, unchanged, accepted)
		if unchanged > n/3 {
			t.Errorf("%s: %d of %d programs change nothing", s.name, unchanged, n)
		}
	}
}
