package native

// syscallNames are the host functions behind the syscall libfuncs. They take gas and the arguments, and return gas, a failure flag and the
// results, or the array with the reason of the failure in place of the results.
var syscallNames = []string{
	"storage_read", "storage_write", "emit_event", "call_contract", "library_call", "deploy", "get_execution_info",
	"get_execution_info_v2", "get_execution_info_v3", "get_block_hash", "get_class_hash_at", "replace_class", "send_message_to_l1",
	"meta_tx_v0", "keccak", "sha256_process_block", "sha512_process_block",
	"secp256k1_new", "secp256k1_add", "secp256k1_mul", "secp256k1_get_point_from_x", "secp256k1_get_xy",
	"secp256r1_new", "secp256r1_add", "secp256r1_mul", "secp256r1_get_point_from_x", "secp256r1_get_xy",
}

// starknetRows returns the lowerings of the syscalls and of the handles of SHA states.
func starknetRows() map[string]lowering {
	rows := map[string]lowering{
		"sha256_state_handle_init": same, "sha256_state_handle_digest": same,
		"sha512_state_handle_init": same, "sha512_state_handle_digest": same,
	}
	for _, name := range syscallNames {
		rows[name+"_syscall"] = func(l *invocation) {
			r := l.host(name, l.values()...)
			gas, flag, values := r[:1], r[1], r[2:]
			var success [][]slot
			for _, v := range l.lf.Signature.Branches[0].Vars[2:] {
				if n := l.c.size(v.Type); n > 0 {
					success = append(success, values[:n])
					values = values[n:]
				}
			}
			l.push(flag)
			l.op(opI64Eqz)
			l.choose01(append([][]slot{gas}, success...), [][]slot{gas, r[2 : 2+arraySlots]})
		}
	}
	return rows
}

// cryptoRows holds the lowerings of the hash functions and of the operations on the STARK curve.
var cryptoRows = map[string]lowering{
	"pedersen":          func(l *invocation) { l.out(0, l.host("pedersen", l.values()...)) },
	"hades_permutation": func(l *invocation) { r := l.host("hades", l.values()...); l.out(0, r[:4], r[4:8], r[8:]) },
	"blake2s_compress": func(l *invocation) {
		l.out(0, l.host("blake2s", append(l.values(), []slot{constant(0)})...))
	},
	"blake2s_finalize": func(l *invocation) {
		l.out(0, l.host("blake2s", append(l.values(), []slot{constant(1)})...))
	},

	"ec_point_zero": func(l *invocation) {
		l.out(0, append(intSlots(prime, classFelt), intSlots(prime, classFelt)...))
	},
	"ec_point_is_zero": isZero,
	"ec_point_unwrap":  func(l *invocation) { p := l.values()[0]; l.out(0, p[:4], p[4:]) },
	"ec_neg":           ecNeg, "ec_neg_nz": ecNeg,
	"ec_point_try_new_nz": func(l *invocation) {
		v := l.values()
		l.push(l.host("ec_on_curve", v...)[0])
		l.op(opWrap)
		l.choose01([][]slot{join(v...)}, nil)
	},
	"ec_state_init": func(l *invocation) { l.out(0, l.host("ec_init")) },
	"ec_state_add": func(l *invocation) {
		v := l.values()
		l.out(0, join(l.host("ec_add", v[0][:8], v[1]), v[0][8:]))
	},
	"ec_state_add_mul": func(l *invocation) {
		v := l.values()
		l.out(0, join(l.host("ec_add_mul", v[0][:8], v[1], v[2]), v[0][8:]))
	},
	"ec_state_try_finalize_nz": func(l *invocation) {
		r := l.host("ec_finalize", l.values()[0])
		l.push(r[8])
		l.op(opWrap)
		l.choose01([][]slot{r[:8]}, nil)
	},
	"ec_point_from_x_nz": func(l *invocation) {
		x := l.values()[0]
		r := l.host("ec_from_x", x)
		l.push(r[4])
		l.op(opWrap)
		l.choose01([][]slot{join(x, r[:4])}, nil)
	},
}

// ecNeg lowers the negation of a point.
func ecNeg(l *invocation) {
	p := l.values()[0]
	zero := intSlots(prime, classFelt)
	l.out(0, join(p[:4], l.helper(helperSub, zero, p[4:])))
}
