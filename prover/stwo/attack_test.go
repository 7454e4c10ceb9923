package stwo

import (
	"fmt"
	"strings"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/prover/stwo/channel"
	"github.com/starkd/starkd/prover/stwo/constraints"
	"github.com/starkd/starkd/prover/stwo/fri"
	"github.com/starkd/starkd/prover/stwo/m31"
	"github.com/starkd/starkd/prover/stwo/preprocessed"
)

// attack is a change after which a proof says something false, or could be taken for another one. want is a part of the error of Check, or "" if
// only Verify sees it.
type attack struct {
	what   string
	change func(p *Proof)
	want   string
}

// claimAttacks returns changes of the proof c04_rc_bitwise, of which the claim has range checks and bitwise operations.
func claimAttacks() []attack {
	public := func(change func(p *PublicData)) func(*Proof) { return func(p *Proof) { change(&p.Claim.Public) } }
	segment := func(name string, change func(s *Segment)) func(*Proof) {
		return func(p *Proof) {
			for i := range segmentNames {
				if segmentNames[i] == name {
					change(p.Claim.Public.Segments[i])
				}
			}
		}
	}
	size := func(name string, log int) func(*Proof) { return func(p *Proof) { p.Claim.table(name).LogSize = log } }
	word := func(at int, v felt.Felt) func(*Proof) { return public(func(p *PublicData) { p.Program[at].Value = v }) }
	var all []attack
	add := func(what string, change func(*Proof), want string) { all = append(all, attack{what, change, want}) }

	// Tables.
	add("no tables", func(p *Proof) { p.Claim.Tables, p.Sums = nil, nil }, "memory_address_to_id is missing")
	add("no memory", func(p *Proof) { p.removeTable("memory_address_to_id") }, "memory_address_to_id is missing")
	add("a table of 8 rows", size("verify_instruction", 3), "2^3 rows, want 2^4 to 2^30")
	add("a table of 2^31 rows", size("verify_instruction", 31), "2^31 rows, want 2^4 to 2^30")
	add("a table of 2^-1 rows", size("verify_instruction", -1), "2^-1 rows, want 2^4 to 2^30")
	add("a table without row numbers", size("verify_bitwise_xor_4", 9), "2^9 rows, want 2^8")
	add("a range check of other numbers", size("range_check_6", 7), "range_check_6 has 2^7 rows, want 2^6")
	add("a memory of 2^29 cells", size("memory_address_to_id", 25), "seq_25")
	add("a memory of 2^30 cells", size("memory_address_to_id", 26), "16·2^26 cells, want at most 536870912")
	add("small values of all ids", size("memory_id_to_small", 30), "seq_30")
	add("small values with big ids", size("memory_id_to_small", 31), "2^31 rows, want 2^4 to 2^30")
	add("two tables of a component", func(p *Proof) { p.insertTables(0, p.Claim.Tables[0]) }, "two tables of")
	add("17 parts of memory_id_to_big", func(p *Proof) { p.bigParts(17, 4) }, "17 tables of memory_id_to_big, want at most 16")
	add("2^30 - 2^10 big ids", func(p *Proof) { p.bigParts(15, 26) }, "seq_26")
	add("2^30 big ids", func(p *Proof) { p.bigParts(16, 26) }, "1073741824 values of 2^72 and more, want at most 1073741823")
	add("another component's table", func(p *Proof) { p.Claim.Tables[0].Component = new(constraints.Component) }, "not in claim order")
	add("no component", func(p *Proof) { p.Claim.Tables[0].Component = nil }, "not in claim order")
	add("too many uses", func(p *Proof) { p.Claim.fill(memoryAddressToID.Name, m31.P+16) }, "uses of MemoryAddressToId, want less than 2147483647")
	add("too many uses with those of public cells", func(p *Proof) { p.Claim.fill(memoryAddressToID.Name, m31.P-1) }, "uses of MemoryAddressToId, want less than 2147483647")
	add("2^29 + 16 steps", func(p *Proof) {
		p.Claim.Tables = nil
		for _, c := range constraints.All() {
			switch c.Name {
			case "jump_opcode_abs":
				p.Claim.Tables = append(p.Claim.Tables, Table{Component: c, LogSize: 29})
			case "add_ap_opcode", "memory_address_to_id":
				p.Claim.Tables = append(p.Claim.Tables, Table{Component: c, LogSize: 4})
			}
		}
	}, "536870928 steps, want at most 536870912")

	// The program and the registers.
	add("no program", public(func(p *PublicData) { p.Program = nil }), "a program of 0 words")
	add("a short program", public(func(p *PublicData) { p.Program = p.Program[:5] }), "a program of 5 words and an output of")
	add("a long program", public(func(p *PublicData) { p.Program = make([]Cell, maxCells+1) }), "want 6 to 1048576")
	add("a long output", public(func(p *PublicData) { p.Output = make([]Cell, maxCells+1) }), "want 6 to 1048576 and at most 1048576")
	add("another first instruction", word(0, wordCall), "word 0 is")
	add("another number of builtins", word(1, felt.FromUint64(10)), "word 1 is 0xa, want 0xb")
	add("no call of main", word(2, wordLoop), "word 2 is")
	add("main at the last word", public(func(p *PublicData) { p.Program[3].Value = felt.FromUint64(uint64(len(p.Program) - 3)) }), "")
	add("main behind the program", public(func(p *PublicData) { p.Program[3].Value = felt.FromUint64(uint64(len(p.Program) - 2)) }), "the program calls main at 2 + ")
	add("main before the program", word(3, felt.MustHex("0x800000000000010fffffffffffffffffffffffffffffffffffffffffffffffe")), "the program calls main at 2 + ")
	add("no loop at the end", word(4, wordCall), "word 4 is")
	add("a loop of two words", word(5, felt.FromUint64(1)), "word 5 is 0x1, want 0x0")
	add("a run from another instruction", public(func(p *PublicData) { p.Initial.PC = 3 }), "the run goes from pc 3 to 5, want 1 to 5")
	add("a run to another instruction", public(func(p *PublicData) { p.Final.PC = 3 }), "the run goes from pc 1 to 3, want 1 to 5")
	add("a frame in the program", public(func(p *PublicData) { p.Initial.AP-- }), "two words above the program")
	add("a frame above unknown words", public(func(p *PublicData) {
		p.Initial.AP, p.Initial.FP, p.Final.FP = p.Initial.AP+1, p.Initial.FP+1, p.Final.FP+1
	}), "two words above the program")
	add("fp apart from ap", public(func(p *PublicData) { p.Initial.FP++ }), "two words above the program")
	add("an end in main", public(func(p *PublicData) { p.Final.FP++ }), "two words above the program")
	add("an end below main's arguments", public(func(p *PublicData) { p.Final.AP = p.Initial.AP + SegmentCount - 1 }), "above main's arguments")
	add("an end above the memory", public(func(p *PublicData) { p.Final.AP = maxAddress + 1 }), "below 536870912")
	add("an ap that is not canonical", public(func(p *PublicData) { p.Initial.AP += m31.P }), "two words above the program")

	// The output.
	add("no output segment", func(p *Proof) {
		p.Claim.Public.Segments[output], p.Claim.Public.Program[1].Value = nil, felt.FromUint64(SegmentCount-1)
	}, "the output segment is missing")
	add("another begin of the output", segment("output", func(s *Segment) { s.Start.Value-- }), "the output segment goes from")
	add("another end of the output", segment("output", func(s *Segment) { s.Stop.Value++ }), "the output segment goes from")
	add("a word of output more", public(func(p *PublicData) { p.Output = append(p.Output, Cell{}) }), "the output segment goes from")

	// Ids and values that are no elements of the field. They would be mixed as they are and used modulo p.
	add("an id of p in the program", public(func(p *PublicData) { p.Program[7].ID = m31.P }), "an id of 2147483647, want less than 2147483647")
	add("an id of p in the output", public(func(p *PublicData) {
		p.Output = append(p.Output, Cell{ID: m31.P})
		p.Segments[output].Stop.Value++
	}), "an id of 2147483647, want less than 2147483647")
	add("a safe call id of p", public(func(p *PublicData) { p.SafeCallIDs[1] = m31.P }), "an id of 2147483647, want less than 2147483647")
	for _, at := range []func(s *Segment) *uint32{
		func(s *Segment) *uint32 { return &s.Start.ID }, func(s *Segment) *uint32 { return &s.Start.Value },
		func(s *Segment) *uint32 { return &s.Stop.ID }, func(s *Segment) *uint32 { return &s.Stop.Value },
	} {
		add("a pointer of p", segment("bitwise", func(s *Segment) { *at(s) = m31.P }), "segment bitwise: 2147483647 is not below 2147483647")
	}
	add("a claimed sum that is not canonical", func(p *Proof) { p.Sums[1].B.A = m31.P }, "claimed sum 1 has the coordinate 2147483647, want less than 2147483647")
	add("a segment like an absent one", segment("keccak", func(s *Segment) { *s = Segment{} }), "segment keccak: pointers and ids are 0")

	// Builtins.
	for _, name := range []string{"ecdsa", "keccak"} {
		add("a used segment of "+name, segment(name, func(s *Segment) { s.Stop.Value++ }), "the segment "+name+" is used, but no component checks it")
	}
	for _, c := range []struct {
		name, component string
		cells           uint32
	}{{"range_check_128", "range_check_builtin", 1}, {"bitwise", "bitwise_builtin", 5}} {
		goes := "the segment " + c.name + " goes from"
		add("no table of "+c.component, func(p *Proof) { p.removeTable(c.component) }, "0 components for the segment "+c.name+", want 1")
		add("a table of an empty segment", segment(c.name, func(s *Segment) { s.Stop = s.Start }), "a table "+c.component+", and the segment "+c.name+" is empty")
		add("a segment before its table", segment(c.name, func(s *Segment) { s.Start.Value -= c.cells }), goes)
		add("a segment that begins in its table", segment(c.name, func(s *Segment) { s.Start.Value += c.cells }), goes)
		add("a table elsewhere", func(p *Proof) { p.Claim.table(c.component).Start += c.cells }, goes)
		add("a table elsewhere modulo p", func(p *Proof) { p.Claim.table(c.component).Start += m31.P }, goes)
		add("a segment that ends before it begins", segment(c.name, func(s *Segment) { s.Stop.Value = s.Start.Value - c.cells }), goes)
		add("a whole table", func(p *Proof) {
			t := p.Claim.table(c.component)
			segment(c.name, func(s *Segment) { s.Stop.Value = t.Start + c.cells<<t.LogSize })(p)
		}, "")
		add("an instance more than the table", func(p *Proof) {
			t := p.Claim.table(c.component)
			segment(c.name, func(s *Segment) { s.Stop.Value = t.Start + c.cells<<t.LogSize + c.cells })(p)
		}, goes)
		add("a table above the memory", func(p *Proof) {
			p.Claim.table(c.component).Start = maxAddress - 8
			segment(c.name, func(s *Segment) { s.Start.Value, s.Stop.Value = maxAddress-8, maxAddress-8+c.cells })(p)
		}, goes)
	}
	add("a part of an instance", segment("bitwise", func(s *Segment) { s.Stop.Value-- }), "5 cells an instance")
	add("a table of an absent segment", func(p *Proof) {
		p.Claim.Public.Segments[4], p.Claim.Public.Program[1].Value = nil, felt.FromUint64(SegmentCount-1)
	}, "a table bitwise_builtin, and the segment bitwise is empty")
	add("Pedersen hashes of both widths", func(p *Proof) {
		p.addTable("pedersen_builtin", 4)
		p.addTable("pedersen_builtin_narrow_windows", 4)
		segment("pedersen", func(s *Segment) { s.Stop.Value += 3 })(p)
	}, "2 components for the segment pedersen, want 1")

	// Parameters.
	config := func(change func(p *Proof), want string) { add(want, change, want) }
	config(func(p *Proof) { p.STARK.Config.PowBits = 33 }, "pow_bits is 33, want 0 to 32")
	config(func(p *Proof) { p.STARK.Config.LogBlowup = 0 }, "log_blowup_factor is 0, want 1 to 16")
	config(func(p *Proof) { p.STARK.Config.LogBlowup = 17 }, "log_blowup_factor is 17, want 1 to 16")
	config(func(p *Proof) { p.STARK.Config.LogLastLayerDegreeBound = 11 }, "log_last_layer_degree_bound is 11, want 0 to 10")
	config(func(p *Proof) { p.STARK.Config.Queries = 0 }, "n_queries is 0, want 1 to 1024")
	config(func(p *Proof) { p.STARK.Config.Queries = 1025 }, "n_queries is 1025, want 1 to 1024")
	config(func(p *Proof) { p.STARK.Config.FoldStep = 0 }, "fold_step is 0, want 1 to 16")
	config(func(p *Proof) { p.STARK.Config.FoldStep = 17 }, "fold_step is 17, want 1 to 16")
	for _, c := range []struct {
		lifting uint32
		want    string
	}{
		{0, "lifting_log_size is 0, want 3 to "}, // would be mixed like none
		{1, "lifting_log_size is 1, want 3 to "}, {31, "lifting_log_size is 31, want 3 to "}, {1 << 31, "lifting_log_size is 2147483648, want 3 to "},
		{21, "has a column of 2^22 cells, and lifting_log_size is 21"}, {23, "fri: layer 5: a witness of"},
	} {
		add(fmt.Sprintf("lifting to 2^%d", c.lifting), func(p *Proof) { p.STARK.Config.LiftingLogSize = &c.lifting }, c.want)
	}

	// Preprocessed columns.
	add("an unknown trace", func(p *Proof) { p.Preprocessed = preprocessed.Variant(len(variantNames)) }, "unknown hash function or preprocessed trace")
	add("a trace of number -1", func(p *Proof) { p.Preprocessed = -1 }, "unknown hash function or preprocessed trace")
	add("an unknown hash function", func(p *Proof) { p.Hash = channel.Poseidon252 + 1 }, "unknown hash function or preprocessed trace")
	add("another hash function", func(p *Proof) { p.Hash = channel.Blake2sM31 }, "the preprocessed columns have the root")
	add("a false table of range checks", func(p *Proof) { p.STARK.Commitments[0][0] ^= 1 }, "the preprocessed columns have the root")

	// Numbers of values.
	samples := func(t, i, n int) func(*Proof) {
		return func(p *Proof) { p.STARK.SampledValues[t][i] = make([]m31.QM31, n) }
	}
	for t := 1; t < trees; t++ {
		add("no sample", samples(t, 0, 0), fmt.Sprintf("column 0 of tree %d has 0 samples, want 1", t))
		add("two samples", samples(t, 0, 2), fmt.Sprintf("column 0 of tree %d has 2 samples, want 1", t))
	}
	add("one sample of a running sum", func(p *Proof) {
		last := len(p.STARK.SampledValues[2]) - 1
		p.STARK.SampledValues[2][last] = p.STARK.SampledValues[2][last][1:]
	}, "of tree 2 has 1 samples, want 2")
	add("no query", func(p *Proof) {
		for _, tree := range p.STARK.QueriedValues {
			for i := range tree {
				tree[i] = nil
			}
		}
	}, "opened at 0 positions")
	add("more queries than drawn", func(p *Proof) {
		for _, tree := range p.STARK.QueriedValues {
			for i := range tree {
				tree[i] = make([]m31.M31, p.STARK.Config.Queries+1)
			}
		}
	}, "opened at 21 positions, others at 21, and there are 20 queries")

	// Witnesses of openings. The queries determine their lengths; without them their bounds are known.
	first := func(change func(l *fri.Layer, full int)) func(*Proof) { // full is the number of values that are opened
		return func(p *Proof) {
			l := &p.STARK.FRI.FirstLayer
			change(l, len(l.Witness)+len(p.STARK.QueriedValues[0][0]))
		}
	}
	group := func(p *Proof) int { return 1 << p.STARK.Config.FoldStep }
	add("a value more in a witness of FRI", first(func(l *fri.Layer, _ int) { l.Witness = append(l.Witness, m31.QM31{}) }), "fri: layer 0: a witness of")
	add("a value less in a witness of FRI", first(func(l *fri.Layer, _ int) { l.Witness = l.Witness[1:] }), "fri: layer 0: a witness of")
	add("a group more than queries in a witness of FRI", func(p *Proof) {
		first(func(l *fri.Layer, full int) {
			queries := len(p.STARK.QueriedValues[0][0])
			l.Witness = make([]m31.QM31, (queries+1)*group(p)-queries)
		})(p)
	}, "fri: layer 0: a witness of")
	add("a group less than queries need in a witness of FRI", func(p *Proof) {
		first(func(l *fri.Layer, full int) {
			queries := len(p.STARK.QueriedValues[0][0])
			l.Witness = make([]m31.QM31, ((queries-1)/group(p))*group(p))[queries%group(p):]
		})(p)
	}, "fri: layer 0: a witness of")
	add("a value more in the witness of an inner layer", func(p *Proof) {
		l := &p.STARK.FRI.InnerLayers[1]
		l.Witness = append(l.Witness, m31.QM31{})
	}, "fri: layer 2: a witness of")
	add("many hashes of a layer", first(func(l *fri.Layer, _ int) { l.Decommitment = make([]channel.Digest, 1<<12) }), "fri: layer 0: a witness of 4096 hashes, want at most")
	for t := range trees {
		add("many hashes of a tree", func(p *Proof) { p.STARK.Decommitments[t] = make([]channel.Digest, 1<<10) }, fmt.Sprintf("pcs: tree %d has a witness of 1024 hashes, want at most", t))
	}
	return all
}

// removeTable removes the tables of a component and their claimed sums.
func (p *Proof) removeTable(name string) {
	for i := 0; i < len(p.Claim.Tables); {
		if p.Claim.Tables[i].Component.Name == name {
			p.Claim.Tables, p.Sums = append(p.Claim.Tables[:i:i], p.Claim.Tables[i+1:]...), append(p.Sums[:i:i], p.Sums[i+1:]...)
			continue
		}
		i++
	}
}

// insertTables inserts tables with claimed sums of 0 before table i.
func (p *Proof) insertTables(i int, tables ...Table) {
	p.Claim.Tables = append(p.Claim.Tables[:i:i], append(tables, p.Claim.Tables[i:]...)...)
	p.Sums = append(p.Sums[:i:i], append(make([]m31.QM31, len(tables)), p.Sums[i:]...)...)
}

// addTable adds a table in claim order.
func (p *Proof) addTable(name string, log int) {
	i := 0
	for _, c := range constraints.All() {
		if c.Name == name {
			p.insertTables(i, Table{Component: c, LogSize: log})
			return
		}
		for i < len(p.Claim.Tables) && p.Claim.Tables[i].Component == c {
			i++
		}
	}
}

// bigParts gives memory_id_to_big n tables.
func (p *Proof) bigParts(n, log int) {
	p.removeTable(idToBig)
	for range n {
		p.addTable(idToBig, log)
	}
}

// fill replaces all tables but that of the memory by some that use a relation at most n times, and nearly as often.
func (c *Claim) fill(relation string, n uint64) {
	var all []Table
	for _, component := range constraints.All() {
		of := Claim{Tables: []Table{{Component: component}}}
		uses := of.uses()[relation]
		switch {
		case component.Name == "memory_address_to_id":
			all = append(all, Table{Component: component, LogSize: 25})
		case uses > 0 && !component.Fixed && uses<<4 <= n:
			log := 4
			for log < 28 && uses<<(log+1) <= n {
				log++
			}
			all = append(all, Table{Component: component, LogSize: log})
			n -= uses << log
		}
	}
	c.Tables = all
}

// TestAttacks checks that Check refuses false and ambiguous claims, wrong parameters and wrong sizes before anything is hashed, and names what is
// wrong.
func TestAttacks(t *testing.T) {
	text := readProof(t, "c04_rc_bitwise").AppendBinary(nil)
	for _, a := range claimAttacks() {
		p, err := ParseBinary(text)
		if err != nil {
			t.Fatal(err)
		}
		a.change(p)
		err = p.Check()
		if (err == nil) != (a.want == "") || err != nil && !strings.Contains(err.Error(), a.want) {
			t.Errorf("%s: got %v, want %q", a.what, err, a.want)
		}
		if err := p.Verify(); err == nil {
			t.Errorf("%s: accepted", a.what)
		}
	}
}

// TestPublicUses checks that the uses of the public memory count: the attack that needs them does not exceed the bound without them.
func TestPublicUses(t *testing.T) {
	p, err := ParseBinary(readProof(t, "c04_rc_bitwise").AppendBinary(nil))
	if err != nil {
		t.Fatal(err)
	}
	p.Claim.fill(memoryAddressToID.Name, m31.P-1)
	if n := p.Claim.uses()[memoryAddressToID.Name]; n >= m31.P {
		t.Errorf("the tables have %d uses, want less than %d", n, m31.P)
	}
}

// TestNoTables checks that proofs without tables are refused as lists of felts. Their rows have no columns.
func TestNoTables(t *testing.T) {
	p := *readProof(t, "c01_nothing")
	p.Claim.Tables, p.Sums = nil, nil
	if _, err := p.AppendFelts(nil); err == nil {
		t.Error("written")
	}
	w := &feltWriter{hash: p.Hash}
	w.text.begin(0)
	p.visit(w)
	w.text.end()
	for variant := range preprocessed.Variant(len(variantNames)) {
		if _, err := ParseFelts(w.text.text, p.Hash, variant); err == nil || !strings.Contains(err.Error(), "without tables") {
			t.Errorf("%v: got %v, want an error about tables", variant, err)
		}
	}
}

// TestTrailingBytes checks that nothing may follow a proof in a file.
func TestTrailingBytes(t *testing.T) {
	p := readProof(t, "c01_nothing")
	felts, err := p.AppendFelts(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range [][]byte{p.AppendJSON(nil, false), p.AppendBinary(nil), felts, readCase(t, "c01_nothing", "proof.bin.bz2")} {
		if _, err := Parse(text); err != nil {
			t.Error(err)
		}
		for _, more := range []string{"\x00", "0", "BZh9"} {
			if _, err := Parse(append(text[:len(text):len(text)], more...)); err == nil {
				t.Errorf("%.20q… and %q: accepted", text, more)
			}
		}
	}
}

// TestZeroDenominator checks that challenges for which a fraction of the public lookups has no value are refused.
func TestZeroDenominator(t *testing.T) {
	one := m31.FromM31(1)
	for _, d := range [][]m31.QM31{{{}}, {one, {}}, {{}, one}, {{}, {}}} {
		sum := newInverses()
		for _, x := range d {
			sum.add(x)
		}
		if _, err := sum.value(); err == nil || !strings.Contains(err.Error(), "a denominator of the public lookups is 0") {
			t.Errorf("%v: got %v, want an error about a denominator", d, err)
		}
	}
}
