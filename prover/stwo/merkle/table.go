package merkle

import (
	"context"
	"sync"
	"unsafe"

	"github.com/starkd/starkd/crypto/blake"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/poseidon"
	"github.com/starkd/starkd/internal/parallel"
	"github.com/starkd/starkd/prover/stwo/channel"
	"github.com/starkd/starkd/prover/stwo/circle"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// Load returns the cells of a part of column c, either in scratch, which has their number, or where they are stored. Several goroutines may call it.
type Load func(c, part int, scratch []m31.M31) []m31.M31

// blockWords is the number of cells of a leaf that are absorbed together: a block of BLAKE2s, or two felts of Poseidon.
const blockWords = 16

// message holds word k of sixteen rows in its element k.
type message [blockWords][]m31.M31

// hasher hashes sixteen rows, block by block. S is the state of sixteen rows.
type hasher[S any] interface {
	initial() S
	// absorb adds a block with n words, of which the last is number end-1 of the row. The words after n are 0.
	absorb(s *S, words *message, n, end int, last bool)
	// states returns memory for n states. The states of the call before are not overwritten.
	states(m *Memory, n int) []S
	// copyRow sets row i of dst to row j of src.
	copyRow(dst *S, i int, src *S, j int)
	// digests returns the digests after the last block.
	digests(s *S) digests
}

// Memory is memory of commitments that later commitments use again. The zero value is ready to use. It must not be used by two commitments at once.
type Memory struct {
	scratch [blockWords][]m31.M31
	states  [2][]digests
}

// reserve makes the memory for the columns of a table, which has the given sizes in the order of hashing.
func (m *Memory) reserve(logs []int) {
	for k := range m.scratch {
		for c := len(logs) - 1; c >= 0; c-- {
			if c%blockWords == k && len(m.scratch[k]) < 1<<logs[c] {
				m.scratch[k] = make([]m31.M31, 1<<logs[c])
			}
		}
	}
}

// table computes leaves over columns of different sizes. The columns are loaded a block of words at a time, and the states of all rows are kept
// between the blocks. The blocks of small columns are the same in many leaves, so they are absorbed once for each row of their largest column.
type table[S any] struct {
	hash   hasher[S]
	logs   []int // log2 of the number of cells of each column, in the order of hashing
	order  []int // numbers of the columns, in the order of hashing
	size   int   // log2 of the number of rows, at least logLanes
	load   func(c int, scratch []m31.M31) []m31.M31
	memory *Memory
	states []S // after the blocks before the present one, of 2^done rows
	done   int

	cells [blockWords][]m31.M31 // of the columns of the present block
	work  sync.Pool             // of *work[S]
}

// work is the memory in which sixteen rows absorb a block. The methods of hasher take pointers into it, so it would be allocated for every block.
type work[S any] struct {
	state  S
	words  message
	lifted [blockWords][lanes]m31.M31
}

// newTable returns the leaves over columns.
func newTable[S any](hash hasher[S], s *Shape, load func(c int, scratch []m31.M31) []m31.M31, m *Memory) *table[S] {
	t := &table[S]{hash: hash, order: s.order(), load: load, memory: m, done: -1}
	for _, c := range t.order {
		t.logs = append(t.logs, s.Logs[c])
	}
	t.size = max(t.logs[len(t.logs)-1], logLanes)
	t.work.New = func() any { return new(work[S]) }
	return t
}

// begin absorbs all blocks but the last, and loads the columns of that.
func (t *table[S]) begin(ctx context.Context) error {
	count := (len(t.order) + blockWords - 1) / blockWords
	scratch := t.memory != nil
	if scratch {
		t.memory.reserve(t.logs)
	} else {
		t.memory = new(Memory)
	}
	for b := range count {
		first, end := b*blockWords, min((b+1)*blockWords, len(t.order))
		parallel.Each(end-first, func(k int) {
			if ctx.Err() != nil {
				return
			}
			var memory []m31.M31
			if scratch {
				memory = t.memory.scratch[k][:1<<t.logs[first+k]]
			}
			t.cells[k] = t.load(t.order[first+k], memory)
		})
		if err := ctx.Err(); err != nil {
			return err
		}
		if b == count-1 {
			return nil
		}
		log := max(t.logs[end-1], logLanes)
		states := t.states
		if log > t.done {
			states = t.hash.states(t.memory, 1<<(log-logLanes))
		}
		parallel.Chunks(len(states), 8, func(start, last int) {
			w := t.work.Get().(*work[S])
			for i := start; i < last && ctx.Err() == nil; i++ {
				t.absorb(w, b, i, log, false)
				states[i] = w.state
			}
			t.work.Put(w)
		})
		t.states, t.done = states, log
	}
	return ctx.Err()
}

// log returns log2 of the number of cells of the largest column.
func (t *table[S]) log() int { return t.logs[len(t.logs)-1] }

// leaf returns leaf i of fewer than sixteen. block lifts these to sixteen rows.
func (t *table[S]) leaf(i int) channel.Digest {
	rows := t.block(0)
	return get(&rows, i>>1<<(logLanes-t.log()+1)|i&1)
}

// block returns leaves 16i to 16i+15.
func (t *table[S]) block(i int) digests {
	w := t.work.Get().(*work[S])
	t.absorb(w, (len(t.order)-1)/blockWords, i, t.size, true)
	d := t.hash.digests(&w.state)
	t.work.Put(w)
	return d
}

// absorb sets w.state to the states of rows 16i to 16i+15 of 2^log after block b.
func (t *table[S]) absorb(w *work[S], b, i, log int, last bool) {
	switch {
	case t.done < 0:
		w.state = t.hash.initial()
	case t.done == log:
		w.state = t.states[i]
	default:
		for row := range lanes {
			from := circle.LiftedCell(i*lanes+row, log-t.done)
			t.hash.copyRow(&w.state, row, &t.states[from>>logLanes], from&(lanes-1))
		}
	}
	n := min(blockWords, len(t.order)-b*blockWords)
	for k := range w.words {
		switch {
		case k >= n:
			w.words[k] = zeros[:]
		case t.logs[b*blockWords+k] == log:
			w.words[k] = t.cells[k][i*lanes : (i+1)*lanes]
		default:
			liftCells(&w.lifted[k], t.cells[k], i, log-t.logs[b*blockWords+k])
			w.words[k] = w.lifted[k][:]
		}
	}
	t.hash.absorb(&w.state, &w.words, n, b*blockWords+n, last)
}

// zeros are the words that fill the last block.
var zeros [lanes]m31.M31

// liftCells sets dst to cells 16i to 16i+15 of a column that is lifted by k.
func liftCells(dst *[lanes]m31.M31, column []m31.M31, i, k int) {
	// Two neighbouring cells of the column fill a run of 2^(k+1) lanes, or all lanes.
	run, c := min(2<<k, lanes), circle.LiftedCell(i*lanes, k)
	for lane := 0; lane < lanes; c += 2 {
		a, b := column[c], column[c+1]
		for end := lane + run; lane < end; lane += 2 {
			dst[lane], dst[lane+1] = a, b
		}
	}
}

// rowDigests returns the hashes of rows whose cells are given in the order of hashing: words[k][i] is word k of row i. The number of rows is a
// multiple of sixteen.
func rowDigests[S any](hash hasher[S], words [][]m31.M31) []digests {
	out := make([]digests, len(words[0])/lanes)
	parallel.Chunks(len(out), 1, func(start, end int) {
		var w work[S]
		for i := start; i < end; i++ {
			w.state = hash.initial()
			for first := 0; first < len(words); first += blockWords {
				n := min(blockWords, len(words)-first)
				for k := range w.words {
					if w.words[k] = zeros[:]; k < n {
						w.words[k] = words[first+k][i*lanes : (i+1)*lanes]
					}
				}
				hash.absorb(&w.state, &w.words, n, first+n, first+n == len(words))
			}
			out[i] = hash.digests(&w.state)
		}
	})
	return out
}

// blakeHasher hashes with BLAKE2s.
type blakeHasher struct{ hash channel.Hash }

func (blakeHasher) initial() digests { return blake.Initial16() }

func (blakeHasher) absorb(s *digests, words *message, _, end int, last bool) {
	compressColumns(s, (*[16][]m31.M31)(words), 4*uint64(end), last)
}

func (blakeHasher) states(m *Memory, n int) []digests {
	m.states[0], m.states[1] = m.states[1], m.states[0]
	if cap(m.states[0]) < n {
		m.states[0] = make([]digests, n)
	}
	return m.states[0][:n]
}

func (blakeHasher) copyRow(dst *digests, i int, src *digests, j int) {
	for k := range dst {
		dst[k][i] = src[k][j]
	}
}

func (b blakeHasher) digests(s *digests) digests {
	if b.hash == channel.Blake2sM31 {
		reduce(s)
	}
	return *s
}

// poseidonState is the state of a sponge in sixteen rows.
type poseidonState [lanes][3]felt.Felt

// poseidonHasher hashes with Poseidon as channel.Hash.Leaf does: eight words make a felt, and a block has two.
type poseidonHasher struct{}

func (poseidonHasher) initial() (s poseidonState) { return s }

func (poseidonHasher) absorb(s *poseidonState, words *message, n, _ int, last bool) {
	one := felt.FromUint64(1)
	for i := range s {
		row := make([]m31.M31, n)
		for k := range row {
			row[k] = words[k][i]
		}
		state := &s[i]
		felts := channel.PackLeaf(row)
		for k := range felts {
			state[k].Add(&state[k], &felts[k])
		}
		if len(felts) == 2 {
			poseidon.Permute(state)
		}
		if last {
			// The padding is a 1 after the last felt.
			state[len(felts)%2].Add(&state[len(felts)%2], &one)
			poseidon.Permute(state)
		}
	}
}

func (poseidonHasher) states(_ *Memory, n int) []poseidonState { return make([]poseidonState, n) }

func (poseidonHasher) copyRow(dst *poseidonState, i int, src *poseidonState, j int) { dst[i] = src[j] }

func (poseidonHasher) digests(s *poseidonState) (out digests) {
	for i := range s {
		d := channel.FromFelt(s[i][0])
		set(&out, i, &d)
	}
	return out
}

// CommitMemory returns the bytes of memory that Commit takes for the shape, with scratch and without the tree.
func (s *Shape) CommitMemory(h channel.Hash, parts int) int64 {
	parts = s.Parts(parts)
	order := s.order()
	logs := make([]int, len(order))
	var scratch [blockWords]int64
	for i, c := range order {
		logs[i] = s.Logs[c] - parts
		scratch[i%blockWords] = max(scratch[i%blockWords], 4<<logs[i])
	}
	row := int64(unsafe.Sizeof(digests{}) / lanes)
	if h == channel.Poseidon252 {
		row = int64(unsafe.Sizeof(poseidonState{}) / lanes)
	}
	// Two sets of states, of which one is made from the other.
	var states [2]int64
	done := -1
	for end := blockWords; end < len(logs); end += blockWords {
		if log := max(logs[end-1], logLanes); log > done {
			done = log
			states[0], states[1] = max(states[1], row<<log), states[0]
		}
	}
	n := states[0] + states[1]
	for _, bytes := range scratch {
		n += bytes
	}
	return n
}
