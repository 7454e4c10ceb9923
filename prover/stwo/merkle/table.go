package merkle

import (
	"context"
	"math/bits"

	"github.com/starkd/starkd/crypto/blake"
	"github.com/starkd/starkd/internal/parallel"
	"github.com/starkd/starkd/prover/stwo/channel"
	"github.com/starkd/starkd/prover/stwo/circle"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// table computes leaves over columns of different sizes. The blocks of a message that hold small columns only are the same in many leaves. So
// begin absorbs them once for each row of their largest column, and block goes on from there.
type table struct {
	hash    channel.Hash
	columns [][]m31.M31 // in the order of hashing
	size    int         // log2 of the number of cells of the largest column

	// The state after the first blocks, if begin has made it: those of 2^done rows.
	done   int
	blocks int
	states []digests
}

// newTable returns the leaves over columns.
func (s *Shape) newTable(h channel.Hash, columns [][]m31.M31) *table {
	t := &table{hash: h}
	for _, c := range s.order() {
		t.columns = append(t.columns, columns[c])
		t.size = s.Logs[c]
	}
	return t
}

func (t *table) log() int { return t.size }

func (t *table) leaf(i int) channel.Digest {
	words := make([]m31.M31, len(t.columns))
	for k, c := range t.columns {
		words[k] = c[circle.LiftedCell(i, t.size-logLen(c))]
	}
	return t.hash.Leaf(words)
}

// blockWords is the number of words of a block of BLAKE2s.
const blockWords = 16

// logAt returns log2 of the number of rows at which a block is absorbed: that of its largest column, and at least that of a block of lanes.
func (t *table) logAt(block int) int {
	last := min(blockWords*(block+1), len(t.columns)) - 1
	return max(logLen(t.columns[last]), logLanes)
}

// begin absorbs all blocks but those that hold cells of the largest columns.
func (t *table) begin(ctx context.Context) error {
	if t.hash == channel.Poseidon252 || t.size < logLanes || len(t.columns) == 0 {
		return nil
	}
	count := (len(t.columns) + blockWords - 1) / blockWords
	for t.blocks < count && t.logAt(t.blocks) < max(t.size, logLanes) {
		log, end := t.logAt(t.blocks), t.blocks+1
		for end < count && t.logAt(end) == log {
			end++
		}
		states := make([]digests, 1<<(log-logLanes))
		parallel.Chunks(len(states), 8, func(start, last int) {
			for i := start; i < last && ctx.Err() == nil; i++ {
				states[i] = t.absorb(i, log, end)
			}
		})
		t.states, t.done, t.blocks = states, log, end
	}
	return ctx.Err()
}

// end frees the states of begin.
func (t *table) end() { t.states, t.blocks, t.done = nil, 0, 0 }

func (t *table) block(i int) digests {
	if t.hash == channel.Poseidon252 {
		var out digests
		for k := range lanes {
			d := t.leaf(i*lanes + k)
			set(&out, k, &d)
		}
		return out
	}
	out := t.absorb(i, t.size, (len(t.columns)+blockWords-1)/blockWords)
	if t.hash == channel.Blake2sM31 {
		reduce(&out)
	}
	return out
}

// absorb returns the states of rows 16i to 16i+15 of 2^log after the blocks before end, which hold no larger columns.
func (t *table) absorb(i, log, end int) digests {
	h := blake.Initial16()
	if t.blocks > 0 {
		t.expand(&h, i, log-t.done)
	}
	var message [blockWords][]m31.M31
	var scratch [blockWords][lanes]m31.M31
	for b := t.blocks; b < end; b++ {
		words := t.columns[b*blockWords : min((b+1)*blockWords, len(t.columns))]
		for k := range message {
			switch {
			case k >= len(words):
				message[k] = zeros[:]
			case len(words[k]) == 1<<log:
				message[k] = words[k][i*lanes : (i+1)*lanes]
			default:
				liftCells(&scratch[k], words[k], i, log-logLen(words[k]))
				message[k] = scratch[k][:]
			}
		}
		final := (b+1)*blockWords >= len(t.columns)
		compressColumns(&h, &message, 4*uint64(b*blockWords+len(words)), final)
	}
	return h
}

// zeros are the words that fill the last block of a message.
var zeros [lanes]m31.M31

// expand sets h to the states for rows 16i to 16i+15, which are lifted by k from those of begin.
func (t *table) expand(h *digests, i, k int) {
	if k == 0 {
		*h = t.states[i]
		return
	}
	for lane := range lanes {
		row := circle.LiftedCell(i*lanes+lane, k)
		from, at := &t.states[row>>logLanes], row&(lanes-1)
		for w := range h {
			h[w][lane] = from[w][at]
		}
	}
}

// liftCells sets dst to cells 16i to 16i+15 of a column that is lifted by k.
func liftCells(dst *[lanes]m31.M31, column []m31.M31, i, k int) {
	if k >= logLanes-1 {
		// All sixteen rows have the same two cells.
		c := circle.LiftedCell(i*lanes, k)
		a, b := column[c], column[c+1]
		for lane := 0; lane < lanes; lane += 2 {
			dst[lane], dst[lane+1] = a, b
		}
		return
	}
	for lane := range dst {
		dst[lane] = column[circle.LiftedCell(i*lanes+lane, k)]
	}
}

// logLen returns log2 of the length of a column.
func logLen(c []m31.M31) int { return bits.Len(uint(len(c))) - 1 }
