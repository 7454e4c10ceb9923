package sierra

// addressLibfuncs returns the libfuncs of contract addresses, class hashes and storage addresses.
func addressLibfuncs() []libfunc {
	return []libfunc{
		{"contract_address_const", audited, func(s *specialisation) Signature {
			return s.constant(s.typ("ContractAddress"), Range{bigZero, big2Pow251})
		}},
		{"contract_address_to_felt252", audited, none(func(s *specialisation) Signature { return reinterpret(s.typ("ContractAddress"), s.typ("felt252")) })},
		{"contract_address_try_from_felt252", audited, none(func(s *specialisation) Signature { return s.tryFromFelt(s.typ("ContractAddress")) })},
		{"class_hash_const", audited, func(s *specialisation) Signature {
			return s.constant(s.typ("ClassHash"), Range{bigZero, big2Pow251})
		}},
		{"class_hash_to_felt252", audited, none(func(s *specialisation) Signature { return reinterpret(s.typ("ClassHash"), s.typ("felt252")) })},
		{"class_hash_try_from_felt252", audited, none(func(s *specialisation) Signature { return s.tryFromFelt(s.typ("ClassHash")) })},
		{"storage_base_address_const", audited, func(s *specialisation) Signature {
			return s.constant(s.typ("StorageBaseAddress"), Range{bigZero, addressBound})
		}},
		{"storage_base_address_from_felt252", audited, none(func(s *specialisation) Signature {
			rc := s.typ("RangeCheck")
			return straight(apKnown, params(addConst(rc), plain(s.typ("felt252"))), outMoved(rc), outTemp(s.typ("StorageBaseAddress"), 0))
		})},
		{"storage_address_from_base", audited, none(func(s *specialisation) Signature {
			return reinterpret(s.typ("StorageBaseAddress"), s.typ("StorageAddress"))
		})},
		{"storage_address_from_base_and_offset", audited, none(func(s *specialisation) Signature {
			return straight(apNew, params(plain(s.typ("StorageBaseAddress")), orConst(s.typ("u8"))), outDeferred(s.typ("StorageAddress")))
		})},
		{"storage_address_to_felt252", audited, none(func(s *specialisation) Signature { return reinterpret(s.typ("StorageAddress"), s.typ("felt252")) })},
		{"storage_address_try_from_felt252", audited, none(func(s *specialisation) Signature { return s.tryFromFelt(s.typ("StorageAddress")) })},
	}
}

// syscall returns the row of a system call. The inputs follow gas and the system pointer. On success the outputs follow
// these two, on failure the array of revert reasons.
func syscall(name string, since admission, inOut func(s *specialisation) (in, out []TypeID)) libfunc {
	return libfunc{name + "_syscall", since, none(func(s *specialisation) Signature {
		gas, system, reason := s.typ("GasBuiltin"), s.typ("System"), s.array(s.typ("felt252"))
		in, results := inOut(s)
		success := branch(apKnown, outDeferred(gas), outMoved(system))
		for _, t := range results {
			success.Vars = append(success.Vars, outDeferred(t))
		}
		return branching(append(params(plain(gas), addConst(system)), plains(in...)...),
			success,
			branch(apKnown, outDeferred(gas), outMoved(system), outDeferred(reason)))
	})}
}

func ids(t ...TypeID) []TypeID { return t }

// storageLibfuncs returns the system calls on storage and on block and execution info.
func storageLibfuncs() []libfunc {
	return []libfunc{
		syscall("storage_read", audited, func(s *specialisation) (in, out []TypeID) {
			return ids(s.typ("u32"), s.typ("StorageAddress")), ids(s.typ("felt252"))
		}),
		syscall("storage_write", audited, func(s *specialisation) (in, out []TypeID) {
			return ids(s.typ("u32"), s.typ("StorageAddress"), s.typ("felt252")), nil
		}),
		syscall("get_block_hash", audited, func(s *specialisation) (in, out []TypeID) {
			return ids(s.typ("u64")), ids(s.typ("felt252"))
		}),
		syscall("get_execution_info", audited, func(s *specialisation) (in, out []TypeID) {
			return nil, ids(s.box(s.executionInfo("core::starknet::info::ExecutionInfo", s.txInfoV1())))
		}),
		syscall("get_execution_info_v2", audited, func(s *specialisation) (in, out []TypeID) {
			return nil, ids(s.box(s.executionInfo("core::starknet::info::v2::ExecutionInfo", s.txInfoV2())))
		}),
		syscall("get_execution_info_v3", audited18, func(s *specialisation) (in, out []TypeID) {
			return nil, ids(s.box(s.executionInfo("core::starknet::info::v3::ExecutionInfo", s.txInfoV3())))
		}),
	}
}

// executionInfo returns the type of block info, transaction info, caller, contract and entry point selector.
func (s *specialisation) executionInfo(path string, tx TypeID) TypeID {
	u64, address := s.typ("u64"), s.typ("ContractAddress")
	block := s.structOf("core::starknet::info::BlockInfo", u64, u64, address)
	return s.structOf(path, s.box(block), s.box(tx), address, address, s.typ("felt252"))
}

// txFields returns the types of version, account, maximum fee, signature, hash, chain id and nonce.
func (s *specialisation) txFields() []TypeID {
	felt := s.typ("felt252")
	return ids(felt, s.typ("ContractAddress"), s.typ("u128"), s.feltSpan(), felt, felt, felt)
}

// txFieldsV2 adds resource bounds, tip, paymaster data, two data availability modes and account deployment data.
func (s *specialisation) txFieldsV2() []TypeID {
	const boundsPath = "core::starknet::info::v2::ResourceBounds"
	bounds := s.structOf(boundsPath, s.typ("felt252"), s.typ("u64"), s.typ("u128"))
	u32, span := s.typ("u32"), s.feltSpan()
	return append(s.txFields(), s.span(bounds, boundsPath), s.typ("u128"), span, u32, u32, span)
}

func (s *specialisation) txInfoV1() TypeID {
	return s.structOf("core::starknet::info::TxInfo", s.txFields()...)
}

func (s *specialisation) txInfoV2() TypeID {
	return s.structOf("core::starknet::info::v2::TxInfo", s.txFieldsV2()...)
}

// txInfoV3 returns the type with the proof facts of a transaction added.
func (s *specialisation) txInfoV3() TypeID {
	return s.structOf("core::starknet::info::v3::TxInfo", append(s.txFieldsV2(), s.feltSpan())...)
}

// syscallLibfuncs returns the system calls for calls, deployment, events, messages and keccak.
func syscallLibfuncs() []libfunc {
	return []libfunc{
		syscall("call_contract", audited, func(s *specialisation) (in, out []TypeID) {
			return ids(s.typ("ContractAddress"), s.typ("felt252"), s.feltSpan()), ids(s.feltSpan())
		}),
		syscall("library_call", audited, func(s *specialisation) (in, out []TypeID) {
			return ids(s.typ("ClassHash"), s.typ("felt252"), s.feltSpan()), ids(s.feltSpan())
		}),
		syscall("deploy", audited, func(s *specialisation) (in, out []TypeID) {
			return ids(s.typ("ClassHash"), s.typ("felt252"), s.feltSpan(), s.bool()), ids(s.typ("ContractAddress"), s.feltSpan())
		}),
		syscall("emit_event", audited, func(s *specialisation) (in, out []TypeID) { return ids(s.feltSpan(), s.feltSpan()), nil }),
		syscall("send_message_to_l1", audited, func(s *specialisation) (in, out []TypeID) {
			return ids(s.typ("felt252"), s.feltSpan()), nil
		}),
		syscall("meta_tx_v0", audited, func(s *specialisation) (in, out []TypeID) {
			return ids(s.typ("ContractAddress"), s.typ("felt252"), s.feltSpan(), s.feltSpan()), ids(s.feltSpan())
		}),
		syscall("replace_class", audited, func(s *specialisation) (in, out []TypeID) { return ids(s.typ("ClassHash")), nil }),
		syscall("get_class_hash_at", audited, func(s *specialisation) (in, out []TypeID) {
			return ids(s.typ("ContractAddress")), ids(s.typ("ClassHash"))
		}),
		syscall("keccak", audited, func(s *specialisation) (in, out []TypeID) {
			return ids(s.span(s.typ("u64"), "core::integer::u64")), ids(s.u256())
		}),
	}
}

// secpLibfuncs returns the system calls on points of the curves secp256k1 and secp256r1.
func secpLibfuncs() []libfunc {
	var all []libfunc
	for _, curve := range [...]struct{ name, point string }{{"secp256k1", "Secp256k1Point"}, {"secp256r1", "Secp256r1Point"}} {
		optional := func(s *specialisation) TypeID {
			path := "core::option::Option::<core::starknet::" + curve.name + "::" + curve.point + ">"
			return s.user("Enum", path, s.typ(curve.point), s.unit())
		}
		all = append(all,
			syscall(curve.name+"_new", audited, func(s *specialisation) (in, out []TypeID) {
				return ids(s.u256(), s.u256()), ids(optional(s))
			}),
			syscall(curve.name+"_add", audited, func(s *specialisation) (in, out []TypeID) {
				return ids(s.typ(curve.point), s.typ(curve.point)), ids(s.typ(curve.point))
			}),
			syscall(curve.name+"_mul", audited, func(s *specialisation) (in, out []TypeID) {
				return ids(s.typ(curve.point), s.u256()), ids(s.typ(curve.point))
			}),
			syscall(curve.name+"_get_point_from_x", audited, func(s *specialisation) (in, out []TypeID) {
				return ids(s.u256(), s.bool()), ids(optional(s))
			}),
			syscall(curve.name+"_get_xy", audited, func(s *specialisation) (in, out []TypeID) {
				return ids(s.typ(curve.point)), ids(s.u256(), s.u256())
			}),
		)
	}
	return all
}

// shaLibfuncs returns the libfuncs of SHA-256 and SHA-512. A state is a handle of a box of eight words.
func shaLibfuncs() []libfunc {
	return []libfunc{
		sha256.processBlock(), sha256.stateInit(), sha256.stateDigest(),
		sha512.processBlock(), sha512.stateInit(), sha512.stateDigest(),
	}
}

// sha holds the names of one of the two hash functions.
type sha struct {
	name, handle, word string
	since              admission
}

var (
	sha256 = sha{"sha256", "Sha256StateHandle", "u32", audited}
	sha512 = sha{"sha512", "Sha512StateHandle", "u64", audited19}
)

func (h sha) processBlock() libfunc {
	return syscall(h.name+"_process_block", h.since, func(s *specialisation) (in, out []TypeID) {
		return ids(s.typ(h.handle), s.box(s.fixedArray(s.typ(h.word), 16))), ids(s.typ(h.handle))
	})
}

func (h sha) stateInit() libfunc {
	return libfunc{h.name + "_state_handle_init", h.since, none(func(s *specialisation) Signature {
		return straight(apKnown, params(anything(s.box(s.fixedArray(s.typ(h.word), 8)))), outDeferred(s.typ(h.handle)))
	})}
}

func (h sha) stateDigest() libfunc {
	return libfunc{h.name + "_state_handle_digest", h.since, none(func(s *specialisation) Signature {
		return straight(apKnown, params(anything(s.typ(h.handle))), outDeferred(s.box(s.fixedArray(s.typ(h.word), 8))))
	})}
}
