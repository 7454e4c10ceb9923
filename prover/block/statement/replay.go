package statement

import (
	"fmt"

	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/keccak"
	"github.com/starkd/starkd/internal/parallel"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/constants"
)

// Selectors of the entry points that the protocol calls.
var (
	executeSelector     = keccak.Starknet([]byte(constants.Execute))
	validated           = felt.FromShortString(constants.Validated)
	constructorSelector = keccak.Starknet([]byte(constants.Constructor))
	transferSelector    = keccak.Starknet([]byte(constants.Transfer))
)

// Check replays the claims of a block's proofs, in the order of the transactions. The claims must have the same format, cover
// exactly the transactions that the block does not list as unproven, and have no transactions of other blocks.
func Check(claims []*Claim, block *Block, before State) (*Outcome, error) {
	outcomes, err := CheckBlocks(claims, []*Block{block}, []State{before})
	if err != nil {
		return nil, err
	}
	return outcomes[0], nil
}

// CheckBlocks does what Check does for several blocks of a chain with ascending numbers, to whose transactions the claims may belong. before
// holds the state before each.
//
// The blocks are checked together because a claim holds only as a whole: code that is entered in the wrong way, or that is not what a compiler
// makes, can write to the output whatever it likes. So every call of a claim is replayed, whatever block it belongs to.
func CheckBlocks(claims []*Claim, blocks []*Block, before []State) ([]*Outcome, error) {
	outputs, err := parseAll(claims)
	if err != nil {
		return nil, err
	}
	return checkBlocks(claims, outputs, blocks, before, compiledHashes{})
}

// parseAll parses the outputs of claims.
func parseAll(claims []*Claim) ([]*Output, error) {
	outputs := make([]*Output, len(claims))
	for i, claim := range claims {
		var err error
		if outputs[i], err = Parse(claim.Output, claim.OutputAddress); err != nil {
			return nil, fmt.Errorf("claim %d: %w", i, err)
		}
	}
	return outputs, nil
}

// checkBlocks does what CheckBlocks does with parsed outputs. compiled has compiled class hashes that are known already.
func checkBlocks(claims []*Claim, outputs []*Output, blocks []*Block, before []State, compiled compiledHashes) ([]*Outcome, error) {
	c, err := newChecker(blocks, before, compiled)
	if err != nil {
		return nil, err
	}
	for i, claim := range claims {
		if err := c.apply(claim, outputs[i]); err != nil {
			return nil, fmt.Errorf("claim %d: %w", i, err)
		}
	}
	return c.outcomes()
}

// checker checks claims about blocks, one after the other.
type checker struct {
	replays []*replay // of the blocks
	format  *format   // of the claims; nil if it is not known yet
}

func newChecker(blocks []*Block, before []State, compiled compiledHashes) (*checker, error) {
	if len(blocks) == 0 || len(before) != len(blocks) {
		return nil, fmt.Errorf("statement: %d blocks with %d states before them", len(blocks), len(before))
	}
	c := new(checker)
	for i, b := range blocks {
		if i > 0 && b.Number <= blocks[i-1].Number {
			return nil, fmt.Errorf("statement: block %d follows block %d, want ascending numbers", b.Number, blocks[i-1].Number)
		}
		if b.Format != 0 {
			if f := b.Format.format(); c.format != nil && c.format != f {
				return nil, fmt.Errorf("statement: block %d has format %s, the block before it %s", b.Number, f.name, c.format.name)
			} else {
				c.format = f
			}
		}
		r, err := newReplay(b, before[i], compiled)
		if err != nil {
			return nil, err
		}
		c.replays = append(c.replays, r)
	}
	return c, nil
}

// apply checks a claim about the next proven transactions, and its parsed output. After an error, c must not be used.
func (c *checker) apply(claim *Claim, output *Output) error {
	f, err := claim.checkProgram()
	if err != nil {
		return err
	}
	if output.format != f {
		return fmt.Errorf("statement: the program %s has written an output of %s", f.name, output.format.name)
	}
	if err := c.replay(claim, output); err != nil {
		return fmt.Errorf("statement: %w", err)
	}
	return nil
}

// replay replays all calls of a claim.
func (c *checker) replay(claim *Claim, output *Output) error {
	if c.format == nil {
		c.format = output.format
	}
	if f := output.format; c.format != f {
		return fmt.Errorf("the claim is of format %s, want %s", f.name, c.format.name)
	}
	published := make(map[felt.Felt]*PublishedClass, len(output.Classes))
	for i := range output.Classes {
		class := &output.Classes[i]
		if published[class.Hash] != nil {
			return fmt.Errorf("class %v is published twice", class.Hash)
		}
		published[class.Hash] = class
	}
	next := 0 // index of the first block that the next section may be of
	for i := range output.Blocks {
		section := &output.Blocks[i]
		for next < len(c.replays) && section.Number != felt.FromUint64(c.replays[next].block.Number) {
			next++
		}
		if next == len(c.replays) {
			return fmt.Errorf("the output has transactions of block %v, which is not one of the %d blocks that are checked (%d to %d) or is out of order",
				section.Number, len(c.replays), c.replays[0].block.Number, c.replays[len(c.replays)-1].block.Number)
		}
		r := c.replays[next]
		next++
		r.format = c.format
		if err := r.apply(claim, output, section, published); err != nil {
			return fmt.Errorf("block %d: %w", r.block.Number, err)
		}
	}
	for i := range output.Classes {
		if !output.Classes[i].entered {
			return fmt.Errorf("class %v is published, but no call enters it", output.Classes[i].Hash)
		}
	}
	return nil
}

// outcomes returns the outcomes of the blocks, which the claims must cover.
func (c *checker) outcomes() ([]*Outcome, error) {
	if c.format == nil {
		c.format = FormatStwo.format()
	}
	var outcomes []*Outcome
	for _, r := range c.replays {
		r.format = c.format
		outcome, err := r.outcome()
		if err != nil {
			return nil, fmt.Errorf("statement: block %d: %w", r.block.Number, err)
		}
		outcomes = append(outcomes, outcome)
	}
	return outcomes, nil
}

// replay replays the transactions of one block.
type replay struct {
	block   *Block
	format  *format // of the claims
	state   *overlay
	classes map[felt.Felt]*casm.Class // classes whose hash has been compared
	done    []TransactionOutcome

	seen        map[felt.Felt]bool               // hashes of the transactions so far
	price       *starknet.Uint128                // price of L2 gas; nil until a fee determines it
	balanceSlot struct{ account, key felt.Felt } // slot of the last account's balance

	unproven    []Unproven   // unproven transactions that are still to come
	validations []Validation // signature checks that are still to come

	hashes   []felt.Felt    // of the transactions
	compiled compiledHashes // shared by the blocks
}

// compiledHashes holds the compiled class hashes of classes, each of which is hashed once.
type compiledHashes map[*casm.Class]felt.Felt

func (h compiledHashes) of(class *casm.Class) felt.Felt {
	hash, ok := h[class]
	if !ok {
		hash = class.BlakeHash()
		h[class] = hash
	}
	return hash
}

// newReplay returns a replay that has made the block's own writes.
func newReplay(block *Block, before State, compiled compiledHashes) (*replay, error) {
	if err := block.checkUnproven(); err != nil {
		return nil, err
	}
	r := &replay{
		block: block, state: newOverlay(before), classes: make(map[felt.Felt]*casm.Class), seen: make(map[felt.Felt]bool),
		unproven: block.Unproven, validations: block.Validations, hashes: make([]felt.Felt, len(block.Transactions)), compiled: compiled,
	}
	parallel.For(len(r.hashes), func(i int) { r.hashes[i] = block.Transactions[i].Hash(block.ChainID) })
	for _, w := range block.Opening {
		if err := r.state.write(slot{w.Contract, w.Key}, w.Value); err != nil {
			return nil, fmt.Errorf("statement: opening write of slot %v of %v: %w", w.Key, w.Contract, err)
		}
	}
	return r, nil
}

// outcome returns the outcome of the block, after all claims.
func (r *replay) outcome() (*Outcome, error) {
	if err := r.skip(); err != nil {
		return nil, err
	}
	if len(r.done) != len(r.block.Transactions) {
		return nil, fmt.Errorf("the claims and the unproven transactions are %d transactions, the block has %d", len(r.done), len(r.block.Transactions))
	}
	return &Outcome{Transactions: r.done, Diff: r.state.diff()}, nil
}

// apply replays the part of a claim for this block.
func (r *replay) apply(claim *Claim, output *Output, section *BlockRecord, published map[felt.Felt]*PublishedClass) error {
	b, f := r.block, r.format
	if n := len(r.validations); f.whole && n > 0 {
		return fmt.Errorf("effects of %d signature checks outside the proof, which covers the signature checks", n)
	}
	compared := make(map[*PublishedClass]bool)
	for _, word := range []struct {
		what      string
		got, want felt.Felt
	}{
		{"chain id", output.ChainID, b.ChainID},
		{"block timestamp", section.Timestamp, felt.FromUint64(b.Timestamp)},
		{"sequencer", section.Sequencer, b.Sequencer},
		{"rounded block number", section.Validate[0], felt.FromUint64(b.Number - b.Number%constants.RoundBlock)},
		{"rounded block timestamp", section.Validate[1], felt.FromUint64(b.Timestamp - b.Timestamp%constants.RoundTime)},
		{"sequencer in validation", section.Validate[2], felt.Zero},
	} {
		if word.got != word.want {
			return fmt.Errorf("%s is %v, want %v", word.what, word.got, word.want)
		}
	}
	least := 1
	if len(b.Unproven) == len(b.Transactions) {
		least = 0 // so that a block of which no transaction can be proved has a proof, and a bundle that says so
	}
	if n, left := len(section.Transactions), len(b.Transactions)-len(r.done)-len(r.unproven); n < least || n > left {
		return fmt.Errorf("the output has %d transactions, want %d to %d (the rest of the block)", n, least, left)
	}
	for i := range section.Transactions {
		if err := r.skip(); err != nil {
			return err
		}
		index := len(r.done)
		t := &replayer{
			replay: r, output: output, section: section, published: published, compared: compared, costs: claim.ProgramBase + f.costs,
			record: &section.Transactions[i], receipt: &b.Results[index].Receipt,
		}
		outcome, err := t.transaction(b.Transactions[index], r.hashes[index])
		if err == nil {
			err = outcome.compare(t.receipt)
		}
		if err == nil {
			err = r.checkDiff(b.Results[index])
		}
		if err != nil {
			return fmt.Errorf("transaction %v: %w", t.record.Hash, err)
		}
		r.done = append(r.done, outcome)
	}
	return nil
}

// ret is the instruction that follows the code of a published class.
var ret = felt.FromUint64(constants.RetWord)

// publishedClass returns a published class, after comparing it with the compiled class. The compiled class hash is compared when
// the class is entered (method class), since a transaction of the same block may declare it.
func (t *replayer) publishedClass(hash felt.Felt) (*PublishedClass, error) {
	class := t.published[hash]
	if class == nil {
		return nil, fmt.Errorf("class %v is not published", hash)
	}
	if t.compared[class] {
		return class, nil
	}
	compiled := t.block.Classes[hash]
	if compiled == nil {
		return nil, fmt.Errorf("class %v is published, but the witness has no compiled class for it", hash)
	}
	err := same("code", class.Code, compiled.Bytecode)
	if err == nil {
		err = same("end of the code", class.tail[:], []felt.Felt{ret, felt.FromUint64(t.costs)})
	}
	if err != nil {
		return nil, fmt.Errorf("class %v: %w", hash, err)
	}
	t.compared[class], class.entered = true, true
	return class, nil
}

// class returns the compiled class of a declared class, and checks its hash.
func (r *replay) class(hash felt.Felt) (*casm.Class, error) {
	if class := r.classes[hash]; class != nil {
		return class, nil
	}
	want, err := r.state.compiled(hash)
	if err != nil {
		return nil, err
	}
	if want.IsZero() {
		return nil, fmt.Errorf("class %v is not declared", hash)
	}
	class := r.block.Classes[hash]
	if class == nil && r.block.Load != nil {
		if class, err = r.block.Load(hash); err != nil {
			return nil, err
		}
		r.block.Classes[hash] = class
	}
	if class == nil {
		return nil, fmt.Errorf("the witness has no compiled class for class %v", hash)
	}
	if got := r.compiled.of(class); got != want {
		return nil, fmt.Errorf("the compiled class of %v hashes to %v, but %v was declared", hash, got, want)
	}
	if err := checkBuiltins(class); err != nil {
		return nil, fmt.Errorf("the compiled class of %v: %w", hash, err)
	}
	r.classes[hash] = class
	return class, nil
}

// replayer replays one transaction.
type replayer struct {
	*replay
	output    *Output
	section   *BlockRecord
	published map[felt.Felt]*PublishedClass
	compared  map[*PublishedClass]bool // published classes that are equal to the block's compiled classes
	costs     uint64                   // address of the gas costs of builtins
	record    *TransactionRecord
	receipt   *starknet.Receipt // the signed receipt

	events       []starknet.Event
	messages     []starknet.Message
	eventsBefore int    // number of events before the current call from the protocol
	blockInfo    uint64 // address of BlockInfo for that call
	validating   bool   // whether that call is restricted as validation is

	calldata  span        // of the signature check
	transfer  []felt.Felt // calldata of the fee transfer, in FormatStwo; nil if the output has none
	validated uint64      // gas of the signature check, in FormatStwo
}

// span is an array and, in FormatStwo, its address in the output.
type span struct {
	at    uint64
	words []felt.Felt
}

// from returns the span without its first n words.
func (s span) from(n int) span { return span{s.at + uint64(n), s.words[n:]} }

func (t *replayer) transaction(tx starknet.Transaction, hash felt.Felt) (TransactionOutcome, error) {
	none := TransactionOutcome{}
	if t.record.Hash != hash {
		return none, fmt.Errorf("the block has transaction %v at this position", hash)
	}
	sender := tx.Sender()
	if err := t.checkInfo(tx, hash); err != nil {
		return none, err
	}
	if err := t.admit(tx, hash, sender); err != nil {
		return none, err
	}
	if err := checkReceipt(t.receipt, tx, sender); err != nil {
		return none, err
	}

	outcome := TransactionOutcome{Hash: hash}
	calls := t.record.Calls
	var paid uint64 // gas that the sender pays for
	var err error
	switch tx := tx.(type) {
	case *starknet.Invoke:
		if calls, err = t.validate(constants.Validate, sender, tx.ResourceBounds.L2Gas.MaxAmount, calls, &outcome); err == nil {
			calls, paid, err = t.invoke(tx, calls, &outcome)
		}
	case *starknet.Declare:
		calls, err = t.validate(constants.ValidateDeclare, sender, tx.ResourceBounds.L2Gas.MaxAmount, calls, &outcome)
		if err == nil {
			err = t.state.declare(tx.ClassHash, tx.CompiledClassHash)
		}
		if err == nil {
			err = t.declareGas(tx)
		}
		paid = t.receipt.Resources.L2Gas
	case *starknet.DeployAccount:
		if calls, err = t.deployAccount(tx, sender, calls, &outcome); err == nil {
			calls, err = t.validate(constants.ValidateDeploy, sender, tx.ResourceBounds.L2Gas.MaxAmount-outcome.gasUsed(), calls, &outcome)
		}
		if err == nil {
			used := outcome.gasUsed()
			_, err = checkGas(t.receipt, intrinsicGas(tx)+used+t.dataGas(), t.unprovenGas(tx.ResourceBounds.L2Gas.MaxAmount-used))
		}
		paid = t.receipt.Resources.L2Gas
	default:
		err = fmt.Errorf("unknown transaction type %v", tx.Type())
	}
	if err != nil {
		return none, err
	}
	if !outcome.Reverted && t.record.Outcome != Succeeded {
		return none, fmt.Errorf("the outcome says that a %v was reverted", tx.Type())
	}
	if !outcome.Reverted {
		reason, err := t.feeCheck(sender, tx.Fields().ResourceBounds.L2Gas.MaxAmount, paid)
		if err != nil {
			return none, err
		}
		if reason != "" {
			return none, fmt.Errorf("succeeded, but must be reverted or rejected: %s", reason)
		}
		if t.receipt.RevertReason != "" {
			return none, fmt.Errorf("succeeded, but the signed receipt has the revert reason %.200q", t.receipt.RevertReason)
		}
	}
	if err := t.checkFee(tx, t.receipt.ActualFee, paid); err != nil {
		return none, err
	}
	if calls, err = t.feeTransfer(sender, calls, &outcome); err != nil {
		return none, fmt.Errorf("fee transfer: %w", err)
	}
	if len(calls) != 0 {
		return none, fmt.Errorf("the output has %d calls more than the transaction makes, the next of kind %v", len(calls), calls[0].Kind)
	}
	outcome.Events, outcome.Messages = t.events, t.messages
	return outcome, nil
}

// checkInfo checks the words that the output has for the transaction.
func (t *replayer) checkInfo(tx starknet.Transaction, hash felt.Felt) error {
	got, want := t.record.info, infoWords(tx, hash, t.block.ChainID, t.record.address)
	t.calldata = span{t.record.address + uint64(len(want)), validationCalldata(tx)}
	if t.format.whole {
		want = append(want, t.calldata.words...)
		if n := len(want); len(got) == n+transferWords {
			got, t.transfer = got[:n], got[n:]
		}
	}
	return same("transaction info", got, want)
}

// transferWords is the number of words of the fee transfer's calldata.
const transferWords = 3

// unprovenGas returns the most gas that a signature check may have used outside the proof, if left is left of the bound.
func (t *replayer) unprovenGas(left uint64) uint64 {
	if t.format.whole {
		return 0
	}
	return min(left, constants.MaxValidateGas)
}

// validate replays the signature check of an account, which has left gas, and returns the calls that follow. In FormatStone, which
// does not prove it, validate applies the effects that the block lists. name is the entry point.
func (t *replayer) validate(name string, account felt.Felt, left uint64, calls []RootCall, outcome *TransactionOutcome) ([]RootCall, error) {
	if !t.format.whole {
		return calls, t.validatedOutside(name, account, outcome)
	}
	class, err := t.deployedClass(account)
	if err != nil {
		return nil, err
	}
	gas := min(left, constants.MaxValidateGas)
	call, calls, err := t.root(ValidateCall, calls, outcome, &frame{
		class: class, kind: casm.External, selector: keccak.Starknet([]byte(name)), contract: account,
	}, gas, t.calldata)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if call.Gas != gas {
		return nil, fmt.Errorf("%s received %d gas, want %d", name, call.Gas, gas)
	}
	if call.Failed {
		return nil, fmt.Errorf("%s panicked with %v", name, call.Retdata)
	}
	t.validated = call.Gas - call.GasLeft
	return calls, same("data returned by "+name, call.Retdata, []felt.Felt{validated})
}

// declareGas checks the gas that a DECLARE is charged. The price of the compiled class is not proved.
func (t *replayer) declareGas(tx *starknet.Declare) error {
	const wordGas = constants.CodeByteGas * constants.BytesPerFelt
	most := tx.ResourceBounds.L2Gas.MaxAmount
	if t.format.whole {
		most = constants.MaxProgramFelts * wordGas
	}
	rest, err := checkGas(t.receipt, intrinsicGas(tx)+t.validated+t.dataGas(), most)
	if err == nil && t.format.whole && rest%wordGas != 0 {
		return fmt.Errorf("the compiled class is charged %d gas, want a multiple of %d", rest, wordGas)
	}
	return err
}

// invoke replays __execute__. It returns the calls that follow and the gas that the sender pays for.
func (t *replayer) invoke(tx *starknet.Invoke, calls []RootCall, outcome *TransactionOutcome) (_ []RootCall, paid uint64, err error) {
	class, err := t.deployedClass(tx.SenderAddress)
	if err != nil {
		return nil, 0, err
	}
	f := frame{class: class, kind: casm.External, selector: executeSelector, contract: tx.SenderAddress}
	bound, intrinsic, kept := tx.ResourceBounds.L2Gas.MaxAmount, intrinsicGas(tx)+t.validated, t.dataGas()
	if t.record.Outcome == Aborted {
		outcome.Reverted = true
		outcome.UnprovenParts = append(outcome.UnprovenParts, "__execute__, which was aborted")
		used, err := checkGas(t.receipt, intrinsic+kept, min(bound-t.validated, t.unprovenGas(bound)+constants.MaxExecuteGas))
		if err != nil {
			return nil, 0, err
		}
		return calls, min(t.receipt.Resources.L2Gas, bound), t.checkAborted(&f, bound-t.validated, used)
	}
	snapshot, events, messages := t.state.snapshot(), len(t.events), len(t.messages)
	call, calls, err := t.root(ExecuteCall, calls, outcome, &f, constants.MaxExecuteGas, t.calldata)
	if err != nil {
		return nil, 0, fmt.Errorf("__execute__: %w", err)
	}
	if failed := t.record.Outcome == Panicked; failed != call.Failed {
		return nil, 0, fmt.Errorf("__execute__ panicked: %t, but the outcome says %t", call.Failed, failed)
	}
	// The charged gas determines the gas of the signature check, and so the gas that was left for __execute__.
	used, done := call.Gas-call.GasLeft, t.dataGas()
	if t.record.Outcome == Succeeded {
		kept = done
	}
	outside, err := checkGas(t.receipt, intrinsic+used+kept, t.unprovenGas(bound))
	if err != nil {
		return nil, 0, err
	}
	validated := t.validated + outside
	if want := min(bound-validated, constants.MaxExecuteGas); call.Gas != want {
		return nil, 0, fmt.Errorf("__execute__ received %d gas, want %d: the bound is %d and the signature check used %d", call.Gas, want, bound, validated)
	}
	var reason string
	switch t.record.Outcome {
	case Succeeded:
		return calls, t.receipt.Resources.L2Gas, nil
	case Panicked:
		reason, paid = panicReason(f.shown), min(t.receipt.Resources.L2Gas, bound)
	case RevertedOnCheck:
		done += intrinsic + outside + used
		paid = min(done, bound)
		if reason, err = t.feeCheck(tx.SenderAddress, bound, done); err != nil {
			return nil, 0, err
		}
		if reason == "" {
			return nil, 0, fmt.Errorf("the outcome says that the fee check reverted it, but its bounds and its balance cover %d gas and %v FRI", done, t.receipt.ActualFee)
		}
	}
	if t.receipt.RevertReason != reason {
		return nil, 0, fmt.Errorf("the revert reason is proved to be %.500q, but is %.500q in the signed receipt", reason, t.receipt.RevertReason)
	}
	outcome.Reverted = true
	t.state.revert(snapshot)
	t.events, t.messages = t.events[:events], t.messages[:messages]
	return calls, paid, nil
}

// deployAccount replays the constructor, if the class has one. It returns the calls that follow.
func (t *replayer) deployAccount(tx *starknet.DeployAccount, contract felt.Felt, calls []RootCall, outcome *TransactionOutcome) ([]RootCall, error) {
	if there, err := t.state.classAt(contract); err != nil {
		return nil, err
	} else if !there.IsZero() {
		return nil, fmt.Errorf("deploys to %v, which is already a contract", contract)
	}
	if err := t.state.setClass(contract, tx.ClassHash); err != nil {
		return nil, err
	}
	class, err := t.class(tx.ClassHash)
	if err != nil {
		return nil, err
	}
	if len(class.EntryPoints.Constructor) == 0 {
		if len(tx.ConstructorCalldata) != 0 {
			return nil, fmt.Errorf("constructor calldata for a class without a constructor")
		}
		return calls, nil
	}
	gas := min(tx.ResourceBounds.L2Gas.MaxAmount, constants.MaxValidateGas)
	call, calls, err := t.root(ConstructorCall, calls, outcome, &frame{
		class: tx.ClassHash, kind: casm.Constructor, selector: constructorSelector, contract: contract,
	}, gas, t.calldata.from(2))
	if err != nil {
		return nil, fmt.Errorf("constructor: %w", err)
	}
	if call.Gas != gas {
		return nil, fmt.Errorf("the constructor received %d gas, want %d", call.Gas, gas)
	}
	if call.Failed {
		return nil, fmt.Errorf("the constructor panicked with %v", call.Retdata)
	}
	return calls, nil
}

// feeTransfer replays the transfer of the fee to the sequencer. A transaction without a fee makes no transfer.
func (t *replayer) feeTransfer(sender felt.Felt, calls []RootCall, outcome *TransactionOutcome) ([]RootCall, error) {
	if len(calls) == 0 {
		if t.transfer != nil {
			return nil, fmt.Errorf("calldata for a fee transfer, but the output has no such call")
		}
		return nil, nil
	}
	calldata := calls[0].Calldata
	if t.format.whole {
		calldata = t.transfer
	}
	if len(calldata) != transferWords || !calldata[2].IsZero() {
		return nil, fmt.Errorf("calldata is %v, want the sequencer and an amount below 2^128", calldata)
	}
	fee, err := starknet.Uint128FromFelt(calldata[1])
	if err != nil {
		return nil, err
	}
	want := []felt.Felt{t.block.Sequencer, calldata[1], felt.Zero}
	if err := same("calldata", calldata, want); err != nil {
		return nil, err
	}
	class, err := t.deployedClass(t.block.FeeToken)
	if err != nil {
		return nil, err
	}
	call, calls, err := t.root(FeeTransferCall, calls, outcome, &frame{
		class: class, kind: casm.External, selector: transferSelector, contract: t.block.FeeToken, caller: sender,
	}, constants.FeeTransferGas, span{t.calldata.at + uint64(len(t.calldata.words)), want})
	if err != nil {
		return nil, err
	}
	if call.Gas != constants.FeeTransferGas {
		return nil, fmt.Errorf("received %d gas, want %d", call.Gas, uint64(constants.FeeTransferGas))
	}
	if call.Failed {
		return nil, fmt.Errorf("panicked with %v", call.Retdata)
	}
	outcome.Fee = fee
	return calls, same("returned data", call.Retdata, []felt.Felt{felt.One})
}

func (t *replayer) deployedClass(contract felt.Felt) (felt.Felt, error) {
	class, err := t.state.classAt(contract)
	if err == nil && class.IsZero() {
		err = fmt.Errorf("there is no contract at %v", contract)
	}
	return class, err
}

// root replays the next call from the protocol, which may have at most most gas, and returns it with the calls that follow.
func (t *replayer) root(kind CallKind, calls []RootCall, outcome *TransactionOutcome, f *frame, most uint64, calldata span) (CallOutcome, []RootCall, error) {
	none := CallOutcome{}
	if len(calls) == 0 {
		return none, nil, fmt.Errorf("the output has no such call")
	}
	call := &calls[0]
	if call.Kind != kind {
		return none, nil, fmt.Errorf("the output has a call of kind %v instead", call.Kind)
	}
	class, err := t.class(f.class)
	if err != nil {
		return none, nil, err
	}
	entry := class.EntryPoint(f.kind, f.selector)
	if entry == nil {
		return none, nil, fmt.Errorf("class %v has no entry point %v", f.class, f.selector)
	}
	if most < constants.EntryPointGas || call.Gas > most-constants.EntryPointGas {
		return none, nil, fmt.Errorf("the call has %d gas and %d to enter, want at most %d in total", call.Gas, constants.EntryPointGas, most)
	}
	if t.format.whole {
		at := []felt.Felt{felt.FromUint64(calldata.at), felt.FromUint64(calldata.at + uint64(len(calldata.words)))}
		err = same("addresses of the calldata", []felt.Felt{call.start, call.end}, at)
	} else {
		err = same("calldata", call.Calldata, calldata.words)
	}
	if err != nil {
		return none, nil, err
	}
	f.gas, f.depth, f.txInfo = call.Gas+constants.EntryPointGas, 1, t.record.address
	t.eventsBefore = len(t.events)
	t.blockInfo, t.validating = t.section.blockInfo, kind == ConstructorCall || kind == ValidateCall
	if t.validating {
		t.blockInfo = t.section.validateBlockInfo
	}
	if err := t.call(&call.Call, f, entry); err != nil {
		return none, nil, err
	}
	if call.GasLeft > f.gas {
		return none, nil, fmt.Errorf("%d gas is left of %d", call.GasLeft, f.gas)
	}
	result := CallOutcome{Kind: kind, Gas: f.gas, GasLeft: call.GasLeft, Failed: call.Failed, Retdata: call.Retdata}
	outcome.Calls = append(outcome.Calls, result)
	return result, calls[1:], nil
}
