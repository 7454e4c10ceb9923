package executor

import (
	"errors"
	"fmt"
	"sync"

	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// Compile makes CASM of a Sierra program, as the official compiler does. Any error means that the class is refused.
type Compile func(*starknet.ContractClass, *sierra.Program) (*casm.Class, error)

// Classes keeps classes in the form that engines run. It is safe for concurrent use.
type Classes struct {
	compile Compile

	mu    sync.Mutex
	kept  map[felt.Felt]*cairo.Class
	felts int // of bytecode, in kept
}

// maxKept bounds the bytecode kept in memory, in felts; beyond it all classes are dropped and come back as they are used.
const maxKept = 4_000_000

// NewClasses is an empty store of classes. compile is CompileClass unless a test says otherwise; nil means it.
func NewClasses(compile Compile) *Classes {
	if compile == nil {
		compile = CompileClass
	}
	return &Classes{compile: compile, kept: map[felt.Felt]*cairo.Class{}}
}

// Get is the class with a hash, nil if it is not declared in st.
func (c *Classes) Get(st state.Reader, hash felt.Felt) (*cairo.Class, error) {
	compiled, err := st.CompiledClassHash(hash)
	if err != nil || compiled.IsZero() {
		return nil, err
	}
	if class := c.find(hash); class != nil {
		return class, nil
	}
	stored, err := st.Class(hash)
	if err != nil {
		return nil, err
	}
	program, err := sierra.DecodeFelts(stored.Definition.SierraProgram)
	if err != nil {
		return nil, fmt.Errorf("executor: class %v: %w", hash, err)
	}
	code, err := casm.DecodeClass(stored.Casm)
	if err != nil {
		return nil, fmt.Errorf("executor: class %v: %w", hash, err)
	}
	class := &cairo.Class{Hash: hash, CompiledHash: compiled, Sierra: program, Casm: code, Gas: gasInfo(program, stored.Definition)}
	c.keep(class)
	return class, nil
}

func (c *Classes) find(hash felt.Felt) *cairo.Class {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.kept[hash]
}

func (c *Classes) keep(class *cairo.Class) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(class.Casm.Bytecode)
	if c.felts+n > maxKept {
		clear(c.kept)
		c.felts = 0
	}
	if _, ok := c.kept[class.Hash]; !ok {
		c.kept[class.Hash] = class
		c.felts += n
	}
}

// minSierra is the oldest Sierra version whose execution is billed in gas; older ones are billed in VM steps, which differ
// between engines.
var minSierra = sierra.Version{Major: 1, Minor: 7}

// Compile checks and compiles the definition of a class with the given hash. Errors are rejections.
func (c *Classes) Compile(hash felt.Felt, definition *starknet.ContractClass) (*cairo.Class, error) {
	if class := c.find(hash); class != nil {
		return class, nil
	}
	program, err := sierra.DecodeFelts(definition.SierraProgram)
	if err != nil {
		return nil, reject(CompilationFailed, "%v", err)
	}
	if v := program.Version; v.Major != minSierra.Major || v.Minor < minSierra.Minor {
		return nil, reject(UnsupportedContractClassVersion, "Sierra version %d.%d.%d is not 1.%d or newer", v.Major, v.Minor, v.Patch, minSierra.Minor)
	}
	code, err := c.compile(definition, program)
	if err != nil {
		return nil, reject(compileReason(err), "%v", err)
	}
	class := &cairo.Class{Hash: hash, CompiledHash: code.BlakeHash(), Sierra: program, Casm: code, Gas: gasInfo(program, definition)}
	c.keep(class)
	return class, nil
}

// Stored is the form of a compiled class that the state keeps.
func Stored(class *cairo.Class, definition *starknet.ContractClass) (*state.Class, error) {
	code, err := class.Casm.MarshalJSON()
	if err != nil {
		return nil, err
	}
	return &state.Class{Hash: class.Hash, CompiledHash: class.CompiledHash, Definition: definition, Casm: code}, nil
}

// maxClassHashBits is the height of the classes trie.
const maxClassHashBits = 251

// checkDeclare is everything that is asked of a class before it is declared.
func (t *transaction) checkDeclare(tx *starknet.Declare) (*state.Class, error) {
	if tx.Class == nil {
		return nil, errors.New("executor: a DECLARE without its class")
	}
	if tx.ClassHash.BitLen() > maxClassHashBits {
		return nil, reject(UnexpectedError, "class hash %v does not fit in %d bits", tx.ClassHash, maxClassHashBits)
	}
	declared, err := t.st.CompiledClassHash(tx.ClassHash)
	if err != nil {
		return nil, err
	}
	if !declared.IsZero() {
		return nil, reject(ClassAlreadyDeclared, "Class with hash %s is already declared.", starknet.PaddedHex(tx.ClassHash))
	}
	if t.declared, err = t.Classes.Compile(tx.ClassHash, tx.Class); err != nil {
		return nil, err
	}
	if t.declared.CompiledHash != tx.CompiledClassHash {
		return nil, reject(CompiledClassHashMismatch, "compiled class hash is %v, the transaction has %v", t.declared.CompiledHash, tx.CompiledClassHash)
	}
	return Stored(t.declared, tx.Class)
}
