package native

import (
	"encoding/binary"
	"math/big"
	"math/bits"
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/crypto/blake"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/poseidon"
	"github.com/starkd/starkd/crypto/starkcurve"
)

// hostFunc is a function that modules import. call takes its arguments from s and writes its results to s.
type hostFunc struct {
	name string
	sig  signature
	call func(r *run, s []uint64)
}

// hostFuncs holds all host functions, in the order in which every module imports them.
type hostFuncs struct {
	list  []hostFunc
	index map[string]int
}

var hosts = sync.OnceValue(func() *hostFuncs {
	h := &hostFuncs{list: append(slices.Clone(computations), syscallHosts()...), index: map[string]int{}}
	for i := range h.list {
		h.index[h.list[i].name] = i
	}
	return h
})

// run is a frame: the state of one run of an entry point.
type run struct {
	arena *arena
	mem   memory
	sys   cairo.Syscalls
	memo  *memo
	err   error        // why a host function ended the run, nil if none did
	stop  *atomic.Bool // cairo.Call.Stop

	class  *class
	base   uint64 // address of the class's constants
	bottom uint64 // start of the frame's memory

	blinded uint64 // number of blinding points drawn so far
	info    uint32 // address of the execution info, 0 before its first use
}

// aborted is the panic with which a host function ends the run; run.err holds the reason.
type aborted struct{}

// abort ends the run with err.
func (r *run) abort(err error) {
	r.err = err
	panic(aborted{})
}

// poll ends the run if its stop flag is set. The engine calls it before every host function.
func (r *run) poll() {
	if r.stop != nil && r.stop.Load() {
		r.abort(cairo.ErrInterrupted)
	}
}

// memory is the part of api.Memory that host functions use.
type memory interface {
	Read(offset, byteCount uint32) ([]byte, bool)
	Grow(deltaPages uint32) (uint32, bool)
	Size() uint32
}

// at returns a part of the memory, without copying. The module computes addresses itself, so an address outside of memory is a defect
// of the engine.
func (r *run) at(addr, bytes uint64) []byte {
	if addr < 1<<32 && bytes < 1<<32 {
		if b, ok := r.mem.Read(uint32(addr), uint32(bytes)); ok {
			return b
		}
	}
	r.abort(fallback(ReasonInternal, "%d bytes at %d are outside of memory", bytes, addr))
	return nil
}

// alloc allocates bytes on the heap and returns their address.
func (r *run) alloc(bytes uint64) uint32 {
	cell := r.at(heapCell, 8)
	at := binary.LittleEndian.Uint64(cell)
	end := at + bytes
	if size := uint64(r.mem.Size()); end > size {
		need := (end - size + pageSize - 1) / pageSize
		want := max(need, min(size/pageSize, maxPages-min(maxPages, size/pageSize)))
		if size/pageSize+need > maxPages {
			r.abort(fallback(ReasonMemory, "the memory of %d bytes is full", size))
		}
		if _, ok := r.mem.Grow(uint32(want)); !ok {
			r.abort(fallback(ReasonMemory, "the memory of %d bytes cannot grow", size))
		}
		cell = r.at(heapCell, 8)
	}
	binary.LittleEndian.PutUint64(cell, end)
	return uint32(at)
}

// heap returns the address of the next allocation.
func (r *run) heap() uint64 { return binary.LittleEndian.Uint64(r.at(heapCell, 8)) }

// setHeap sets the address of the next allocation.
func (r *run) setHeap(at uint64) { binary.LittleEndian.PutUint64(r.at(heapCell, 8), at) }

// words copies words to newly allocated memory and returns their address.
func (r *run) words(w ...uint64) uint64 {
	at := r.alloc(uint64(8 * max(1, len(w))))
	r.write(uint64(at), w)
	return uint64(at)
}

// write copies words to memory that was allocated before.
func (r *run) write(at uint64, w []uint64) {
	b := r.at(at, uint64(8*len(w)))
	for i, v := range w {
		binary.LittleEndian.PutUint64(b[8*i:], v)
	}
}

// read returns a copy of n words.
func (r *run) read(at uint64, n int) []uint64 {
	return wordsOf(r.at(at, uint64(8*n)))
}

// wordsOf returns little-endian bytes as words.
func wordsOf(b []byte) []uint64 {
	out := make([]uint64, len(b)/8)
	for i := range out {
		out[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	return out
}

// feltBytes returns the memory of an array of field elements.
func (r *run) feltBytes(start, end uint64) []byte {
	if end < start {
		r.abort(fallback(ReasonInternal, "an array from %d to %d", start, end))
	}
	return r.at(start, end-start)
}

// view returns an array of field elements without copying it where possible: their representation in memory is that of crypto/felt.
// Nothing overwrites an array, so the view stays valid until the frame frees its memory, even if the linear memory grows and moves.
func (r *run) view(start, end uint64) []felt.Felt {
	b := r.feltBytes(start, end)
	n := len(b) / 32
	if n == 0 {
		return []felt.Felt{}
	}
	if p := unsafe.Pointer(&b[0]); littleEndian && uintptr(p)%unsafe.Alignof(felt.Felt{}) == 0 {
		return unsafe.Slice((*felt.Felt)(p), n)
	}
	return r.felts(start, end)
}

// littleEndian reports whether the machine's byte order is that of WebAssembly.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// felts returns a copy of an array of field elements.
func (r *run) felts(start, end uint64) []felt.Felt {
	b := r.feltBytes(start, end)
	out := make([]felt.Felt, len(b)/32)
	word := binary.LittleEndian.Uint64
	for i := range out {
		c := b[32*i:][:32]
		out[i] = felt.Felt{word(c), word(c[8:]), word(c[16:]), word(c[24:])}
	}
	return out
}

// array copies field elements to newly allocated memory and returns the array's start, end and capacity.
func (r *run) array(list []felt.Felt) (start, end, capacity uint64) {
	at := uint64(r.alloc(uint64(32 * len(list))))
	end = at + uint64(32*len(list))
	b := r.at(at, end-at)
	put := binary.LittleEndian.PutUint64
	for i := range list {
		c, f := b[32*i:][:32], &list[i]
		put(c, f[0])
		put(c[8:], f[1])
		put(c[16:], f[2])
		put(c[24:], f[3])
	}
	return at, end, end
}

func feltAt(s []uint64) felt.Felt { return felt.Felt{s[0], s[1], s[2], s[3]} }

func putFelt(s []uint64, f *felt.Felt) { s[0], s[1], s[2], s[3] = f[0], f[1], f[2], f[3] }

// bigOf returns the number with the words s, lowest first.
func bigOf(s []uint64) *big.Int {
	v := new(big.Int)
	for i := len(s) - 1; i >= 0; i-- {
		v.Lsh(v, 64).Or(v, new(big.Int).SetUint64(s[i]))
	}
	return v
}

// putBig writes the lowest len(s) words of v to s.
func putBig(s []uint64, v *big.Int) {
	w := new(big.Int).Set(v)
	for i := range s {
		s[i] = new(big.Int).And(w, maxWord).Uint64()
		w.Rsh(w, 64)
	}
}

var maxWord = new(big.Int).SetUint64(1<<64 - 1)

// flagWord returns 1 if ok, else 0.
func flagWord(ok bool) uint64 {
	if ok {
		return 1
	}
	return 0
}

// computations holds the host functions that are not syscalls.
var computations = []hostFunc{
	{"felt_div", signature{8, 4}, func(_ *run, s []uint64) {
		x, y := feltAt(s), feltAt(s[4:])
		putFelt(s, x.Div(&x, &y))
	}},
	{"pedersen", signature{8, 4}, func(r *run, s []uint64) {
		h := r.memo.pedersen(feltAt(s), feltAt(s[4:]))
		putFelt(s, &h)
	}},
	{"hades", signature{12, 12}, func(_ *run, s []uint64) {
		state := [3]felt.Felt{feltAt(s), feltAt(s[4:]), feltAt(s[8:])}
		poseidon.Permute(&state)
		for i := range state {
			putFelt(s[4*i:], &state[i])
		}
	}},
	{"blake2s", signature{4, 1}, func(r *run, s []uint64) { // state, byte count, block, final
		var h [8]uint32
		var m [16]uint32
		for i, w := range r.read(s[0], 8) {
			h[i] = uint32(w)
		}
		for i, w := range r.read(s[2], 16) {
			m[i] = uint32(w)
		}
		blake.Compress(&h, &m, s[1], s[3] == 1)
		out := make([]uint64, 8)
		for i, w := range h {
			out[i] = uint64(w)
		}
		s[0] = r.words(out...)
	}},
	{"byte_reverse", signature{2, 2}, func(_ *run, s []uint64) {
		s[0], s[1] = bits.ReverseBytes64(s[1]), bits.ReverseBytes64(s[0])
	}},
	{"u128_sqrt", signature{2, 1}, func(_ *run, s []uint64) { s[0] = new(big.Int).Sqrt(bigOf(s[:2])).Uint64() }},
	{"u256_sqrt", signature{4, 2}, func(_ *run, s []uint64) { putBig(s[:2], new(big.Int).Sqrt(bigOf(s[:4]))) }},
	{"u256_divmod", signature{8, 8}, func(_ *run, s []uint64) { divMod(s[:4], s[4:8]) }},
	{"u512_divmod", signature{12, 12}, func(_ *run, s []uint64) { divMod(s[:8], s[8:12]) }},
	{"u256_inv_mod", signature{8, 5}, func(_ *run, s []uint64) { // returns the inverse, and whether it exists
		n := bigOf(s[4:8])
		var inv *big.Int
		if n.Cmp(big.NewInt(1)) != 0 {
			inv = new(big.Int).ModInverse(bigOf(s[:4]), n)
		}
		if inv == nil {
			s[4] = 0
			return
		}
		putBig(s[:4], inv)
		s[4] = 1
	}},
	{"ec_on_curve", signature{8, 1}, func(_ *run, s []uint64) {
		s[0] = flagWord(starkcurve.IsOnCurve(starkcurve.Point{X: feltAt(s), Y: feltAt(s[4:])}))
	}},
	{"ec_from_x", signature{4, 5}, func(r *run, s []uint64) { // returns the smaller y, and whether it exists
		y, ok := r.memo.yFromX(feltAt(s))
		var other felt.Felt
		if other.Neg(&y); other.Cmp(&y) < 0 {
			y = other
		}
		putFelt(s, &y)
		s[4] = flagWord(ok)
	}},
	{"ec_init", signature{0, 16}, func(r *run, s []uint64) {
		p := starkcurve.Blinding(r.blinded)
		r.blinded++
		putPoint(s, p)
		putPoint(s[8:], p)
	}},
	{"ec_add", signature{16, 8}, func(r *run, s []uint64) {
		putPoint(s, r.addPoints(pointAt(s), pointAt(s[8:])))
	}},
	{"ec_add_mul", signature{20, 8}, func(r *run, s []uint64) {
		p, ok := r.memo.ecOp(pointAt(s), pointAt(s[12:]), feltAt(s[8:]))
		if !ok {
			r.abort(fallback(ReasonCurve, "an EC operation added two points with the same x coordinate"))
		}
		putPoint(s, p)
	}},
	{"ec_finalize", signature{16, 9}, func(r *run, s []uint64) {
		sum, blinding := pointAt(s), pointAt(s[8:])
		if sum == blinding {
			clear(s[:9])
			return
		}
		putPoint(s, r.addPoints(sum, blinding.Neg()))
		s[8] = 1
	}},
	{"circuit_eval", signature{2 + limbSlots, 1 + limbSlots}, evalCircuit},
	{"poll", signature{0, 0}, func(*run, []uint64) {}}, // the engine polls before every host function
	{"dict_new", signature{1, 1}, func(r *run, s []uint64) { s[0] = r.newDict(s[0]) }},
	{"dict_grow", signature{1, 0}, func(r *run, s []uint64) { r.growDict(s[0]) }},
	{"dict_squash", signature{1, 4}, func(r *run, s []uint64) { // returns the gas refunded, and the entries as an array
		s[0], s[1], s[2] = r.squash(s[0])
		s[3] = s[2]
	}},
}

func pointAt(s []uint64) starkcurve.Point { return starkcurve.Point{X: feltAt(s), Y: feltAt(s[4:])} }

func putPoint(s []uint64, p starkcurve.Point) {
	putFelt(s, &p.X)
	putFelt(s[4:], &p.Y)
}

// addPoints returns p + q, by the formula that CASM uses. That fails if the x coordinates are equal, which only happens in programs made
// for it; the run then falls back, and the VM decides its result.
func (r *run) addPoints(p, q starkcurve.Point) starkcurve.Point {
	if p.X == q.X {
		r.abort(fallback(ReasonCurve, "two points with the same x coordinate were added"))
	}
	return p.Add(q)
}
