package statement_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/prover/block/statement"
	"github.com/starkd/starkd/starknet"
)

// mixed returns a block of which more than half is unproven. Later transactions depend on every unproven one.
func mixed(t *testing.T) *chain {
	c := newChain(t)
	counter := c.before.contracts[counterA]
	invoke := func(calls ...call) {
		t.Helper()
		if got := c.invoke(plenty, calls...); got.Reverted {
			t.Fatalf("%v: %s", calls, got.RevertReason)
		}
	}
	deploy := call{starknet.UdcAddress, "deploy_contract", append([]felt.Felt{counter, n(1), felt.One}, span(n(7))...)}
	hades := call{probeAt, "hades", words(1)}
	invoke(hades, call{counterA, "increment", nil})
	invoke(call{counterA, "increment", nil})
	invoke(deploy, hades)
	invoke(call{c.diffs[2].Deployed[0].Address, "increment", nil})
	invoke(call{probeAt, "sha", words(1)})
	if got := c.invoke(plenty, hades, call{counterA, "increment", nil}, call{counterB, "decrement", nil}); !got.Reverted {
		t.Fatal("0 was decremented")
	}
	invoke(call{probeAt, "spin", words(20_000)})
	invoke(hades, call{probeAt, "replace", []felt.Felt{counter}}, call{counterB, "increment", nil})
	invoke(call{probeAt, "increment", nil}, call{counterB, "increment", nil})
	invoke(call{counterA, "increment", nil}, call{counterA, "decrement", nil}, call{counterB, "get", nil})
	return c
}

func TestUncoveredTransactions(t *testing.T) {
	step := 5
	if os.Getenv("STARKD_FULL") != "" {
		step = 1
	}
	c := mixed(t)
	claims, unproven := c.parts(1 << 17)
	if len(claims) != 1 {
		t.Errorf("%d claims, want 1 for the proven transactions between the unproven ones", len(claims))
	}
	want := []struct {
		index  int
		reason string
	}{{0, "builtin poseidon"}, {2, "builtin poseidon"}, {4, "syscall " + string(cairo.Sha256ProcessBlock)}, {5, "builtin poseidon"}, {6, "more than 131072 steps"}, {7, "builtin poseidon"}}
	if len(unproven) != len(want) {
		t.Fatalf("unproven are %v", unproven)
	}
	block := c.statementBlock()
	block.Unproven = unproven
	outcome := c.checkBlock(block, claims...)
	for i, w := range want {
		reason := outcome.Transactions[w.index].Unproven
		if unproven[i].Index != w.index || reason == nil || !strings.Contains(reason.String(), w.reason) {
			t.Errorf("transaction %d is unproven for %v, want %d for %s", unproven[i].Index, reason, w.index, w.reason)
		}
	}
	for _, i := range []int{1, 3, 8, 9} {
		if outcome.Transactions[i].Unproven != nil {
			t.Errorf("transaction %d is listed as unproven", i)
		}
	}

	// The same with one claim for each run of proven transactions.
	var single []*statement.Claim
	for _, run := range [][2]int{{1, 2}, {3, 4}, {8, 10}} {
		claim, _, err := c.run(run[0], run[1])
		if err != nil {
			t.Fatal(err)
		}
		single = append(single, claim)
	}
	c.checkBlock(block, single...)

	rejected := func(name string, claims []*statement.Claim, change func(b *statement.Block)) {
		t.Helper()
		changed := *block
		changed.Unproven, changed.Results = slices.Clone(unproven), slices.Clone(block.Results)
		change(&changed)
		if _, err := statement.Check(claims, &changed, c.before); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for i := range unproven {
		for at := 0; at < len(unproven[i].Diff); at += step {
			rejected("a flipped byte of a difference", claims, func(b *statement.Block) {
				b.Unproven[i].Diff = slices.Clone(b.Unproven[i].Diff)
				b.Unproven[i].Diff[at] ^= 1 << (at % 8)
			})
		}
		rejected("a difference cut short", claims, func(b *statement.Block) { b.Unproven[i].Diff = b.Unproven[i].Diff[:20] })
		rejected("the next one's difference", claims, func(b *statement.Block) { b.Unproven[i].Diff = unproven[(i+1)%len(unproven)].Diff })
		rejected("one left out", claims, func(b *statement.Block) { b.Unproven = slices.Delete(b.Unproven, i, i+1) })
		rejected("one twice", claims, func(b *statement.Block) { b.Unproven = slices.Insert(b.Unproven, i, b.Unproven[i]) })
		for delta := -9; delta <= 9; delta++ {
			if delta != 0 {
				rejected("another index", claims, func(b *statement.Block) { b.Unproven[i].Index += delta })
			}
		}
		signed := *block.Results[unproven[i].Index]
		for name, change := range map[string]func(r *statement.Reason){
			"no reason":          func(r *statement.Reason) { *r = statement.Reason{} },
			"two reasons":        func(r *statement.Reason) { r.MaxSteps, r.Syscall = 1<<17, "MetaTxV0" },
			"a provable builtin": func(r *statement.Reason) { r.Builtin, r.Syscall, r.MaxSteps = "pedersen", "", 0 },
			"another builtin":    func(r *statement.Reason) { r.Builtin, r.Syscall, r.MaxSteps = "poseidoo", "", 0 },
			"a provable syscall": func(r *statement.Reason) { r.Builtin, r.Syscall, r.MaxSteps = "", "StorageRead", 0 },
			"no such syscall":    func(r *statement.Reason) { r.Builtin, r.Syscall, r.MaxSteps = "", "Sha256", 0 },
			"few steps":          func(r *statement.Reason) { *r = statement.Reason{MaxSteps: 1 << 16} },
			"odd steps":          func(r *statement.Reason) { *r = statement.Reason{MaxSteps: 1<<17 + 1} },
			"another class":      func(r *statement.Reason) { r.Class = n(1) },
			"another selector":   func(r *statement.Reason) { r.Selector = n(1) },
		} {
			rejected(name, claims, func(b *statement.Block) { change(&b.Unproven[i].Reason) })
		}
		other := signed
		other.Diff[3] ^= 1
		rejected("another signed difference", claims, func(b *statement.Block) { b.Results[unproven[i].Index] = &other })
	}
	rejected("a covered one as well", claims, func(b *statement.Block) {
		diff, err := c.diffs[1].MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		b.Unproven = slices.Insert(b.Unproven, 1, statement.Unproven{Index: 1, Reason: statement.Reason{MaxSteps: 1 << 17}, Diff: diff})
	})
	rejected("no claim", nil, func(*statement.Block) {})
	rejected("a claim less", single[:2], func(*statement.Block) {})
	rejected("claims out of order", []*statement.Claim{single[1], single[0], single[2]}, func(*statement.Block) {})
	rejected("a claim twice", append(slices.Clone(single), single[2]), func(*statement.Block) {})
}

// Accounts whose signature checks have effects.
var restlessAt, restlessToo = n(0x4e57), n(0x4e58)

// restless returns a block of transactions whose signature checks write, emit events, send messages and replace the class,
// before executions that read the written values, fail, or use the new class.
func restless(t *testing.T) *chain {
	c := newChain(t)
	class := c.declared("restless")
	for _, address := range []felt.Felt{restlessAt, restlessToo} {
		c.before.contracts[address] = class
		c.fund(address)
	}
	c.invoke(plenty, transfer(0xbe, 1))

	c.account, c.nonce = restlessAt, 0
	c.invoke(plenty, transfer(0xbf, 2))
	if got := c.invoke(plenty, call{counterB, "decrement", nil}); !got.Reverted || len(got.Events) != 2 || len(got.Messages) != 1 {
		t.Fatalf("reverted: %+v", got)
	}
	if got := c.invoke(3_500_000, transfer(0xbf, 1), transfer(0xc0, 1), transfer(0xc1, 1), transfer(0xc2, 1), transfer(0xc3, 1)); !got.Reverted {
		t.Fatal("within its bounds")
	}
	if got := c.invoke(plenty, call{n(0xdead), "none", nil}); !got.Reverted {
		t.Fatal("a call of nothing succeeds")
	}
	definition, code := c.class("factorial")
	declare := &starknet.Declare{
		Common: c.common(4_000_000_000), SenderAddress: restlessAt, Class: definition, ClassHash: definition.Hash(), CompiledClassHash: code.BlakeHash(),
	}
	c.send(declare, &declare.Common, c.key)
	deploy := &starknet.DeployAccount{Common: c.common(plenty), ClassHash: class, ContractAddressSalt: n(3), ConstructorCalldata: words(40)}
	deploy.Nonce = felt.Zero
	c.invoke(plenty, call{starknet.StrkAddress, "transfer", []felt.Felt{deploy.Sender(), felt.FromUint128(1, 0), felt.Zero}})
	c.send(deploy, &deploy.Common, c.key)
	c.invoke(plenty, call{restlessAt, "turn", []felt.Felt{c.before.contracts[accountAddress]}})
	if got := c.invoke(plenty, transfer(0xbf, 2)); got.Reverted || len(got.Events) != 3 { // events of the check, the transfer and the fee transfer, but no Done
		t.Fatalf("as another class: %+v", got)
	}

	// A signature check may even replace the class by one without __execute__.
	c.account, c.nonce = restlessToo, 0
	c.invoke(plenty, call{restlessToo, "turn", []felt.Felt{c.before.contracts[counterA]}})
	if got := c.invoke(plenty); !got.Reverted {
		t.Fatal("a counter executes")
	}
	return c
}

func TestValidationsThatLeaveSomething(t *testing.T) {
	step := 5
	if os.Getenv("STARKD_FULL") != "" {
		step = 1
	}
	c := restless(t)
	claims, unproven := c.parts(1 << 17)
	if len(unproven) != 0 || len(c.validations) != len(c.transactions)-1 {
		t.Fatalf("unproven are %v, %d signature checks left something", unproven, len(c.validations))
	}
	outcome := c.check(claims...)
	for i, tx := range outcome.Transactions {
		named := slices.ContainsFunc(tx.UnprovenParts, func(s string) bool { return strings.Contains(s, "storage writes") })
		if named != (i > 0) {
			t.Errorf("transaction %d: unproven parts are %v", i, tx.UnprovenParts)
		}
	}
	last := c.validations[len(c.validations)-1]
	if last.Class == nil || len(last.Storage) == 0 || last.Events != 1 || last.Messages != 1 {
		t.Errorf("the last signature check left %+v", last)
	}

	rejected := func(name string, change func(b *statement.Block)) {
		t.Helper()
		block := c.statementBlock()
		block.Validations = make([]statement.Validation, len(c.validations))
		for i, v := range c.validations {
			v.Storage = slices.Clone(v.Storage)
			block.Validations[i] = v
		}
		change(block)
		if _, err := statement.Check(claims, block, c.before); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for i, v := range c.validations {
		for k := range v.Storage {
			for bit := range 251 {
				// No signed difference contains the slot that __execute__ reads and clears, but the execution shows the value
				// that it read.
				if bit%(25*step) != 0 {
					continue
				}
				rejected("another value", func(b *statement.Block) { flip(&b.Validations[i].Storage[k].Value, bit) })
				rejected("another key", func(b *statement.Block) { flip(&b.Validations[i].Storage[k].Key, bit) })
			}
			rejected("a write less", func(b *statement.Block) { b.Validations[i].Storage = slices.Delete(b.Validations[i].Storage, k, k+1) })
			rejected("a write twice", func(b *statement.Block) {
				b.Validations[i].Storage = slices.Insert(b.Validations[i].Storage, k, v.Storage[k])
			})
		}
		rejected("a write more", func(b *statement.Block) {
			b.Validations[i].Storage = append(b.Validations[i].Storage, statement.SlotChange{Key: felt.MustHex("0x" + strings.Repeat("7", 62)), Value: felt.One})
		})
		for _, delta := range []int{-2, -1, 1, 2} {
			rejected("another number of events", func(b *statement.Block) { b.Validations[i].Events += delta })
			rejected("another number of messages", func(b *statement.Block) { b.Validations[i].Messages += delta })
			rejected("another index", func(b *statement.Block) { b.Validations[i].Index += delta })
		}
		rejected("no signature check", func(b *statement.Block) { b.Validations = slices.Delete(b.Validations, i, i+1) })
		rejected("nothing", func(b *statement.Block) { b.Validations[i] = statement.Validation{Index: v.Index} })
		rejected("another class", func(b *statement.Block) { b.Validations[i].Class = &c.block.ChainID })
		rejected("another declared class", func(b *statement.Block) { hash := c.before.contracts[fibonacciAt]; b.Validations[i].Class = &hash })
	}
	rejected("no new class", func(b *statement.Block) { b.Validations[len(b.Validations)-1].Class = nil })
	rejected("an event of another transaction's sender", func(b *statement.Block) {
		b.Validations = slices.Insert(b.Validations, 0, statement.Validation{Index: 0, Events: 1})
	})
	rejected("a signature check of an unproven transaction", func(b *statement.Block) {
		diff, err := c.diffs[1].MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		b.Unproven = []statement.Unproven{{Index: 1, Reason: statement.Reason{MaxSteps: 1 << 17}, Diff: diff}}
	})
}

// flip flips a bit of a felt.
func flip(x *felt.Felt, bit int) {
	b := x.Bytes()
	b[31-bit/8] ^= 1 << (bit % 8)
	*x = felt.FromBytesReduce(b[:])
}

// TestUnknownSyscalls checks that unprovableSyscalls are exactly the syscalls that the program does not support.
func TestUnknownSyscalls(t *testing.T) {
	for _, name := range []cairo.Selector{
		cairo.MetaTxV0, cairo.Sha256ProcessBlock, cairo.Sha512ProcessBlock, cairo.Secp256k1New, cairo.Secp256k1Add, cairo.Secp256k1Mul,
		cairo.Secp256k1GetPointFromX, cairo.Secp256k1GetXy, cairo.Secp256r1New, cairo.Secp256r1Add, cairo.Secp256r1Mul,
		cairo.Secp256r1GetPointFromX, cairo.Secp256r1GetXy,
	} {
		if !statement.IsUnknownSyscall(string(name)) {
			t.Errorf("%s is neither answered nor a reason", name)
		}
	}
	for _, name := range []cairo.Selector{
		cairo.StorageRead, cairo.StorageWrite, cairo.EmitEvent, cairo.CallContract, cairo.LibraryCall, cairo.Deploy, cairo.GetExecutionInfo,
		cairo.GetBlockHash, cairo.GetClassHashAt, cairo.ReplaceClass, cairo.SendMessageToL1, cairo.Keccak,
	} {
		if statement.IsUnknownSyscall(string(name)) {
			t.Errorf("%s is answered and a reason", name)
		}
	}
}
