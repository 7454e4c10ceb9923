package statement

import (
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/constants"
)

// Unproven is a transaction that no claim covers. Its effects rest on the validators' signatures alone: the replay applies
// Diff, which must hash to the signed digest.
type Unproven struct {
	Index  int      `json:"index"` // index among the block's executed transactions
	Reason Reason   `json:"reason"`
	Diff   HexBytes `json:"diff"` // canonical starknet.StateDiff
}

// Reason says why a transaction cannot be proved. In FormatStwo only MaxSteps and CairoSteps can be the reason. Exactly one of Builtin,
// Syscall, MaxSteps and CairoSteps is set, to a value in unprovableBuiltins or unprovableSyscalls or to a power of two between minSteps and
// maxSteps; any other value is rejected. The prover chooses the reason. The replay checks that the entry point takes the builtin, or that
// the class's code contains the syscall's name.
type Reason struct {
	Builtin  string    `json:"builtin,omitempty"`
	Syscall  string    `json:"syscall,omitempty"`
	Class    felt.Felt `json:"class_hash"` // with Builtin or Syscall: the class whose entry point needs it; with CairoSteps: the older class
	Selector felt.Felt `json:"selector"`
	MaxSteps uint64    `json:"max_steps,omitzero"` // bound on steps that the transaction exceeds in a proof of its own
	// CairoSteps means that the transaction runs a class below Sierra 1.7. It is billed by what the class's calls use of the Cairo machine,
	// and the proved program does not count that.
	CairoSteps bool `json:"cairo_steps,omitzero"`
}

// unprovableBuiltins are the builtins of Starknet that the program of FormatStone cannot pass to a class.
var unprovableBuiltins = []string{"ec_op", "poseidon", "range_check96", "add_mod", "mul_mod"}

// String returns the reason as text for people.
func (r *Reason) String() string {
	switch {
	case r.Builtin != "":
		return fmt.Sprintf("entry point %v of class %v needs the builtin %s, which is not provable", r.Selector, r.Class, quoted(r.Builtin, unprovableBuiltins))
	case r.Syscall != "":
		return fmt.Sprintf("entry point %v of class %v makes the syscall %s, which is not provable", r.Selector, r.Class, quoted(r.Syscall, unprovableSyscalls))
	}
	if r.CairoSteps {
		return fmt.Sprintf("class %v is older than Sierra %d.%d: its calls are billed by what they use of the Cairo machine, which no proof counts",
			r.Class, constants.MinSierraMajor, constants.MinSierraMinor)
	}
	return fmt.Sprintf("it needs more than %d steps", r.MaxSteps)
}

// quoted returns a known name as it is. It quotes and shortens an unknown name, which may be any text.
func quoted(name string, known []string) string {
	if slices.Contains(known, name) {
		return name
	}
	return fmt.Sprintf("%.40q", name)
}

// Bounds on MaxSteps: the shortest trace of the layout, and the longest that cairo/os allows.
const (
	minSteps = 1 << 17
	maxSteps = 1 << 27
)

// unprovableSyscalls are the syscalls of Starknet that the program of FormatStone does not support.
var unprovableSyscalls = []string{
	"MetaTxV0", "Sha256ProcessBlock", "Sha512ProcessBlock",
	"Secp256k1New", "Secp256k1Add", "Secp256k1Mul", "Secp256k1GetPointFromX", "Secp256k1GetXy",
	"Secp256r1New", "Secp256r1Add", "Secp256r1Mul", "Secp256r1GetPointFromX", "Secp256r1GetXy",
}

// checkReason returns an error if the reason is not one of the known reasons or does not hold for its class.
func (r *replay) checkReason(reason *Reason) error {
	set := 0
	for _, is := range []bool{reason.Builtin != "", reason.Syscall != "", reason.MaxSteps != 0, reason.CairoSteps} {
		if is {
			set++
		}
	}
	if set != 1 {
		return fmt.Errorf("%d reasons why it is unproven, want 1", set)
	}
	if reason.CairoSteps {
		if reason.Class.IsZero() || !reason.Selector.IsZero() {
			return fmt.Errorf("unproven for an old class %v and selector %v: want a class, and no selector", reason.Class, reason.Selector)
		}
		return nil
	}
	if r.format.whole && reason.MaxSteps == 0 {
		return fmt.Errorf("unproven for builtin %.40q or syscall %.40q of entry point %v, but all of them can be proved", reason.Builtin, reason.Syscall, reason.Selector)
	}
	if n := reason.MaxSteps; n != 0 {
		if n < minSteps || n > maxSteps || n&(n-1) != 0 || !reason.Class.IsZero() || !reason.Selector.IsZero() {
			return fmt.Errorf("unproven for a bound of %d steps of class %v: want a power of two from %d to %d, and no class", n, reason.Class, minSteps, maxSteps)
		}
		return nil
	}
	class, err := r.class(reason.Class)
	if err != nil {
		return err
	}
	var entries []*casm.EntryPoint
	for _, kind := range []casm.EntryPointType{casm.External, casm.Constructor} {
		if entry := class.EntryPoint(kind, reason.Selector); entry != nil {
			entries = append(entries, entry)
		}
	}
	if len(entries) == 0 {
		return fmt.Errorf("unproven for entry point %v, which class %v does not have", reason.Selector, reason.Class)
	}
	if reason.Syscall != "" {
		if !slices.Contains(unprovableSyscalls, reason.Syscall) {
			return fmt.Errorf("unproven for syscall %.40q, want one of %q", reason.Syscall, unprovableSyscalls)
		}
		// Code that makes a syscall contains its name as a constant.
		if !slices.Contains(class.Bytecode, felt.FromShortString(reason.Syscall)) {
			return fmt.Errorf("unproven for syscall %s, whose name the code of class %v does not contain", reason.Syscall, reason.Class)
		}
		return nil
	}
	if !slices.Contains(unprovableBuiltins, reason.Builtin) {
		return fmt.Errorf("unproven for builtin %.40q, want one of %q", reason.Builtin, unprovableBuiltins)
	}
	if !slices.ContainsFunc(entries, func(e *casm.EntryPoint) bool { return slices.Contains(e.Builtins, reason.Builtin) }) {
		return fmt.Errorf("unproven for builtin %.40q, which entry point %v of class %v does not need", reason.Builtin, reason.Selector, reason.Class)
	}
	return nil
}

// Validation holds the effects of the signature check of a proven transaction. No claim covers them. Starknet lets a signature
// check change only the account: its storage and its class, and emit events and messages from it. With these effects the
// transaction as a whole must do what validators signed. The proof shows what __execute__ did after them, but not that the
// signature check had them.
type Validation struct {
	Index    int          `json:"index"`               // index among the block's executed transactions
	Storage  []SlotChange `json:"storage,omitempty"`   // changed slots, ascending by key
	Class    *felt.Felt   `json:"class_hash,omitzero"` // the account's new class, if it was replaced
	Events   int          `json:"events,omitzero"`     // number of signed events that the signature check emitted
	Messages int          `json:"messages,omitzero"`
}

// SlotChange is the new value of a storage slot.
type SlotChange struct {
	Key   felt.Felt `json:"key"`
	Value felt.Felt `json:"value"`
}

// String names the effects of the signature check, which no claim covers.
func (v *Validation) String() string {
	class := ""
	if v.Class != nil {
		class = "the account's new class, "
	}
	return fmt.Sprintf("%s%d storage writes, %d events and %d messages of the signature check", class, len(v.Storage), v.Events, v.Messages)
}

// checkUnproven returns an error if Unproven or Validations does not list transactions in ascending order of their indices.
func (b *Block) checkUnproven() error {
	if len(b.Results) != len(b.Transactions) {
		return fmt.Errorf("statement: %d transactions with %d results", len(b.Transactions), len(b.Results))
	}
	last := -1
	unproven := make(map[int]bool, len(b.Unproven))
	for i := range b.Unproven {
		index := b.Unproven[i].Index
		if index <= last || index >= len(b.Transactions) {
			return fmt.Errorf("statement: unproven transaction %d follows %d, want ascending indices below %d", index, last, len(b.Transactions))
		}
		last, unproven[index] = index, true
	}
	last = -1
	for i := range b.Validations {
		index := b.Validations[i].Index
		if index <= last || index >= len(b.Transactions) || unproven[index] {
			return fmt.Errorf("statement: signature check of transaction %d follows %d, want ascending indices below %d", index, last, len(b.Transactions))
		}
		last = index
	}
	return nil
}

// skip applies the unproven transactions that come next.
func (r *replay) skip() error {
	for len(r.unproven) > 0 && r.unproven[0].Index == len(r.done) {
		u := &r.unproven[0]
		outcome, err := r.takeOver(u, r.block.Transactions[u.Index], r.block.Results[u.Index])
		if err != nil {
			return fmt.Errorf("unproven transaction %d: %w", u.Index, err)
		}
		r.unproven, r.done = r.unproven[1:], append(r.done, *outcome)
	}
	return nil
}

// takeOver applies the signed state difference of an unproven transaction.
func (r *replay) takeOver(u *Unproven, tx starknet.Transaction, signed *starknet.Result) (*TransactionOutcome, error) {
	receipt := &signed.Receipt
	if hash := tx.Hash(r.block.ChainID); receipt.TransactionHash != hash {
		return nil, fmt.Errorf("the signed receipt is of transaction %v, want %v", receipt.TransactionHash, hash)
	}
	sender := tx.Sender()
	if err := r.admit(tx, receipt.TransactionHash, sender); err != nil {
		return nil, err
	}
	if err := checkReceipt(receipt, tx, sender); err != nil {
		return nil, err
	}
	if err := r.checkReason(&u.Reason); err != nil {
		return nil, err
	}
	if digest := starknet.Digest(sha256.Sum256(u.Diff)); digest != signed.Diff {
		return nil, fmt.Errorf("the state difference hashes to %v, validators signed %v", digest, signed.Diff)
	}
	var diff starknet.StateDiff
	if err := diff.UnmarshalBinary(u.Diff); err != nil {
		return nil, err
	}
	for _, c := range diff.Storage {
		for _, e := range c.Entries {
			if err := r.state.write(slot{c.Address, e.Key}, e.Value); err != nil {
				return nil, err
			}
		}
	}
	for _, c := range slices.Concat(diff.Deployed, diff.Replaced) {
		if err := r.state.setClass(c.Address, c.ClassHash); err != nil {
			return nil, err
		}
	}
	declare, _ := tx.(*starknet.Declare)
	for _, c := range diff.Declared {
		if declare == nil || c != (starknet.DeclaredClass{ClassHash: declare.ClassHash, CompiledClassHash: declare.CompiledClassHash}) {
			return nil, fmt.Errorf("the state difference declares class %v with compiled class hash %v, but the transaction does not", c.ClassHash, c.CompiledClassHash)
		}
		if err := r.state.declare(c.ClassHash, c.CompiledClassHash); err != nil {
			return nil, err
		}
	}
	if err := r.checkDiff(signed); err != nil { // the signed difference is relative to this state
		return nil, err
	}
	if err := r.checkSignedFee(tx, receipt); err != nil {
		return nil, err
	}
	return &TransactionOutcome{
		Hash: receipt.TransactionHash, Reverted: receipt.Reverted, Fee: receipt.ActualFee, Events: receipt.Events, Messages: receipt.Messages,
		UnprovenParts: []string{"all of it: " + u.Reason.String()}, Unproven: &u.Reason,
	}, nil
}

// validatedOutside applies the effects of the transaction's signature check, if the block lists any. name is the entry point of the
// check.
func (t *replayer) validatedOutside(name string, account felt.Felt, outcome *TransactionOutcome) error {
	outcome.UnprovenParts = append(outcome.UnprovenParts, name)
	if len(t.validations) == 0 || t.validations[0].Index != len(t.done) {
		return nil
	}
	v := &t.validations[0]
	t.validations = t.validations[1:]
	if err := t.makeValidation(v, account); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	outcome.UnprovenParts = append(outcome.UnprovenParts, v.String())
	return nil
}

func (t *replayer) makeValidation(v *Validation, account felt.Felt) error {
	signed := &t.block.Results[v.Index].Receipt
	if len(v.Storage) == 0 && v.Class == nil && v.Events == 0 && v.Messages == 0 {
		return fmt.Errorf("the list of its effects is empty")
	}
	for i, w := range v.Storage {
		if i > 0 && v.Storage[i-1].Key.Cmp(&w.Key) >= 0 || !starknet.IsAddress(w.Key) {
			return fmt.Errorf("slot %v is out of order or not %s", w.Key, addressRange)
		}
		at := slot{account, w.Key}
		if value, err := t.state.storage(at); err != nil {
			return err
		} else if value == w.Value {
			return fmt.Errorf("slot %v already has value %v", w.Key, value)
		}
		if err := t.state.write(at, w.Value); err != nil {
			return err
		}
	}
	if v.Class != nil {
		if there, err := t.state.classAt(account); err != nil {
			return err
		} else if there == *v.Class {
			return fmt.Errorf("the class is already %v", there)
		}
		if compiled, err := t.state.compiled(*v.Class); err != nil {
			return err
		} else if compiled.IsZero() {
			return fmt.Errorf("class %v is not declared", *v.Class)
		}
		if err := t.state.setClass(account, *v.Class); err != nil {
			return err
		}
	}
	if left := len(signed.Events) - len(t.events); v.Events < 0 || v.Events > left {
		return fmt.Errorf("it emitted %d events, but the signed receipt has only %d more", v.Events, left)
	}
	if left := len(signed.Messages) - len(t.messages); v.Messages < 0 || v.Messages > left {
		return fmt.Errorf("it sent %d messages, but the signed receipt has only %d more", v.Messages, left)
	}
	for _, e := range signed.Events[len(t.events):][:v.Events] {
		if e.From != account {
			return fmt.Errorf("the event is from %v, want the account %v", e.From, account)
		}
		t.events = append(t.events, e)
	}
	for _, m := range signed.Messages[len(t.messages):][:v.Messages] {
		if m.From != account {
			return fmt.Errorf("the message is from %v, want the account %v", m.From, account)
		}
		t.messages = append(t.messages, m)
	}
	return nil
}
