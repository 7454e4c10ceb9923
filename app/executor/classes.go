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

// Compile compiles a Sierra program to CASM, with the output of the official compiler. Any error means that the class is
// rejected.
type Compile func(*starknet.ContractClass, *sierra.Program) (*casm.Class, error)

// Classes caches classes in the form that engines run. It is safe for concurrent use.
type Classes struct {
	compile Compile

	mu    sync.Mutex
	chain kept // declared classes
	// fresh has compiled classes that are not declared on the chain. Anyone can fill it, so it is separate from chain.
	fresh    kept
	rejected *simplelru.LRU[felt.Felt, rejectedClass]
}

// rejectedClass is the reason why a class was rejected.
type rejectedClass struct {
	err error
	// panicked is set if the compiler panicked. Blocks compile such a class again, because the panic may be this node's
	// own and must not decide consensus.
	panicked bool
}

// Bounds of the caches. A dropped class is loaded or compiled again when it is used.
const (
	maxChain    = 4_000_000 // felts of bytecode of declared classes
	maxFresh    = 500_000   // felts of bytecode of undeclared classes
	maxRejected = 4096      // classes
)

// NewClasses returns an empty cache of classes. A nil compile means CompileClass; tests use others.
func NewClasses(compile Compile) *Classes {
	if compile == nil {
		compile = CompileClass
	}
	return &Classes{compile: compile, chain: newKept(maxChain), fresh: newKept(maxFresh), rejected: newLRU[rejectedClass](maxRejected)}
}

// kept is an LRU cache of classes by hash, bounded by their felts of bytecode.
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

// Get returns the class with a hash, or nil if it is not declared in st.
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

// Declared moves a class that a durable block declared to the cache of declared classes.
func (c *Classes) Declared(hash felt.Felt, definition *starknet.ContractClass) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if fresh := c.fresh.remove(hash); fresh != nil {
		class := *fresh
		class.Gas = gasInfo(class.Sierra, definition)
		c.chain.add(&class)
	}
}

// oldestSierra is the oldest Sierra version that the compiler takes: below it the official compiler solves linear programs to find gas and
// ap changes.
var oldestSierra = sierra.Version{Major: 1, Minor: 4}

// oldestDeclared is the oldest Sierra version that a DECLARE may have.
var oldestDeclared = gasSierra

// Compile checks and compiles the definition of a class with the given hash, and keeps it as a declared class. Errors are
// rejections.
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

// Prepare compiles an undeclared class and remembers the class or its rejection, so that a second call costs nothing. The
// error is a [*Rejection].
func (c *Classes) Prepare(hash felt.Felt, definition *starknet.ContractClass) (err error) {
	if _, err, known := c.lookup(hash, false); known {
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

// prepare does the same as Prepare for a block, and returns the class. A panic of the compiler is not recovered.
func (c *Classes) prepare(hash felt.Felt, definition *starknet.ContractClass) (*cairo.Class, error) {
	if class, err, known := c.lookup(hash, true); known {
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

// lookup returns the cached class of a DECLARE, or the error with which it was rejected. known is false if neither is cached.
// For a block, a rejection after a panic of the compiler does not count.
func (c *Classes) lookup(hash felt.Felt, block bool) (class *cairo.Class, err error, known bool) {
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

// make compiles a class. It leaves Gas nil, so that the class runs on the VM: the native engine compiles only classes that
// someone has paid to declare.
func (c *Classes) make(hash felt.Felt, definition *starknet.ContractClass) (*cairo.Class, error) {
	program, err := sierra.DecodeFelts(definition.SierraProgram)
	if err != nil {
		return nil, reject(CompilationFailed, "%.1000v", err)
	}
	if v := program.Version; v.Major != oldestDeclared.Major || before(v, oldestDeclared) {
		return nil, reject(UnsupportedContractClassVersion, "Sierra version %d.%d.%d is not 1.%d or newer", v.Major, v.Minor, v.Patch, oldestDeclared.Minor)
	}
	code, err := c.compile(definition, program)
	if err != nil {
		return nil, reject(compileReason(err), "%.1000v", err)
	}
	return &cairo.Class{Hash: hash, CompiledHash: code.BlakeHash(), Sierra: program, Casm: code}, nil
}

// Stored returns a compiled class in the form that the state stores.
func Stored(class *cairo.Class, definition *starknet.ContractClass) (*state.Class, error) {
	code, err := class.Casm.MarshalJSON()
	if err != nil {
		return nil, err
	}
	return &state.Class{Hash: class.Hash, CompiledHash: class.CompiledHash, Definition: definition, Casm: code}, nil
}

// checkDeclare runs the checks of a class that precede the sender's validation.
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

// ErrNotCompiled is the error of a DECLARE with Options.Compiled whose class is not in Classes.
var ErrNotCompiled = errors.New("executor: the class is not compiled yet")

// compile finds or compiles the class of a DECLARE and rejects it if it does not have the compiled class hash that the
// sender signed.
func (t *transaction) compile(tx *starknet.Declare) error {
	var err error
	if t.opts.Compiled {
		var known bool
		if t.declared, err, known = t.x.Classes.lookup(tx.ClassHash, false); !known {
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
