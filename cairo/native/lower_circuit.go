package native

import (
	"math/big"

	"github.com/starkd/starkd/cairo/sierra"
)

// circuitRows holds the lowerings of circuits of modular arithmetic. The values of a circuit are in memory in the order of sierra.CircuitInfo, each as
// four limbs of two words. The gates are among the class's constants, and the host evaluates them.
var circuitRows = map[string]lowering{
	"init_circuit_data": func(l *invocation) {
		c := l.circuit()
		at := l.helper(helperAlloc, []slot{constant(uint64(1+c.Inputs+len(c.Values)) * valueBytes)})[0]
		first := l.do(opAdd, at, constant(valueBytes))
		l.out(0, []slot{first, l.do(opAdd, first, constant(uint64(c.Inputs)*valueBytes))})
	},
	"add_circuit_input": func(l *invocation) {
		c := l.circuit()
		v := l.values()
		l.store(v[0][0], 0, v[1]...)
		next, end := l.do(opAdd, v[0][0], constant(valueBytes)), v[0][1]
		values := l.do(opSub, end, constant(uint64(1+c.Inputs)*valueBytes))
		l.bin(opEq, next, end)
		l.choose01([][]slot{{values}}, [][]slot{{next, end}})
	},
	"get_circuit_descriptor": nothing,
	"eval_circuit": func(l *invocation) {
		v := l.values()
		values, modulus := v[0], v[1]
		r := l.host("circuit_eval", []slot{l.gates()}, values, modulus)
		l.push(r[0])
		l.op(opI64Eqz)
		l.choose01([][]slot{join(values, modulus)}, [][]slot{join(r[1:], modulus)})
	},
	"get_circuit_output": func(l *invocation) {
		c := l.circuit()
		number, ok := c.Values[l.lf.Args[1].Type]
		if !ok {
			reject("type %d is not a value of the circuit", l.lf.Args[1].Type)
		}
		v := l.values()[0]
		out := l.loadN(v[0], number*valueBytes, limbSlots)
		l.out(0, out, join(out, v[1:]))
	},
	"try_into_circuit_modulus": func(l *invocation) {
		m := l.values()[0]
		l.pushZero(m[1:])
		l.bin(opLeU, m[0], constant(1))
		l.op(opI32And)
		l.choose(1, func() { l.out(1) }, 0, func() { l.out(0, m) })
	},
	"circuit_failure_guarantee_verify": func(l *invocation) { l.out(0, l.values()[0]) },
	"into_u96_guarantee": func(l *invocation) {
		_, class := l.c.ints(l.lf.Args[0].Type)
		l.out(0, l.convert(l.values()[0], class, classU128))
	},
	"u96_guarantee_verify": nothing,
	"u96_limbs_less_than_guarantee_verify": func(l *invocation) {
		v := l.values()[0]
		n := len(v) / 2
		value, bound := v[:n], v[n:]
		top := n - 2
		l.pushEqual(value[top:], bound[top:])
		diff := l.sub128(bound[top:], value[top:])
		l.choose01([][]slot{join(value[:top], bound[:top])}, [][]slot{diff})
	},
	"u96_single_limb_less_than_guarantee_verify": func(l *invocation) {
		v := l.values()[0]
		l.out(0, l.sub128(v[2:], v[:2]))
	},
}

// valueBytes is the size of a circuit's value in memory.
const valueBytes = 8 * limbSlots

// circuit returns the circuit that the libfunc names.
func (l *invocation) circuit() *sierra.CircuitInfo {
	c := l.c.r.Type(l.lf.Args[0].Type).Circuit
	if c == nil {
		reject("%s: type %d is not a circuit", l.lf.Generic, l.lf.Args[0].Type)
	}
	return c
}

// gates returns the address of the circuit's gates, which it adds to the class's constants on the first call: the numbers of values,
// additions, multiplications and inputs, then each gate's operands and output.
func (l *invocation) gates() slot {
	id := l.lf.Args[0].Type
	if at, ok := l.c.circuits[id]; ok {
		return l.constantAt(at)
	}
	c := l.circuit()
	words := []slot{constant(uint64(1 + c.Inputs + len(c.Values))), constant(uint64(len(c.Add))), constant(uint64(len(c.Mul))), constant(uint64(c.Inputs))}
	for _, list := range [][]sierra.Gate{c.Add, c.Mul} {
		for _, g := range list {
			words = append(words, constant(uint64(g.Left)), constant(uint64(g.Right)), constant(uint64(g.Output)))
		}
	}
	at := l.c.static(words)
	l.c.circuits[id] = at
	return l.constantAt(at)
}

// evalCircuit computes the values of a circuit. s holds the addresses of the gates and the values, and the modulus. The result is 0, or,
// if an operand has no inverse, 1 and the output of the first such inversion: a number whose product with the operand is zero.
func evalCircuit(r *run, s []uint64) {
	head := r.read(s[0], 4)
	n, adds, muls, inputs := int(head[0]), int(head[1]), int(head[2]), int(head[3])
	gates := r.read(s[0]+32, 3*(adds+muls))
	at := s[1]
	modulus := limbs96(s[2 : 2+limbSlots])
	values := make([]*big.Int, n)
	values[0] = big.NewInt(1)
	r.write(at, limbWords(values[0]))
	for i := 1; i <= inputs; i++ {
		values[i] = limbs96(r.read(at+uint64(i)*valueBytes, limbSlots))
	}
	set := func(i uint64, v *big.Int) {
		values[i] = v
		r.write(at+i*valueBytes, limbWords(v))
	}
	var failed *big.Int
	done := 0
	for k := 0; ; k++ {
		for ; done < adds; done++ {
			g := gates[3*done : 3*done+3]
			a, b, c := values[g[0]], values[g[1]], values[g[2]]
			v := new(big.Int)
			if b == nil || a == nil && c == nil {
				break
			}
			if a != nil {
				set(g[2], v.Mod(v.Add(a, b), modulus))
			} else {
				v.Sub(v.Add(c, modulus), b)
				set(g[0], v.Mod(v, modulus))
			}
		}
		if k == muls {
			break
		}
		g := gates[3*(adds+k) : 3*(adds+k)+3]
		a, b := values[g[0]], values[g[1]]
		if b == nil {
			r.abort(fallback(ReasonInternal, "an operand of a circuit's gate is not known"))
		}
		v := new(big.Int)
		if a != nil {
			set(g[2], v.Mod(v.Mul(a, b), modulus))
			continue
		}
		gcd := new(big.Int).GCD(nil, nil, b, modulus)
		if gcd.IsInt64() && gcd.Int64() == 1 {
			set(g[0], v.ModInverse(b, modulus))
			continue
		}
		set(g[0], v.Div(modulus, gcd))
		if failed == nil {
			failed = v
		}
	}
	s[0] = 0
	if failed != nil {
		s[0] = 1
		copy(s[1:1+limbSlots], limbWords(failed))
	}
}

// limbs96 returns the number with four limbs of 96 bits, each in two words.
func limbs96(w []uint64) *big.Int {
	v := new(big.Int)
	for i := 3; i >= 0; i-- {
		v.Lsh(v, 96).Add(v, bigOf(w[2*i:2*i+2]))
	}
	return v
}

// limbWords returns the slots of a circuit's value, the inverse of limbs96.
func limbWords(v *big.Int) []uint64 {
	out := make([]uint64, limbSlots)
	mask := new(big.Int).Sub(pow2(96), big.NewInt(1))
	for i := range 4 {
		putBig(out[2*i:2*i+2], new(big.Int).And(new(big.Int).Rsh(v, uint(96*i)), mask))
	}
	return out
}
