// Package job encodes what a prover needs to prove transactions of consecutive blocks: the input of cairo/os, which are the blocks with the
// traces of their calls, and the compiled classes. A prover that has a job needs neither the chain's state nor its blocks.
//
// The encoding is canonical: equal inputs have equal bytes, and Decode accepts no other bytes, so the SHA-256 of a job names it. It is binary:
// a magic, the version, the classes in the order of their first call, the distinct arrays in the order of their first use, and the blocks.
// Numbers are varints; a field element has its length in bytes before its big-endian bytes. A class has what its run needs: bytecode, hints,
// entry points and segment lengths.
//
// What cairo/os does not read is left out: Sierra, the infos of get_execution_info (they follow from the call), and the steps of results.
package job

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/cairo/os"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet/constants"
)

// Bounds of a job. A job that is within the largest bound on steps is far below them.
const (
	MaxBytes        = 256 << 20 // of the encoding
	MaxWords        = 1 << 24   // felts in arrays, counted at each use of an array
	maxClasses      = 1 << 12
	maxArrays       = 1 << 20
	maxBlocks       = 1 << 16
	maxTransactions = 1 << 17
	maxCalls        = 1 << 18
	maxSyscalls     = 1 << 20
	maxText         = 1 << 10 // bytes of the text of an error; the rest is left out
	maxBounds       = 16      // resource bounds of a transaction
	maxSegments     = 1 << 20 // nodes of the trees of segment lengths of a class
	maxSegmentDepth = 64
	maxImmediate    = 64 // bytes of a number in a hint
)

const (
	magic   = "starkdjob"
	version = 1
)

// Digest returns the SHA-256 of an encoded job, in hexadecimal.
func Digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// Encode returns the encoding of blocks. The classes of the calls must have their Casm. The error is a *BoundError if the job is too large.
func Encode(blocks []*os.Block) ([]byte, error) {
	e := &encoder{classes: map[felt.Felt]int{}, arrays: map[string]int{}}
	body := e.blocks(blocks)
	if e.err != nil {
		return nil, e.err
	}
	b := append([]byte(magic), version)
	b = append(binary.AppendUvarint(b, uint64(len(e.classes))), e.classBytes...)
	b = append(binary.AppendUvarint(b, uint64(len(e.arrays))), e.arrayBytes...)
	b = append(b, body...)
	if len(b) > MaxBytes {
		return nil, &BoundError{"bytes", uint64(len(b)), MaxBytes}
	}
	return b, nil
}

// BoundError is the error of a job that exceeds a bound.
type BoundError struct {
	What       string
	Got, Bound uint64
}

func (e *BoundError) Error() string {
	return fmt.Sprintf("job: %d %s, at most %d are allowed", e.Got, e.What, e.Bound)
}

// counts counts what is bounded in a whole job.
type counts struct{ words, transactions, calls, syscalls uint64 }

// add adds n to a count and returns an error if it exceeds the bound.
func add(count *uint64, n uint64, what string, bound uint64) error {
	if *count += n; *count > bound {
		return &BoundError{what, *count, bound}
	}
	return nil
}

type encoder struct {
	classes    map[felt.Felt]int // by class hash, to the number of the class
	arrays     map[string]int    // by encoding, to the number of the array
	classBytes []byte
	arrayBytes []byte
	scratch    []byte
	counts
	err error // the first error
}

func (e *encoder) fail(err error) {
	if e.err == nil && err != nil {
		e.err = err
	}
}

// appendFelt appends a field element: the number of its bytes, and the bytes without leading zeros.
func appendFelt(b []byte, f *felt.Felt) []byte {
	bytes := f.Bytes()
	n := (f.BitLen() + 7) / 8
	return append(append(b, byte(n)), bytes[len(bytes)-n:]...)
}

func appendFelts(b []byte, list []felt.Felt) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for i := range list {
		b = appendFelt(b, &list[i])
	}
	return b
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// array appends the number of an array: 0 for an empty one.
func (e *encoder) array(b []byte, list []felt.Felt) []byte {
	if len(list) == 0 {
		return append(b, 0)
	}
	e.fail(add(&e.words, uint64(len(list)), "words in arrays", MaxWords))
	e.scratch = appendFelts(e.scratch[:0], list)
	n, ok := e.arrays[string(e.scratch)]
	if !ok {
		n = len(e.arrays) + 1
		if n > maxArrays {
			e.fail(&BoundError{"arrays", uint64(n), maxArrays})
		}
		e.arrays[string(e.scratch)] = n
		e.arrayBytes = append(e.arrayBytes, e.scratch...)
	}
	return binary.AppendUvarint(b, uint64(n))
}

// class appends the number of a class.
func (e *encoder) class(b []byte, c *cairo.Class) []byte {
	if c == nil || c.Casm == nil {
		e.fail(errors.New("job: a call of a class without CASM"))
		return b
	}
	n, ok := e.classes[c.Hash]
	if !ok {
		n = len(e.classes)
		if n == maxClasses {
			e.fail(&BoundError{"classes", uint64(n) + 1, maxClasses})
		}
		e.classes[c.Hash] = n
		e.classBytes = appendClass(e.classBytes, c)
	}
	return binary.AppendUvarint(b, uint64(n))
}

func (e *encoder) blocks(blocks []*os.Block) []byte {
	if len(blocks) > maxBlocks {
		e.fail(&BoundError{"blocks", uint64(len(blocks)), maxBlocks})
	}
	b := binary.AppendUvarint(nil, uint64(len(blocks)))
	for _, block := range blocks {
		b = appendFelt(b, &block.ChainID)
		b = binary.AppendUvarint(b, block.Number)
		b = binary.AppendUvarint(b, block.Timestamp)
		b = appendFelt(b, &block.Sequencer)
		b = binary.AppendUvarint(b, uint64(len(block.Transactions)))
		e.fail(add(&e.transactions, uint64(len(block.Transactions)), "transactions", maxTransactions))
		for i := range block.Transactions {
			if e.err != nil {
				return nil
			}
			b = e.transaction(b, &block.Transactions[i])
		}
	}
	return b
}

func (e *encoder) transaction(b []byte, tx *os.Transaction) []byte {
	info := &tx.Info
	for _, f := range []*felt.Felt{&info.Version, &info.Account, &info.MaxFee, &info.Hash, &info.ChainID, &info.Nonce} {
		b = appendFelt(b, f)
	}
	if len(info.ResourceBounds) > maxBounds {
		e.fail(&BoundError{"resource bounds", uint64(len(info.ResourceBounds)), maxBounds})
	}
	b = binary.AppendUvarint(b, uint64(len(info.ResourceBounds)))
	for i := range info.ResourceBounds {
		r := &info.ResourceBounds[i]
		b = appendFelt(b, &r.Resource)
		b = binary.AppendUvarint(b, r.MaxAmount)
		b = appendFelt(b, &r.MaxPricePerUnit)
	}
	b = binary.AppendUvarint(b, info.Tip)
	b = binary.AppendUvarint(b, uint64(info.NonceDAMode))
	b = binary.AppendUvarint(b, uint64(info.FeeDAMode))
	for _, list := range [][]felt.Felt{info.Signature, info.PaymasterData, info.AccountDeploymentData, info.ProofFacts} {
		b = e.array(b, list)
	}
	b = appendBool(b, tx.Reverted)
	b = binary.AppendUvarint(b, uint64(len(tx.Calls)))
	for _, call := range tx.Calls {
		b = e.call(b, call, 1)
	}
	return b
}

func (e *encoder) call(b []byte, t *cairo.CallTrace, depth int) []byte {
	e.fail(add(&e.calls, 1, "calls", maxCalls))
	if depth > constants.MaxCallDepth {
		e.fail(&BoundError{"nested calls", uint64(depth), constants.MaxCallDepth})
	}
	if e.err != nil {
		return nil
	}
	b = e.class(b, t.Call.Class)
	b = append(b, byte(t.Call.Type))
	for _, f := range []*felt.Felt{&t.Call.Selector, &t.Call.Contract, &t.Call.Caller} {
		b = appendFelt(b, f)
	}
	b = e.array(b, t.Call.Calldata)
	b = binary.AppendUvarint(b, t.Call.Gas)
	b = appendBool(b, t.Result.Failed)
	b = e.array(b, t.Result.Retdata)
	b = binary.AppendUvarint(b, t.Result.GasLeft)
	text := ""
	if t.Err != nil {
		if text = t.Err.Error(); len(text) > maxText {
			text = text[:maxText]
		}
	}
	b = appendText(appendBool(b, t.Err != nil), text)
	b = binary.AppendUvarint(b, t.Dropped)
	b = binary.AppendUvarint(b, uint64(len(t.Syscalls)))
	e.fail(add(&e.syscalls, uint64(len(t.Syscalls)), "syscalls", maxSyscalls))
	for i := range t.Syscalls {
		s := &t.Syscalls[i]
		b = appendText(b, string(s.Selector))
		b = binary.AppendUvarint(b, s.Gas)
		b = binary.AppendUvarint(b, s.GasLeft)
		b = appendBool(b, s.Failed)
		b = e.array(b, s.Response)
		b = appendFelt(b, &s.Contract)
		b = appendBool(b, s.Inner != nil)
		if s.Inner != nil {
			b = e.call(b, s.Inner, depth+1)
		}
	}
	return b
}

// appendClass appends a class.
func appendClass(b []byte, c *cairo.Class) []byte {
	b = appendFelt(b, &c.Hash)
	b = appendFelt(b, &c.CompiledHash)
	b = appendFelts(b, c.Casm.Bytecode)
	b = appendBool(b, c.Casm.Segments != nil)
	if c.Casm.Segments != nil {
		b = appendSegments(b, c.Casm.Segments)
	}
	b = binary.AppendUvarint(b, uint64(len(c.Casm.Hints)))
	for _, at := range c.Casm.Hints {
		b = binary.AppendUvarint(b, uint64(at.Offset))
		b = binary.AppendUvarint(b, uint64(len(at.Hints)))
		for i := range at.Hints {
			b = appendHint(b, &at.Hints[i])
		}
	}
	for _, list := range [][]casm.EntryPoint{c.Casm.EntryPoints.External, c.Casm.EntryPoints.L1Handler, c.Casm.EntryPoints.Constructor} {
		b = binary.AppendUvarint(b, uint64(len(list)))
		for i := range list {
			b = appendFelt(b, &list[i].Selector)
			b = binary.AppendUvarint(b, uint64(list[i].Offset))
			b = binary.AppendUvarint(b, uint64(len(list[i].Builtins)))
			for _, name := range list[i].Builtins {
				b = appendText(b, name)
			}
		}
	}
	return b
}

// appendSegments appends a tree of segment lengths: 0 and the length of a leaf, or 1 more than the number of children, and the children.
func appendSegments(b []byte, s *casm.Segments) []byte {
	if s.Children == nil {
		return binary.AppendUvarint(append(b, 0), uint64(s.Length))
	}
	b = binary.AppendUvarint(b, uint64(len(s.Children))+1)
	for i := range s.Children {
		b = appendSegments(b, &s.Children[i])
	}
	return b
}

func appendHint(b []byte, h *casm.Hint) []byte {
	b = appendText(b, h.Kind.String())
	b = binary.AppendUvarint(b, uint64(len(h.In)))
	for i := range h.In {
		b = appendOperand(b, &h.In[i])
	}
	b = binary.AppendUvarint(b, uint64(len(h.Out)))
	for _, c := range h.Out {
		b = appendCell(b, c)
	}
	return b
}

func appendCell(b []byte, c casm.Cell) []byte {
	return binary.AppendVarint(append(b, byte(c.Reg)), int64(c.Off))
}

// appendOperand appends an operand: its form, and the parts that the form has.
func appendOperand(b []byte, o *casm.Operand) []byte {
	b = append(b, byte(o.Kind))
	if o.Kind != casm.Immediate {
		b = appendCell(b, o.Cell)
	}
	switch o.Kind {
	case casm.DoubleDeref:
		b = binary.AppendVarint(b, int64(o.Off))
	case casm.BinOp:
		b = appendBool(append(b, byte(o.Op)), o.Imm != nil)
		if o.Imm == nil {
			b = appendCell(b, o.B)
		}
	}
	if o.Imm != nil {
		b = appendText(appendBool(b, o.Imm.Sign() < 0), string(o.Imm.Bytes()))
	}
	return b
}
