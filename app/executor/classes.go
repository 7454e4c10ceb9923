package executor

import (
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/constants"
)

// Compile makes CASM of a Sierra program, as the official compiler does. Any error means that the class is rejected.
type Compile func(*starknet.ContractClass, *sierra.Program) (*casm.Class, error)

// Classes keeps classes in the form that engines run. It is safe for concurrent use.
type Classes struct {
	compile Compile

	mu    sync.Mutex
	chain kept // declared
	// fresh are compiled, not declared on the chain: anybody can fill it, so that it is not chain.
	fresh    kept
	rejected *simplelru.LRU[felt.Felt, rejectedClass]
}

// rejectedClass is why a class was rejected.
type rejectedClass struct {
	err error
	// panicked says that the compiler did not end well: blocks try again, so that no node's memory decides.
	panicked bool
}

// Bounds of what is kept in memory. What is dropped comes back as it is used.
const (
	maxChain    = 4_000_000 // felts of bytecode of declared classes
	maxFresh    = 500_000   // of classes that are not declared
	maxRejected = 4096      // classes
)

// NewClasses returns an empty store of classes. compile is CompileClass unless a test says otherwise; nil means it.
func NewClasses(compile Compile) *Classes {
	if compile == nil {
		compile = CompileClass
	}
	return &Classes{compile: compile, chain: newKept(maxChain), fresh: newKept(maxFresh), rejected: newLRU[rejectedClass](maxRejected)}
}

// kept is classes by hash up to a number of felts of bytecode. Beyond it those go whose latest use is the oldest.
type kept struct {
	most, felts int
	classes     *simplelru.LRU[felt.Felt, *cairo.Class] // bounded by felts, not by number
}

func newKept(most int) kept {
	return kept{most: most, classes: newLRU[*cairo.Class](math.MaxInt)}
}

// newLRU returns an empty cache. size must be positive.
func newLRU[V any](size int) *simplelru.LRU[felt.Felt, V] {
	cache, err := simplelru.NewLRU[felt.Felt, V](size, nil)
	if err != nil {
		panic(err)
	}
	return cache
}

func (k *kept) find(hash felt.Felt) *cairo.Class {
	class, _ := k.classes.Get(hash)
	return class
}

func (k *kept) add(class *cairo.Class) {
	if k.classes.Contains(class.Hash) {
		return
	}
	k.classes.Add(class.Hash, class)
	k.felts += len(class.Casm.Bytecode)
	for k.felts > k.most && k.classes.Len() > 1 {
		oldest, _, _ := k.classes.GetOldest()
		k.remove(oldest)
	}
}

func (k *kept) remove(hash felt.Felt) *cairo.Class {
	class, ok := k.classes.Peek(hash)
	if !ok {
		return nil
	}
	k.classes.Remove(hash)
	k.felts -= len(class.Casm.Bytecode)
	return class
}

// Get returns the class with a hash, nil if it is not declared in st.
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
	if class := c.chain.find(hash); class != nil {
		return class
	}
	return c.fresh.find(hash)
}

func (c *Classes) keep(class *cairo.Class) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.chain.add(class)
}

// Declared says that a class was declared by a block that is durable: it is kept as one of the chain.
func (c *Classes) Declared(hash felt.Felt, definition *starknet.ContractClass) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if fresh := c.fresh.remove(hash); fresh != nil {
		class := *fresh
		class.Gas = gasInfo(class.Sierra, definition)
		c.chain.add(&class)
	}
}

// minSierra is the oldest Sierra version whose execution is billed in gas; older ones are billed in VM steps, which differ
// between engines.
var minSierra = sierra.Version{Major: constants.MinSierraMajor, Minor: constants.MinSierraMinor}

// Compile checks and compiles the definition of a class with the given hash, and keeps it as one of the chain. Errors are rejections.
func (c *Classes) Compile(hash felt.Felt, definition *starknet.ContractClass) (*cairo.Class, error) {
	if class := c.find(hash); class != nil {
		return class, nil
	}
	class, err := c.make(hash, definition)
	if err != nil {
		return nil, err
	}
	class.Gas = gasInfo(class.Sierra, definition)
	c.keep(class)
	return class, nil
}

// Prepare compiles a class that is not declared and remembers it, or why it is rejected. A class that is known costs nothing. The
// error is a [*Rejection].
func (c *Classes) Prepare(hash felt.Felt, definition *starknet.ContractClass) (err error) {
	if _, err, known := c.look(hash, false); known {
		return err
	}
	defer func() {
		if p := recover(); p != nil {
			err = reject(CompilationFailed, "internal error: %v", p)
			c.reject(hash, rejectedClass{err, true})
		}
	}()
	_, err = c.prepare(hash, definition)
	return err
}

// prepare is Prepare, with the class, for a block.
func (c *Classes) prepare(hash felt.Felt, definition *starknet.ContractClass) (*cairo.Class, error) {
	if class, err, known := c.look(hash, true); known {
		return class, err
	}
	class, err := c.make(hash, definition)
	if err != nil {
		c.reject(hash, rejectedClass{err: err})
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fresh.add(class)
	return class, nil
}

// look finds what is remembered of a class that a DECLARE brings: the class, or why it was rejected.
func (c *Classes) look(hash felt.Felt, block bool) (class *cairo.Class, err error, known bool) {
	if class := c.find(hash); class != nil {
		return class, nil, true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.rejected.Get(hash)
	if !ok || block && r.panicked {
		return nil, nil, false
	}
	return nil, r.err, true
}

func (c *Classes) reject(hash felt.Felt, r rejectedClass) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rejected.Add(hash, r)
}

// make compiles a class. Without Gas it is the VM's: the native engine makes code of classes that are paid for.
func (c *Classes) make(hash felt.Felt, definition *starknet.ContractClass) (*cairo.Class, error) {
	program, err := sierra.DecodeFelts(definition.SierraProgram)
	if err != nil {
		return nil, reject(CompilationFailed, "%.1000v", err)
	}
	if v := program.Version; v.Major != minSierra.Major || v.Minor < minSierra.Minor {
		return nil, reject(UnsupportedContractClassVersion, "Sierra version %d.%d.%d is not 1.%d or newer", v.Major, v.Minor, v.Patch, minSierra.Minor)
	}
	code, err := c.compile(definition, program)
	if err != nil {
		return nil, reject(compileReason(err), "%.1000v", err)
	}
	return &cairo.Class{Hash: hash, CompiledHash: code.BlakeHash(), Sierra: program, Casm: code}, nil
}

// Stored returns the form of a compiled class that the state keeps.
func Stored(class *cairo.Class, definition *starknet.ContractClass) (*state.Class, error) {
	code, err := class.Casm.MarshalJSON()
	if err != nil {
		return nil, err
	}
	return &state.Class{Hash: class.Hash, CompiledHash: class.CompiledHash, Definition: definition, Casm: code}, nil
}

// checkDeclare is everything that is asked of a class before it is known who declares it.
func (t *transaction) checkDeclare(tx *starknet.Declare) error {
	if tx.Class == nil {
		return errors.New("executor: a DECLARE without its class")
	}
	if tx.ClassHash.BitLen() > constants.ClassHashBits {
		return reject(UnexpectedError, "class hash %v does not fit in %d bits", tx.ClassHash, constants.ClassHashBits)
	}
	declared, err := t.st.CompiledClassHash(tx.ClassHash)
	if err != nil {
		return err
	}
	if !declared.IsZero() {
		return reject(ClassAlreadyDeclared, "Class with hash %s is already declared.", starknet.PaddedHex(tx.ClassHash))
	}
	return nil
}

// ErrNotCompiled ends a DECLARE with Options.Compiled whose class Classes does not know.
var ErrNotCompiled = errors.New("executor: the class is not compiled yet")

// compile finds or makes the class that a DECLARE brings, which must have the hash that the sender signed.
func (t *transaction) compile(tx *starknet.Declare) error {
	var err error
	if t.opts.Compiled {
		var known bool
		if t.declared, err, known = t.x.Classes.look(tx.ClassHash, false); !known {
			return ErrNotCompiled
		}
	} else {
		t.declared, err = t.x.Classes.prepare(tx.ClassHash, tx.Class)
	}
	if err != nil {
		return err
	}
	if t.declared.CompiledHash != tx.CompiledClassHash {
		return reject(CompiledClassHashMismatch, "compiled class hash is %v, the transaction has %v", t.declared.CompiledHash, tx.CompiledClassHash)
	}
	return nil
}
