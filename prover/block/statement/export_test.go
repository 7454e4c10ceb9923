package statement

import (
	"slices"
	"unsafe"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/constants"
)

// CheckOutputs does the same as CheckBlocks without the check of the program, for tests that check thousands of claims.
func CheckOutputs(claims []*Claim, blocks []*Block, before []State) ([]*Outcome, error) {
	c, err := newChecker(blocks, before, compiledHashes{})
	if err != nil {
		return nil, err
	}
	for _, claim := range claims {
		output, err := Parse(claim.Output, claim.OutputAddress)
		if err != nil {
			return nil, err
		}
		if err := c.replay(claim, output); err != nil {
			return nil, err
		}
	}
	return c.outcomes()
}

// MadeByCode returns the indices of output words that a class's code determines: its syscalls and return values, and the
// program's copies of them. The proof binds these words, so the statement need not.
func (t *Output) MadeByCode(output []felt.Felt) map[int]bool {
	made := make(map[int]bool)
	mark := func(words []felt.Felt, before, after int) {
		if len(words) == 0 {
			return
		}
		start := int((uintptr(unsafe.Pointer(&words[0])) - uintptr(unsafe.Pointer(&output[0]))) / unsafe.Sizeof(words[0]))
		for i := start - before; i < start+len(words)+after; i++ {
			made[i] = true
		}
	}
	var walk func(c *Call)
	walk = func(c *Call) {
		mark(c.Retdata, 3, 0)
		for i := range c.Syscalls {
			s := &c.Syscalls[i]
			mark(s.Request, 2, 0)
			if n := len(s.Response); t.format.whole && !s.Failed && s.Inner != nil {
				mark(s.Response[n-2:], 0, 0) // the addresses of the returned data, which the program compares with those of the call
			}
			for _, array := range s.Given {
				mark(array, 0, 0)
			}
			if !s.Failed && !s.rule.calls {
				for _, array := range s.Arrays {
					mark(array, 0, 0)
				}
			}
			if s.Inner != nil {
				mark(s.Inner.Calldata, 0, 0)
				walk(s.Inner)
			}
		}
	}
	for _, b := range t.Blocks {
		for i := range b.Transactions {
			for k := range b.Transactions[i].Calls {
				walk(&b.Transactions[i].Calls[k].Call)
			}
		}
	}
	return made
}

// Charge returns the gas of a syscall whose charged array has the given number of words, without the price that compiled code
// has already paid.
func Charge(name string, words int) uint64 {
	r, ok := ruleOf(felt.FromShortString(name))
	if !ok {
		panic(name)
	}
	return r.charge(words)
}

// KeccakRoundGas returns the gas of one block of keccak.
func KeccakRoundGas() uint64 {
	c, _ := constants.Syscall("Keccak")
	return priceOf(c.Linear)
}

// InfoWords returns the words of a transaction's information at an address.
func InfoWords(tx starknet.Transaction, hash, chainID felt.Felt, address uint64) []felt.Felt {
	return infoWords(tx, hash, chainID, address)
}

// CostsAddress returns the address of the gas costs of builtins, to which published classes point.
func (f Format) CostsAddress() uint64 { return programBase + f.format().costs }

// Flags returns the words that say which builtins an entry point takes.
func (f Format) Flags(builtins []string) []felt.Felt {
	flags, err := f.format().flags(builtins)
	if err != nil {
		panic(err)
	}
	return flags
}

// MetaInfo returns the words of the TxInfo of a meta transaction at an address.
func MetaInfo(account felt.Felt, signature []felt.Felt, hash, chainID felt.Felt, address uint64) []felt.Felt {
	i := txInfo{account: account, signature: signature, hash: hash, chainID: chainID}
	return i.words(address)
}

// ValidationCalldata returns the calldata of a transaction's signature check.
func ValidationCalldata(tx starknet.Transaction) []felt.Felt { return validationCalldata(tx) }

// Ret is the instruction that follows the code of a published class.
var Ret = ret

// IsUnknownSyscall reports whether a transaction may be unproven because of a syscall.
func IsUnknownSyscall(name string) bool { return slices.Contains(unprovableSyscalls, name) }
