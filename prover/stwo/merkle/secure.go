package merkle

import (
	"context"
	"math/bits"

	"github.com/starkd/starkd/crypto/blake"
	"github.com/starkd/starkd/prover/stwo/channel"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// secure computes leaves over the values of a FRI layer, elements of the secure field in four columns of coordinates. A leaf has 2^packed values.
type secure struct {
	hash   channel.Hash
	values [4][]m31.M31
	packed int
}

// CommitSecure returns the tree over a FRI layer: values[c][i] is coordinate c of value i. A leaf has 2^packed values, where packed is 0 or
// LogPacked. It returns ctx's error if ctx ends.
func CommitSecure(ctx context.Context, h channel.Hash, values [4][]m31.M31, packed int) (*Tree, error) {
	return newTree(ctx, h, &secure{h, values, packed}, 0)
}

func (s *secure) log() int { return bits.Len(uint(len(s.values[0]))) - 1 - s.packed }

func (s *secure) leaf(i int) channel.Digest {
	words := make([]m31.M31, 0, blockWords)
	for k := i << s.packed; k < (i+1)<<s.packed; k++ {
		for c := range s.values {
			words = append(words, s.values[c][k])
		}
	}
	return s.hash.Leaf(words)
}

func (s *secure) block(i int) digests {
	if s.hash == channel.Poseidon252 {
		var out digests
		for k := range lanes {
			d := s.leaf(i*lanes + k)
			set(&out, k, &d)
		}
		return out
	}
	var block blake.Block16
	for c, column := range s.values {
		column = column[i*lanes<<s.packed : (i+1)*lanes<<s.packed]
		for lane := range lanes {
			for k := range 1 << s.packed {
				block[4*k+c][lane] = uint32(column[lane<<s.packed+k])
			}
		}
	}
	out := blake.Initial16()
	blake.Compress16(&out, &block, 16<<s.packed, true)
	if s.hash == channel.Blake2sM31 {
		reduce(&out)
	}
	return out
}
