package statement

import (
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// Unproven is a transaction that no claim covers. What it did is the validators' word alone: its difference hashes to what
// they signed, and is taken over as it is.
type Unproven struct {
	Index  int      `json:"index"` // among the block's executed transactions
	Reason Reason   `json:"reason"`
	Diff   HexBytes `json:"diff"` // canonical starknet.StateDiff
}

// Reason says why a transaction cannot be proved: exactly one of Builtin, Syscall and MaxSteps is set. There are as many
// reasons as unprovableBuiltins, unprovableSyscalls and powers of two between minSteps and maxSteps; any other text is refused.
// It is the prover's word, and checked as far as it can be: that the entry point takes the builtin, that the
// class's code has the syscall's name.
type Reason struct {
	Builtin  string    `json:"builtin,omitempty"`
	Syscall  string    `json:"syscall,omitempty"`
	Class    felt.Felt `json:"class_hash"` // of a builtin or syscall: whose entry point needs it
	Selector felt.Felt `json:"selector"`
	MaxSteps uint64    `json:"max_steps,omitzero"` // which are too few for the transaction alone
}

// unprovableBuiltins are Starknet's builtins that the program cannot pass.
var unprovableBuiltins = []string{"ec_op", "poseidon", "range_check96", "add_mod", "mul_mod"}

// String returns the reason as a person reads it.
func (r *Reason) String() string {
	switch {
	case r.Builtin != "":
		return fmt.Sprintf("entry point %v of class %v needs the builtin %s, which is not provable", r.Selector, r.Class, quoted(r.Builtin, unprovableBuiltins))
	case r.Syscall != "":
		return fmt.Sprintf("entry point %v of class %v makes the syscall %s, which is not provable", r.Selector, r.Class, quoted(r.Syscall, unprovableSyscalls))
	}
	return fmt.Sprintf("it needs more than %d steps", r.MaxSteps)
}

// quoted returns a name as it is where it is known, quoted and cut where it is not: then it is anybody's text.
func quoted(name string, known []string) string {
	if slices.Contains(known, name) {
		return name
	}
	return fmt.Sprintf("%.40q", name)
}

// The shortest and the longest trace of the program that a bound on steps can mean: what the layout needs, and what
// cairo/os allows.
const (
	minSteps = 1 << 17
	maxSteps = 1 << 27
)

// unprovableSyscalls are Starknet's syscalls that the program does not answer.
var unprovableSyscalls = []string{
	"MetaTxV0", "Sha256ProcessBlock", "Sha512ProcessBlock",
	"Secp256k1New", "Secp256k1Add", "Secp256k1Mul", "Secp256k1GetPointFromX", "Secp256k1GetXy",
	"Secp256r1New", "Secp256r1Add", "Secp256r1Mul", "Secp256r1GetPointFromX", "Secp256r1GetXy",
}

// checkReason refuses a reason that is none.
func (r *replay) checkReason(reason *Reason) error {
	set := 0
	for _, is := range []bool{reason.Builtin != "", reason.Syscall != "", reason.MaxSteps != 0} {
		if is {
			set++
		}
	}
	if set != 1 {
		return fmt.Errorf("%d reasons why it is not covered, want 1", set)
	}
	if n := reason.MaxSteps; n != 0 {
		if n < minSteps || n > maxSteps || n&(n-1) != 0 || !reason.Class.IsZero() || !reason.Selector.IsZero() {
			return fmt.Errorf("not covered for lack of %d steps of class %v: want a power of two from %d to %d, and no class", n, reason.Class, minSteps, maxSteps)
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
		return fmt.Errorf("not covered for entry point %v, which class %v has not", reason.Selector, reason.Class)
	}
	if reason.Syscall != "" {
		if !slices.Contains(unprovableSyscalls, reason.Syscall) {
			return fmt.Errorf("not covered for syscall %.40q, want one of %q", reason.Syscall, unprovableSyscalls)
		}
		// Code that makes a syscall writes its name, which is a constant.
		if !slices.Contains(class.Bytecode, felt.FromShortString(reason.Syscall)) {
			return fmt.Errorf("not covered for syscall %s, which class %v does not make", reason.Syscall, reason.Class)
		}
		return nil
	}
	if !slices.Contains(unprovableBuiltins, reason.Builtin) {
		return fmt.Errorf("not covered for builtin %.40q, want one of %q", reason.Builtin, unprovableBuiltins)
	}
	if !slices.ContainsFunc(entries, func(e *casm.EntryPoint) bool { return slices.Contains(e.Builtins, reason.Builtin) }) {
		return fmt.Errorf("not covered for builtin %.40q, which entry point %v of class %v does not need", reason.Builtin, reason.Selector, reason.Class)
	}
	return nil
}

// Validation is what the signature check of a covered transaction left behind, which no claim covers. Starknet lets it
// touch nothing but the account: its storage, its class, and events and messages in its name. It must be so that the
// transaction as a whole does what validators signed; what __execute__ saw of it is the word of whoever made the proof.
type Validation struct {
	Index    int          `json:"index"`               // among the block's executed transactions
	Storage  []SlotChange `json:"storage,omitempty"`   // ascending by key, of slots that changed
	Class    *felt.Felt   `json:"class_hash,omitzero"` // the account's new class, if it was replaced
	Events   int          `json:"events,omitzero"`     // how many of the signed events are its own
	Messages int          `json:"messages,omitzero"`
}

// SlotChange is a slot's new value.
type SlotChange struct {
	Key   felt.Felt `json:"key"`
	Value felt.Felt `json:"value"`
}

// String says what it is that no claim covers.
func (v *Validation) String() string {
	class := ""
	if v.Class != nil {
		class = "the account's new class, "
	}
	return fmt.Sprintf("%s%d storage writes, %d events and %d messages of the signature check", class, len(v.Storage), v.Events, v.Messages)
}

// checkUnproven refuses lists that do not name each transaction at most once and in order.
func (b *Block) checkUnproven() error {
	if len(b.Results) != len(b.Transactions) {
		return fmt.Errorf("statement: %d transactions with %d results", len(b.Transactions), len(b.Results))
	}
	last := -1
	unproven := make(map[int]bool, len(b.Unproven))
	for i := range b.Unproven {
		index := b.Unproven[i].Index
		if index <= last || index >= len(b.Transactions) {
			return fmt.Errorf("statement: uncovered transaction %d after %d, of %d", index, last, len(b.Transactions))
		}
		last, unproven[index] = index, true
	}
	last = -1
	for i := range b.Validations {
		index := b.Validations[i].Index
		if index <= last || index >= len(b.Transactions) || unproven[index] {
			return fmt.Errorf("statement: signature check of transaction %d after %d, of %d", index, last, len(b.Transactions))
		}
		last = index
	}
	return nil
}

// skip passes the transactions that come next and are not covered.
func (r *replay) skip() error {
	for len(r.unproven) > 0 && r.unproven[0].Index == len(r.done) {
		u := &r.unproven[0]
		outcome, err := r.takeOver(u, r.block.Transactions[u.Index], r.block.Results[u.Index])
		if err != nil {
			return fmt.Errorf("transaction %d, which is not covered: %w", u.Index, err)
		}
		r.unproven, r.done = r.unproven[1:], append(r.done, *outcome)
	}
	return nil
}

// takeOver makes the signed difference of a transaction.
func (r *replay) takeOver(u *Unproven, tx starknet.Transaction, signed *starknet.Result) (*TransactionOutcome, error) {
	receipt := &signed.Receipt
	if hash := tx.Hash(r.block.ChainID); receipt.TransactionHash != hash {
		return nil, fmt.Errorf("the receipt is of %v, the transaction is %v", receipt.TransactionHash, hash)
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
			return nil, fmt.Errorf("the state difference declares class %v with the compiled class hash %v, which the transaction does not", c.ClassHash, c.CompiledClassHash)
		}
		if err := r.state.declare(c.ClassHash, c.CompiledClassHash); err != nil {
			return nil, err
		}
	}
	if err := r.checkDiff(signed); err != nil { // what is signed is a difference from this very state
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

// validated makes what the signature check of the transaction left behind, where the block says that it left anything. name is
// the check's entry point.
func (t *replayer) validated(name string, account felt.Felt, outcome *TransactionOutcome) error {
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
		return fmt.Errorf("said to have left something, and left nothing")
	}
	for i, w := range v.Storage {
		if i > 0 && v.Storage[i-1].Key.Cmp(&w.Key) >= 0 || !starknet.IsAddress(w.Key) {
			return fmt.Errorf("slot %v out of order or range", w.Key)
		}
		at := slot{account, w.Key}
		if value, err := t.state.storage(at); err != nil {
			return err
		} else if value == w.Value {
			return fmt.Errorf("slot %v is %v already", w.Key, value)
		}
		if err := t.state.write(at, w.Value); err != nil {
			return err
		}
	}
	if v.Class != nil {
		if there, err := t.state.classAt(account); err != nil {
			return err
		} else if there == *v.Class {
			return fmt.Errorf("the class is %v already", there)
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
		return fmt.Errorf("%d events, the signed receipt has %d more", v.Events, left)
	}
	if left := len(signed.Messages) - len(t.messages); v.Messages < 0 || v.Messages > left {
		return fmt.Errorf("%d messages, the signed receipt has %d more", v.Messages, left)
	}
	for _, e := range signed.Events[len(t.events):][:v.Events] {
		if e.From != account {
			return fmt.Errorf("an event of %v, want the account %v", e.From, account)
		}
		t.events = append(t.events, e)
	}
	for _, m := range signed.Messages[len(t.messages):][:v.Messages] {
		if m.From != account {
			return fmt.Errorf("a message of %v, want the account %v", m.From, account)
		}
		t.messages = append(t.messages, m)
	}
	return nil
}
