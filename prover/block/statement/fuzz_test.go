package statement_test

import (
	"encoding/binary"
	"encoding/json"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/prover/block/statement"
)

// toWords converts bytes to words: one word per byte, or of the 32 bytes after a 0xff, so that a fuzzer finds the structure.
func toWords(b []byte) (list []felt.Felt) {
	for len(b) > 0 {
		if b[0] == 0xff && len(b) > felt.Bytes {
			list = append(list, felt.FromBytesReduce(b[1:1+felt.Bytes]))
			b = b[1+felt.Bytes:]
			continue
		}
		list = append(list, n(uint64(b[0])))
		b = b[1:]
	}
	return list
}

func fromWords(list ...felt.Felt) (b []byte) {
	for _, w := range list {
		if w.IsUint64() && w.Uint64() < 0xff {
			b = append(b, byte(w.Uint64()))
			continue
		}
		bytes := w.Bytes()
		b = append(append(b, 0xff), bytes[:]...)
	}
	return b
}

// seedWords returns a hand-written output of one class, one transaction and one call with syscalls.
func seedWords() []felt.Felt {
	short := felt.FromShortString
	list := []felt.Felt{short("STARKD_OS_1"), short("C"), n(1), n(2), n(3), n(0), n(0), n(0), n(7), n(1), n(1), n(0xaa)}
	list = append(list, n(0xc1), n(2), n(11), n(12), n(13), n(14))     // class
	list = append(list, n(3), n(0), n(5), n(6), n(1))                  // transaction: two words of information, a call
	list = append(list, n(2))                                          // __execute__
	list = append(list, words(1, 2, 3, 4, 5, 6, 0, 1, 0, 0, 99, 1)...) // call
	list = append(list, n(8))                                          // calldata
	list = append(list, short("StorageRead"))                          //
	list = append(list, words(90, 0, 5, 80, 0, 77)...)                 //
	list = append(list, short("CallContract"))                         //
	list = append(list, words(70, 1, 2, 20, 21, 60, 1, 30, 31)...)     // failed, one word of panic data
	list = append(list, words(0, 1, 50, 1, 44)...)                     // end
	list = append(list, words(1, 1, 2, 3, 4, 5, 6, 0, 0, 0, 0, 9)...)  // inner call
	list = append(list, words(1, 7, 0, 1, 3, 0)...)                    //
	return append(list, n(66))                                         // panic data
}

// seedWordsStwo returns an output in FormatStwo at address 5000, with a syscall of each kind.
func seedWordsStwo() []felt.Felt {
	f := newForged().stwo()
	f.invoke(shaBlock(), newPoint("Secp256k1", generatorK1, 700), coordinates("Secp256k1", 700, generatorK1), metaCall(),
		&forgedSyscall{name: "EmitEvent", request: request(spanOf(1), spanOf(2)), arrays: [][]felt.Felt{words(1), words(2, 3)}})
	w := &forgedOutput{forged: f, address: 5000, code: map[felt.Felt]uint64{}}
	return w.write(f.receipt())
}

func FuzzParse(f *testing.F) {
	seed := seedWords()
	f.Add(fromWords(seedWordsStwo()...), uint64(5000))
	f.Add(fromWords(seed...), uint64(1000))
	f.Add(fromWords(seed[:12]...), uint64(0))
	f.Add([]byte{}, uint64(1<<63))
	f.Fuzz(func(t *testing.T, b []byte, address uint64) {
		list := toWords(b)
		output, err := statement.Parse(list, address)
		if err != nil {
			return
		}
		transactions := 0
		for _, b := range output.Blocks {
			transactions += len(b.Transactions)
		}
		if transactions > len(list) || len(output.Blocks) > len(list) || len(output.Classes) > len(list) {
			t.Errorf("%d transactions, %d blocks and %d classes in %d words", transactions, len(output.Blocks), len(output.Classes), len(list))
		}
		// The accepted output has no words left.
		if _, err := statement.Parse(append(slices.Clone(list), felt.Zero), address); err == nil {
			t.Error("accepted with a word more")
		}
		if _, err := statement.Parse(list[:len(list)-1], address); err == nil {
			t.Error("accepted with a word less")
		}
	})
}

// TestParseSeed checks that the seed is well formed, so that the fuzzer starts with a valid output.
func TestParseSeed(t *testing.T) {
	seed := seedWords()
	output, err := statement.Parse(seed, 1)
	if err != nil {
		t.Fatal(err)
	}
	call := output.Blocks[0].Transactions[0].Calls[0]
	if call.Kind != statement.ExecuteCall || len(call.Syscalls) != 2 || call.Syscalls[1].Inner == nil || call.Gas != 99 {
		t.Errorf("got %+v", call)
	}
	for i := range seed {
		if _, err := statement.Parse(seed[:i], 1); err == nil {
			t.Errorf("accepted the first %d words of %d", i, len(seed))
		}
	}
	stwo := seedWordsStwo()
	if output, err := statement.Parse(stwo, 5000); err != nil || len(output.Blocks) != 1 || len(output.Blocks[0].Transactions[0].Calls) != 3 {
		t.Errorf("got %+v, %v", output, err)
	}
	for i := range stwo {
		if _, err := statement.Parse(stwo[:i], 5000); err == nil {
			t.Errorf("accepted the first %d words of %d", i, len(stwo))
		}
	}
	// Sizes are bound: no other output parses to the same value.
	for i := range seed {
		for _, other := range []felt.Felt{n(1), n(1 << 40), felt.FromLimbs([4]uint64{0, 1, 0, 0})} {
			changed := slices.Clone(seed)
			changed[i].Add(&changed[i], &other)
			if got, err := statement.Parse(changed, 1); err == nil && reflect.DeepEqual(got, output) {
				t.Errorf("word %d plus %v makes no difference", i, other)
			}
		}
	}
}

// fuzzed returns the block of the fuzz target, executed once.
var fuzzed = sync.OnceValues(func() (*chain, *statement.Claim) {
	t := &testing.T{}
	c := executeWalkthrough(t)
	claim, _, err := c.run(0, len(c.recorded))
	if err != nil {
		panic(err)
	}
	return c, claim
})

// FuzzReplay changes words of a true claim, at indices and to values that the fuzzer chooses, among them the values of other
// words.
func FuzzReplay(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 1})
	f.Add([]byte{0, 20, 30, 0, 9, 1, 2, 3, 0, 40})
	f.Fuzz(func(t *testing.T, b []byte) {
		c, claim := fuzzed()
		mutant := *claim
		mutant.Output = slices.Clone(claim.Output)
		for ; len(b) >= 5; b = b[5:] {
			at := int(binary.BigEndian.Uint16(b)) % len(mutant.Output)
			from := int(binary.BigEndian.Uint16(b[2:])) % len(mutant.Output)
			mutant.Output[at] = claim.Output[from]
			if b[4] < 128 {
				mutant.Output[at] = n(uint64(b[4]))
			}
		}
		_, _ = c.replay(&mutant, c.statementBlock()) // any error will do, a panic will not
	})
}

// FuzzReadClaim reads claims from public inputs of small numbers.
func FuzzReadClaim(f *testing.F) {
	f.Add([]byte{1, 5, 10, 30, 30, 40, 40, 40, 50, 50, 60, 60, 1, 2, 3})
	f.Add([]byte{})
	names := []string{"program", "execution", "output", "pedersen", "range_check", "bitwise"}
	f.Fuzz(func(t *testing.T, b []byte) {
		in := &statement.PublicInput{Layout: "recursive"}
		for _, name := range names {
			if len(b) < 2 {
				break
			}
			in.Segments = append(in.Segments, statement.Segment{Name: name, Begin: uint64(b[0]), End: uint64(b[1])})
			b = b[2:]
		}
		for i, w := range b {
			in.Memory = append(in.Memory, statement.Cell{Address: uint64(i + 1), Value: n(uint64(w))})
		}
		if _, err := statement.ReadClaim(in); err == nil {
			t.Error("a program of some bytes is the known one")
		}
	})
}

// restlessFuzzed returns a block with effects of signature checks, executed once.
var restlessFuzzed = sync.OnceValues(func() (*chain, []*statement.Claim) {
	c := restless(&testing.T{})
	claims, _ := c.parts(1 << 17)
	return c, claims
})

// FuzzUncovered decodes lists of unproven transactions as in a file, and checks a block with them.
func FuzzUncovered(f *testing.F) {
	f.Add([]byte(`{"uncovered":[{"index":0,"reason":{"max_steps":131072,"class_hash":"0x0","selector":"0x0"},"diff":"0100000000"}],"validations":[]}`))
	f.Add([]byte(`{"uncovered":[],"validations":[{"index":1,"storage":[{"key":"0x1","value":"0x2"}],"class_hash":"0x3","events":1,"messages":1}]}`))
	f.Add([]byte(`{"uncovered":[{"index":-1,"reason":{"builtin":"poseidon","class_hash":"0x0","selector":"0x0"},"diff":""}],"validations":[{"index":2,"events":-1}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var w statement.Witness
		if json.Unmarshal(b, &w) != nil {
			return
		}
		c, claims := restlessFuzzed()
		block := c.statementBlock()
		block.Unproven, block.Validations = w.Unproven, w.Validations
		_, err := statement.CheckOutputs(claims, []*statement.Block{block}, []statement.State{c.before})
		if err == nil && len(w.Validations) != len(c.validations) {
			t.Errorf("accepted with %d signature checks, %d left something", len(w.Validations), len(c.validations))
		}
	})
}
