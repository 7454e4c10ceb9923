package native

import (
	"maps"
	"sync"

	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/crypto/felt"
)

// lowering writes the code of an invocation. It ends each branch with invocation.out.
type lowering func(l *invocation)

// lowerings is the table of all libfuncs that are lowered. A class that uses any other libfunc runs on the VM.
var lowerings = sync.OnceValue(func() map[string]lowering {
	all := map[string]lowering{}
	for _, family := range []map[string]lowering{
		coreRows, feltRows, intRows(), dataRows, collectionRows, starknetRows(), cryptoRows, circuitRows,
	} {
		maps.Copy(all, family)
	}
	return all
})

// same lowers libfuncs whose results are their arguments.
func same(l *invocation) { l.out(0, l.values()...) }

// nothing lowers libfuncs whose results take no slots.
func nothing(l *invocation) { l.out(0) }

// coreRows holds the lowerings of control flow, variables, gas and constants.
var coreRows = map[string]lowering{
	"branch_align": nothing, "jump": nothing, "revoke_ap_tracking": nothing, "enable_ap_tracking": nothing,
	"disable_ap_tracking": nothing, "finalize_locals": nothing, "drop": nothing, "alloc_local": nothing,
	"coupon_buy": nothing, "coupon_refund": nothing, "get_builtin_costs": nothing,
	"store_temp": same, "store_local": same, "rename": same, "unwrap_non_zero": same,
	"dup":           twice,
	"snapshot_take": twice,
	"function_call": callFunction, "coupon_call": callFunction,

	"withdraw_gas": withdrawGas, "withdraw_gas_all": withdrawGas,
	"redeposit_gas": func(l *invocation) {
		gas := l.values()[0][0]
		l.out(0, []slot{l.do(opAdd, gas, constant(l.c.gas(l.idx)))})
	},
	"gas_reserve_create": func(l *invocation) {
		v := l.values()
		gas, amount := v[0][0], v[1]
		left := l.do(opSub, gas, amount[0])
		l.push(amount[1])
		l.op(opI64Eqz)
		l.bin(opGeU, gas, amount[0])
		l.op(opI32And)
		l.choose01([][]slot{{left}, {amount[0]}}, [][]slot{{gas}})
	},
	"gas_reserve_utilize": func(l *invocation) {
		v := l.values()
		l.out(0, []slot{l.do(opAdd, v[0][0], v[1][0])})
	},

	"const_as_immediate": func(l *invocation) {
		l.out(0, l.c.constant(l.lf.Args[0].Type)...)
	},
	"const_as_box": func(l *invocation) {
		l.out(0, []slot{l.static(flat(l.c.constant(l.lf.Args[0].Type)))})
	},
}

// twice lowers libfuncs that duplicate their argument.
func twice(l *invocation) {
	v := l.values()
	l.out(0, append(v, v...)...)
}

// flat joins the slots of several values.
func flat(values [][]slot) []slot {
	var out []slot
	for _, v := range values {
		out = append(out, v...)
	}
	return out
}

// callFunction lowers a call of a Sierra function.
func callFunction(l *invocation) {
	id := l.lf.Args[0].Func
	for _, a := range l.args {
		l.push(a...)
	}
	l.call(l.c.function(id))
	l.c.calls[l.index] = append(l.c.calls[l.index], id)
	fn := &l.c.program.Funcs[id]
	all := l.popN(l.c.functionSignature(id).results)
	var out [][]slot
	for _, t := range fn.Ret {
		if n := l.c.size(t); n > 0 {
			out = append(out, all[:n])
			all = all[n:]
		}
	}
	l.out(0, out...)
}

// withdrawGas lowers a withdrawal of gas: branch 0 if there is enough, else branch 1. The run polls if the withdrawal passes a multiple of
// pollGas.
func withdrawGas(l *invocation) {
	gas := l.values()[0][0]
	amount := constant(l.c.gas(l.idx))
	l.bin(opGeU, gas, amount)
	l.choose(
		0, func() {
			left := l.do(opSub, gas, amount)
			l.bin(opGeU, l.do(opXor, gas, left), constant(pollGas))
			l.poll()
			l.out(0, []slot{left})
		},
		1, func() { l.out(1, []slot{gas}) })
}

// A run polls whether it has to stop when a withdrawal of gas passes a multiple of pollGas. Code without withdrawals may also run for long
// if functions call others several times, which do so too. So functions that are large or make two calls also count statements, and
// the run polls after pollStatements of them.
const (
	pollGas        = 1 << 20 // a power of two
	pollStatements = 1 << 20
	pollCall       = 256 // statements that a call counts as; functions with as many statements are counted even without calls
)

// poll calls the host if the condition on the operand stack holds.
func (b *body) poll() {
	b.op(opIf, blockVoid)
	b.call(hosts().index["poll"])
	b.op(opEnd)
}

// pollEntry writes the code that counts the function's statements and polls, if the function is large or makes several calls.
func (b *body) pollEntry() {
	weight, calls := len(b.order), 0
	for at := range b.order {
		s := &b.c.program.Statements[at]
		if s.Return {
			continue
		}
		switch b.c.r.Libfunc(s.Libfunc).Generic {
		case "function_call", "coupon_call":
			calls++
		}
	}
	if calls < 2 && weight < pollCall {
		return
	}
	b.load(constant(pollCell), 0)
	left := b.do(opSub, b.pop(), constant(uint64(weight+pollCall*calls)))
	b.store(constant(pollCell), 0, left)
	b.bin(opLtS, left, constant(0))
	b.op(opIf, blockVoid)
	b.call(hosts().index["poll"])
	b.store(constant(pollCell), 0, constant(pollStatements))
	b.op(opEnd)
}

// constant returns the slots of a Const type's value as the only result, or no results if the value takes no slots.
func (c *compiler) constant(id sierra.TypeID) [][]slot {
	if s := c.constSlots(id); len(s) > 0 {
		return [][]slot{s}
	}
	return nil
}

// constSlots returns the slots of a Const type's value.
func (c *compiler) constSlots(id sierra.TypeID) []slot {
	t := c.r.Type(id)
	inner, data := c.r.Type(t.Inner), t.Args[1:]
	switch inner.Generic {
	case "Struct":
		var out []slot
		for i := range data {
			out = append(out, c.constSlots(data[i].Type)...)
		}
		return out
	case "Enum":
		return enumSlots(int(data[0].Value.Int64()), c.constSlots(data[1].Type), c.size(inner.ID))
	case "NonZero":
		return c.constSlots(data[0].Type)
	case "EcPoint":
		return append(feltSlots(felt.FromBigInt(data[0].Value)), feltSlots(felt.FromBigInt(data[1].Value))...)
	case "felt252", "bytes31", "ContractAddress", "ClassHash":
		return feltSlots(felt.FromBigInt(data[0].Value))
	}
	_, class := c.ints(inner.ID)
	return intSlots(data[0].Value, class)
}

// enumSlots returns the slots of an enum's value, padded to size.
func enumSlots(index int, payload []slot, size int) []slot {
	out := make([]slot, 0, size)
	out = append(append(out, constant(uint64(index))), payload...)
	for len(out) < size {
		out = append(out, constant(0))
	}
	return out
}
