package statement_test

import (
	"math/big"
	"testing"

	"github.com/starkd/starkd/app/executor"
	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/keccak"
	"github.com/starkd/starkd/internal/boundary"
	"github.com/starkd/starkd/prover/block/statement"
	"github.com/starkd/starkd/starknet"
)

// TestBoundaries checks every limit of the statement at the last valid value and at the first invalid one. Each value is in a
// block that breaks no other rule.
func TestBoundaries(t *testing.T) {
	inBoth := func(change func(f *forged)) error { // the formats have the same limits
		f, g := newForged(), newForged().stwo()
		change(f)
		change(g)
		err, other := f.check(), g.check()
		if (err == nil) != (other == nil) {
			t.Errorf("%s: %v, but %s: %v", f.format.Layout(), err, g.format.Layout(), other)
		}
		return err
	}
	one := func(change func(f *forged, v uint64)) func(*big.Int) error {
		return func(v *big.Int) error { return inBoth(func(f *forged) { change(f, v.Uint64()) }) }
	}
	large := func(change func(f *forged, v felt.Felt)) func(*big.Int) error {
		return func(v *big.Int) error { return inBoth(func(f *forged) { change(f, felt.FromBigInt(v)) }) }
	}
	felts := func(n uint64) []felt.Felt { return make([]felt.Felt, n) }
	event := func(keys, data uint64) func(f *forged) *forgedSyscall {
		return func(f *forged) *forgedSyscall {
			f.events = append(f.events, starknet.Event{From: forgedAccount, Keys: felts(keys), Data: felts(data)})
			return &forgedSyscall{
				name: "EmitEvent", request: request(spanOf(int(keys)), spanOf(int(data))), arrays: [][]felt.Felt{felts(keys), felts(data)},
			}
		}
	}
	read := func(domain, key felt.Felt) *forgedSyscall {
		return &forgedSyscall{name: "StorageRead", request: []felt.Felt{domain, key}, response: words(0)}
	}
	boundary.Run(t, boundary.Statement, map[string]func(*big.Int) error{
		"nonce above the account's": one(func(f *forged, v uint64) {
			f.before.nonces[forgedAccount], f.tx.Fields().Nonce = n(7), n(7+v)
		}),
		"nonce below the account's": one(func(f *forged, v uint64) {
			f.before.nonces[forgedAccount], f.tx.Fields().Nonce = n(7), n(7-v)
		}),
		"bits of the nonce": one(func(f *forged, v uint64) {
			nonce := n(1 << 63)
			for i := uint64(64); i < v; i++ {
				nonce.Add(&nonce, &nonce)
			}
			f.before.nonces[forgedAccount], f.tx.Fields().Nonce = nonce, nonce
		}),
		"nonce data availability mode": one(func(f *forged, v uint64) { f.tx.Fields().NonceDAMode = starknet.DAMode(v) }),
		"fee data availability mode":   one(func(f *forged, v uint64) { f.tx.Fields().FeeDAMode = starknet.DAMode(v) }),
		"felts of paymaster data":      one(func(f *forged, v uint64) { f.tx.Fields().PaymasterData = felts(v) }),
		"felts of account deployment data": one(func(f *forged, v uint64) {
			f.tx.(*starknet.Invoke).AccountDeploymentData = felts(v)
		}),
		"felts of proof facts":     one(func(f *forged, v uint64) { f.tx.(*starknet.Invoke).ProofFacts = felts(v) }),
		"query bit of the version": one(func(f *forged, v uint64) { f.tx.Fields().Query = v == 1 }),
		"class hash of a DECLARE":  large(func(f *forged, v felt.Felt) { f.declare(v) }),
		"sender's address": large(func(f *forged, v felt.Felt) {
			f.account(v)
			f.tx.(*starknet.Invoke).SenderAddress, f.main.contract = v, v
		}),

		"block's price above the sender's L2 gas price (FRI)": one(func(f *forged, v uint64) { f.price = 10 + v }),
		"balance short of the sum of the bounds (FRI)": one(func(f *forged, v uint64) {
			f.tx.Fields().Tip = 2
			f.balance(forgedAccount, n(forgedBound*(10+2)-v), n(0))
		}),
		"balance short of the fee after execution (FRI)": one(func(f *forged, v uint64) {
			f.spend(v)
		}),
		"L2 gas above the bound after execution": one(func(f *forged, v uint64) {
			f.invoke(read(n(0), n(1)))
			f.tx.Fields().ResourceBounds.L2Gas.MaxAmount = f.receipt().Resources.L2Gas - v
		}),

		"gas of __execute__":                    one(func(f *forged, v uint64) { f.given = v }),
		"gas of a DEPLOY_ACCOUNT's constructor": one(func(f *forged, v uint64) { f.deploy(); f.given = v }),
		"gas of the fee transfer":               one(func(f *forged, v uint64) { f.transfer = v }),

		"call depth": one(func(f *forged, v uint64) {
			call := &forgedCall{class: tokenCode, contract: forgedToken, caller: forgedToken, selector: selector("f")}
			for range v - 2 {
				call = &forgedCall{
					class: tokenCode, contract: forgedToken, caller: forgedToken, selector: selector("f"), syscalls: []*forgedSyscall{callOf(call)},
				}
			}
			call.caller = forgedAccount
			f.invoke(callOf(call))
		}),
		"gas missing to enter an entry point": one(func(f *forged, v uint64) {
			s := callOf(&forgedCall{class: tokenCode, contract: forgedToken, caller: forgedAccount, selector: selector("f")})
			s.has = statement.Charge(s.name, 0) + 10_000 - v
			f.invoke(s)
		}),
		"gas missing for a syscall": one(func(f *forged, v uint64) {
			s := read(n(0), n(1))
			s.has = statement.Charge(s.name, 0) - v
			f.invoke(s)
		}),

		"event keys": one(func(f *forged, v uint64) { f.invoke(event(v, 0)(f)) }),
		"event data": one(func(f *forged, v uint64) { f.invoke(event(0, v)(f)) }),
		"events of a call from the protocol": one(func(f *forged, v uint64) {
			var list []*forgedSyscall
			for range v {
				list = append(list, event(0, 0)(f))
			}
			f.invoke(list...)
		}),
		"L1 address of a message": large(func(f *forged, v felt.Felt) {
			f.messages = []starknet.Message{{From: forgedAccount, To: v}}
			f.invoke(&forgedSyscall{name: "SendMessageToL1", request: request([]felt.Felt{v}, spanOf(0)), arrays: [][]felt.Felt{nil}})
		}),
		"storage key":            large(func(f *forged, v felt.Felt) { f.invoke(read(n(0), v)) }),
		"storage address domain": large(func(f *forged, v felt.Felt) { f.invoke(read(v, n(1))) }),
		"address of call_contract": large(func(f *forged, v felt.Felt) {
			f.before.contracts[v] = tokenCode
			f.invoke(callOf(&forgedCall{class: tokenCode, contract: v, caller: forgedAccount, selector: selector("f")}))
		}),
		"address of get_class_hash_at": large(func(f *forged, v felt.Felt) {
			f.invoke(&forgedSyscall{name: "GetClassHashAt", request: []felt.Felt{v}, response: words(0)})
		}),
		"block number above the newest with a readable hash": one(func(f *forged, v uint64) {
			f.before.slots[state.Slot{Contract: starknet.BlockHashAddress, Key: n(f.number - 10 + v)}] = n(0xb10c)
			f.invoke(&forgedSyscall{name: "GetBlockHash", request: words(f.number - 10 + v), response: words(0xb10c)})
		}),
		"words of keccak's input beyond whole blocks": one(func(f *forged, v uint64) {
			var block [25]uint64
			keccak.F1600(&block)
			f.invoke(&forgedSyscall{
				name: "Keccak", request: spanOf(17 + int(v)), arrays: [][]felt.Felt{felts(17 + v)}, extra: statement.KeccakRoundGas(),
				response: []felt.Felt{felt.FromUint128(block[1], block[0]), felt.FromUint128(block[3], block[2])},
			})
		}),
		"calldata of a class without a constructor (felts)": one(func(f *forged, v uint64) {
			f.deployContract(f.deployed(forgedAccount), int(v), n(0))
		}),
		"deploy_from_zero": large(func(f *forged, v felt.Felt) { f.deployContract(f.deployed(felt.Zero), 0, v) }),

		"blocks after the rounded number": one(func(f *forged, v uint64) {
			f.number, f.timestamp, f.rounded = 1200+v, 3600*1000, [2]uint64{1200, 3600 * 1000}
			f.deploy()
		}),
		"seconds after the rounded timestamp": one(func(f *forged, v uint64) {
			f.number, f.timestamp, f.rounded = 1200, 3600*1000+v, [2]uint64{1200, 3600 * 1000}
			f.deploy()
		}),
	})
}

// spend makes a call after which the account's balance is short less than the fee.
func (f *forged) spend(short uint64) {
	key := executor.BalanceKey(forgedAccount)
	f.balance(forgedAccount, n(forgedBound*10), n(0))
	write := &forgedSyscall{name: "StorageWrite", request: []felt.Felt{n(0), key, n(1)}}
	f.invoke(callOf(&forgedCall{
		class: tokenCode, contract: forgedToken, caller: forgedAccount, selector: selector("f"), syscalls: []*forgedSyscall{write},
	}))
	fee := f.receipt().ActualFee.Lo
	write.request[2] = n(fee - short)
	f.diff.Storage = []starknet.ContractStorage{{Address: forgedToken, Entries: []starknet.StorageEntry{{Key: key, Value: n(fee - short)}}}}
}

// deployed returns the address of the contract that a deployer deploys with the class without a constructor.
func (f *forged) deployed(deployer felt.Felt) felt.Felt {
	return starknet.ContractAddress(deployer, n(3), bareCode, nil)
}

// deployContract makes a call that deploys a contract of the class without a constructor.
func (f *forged) deployContract(contract felt.Felt, calldata int, fromZero felt.Felt) {
	f.diff.Deployed = []starknet.ContractClassHash{{Address: contract, ClassHash: bareCode}}
	f.invoke(&forgedSyscall{
		name: "Deploy", calls: true, charged: calldata,
		request: request([]felt.Felt{bareCode, n(3)}, spanOf(calldata), []felt.Felt{fromZero}), response: []felt.Felt{contract},
	})
}
