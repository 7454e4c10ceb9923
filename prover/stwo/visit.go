package stwo

import (
	"fmt"
	"slices"

	"github.com/starkd/starkd/prover/stwo/channel"
	"github.com/starkd/starkd/prover/stwo/constraints"
	"github.com/starkd/starkd/prover/stwo/fri"
	"github.com/starkd/starkd/prover/stwo/m31"
	"github.com/starkd/starkd/prover/stwo/pcs"
	"github.com/starkd/starkd/prover/stwo/preprocessed"
)

// Bounds of lists. docs/limits.md has their reasons.
const (
	maxCells      = 1 << 20 // words of the program, and of the output
	maxColumns    = 1 << 13 // columns of a tree
	maxLayers     = 32      // of FRI, and of a tree
	maxFRIWitness = 1 << 20 // values of a layer
	maxLastLayer  = 1 << 10 // coefficients
	trees         = 4
)

var variantNames = []string{preprocessed.Canonical.String(), preprocessed.CanonicalWithoutPedersen.String(), preprocessed.CanonicalSmall.String()}

// visit visits the parts of a proof in StarkWare's order.
func (p *Proof) visit(f form) {
	f.open()
	f.member("claim")
	p.Claim.visit(f)
	f.member("interaction_pow")
	p.InteractionNonce = f.long(p.InteractionNonce)
	f.member("interaction_claim")
	p.visitSums(f)
	f.member("stark_proof")
	p.visitSTARK(f)
	f.member("channel_salt")
	number32(f, &p.Salt, 1<<32)
	if !f.cairo() {
		f.member("preprocessed_trace_variant")
		p.Preprocessed = preprocessed.Variant(f.choice(int(p.Preprocessed), variantNames))
	}
	f.close()
}

func (c *Claim) visit(f form) {
	f.open()
	f.member("public_data")
	c.Public.visit(f)
	present := c.Tables
	c.Tables = nil
	for _, component := range constraints.All() {
		// Tables of the component; a writer takes them from the beginning of present.
		n := 0
		for n < len(present) && present[n].Component == component {
			n++
		}
		of := present[:n:n]
		present = present[n:]
		f.member(component.Name)
		if f.optional(n > 0 || component.Name == idToBig) {
			of = visitTables(f, component, of)
		} else if component.Name == idToBig {
			f.fail("%s is absent", idToBig)
		}
		c.Tables = append(c.Tables, of...)
	}
	f.close()
}

// visitTables visits the tables of a component that is present, and returns them.
func visitTables(f form, c *constraints.Component, of []Table) []Table {
	f.open()
	defer f.close()
	logSize := func(t *Table) {
		t.Component = c
		t.LogSize = int(f.number(uint64(t.LogSize), maxLogSize+1))
	}
	if c.Name == idToBig {
		f.member("big_log_sizes")
		list(f, "tables of "+idToBig, maxBigParts, &of, logSize)
		return of
	}
	if f.reading() {
		of = []Table{{Component: c}}
	}
	if c.Fixed {
		of[0].LogSize = c.LogSize
	} else {
		f.member("log_size")
		logSize(&of[0])
	}
	if c.SegmentStart {
		f.member(startMember(c))
		number32(f, &of[0].Start, m31.P)
	}
	return of
}

func (p *PublicData) visit(f form) {
	f.open()
	f.member("public_memory")
	f.open()
	f.member("program")
	cells(f, "words of the program", &p.Program)
	f.member("public_segments")
	f.open()
	for i, name := range segmentNames {
		f.member(name)
		s := p.Segments[i]
		switch {
		case i == output || f.cairo():
			if f.reading() {
				s = new(Segment)
			}
		case !f.optional(s != nil):
			continue
		case f.reading():
			s = new(Segment)
		}
		f.open()
		f.member("start_ptr")
		s.Start.visit(f)
		f.member("stop_ptr")
		s.Stop.visit(f)
		f.close()
		p.Segments[i] = s
	}
	f.close()
	f.member("output")
	cells(f, "words of output", &p.Output)
	f.member("safe_call_ids")
	f.tuple()
	for i := range p.SafeCallIDs {
		f.item()
		number32(f, &p.SafeCallIDs[i], m31.P)
	}
	f.end()
	f.close()
	f.member("initial_state")
	p.Initial.visit(f)
	f.member("final_state")
	p.Final.visit(f)
	f.close()
}

func cells(f form, what string, s *[]Cell) {
	list(f, what, maxCells, s, func(c *Cell) {
		f.tuple()
		f.item()
		number32(f, &c.ID, m31.P)
		f.item()
		word(f, &c.Value)
		f.end()
	})
}

func (p *Pointer) visit(f form) {
	f.open()
	f.member("id")
	number32(f, &p.ID, m31.P)
	f.member("value")
	number32(f, &p.Value, m31.P)
	f.close()
}

func (s *State) visit(f form) {
	f.open()
	f.member("pc")
	base(f, &s.PC)
	f.member("ap")
	base(f, &s.AP)
	f.member("fp")
	base(f, &s.FP)
	f.close()
}

// visitSums visits the claimed sums. The tables of the claim say which are present.
func (p *Proof) visitSums(f form) {
	sums := p.Sums
	if f.reading() {
		sums = make([]m31.QM31, len(p.Claim.Tables))
	}
	p.Sums = sums
	f.open()
	tables := p.Claim.Tables
	for _, c := range constraints.All() {
		n := 0
		for n < len(tables) && tables[n].Component == c {
			n++
		}
		f.member(c.Name)
		want := n > 0 || c.Name == idToBig
		if f.optional(want) != want {
			f.fail("%s is present in the claim or in the claimed sums, but not in both", c.Name)
			return
		}
		if want {
			f.open()
			if c.Name == idToBig {
				p.visitBigSums(f, sums[:n])
			} else {
				f.member("claimed_sum")
				secure(f, &sums[0])
			}
			f.close()
		}
		tables, sums = tables[n:], sums[n:]
	}
	f.close()
}

// visitBigSums visits the claimed sums of the tables of memory_id_to_big and their total, which no message of the transcript contains. It must be
// their sum.
func (p *Proof) visitBigSums(f form, sums []m31.QM31) {
	read := sums
	f.member("big_claimed_sums")
	secures(f, "claimed sums of "+idToBig, maxBigParts, &read)
	if len(read) != len(sums) {
		f.fail("%d claimed sums of %s, want %d", len(read), idToBig, len(sums))
		return
	}
	copy(sums, read)
	var total m31.QM31
	for _, s := range sums {
		total = total.Add(s)
	}
	f.member("claimed_sum")
	claimed := total
	if secure(f, &claimed); claimed != total {
		f.fail("the claimed sum of %s is %v, its tables have %v", idToBig, claimed, total)
	}
}

func (p *Proof) visitSTARK(f form) {
	s := &p.STARK
	f.open()
	f.member("config")
	visitConfig(f, &s.Config)
	f.member("commitments")
	digests(f, "commitments", trees, &s.Commitments)
	f.member("sampled_values")
	list(f, "trees", trees, &s.SampledValues, func(tree *[][]m31.QM31) {
		list(f, "columns", maxColumns, tree, func(column *[]m31.QM31) { secures(f, "samples of a column", 2, column) })
	})
	f.member("decommitments")
	list(f, "trees", trees, &s.Decommitments, func(witness *[]channel.Digest) { decommitment(f, witness) })
	f.member("queried_values")
	if f.cairo() {
		p.visitRows(f)
	} else {
		list(f, "trees", trees, &s.QueriedValues, func(tree *[][]m31.M31) {
			list(f, "columns", maxColumns, tree, func(column *[]m31.M31) {
				bases(f, "queries", pcs.MaxQueries, column)
			})
		})
	}
	f.member("proof_of_work")
	s.ProofOfWork = f.long(s.ProofOfWork)
	f.member("fri_proof")
	f.open()
	f.member("first_layer")
	layer(f, &s.FRI.FirstLayer)
	f.member("inner_layers")
	list(f, "layers", maxLayers, &s.FRI.InnerLayers, func(l *fri.Layer) { layer(f, l) })
	f.member("last_layer_poly")
	f.open()
	f.member("coeffs")
	secures(f, "coefficients", maxLastLayer, &s.FRI.LastLayer)
	f.member("log_size")
	if want, got := log2(len(s.FRI.LastLayer)), f.number(log2(len(s.FRI.LastLayer)), maxLayers); got != want || len(s.FRI.LastLayer) != 1<<want {
		f.fail("a last layer of %d coefficients with log_size %d", len(s.FRI.LastLayer), got)
	}
	f.close()
	f.close()
	f.close()
}

// visitConfig visits the parameters of the commitment scheme. The form for Cairo verifiers has no lifting size.
func visitConfig(f form, c *pcs.Config) {
	f.open()
	f.member("pow_bits")
	number32(f, &c.PowBits, 1<<31)
	f.member("fri_config")
	f.open()
	f.member("log_blowup_factor")
	number32(f, &c.LogBlowup, 1<<31)
	f.member("log_last_layer_degree_bound")
	number32(f, &c.LogLastLayerDegreeBound, 1<<31)
	f.member("n_queries")
	queries := f.long(uint64(c.Queries))
	if queries > pcs.MaxQueries {
		f.fail("%d queries, want at most %d", queries, pcs.MaxQueries)
	}
	c.Queries = uint32(queries)
	f.member("fold_step")
	number32(f, &c.FoldStep, 1<<31)
	f.close()
	if !f.cairo() {
		f.member("lifting_log_size")
		if f.optional(c.LiftingLogSize != nil) {
			if f.reading() {
				c.LiftingLogSize = new(uint32)
			}
			number32(f, c.LiftingLogSize, 1<<31)
		}
	}
	f.close()
}

func decommitment(f form, witness *[]channel.Digest) {
	f.open()
	f.member("hash_witness")
	digests(f, "hashes of a witness", pcs.MaxQueries*maxLayers, witness)
	f.close()
}

func layer(f form, l *fri.Layer) {
	f.open()
	f.member("fri_witness")
	secures(f, "values of a witness", maxFRIWitness, &l.Witness)
	f.member("decommitment")
	decommitment(f, &l.Decommitment)
	f.member("commitment")
	l.Commitment = f.digest(l.Commitment)
	f.close()
}

// visitRows visits the queried values in the order of the form for Cairo verifiers: for each query the values of all columns, of which the
// smaller ones come first.
func (p *Proof) visitRows(f form) {
	order, err := p.columnOrder()
	if err != nil {
		f.fail("%w", err)
		return
	}
	var rows [][]m31.M31
	for t, tree := range p.STARK.QueriedValues {
		var row []m31.M31
		for q := range len(tree[0]) {
			for _, c := range order[t] {
				row = append(row, tree[c][q])
			}
		}
		rows = append(rows, row)
	}
	t := 0
	list(f, "trees", trees, &rows, func(row *[]m31.M31) {
		bases(f, "queried values", pcs.MaxQueries*len(order[t]), row)
		t++
	})
	if !f.reading() {
		return
	}
	p.STARK.QueriedValues = nil
	for t, row := range rows {
		n := len(order[t])
		if len(row)%n != 0 {
			f.fail("%d queried values of tree %d, want a multiple of %d", len(row), t, n)
			return
		}
		tree := make([][]m31.M31, n)
		for i, c := range order[t] {
			tree[c] = make([]m31.M31, len(row)/n)
			for q := range tree[c] {
				tree[c][q] = row[q*n+i]
			}
		}
		p.STARK.QueriedValues = append(p.STARK.QueriedValues, tree)
	}
}

// columnOrder returns the numbers of the columns of each tree, smaller columns first.
func (p *Proof) columnOrder() (order [trees][]int, err error) {
	columns, _, err := p.columns()
	if err != nil {
		return order, err
	}
	for t := range order {
		order[t] = make([]int, len(columns[t]))
		for i := range order[t] {
			order[t][i] = i
		}
		slices.SortStableFunc(order[t], func(a, b int) int { return columns[t][a].Log - columns[t][b].Log })
	}
	return order, nil
}

// checkQueried returns an error unless there are queried values of every column, the same number of each.
func (p *Proof) checkQueried() error {
	columns, _, err := p.columns()
	if err != nil {
		return err
	}
	if len(p.STARK.QueriedValues) != trees {
		return fmt.Errorf("stwo: queried values of %d trees, want %d", len(p.STARK.QueriedValues), trees)
	}
	for t, tree := range p.STARK.QueriedValues {
		if len(tree) != len(columns[t]) {
			return fmt.Errorf("stwo: queried values of %d columns of tree %d, want %d", len(tree), t, len(columns[t]))
		}
		for i, column := range tree {
			if want := len(p.STARK.QueriedValues[0][0]); len(column) != want {
				return fmt.Errorf("stwo: %d queried values of column %d of tree %d, want %d", len(column), i, t, want)
			}
		}
	}
	return nil
}
