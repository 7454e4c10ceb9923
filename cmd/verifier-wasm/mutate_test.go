package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/internal/stoneruns"
	"github.com/starkd/starkd/prover"
	"github.com/starkd/starkd/prover/block"
	"github.com/starkd/starkd/prover/stone"
	"github.com/starkd/starkd/prover/stone/transcript"
)

// This file tests the verifier with structured mutations of proof files. A fuzzer writes a program of a few bytes. Each step of the program
// walks down the JSON tree of a good file and changes a value, a name or an element. For each mutant three things are checked: the verifier
// does not panic, it allocates at most maxAllocated bytes, and if it accepts the mutant, its answer is exactly that for the original.
//
// The good files are small, so that a million mutants take minutes: proofs with a few queries, which the verifier accepts because 1 bit of
// security is required, and a block with the smallest class (watcher/testdata/least.cairo). They are verified like any other file, including
// the STARK. One program in 2,048 mutates a file of full size. scripts/fuzz runs both targets for a million executions each.

// node is a JSON value and its place in the text. A child of an object is a member, and also has the place of its name.
type node struct {
	start, end         int
	nameStart, nameEnd int // 0, 0 for an element of a list
	kind               jsontext.Kind
	children           []node
}

// tree parses a JSON text.
func tree(t testing.TB, text []byte) *node {
	d := jsontext.NewDecoder(bytes.NewBuffer(text))
	skip := func() int { // returns the beginning of the next token
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

// seed is a good file, of which mutants are made.
type seed struct {
	name    string
	text    []byte // the JSON that is mutated; for a block's file its body
	root    *node
	sealed  bool   // the file is a block's: it has a digest and the body
	format  string // of a block's file
	trusted string
	want    string // the answer for the file

	// Set by setParts:
	parts  []part // the longest first
	trust  trust
	policy prover.Policy
}

func readSeed(t testing.TB, name, trusted string) *seed {
	t.Helper()
	data := golden.Gunzip(t, filepath.Join("testdata", name))
	s := &seed{name: name, text: data, trusted: trusted}
	if _, body, ok := bytes.Cut(data, []byte(`,"body":`)); ok {
		s.text, s.sealed = body[:len(body)-1], true
		s.format = strings.Split(string(data[:60]), `"`)[3]
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

// seal returns the file with the given text. rightly says whether its digest is right.
func (s *seed) seal(text []byte, rightly bool) []byte {
	if !s.sealed {
		return text
	}
	digest := sha256.Sum256(text)
	if !rightly {
		digest[0] ^= 1
	}
	return slices.Concat([]byte(`{"format":"`+s.format+`","sha256":"`+hex.EncodeToString(digest[:])+`","body":`), text, []byte("}"))
}

// judge returns the verifier's answer for a file, without the time.
func (s *seed) judge(data []byte) (text string, accepted bool) {
	return answerOf(verify(data, s.trusted))
}

func answerOf(v *verdict, err error) (text string, accepted bool) {
	if err != nil {
		return err.Error(), false
	}
	v.Milliseconds = 0
	return encode(answer{OK: true, verdict: v}), true
}

// program is a list of mutations that a fuzzer writes.
type program []byte

func (p *program) next() byte {
	if len(*p) == 0 {
		return 0
	}
	b := (*p)[0]
	*p = (*p)[1:]
	return b
}

// walk walks down the tree and returns the node where it ends. An odd byte selects a child (together with the next two bytes in a long list), an
// even byte ends the walk.
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

// edit replaces text[start:end].
type edit struct {
	start, end int
	with       []byte
}

// extremes lists values with which others are replaced.
var extremes = []string{
	`0`, `1`, `-1`, `-0`, `1.0`, `1e0`, `15`, `16`, `255`, `65535`, `65536`, `131072`, `262144`, `2147483647`, `2147483648`, `4294967295`, `4294967296`,
	`1099511627776`, `9007199254740993`, `9223372036854775807`, `9223372036854775808`, `18446744073709551615`, `18446744073709551616`, `1e999`,
	`"0"`, `"1"`, `"-1"`, `"18446744073709551616"`, `""`, `"0x"`, `"0x0"`, `"0x1"`, `"0x01"`, `"0X1"`, `"0x800000000000011000000000000000000000000000000000000000000000000"`,
	`"0x800000000000010ffffffffffffffffffffffffffffffffffffffffffffffff"`, `"0x800000000000011000000000000000000000000000000000000000000000001"`,
	`"0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"`, `null`, `true`, `false`, `{}`, `[]`, `[[]]`, `[null]`, `{"":0}`,
	`"recursive"`, `"plain"`, `"starknet"`, `"keccak256"`, `"pedersen"`, `"poseidon3"`, `"blake256"`, `"blake256_masked248_lsb"`, `"keccak256_masked160_msb"`,
}

// step reads a step of p and returns its edits. They may be none.
func (s *seed) step(p *program) []edit {
	op := p.next() % 13
	n := p.walk(s.root)
	value := s.text[n.start:n.end]
	whole := n.start // the beginning with its name
	if n.nameEnd > 0 {
		whole = n.nameStart
	}
	switch {
	case op == 0: // an extreme value
		return []edit{{n.start, n.end, []byte(extremes[int(p.next())%len(extremes)])}}
	case op == 1 && n != s.root: // removed, with the comma before or after it
		start, end := whole, n.end
		if s.text[start-1] == ',' {
			start--
		} else if s.text[end] == ',' {
			end++
		}
		return []edit{{start, end, nil}}
	case op == 2 && n != s.root: // repeated, up to 64 kB
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

// mutant is a change of a seed.
type mutant struct {
	edits   []edit // ascending, without overlaps
	rightly bool   // the file is sealed with the right digest
}

// run runs at most four steps of a program. If they change nothing, a byte is changed at a position that depends on the program.
func (s *seed) run(p program) (m mutant) {
	at := int(hash(p)) % len(s.text)
	m.rightly = p.next() < 250
	var edits []edit
	for range 4 {
		if edits = append(edits, s.step(&p)...); len(p) == 0 {
			break
		}
	}
	slices.SortStableFunc(edits, func(a, b edit) int { return a.start - b.start })
	end := 0
	for _, e := range edits {
		if e.start >= end && !bytes.Equal(s.text[e.start:e.end], e.with) {
			m.edits, end = append(m.edits, e), e.end
		}
	}
	if len(m.edits) == 0 {
		other := "0123456789abcdef"[at%16]
		if other == s.text[at] {
			other ^= 1
		}
		m.edits = []edit{{at, at + 1, []byte{other}}}
	}
	return m
}

// file returns the seed's file with the edits of m and others.
func (s *seed) file(m mutant, others ...edit) []byte {
	edits := slices.Concat(m.edits, others)
	slices.SortStableFunc(edits, func(a, b edit) int { return a.start - b.start })
	size := 0
	for _, e := range edits {
		size += len(e.with)
	}
	text := make([]byte, 0, len(s.text)+size)
	end := 0
	for _, e := range edits {
		text = append(append(text, s.text[end:e.start]...), e.with...)
		end = e.end
	}
	return s.seal(append(text, s.text[end:]...), m.rightly)
}

// mutant returns the seed's file with the mutations of a program.
func (s *seed) mutant(p program) []byte { return s.file(s.run(p)) }

// A part is a value of a block's file that takes long to decode. If no edit touches it, an empty list is decoded in its place and the decoded
// value is restored. This does not change whether the file is accepted.
type part struct {
	start, end int // of the member
	empty      edit
	restore    func(b *block.Bundle) bool // returns false if the mutant does not have the part's place
}

// setParts sets the parts: the list of proofs and, for mutants that change it, the public memory of the first proof.
func (s *seed) setParts(t testing.TB) {
	if err := jsonv2.Unmarshal([]byte(s.trusted), &s.trust); err != nil {
		t.Fatal(err)
	}
	var err error
	if s.policy, err = s.trust.policy(); err != nil {
		t.Fatal(err)
	}
	whole, err := block.Parse(s.seal(s.text, true))
	if err != nil {
		t.Fatal(err)
	}
	member := func(n *node, name string) *node {
		for i := range n.children {
			if c := &n.children[i]; string(s.text[c.nameStart:c.nameEnd]) == strconv.Quote(name) {
				return c
			}
		}
		t.Fatalf("%s: no member %s", s.name, name)
		return nil
	}
	add := func(n *node, restore func(b *block.Bundle) bool) {
		s.parts = append(s.parts, part{n.nameStart, n.end, edit{n.start, n.end, []byte("[]")}, restore})
	}
	proofs := member(s.root, "proofs")
	add(proofs, func(b *block.Bundle) bool {
		b.Proofs = whole.Proofs
		return true
	})
	if whole.Proofs[0].Stone == nil { // S-two's proof is one string
		return
	}
	memory := whole.Proofs[0].Stone.PublicInput.Memory
	add(member(member(&proofs.children[0], "public_input"), "public_memory"), func(b *block.Bundle) bool {
		if len(b.Proofs) == 0 || b.Proofs[0] == nil || b.Proofs[0].Stone == nil {
			return false
		}
		b.Proofs[0].Stone.PublicInput.Memory = memory
		return true
	})
}

// checkParts checks a mutant without decoding one of the parts. ok is false if the mutant changes all parts.
func (s *seed) checkParts(t testing.TB, m mutant) (accepted, ok bool) {
	i := slices.IndexFunc(s.parts, func(p part) bool {
		return !slices.ContainsFunc(m.edits, func(e edit) bool { return e.start <= p.end && p.start <= e.end })
	})
	if i < 0 {
		return false, false
	}
	data := s.file(m, s.parts[i].empty)
	accepted = s.asserted(t, data, func() (string, bool) {
		proof, err := block.Parse(data)
		if err != nil {
			return err.Error(), false
		}
		if !s.parts[i].restore(proof) {
			return "no place for the part", false
		}
		v, err := verifyBlock(proof, &s.trust, s.policy)
		return answerOf(v, err)
	})
	return accepted, true
}

// hash returns a hash of a program, so that a fuzzer cannot easily choose it.
func hash(p []byte) uint32 {
	h := fnv.New32a()
	h.Write(p)
	return h.Sum32() >> 1
}

// allocated returns the number of bytes that the process has allocated on its heap since its start. Reading it does not stop the program, and it
// may miss some tens of kilobytes in per-processor caches.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// maxAllocated returns the number of bytes that verifying a file of n bytes may allocate: 8n and 64 MB, but at most 24n and 4 MB, which is less
// for small files.
func maxAllocated(n int) uint64 {
	return min(8*uint64(n)+64<<20, 24*uint64(n)+4<<20)
}

// check checks the verifier's behaviour on a file.
func (s *seed) check(t testing.TB, data []byte) (accepted bool) {
	return s.asserted(t, data, func() (string, bool) { return s.judge(data) })
}

// asserted calls judge for a file, and checks the allocations and the answer.
func (s *seed) asserted(t testing.TB, data []byte, judge func() (string, bool)) bool {
	before := allocated()
	text, accepted := judge()
	if used, most := allocated()-before, maxAllocated(len(data)); used > most {
		t.Errorf("%s: %d bytes allocated for a file of %d, at most %d are allowed; %.300s", s.name, used, len(data), most, text)
	}
	if accepted && text != s.want {
		t.Errorf("%s: a mutant is accepted with the answer\n%s\nwant that for the original\n%s", s.name, text, s.want)
	}
	return accepted
}

// execute checks the mutant of a program. It does not decode an unchanged part again, but for one program in 16 it checks that the whole file
// gives the same result.
func (s *seed) execute(t testing.TB, p program) (accepted bool) {
	m := s.run(p)
	accepted, ok := s.checkParts(t, m)
	if ok && hash(p)%16 != 0 {
		return accepted
	}
	all := s.check(t, s.file(m))
	if ok && all != accepted {
		t.Errorf("%s: accepted is %v for the changed parts, %v for the whole file, %x", s.name, accepted, all, p)
	}
	return all
}

// blockSeed returns a block's proof of full size by Stone's system, in version 2 of the format. watcher/seed_test.go makes it.
func blockSeed(t testing.TB) *seed { return readBlock(t, "bundle", 0) }

// stwoSeed returns a block's proof of full size by S-two, in version 3 of the format. watcher/seed_test.go makes it.
func stwoSeed(t testing.TB) *seed { return readBlock(t, "bundle-stwo", 0) }

// leastBlocks returns a block's proofs with the smallest class and the weakest parameters, of Stone and of S-two. watcher/seed_test.go makes them.
func leastBlocks(t testing.TB) []*seed {
	seeds := []*seed{readBlock(t, "least", 1), readBlock(t, "least-stwo", 1)}
	for _, s := range seeds {
		s.setParts(t)
	}
	return seeds
}

func readBlock(t testing.TB, name string, minBits int) *seed {
	t.Helper()
	genesis, err := os.ReadFile(filepath.Join("testdata", name+".genesis.json"))
	if err != nil {
		t.Fatal(err)
	}
	members := map[string]any{"genesis": json.RawMessage(genesis)}
	if minBits > 0 {
		members["min_bits"] = minBits
	}
	trusted, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return readSeed(t, name+".json.gz", string(trusted))
}

// bareSeeds returns Stone's proofs of two runs, and a proof of S-two: of prover/stwo/testdata/programs/few.cairo with one query, folds of 16 and
// 2 bits of work.
func bareSeeds(t testing.TB) []*seed {
	return []*seed{
		readSeed(t, "plain8-tiny-pedersen.json.gz", `{"min_bits":1}`),
		readSeed(t, "plain512-lcg-keccak-upd.json.gz", `{"min_bits":1}`),
		readSeed(t, "stwo-few.json.gz", `{"min_bits":1}`),
	}
}

// leastBare returns proofs of 8 steps with the weakest parameters (3 bits of security), one for each kind of channel. TestLeastBare makes them.
func leastBare(t testing.TB) []*seed {
	var seeds []*seed
	for _, name := range slices.Sorted(maps.Keys(weakest)) {
		seeds = append(seeds, readSeed(t, name+".json.gz", `{"min_bits":1}`))
	}
	return seeds
}

// weakest holds the parameters of leastBare, by the file's name.
var weakest = map[string]stone.Parameters{
	"least-keccak": {
		Channel: transcript.Keccak256, Commitment: transcript.Keccak256Masked160MSB, Friendly: transcript.Keccak256Masked160MSB, PageHash: "keccak256",
		LogBlowup: 1, FRISteps: []uint{0, 4, 2}, LastBound: 2, Queries: 2, PowBits: 1,
	},
	"least-poseidon": {
		Channel: transcript.Poseidon3, Commitment: transcript.Blake256Masked248LSB, Friendly: transcript.Poseidon3, PageHash: "pedersen",
		FriendlyLayers: 1, FriendlyUpdates: true, PowHash: transcript.Blake256,
		LogBlowup: 1, FRISteps: []uint{0, 4, 2}, LastBound: 2, Queries: 2, PowBits: 1,
	},
}

// TestLeastBare checks that the files of leastBare are the prover's output; -update writes them.
func TestLeastBare(t *testing.T) {
	run := stoneruns.Read(t, filepath.Dir(golden.Corpus(t, "stone-cases", "plain8-tiny-pedersen", "proof.json")))
	for name, parameters := range weakest {
		proof, err := prover.Prove(t.Context(), run, parameters, nil)
		if err != nil {
			t.Fatal(err)
		}
		proof.Annotations = nil // verifiers do not read them
		text, err := json.Marshal(proof)
		if err != nil {
			t.Fatal(err)
		}
		golden.Gzip(t, name+".json.gz", text)
	}
}

// programs adds the seed programs of a fuzz target: each kind of step in n places.
func programs(f *testing.F, n int) {
	random := rand.New(rand.NewPCG(9, 0))
	for op := range byte(13) {
		for range n {
			f.Add([]byte{0, op, byte(random.Uint32()) | 1, byte(random.Uint32()), byte(random.Uint32()) | 1, byte(random.Uint32()), byte(random.Uint32())})
		}
	}
}

// choose returns the seed that a program mutates: a small one, or for one program in 2,048 one of full size. The choice depends on the program's
// hash, so that a fuzzer does not learn to prefer the slow ones.
func choose(p []byte, small, full []*seed) *seed {
	sum := int(hash(p))
	if sum%2048 == 0 {
		return full[sum/2048%len(full)]
	}
	return small[sum%len(small)]
}

// FuzzBlockMutations checks mutants of block proofs.
func FuzzBlockMutations(f *testing.F) {
	small, full := leastBlocks(f), []*seed{blockSeed(f), stwoSeed(f)}
	programs(f, 4)
	f.Fuzz(func(t *testing.T, p []byte) {
		choose(p, small, full).execute(t, p)
	})
}

// FuzzBareMutations checks mutants of bare proofs.
func FuzzBareMutations(f *testing.F) {
	small, full := leastBare(f), bareSeeds(f)
	programs(f, 4)
	f.Fuzz(func(t *testing.T, p []byte) {
		choose(p, small, full).execute(t, p)
	})
}

// TestMutations checks a fixed sequence of mutants, which is longer if STARKD_FULL is set.
func TestMutations(t *testing.T) {
	many := 500
	if os.Getenv("STARKD_FULL") != "" {
		many = 20_000
	}
	small := slices.Concat(leastBare(t), leastBlocks(t))
	for i, s := range slices.Concat(small, bareSeeds(t), []*seed{blockSeed(t), stwoSeed(t)}) {
		n := many
		if i >= len(small) { // of full size
			n /= 10
		}
		random := rand.New(rand.NewPCG(9, 1))
		accepted := 0
		for range n {
			p := make(program, 4+random.IntN(24))
			for i := range p {
				p[i] = byte(random.Uint32())
			}
			if s.execute(t, p) {
				accepted++
			}
		}
		t.Logf("%s: %d mutants, %d of them accepted with the same verdict", s.name, n, accepted)
	}
}

// TestPartsOfABlock checks that checkParts accepts the same mutants as a check of the whole file.
func TestPartsOfABlock(t *testing.T) {
	for _, s := range leastBlocks(t) {
		random := rand.New(rand.NewPCG(9, 2))
		for whole := 0; whole < 300; {
			p := make(program, 4+random.IntN(24))
			for i := range p {
				p[i] = byte(random.Uint32())
			}
			m := s.run(p)
			if accepted, ok := s.checkParts(t, m); ok {
				whole++
				if all := s.check(t, s.file(m)); all != accepted {
					t.Fatalf("%s: accepted is %v for the changed parts, %v for the whole file, %x", s.name, accepted, all, p)
				}
			}
		}
		for len(s.parts) > 0 { // the original is accepted with each part restored
			if accepted, ok := s.checkParts(t, mutant{rightly: true}); !ok || !accepted {
				t.Errorf("%s: the original with %d parts: %v, %v", s.name, len(s.parts), accepted, ok)
			}
			s.parts = s.parts[1:]
		}
	}
}
