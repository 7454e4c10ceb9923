package sierra

import (
	"math/bits"

	"github.com/starkd/starkd/crypto/felt"
)

// The program of a class is a list of felts from a small vocabulary, so it is packed: the distinct felts are listed once
// (the code book), and the program becomes indices into the code book, as many per felt as fit.
//
//	[code book size, padding, code book…, number of words, packed words…]
//
// The code book size plus the padding is a power of two of at least minBook; it determines the bits of a word.

// minBook is the minimum padded code book size: 8 bits a word.
const minBook = 256

// words is an unpacked program: indices into a code book.
type words struct {
	book []felt.Felt
	idx  []uint32
}

// wordsPerFelt returns how many words of the given width one felt holds: the largest n for which 2^(width*n) is below P.
func wordsPerFelt(width int) int { return 251 / width }

// decompress unpacks felts. Felts after the last packed word are ignored, as in the official compiler.
func decompress(packed []felt.Felt) (*words, error) {
	size, packed, ok := popSize(packed)
	if !ok || size >= uint64(len(packed)) {
		return nil, errorf(CodeCompression, "code book size does not fit the %d felts that follow", len(packed))
	}
	padding, packed, ok := popSize(packed)
	if !ok {
		return nil, errorf(CodeCompression, "code book padding is not a size")
	}
	book, packed := packed[:size], packed[size:]
	count, packed, ok := popSize(packed)
	if !ok {
		return nil, errorf(CodeCompression, "number of words is missing or not a size")
	}
	padded, carry := bits.Add64(size, padding, 0)
	if carry != 0 || padded < minBook || padded&(padded-1) != 0 {
		return nil, errorf(CodeCompression, "padded code book size %d is not a power of two of at least %d", padded, minBook)
	}
	width := bits.TrailingZeros64(padded)
	perFelt := wordsPerFelt(width)
	if count > uint64(len(packed))*uint64(perFelt) {
		return nil, errorf(CodeCompression, "%d words do not fit in %d felts of %d", count, len(packed), perFelt)
	}
	out := &words{book: book, idx: make([]uint32, 0, count)}
	mask := padded - 1
	for left := int(count); left > 0; packed = packed[1:] {
		limbs := packed[0].Limbs()
		n := min(perFelt, left)
		left -= n
		for i := range n {
			at := i * width
			word := limbs[at/64] >> (at % 64)
			if at%64+width > 64 {
				word |= limbs[at/64+1] << (64 - at%64)
			}
			if word &= mask; word >= size {
				return nil, errorf(CodeCompression, "word %d is outside the code book of %d", word, size)
			}
			out.idx = append(out.idx, uint32(word))
		}
	}
	return out, nil
}

// compress packs values, numbering them in order of first appearance.
func compress(values []felt.Felt) []felt.Felt {
	codes := make(map[felt.Felt]uint64)
	var book []felt.Felt
	for _, v := range values {
		if _, ok := codes[v]; !ok {
			codes[v] = uint64(len(book))
			book = append(book, v)
		}
	}
	width := bits.Len64(uint64(max(minBook, len(book))) - 1)
	perFelt := wordsPerFelt(width)
	out := make([]felt.Felt, 0, 3+len(book)+len(values)/perFelt+1)
	out = append(out, felt.FromUint64(uint64(len(book))), felt.FromUint64(1<<width-uint64(len(book))))
	out = append(out, book...)
	out = append(out, felt.FromUint64(uint64(len(values))))
	for len(values) > 0 {
		n := min(perFelt, len(values))
		var limbs [4]uint64
		for i, v := range values[:n] {
			at, word := i*width, codes[v]
			limbs[at/64] |= word << (at % 64)
			if at%64+width > 64 {
				limbs[at/64+1] |= word >> (64 - at%64)
			}
		}
		out = append(out, felt.FromLimbs(limbs))
		values = values[n:]
	}
	return out
}

// popSize removes a felt of at most 64 bits from the front.
func popSize(felts []felt.Felt) (size uint64, rest []felt.Felt, ok bool) {
	if len(felts) == 0 || !felts[0].IsUint64() {
		return 0, felts, false
	}
	return felts[0].Uint64(), felts[1:], true
}
