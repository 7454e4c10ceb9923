package statement_test

import (
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/starkcurve"
	"github.com/starkd/starkd/prover/block/statement"
	"github.com/starkd/starkd/starknet"
)

// Points of secp256k1 and of secp256r1: the generators and their doubles (SEC 2, version 2; NIST's point multiplication examples). Each is
// four words: x and y, the low half first.
var (
	generatorK1 = secpWords("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798", "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8")
	doubleK1    = secpWords("c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5", "1ae168fea63dc339a3c58419466ceaeef7f632653266d0e1236431a950cfe52a")
	generatorR1 = secpWords("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296", "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5")
	doubleR1    = secpWords("7cf27b188d034f7e8a52380304b51ac3c08969e277f21b35a60b48fc47669978", "07775510db8ed040293d9ac69f7430dbba7dade63ce982299e04b79d227873d1")
)

func secpWords(x, y string) []felt.Felt {
	var list []felt.Felt
	for _, v := range []string{x, y} {
		list = append(list, felt.MustHex("0x"+v[32:]), felt.MustHex("0x"+v[:32]))
	}
	return list
}

// newPoint returns a syscall that returns the point of these words at an address.
func newPoint(curve string, point []felt.Felt, at uint64) *forgedSyscall {
	return &forgedSyscall{name: curve + "New", request: point, response: words(0, at)}
}

// addPoints returns a syscall that adds the points at two addresses and returns the sum at a third.
func addPoints(curve string, p, q, sum uint64) *forgedSyscall {
	return &forgedSyscall{name: curve + "Add", request: words(p, q), response: words(sum)}
}

// coordinates returns a syscall that returns the coordinates of the point at an address.
func coordinates(curve string, at uint64, point []felt.Felt) *forgedSyscall {
	return &forgedSyscall{name: curve + "GetXy", request: words(at), response: point}
}

// shaBlock returns the syscall that hashes the padded message "abc" (FIPS 180-4, appendix B.1).
func shaBlock() *forgedSyscall {
	state := words(0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19)
	block := words(0x61626380, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 24)
	digest := words(0xba7816bf, 0x8f01cfea, 0x414140de, 0x5dae2223, 0xb00361a3, 0x96177a9c, 0xb410ff61, 0xf20015ad)
	return &forgedSyscall{name: "Sha256ProcessBlock", request: words(900, 901), response: words(902), arrays: [][]felt.Felt{state, block, digest}}
}

// metaCall returns a MetaTxV0 of the account's own __execute__.
func metaCall() *forgedSyscall {
	calldata, signature := words(4, 5), words(6)
	s := &forgedSyscall{
		name: "MetaTxV0", calls: true, charged: 2, given: [][]felt.Felt{calldata, signature},
		request: request([]felt.Felt{forgedAccount, selector("__execute__")}, spanOf(2), spanOf(1)),
		inner:   &forgedCall{class: accountCode, contract: forgedAccount, selector: selector("__execute__")},
	}
	s.meta = func(at uint64) []felt.Felt {
		legacy := starknet.LegacyTransaction{Address: forgedAccount, Selector: selector("__execute__"), Calldata: calldata}
		return statement.MetaInfo(forgedAccount, signature, legacy.HashInvokeV0(n(0xc)), n(0xc), at)
	}
	return s
}

// ecOp returns an instance of ec_op: p = a·G, q = b·G, m, and the sum as the VM's code computes it.
func ecOp(a, b int64, m uint64) []felt.Felt {
	p, q := starkcurve.Generator.ScalarMul(big.NewInt(a)), starkcurve.Generator.ScalarMul(big.NewInt(b))
	sum, ok := starkcurve.ECOp(p, q, n(m))
	if !ok {
		panic("no sum")
	}
	return []felt.Felt{p.X, p.Y, q.X, q.Y, n(m), sum.X, sum.Y}
}

// returns makes the transaction call a contract that returns this many words, as the addresses in the response say.
func (f *forged) returns(words int64) {
	f.invoke(callOf(&forgedCall{class: tokenCode, contract: forgedToken, caller: forgedAccount, selector: selector("f")}))
	f.edit = func(w *forgedOutput) {
		for i := len(w.words) - 1; ; i-- { // the last address is the end of the data
			if w.words[i] == n(1<<50) {
				w.words[i] = *new(felt.Felt).Add(&w.words[i], ptr(felt.FromInt64(words)))
				return
			}
		}
	}
}

func ptr[T any](v T) *T { return &v }

// ecOps makes the account's signature check take ec_op, with these instances.
func (f *forged) ecOps(instances ...[]felt.Felt) {
	f.code[accountCode].EntryPoints.External[2].Builtins = []string{"ec_op"}
	f.before.classes[accountCode].CompiledHash = f.code[accountCode].BlakeHash()
	f.check0.ecOps = slices.Concat(append(instances, []felt.Felt{})...)
	if f.check0.ecOps == nil {
		f.check0.ecOps = []felt.Felt{}
	}
}

// TestForgedStwo checks the rules that only FormatStwo has: each forged block breaks one and is rejected for it.
func TestForgedStwo(t *testing.T) {
	const k1, r1 = "Secp256k1", "Secp256r1"
	// add returns a change that adds a number to a word of the output.
	add := func(mark string, offset int, delta int64) func(*forged) {
		return func(f *forged) {
			f.edit = func(w *forgedOutput) {
				word, d := &w.words[w.mark[mark]+offset], felt.FromInt64(delta)
				word.Add(word, &d)
			}
		}
	}
	syscalls := func(list ...*forgedSyscall) func(*forged) { return func(f *forged) { f.invoke(list...) } }
	with := func(s *forgedSyscall, change func(s *forgedSyscall)) func(*forged) { change(s); return syscalls(s) }
	outOfGas := []felt.Felt{felt.FromShortString("Out of gas")}
	invalid := []felt.Felt{felt.FromShortString("Invalid argument")}
	for _, x := range []struct {
		name   string
		change func(f *forged)
		want   string // "" for a block that breaks no rule
	}{
		// The signature check.
		{"a check that returns another word", func(f *forged) { f.check0.retdata = words(1) }, "word 0 of the data returned by __validate__ is 0x1, want"},
		{"a check that returns nothing", func(f *forged) { f.check0.retdata = nil }, "data returned by __validate__ has 0 words, want 1"},
		{"a check that returns more", func(f *forged) { f.check0.retdata = append(f.check0.retdata, n(1)) }, "data returned by __validate__ has 2 words, want 1"},
		{"a check that panics", func(f *forged) { f.check0.failed = true }, "__validate__ panicked with"},
		{"a deployed account's check that panics", func(f *forged) { f.deploy(); f.check0.failed = true }, "__validate_deploy__ panicked with"},
		{"a declaration's check that panics", func(f *forged) { f.declare(n(0xdec)); f.check0.failed = true }, "__validate_declare__ panicked with"},
		{"a check with more gas", add("signature check", 10, 1), "want at most 100000000 in total"},
		{"a check with less gas", func(f *forged) { f.validated = 1; add("signature check", 10, -1)(f) }, "__validate__ received 99999999 gas, want 100000000"},
		{"a check with the gas of the bound", func(f *forged) { f.tx.Fields().ResourceBounds.L2Gas.MaxAmount = 99_999_999 }, ""},
		{"a check that leaves more than it got", func(f *forged) {
			f.edit = func(w *forgedOutput) { w.words[w.mark["signature check"]+13] = n(100_000_001) }
		}, "100000001 gas is left of 100000000"},
		{"a check of which a unit more is billed", func(f *forged) {
			f.change = func(r *starknet.Receipt) { r.Resources.L2Gas++; r.ActualFee = starknet.NewUint128(r.Resources.L2Gas) }
		}, "leaves 1 for the unproven parts, want at most 0"},
		{"a check of another kind", add("signature check", 0, -2), "the output has a call of kind __execute__ instead"},
		{"a kind that there is not", add("signature check", 0, 1), "kind 0x5, want 1 to 4"},
		{"the exact block in a check", func(f *forged) {
			f.edit = func(w *forgedOutput) {
				word := &w.words[w.mark["signature check"]+3]
				three := n(3)
				word.Sub(word, &three)
			}
		}, "block info is"},
		{"the rounded block in __execute__", add("__execute__", 3, 3), "block info is"},
		{"a check that calls another contract", func(f *forged) {
			f.check0.syscalls = []*forgedSyscall{callOf(&forgedCall{class: tokenCode, contract: forgedToken, caller: forgedAccount, selector: selector("f")})}
		}, "which may call only"},
		{"a check that calls the account", func(f *forged) {
			f.check0.syscalls = []*forgedSyscall{callOf(&forgedCall{class: accountCode, contract: forgedAccount, caller: forgedAccount, selector: selector("f")})}
		}, ""},
		{"a check that writes", func(f *forged) {
			f.diff.Storage = []starknet.ContractStorage{{Address: forgedAccount, Entries: []starknet.StorageEntry{{Key: n(1), Value: n(5)}}}}
			f.check0.syscalls = []*forgedSyscall{{name: "StorageWrite", request: words(0, 1, 5)}}
			f.slots = 1
		}, ""},
		{"a check that makes a meta transaction", func(f *forged) { f.check0.syscalls = []*forgedSyscall{metaCall()} }, "during validation"},

		// Addresses of calldata.
		{"calldata that begins later", add("__execute__", 1, 1), "word 0 of the addresses of the calldata"},
		{"calldata that ends later", add("signature check", 2, 1), "word 1 of the addresses of the calldata"},
		{"a constructor's calldata that begins earlier", func(f *forged) { f.deploy(); add("constructor", 1, -1)(f) }, "word 0 of the addresses of the calldata"},
		{"a fee transfer with other calldata", add("fee transfer", 1, -1), "word 0 of the addresses of the calldata"},
		{"a fee for another", add("calls", -3, 1), "word 0 of the calldata"},
		{"another fee", add("calls", -2, 1), "a fee of"},
		{"a fee of more than 128 bits", add("calls", -1, 1), "want the sequencer and an amount below 2^128"},

		// Builtin sets and blocks.
		{"another builtin set", add("__execute__", 9, 10), "word 0 of the builtins is 0x1, want 0x0"},
		{"between two builtin sets", add("__execute__", 9, 1), "builtin set at"},
		{"before the builtin sets", add("__execute__", 9, -1), "builtin set at"},
		{"after the builtin sets", add("__execute__", 9, 30), "builtin set at"},
		{"another block's number", add("block", 0, 5), "the output has transactions of block 0x4d7, which is not one of the 1 blocks that are checked (1234 to 1234)"},
		{"two blocks of this number", func(f *forged) { f.others = []uint64{1234} }, "the output has transactions of block 0x4d2, which"},
		{"a block after it", func(f *forged) { f.others = []uint64{1235} }, "the output has transactions of block 0x4d3, which"},
		{"a class that is not entered", func(f *forged) {
			f.published = bareCode
		}, "class 0xc1c is published, but no call enters it"},
		{"another timestamp", add("block", 1, 1), "block timestamp is"},
		{"another sequencer", add("block", 2, 1), "sequencer is"},
		{"another rounded number", add("block", 3, 1), "rounded block number is"},
		{"a sequencer in validation", add("block", 5, 1), "sequencer in validation is 0x1"},

		// The price of a compiled class.
		{"a compiled class of two felts", func(f *forged) { f.declare(n(0xdec)); f.intrinsicLess -= 2 * 40_960 }, ""},
		{"a compiled class of 81,920 felts", func(f *forged) {
			f.declare(n(0xdec))
			f.tx.Fields().ResourceBounds.L2Gas.MaxAmount = 1 << 40
			f.intrinsicLess -= 81_920 * 40_960
			f.balance(forgedAccount, n(0), n(1<<60))
		}, ""},
		{"a compiled class of 81,921 felts", func(f *forged) {
			f.declare(n(0xdec))
			f.tx.Fields().ResourceBounds.L2Gas.MaxAmount = 1 << 40
			f.intrinsicLess -= 81_921 * 40_960
			f.balance(forgedAccount, n(0), n(1<<60))
		}, "want at most 3355443200"},
		{"a part of a felt", func(f *forged) { f.declare(n(0xdec)); f.intrinsicLess -= 40_959 }, "the compiled class is charged 40959 gas, want a multiple of 40960"},

		// An aborted __execute__.
		{"an abort of 1.11·10^9 gas", func(f *forged) { f.aborted(""); f.intrinsicLess -= 1_110_000_000 }, ""},
		{"an abort of more", func(f *forged) { f.aborted(""); f.intrinsicLess -= 1_110_000_001 }, "want at most 1110000000"},
		{"an abort of more than the bound leaves", func(f *forged) {
			f.tx.Fields().ResourceBounds.L2Gas.MaxAmount, f.validated = 600_000, 50_000
			f.aborted("")
			f.intrinsicLess -= 550_001
		}, "leaves 550001 for the unproven parts, want at most 550000"},
		{"no __execute__, with gas", func(f *forged) { f.bare(); f.aborted("ENTRYPOINT_NOT_FOUND"); f.intrinsicLess-- }, "__execute__ entered no code, but 1 gas is not proved"},
		{"gas of 9,999 to enter, and more billed", func(f *forged) {
			f.tx.Fields().ResourceBounds.L2Gas.MaxAmount, f.validated = 600_000, 590_001
			f.aborted("Out of gas")
			f.intrinsicLess--
		}, "__execute__ entered no code, but 1 gas is not proved"},

		// Syscalls that compute.
		{"sha256", syscalls(shaBlock()), ""},
		{"sha256 with another digest", with(shaBlock(), func(s *forgedSyscall) { s.arrays[2][7] = n(1) }), "word 7 of the next state is 0x1"},
		{"sha256 of a word of 33 bits", with(shaBlock(), func(s *forgedSyscall) { s.arrays[1][0] = n(1 << 32) }), "does not fit in 32 bits"},
		{"sha256 with a state of 33 bits", with(shaBlock(), func(s *forgedSyscall) { s.arrays[0][0] = n(1 << 32) }), "does not fit in 32 bits"},
		{"sha256 said to lack gas", with(shaBlock(), func(s *forgedSyscall) { s.panic, s.arrays = outOfGas, nil }), "want success"},
		{"sha256 without the gas", with(shaBlock(), func(s *forgedSyscall) {
			s.panic, s.arrays, s.has = outOfGas, nil, statement.Charge("Sha256ProcessBlock", 0)-1
		}), ""},

		{"points of secp256k1", syscalls(newPoint(k1, generatorK1, 700), addPoints(k1, 700, 700, 701), coordinates(k1, 701, doubleK1)), ""},
		{"points of secp256r1", syscalls(newPoint(r1, generatorR1, 700), addPoints(r1, 700, 700, 701), coordinates(r1, 701, doubleR1)), ""},
		{"a product", syscalls(newPoint(k1, generatorK1, 700),
			&forgedSyscall{name: k1 + "Mul", request: words(700, 2, 0), response: words(701)}, coordinates(k1, 701, doubleK1)), ""},
		{"another product", syscalls(newPoint(k1, generatorK1, 700),
			&forgedSyscall{name: k1 + "Mul", request: words(700, 3, 0), response: words(701)}, coordinates(k1, 701, doubleK1)), "of the coordinates is"},
		{"a scalar of 129 bits", syscalls(newPoint(k1, generatorK1, 700),
			&forgedSyscall{name: k1 + "Mul", request: []felt.Felt{n(700), n(2), felt.FromLimbs([4]uint64{0, 0, 1, 0})}, response: words(701)}), "does not fit in 128 bits"},
		{"another sum", syscalls(newPoint(k1, generatorK1, 700), addPoints(k1, 700, 700, 701), coordinates(k1, 701, generatorK1)), "word 0 of the coordinates is"},
		{"a point that no syscall returned", syscalls(newPoint(k1, generatorK1, 700), addPoints(k1, 700, 701, 702)), "no syscall of this call has returned a point of the curve at 0x2bd"},
		{"a point of the other curve", syscalls(newPoint(r1, generatorR1, 700), coordinates(k1, 700, generatorK1)), "no syscall of this call has returned a point of the curve at 0x2bc"},
		{"a point where another is", syscalls(newPoint(k1, generatorK1, 700), addPoints(k1, 700, 700, 700)), "where the call has got another one"},
		{"a point of another curve where one is", syscalls(newPoint(k1, generatorK1, 700), newPoint(r1, generatorR1, 700)), "where the call has got another one"},
		{"a point of another call", func(f *forged) {
			inner := &forgedCall{class: tokenCode, contract: forgedToken, caller: forgedAccount, selector: selector("f")}
			inner.syscalls = []*forgedSyscall{coordinates(k1, 700, generatorK1)}
			f.invoke(newPoint(k1, generatorK1, 700), callOf(inner))
		}, "no syscall of this call has returned a point"},
		{"the point at infinity", syscalls(newPoint(k1, words(0, 0, 0, 0), 700), newPoint(k1, generatorK1, 701), addPoints(k1, 700, 701, 702), coordinates(k1, 702, generatorK1)), ""},
		{"a pair that is on no curve", syscalls(&forgedSyscall{name: k1 + "New", request: words(1, 0, 1, 0), response: words(1, 0)}), ""},
		{"a pair that is on no curve, said to be a point", syscalls(newPoint(k1, words(1, 0, 1, 0), 700)), "word 0 of the response is 0x0, want 0x1"},
		{"a point, said to be none", syscalls(&forgedSyscall{name: k1 + "New", request: generatorK1, response: words(1, 0)}), "no point was returned, want one"},
		{"a point of secp256k1 on secp256r1", syscalls(newPoint(r1, generatorK1, 700)), "word 0 of the response is 0x0, want 0x1"},
		{"a coordinate of the modulus", syscalls(&forgedSyscall{
			name: k1 + "New", panic: invalid,
			request: append(secpWords("fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f", strings.Repeat("0", 64))[:2:2], words(1, 0)...),
		}), ""},
		{"a coordinate below the modulus, said to be invalid", syscalls(&forgedSyscall{
			name: k1 + "New", panic: invalid,
			request: append(secpWords("fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2e", strings.Repeat("0", 64))[:2:2], words(1, 0)...),
		}), "want success"},
		{"the point of an x", syscalls(
			&forgedSyscall{name: k1 + "GetPointFromX", request: append(generatorK1[:2:2], n(0)), response: words(0, 700)}, coordinates(k1, 700, generatorK1)), ""},
		{"the point of an x with the other y", syscalls(
			&forgedSyscall{name: k1 + "GetPointFromX", request: append(generatorK1[:2:2], n(1)), response: words(0, 700)}, coordinates(k1, 700, generatorK1)), "word 2 of the coordinates is"},
		{"a parity of 2", syscalls(&forgedSyscall{name: k1 + "GetPointFromX", request: append(generatorK1[:2:2], n(2)), response: words(0, 700)}), "flag 0x2, want 0 or 1"},

		// Instances of ec_op.
		{"no instance of ec_op", func(f *forged) { f.ecOps() }, ""},
		{"instances of ec_op", func(f *forged) { f.ecOps(ecOp(5, 7, 1<<40), ecOp(1, 1, 0), ecOp(3, 9, 2)) }, ""},
		{"another sum", func(f *forged) { f.ecOps(ecOp(5, 7, 3), append(ecOp(5, 7, 3)[:5:5], ecOp(5, 7, 4)[5:]...)) }, "instance 1 of ec_op: the sum is"},
		{"a point of ec_op that is on no curve", func(f *forged) { f.ecOps(append(words(1, 1), ecOp(5, 7, 3)[2:]...)) }, "(0x1, 0x1) is not a point of the curve"},
		{"a factor of ec_op that is on no curve", func(f *forged) {
			f.ecOps(slices.Concat(ecOp(5, 7, 3)[:2], words(1, 1), ecOp(5, 7, 3)[4:]))
		}, "(0x1, 0x1) is not a point of the curve"},
		{"a sum at infinity", func(f *forged) {
			op := ecOp(5, 7, 3)
			op[2], op[3] = op[0], *new(felt.Felt).Neg(&op[1])
			op[4], op[5], op[6] = felt.One, felt.Zero, felt.Zero
			f.ecOps(op)
		}, "infinity: true"},
		{"instances that are not published", func(f *forged) {
			f.ecOps(ecOp(5, 7, 3))
			f.edit = func(w *forgedOutput) {
				word := &w.words[w.mark["signature check"]+9]
				twenty := n(20)
				word.Sub(word, &twenty)
			}
		}, "statement: output word"},
		{"more instances than words", func(f *forged) {
			f.ecOps(ecOp(5, 7, 3))
			f.edit = func(w *forgedOutput) { w.words[w.mark["signature check"]+14] = felt.FromInt64(-1) }
		}, "number of instances of ec_op is"},

		// Returned data, which the output does not have.
		{"returned data of 2^32 - 1 words", func(f *forged) { f.returns(1<<32 - 1) }, ""},
		{"returned data of 2^32 words", func(f *forged) { f.returns(1 << 32) }, "array of 0x100000000 words, want fewer than 4294967296"},
		{"returned data that ends before its start", func(f *forged) { f.returns(-1) }, "want fewer than 4294967296"},

		// Meta transactions.
		{"a meta transaction", syscalls(metaCall()), ""},
		{"a meta transaction with another hash", with(metaCall(), func(s *forgedSyscall) {
			s.meta = func(at uint64) []felt.Felt { return statement.MetaInfo(forgedAccount, words(6), n(1), n(0xc), at) }
		}), "word 5 of the transaction info is 0x1"},
		{"a meta transaction with another signature", with(metaCall(), func(s *forgedSyscall) { s.given[1] = words(7) }), "of the transaction info is 0x6, want 0x7"},
		{"a meta transaction with other calldata", with(metaCall(), func(s *forgedSyscall) { s.given[0] = words(4, 6) }), "word 5 of the transaction info is"},
		{"a meta transaction of another entry point", with(metaCall(), func(s *forgedSyscall) {
			s.request[1], s.inner.selector = selector("f"), selector("f")
		}), "want __execute__"},
		{"a meta transaction of another entry point that fails", with(metaCall(), func(s *forgedSyscall) {
			s.request[1], s.inner, s.panic = selector("f"), nil, invalid
			s.meta = func(uint64) []felt.Felt { return nil }
		}), ""},
		{"a meta transaction that fails with a TxInfo", with(metaCall(), func(s *forgedSyscall) {
			s.request[1], s.inner, s.panic = selector("f"), nil, invalid
		}), "words, but no inner call"},
		{"a meta transaction with a caller", with(metaCall(), func(s *forgedSyscall) { s.inner.caller = forgedAccount }), "caller is"},
		{"a meta transaction that sees the transaction", func(f *forged) {
			s := metaCall()
			f.invoke(s)
			f.edit = func(w *forgedOutput) { // TxInfo of the inner call
				at := felt.FromUint64(s.inner.info)
				for i := range w.words {
					if w.words[i] == at && i > 0 && w.words[i-1] == n(w.block-0) {
						w.words[i] = n(w.info)
					}
				}
			}
		}, "transaction info is"},
	} {
		f := newForged().stwo()
		x.change(f)
		switch err := f.check(); {
		case x.want == "" && err != nil:
			t.Errorf("%s: %v", x.name, err)
		case x.want != "" && (err == nil || !strings.Contains(err.Error(), x.want)):
			t.Errorf("%s: got %v, want an error that says %q", x.name, err, x.want)
		}
	}
}

// TestForgedFormats checks that the claims of a block have one format, and that in FormatStwo length and old classes are the only
// reasons for an unproven transaction.
func TestForgedFormats(t *testing.T) {
	f := newForged()
	f.format = statement.FormatStwo
	f.check0 = &forgedCall{}
	for name, r := range map[string]statement.Reason{
		"builtin": {Builtin: "poseidon", Class: accountCode, Selector: selector("f")},
		"syscall": {Syscall: "MetaTxV0", Class: accountCode, Selector: selector("f")},
	} {
		if err := f.checkUnproven(r); err == nil || !strings.Contains(err.Error(), "but all of them can be proved") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, r := range []statement.Reason{{MaxSteps: 1 << 20}, {CairoSteps: true, Class: accountCode}} {
		if err := f.checkUnproven(r); err != nil {
			t.Errorf("%s: %v", r.String(), err)
		}
	}
	for name, r := range map[string]statement.Reason{
		"no class":   {CairoSteps: true},
		"a selector": {CairoSteps: true, Class: accountCode, Selector: selector("f")},
		"two":        {CairoSteps: true, Class: accountCode, MaxSteps: 1 << 20},
	} {
		if err := f.checkUnproven(r); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	c := transfers(t)
	c.format = statement.FormatStwo
	claim, _, err := c.run(0, 1)
	if err != nil {
		t.Fatal(err)
	}
	block := c.statementBlock()
	block.Format = statement.FormatStone
	if _, err := statement.Check([]*statement.Claim{claim}, block, c.before); err == nil || !strings.Contains(err.Error(), "the claim is of format STARKD_OS_2, want STARKD_OS_1") {
		t.Errorf("a claim of another format: %v", err)
	}
	block.Format = 0
	if _, err := statement.Check([]*statement.Claim{claim}, block, c.before); err != nil {
		t.Errorf("a claim of any format: %v", err)
	}
}
