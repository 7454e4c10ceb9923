package executor

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"testing"

	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/native"
	"github.com/starkd/starkd/cairo/vm"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/boundary"
	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/constants"
)

// TestBoundaries checks that the last good value of every limit is allowed and the first bad one is rejected. Contracts are Go
// functions, so it tests the limits that the executor enforces with any engine. The one limit that engines enforce is tested on both.
func TestBoundaries(t *testing.T) {
	boundary.Run(t, boundary.Executor, map[string]func(value *big.Int) error{
		"nonce above the account's": func(v *big.Int) error {
			b := newBench(t)
			return b.send(returning(), func(tx *starknet.Invoke) { tx.Nonce = big2felt(v) })
		},
		"nonce below the account's": func(v *big.Int) error {
			b := newBench(t)
			b.st.SetNonce(accountAt, u(5))
			return b.send(returning(), func(tx *starknet.Invoke) { tx.Nonce = u(5 - v.Uint64()) })
		},
		"bits of the nonce": func(v *big.Int) error {
			b := newBench(t)
			nonce := big2felt(new(big.Int).Lsh(big.NewInt(1), uint(v.Uint64()-1)))
			b.st.SetNonce(accountAt, nonce)
			return b.send(returning(), func(tx *starknet.Invoke) { tx.Nonce = nonce })
		},
		"nonce data availability mode": changed(t, func(tx *starknet.Invoke, n int) { tx.NonceDAMode = starknet.DAMode(n) }),
		"fee data availability mode":   changed(t, func(tx *starknet.Invoke, n int) { tx.FeeDAMode = starknet.DAMode(n) }),
		"felts of paymaster data":      changed(t, func(tx *starknet.Invoke, n int) { tx.PaymasterData = make([]felt.Felt, n) }),
		"felts of account deployment data": changed(t, func(tx *starknet.Invoke, n int) {
			tx.AccountDeploymentData = make([]felt.Felt, n)
		}),
		"felts of proof facts":     changed(t, func(tx *starknet.Invoke, n int) { tx.ProofFacts = make([]felt.Felt, n) }),
		"query bit of the version": changed(t, func(tx *starknet.Invoke, n int) { tx.Query = n == 1 }),
		"class hash of a DECLARE": func(v *big.Int) error {
			b := newBench(t)
			hash := big2felt(v)
			b.declare(hash, nil) // caches the compiled class; the state below does not have it
			b.st = b.fresh()
			tx := &starknet.Declare{SenderAddress: accountAt, ClassHash: hash, CompiledClassHash: hash, Class: &starknet.ContractClass{}}
			tx.ResourceBounds.L2Gas = starknet.ResourceBound{MaxAmount: 1_000_000_000, MaxPricePerUnit: starknet.NewUint128(20)}
			_, err := b.x.Execute(b.st, b.b, tx, Options{})
			return err
		},
		"sender's address": func(v *big.Int) error {
			b := newBench(t)
			at := big2felt(v)
			b.st.SetClassHash(at, accountClass)
			b.st.SetStorage(tokenAt, BalanceKey(at), u(1<<60))
			return b.send(returning(), func(tx *starknet.Invoke) { tx.SenderAddress, tx.Nonce = at, felt.Zero })
		},

		"block's price above the sender's L2 gas price (FRI)": changed(t, func(tx *starknet.Invoke, n int) {
			tx.ResourceBounds.L2Gas.MaxPricePerUnit = starknet.NewUint128(10 - uint64(n))
		}),
		"balance short of the sum of the bounds (FRI)": func(v *big.Int) error {
			b := newBench(t)
			return b.send(returning(), func(tx *starknet.Invoke) {
				tx.Tip = 3
				most, _ := maxFee(&tx.ResourceBounds, tx.Tip)
				b.st.SetStorage(tokenAt, BalanceKey(accountAt), minus(most.Felt(), v))
			})
		},
		"balance short of the fee after execution (FRI)": func(v *big.Int) error {
			b := newBench(t)
			drain := func(left felt.Felt) contract { // leaves the account this balance
				return func(f *frame) ([]felt.Felt, []felt.Felt, error) {
					_, err := f.CallContract(&f.gas, tokenAt, Selector("leave"), []felt.Felt{left})
					return nil, nil, err
				}
			}
			b.e[tokenClass][Selector("leave")] = func(f *frame) ([]felt.Felt, []felt.Felt, error) {
				return nil, nil, f.StorageWrite(&f.gas, 0, BalanceKey(f.Caller), f.Calldata[0])
			}
			external := &b.x.Classes.find(tokenClass).Casm.EntryPoints.External
			*external = append(*external, (*external)[0])
			(*external)[len(*external)-1].Selector = Selector("leave")
			b.accept(drain(u(1 << 60))) // allocates the slots of the fee transfer
			fee := b.accept(drain(u(1 << 60))).Receipt.ActualFee
			return b.send(drain(minus(fee.Felt(), v)), nil)
		},
		"L2 gas above the bound after execution": func(v *big.Int) error {
			b := newBench(t)
			emit := func(f *frame) ([]felt.Felt, []felt.Felt, error) { // costs more than the least bound, and little Sierra gas
				return nil, nil, f.EmitEvent(&f.gas, nil, make([]felt.Felt, 100))
			}
			used := b.accept(emit).Receipt.Resources.L2Gas
			return b.send(emit, func(tx *starknet.Invoke) { tx.ResourceBounds.L2Gas.MaxAmount = used - v.Uint64() })
		},
		"L2 gas of the bound below the least": changed(t, func(tx *starknet.Invoke, n int) {
			tx.ResourceBounds.L2Gas.MaxAmount = LeastGas(tx) - uint64(n)
		}),
		"sum of the bounds (FRI)": func(v *big.Int) error {
			b := newBench(t)
			b.st.SetStorage(tokenAt, *new(felt.Felt).Add(ptr(BalanceKey(accountAt)), &felt.One), felt.One) // 2^128 and more
			return b.send(returning(), func(tx *starknet.Invoke) {
				rest, _ := starknet.Uint128FromFelt(big2felt(new(big.Int).Sub(v, big.NewInt(1_000_000_000*20))))
				tx.ResourceBounds.L1Gas = starknet.ResourceBound{MaxAmount: 1, MaxPricePerUnit: rest}
			})
		},

		"gas of __validate__": func(v *big.Int) error {
			b := newBench(t)
			b.e[accountClass][validateSelector] = needing(v, validated)
			return b.send(returning(), func(tx *starknet.Invoke) { tx.ResourceBounds.L2Gas.MaxAmount = 5_000_000_000 })
		},
		"gas of __execute__": func(v *big.Int) error {
			return newBench(t).send(needing(v), func(tx *starknet.Invoke) { tx.ResourceBounds.L2Gas.MaxAmount = 5_000_000_000 })
		},
		"gas of a DEPLOY_ACCOUNT's constructor": func(v *big.Int) error { return newBench(t).deployAccount(needing(v)) },
		"gas of the fee transfer": func(v *big.Int) error {
			b := newBench(t)
			transfer := b.e[tokenClass][transferSelector]
			b.e[tokenClass][transferSelector] = func(f *frame) ([]felt.Felt, []felt.Felt, error) {
				if _, panicked, _ := needing(v)(f); panicked != nil {
					return nil, panicked, nil
				}
				return transfer(f)
			}
			return b.send(returning(), nil)
		},

		"call depth": func(v *big.Int) error {
			b := newBench(t)
			left := v.Int64()
			var down contract = func(f *frame) (_, _ []felt.Felt, err error) {
				if left--; left > 0 {
					_, err = f.CallContract(&f.gas, userAt, Selector("down"), nil)
				}
				return nil, nil, err
			}
			b.user(map[string]contract{"down": down})
			return b.send(down, nil)
		},
		"gas missing to enter an entry point": within(t, func(b *bench, f *frame, v *big.Int) error {
			gas := price(cairo.CallContract).gas(0) - constants.SyscallBaseGas + constants.EntryPointGas - v.Uint64()
			_, err := f.CallContract(&gas, userAt, Selector("f"), nil)
			return err
		}),
		"gas missing for a syscall": within(t, func(b *bench, f *frame, v *big.Int) error {
			gas := price(cairo.StorageRead).gas(0) - constants.SyscallBaseGas - v.Uint64()
			_, err := f.StorageRead(&gas, 0, u(1))
			return err
		}),

		"event keys": within(t, func(_ *bench, f *frame, v *big.Int) error {
			return f.EmitEvent(&f.gas, make([]felt.Felt, v.Int64()), nil)
		}),
		"event data": within(t, func(_ *bench, f *frame, v *big.Int) error {
			return f.EmitEvent(&f.gas, nil, make([]felt.Felt, v.Int64()))
		}),
		"events of a call from the protocol": within(t, func(_ *bench, f *frame, v *big.Int) (err error) {
			for range v.Int64() {
				if err = f.EmitEvent(&f.gas, nil, nil); err != nil {
					return err
				}
			}
			return nil
		}),
		"L1 address of a message": within(t, func(_ *bench, f *frame, v *big.Int) error {
			return f.SendMessageToL1(&f.gas, big2felt(v), nil)
		}),
		"storage key": within(t, func(_ *bench, f *frame, v *big.Int) error {
			_, err := f.StorageRead(&f.gas, 0, big2felt(v))
			return errors.Join(err, f.StorageWrite(&f.gas, 0, big2felt(v), u(1)))
		}),
		"storage address domain": within(t, func(_ *bench, f *frame, v *big.Int) error {
			_, err := f.StorageRead(&f.gas, uint32(v.Uint64()), u(1))
			return errors.Join(err, f.StorageWrite(&f.gas, uint32(v.Uint64()), u(1), u(1)))
		}),
		"address of call_contract": within(t, func(b *bench, f *frame, v *big.Int) error {
			_, err := f.CallContract(&f.gas, big2felt(v), Selector("f"), nil)
			return err
		}),
		"address of get_class_hash_at": within(t, func(_ *bench, f *frame, v *big.Int) error {
			_, err := f.GetClassHashAt(&f.gas, big2felt(v))
			return err
		}),
		"block number above the newest with a readable hash": within(t, func(b *bench, f *frame, v *big.Int) error {
			_, err := f.GetBlockHash(&f.gas, b.b.Number-constants.BlockHashLag+v.Uint64())
			return err
		}),
		"words of keccak's input beyond whole blocks": func(v *big.Int) error { return keccakOnEngines(t, 17+int(v.Int64())) },
		"calldata of a class without a constructor (felts)": within(t, func(_ *bench, f *frame, v *big.Int) error {
			_, _, err := f.Deploy(&f.gas, userClass, u(1), make([]felt.Felt, v.Int64()), false)
			return err
		}),

		"other contracts that validation calls": func(v *big.Int) error {
			b := newBench(t)
			b.user(map[string]contract{"f": returning()})
			b.e[accountClass][validateSelector] = callingOwnOr(v, validated)
			return b.send(returning(), nil)
		},
		"other contracts that a DEPLOY_ACCOUNT's constructor calls": func(v *big.Int) error {
			b := newBench(t)
			b.user(map[string]contract{"f": returning()})
			return b.deployAccount(callingOwnOr(v))
		},
		"blocks after the rounded number":     rounded(t, func(b *Block, n uint64) { b.Number = 1200 + n }, func(i *cairo.ExecutionInfo) bool { return i.BlockNumber == 1200 }),
		"seconds after the rounded timestamp": rounded(t, func(b *Block, n uint64) { b.Timestamp = 36_000 + n }, func(i *cairo.ExecutionInfo) bool { return i.BlockTimestamp == 36_000 }),
	})
}

func ptr(x felt.Felt) *felt.Felt { return &x }

func big2felt(v *big.Int) felt.Felt { return felt.FromBigInt(v) }

// minus returns x - v.
func minus(x felt.Felt, v *big.Int) felt.Felt { return *new(felt.Felt).Sub(&x, ptr(big2felt(v))) }

// send executes f in an INVOKE, to which change is applied first if it is not nil. The error is the rejection or the revert
// reason.
func (b *bench) send(f contract, change func(*starknet.Invoke)) error {
	tx := b.invoke(f)
	if change != nil {
		change(tx)
	}
	out, err := b.x.Execute(b.st, b.b, tx, Options{})
	if err == nil && out.Receipt.Reverted {
		return errors.New(out.Receipt.RevertReason)
	}
	return err
}

// fresh returns a state with the bench's account and fee token but no classes that were declared later.
func (b *bench) fresh() *state.Overlay {
	st := state.NewOverlay(nothing{})
	for _, class := range []felt.Felt{accountClass, tokenClass} {
		st.Declare(&state.Class{Hash: class, CompiledHash: class, Definition: &starknet.ContractClass{}})
	}
	st.SetClassHash(accountAt, accountClass)
	st.SetClassHash(tokenAt, tokenClass)
	st.SetStorage(tokenAt, BalanceKey(accountAt), u(1<<60))
	return st
}

// changed returns a function that sends an INVOKE after change has set one of its fields to the value.
func changed(t *testing.T, change func(tx *starknet.Invoke, n int)) func(*big.Int) error {
	return func(v *big.Int) error {
		return newBench(t).send(returning(), func(tx *starknet.Invoke) { change(tx, int(v.Int64())) })
	}
}

// within returns a function that makes a syscall inside an INVOKE. The contracts at userAt and at the largest address have an entry
// point f. A failure of the syscall is the error even if the contract could catch it.
func within(t *testing.T, do func(b *bench, f *frame, v *big.Int) error) func(*big.Int) error {
	return func(v *big.Int) error {
		b := newBench(t)
		b.user(map[string]contract{"f": returning()})
		b.st.SetClassHash(minus(felt.FromLimbs([4]uint64{3: 1 << 59}), big.NewInt(1)), userClass)
		var failed error
		err := b.send(func(f *frame) ([]felt.Felt, []felt.Felt, error) {
			failed = do(b, f, v)
			return nil, nil, failed
		}, nil)
		if err == nil && failed != nil {
			return failed
		}
		return err
	}
}

// needing returns a contract that panics if the call has less gas.
func needing(gas *big.Int, retdata ...felt.Felt) contract {
	return func(f *frame) ([]felt.Felt, []felt.Felt, error) {
		if f.Call.Gas < gas.Uint64() {
			return nil, []felt.Felt{outOfGas}, nil
		}
		return retdata, nil, nil
	}
}

// callingOwnOr returns a contract that calls itself, or another one if v is not 0.
func callingOwnOr(v *big.Int, retdata ...felt.Felt) contract {
	return func(f *frame) ([]felt.Felt, []felt.Felt, error) {
		to, name := f.Contract, "__validate_declare__"
		if v.Sign() > 0 {
			to, name = userAt, "f"
		}
		_, err := f.CallContract(&f.gas, to, Selector(name), nil)
		return retdata, nil, err
	}
}

// deployAccount deploys an account with that constructor.
func (b *bench) deployAccount(constructor contract) error {
	class := u(0xdac)
	b.declare(class, map[string]contract{
		"constructor": constructor, "__validate_deploy__": returning(validated), "__validate_declare__": returning(validated),
	})
	tx := &starknet.DeployAccount{ClassHash: class}
	tx.ResourceBounds.L2Gas = starknet.ResourceBound{MaxAmount: 5_000_000_000, MaxPricePerUnit: starknet.NewUint128(20)}
	b.st.SetStorage(tokenAt, BalanceKey(tx.Sender()), u(1<<60))
	_, err := b.x.Execute(b.st, b.b, tx, Options{})
	return err
}

// rounded returns a function that reads the block in a constructor, and returns an error if its number or time is not rounded.
func rounded(t *testing.T, set func(b *Block, n uint64), is func(*cairo.ExecutionInfo) bool) func(*big.Int) error {
	return func(v *big.Int) error {
		b := newBench(t)
		set(b.b, v.Uint64())
		var seen error
		err := b.deployAccount(func(f *frame) ([]felt.Felt, []felt.Felt, error) {
			info, err := f.GetExecutionInfo(&f.gas)
			if err == nil && !is(info) {
				seen = fmt.Errorf("the constructor sees block %d at %d", info.BlockNumber, info.BlockTimestamp)
			}
			return nil, nil, err
		})
		return errors.Join(err, seen)
	}
}

// keccakOnEngines hashes a number of words by the keccak syscall, called from a contract on both engines, which must agree.
func keccakOnEngines(t *testing.T, words int) error {
	data, err := os.ReadFile(filepath.Join(golden.ModuleRoot(t), "cairo", "native", "testdata", "curves.contract_class.json"))
	if err != nil {
		t.Fatal(err)
	}
	definition := new(starknet.ContractClass)
	if err := json.Unmarshal(data, definition); err != nil {
		t.Fatal(err)
	}
	calldata := []felt.Felt{u(uint64(words))}
	for range words {
		calldata = append(calldata, felt.One)
	}
	machine := vm.NewEngine()
	code, err := native.NewEngine(machine, native.Options{})
	if err != nil {
		t.Fatal(err)
	}
	x := &Executor{Engine: cairo.Both(code, machine), Classes: NewClasses(nil)}
	class, err := x.Classes.Compile(definition.Hash(), definition)
	if err != nil {
		t.Fatal(err)
	}
	stored, err := Stored(class, definition)
	if err != nil {
		t.Fatal(err)
	}
	st := state.NewOverlay(nothing{})
	st.Declare(stored)
	st.SetClassHash(userAt, class.Hash)
	f, err := x.Call(st, &Block{Number: 1234}, userAt, Selector("raw_keccak"), calldata)
	if err == nil && !f.Failed && f.Retdata[0] == felt.One { // Result::Err of an array
		return errors.New(starknet.PanicText(f.Retdata[2:]))
	}
	if _, rejected := errors.AsType[*Rejection](err); err != nil && !rejected {
		t.Fatal(err)
	}
	return err
}
