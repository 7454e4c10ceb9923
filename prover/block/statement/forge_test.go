package statement_test

import (
	"slices"
	"testing"

	"github.com/starkd/starkd/app/executor"
	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/prover/block/statement"
	"github.com/starkd/starkd/starknet"
)

// forged is a block with one transaction, a hand-written output and matching results: anything that dishonest validators and a
// dishonest prover could sign and claim. A test breaks one rule in it. No code is executed, as in the statement itself.
type forged struct {
	format            statement.Format
	before            *memory
	code              map[felt.Felt]*casm.Class
	number, timestamp uint64
	rounded           [2]uint64 // block number and timestamp that a constructor sees; 0 means the right values
	price             uint64    // price of L2 gas

	tx        starknet.Transaction
	outcome   statement.OutcomeCode
	main      *forgedCall // __execute__ or the constructor; nil for a DECLARE
	transfer  uint64      // gas of the fee transfer
	validated uint64      // gas of the signature check
	given     uint64      // gas of main; 0 means the right value

	events   []starknet.Event
	messages []starknet.Message
	diff     starknet.StateDiff // state difference without the nonce
	slots    uint64             // number of slots in diff that were zero before the block
	reason   string

	validations []statement.Validation // effects of the signature check, before those of __execute__

	check0    *forgedCall           // the signature check, in FormatStwo
	edit      func(w *forgedOutput) // changes the words of the output
	published felt.Felt             // a class that is published in addition to those that are entered
	others    []uint64              // numbers of other blocks of the output, which have no transactions

	intrinsicLess uint64                  // gas that validators did not charge
	change        func(*starknet.Receipt) // changes the signed receipt
}

// forgedCall is a call. Only its syscalls use gas.
type forgedCall struct {
	class, contract, caller felt.Felt
	selector                felt.Felt
	calldata, retdata       []felt.Felt
	failed                  bool
	syscalls                []*forgedSyscall
	ecOps                   []felt.Felt // instances of ec_op; nil if the entry point does not take it

	gas, left uint64 // gas after the entry point's initial charge, and gas left
	info      uint64 // address of the TxInfo that it sees; 0 for that of the transaction
}

// forgedSyscall is a syscall. Its request names each array by two words; the contents are in arrays.
type forgedSyscall struct {
	name     string
	request  []felt.Felt
	response []felt.Felt
	arrays   [][]felt.Felt // arrays that are published
	charged  int           // number of words that are charged
	extra    uint64        // gas in addition to the price
	given    [][]felt.Felt // arrays that are published in any case, in FormatStwo
	panic    []felt.Felt   // panic data; nil if the syscall succeeded
	// meta, if not nil, returns the TxInfo of the inner call for an address.
	meta  func(address uint64) []felt.Felt
	inner *forgedCall
	calls bool
	has   uint64 // if not 0, the gas that the code has before the syscall

	points   bool // the response is off words after the address of the call's ExecutionInfo
	off      uint64
	returned []felt.Felt // if not nil, the returned data in the response

	gas, gasLeft uint64
}

// Classes and contracts of a forged block.
var (
	forgedAccount, forgedToken = n(0xacc0), n(0x70c0)
	accountCode, tokenCode     = n(0xc1a), n(0xc1b)
	bareCode                   = n(0xc1c) // a class without a constructor
)

const forgedBound = 2_000_000_000

func newForged() *forged {
	f := &forged{
		format: statement.FormatStone, number: 1234, timestamp: 1_700_000_001, price: 1, transfer: 10_000_000_000, code: map[felt.Felt]*casm.Class{},
		before: &memory{map[state.Slot]felt.Felt{}, map[felt.Felt]felt.Felt{}, map[felt.Felt]felt.Felt{}, map[felt.Felt]*state.Class{}},
	}
	entry := func(names ...string) (list []casm.EntryPoint) {
		for i, name := range names {
			list = append(list, casm.EntryPoint{Selector: selector(name), Offset: i})
		}
		return list
	}
	for hash, points := range map[felt.Felt]casm.EntryPoints{
		accountCode: {External: entry("__execute__", "f", "__validate__", "__validate_declare__", "__validate_deploy__"), Constructor: entry("constructor")},
		tokenCode:   {External: entry("transfer", "f")},
		bareCode:    {External: entry("f", "__validate__")},
	} {
		f.code[hash] = &casm.Class{Bytecode: words(7, 8, 9), EntryPoints: points, CompilerVersion: "2.0.0"}
		f.before.classes[hash] = &state.Class{Hash: hash, CompiledHash: f.code[hash].BlakeHash()}
	}
	f.before.contracts[forgedToken] = tokenCode
	f.account(forgedAccount)
	f.invoke()
	return f
}

// account adds an account with a balance of 2^128 to the state.
func (f *forged) account(at felt.Felt) {
	f.before.contracts[at] = accountCode
	f.balance(at, n(0), n(1))
}

func (f *forged) balance(at, low, high felt.Felt) {
	key := executor.BalanceKey(at)
	f.before.slots[state.Slot{Contract: forgedToken, Key: key}] = low
	f.before.slots[state.Slot{Contract: forgedToken, Key: *key.Add(&key, &felt.One)}] = high
}

func forgedCommon() starknet.Common {
	return starknet.Common{ResourceBounds: starknet.ResourceBounds{
		L2Gas: starknet.ResourceBound{MaxAmount: forgedBound, MaxPricePerUnit: starknet.NewUint128(10)},
	}}
}

// stwo sets the format FormatStwo.
func (f *forged) stwo() *forged {
	f.format = statement.FormatStwo
	f.check0 = &forgedCall{retdata: []felt.Felt{felt.FromShortString("VALID")}}
	return f
}

// validation returns the signature check of the transaction. It uses the gas f.validated if its syscalls use none.
func (f *forged) validation(left uint64) *forgedCall {
	c := f.check0
	name := map[starknet.TransactionType]string{
		starknet.InvokeType: "__validate__", starknet.DeployAccountType: "__validate_deploy__", starknet.DeclareType: "__validate_declare__",
	}[f.tx.Type()]
	c.class, c.contract, c.selector = f.before.contracts[forgedAccount], f.tx.Sender(), selector(name)
	c.calldata = statement.ValidationCalldata(f.tx)
	given := min(left, 100_000_000)
	c.gas = given - 10_000
	c.run()
	if len(c.syscalls) > 0 {
		f.validated = given - c.left
	}
	c.left = given - f.validated
	return c
}

// invoke makes the transaction an INVOKE that makes the syscalls.
func (f *forged) invoke(syscalls ...*forgedSyscall) {
	tx := &starknet.Invoke{Common: forgedCommon(), SenderAddress: forgedAccount}
	f.tx, f.main = tx, &forgedCall{class: accountCode, contract: forgedAccount, selector: selector("__execute__"), syscalls: syscalls}
}

// deploy makes the transaction a DEPLOY_ACCOUNT whose constructor makes the syscalls.
func (f *forged) deploy(syscalls ...*forgedSyscall) {
	tx := &starknet.DeployAccount{Common: forgedCommon(), ClassHash: accountCode, ContractAddressSalt: n(5)}
	f.balance(tx.Sender(), n(0), n(1))
	f.tx, f.main = tx, &forgedCall{class: accountCode, contract: tx.Sender(), selector: selector("constructor"), syscalls: syscalls}
	f.diff.Deployed = append(f.diff.Deployed, starknet.ContractClassHash{Address: tx.Sender(), ClassHash: accountCode})
}

// declare makes the transaction a DECLARE.
func (f *forged) declare(class felt.Felt) {
	tx := &starknet.Declare{
		Common: forgedCommon(), SenderAddress: forgedAccount, Class: &starknet.ContractClass{}, ClassHash: class, CompiledClassHash: n(0xcc),
	}
	f.tx, f.main = tx, nil
	f.diff.Declared = append(f.diff.Declared, starknet.DeclaredClass{ClassHash: class, CompiledClassHash: tx.CompiledClassHash})
}

// spanOf returns two words that name an array of n words.
func spanOf(n int) []felt.Felt {
	return []felt.Felt{felt.FromUint64(1 << 50), felt.FromUint64(1<<50 + uint64(n))}
}

// request concatenates the words of a request.
func request(parts ...[]felt.Felt) (list []felt.Felt) {
	for _, p := range parts {
		list = append(list, p...)
	}
	return list
}

// callOf returns a syscall that calls a contract.
func callOf(inner *forgedCall) *forgedSyscall {
	return &forgedSyscall{
		name: "CallContract", calls: true, inner: inner,
		request: request([]felt.Felt{inner.contract, inner.selector}, spanOf(len(inner.calldata))),
	}
}

// run computes the gas of a call's syscalls, in order.
func (c *forgedCall) run() {
	gas := c.gas
	for _, s := range c.syscalls {
		if s.has != 0 {
			gas = s.has
		}
		s.gas = gas
		charge := statement.Charge(s.name, s.charged) + s.extra
		if gas >= charge {
			gas -= charge
		} else if s.panic == nil {
			gas = 0
		}
		if s.inner != nil {
			s.inner.gas = gas - 10_000
			if gas < 10_000 {
				s.inner.gas = 0
			}
			s.inner.run()
			gas = s.inner.left
		}
		s.gasLeft = gas
	}
	c.left = gas
}

// intrinsic returns the intrinsic gas of a transaction without calldata and signature.
func (f *forged) intrinsic() uint64 {
	return map[starknet.TransactionType]uint64{
		starknet.InvokeType: 480_000, starknet.DeployAccountType: 520_000, starknet.DeclareType: 400_000,
	}[f.tx.Type()]
}

// receipt computes the gas of the calls and returns the receipt that charges it.
func (f *forged) receipt() *starknet.Receipt {
	r := &starknet.Receipt{
		TransactionHash: f.tx.Hash(n(0xc)), Type: f.tx.Type(), Events: f.events, Messages: f.messages,
		Reverted: f.outcome != statement.Succeeded, RevertReason: f.reason,
	}
	bound := f.tx.Fields().ResourceBounds.L2Gas.MaxAmount
	most := uint64(1_110_000_000)
	if f.tx.Type() == starknet.DeployAccountType {
		most, r.ContractAddress = 100_000_000, f.tx.Sender()
	}
	if f.format == statement.FormatStwo && f.tx.Type() != starknet.DeployAccountType {
		f.validation(bound)
	}
	gas := f.intrinsic() - f.intrinsicLess
	if f.main != nil {
		given := f.given
		if given == 0 {
			given = min(bound-f.validated, most)
			if f.tx.Type() == starknet.DeployAccountType {
				given = min(bound, most)
			}
		}
		f.main.gas = given - 10_000
		f.main.run()
		gas += given - f.main.left
		if f.format == statement.FormatStwo && f.tx.Type() == starknet.DeployAccountType {
			f.validation(bound - (given - f.main.left))
		}
	}
	gas += f.validated
	done := gas + 402_000*f.slots
	for _, e := range f.events {
		done += 5120 * uint64(2*len(e.Keys)+len(e.Data))
	}
	for _, m := range f.messages {
		done += 5120 * uint64(3+len(m.Payload))
	}
	paid := done
	switch f.outcome {
	case statement.Panicked, statement.RevertedOnCheck, statement.Aborted:
		paid, done = min(done, bound), gas
		r.Events, r.Messages = nil, nil
	}
	r.Resources.L2Gas = done
	r.ActualFee, _ = starknet.NewUint128(f.price + f.tx.Fields().Tip).Mul64(paid)
	return r
}

// check writes the output and the results and checks the statement.
func (f *forged) check() error {
	receipt := f.receipt()
	if f.change != nil {
		f.change(receipt)
	}
	diff := f.diff
	if f.outcome != statement.Succeeded {
		diff = starknet.StateDiff{}
	}
	nonce := f.tx.Fields().Nonce
	diff.Nonces = []starknet.NonceUpdate{{Address: f.tx.Sender(), Nonce: *nonce.Add(&nonce, &felt.One)}}
	diff.Sort()
	digest, err := diff.Digest()
	if err != nil {
		return err
	}
	block := &statement.Block{
		ChainID: n(0xc), Number: f.number, Timestamp: f.timestamp, Sequencer: sequencer, FeeToken: forgedToken,
		Transactions: []starknet.Transaction{f.tx}, Results: []*starknet.Result{{Receipt: *receipt, Diff: digest}}, Classes: f.code,
		Validations: f.validations, Format: f.format,
	}
	w := &forgedOutput{forged: f, address: 5000, code: map[felt.Felt]uint64{}}
	claim := &statement.Claim{ProgramBase: 1, Output: w.write(receipt), OutputAddress: w.address}
	_, err = statement.CheckOutputs([]*statement.Claim{claim}, []*statement.Block{block}, []statement.State{f.before})
	return err
}

// forgedOutput writes an output as os.cairo would.
type forgedOutput struct {
	*forged
	address uint64
	words   []felt.Felt
	code    map[felt.Felt]uint64 // addresses of the published code
	entered map[felt.Felt]bool   // classes that are published
	sets    uint64               // address of the builtin sets
	info    uint64
	block   uint64         // address of BlockInfo
	mark    map[string]int // indices of words
}

func (w *forgedOutput) at() uint64           { return w.address + uint64(len(w.words)) }
func (w *forgedOutput) put(v ...felt.Felt)   { w.words = append(w.words, v...) }
func (w *forgedOutput) number64(v ...uint64) { w.put(words(v...)...) }

func (w *forgedOutput) write(receipt *starknet.Receipt) []felt.Felt {
	rounded := w.rounded
	if rounded == [2]uint64{} {
		rounded = [2]uint64{w.number - w.number%100, w.timestamp - w.timestamp%3600}
	}
	if w.format == statement.FormatStwo {
		w.writeStwo(receipt, rounded)
		if w.edit != nil {
			w.edit(w)
		}
		return w.words
	}
	w.put(felt.FromShortString("STARKD_OS_1"), n(0xc), n(w.number), n(w.timestamp), sequencer)
	roots := w.roots(receipt)
	w.number64(rounded[0], rounded[1], 0, 7, uint64(len(w.entered)), 1)
	w.put(receipt.TransactionHash)
	w.classes()
	w.info = w.at() + 2
	info := statement.InfoWords(w.tx, receipt.TransactionHash, n(0xc), w.info)
	w.number64(uint64(1+len(info)), uint64(w.outcome))
	w.put(info...)
	w.number64(uint64(len(roots)))
	for _, r := range roots {
		w.number64(uint64(r.kind))
		w.block = w.address + 2
		if r.kind == statement.ConstructorCall {
			w.block = w.address + 5
		}
		w.call(r.call)
	}
	return w.words
}

// classes writes the classes.
func (w *forgedOutput) classes() {
	for hash := range w.entered {
		class := w.forged.code[hash]
		w.put(hash, n(uint64(len(class.Bytecode))))
		w.code[hash] = w.at()
		w.put(class.Bytecode...)
		w.put(statement.Ret, n(w.format.CostsAddress()))
	}
}

// enter notes the classes that a call and its inner calls enter.
func (w *forgedOutput) enter(c *forgedCall) {
	if w.entered == nil {
		w.entered = map[felt.Felt]bool{}
	}
	w.entered[c.class] = true
	for _, s := range c.syscalls {
		if s.inner != nil {
			w.enter(s.inner)
		}
	}
}

type forgedRoot struct {
	kind statement.CallKind
	call *forgedCall
}

// roots returns the calls from the protocol.
func (w *forgedOutput) roots(receipt *starknet.Receipt) []forgedRoot {
	var roots []forgedRoot
	if w.main != nil && w.outcome != statement.Aborted {
		kind := statement.ExecuteCall
		if w.tx.Type() == starknet.DeployAccountType {
			kind = statement.ConstructorCall
		}
		roots = append(roots, forgedRoot{kind, w.main})
	}
	if w.format == statement.FormatStwo {
		at := 0 // before __execute__, after a constructor
		if w.tx.Type() == starknet.DeployAccountType {
			at = len(roots)
		}
		roots = slices.Insert(roots, at, forgedRoot{statement.ValidateCall, w.check0})
	}
	roots = append(roots, forgedRoot{statement.FeeTransferCall, &forgedCall{
		class: tokenCode, contract: forgedToken, caller: w.tx.Sender(), selector: selector("transfer"),
		calldata: []felt.Felt{sequencer, receipt.ActualFee.Felt(), {}}, retdata: words(1), gas: w.transfer - 10_000,
	}})
	for _, r := range roots {
		w.enter(r.call)
	}
	if !w.published.IsZero() {
		w.entered[w.published] = true
	}
	return roots
}

// writeStwo writes an output in FormatStwo.
func (w *forgedOutput) writeStwo(receipt *starknet.Receipt, rounded [2]uint64) {
	w.mark = map[string]int{}
	roots := w.roots(receipt)
	w.put(felt.FromShortString("STARKD_OS_2"), n(0xc), n(uint64(1+len(w.others))), n(uint64(len(w.entered))), n(3))
	w.sets = w.at()
	w.put(w.format.Flags(nil)...)
	w.mark["set"] = len(w.words)
	w.put(w.format.Flags([]string{"range_check", "segment_arena"})...)
	w.put(w.format.Flags([]string{"ec_op"})...)
	w.classes()
	w.mark["block"] = len(w.words)
	exact := w.at()
	w.put(n(w.number), n(w.timestamp), sequencer)
	w.number64(rounded[0], rounded[1], 0, 1)
	w.put(receipt.TransactionHash)
	w.info = w.at() + 2
	info := statement.InfoWords(w.tx, receipt.TransactionHash, n(0xc), w.info)
	calldata := w.info + uint64(len(info))
	info = append(info, w.check0.calldata...)
	transfer := w.info + uint64(len(info))
	info = append(info, roots[len(roots)-1].call.calldata...)
	w.number64(uint64(1+len(info)), uint64(w.outcome))
	w.put(info...)
	w.mark["calls"] = len(w.words)
	w.number64(uint64(len(roots)))
	for _, r := range roots {
		w.mark[r.kind.String()] = len(w.words)
		start, end := calldata, transfer
		w.block = exact
		switch r.kind {
		case statement.FeeTransferCall:
			start, end = transfer, transfer+3
		case statement.ConstructorCall:
			start += 2
			w.block = exact + 3
		case statement.ValidateCall:
			w.block = exact + 3
		}
		w.number64(uint64(r.kind), start, end)
		w.callStwo(r.call)
		w.number64(uint64(len(r.call.retdata)))
		w.put(r.call.retdata...)
	}
	for _, number := range w.others {
		w.mark["another block"] = len(w.words)
		w.number64(number, 1, 2, 3, 4, 5, 0)
	}
}

// entry returns the offset of the call's entry point in the code of its class, 0 for none.
func (w *forgedOutput) entry(c *forgedCall) (offset int) {
	class := w.forged.code[c.class]
	for _, list := range [][]casm.EntryPoint{class.EntryPoints.External, class.EntryPoints.Constructor} {
		for _, e := range list {
			if e.Selector == c.selector {
				offset = e.Offset
			}
		}
	}
	return offset
}

// syscalls writes the segment that the class writes: its syscalls and their responses. start is the address of the call.
func (w *forgedOutput) syscalls(c *forgedCall, start uint64) {
	for _, s := range c.syscalls {
		w.put(felt.FromShortString(s.name), n(s.gas))
		w.put(s.request...)
		w.number64(s.gasLeft, flag(s.panic != nil))
		switch {
		case s.panic != nil:
			w.put(spanOf(len(s.panic))...)
		case s.calls:
			w.put(s.response...)
			w.put(spanOf(len(s.answer()))...)
		case s.points:
			w.number64(start + s.off)
		default:
			w.put(s.response...)
		}
	}
}

func (w *forgedOutput) callStwo(c *forgedCall) {
	offset := w.entry(c)
	start := w.at()
	info := w.info
	if c.info != 0 {
		info = c.info
	}
	w.number64(w.block, info)
	set := w.sets
	if c.ecOps != nil {
		set += 20
	}
	w.put(c.caller, c.contract, c.selector, n(w.code[c.class]+uint64(offset)), n(set), n(c.gas))
	w.syscalls(c, start)
	w.number64(0, flag(c.failed), c.left)
	if c.ecOps != nil {
		w.number64(uint64(len(c.ecOps) / 7))
		w.put(c.ecOps...)
	}
	for _, s := range c.syscalls {
		for _, array := range s.given {
			w.put(array...)
		}
		if s.meta != nil {
			info := s.meta(w.at() + 1)
			if s.inner != nil {
				s.inner.info = w.at() + 1
			}
			w.number64(uint64(len(info)))
			w.put(info...)
		}
		if s.calls {
			w.number64(flag(s.inner != nil))
			if s.inner != nil {
				w.callStwo(s.inner)
				if s.inner.failed {
					w.number64(uint64(len(s.inner.retdata)))
					w.put(s.inner.retdata...)
				}
			}
		}
		switch {
		case s.panic != nil:
			w.put(s.panic...)
		case !s.calls:
			for _, array := range s.arrays {
				w.put(array...)
			}
		}
	}
}

func (w *forgedOutput) call(c *forgedCall) {
	offset := w.entry(c)
	start := w.at()
	w.number64(w.block, w.info)
	w.put(c.caller, c.contract, c.selector, n(w.code[c.class]+uint64(offset)))
	w.number64(0, 0, 0, 0, c.gas, uint64(len(c.calldata)))
	w.put(c.calldata...)
	w.syscalls(c, start)
	w.number64(0, flag(c.failed), c.left, uint64(len(c.retdata)))
	w.put(c.retdata...)
	for _, s := range c.syscalls {
		if s.calls {
			w.number64(flag(s.inner != nil))
			if s.inner != nil {
				w.call(s.inner)
			}
		}
		switch {
		case s.panic != nil:
			w.put(s.panic...)
		case s.calls:
			w.put(s.answer()...)
		case !s.calls:
			for _, array := range s.arrays {
				w.put(array...)
			}
		}
	}
}

// answer returns the returned data in the response.
func (s *forgedSyscall) answer() []felt.Felt {
	if s.returned == nil && s.inner != nil {
		return s.inner.retdata
	}
	return s.returned
}

func flag(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// TestForged checks that a forged block that breaks no rule is accepted, so that the other tests fail for the rule that they
// break.
func TestForged(t *testing.T) {
	for name, change := range map[string]func(f *forged){
		"invoke":         func(*forged) {},
		"deploy account": func(f *forged) { f.deploy() },
		"declare":        func(f *forged) { f.declare(n(0xdec)) },
		"validation":     func(f *forged) { f.validated = 12_345 },
		"a tip":          func(f *forged) { f.tx.Fields().Tip = 3 },
		"a call": func(f *forged) {
			f.invoke(callOf(&forgedCall{class: tokenCode, contract: forgedToken, caller: forgedAccount, selector: selector("f"), retdata: words(4)}))
		},
	} {
		for _, f := range []*forged{newForged(), newForged().stwo()} {
			change(f)
			if err := f.check(); err != nil {
				t.Errorf("%s, %s: %v", name, f.format.Layout(), err)
			}
		}
	}
}
