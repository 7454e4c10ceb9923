package native

import "math/bits"

// collectionRows holds the lowerings of arrays, spans and dictionaries. An array is three addresses: start, end and capacity. Only the owner of an array
// appends to it, behind its end, so views of the array never change.
var collectionRows = map[string]lowering{
	"array_new": func(l *invocation) { l.out(0, []slot{constant(0), constant(0), constant(0)}) },
	"array_append": func(l *invocation) {
		v := l.values()
		arr := v[0]
		if len(v) < 2 {
			reject("an array of elements without slots")
		}
		size := uint64(8 * len(v[1]))
		out := []slot{l.fresh(), l.fresh(), l.fresh()}
		l.push(arr...)
		for i := 2; i >= 0; i-- {
			l.set(out[i])
		}
		end := l.do(opAdd, out[1], constant(size))
		l.bin(opGtU, end, out[2])
		l.op(opIf, blockVoid)
		for i, s := range l.helper(helperGrow, out[:2], []slot{constant(size)}) {
			l.push(s)
			l.set(out[i])
		}
		l.op(opEnd)
		l.store(out[1], 0, v[1]...)
		l.out(0, []slot{out[0], l.do(opAdd, out[1], constant(size)), out[2]})
	},
	"array_pop_front":          func(l *invocation) { l.popFront(true) },
	"array_snapshot_pop_front": func(l *invocation) { l.popFront(true) },
	"array_pop_front_consume":  func(l *invocation) { l.popFront(false) },
	"array_snapshot_pop_back": func(l *invocation) {
		arr := l.values()[0]
		last := l.do(opSub, arr[1], constant(l.elem()))
		l.bin(opNe, arr[0], arr[1])
		l.choose01([][]slot{{arr[0], last, arr[2]}, {last}}, [][]slot{arr})
	},
	"array_snapshot_multi_pop_front": func(l *invocation) {
		arr := l.values()[0]
		bytes := constant(l.elem())
		l.bin(opGeU, l.do(opSub, arr[1], arr[0]), bytes)
		l.choose01([][]slot{{l.do(opAdd, arr[0], bytes), arr[1], arr[2]}, {arr[0]}}, [][]slot{arr})
	},
	"array_snapshot_multi_pop_back": func(l *invocation) {
		arr := l.values()[0]
		bytes := constant(l.elem())
		at := l.do(opSub, arr[1], bytes)
		l.bin(opGeU, l.do(opSub, arr[1], arr[0]), bytes)
		l.choose01([][]slot{{arr[0], at, arr[2]}, {at}}, [][]slot{arr})
	},
	"array_get": func(l *invocation) {
		v := l.values()
		at := l.do(opAdd, v[0][0], l.do(opMul, v[1][0], constant(l.elem())))
		l.bin(opLtU, at, v[0][1])
		l.choose01([][]slot{{at}}, nil)
	},
	"array_slice": func(l *invocation) {
		v := l.values()
		size := constant(l.elem())
		from := l.do(opAdd, v[0][0], l.do(opMul, v[1][0], size))
		to := l.do(opAdd, from, l.do(opMul, v[2][0], size))
		l.bin(opLeU, to, v[0][1])
		l.choose01([][]slot{{from, to, to}}, nil)
	},
	"array_len": func(l *invocation) {
		arr := l.values()[0]
		bytes := l.do(opSub, arr[1], arr[0])
		// The division has no remainder: shift by the size's power of two and multiply by the inverse of its odd part modulo
		// 2^64, which Newton's iteration finds.
		size := l.elem()
		k := bits.TrailingZeros64(size)
		odd := size >> k
		inverse := odd // correct in the lowest three bits
		for range 5 {
			inverse *= 2 - odd*inverse
		}
		l.out(0, []slot{l.do(opMul, l.do(opShrU, bytes, constant(uint64(k))), constant(inverse))})
	},
	"span_from_tuple": func(l *invocation) {
		box := l.values()[0][0]
		end := l.do(opAdd, box, constant(l.elem()))
		l.out(0, []slot{box, end, end})
	},
	"tuple_from_span": func(l *invocation) {
		arr := l.values()[0]
		l.bin(opEq, l.do(opSub, arr[1], arr[0]), constant(l.elem()))
		l.choose01([][]slot{arr[:1]}, nil)
	},

	"felt252_dict_new": func(l *invocation) {
		l.out(0, l.host("dict_new", []slot{constant(uint64(l.c.size(l.lf.Args[0].Type)))}))
	},
	"felt252_dict_entry_get": func(l *invocation) {
		v := l.values()
		n := l.c.size(l.lf.Args[0].Type)
		at := l.helper(helperDict, v[0], v[1])[0]
		l.out(0, []slot{v[0][0], at}, l.loadN(at, 0, n))
	},
	"felt252_dict_entry_finalize": func(l *invocation) {
		v := l.values()
		l.store(v[0][1], 0, v[1]...)
		l.out(0, v[0][:1])
	},
	"felt252_dict_squash": func(l *invocation) {
		v := l.values()
		r := l.host("dict_squash", v[1])
		l.out(0, []slot{l.do(opAdd, v[0][0], r[0])}, r[1:])
	},
	"squashed_felt252_dict_entries": same,
}

// elem returns the size in bytes of the libfunc's type argument. It rejects types without slots.
func (l *invocation) elem() uint64 {
	n := l.c.size(l.lf.Args[0].Type)
	if n == 0 {
		reject("an array of elements without slots")
	}
	return uint64(8 * n)
}

// popFront lowers the removal of the first element: branch 0 gets the rest and a box of the first element. Branch 1 is for an empty array,
// and gets it back if keep is set.
func (l *invocation) popFront(keep bool) {
	arr := l.values()[0]
	next := l.do(opAdd, arr[0], constant(l.elem()))
	empty := [][]slot{arr}
	if !keep {
		empty = nil
	}
	l.bin(opNe, arr[0], arr[1])
	l.choose01([][]slot{{next, arr[1], arr[2]}, arr[:1]}, empty)
}
