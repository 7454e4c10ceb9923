package pedersen

import (
	"encoding/binary"
	"sync"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/starkcurve"
)

// The wide table holds multiples of the first input's points for windows of twelve bits, with signed digits from -2047 to 2048. It takes
// 2.6 MiB and reduces the additions for the first input from 32 to 22. The last window has the remaining eight of the 248 bits and a carry.
const (
	wideBits    = 12
	wideWindows = 21
	wideDigits  = 1 << (wideBits - 1)
	longArray   = 2048 // felts from which an array is hashed with the table
)

var wideTable = sync.OnceValue(func() [][]starkcurve.Affine {
	counts := make([]int, wideWindows+1)
	for i := range counts {
		counts[i] = wideDigits
	}
	counts[wideWindows-1], counts[wideWindows] = 256, 15
	return starkcurve.Multiples(append(starkcurve.Powers(affine(&Bases[0][0]), wideBits, wideWindows), affine(&Bases[0][1])), counts)
})

// hashLong returns Hash(a, b). It uses the wide table for a.
func hashLong(a, b felt.Felt) felt.Felt {
	t := wideTable()
	bytes := a.Bytes()
	var words [5]uint64 // least significant first; the last one is zero
	for i := range 4 {
		words[i] = binary.BigEndian.Uint64(bytes[24-8*i:])
	}
	high := words[3] >> 56 // the four bits above 248
	words[3] &= 1<<56 - 1
	acc := starkcurve.NewSum(&shift)
	carry := 0
	for window := range wideWindows {
		at := window * wideBits
		digit := carry + int((words[at/64]>>(at%64)|words[at/64+1]<<1<<(63-at%64))&(1<<wideBits-1))
		if carry = 0; digit > wideDigits {
			digit, carry = digit-1<<wideBits, 1
			if digit < 0 {
				acc.Subtract(&t[window][-digit-1])
			}
		} else if digit > 0 {
			acc.Add(&t[window][digit-1])
		}
	}
	if high > 0 {
		acc.Add(&t[wideWindows][high-1])
	}
	tables().add(&acc, 1, b)
	return acc.X()
}
