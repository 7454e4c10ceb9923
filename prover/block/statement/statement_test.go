package statement_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/casm"
	cairoos "github.com/starkd/starkd/cairo/os"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/starkcurve"
	"github.com/starkd/starkd/prover/block/statement"
	"github.com/starkd/starkd/starknet"

	"github.com/google/go-cmp/cmp"
)

func words(values ...uint64) (list []felt.Felt) {
	for _, v := range values {
		list = append(list, n(v))
	}
	return list
}

// span returns an array as the arguments of an entry point.
func span(values ...felt.Felt) []felt.Felt {
	return append(words(uint64(len(values))), values...)
}

// survive returns a call of the probe contract that makes another call and survives its failure.
func survive(contract felt.Felt, name string, calldata ...felt.Felt) call {
	return call{probeAt, "survive", append([]felt.Felt{contract, selector(name)}, span(calldata...)...)}
}

func transfer(to uint64, amount uint64) call {
	return call{starknet.StrkAddress, "transfer", words(to, amount, 0)}
}

// walkthrough holds transactions and calls of every kind. The outcomes are compared with the executor's receipts.
var walkthrough = []struct {
	name     string
	reverted bool
	send     func(c *chain) *starknet.Receipt
}{
	{name: "transfer", send: func(c *chain) *starknet.Receipt { return c.invoke(plenty, transfer(0xbe, 1000)) }},
	{name: "several calls", send: func(c *chain) *starknet.Receipt {
		return c.invoke(plenty, call{fibonacciAt, "store", words(30)}, call{counterA, "increment", nil}, call{counterB, "get", nil})
	}},
	{name: "no call", send: func(c *chain) *starknet.Receipt { return c.invoke(plenty) }},
	{name: "deploy", send: func(c *chain) *starknet.Receipt {
		counter := c.before.contracts[counterA]
		return c.invoke(plenty,
			call{starknet.UdcAddress, "deploy_contract", append([]felt.Felt{counter, n(1), felt.One}, span(n(7))...)},
			call{starknet.UdcAddress, "deployContract", append([]felt.Felt{counter, n(2), felt.Zero}, span(n(8))...)},
			call{starknet.UdcAddress, "deploy_contract", append([]felt.Felt{c.before.contracts[fibonacciAt], n(2), felt.Zero}, span()...)},
		)
	}},
	{name: "call in a call, and one that fails", send: func(c *chain) *starknet.Receipt {
		return c.invoke(plenty,
			call{counterA, "increment_other", []felt.Felt{counterB}},
			call{counterA, "try_decrement_other", []felt.Felt{counterB}},
			call{counterA, "try_decrement_other", []felt.Felt{counterB}},
		)
	}},
	{name: "panic", reverted: true, send: func(c *chain) *starknet.Receipt {
		return c.invoke(plenty, call{counterA, "increment", nil}, call{counterB, "decrement", nil})
	}},
	{name: "panic in a constructor", reverted: true, send: func(c *chain) *starknet.Receipt {
		return c.invoke(plenty, call{starknet.UdcAddress, "deploy_contract",
			append([]felt.Felt{c.before.contracts[counterA], n(1), felt.Zero}, span(felt.FromInt64(-1))...)})
	}},
	{name: "out of gas", reverted: true, send: func(c *chain) *starknet.Receipt {
		return c.invoke(4_000_000, call{probeAt, "spin", words(10_000)})
	}},
	{name: "call of nothing", reverted: true, send: func(c *chain) *starknet.Receipt {
		return c.invoke(plenty, call{n(0xdead), "increment", nil})
	}},
	{name: "more than its bounds", reverted: true, send: func(c *chain) *starknet.Receipt {
		return c.invoke(3_200_000, transfer(0xbf, 1), transfer(0xc0, 1), transfer(0xc1, 1), transfer(0xc2, 1), transfer(0xc3, 1))
	}},
	{name: "deploy account", send: func(c *chain) *starknet.Receipt {
		key := n(0x7654321)
		public, err := starkcurve.PublicKey(key)
		if err != nil {
			c.t.Fatal(err)
		}
		tx := &starknet.DeployAccount{
			Common: c.common(plenty), ClassHash: c.before.contracts[accountAddress], ContractAddressSalt: n(9), ConstructorCalldata: []felt.Felt{public},
		}
		tx.Nonce = felt.Zero
		c.invoke(plenty, call{starknet.StrkAddress, "transfer", []felt.Felt{tx.Sender(), felt.FromUint128(1, 0), felt.Zero}})
		return c.send(tx, &tx.Common, key)
	}},
	{name: "declare", send: func(c *chain) *starknet.Receipt {
		definition, code := c.class("factorial")
		tx := &starknet.Declare{
			Common: c.common(4_000_000_000), SenderAddress: c.account, Class: definition, ClassHash: definition.Hash(), CompiledClassHash: code.BlakeHash(),
		}
		return c.send(tx, &tx.Common, c.key)
	}},
	{name: "use of what was declared", send: func(c *chain) *starknet.Receipt {
		definition, _ := c.class("factorial")
		return c.invoke(plenty, call{probeAt, "library", append([]felt.Felt{definition.Hash(), selector("store")}, span(n(5))...)})
	}},
	{name: "calls that enter no code", send: func(c *chain) *starknet.Receipt {
		return c.invoke(plenty,
			survive(counterA, "no such entry point", n(1), n(2)),
			survive(c.account, "__execute__"),
			survive(counterB, "decrement"),
			call{probeAt, "extend_failure", []felt.Felt{counterB, selector("decrement")}},
			call{probeAt, "extend_failure", []felt.Felt{counterB, selector("none")}},
			call{probeAt, "extend_failure", []felt.Felt{counterB, selector("get")}},
		)
	}},
	{name: "execution info", send: func(c *chain) *starknet.Receipt {
		return c.invoke(plenty, call{probeAt, "note_info", nil}, survive(probeAt, "note_info"))
	}},
	{name: "keccak", send: func(c *chain) *starknet.Receipt {
		block := make([]felt.Felt, 34)
		for i := range block {
			block[i] = felt.FromUint64(uint64(i) << 57)
		}
		return c.invoke(plenty,
			call{probeAt, "digest", span()}, call{probeAt, "digest", span(block[:17]...)}, call{probeAt, "digest", span(block...)},
			call{probeAt, "digest", span(block[:18]...)})
	}},
	{name: "messages and events", send: func(c *chain) *starknet.Receipt {
		return c.invoke(plenty,
			call{probeAt, "message", append(words(0xe7), span(words(1, 2, 3)...)...)}, call{probeAt, "message", append(words(0xe8), span()...)},
			call{probeAt, "announce", append(span(words(1, 2)...), span(words(3, 4, 5)...)...)}, call{probeAt, "announce", append(span(), span()...)})
	}},
	{name: "classes and blocks", send: func(c *chain) *starknet.Receipt {
		return c.invoke(plenty,
			call{probeAt, "class_of", []felt.Felt{counterA}}, call{probeAt, "class_of", words(0xdead)},
			call{probeAt, "block_hash", words(3)}, call{probeAt, "block_hash", words(224)}, call{probeAt, "block_hash", words(225)})
	}},
	{name: "builtins", send: func(c *chain) *starknet.Receipt {
		return c.invoke(plenty, call{probeAt, "mix", words(0xff0f, 0x1234)}, call{probeAt, "mix", words(1, 2)})
	}},
	{name: "dictionaries", send: func(c *chain) *starknet.Receipt {
		return c.invoke(plenty, call{probeAt, "dictionary", words(7)}, call{probeAt, "dictionaries", words(4)}, call{probeAt, "dictionaries", words(5)})
	}},
	{name: "replace class", send: func(c *chain) *starknet.Receipt {
		return c.invoke(plenty, call{probeAt, "replace", []felt.Felt{c.before.contracts[counterA]}}, call{probeAt, "increment", nil})
	}},
}

// executeWalkthrough executes the whole walkthrough.
func executeWalkthrough(t *testing.T) *chain {
	t.Helper()
	c := newChain(t)
	for _, chapter := range walkthrough {
		if got := chapter.send(c); got.Reverted != chapter.reverted {
			t.Fatalf("%s: reverted is %t, want %t: %s", chapter.name, got.Reverted, chapter.reverted, got.RevertReason)
		}
	}
	return c
}

// transfers returns a block with one token transfer.
func transfers(t *testing.T) *chain {
	c := newChain(t)
	c.invoke(plenty, transfer(0xbe, 1000))
	return c
}

// check replays the claims and compares the outcome with the executor's receipts.
func (c *chain) check(claims ...*statement.Claim) *statement.Outcome {
	c.t.Helper()
	return c.checkBlock(c.statementBlock(), claims...)
}

func (c *chain) checkBlock(block *statement.Block, claims ...*statement.Claim) *statement.Outcome {
	c.t.Helper()
	outcome, err := statement.Check(claims, block, c.before)
	if err != nil {
		c.t.Fatal(err)
	}
	for i, got := range outcome.Transactions {
		want := c.receipts[i]
		if got.Hash != want.TransactionHash || got.Reverted != want.Reverted || got.Fee != want.ActualFee {
			c.t.Errorf("transaction %d: got %v, reverted %t, fee %v, want %v, %t, %v",
				i, got.Hash, got.Reverted, got.Fee, want.TransactionHash, want.Reverted, want.ActualFee)
		}
		// The receipt charges the proved calls and the unproven parts: the signature check, data, the transaction's overhead.
		var used uint64
		for _, call := range got.Calls {
			if call.Kind != statement.FeeTransferCall {
				used += call.Gas - call.GasLeft
			}
		}
		if used > want.Resources.L2Gas {
			c.t.Errorf("transaction %d: %d gas proved, the receipt charges %d", i, used, want.Resources.L2Gas)
		}
		if diff := cmp.Diff(want.Events, got.Events); diff != "" {
			c.t.Errorf("transaction %d: events: %s", i, diff)
		}
		if diff := cmp.Diff(want.Messages, got.Messages); diff != "" {
			c.t.Errorf("transaction %d: messages: %s", i, diff)
		}
	}
	want, err := c.st.Diff()
	if err != nil {
		c.t.Fatal(err)
	}
	if diff := cmp.Diff(*want, outcome.Diff); diff != "" {
		c.t.Errorf("state difference: %s", diff)
	}
	return outcome
}

func TestStory(t *testing.T) { both(t, story) }

func story(t *testing.T, format statement.Format) {
	c := executeWalkthrough(t)
	c.format = format
	claim, trace, err := c.run(0, len(c.recorded))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d transactions: %d steps, %d output words", len(c.recorded), trace.Public.Steps, len(claim.Output))
	outcome := c.check(claim)
	output, err := statement.Parse(claim.Output, claim.OutputAddress)
	if err != nil {
		t.Fatal(err)
	}
	var codes [4]int
	for _, record := range output.Blocks[0].Transactions {
		codes[record.Outcome]++
	}
	for code, count := range codes {
		if count == 0 {
			t.Errorf("no transaction with outcome %d", code)
		}
	}
	for i, record := range output.Blocks[0].Transactions {
		want := 0
		if format == statement.FormatStone {
			want++ // the signature check
		}
		if record.Outcome == statement.Aborted {
			want++
		}
		if got := outcome.Transactions[i].UnprovenParts; len(got) != want {
			t.Errorf("transaction %d: unproven parts are %v", i, got)
		}
	}

	t.Run("in parts", func(t *testing.T) {
		var claims []*statement.Claim
		for _, cut := range [][2]int{{0, 1}, {1, 9}, {9, len(c.recorded)}} {
			part, _, err := c.run(cut[0], cut[1])
			if err != nil {
				t.Fatal(err)
			}
			claims = append(claims, part)
		}
		c.check(claims...)
		for name, wrong := range map[string][]*statement.Claim{
			"none":         nil,
			"one left out": {claims[0], claims[2]},
			"one twice":    {claims[0], claims[1], claims[1], claims[2]},
			"out of order": {claims[1], claims[0], claims[2]},
			"last missing": claims[:2],
		} {
			if _, err := statement.Check(wrong, c.statementBlock(), c.before); err == nil {
				t.Errorf("%s: accepted", name)
			}
		}
	})
}

// replay replays one claim for a whole block, without the check of the program.
func (c *chain) replay(claim *statement.Claim, block *statement.Block) (*statement.Outcome, error) {
	outcomes, err := statement.CheckOutputs([]*statement.Claim{claim}, []*statement.Block{block}, []statement.State{c.before})
	if err != nil {
		return nil, err
	}
	return outcomes[0], nil
}

// TestEveryWordIsBound checks that every output word that the classes' code does not determine is bound: another value is
// rejected or changes the outcome.
func TestEveryWordIsBound(t *testing.T) { both(t, everyWordIsBound) }

func everyWordIsBound(t *testing.T, format statement.Format) {
	c := executeWalkthrough(t)
	c.format = format
	claim, _, err := c.run(0, len(c.recorded))
	if err != nil {
		t.Fatal(err)
	}
	output, err := statement.Parse(claim.Output, claim.OutputAddress)
	if err != nil {
		t.Fatal(err)
	}
	want, err := c.replay(claim, c.statementBlock())
	if err != nil {
		t.Fatal(err)
	}
	// A sample of the code is enough, because each word of it is compared alone.
	skip := make(map[int]bool)
	for _, class := range output.Classes {
		start := int(class.Address - claim.OutputAddress)
		for i := range class.Code {
			skip[start+i] = i%50 != 0
		}
	}
	step, deltas := 1, []felt.Felt{felt.One, felt.FromInt64(-1), felt.FromUint128(1<<40, 0)}
	if os.Getenv("STARKD_FULL") == "" {
		step, deltas = 13, deltas[:1]
	}
	made := output.MadeByCode(claim.Output)
	var accepted, tried int
	for i := 0; i < len(claim.Output); i += step {
		if skip[i] {
			continue
		}
		for _, delta := range deltas {
			tried++
			mutant := *claim
			mutant.Output = slices.Clone(claim.Output)
			mutant.Output[i].Add(&mutant.Output[i], &delta)
			got, err := c.replay(&mutant, c.statementBlock())
			if err != nil || !cmp.Equal(want, got) {
				continue
			}
			if accepted++; !made[i] {
				t.Errorf("output word %d: %v accepted in place of %v", i, mutant.Output[i], claim.Output[i])
			}
		}
	}
	t.Logf("%d mutants, %d accepted", tried, accepted)
}

// TestOtherBlock checks that a claim is rejected for any other block data.
func TestOtherBlock(t *testing.T) { both(t, otherBlock) }

func otherBlock(t *testing.T, format statement.Format) {
	c := executeWalkthrough(t)
	c.format = format
	claim, _, err := c.run(0, len(c.recorded))
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(b *statement.Block, before *memory){
		"chain id":  func(b *statement.Block, _ *memory) { b.ChainID = n(1) },
		"number":    func(b *statement.Block, _ *memory) { b.Number++ },
		"timestamp": func(b *statement.Block, _ *memory) { b.Timestamp++ },
		"sequencer": func(b *statement.Block, _ *memory) { b.Sequencer = n(1) },
		"fee token": func(b *statement.Block, _ *memory) { b.FeeToken = counterA },
		"a transaction": func(b *statement.Block, _ *memory) {
			tx := *b.Transactions[0].(*starknet.Invoke)
			tx.Calldata = slices.Clone(tx.Calldata)
			tx.Calldata[4] = n(0xbd)
			b.Transactions[0] = &tx
		},
		"a signature": func(b *statement.Block, _ *memory) {
			tx := *b.Transactions[0].(*starknet.Invoke)
			tx.Signature = slices.Clone(tx.Signature)
			tx.Signature[0] = n(1)
			b.Transactions[0] = &tx
		},
		"a transaction more": func(b *statement.Block, _ *memory) {
			b.Transactions, b.Results = append(b.Transactions, b.Transactions[0]), append(b.Results, b.Results[0])
		},
		"a transaction less": func(b *statement.Block, _ *memory) { b.Transactions, b.Results = b.Transactions[1:], b.Results[1:] },
		"a result less":      func(b *statement.Block, _ *memory) { b.Results = b.Results[1:] },
		"order": func(b *statement.Block, _ *memory) {
			b.Transactions[0], b.Transactions[1] = b.Transactions[1], b.Transactions[0]
			b.Results[0], b.Results[1] = b.Results[1], b.Results[0]
		},
		"signed difference": func(b *statement.Block, _ *memory) {
			b.Results[3] = &starknet.Result{Receipt: b.Results[3].Receipt, Diff: b.Results[4].Diff}
		},
		"signed fee": func(b *statement.Block, _ *memory) {
			result := *b.Results[3]
			result.Receipt.ActualFee = starknet.NewUint128(1)
			b.Results[3] = &result
		},
		"code": func(b *statement.Block, before *memory) {
			hash := before.contracts[counterA]
			class := *b.Classes[hash]
			class.Bytecode = slices.Clone(class.Bytecode)
			class.Bytecode[10] = felt.One
			b.Classes[hash] = &class
		},
		"compiled class hash": func(_ *statement.Block, before *memory) {
			class := *before.classes[before.contracts[counterA]]
			class.CompiledHash = n(1)
			before.classes[class.Hash] = &class
		},
		"class not declared":    func(_ *statement.Block, before *memory) { delete(before.classes, before.contracts[counterA]) },
		"class of a contract":   func(_ *statement.Block, before *memory) { before.contracts[counterA] = before.contracts[fibonacciAt] },
		"contract not deployed": func(_ *statement.Block, before *memory) { delete(before.contracts, counterA) },
		"balance":               func(_ *statement.Block, before *memory) { clear(before.slots) },
		"opening write": func(b *statement.Block, _ *memory) {
			b.Opening = []statement.Write{{starknet.BlockHashAddress, n(3), n(4)}}
		},
	} {
		block, before := c.statementBlock(), c.before.clone()
		block.Transactions, block.Results = slices.Clone(block.Transactions), slices.Clone(block.Results)
		classes := block.Classes
		block.Classes = make(map[felt.Felt]*casm.Class, len(classes))
		for hash, class := range classes {
			block.Classes[hash] = class
		}
		change(block, before)
		if _, err := statement.Check([]*statement.Claim{claim}, block, before); err == nil {
			t.Errorf("another %s: accepted", name)
		} else {
			t.Logf("another %s: %v", name, err)
		}
	}
}

// TestForgedStorageAnswer checks that a false response to a storage read is rejected. The run is honest otherwise, so a proof
// of it would verify, and nothing but the response depends on the false value.
func TestForgedStorageAnswer(t *testing.T) {
	c := newChain(t)
	honest := c.before.clone()
	c.before.slots[state.Slot{Contract: counterB, Key: selector("count")}] = n(5)
	c.invoke(plenty, call{counterB, "get", nil})
	claim, _, err := c.run(0, 1)
	if err != nil {
		t.Fatal(err)
	}
	c.check(claim) // accepted on the forged state
	_, err = statement.Check([]*statement.Claim{claim}, c.statementBlock(), honest)
	if err == nil || !strings.Contains(err.Error(), "read as 0x5, want 0x0") {
		t.Errorf("got %v, want a refusal of the answer 5", err)
	}
}

func TestNotProvable(t *testing.T) {
	for name, want := range map[string]cairoos.UnprovableError{
		"hades": {Builtin: "poseidon"},
		"sha":   {Syscall: cairo.Sha256ProcessBlock},
	} {
		c := newChain(t)
		c.invoke(plenty, call{probeAt, name, words(1)})
		_, _, err := c.run(0, 1)
		got, ok := errors.AsType[*cairoos.UnprovableError](err)
		if !ok {
			t.Fatalf("%s: got %v, want a NotProvableError", name, err)
		}
		want.Class, want.Selector = c.before.contracts[probeAt], selector(name)
		if *got != want {
			t.Errorf("%s: got %+v, want %+v", name, *got, want)
		}
	}
}

// TestOtherRecord checks that the OS rejects a call trace of another execution.
func TestOtherRecord(t *testing.T) {
	change := func(name string, f func(execute *cairo.CallTrace)) {
		c := transfers(t)
		for _, e := range c.recorded[0].Calls {
			if e.Call.Selector == selector("__execute__") {
				f(e)
			}
		}
		if _, _, err := c.run(0, 1); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	change("a syscall less", func(e *cairo.CallTrace) { e.Syscalls = e.Syscalls[:len(e.Syscalls)-1] })
	change("a syscall more", func(e *cairo.CallTrace) { e.Syscalls = append(e.Syscalls, e.Syscalls[0]) })
	change("another syscall", func(e *cairo.CallTrace) { e.Syscalls[0].Selector = cairo.StorageRead })
	change("other gas", func(e *cairo.CallTrace) { e.Syscalls[0].Gas++ })
}

// after returns the state after the chain's transactions.
func (c *chain) after() *memory {
	m := c.before.clone()
	for _, d := range c.diffs {
		for _, s := range d.Storage {
			for _, e := range s.Entries {
				m.slots[state.Slot{Contract: s.Address, Key: e.Key}] = e.Value
			}
		}
		for _, e := range d.Nonces {
			m.nonces[e.Address] = e.Nonce
		}
		for _, e := range slices.Concat(d.Deployed, d.Replaced) {
			m.contracts[e.Address] = e.ClassHash
		}
	}
	return m
}

// TestSharedClaim checks a claim about two blocks: it is accepted for both together, and for none of them alone, whatever the other part is. Code
// of a prover's own in one block could write the words of the other.
func TestSharedClaim(t *testing.T) {
	one := newChain(t)
	one.format = statement.FormatStwo
	one.invoke(plenty, transfer(0xbe, 1000))
	two := newChain(t)
	two.format, two.before, two.nonce = one.format, one.after(), one.nonce
	two.block.Number++
	two.block.Timestamp += 7
	two.invoke(plenty, transfer(0xbf, 1), call{fibonacciAt, "store", words(30)}) // fibonacci runs in this block only
	two.invoke(plenty, transfer(0xbf, 2))
	shared := func(blocks ...*cairoos.Block) *statement.Claim {
		trace, err := cairoos.Run(blocks, cairoos.Options{Layout: cairoos.LayoutStwo})
		if err != nil {
			t.Fatal(err)
		}
		claim, err := statement.ReadClaim(publicInput(trace))
		if err != nil {
			t.Fatal(err)
		}
		return claim
	}
	claim := shared(one.osBlock(0, 1), two.osBlock(0, 2))
	blocks, states := []*statement.Block{one.statementBlock(), two.statementBlock()}, []statement.State{one.before, two.before}
	outcomes, err := statement.CheckBlocks([]*statement.Claim{claim}, blocks, states)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range []*chain{one, two} {
		if len(outcomes[i].Transactions) != len(c.receipts) || outcomes[i].Transactions[0].Hash != c.receipts[0].TransactionHash {
			t.Errorf("block %d: %d transactions", i, len(outcomes[i].Transactions))
		}
	}
	// Parts of a block may be in several claims.
	parts := []*statement.Claim{shared(one.osBlock(0, 1), two.osBlock(0, 1)), shared(two.osBlock(1, 2))}
	if _, err := statement.CheckBlocks(parts, blocks, states); err != nil {
		t.Errorf("two claims: %v", err)
	}

	// A prover's own code in the second block.
	output, err := statement.Parse(claim.Output, claim.OutputAddress)
	if err != nil {
		t.Fatal(err)
	}
	forged := *claim
	forged.Output = slices.Clone(claim.Output)
	for _, class := range output.Classes {
		if class.Hash == one.before.contracts[fibonacciAt] {
			word := &forged.Output[class.Address-claim.OutputAddress+20]
			word.Add(word, &felt.One)
		}
	}
	refused := func(name, want string, claims []*statement.Claim, blocks []*statement.Block, states []statement.State) {
		t.Helper()
		if _, err := statement.CheckBlocks(claims, blocks, states); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want an error that says %q", name, err, want)
		}
	}
	whole := []*statement.Claim{claim}
	refused("the first block alone", "the output has transactions of block 0xeb, which is not one of the 1 blocks", whole, blocks[:1], states[:1])
	refused("the first block alone, with code of the prover's own in the second", "which is not one of the 1 blocks", []*statement.Claim{&forged}, blocks[:1], states[:1])
	refused("code of the prover's own", "word 20 of the code is", []*statement.Claim{&forged}, blocks, states)
	refused("the second block alone", "the output has transactions of block 0xea, which is not one of the 1 blocks", whole, blocks[1:], states[1:])
	refused("blocks in another order", "want ascending numbers", whole, []*statement.Block{blocks[1], blocks[0]}, []statement.State{states[1], states[0]})
	refused("a state less", "2 blocks with 1 states", whole, blocks, states[:1])
	refused("no blocks", "0 blocks with 0 states", whole, nil, nil)
	refused("the states swapped", "nonce is", whole, blocks, []statement.State{states[1], states[0]})
	refused("a claim less", "the claims and the unproven transactions are 1 transactions, the block has 2", parts[:1], blocks, states)
	refused("claims in another order", "block 235", []*statement.Claim{parts[1], parts[0]}, blocks, states)
	refused("a claim twice", "want 1 to 0", []*statement.Claim{claim, claim}, blocks, states)
	third := two.statementBlock()
	third.Number += 2
	refused("a block without a claim", "block 237: the claims and the unproven transactions are 0 transactions, the block has 2", whole,
		append(blocks, third), append(states, two.after()))
	empty := &statement.Block{Number: 300}
	if _, err := statement.CheckBlocks(whole, append(blocks, empty), append(states, two.after())); err != nil {
		t.Errorf("with a block without transactions: %v", err)
	}
}
