package cairoair

import (
	"cmp"
	"slices"

	"github.com/starkd/starkd/internal/parallel"
	"github.com/starkd/starkd/prover/stwo/adapter"
	"github.com/starkd/starkd/prover/stwo/air"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// passedInputs are the inputs that other components pass to a component.
type passedInputs struct {
	words [][]m31.M31
	rows  int
}

// pass makes room for one input of c from each of n rows, and returns the sink that puts them there. It takes as many values of a tuple as
// an input has words; missing ones are 0.
func (t *trace) pass(c *Component, n int) air.Sink {
	p := t.passed[c]
	if p.words == nil {
		p.words = make([][]m31.M31, c.AIR().Inputs)
		rows := size(t.inputs(c))
		for k := range p.words {
			p.words[k] = make([]m31.M31, 0, rows)
		}
	}
	base := p.rows
	p.rows += n
	for k := range p.words {
		p.words[k] = slices.Grow(p.words[k], n)[:p.rows]
	}
	return func(_, first int, values [][]m31.M31) {
		for k, v := range values[:min(len(values), len(p.words))] {
			copy(p.words[k][base+first:], v)
		}
	}
}

// inputs returns the number of inputs that c will have. The rows that pass them are known, or follow from inputs themselves.
func (t *trace) inputs(c *Component) int {
	n := 0
	for caller := range t.present {
		passes := 0
		a := caller.AIR()
		for _, l := range a.Lookups {
			if t.passesTo(c)(l) {
				passes++
			}
		}
		for _, f := range a.Feeds {
			if f.Component == c.Name {
				passes++
			}
		}
		switch rows, ok := t.rows[caller]; {
		case passes == 0 || caller == c:
		case ok:
			n += passes * rows
		case caller.Source == PassedInputs:
			n += passes * size(t.inputs(caller))
		}
	}
	return n
}

// passesTo reports of a lookup whether each row passes an input to c with it.
func (t *trace) passesTo(c *Component) func(air.Lookup) bool {
	return func(l air.Lookup) bool { return l.Count && t.yielder[l.Relation] == c }
}

// distinct returns the distinct inputs in ascending order. The last word of each is its multiplicity.
func (p *passedInputs) distinct() [][]m31.M31 {
	key := p.words[:len(p.words)-1]
	compare := func(i, j int32) int {
		for _, word := range key {
			if c := cmp.Compare(word[i], word[j]); c != 0 {
				return c
			}
		}
		return 0
	}
	order := make([]int32, p.rows)
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, compare)
	inputs := make([][]m31.M31, len(p.words))
	for n, i := range order {
		if n == 0 || compare(order[n-1], i) != 0 {
			for k, word := range key {
				inputs[k] = append(inputs[k], word[i])
			}
			inputs[len(key)] = append(inputs[len(key)], 0)
		}
		inputs[len(key)][len(inputs[0])-1]++
	}
	return inputs
}

// instructionInputs are the inputs of verify_instruction. There is a single one for each pc, so they are kept by pc.
type instructionInputs struct {
	times *counter
	words [][][]m31.M31 // of each worker, the words of the inputs that it saw
}

func newInstructionInputs(words int, in *adapter.Input) *instructionInputs {
	last := m31.M31(0)
	for _, s := range in.Opcodes {
		for _, pc := range s.PC {
			last = max(last, pc)
		}
	}
	n := min(int(last)+1, len(in.Memory.IDs)) // larger ones fail as addresses
	p := &instructionInputs{times: newCounter(n), words: make([][][]m31.M31, parallel.Workers())}
	for worker := range p.words {
		p.words[worker] = make([][]m31.M31, words)
	}
	return p
}

func (p *instructionInputs) sink(fail func(row int, value m31.M31)) air.Sink {
	return func(worker, first int, values [][]m31.M31) {
		times, words := p.times.of(worker), p.words[worker]
		for k := range words {
			if words[k] == nil {
				words[k] = make([]m31.M31, p.times.rows)
			}
		}
		for i, pc := range values[0] {
			if int(pc) >= p.times.rows {
				fail(first+i, pc)
				continue
			}
			times.add(pc)
			if times.low[pc] == 1 { // the first time, or once more after 256 times
				for k, v := range values {
					words[k][pc] = v[i]
				}
			}
		}
	}
}

// distinct returns the inputs in ascending order of pc. The last word of each is its multiplicity.
func (p *instructionInputs) distinct() [][]m31.M31 {
	seen := make([]int, p.times.rows) // a worker that saw the instruction
	for worker, t := range p.times.workers {
		for pc, n := range t.low {
			if n > 0 || t.high[pc/tallyPage] != nil && t.high[pc/tallyPage][pc%tallyPage] > 0 {
				seen[pc] = worker
			}
		}
	}
	n := len(p.words[0])
	inputs := make([][]m31.M31, n+1)
	for pc, times := range p.times.column() {
		if times == 0 {
			continue
		}
		for k, word := range p.words[seen[pc]] {
			inputs[k] = append(inputs[k], word[pc])
		}
		inputs[n] = append(inputs[n], times)
	}
	return inputs
}
