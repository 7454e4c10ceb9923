package native

import "github.com/starkd/starkd/cairo/sierra"

// dataRows holds the lowerings of structs, enums, boxes and nullables.
var dataRows = map[string]lowering{
	"struct_construct":            func(l *invocation) { l.out(0, rows(flat(l.args))...) },
	"struct_deconstruct":          structDeconstruct,
	"struct_snapshot_deconstruct": structDeconstruct,
	"struct_boxed_deconstruct": func(l *invocation) {
		box := l.values()[0][0]
		var out [][]slot
		offset := 0
		for _, m := range l.c.peel(l.lf.Args[0].Type).Members {
			out = append(out, []slot{l.do(opAdd, box, constant(uint64(8*offset)))})
			offset += l.c.size(m)
		}
		l.out(0, out...)
	},
	"enum_init": func(l *invocation) {
		t := l.lf.Args[0].Type
		l.out(0, enumSlots(int(l.lf.Args[1].Value.Int64()), flat(l.args), l.c.size(t)))
	},
	"enum_from_bounded_int": func(l *invocation) {
		l.out(0, l.values()[0])
	},
	"enum_match": enumMatch, "enum_snapshot_match": enumMatch,
	"enum_boxed_match": func(l *invocation) {
		box := l.values()[0][0]
		l.load(box, 0)
		tag := l.pop()
		l.match(tag, func(int) [][]slot {
			return [][]slot{{l.do(opAdd, box, constant(8))}}
		})
	},

	"into_box": intoBox, "local_into_box": intoBox,
	"unbox": func(l *invocation) {
		box := l.values()[0][0]
		l.out(0, rows(l.loadN(box, 0, l.c.size(l.lf.Args[0].Type)))...)
	},
	"box_forward_snapshot": same, "nullable_from_box": same, "nullable_forward_snapshot": same,
	"null": func(l *invocation) { l.out(0, []slot{constant(0)}) },
	"match_nullable": func(l *invocation) {
		v := l.values()[0]
		l.pushZero(v)
		l.choose01(nil, [][]slot{v})
	},
}

// rows returns s as the only result, or no results if it has no slots.
func rows(s []slot) [][]slot {
	if len(s) == 0 {
		return nil
	}
	return [][]slot{s}
}

// split cuts slots into the values of the given types. Types that take no slots are left out.
func (c *compiler) split(s []slot, types []sierra.TypeID) [][]slot {
	var out [][]slot
	for _, t := range types {
		if n := c.size(t); n > 0 {
			out = append(out, s[:n])
			s = s[n:]
		}
	}
	return out
}

// structDeconstruct lowers the split of a struct into its members.
func structDeconstruct(l *invocation) {
	l.out(0, l.c.split(l.args[0], l.c.peel(l.lf.Args[0].Type).Members)...)
}

// enumMatch lowers a match of an enum: the branch of a variant gets the variant's payload.
func enumMatch(l *invocation) {
	v := l.args[0]
	variants := l.c.peel(l.lf.Args[0].Type).Members
	l.match(v[0], func(i int) [][]slot { return rows(v[1 : 1+l.c.size(variants[i])]) })
}

// match branches by an enum's tag. results returns the results of a branch.
func (l *invocation) match(tag slot, results func(branch int) [][]slot) {
	n := len(l.s.Branches)
	if tag.known && tag.value < uint64(n) {
		l.out(int(tag.value), results(int(tag.value))...)
		return
	}
	switch n {
	case 0:
		l.op(opUnreachable)
	case 1:
		l.out(0, results(0)...)
	case 2:
		l.push(tag)
		l.op(opI64Eqz)
		l.choose(0, func() { l.out(0, results(0)...) }, 1, func() { l.out(1, results(1)...) })
	default:
		if n > 500 {
			reject("a match of %d branches, at most 500", n)
		}
		// Open a block for each branch. The jump table leaves the block after whose end the branch's code follows.
		for range n {
			l.open(opBlock, labelNone)
		}
		l.push(tag)
		l.op(opWrap)
		l.opN(opBrTable, n-1)
		for i := range n {
			l.code = appendUleb(l.code, uint64(i))
		}
		for i := range n {
			l.close()
			l.out(i, results(i)...)
		}
	}
}

// intoBox lowers the boxing of a value. A value that is known at compile time becomes a constant of the class.
func intoBox(l *invocation) {
	v := flat(l.args)
	if l.lf.Generic == "local_into_box" || len(v) > 0 {
		known := true
		for _, s := range v {
			known = known && s.known
		}
		if known {
			l.out(0, []slot{l.static(v)})
			return
		}
	}
	l.out(0, []slot{l.box(v)})
}

// box writes slots to newly allocated memory and returns their address.
func (l *body) box(v []slot) slot {
	if len(v) == 0 {
		return constant(heapCell) // any address but null: nothing reads there
	}
	at := l.helper(helperAlloc, []slot{constant(uint64(8 * len(v)))})[0]
	l.store(at, 0, v...)
	return at
}
