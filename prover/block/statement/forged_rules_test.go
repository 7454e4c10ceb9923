package statement_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/starkd/starkd/app/executor"
	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/prover/block/statement"
	"github.com/starkd/starkd/starknet"
)

// TestForgedRules checks rules that are not bounds: each forged block breaks one and is rejected for it.
func TestForgedRules(t *testing.T) {
	inner := func(at felt.Felt) *forgedCall {
		return &forgedCall{class: tokenCode, contract: at, caller: forgedAccount, selector: selector("f")}
	}
	// deploying makes a DEPLOY_ACCOUNT whose constructor makes a syscall that validation must not make.
	deploying := func(f *forged, s *forgedSyscall) {
		if s.inner != nil {
			s.inner.caller = (&starknet.DeployAccount{ClassHash: accountCode, ContractAddressSalt: n(5)}).Sender()
		}
		f.deploy(s)
	}
	panicked := func(f *forged, data ...felt.Felt) {
		f.outcome, f.main.failed, f.main.retdata = statement.Panicked, true, data
		frame := &starknet.PanicFrame{Contract: forgedAccount, ClassHash: accountCode, Selector: selector("__execute__"), Failed: true, Retdata: data}
		f.reason = starknet.RevertReason(starknet.ExecutionHeader, &starknet.ErrorTrace{
			Frames: []starknet.ErrorFrame{{Title: starknet.CallTitle, Contract: frame.Contract, ClassHash: frame.ClassHash, Selector: frame.Selector}},
			Cause:  starknet.PanicSummary(starknet.ExecutionPanicHeader, frame),
		})
	}
	for _, x := range []struct {
		name   string
		change func(f *forged)
		want   string // "" for a block that breaks no rule
	}{
		{"a panic", func(f *forged) { panicked(f, words(1, 2)...) }, ""},
		{"a panic of more gas than the bound", func(f *forged) {
			f.tx.Fields().ResourceBounds.L2Gas.MaxAmount = 489_999
			panicked(f, words(1)...)
		}, ""},
		{"another panic's reason", func(f *forged) { panicked(f, words(1, 2)...); f.main.retdata = words(1, 3) }, "the revert reason is"},
		{"a reason without a revert", func(f *forged) { f.reason = "no" }, `succeeded, but the signed receipt has the revert reason "no"`},

		{"execute with less gas", func(f *forged) { f.given = 1_109_999_999 }, "__execute__ received 1109999999 gas, want 1110000000"},
		{"execute with the gas of the check", func(f *forged) {
			f.tx.Fields().ResourceBounds.L2Gas.MaxAmount, f.validated, f.given = 1_000_000, 400_000, 600_001
		}, "__execute__ received 600001 gas, want 600000"},
		{"execute with what the check left", func(f *forged) {
			f.tx.Fields().ResourceBounds.L2Gas.MaxAmount, f.validated, f.given = 1_000_000, 400_000, 600_000
		}, ""},
		// With a bound below the most that __execute__ may use, the gas of __execute__ depends on the other charges.
		{"an event's keys and data", func(f *forged) {
			f.events = []starknet.Event{{From: forgedAccount, Keys: words(1, 2, 3), Data: words(4)}}
			f.invoke(&forgedSyscall{name: "EmitEvent", request: request(spanOf(3), spanOf(1)), arrays: [][]felt.Felt{words(1, 2, 3), words(4)}})
			f.tx.Fields().ResourceBounds.L2Gas.MaxAmount = 1_000_000
		}, ""},
		{"a message's header and payload", func(f *forged) {
			f.messages = []starknet.Message{{From: forgedAccount, To: n(1), Payload: words(4, 5)}}
			f.invoke(&forgedSyscall{name: "SendMessageToL1", request: request(words(1), spanOf(2)), arrays: [][]felt.Felt{words(4, 5)}, charged: 2})
			f.tx.Fields().ResourceBounds.L2Gas.MaxAmount = 1_000_000
		}, ""},
		{"a slot that had a value", func(f *forged) {
			f.before.slots[state.Slot{Contract: forgedAccount, Key: n(1)}] = n(4)
			f.diff.Storage = []starknet.ContractStorage{{Address: forgedAccount, Entries: []starknet.StorageEntry{{Key: n(1), Value: n(5)}}}}
			f.invoke(&forgedSyscall{name: "StorageWrite", request: words(0, 1, 5)})
			f.tx.Fields().ResourceBounds.L2Gas.MaxAmount = 1_000_000
		}, ""},
		{"a slot that stays zero", func(f *forged) {
			f.invoke(&forgedSyscall{name: "StorageWrite", request: words(0, 1, 0)})
			f.tx.Fields().ResourceBounds.L2Gas.MaxAmount = 1_000_000
		}, ""},
		{"a thousand events behind that of the check", func(f *forged) {
			var emits []*forgedSyscall
			for range 1000 {
				emits = append(emits, &forgedSyscall{name: "EmitEvent", request: request(spanOf(0), spanOf(0)), arrays: [][]felt.Felt{nil, nil}})
			}
			f.events = slices.Repeat([]starknet.Event{{From: forgedAccount}}, 1001)
			f.validations = []statement.Validation{{Events: 1}}
			f.invoke(emits...)
		}, ""},
		{"a check that leaves nothing", func(f *forged) { f.validations = []statement.Validation{{}} }, "the list of its effects is empty"},
		{"a check that leaves a message", func(f *forged) {
			f.messages = []starknet.Message{{From: forgedAccount, To: n(1)}}
			f.validations = []statement.Validation{{Messages: 1}}
		}, ""},
		{"a check that gives the account the class that it has", func(f *forged) {
			f.validations = []statement.Validation{{Class: &accountCode}}
		}, "the class is already " + accountCode.String()},
		{"a constructor with less gas", func(f *forged) { f.deploy(); f.given = 99_999_999 }, "the constructor received 99999999 gas, want 100000000"},
		{"a constructor with a low bound", func(f *forged) {
			f.deploy()
			f.tx.Fields().ResourceBounds.L2Gas.MaxAmount = 600_000
		}, ""},
		{"a fee transfer with less gas", func(f *forged) { f.transfer = 9_999_999_999 }, "received 9999999999 gas, want 10000000000"},
		{"a check of 10^8 gas", func(f *forged) { f.validated = 100_000_000 }, ""},
		{"a check of more", func(f *forged) { f.validated = 100_000_001 }, "leaves 100000001 for the unproven parts, want at most 100000000"},
		{"a deployed account's check of 10^8 gas", func(f *forged) { f.deploy(); f.validated = 100_000_000 }, ""},
		{"a deployed account's check of more", func(f *forged) { f.deploy(); f.validated = 100_000_001 }, "at most 100000000"},
		{"gas that was not billed", func(f *forged) { f.intrinsicLess = 1 }, "charges 489999 gas, but 490000 is proved"},
		{"a deployment's gas that was not billed", func(f *forged) { f.deploy(); f.intrinsicLess = 1 }, "is proved"},
		{"the gas of a constructor's event that was not billed", func(f *forged) {
			f.events = []starknet.Event{{From: (&starknet.DeployAccount{ClassHash: accountCode, ContractAddressSalt: n(5)}).Sender(), Keys: words(1), Data: words(2)}}
			f.deploy(&forgedSyscall{name: "EmitEvent", request: request(spanOf(1), spanOf(1)), arrays: [][]felt.Felt{words(1), words(2)}})
			f.intrinsicLess = 1
		}, "is proved"},
		{"a declaration's gas that was not billed", func(f *forged) { f.declare(n(0xdec)); f.intrinsicLess = 1 }, "charges 399999 gas, but 400000 is proved"},
		{"a class's Sierra and ABI that were not billed", func(f *forged) {
			f.declare(n(0xdec))
			f.tx.(*starknet.Declare).Class = &starknet.ContractClass{SierraProgram: words(1, 2), ABI: "[] "}
			f.validated, f.intrinsicLess = 1280*(2*32+3), 1
		}, "charges 485759 gas, but 485760 is proved"},
		{"a declaration's gas that was not billed, with the largest bound", func(f *forged) {
			f.declare(n(0xdec))
			f.tx.Fields().ResourceBounds.L2Gas.MaxAmount, f.intrinsicLess = 1<<64-1, 1
		}, "charges 399999 gas, but 400000 is proved"},
		{"bounds of L1 gas that the balance covers", func(f *forged) { f.l1Bounds(1, 0) }, ""},
		{"bounds of L1 gas that the balance does not cover", func(f *forged) { f.l1Bounds(2, 0) }, "the resource bounds add up to 20000000002 FRI"},
		{"bounds of L1 data gas that the balance does not cover", func(f *forged) { f.l1Bounds(1, 1) }, "the resource bounds add up to 20000000002 FRI"},
		{"bounds of 2^128", func(f *forged) {
			f.tx.Fields().ResourceBounds.L1Gas = starknet.ResourceBound{MaxAmount: 1 << 32, MaxPricePerUnit: starknet.Uint128{Hi: 1 << 32}}
		}, "add up to 2^128 FRI or more"},
		{"bounds that add up to 2^128", func(f *forged) {
			f.tx.Fields().ResourceBounds.L1Gas = starknet.ResourceBound{MaxAmount: 1, MaxPricePerUnit: starknet.Uint128{Hi: 1<<64 - 1, Lo: 1<<64 - 1}}
		}, "add up to 2^128 FRI or more"},
		{"a price and a tip of 2^128", func(f *forged) {
			f.tx.Fields().Tip = 1
			f.tx.Fields().ResourceBounds.L2Gas.MaxPricePerUnit = starknet.Uint128{Hi: 1<<64 - 1, Lo: 1<<64 - 1}
		}, "add up to 2^128 FRI or more"},
		{"a slot that was not billed", func(f *forged) {
			f.diff.Storage = []starknet.ContractStorage{{Address: forgedAccount, Entries: []starknet.StorageEntry{{Key: n(1), Value: n(5)}}}}
			f.invoke(&forgedSyscall{name: "StorageWrite", request: words(0, 1, 5)})
		}, "charges "},
		{"a slot", func(f *forged) {
			f.diff.Storage = []starknet.ContractStorage{{Address: forgedAccount, Entries: []starknet.StorageEntry{{Key: n(1), Value: n(5)}}}}
			f.invoke(&forgedSyscall{name: "StorageWrite", request: words(0, 1, 5)})
			f.slots = 1
		}, ""},

		{"over the bound", func(f *forged) {
			f.tx.Fields().ResourceBounds.L2Gas.MaxAmount = 489_999
			f.outcome, f.reason = statement.RevertedOnCheck, starknet.OverGasReason(489_999, 490_000)
		}, ""},
		{"a check that used more than the bound", func(f *forged) {
			f.tx.Fields().ResourceBounds.L2Gas.MaxAmount, f.validated, f.given = 600_000, 700_000, 1_110_000_000
			f.outcome, f.reason = statement.RevertedOnCheck, starknet.OverGasReason(600_000, 1_190_000)
		}, "leaves 700000 for the unproven parts, want at most 600000"},
		{"over the bound by another amount", func(f *forged) {
			f.tx.Fields().ResourceBounds.L2Gas.MaxAmount = 480_000
			f.outcome, f.reason = statement.RevertedOnCheck, starknet.OverGasReason(480_000, 490_001)
		}, "actual used: 490000."},
		{"within the bound, said to be over it", func(f *forged) {
			f.outcome, f.reason = statement.RevertedOnCheck, starknet.OverGasReason(480_000, 490_000)
		}, "the outcome says that the fee check reverted it, but its bounds and its balance cover 490000 gas and 490000 FRI"},
		{"over the balance", func(f *forged) { f.overBalance(1) }, ""},
		{"said to be over the balance", func(f *forged) { f.overBalance(0) }, "but its bounds and its balance cover"},

		{"another type's receipt", func(f *forged) { f.change = func(r *starknet.Receipt) { r.Type = starknet.DeclareType } }, "the signed receipt is of a DECLARE, but the transaction is a INVOKE"},
		{"a deployed contract", func(f *forged) { f.change = func(r *starknet.Receipt) { r.ContractAddress = n(1) } }, "says that 0x1 was deployed, want 0x0"},
		{"L1 gas", func(f *forged) { f.change = func(r *starknet.Receipt) { r.Resources.L1Gas = 1 } }, "charges 1 L1 gas and 0 L1 data gas"},
		{"L1 data gas", func(f *forged) { f.change = func(r *starknet.Receipt) { r.Resources.L1DataGas = 1 } }, "charges 0 L1 gas and 1 L1 data gas"},

		{"a constructor that calls itself", func(f *forged) {
			s := callOf(inner(n(0)))
			deploying(f, s)
			s.inner.class, s.inner.contract = accountCode, f.tx.Sender()
			s.request[0] = f.tx.Sender()
		}, ""},
		{"a constructor that calls another", func(f *forged) { deploying(f, callOf(inner(forgedToken))) }, "which may call only"},
		{"a constructor that asks for a class", func(f *forged) {
			deploying(f, &forgedSyscall{name: "GetClassHashAt", request: words(7), response: words(0)})
		}, "GetClassHashAt): called during validation"},
		{"a constructor that asks for an old block", func(f *forged) {
			deploying(f, &forgedSyscall{name: "GetBlockHash", request: words(3), response: words(0)})
		}, ""},
		{"a constructor that asks for a recent block", func(f *forged) {
			deploying(f, &forgedSyscall{name: "GetBlockHash", request: words(f.number - 9), panic: []felt.Felt{felt.FromShortString("Block number out of range")}})
		}, "too recent"},
		{"a constructor that deploys", func(f *forged) {
			f.deployContract(n(0), 0, n(0))
			deploying(f, f.main.syscalls[0])
		}, "deploys during validation"},

		{"a deployment that fails", func(f *forged) {
			s := &forgedSyscall{
				name: "Deploy", calls: true, request: request([]felt.Felt{accountCode, n(3)}, spanOf(0), words(0)),
				panic: append(words(9), felt.FromShortString("ENTRYPOINT_FAILED")),
			}
			s.inner = &forgedCall{
				class: accountCode, contract: starknet.ContractAddress(forgedAccount, n(3), accountCode, nil), caller: forgedAccount,
				selector: selector("constructor"), failed: true, retdata: words(9),
			}
			f.invoke(s)
		}, "a deployment failed with [0x9 "},
		{"a call below the deepest that enters no code", func(f *forged) {
			call := inner(forgedToken)
			call.caller = forgedToken
			call.syscalls = []*forgedSyscall{{
				name: "CallContract", calls: true, request: request([]felt.Felt{forgedToken, n(404)}, spanOf(0)),
				panic: []felt.Felt{felt.FromShortString("ENTRYPOINT_NOT_FOUND"), felt.FromShortString("ENTRYPOINT_FAILED")},
			}}
			for range 48 {
				call = &forgedCall{class: tokenCode, contract: forgedToken, caller: forgedToken, selector: selector("f"), syscalls: []*forgedSyscall{callOf(call)}}
			}
			call.caller = forgedAccount
			f.invoke(callOf(call))
		}, "call at depth 51, want at most 50"},
		{"a call with 9,999 gas to enter", func(f *forged) { f.lowCall(9_999, nil) }, ""},
		{"a call with 10,000 gas to enter, said to lack it", func(f *forged) { f.lowCall(10_000, nil) }, "the call entered no code"},
		{"a call with 9,999 gas that entered", func(f *forged) { f.lowCall(9_999, inner(forgedToken)) }, "entered code"},
		{"an address out of range and too little gas", func(f *forged) {
			f.invoke(&forgedSyscall{
				name: "StorageRead", request: []felt.Felt{n(0), felt.FromInt64(-1)}, has: 1, panic: []felt.Felt{felt.FromShortString("Out of gas")},
			})
		}, "storage key "},

		{"no __execute__", func(f *forged) { f.bare(); f.aborted("ENTRYPOINT_NOT_FOUND") }, ""},
		{"no __execute__, said to break a rule", func(f *forged) { f.bare(); f.aborted("") }, "has no __execute__: true"},
		{"an __execute__, said to be none", func(f *forged) { f.aborted("ENTRYPOINT_NOT_FOUND") }, "has no __execute__: false"},
		{"a rule broken", func(f *forged) { f.aborted("") }, ""},
		{"gas of 9,999 to enter", func(f *forged) {
			f.tx.Fields().ResourceBounds.L2Gas.MaxAmount, f.validated = 600_000, 590_001
			f.aborted("Out of gas")
		}, ""},
		{"gas of 10,000 to enter", func(f *forged) {
			f.tx.Fields().ResourceBounds.L2Gas.MaxAmount, f.validated = 600_000, 590_000
			f.aborted("Out of gas")
		}, "lacked the gas to enter, 10000, but it had 10000"},
		{"an abort billed above all that may be used", func(f *forged) { f.aborted(""); f.validated = 1_210_000_001 }, "at most 1210000000"},
		{"a class that names no builtin of Starknet", func(f *forged) { f.foreignBuiltin("range_chec") }, `names the builtin "range_chec"`},
		{"a class that names a text with the hash of a builtin", func(f *forged) { f.foreignBuiltin(collision) }, `names the builtin "TQKDPPTQ`},
	} {
		for _, f := range []*forged{newForged(), newForged().stwo()} {
			want := x.want
			if f.format == statement.FormatStwo {
				other, ok := stwoRules[x.name]
				if ok && other == "" {
					continue
				} else if ok {
					want = other
				}
			}
			x.change(f)
			switch err := f.check(); {
			case want == "" && err != nil:
				t.Errorf("%s, %s: %v", x.name, f.format.Layout(), err)
			case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
				t.Errorf("%s, %s: got %v, want an error that says %q", x.name, f.format.Layout(), err, want)
			}
		}
	}
}

// stwoRules are the errors of forged blocks in FormatStwo that differ from those in FormatStone; "" if the block cannot be made.
var stwoRules = map[string]string{
	"a thousand events behind that of the check":           "effects of 1 signature checks outside the proof",
	"a check that leaves nothing":                          "effects of 1 signature checks outside the proof",
	"a check that leaves a message":                        "effects of 1 signature checks outside the proof",
	"a check that gives the account the class that it has": "effects of 1 signature checks outside the proof",
	"a check of more":                                      "",
	"a check that used more than the bound":                "",
	"a deployed account's check of more":                   "",
	"a class's Sierra and ABI that were not billed":        "charges 485759 gas, but 571520 is proved",
	"a call with 9,999 gas that entered":                   "the inner call failed: false, the syscall says true",
	"an abort billed above all that may be used":           "",
}

// TestForgedAnswers checks that a syscall's response, its success and its remaining gas are bound: any other value is rejected.
func TestForgedAnswers(t *testing.T) {
	for _, x := range []struct {
		name   string
		honest func(f *forged) *forgedSyscall
		forge  func(s *forgedSyscall) // changes the response
		want   string
	}{
		{"StorageRead", func(f *forged) *forgedSyscall {
			f.before.slots[state.Slot{Contract: forgedAccount, Key: n(1)}] = n(4)
			return &forgedSyscall{request: words(0, 1), response: words(4)}
		}, func(s *forgedSyscall) { s.response = words(5) }, "read as 0x5, want 0x4"},
		{"StorageWrite", func(f *forged) *forgedSyscall { return &forgedSyscall{request: words(0, 1, 0)} }, nil, ""},
		{"EmitEvent", func(f *forged) *forgedSyscall {
			f.events = []starknet.Event{{From: forgedAccount}}
			return &forgedSyscall{request: request(spanOf(0), spanOf(0)), arrays: [][]felt.Felt{nil, nil}}
		}, nil, ""},
		{"SendMessageToL1", func(f *forged) *forgedSyscall {
			f.messages = []starknet.Message{{From: forgedAccount, To: n(1)}}
			return &forgedSyscall{request: request(words(1), spanOf(0)), arrays: [][]felt.Felt{nil}}
		}, nil, ""},
		{"GetExecutionInfo", func(f *forged) *forgedSyscall { return &forgedSyscall{points: true} }, func(s *forgedSyscall) { s.off = 1 }, "but the information of this call is at"},
		{"GetClassHashAt", func(f *forged) *forgedSyscall {
			return &forgedSyscall{request: []felt.Felt{forgedToken}, response: []felt.Felt{tokenCode}}
		}, func(s *forgedSyscall) { s.response = []felt.Felt{accountCode} }, "want " + tokenCode.String()},
		{"GetBlockHash", func(f *forged) *forgedSyscall {
			f.before.slots[state.Slot{Contract: starknet.BlockHashAddress, Key: n(3)}] = n(0x333)
			return &forgedSyscall{request: words(3), response: words(0x333)}
		}, func(s *forgedSyscall) { s.response = words(0x334) }, "is 0x334, want 0x333"},
		{"ReplaceClass", func(f *forged) *forgedSyscall {
			f.diff.Replaced = []starknet.ContractClassHash{{Address: forgedAccount, ClassHash: bareCode}}
			return &forgedSyscall{request: []felt.Felt{bareCode}}
		}, func(s *forgedSyscall) { s.request = words(0xbad) }, "which is not declared"},
		{"CallContract", func(f *forged) *forgedSyscall {
			return callOf(&forgedCall{class: tokenCode, contract: forgedToken, caller: forgedAccount, selector: selector("f"), retdata: words(4)})
		}, func(s *forgedSyscall) { s.returned = words(5) }, "returned data"},
	} {
		try := func(what string, change func(s *forgedSyscall), want string) {
			for _, f := range []*forged{newForged(), newForged().stwo()} {
				if f.format == statement.FormatStwo && want == "returned data" {
					continue // the program compares the addresses
				}
				s := x.honest(f)
				s.name = x.name
				change(s)
				f.invoke(s)
				err := f.check()
				if f.format == statement.FormatStwo && s.calls && what == "said to fail" {
					want = "the inner call failed: false, the syscall says true"
				}
				if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
					t.Errorf("%s, %s: got %v, want %q", x.name, what, err, want)
				}
			}
		}
		try("honest", func(*forgedSyscall) {}, "")
		try("too much gas is taken", func(s *forgedSyscall) { s.extra = 1 }, "gas ")
		try("said to fail", func(s *forgedSyscall) { s.panic = words(1) }, "want success")
		if x.forge != nil {
			try("another answer", x.forge, x.want)
		}
	}
}

// TestForgedEventsAndMessages checks that events and messages equal those of the signed receipt in every field.
func TestForgedEventsAndMessages(t *testing.T) {
	for _, x := range []struct {
		change func(r *starknet.Receipt)
		want   string
	}{
		{func(*starknet.Receipt) {}, ""},
		{func(r *starknet.Receipt) { r.Events[0].From = forgedToken }, "event 0 is"},
		{func(r *starknet.Receipt) { r.Events[0].Keys = words(1, 3) }, "event 0 is"},
		{func(r *starknet.Receipt) { r.Events[0].Data = words(8) }, "event 0 is"},
		{func(r *starknet.Receipt) { r.Events = append(r.Events, r.Events[0]) }, "events"},
		{func(r *starknet.Receipt) { r.Messages[0].From = forgedToken }, "message 0 is"},
		{func(r *starknet.Receipt) { r.Messages[0].To = n(7) }, "message 0 is"},
		{func(r *starknet.Receipt) { r.Messages[0].Payload = words(6) }, "message 0 is"},
		{func(r *starknet.Receipt) { r.Messages = nil }, "messages"},
	} {
		for _, f := range []*forged{newForged(), newForged().stwo()} {
			f.events = []starknet.Event{{From: forgedAccount, Keys: words(1, 2), Data: words(3)}}
			f.messages = []starknet.Message{{From: forgedAccount, To: n(1), Payload: words(4)}}
			f.invoke(
				&forgedSyscall{name: "EmitEvent", request: request(spanOf(2), spanOf(1)), arrays: [][]felt.Felt{words(1, 2), words(3)}},
				&forgedSyscall{name: "SendMessageToL1", request: request(words(1), spanOf(1)), arrays: [][]felt.Felt{words(4)}, charged: 1},
			)
			f.change = func(r *starknet.Receipt) {
				r.Events, r.Messages = slices.Clone(r.Events), slices.Clone(r.Messages)
				x.change(r)
			}
			if err := f.check(); x.want == "" && err != nil || x.want != "" && (err == nil || !strings.Contains(err.Error(), x.want)) {
				t.Errorf("got %v, want %q", err, x.want)
			}
		}
	}
}

// checkUnproven checks the statement of a block whose transaction, which changes only the nonce, is unproven.
func (f *forged) checkUnproven(r statement.Reason) error {
	receipt := f.receipt()
	if f.change != nil {
		f.change(receipt)
	}
	diff := starknet.StateDiff{Nonces: []starknet.NonceUpdate{{Address: forgedAccount, Nonce: felt.One}}}
	text, err := diff.MarshalBinary()
	if err != nil {
		return err
	}
	digest, err := diff.Digest()
	if err != nil {
		return err
	}
	_, err = statement.Check(nil, &statement.Block{
		Format:  f.format,
		ChainID: n(0xc), Number: f.number, Timestamp: f.timestamp, Sequencer: sequencer, FeeToken: forgedToken,
		Transactions: []starknet.Transaction{f.tx}, Results: []*starknet.Result{{Receipt: *receipt, Diff: digest}}, Classes: f.code,
		Unproven: []statement.Unproven{{Reason: r, Diff: text}},
	}, f.before)
	return err
}

// TestForgedUncovered checks the rules for an unproven transaction.
func TestForgedUncovered(t *testing.T) {
	for _, x := range []struct {
		name   string
		change func(f *forged)
		want   string
	}{
		{"nothing wrong", func(*forged) {}, ""},
		{"nonce", func(f *forged) { f.before.nonces[forgedAccount] = n(9) }, "nonce is 0x0, but account 0xacc0 has nonce 0x9"},
		{"receipt", func(f *forged) { f.change = func(r *starknet.Receipt) { r.Type = starknet.DeclareType } }, "the signed receipt is of a DECLARE"},
		{"fee", func(f *forged) { f.price = 11 }, "a price of 11, the sender allows at most 10"},
		{"gas at the bound", func(f *forged) {
			f.change = func(r *starknet.Receipt) {
				r.Resources.L2Gas, r.ActualFee = forgedBound, starknet.NewUint128(forgedBound)
			}
		}, ""},
		{"gas above the bound", func(f *forged) {
			f.change = func(r *starknet.Receipt) {
				r.Resources.L2Gas, r.ActualFee = forgedBound+1, starknet.NewUint128(forgedBound+1)
			}
		}, "the fee is for 2000000001 gas, want 1 to 2000000000"},
		{"no gas", func(f *forged) {
			f.change = func(r *starknet.Receipt) { r.Resources.L2Gas, r.ActualFee = 0, starknet.Uint128{} }
		}, "the fee is for 0 gas"},
	} {
		f := newForged()
		x.change(f)
		switch err := f.checkUnproven(statement.Reason{MaxSteps: 1 << 17}); {
		case x.want == "" && err != nil:
			t.Errorf("%s: %v", x.name, err)
		case x.want != "" && (err == nil || !strings.Contains(err.Error(), x.want)):
			t.Errorf("%s: got %v, want an error that says %q", x.name, err, x.want)
		}
	}
}

// lowCall makes a call with this much gas to enter that failed for lack of gas.
func (f *forged) lowCall(gas uint64, entered *forgedCall) {
	f.invoke(&forgedSyscall{
		name: "CallContract", calls: true, inner: entered, request: request([]felt.Felt{forgedToken, selector("f")}, spanOf(0)),
		has: statement.Charge("CallContract", 0) + gas, panic: []felt.Felt{felt.FromShortString("Out of gas"), felt.FromShortString("ENTRYPOINT_FAILED")},
	})
}

// overBalance reverts a transaction after which the balance is short less than the fee.
func (f *forged) overBalance(short uint64) {
	f.spend(short)
	key := executor.BalanceKey(forgedAccount)
	left := f.main.syscalls[0].inner.syscalls[0].request[2]
	f.diff.Storage = nil
	f.outcome = statement.RevertedOnCheck
	f.reason = starknet.OverBalanceReason(f.receipt().ActualFee, left, n(0))
	f.before.slots[state.Slot{Contract: forgedToken, Key: key}] = n(forgedBound * 10)
}

// l1Bounds sets bounds of L1 gas and L1 data gas. The sender has 1 FRI more than the bound of L2 gas needs.
func (f *forged) l1Bounds(gas, data uint64) {
	b := &f.tx.Fields().ResourceBounds
	b.L1Gas = starknet.ResourceBound{MaxAmount: gas, MaxPricePerUnit: starknet.NewUint128(1)}
	b.L1DataGas = starknet.ResourceBound{MaxAmount: data, MaxPricePerUnit: starknet.NewUint128(1)}
	f.balance(forgedAccount, n(forgedBound*10+1), n(0))
}

// bare gives the account a class without __execute__.
func (f *forged) bare() { f.before.contracts[forgedAccount] = bareCode }

// aborted makes the transaction an aborted one: with this panic before any code, or, if data is empty, for a broken rule of the
// VM.
func (f *forged) aborted(data string) {
	f.outcome = statement.Aborted
	class := f.before.contracts[forgedAccount]
	frame := &starknet.PanicFrame{Contract: forgedAccount, ClassHash: class, Selector: selector("__execute__"), Failed: true}
	cause := "a rule of the machine was broken.\n"
	if data != "" {
		frame.Retdata = []felt.Felt{felt.FromShortString(data)}
		cause = starknet.PanicSummary(starknet.ExecutionPanicHeader, frame)
	}
	f.reason = starknet.RevertReason(starknet.ExecutionHeader, &starknet.ErrorTrace{
		Frames: []starknet.ErrorFrame{{Title: starknet.CallTitle, Contract: frame.Contract, ClassHash: class, Selector: frame.Selector}}, Cause: cause,
	})
	f.main = nil
}

// collision is a text with the same felt as the builtin name range_check, so that the class hash is the same. It would clear a
// terminal and print a false verdict. An auditor found it by lattice reduction.
const collision = "TQKDPPTQNNPQTRIMPXITOWWSSSOOQGSTOENZIFXZSSWQSDVKRLSKIYOV\x1b[2J\x1b[Hvalid: block 7 of chain STARKD\n" +
	"  trusted       the 4 validators of the genesis\n  transaction   0x37ec succeeded, fee 1 FRI, 1 events; covered: __execute__, " +
	"fee transfer; not covered: __validate__\n  note          only a signature"

// foreignBuiltin adds a builtin to an entry point of the account's class that is not called.
func (f *forged) foreignBuiltin(name string) {
	f.code[accountCode].EntryPoints.External[1].Builtins = []string{name}
	f.before.classes[accountCode].CompiledHash = f.code[accountCode].BlakeHash()
}

// TestCollision checks that the text is rejected, although no hash differs.
func TestCollision(t *testing.T) {
	hash := func(name string) felt.Felt {
		class := &casm.Class{Bytecode: words(1), EntryPoints: casm.EntryPoints{External: []casm.EntryPoint{{Builtins: []string{name}}}}}
		return class.BlakeHash()
	}
	if hash(collision) != hash("range_check") || hash("range_chec") == hash("range_check") {
		t.Error("the text does not have the hash of range_check")
	}
}

// TestReasons checks that only known reasons are accepted, and each only if it holds for its class.
func TestReasons(t *testing.T) {
	builtin := func(name string) func(*casm.Class) {
		return func(c *casm.Class) { c.EntryPoints.External[1].Builtins = []string{name} }
	}
	syscall := func(name string) func(*casm.Class) {
		return func(c *casm.Class) { c.Bytecode = append(slices.Clone(c.Bytecode), felt.FromShortString(name)) }
	}
	check := func(r statement.Reason, change func(*casm.Class)) error {
		f := newForged()
		if change != nil {
			change(f.code[tokenCode])
			f.before.classes[tokenCode].CompiledHash = f.code[tokenCode].BlakeHash()
		}
		if r.MaxSteps == 0 {
			r.Class, r.Selector = tokenCode, selector("f")
		}
		return f.checkUnproven(r)
	}
	for _, x := range []struct {
		reason statement.Reason
		class  func(*casm.Class)
		want   string
	}{
		{statement.Reason{Builtin: "ec_op"}, builtin("ec_op"), ""},
		{statement.Reason{Builtin: "poseidon"}, builtin("poseidon"), ""},
		{statement.Reason{Builtin: "range_check96"}, builtin("range_check96"), ""},
		{statement.Reason{Builtin: "add_mod"}, builtin("add_mod"), ""},
		{statement.Reason{Builtin: "mul_mod"}, builtin("mul_mod"), ""},
		{statement.Reason{Builtin: "mul_mod"}, builtin("add_mod"), `builtin "mul_mod", which entry point`},
		{statement.Reason{Builtin: "poseidon"}, nil, `builtin "poseidon", which entry point`},
		{statement.Reason{Builtin: "pedersen"}, builtin("pedersen"), `builtin "pedersen", want one of`},
		{statement.Reason{Builtin: "segment_arena"}, builtin("segment_arena"), `builtin "segment_arena", want one of`},
		{statement.Reason{Builtin: "a reason of my own"}, builtin("a reason of my own"), `names the builtin "a reason of my own"`},
		{statement.Reason{Builtin: collision}, builtin(collision), `names the builtin "TQKDPPTQ`},
		{statement.Reason{Builtin: collision}, nil, `builtin "TQKDPPTQNNPQTRIMPXITOWWSSSOOQGSTOENZIFXZ", want one of`},
		{statement.Reason{Syscall: "MetaTxV0"}, syscall("MetaTxV0"), ""},
		{statement.Reason{Syscall: "Secp256r1GetXy"}, syscall("Secp256r1GetXy"), ""},
		{statement.Reason{Syscall: "MetaTxV0"}, nil, "syscall MetaTxV0, whose name the code of class"},
		{statement.Reason{Syscall: "MetaTxV0"}, syscall("Sha256ProcessBlock"), "syscall MetaTxV0, whose name the code of class"},
		{statement.Reason{Syscall: "StorageRead"}, syscall("StorageRead"), `syscall "StorageRead", want one of`},
		{statement.Reason{Syscall: "\x1b[2Jno"}, nil, `syscall "\x1b[2Jno", want one of`},
		{statement.Reason{MaxSteps: 1 << 17}, nil, ""},
		{statement.Reason{MaxSteps: 1 << 27}, nil, ""},
		{statement.Reason{MaxSteps: 1 << 16}, nil, "want a power of two from 131072 to 134217728"},
		{statement.Reason{MaxSteps: 1 << 28}, nil, "want a power of two from 131072 to 134217728"},
		{statement.Reason{MaxSteps: 3 << 17}, nil, "want a power of two from 131072 to 134217728"},
		{statement.Reason{}, nil, "0 reasons why it is unproven, want 1"},
		{statement.Reason{Builtin: "poseidon", Syscall: "MetaTxV0"}, builtin("poseidon"), "2 reasons why it is unproven, want 1"},
	} {
		switch err := check(x.reason, x.class); {
		case x.want == "" && err != nil:
			t.Errorf("%q%q%d: %v", x.reason.Builtin, x.reason.Syscall, x.reason.MaxSteps, err)
		case x.want != "" && (err == nil || !strings.Contains(err.Error(), x.want)):
			t.Errorf("%q%q%d: got %v, want an error that says %q", x.reason.Builtin, x.reason.Syscall, x.reason.MaxSteps, err, x.want)
		case err != nil && strings.ContainsAny(err.Error(), "\x1b\n"):
			t.Errorf("%q is in the error unquoted", x.reason.Builtin)
		}
	}
	for _, r := range []statement.Reason{{Builtin: collision}, {Syscall: collision}} {
		if text := r.String(); strings.ContainsAny(text, "\x1b\n") || len(text) > 300 {
			t.Errorf("%q shows a text of others as it is", text)
		}
	}
}
