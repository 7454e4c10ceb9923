package compiler

import (
	"math/big"

	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet/constants"
)

// starknetRows returns the rows of addresses, class hashes and system calls. A system call is given by its name and by
// the sizes in cells of its inputs and outputs.
func starknetRows() map[string]row {
	rows := map[string]row{
		"storage_base_address_from_felt252":    {cost: costs(stepsRC(10, 3)), ap: aps(7), lower: lowerStorageBaseAddress},
		"storage_address_from_base":            {cost: free, ap: aps(0), lower: lowerIdentity},
		"storage_address_from_base_and_offset": {cost: free, ap: aps(0), lower: func(l *lowering) { lowerFeltOp(l, casm.Add) }},
		"storage_base_address_const":           {cost: free, ap: aps(0), lower: lowerConstValue},
		"class_hash_const":                     {cost: free, ap: aps(0), lower: lowerConstValue},
		"contract_address_const":               {cost: free, ap: aps(0), lower: lowerConstValue},
		"sha256_state_handle_init":             {cost: free, ap: aps(0), lower: lowerIdentity},
		"sha256_state_handle_digest":           {cost: free, ap: aps(0), lower: lowerIdentity},
		"sha512_state_handle_init":             {cost: free, ap: aps(0), lower: lowerIdentity},
		"sha512_state_handle_digest":           {cost: free, ap: aps(0), lower: lowerIdentity},
		"cheatcode":                            {cost: costs(steps(1)), ap: aps(2), lower: lowerCheatcode},

		"storage_read_syscall":          syscall("StorageRead", sizes(1, 1), 1),
		"storage_write_syscall":         syscall("StorageWrite", sizes(1, 1, 1)),
		"call_contract_syscall":         syscall("CallContract", sizes(1, 1, 2), 2),
		"library_call_syscall":          syscall("LibraryCall", sizes(1, 1, 2), 2),
		"emit_event_syscall":            syscall("EmitEvent", sizes(2, 2)),
		"get_block_hash_syscall":        syscall("GetBlockHash", sizes(1), 1),
		"get_execution_info_syscall":    syscall("GetExecutionInfo", nil, 1),
		"get_execution_info_v2_syscall": syscall("GetExecutionInfo", nil, 1),
		"get_execution_info_v3_syscall": syscall("GetExecutionInfo", nil, 1),
		"deploy_syscall":                syscall("Deploy", sizes(1, 1, 2, 1), 1, 2),
		"keccak_syscall":                syscall("Keccak", sizes(2), 2),
		"sha256_process_block_syscall":  syscall("Sha256ProcessBlock", sizes(1, 1), 1),
		"sha512_process_block_syscall":  syscall("Sha512ProcessBlock", sizes(1, 1), 1),
		"replace_class_syscall":         syscall("ReplaceClass", sizes(1)),
		"get_class_hash_at_syscall":     syscall("GetClassHashAt", sizes(1), 1),
		"send_message_to_l1_syscall":    syscall("SendMessageToL1", sizes(1, 2)),
		"meta_tx_v0_syscall":            syscall("MetaTxV0", sizes(1, 1, 2, 2), 2),
	}
	for _, name := range [...]string{"class_hash", "contract_address", "storage_address"} {
		rows[name+"_to_felt252"] = row{cost: free, ap: aps(0), lower: lowerIdentity}
		rows[name+"_try_from_felt252"] = row{cost: costs(stepsRC(7, 3), stepsRC(9, 3)), ap: aps(5, 6),
			lower: func(l *lowering) { lowerTryFromFelt(l, 251) }}
	}
	for _, curve := range [...]struct{ name, selector string }{{"secp256k1", "Secp256k1"}, {"secp256r1", "Secp256r1"}} {
		rows[curve.name+"_new_syscall"] = syscall(curve.selector+"New", sizes(2, 2), 2)
		rows[curve.name+"_add_syscall"] = syscall(curve.selector+"Add", sizes(1, 1), 1)
		rows[curve.name+"_mul_syscall"] = syscall(curve.selector+"Mul", sizes(1, 2), 1)
		rows[curve.name+"_get_point_from_x_syscall"] = syscall(curve.selector+"GetPointFromX", sizes(2, 1), 2)
		rows[curve.name+"_get_xy_syscall"] = syscall(curve.selector+"GetXy", sizes(1), 2, 2)
	}
	return rows
}

func sizes(cells ...int) []int { return cells }

// syscall returns the row of a system call with inputs and outputs of the given sizes.
func syscall(selector string, inputs []int, outputs ...int) row {
	n := 0
	for _, size := range inputs {
		n += size
	}
	cost := steps(100 + 5 + n)
	return row{cost: costs(cost, cost), ap: aps(2, 2), lower: func(l *lowering) { lowerSyscall(l, selector, inputs, outputs) }}
}

// lowerSyscall writes the selector, gas and inputs to the system segment. The hint writes after them the remaining gas, a
// failure flag, and the outputs or, on failure, the start and end of the revert reasons.
func lowerSyscall(l *lowering, selector string, inputs, outputs []int) {
	const failureSize = 2
	if len(l.refs) != len(inputs)+2 {
		reject("%d arguments, want %d", len(l.refs), len(inputs)+2)
	}
	in, out := 2, 0
	for _, n := range inputs {
		in += n
	}
	for _, n := range outputs {
		out += n
	}
	var b builder
	gas := b.deref(l.single(0))
	system := b.buffer(in+max(out, failureSize)+2, l.single(1))
	request := b.dup(system)
	name := felt.FromShortString(selector)
	b.write(system, b.tempIs(b.big(name.BigInt())))
	b.write(system, gas)
	for i, n := range inputs {
		for _, cell := range l.cells(i+2, n) {
			b.write(system, b.deref(cell))
		}
	}
	b.hint(casm.SystemCall, of(request), nil)
	updated := b.next(system)
	failed := b.tempNext(system)
	success, failure := cellVar(-1), cellVar(-1)
	response := make([]cellVar, max(out, failureSize))
	for i := range response {
		if i == out {
			success = b.dup(system)
		}
		if i == failureSize {
			failure = b.dup(system)
		}
		response[i] = b.next(system)
	}
	if success < 0 {
		success = system
	}
	if failure < 0 {
		failure = system
	}
	results := [][]cellVar{of(updated), of(success)}
	at := 0
	for _, n := range outputs {
		results = append(results, response[at:at+n])
		at += n
	}
	b.jumpIf(failed, "Failure")
	l.build(&b, extra(constants.SyscallBaseGas, constants.SyscallBaseGas), ends(results...),
		endsAt("Failure", of(updated), of(failure), response[:failureSize]))
}

// lowerStorageBaseAddress reduces a felt modulo 2^251 - 256.
func lowerStorageBaseAddress(l *lowering) {
	bound := new(big.Int).Lsh(big.NewInt(1), 251)
	bound.Sub(bound, big.NewInt(256))
	var b builder
	rc := b.buffer(2, l.single(0))
	addr := b.deref(l.single(1))
	aux := []cellVar{b.temp(), b.temp(), b.temp(), b.temp(), b.temp()}
	limit := b.big(bound)
	origRC := b.dup(rc)
	small, result := b.temp(), b.temp()
	b.hint(casm.TestLessThan, of(addr, limit), of(small))
	b.jumpIf(small, "IsSmall")
	b.assert(result, b.difference(addr, limit))
	b.underLimit(1, new(big.Int).Sub(felt.Modulus(), bound), result, rc, aux)
	b.jump("Done")
	b.label("IsSmall")
	b.assert(result, addr)
	b.underLimit(2, bound, result, rc, aux)
	b.label("Done")
	l.build(&b, checks(origRC, rc), ends(of(rc), of(result)))
}

func lowerCheatcode(l *lowering) {
	var b builder
	start, end := l.array(&b, 0)
	outStart, outEnd := b.temp(), b.temp()
	b.hint(casm.Cheatcode, of(b.big(l.lf.valueArg(0)), start, end), of(outStart, outEnd))
	b.addAP(2)
	l.build(&b, noUsage, ends(of(outStart, outEnd)))
}
