package app

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"runtime"
	"sync"
	"testing"

	dbm "github.com/cometbft/cometbft-db"
	"github.com/google/go-cmp/cmp"

	"github.com/starkd/starkd/app/executor"
	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/contracts"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/constants"
)

// sameRun reports differences between two runs of a block.
func sameRun(t testing.TB, got, want *run) bool {
	t.Helper()
	type outcome struct {
		Executed           []starknet.Transaction
		Receipts           []starknet.Receipt
		Results            []string
		Gas, Sierra, Steps uint64
		Diff               *starknet.StateDiff
		Declared           []*state.Class
	}
	of := func(r *run) outcome {
		diff, err := r.overlay.Diff()
		if err != nil {
			t.Fatal(err)
		}
		o := outcome{r.executed, r.receipts, nil, r.gas, r.sierra, r.steps, diff, r.overlay.Declared()}
		for _, res := range r.results {
			o.Results = append(o.Results, fmt.Sprintf("%d %x %d %d %v", res.Code, res.Data, res.GasWanted, res.GasUsed, res.Err))
		}
		return o
	}
	a, b := of(got), of(want)
	if reflect.DeepEqual(a, b) {
		return true
	}
	if d := cmp.Diff(b, a, cmp.Comparer(func(x, y starknet.Transaction) bool { return x == y })); d != "" {
		t.Errorf("on %d cores (-one, +several):\n%s", got.app.config.Parallel, d)
		return false
	}
	t.Error("the runs differ where cmp sees no difference")
	return false
}

// alone runs a block again, one transaction after the other.
func (c *chain) alone(b *Block) *run {
	c.t.Helper()
	a := c.app
	a.mu.Lock()
	defer a.mu.Unlock()
	cores, runs := a.config.Parallel, a.runs
	defer func() { a.config.Parallel, a.runs = cores, runs }()
	a.config.Parallel, a.runs = 1, newLRU[[32]byte, *run](maxRuns)
	r, err := a.runBlock(b, false)
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

// Operations of a script, each with three operands.
const (
	opRead       = iota // acc = storage[a]
	opWrite             // storage[a] = acc + b
	opPanicIfOdd        // panic if acc is odd
	opFailIfOdd         // fail the transaction if acc is odd
	opEvent             // emit acc
	opMessage           // send acc to L1
	opCall              // call contract a with the next b operations; a panic is caught if c is 1
	opReplace           // replace the class by b if acc is odd
	opClassAt           // acc = class hash at contract a, modulo 1000
	opBurn              // use gas: 1000 (acc mod 64)
	opDeploy            // deploy class a with salt b
	opTransfer          // transfer b (acc mod 8) to a
	opBalance           // acc = balance of a, modulo 10^15
	opPair              // storage[20] += b, storage[21] -= b; a bug if their sum is not 0 before
	ops
)

// scripts is an engine whose contracts interpret their calldata as operations, so that what a transaction does depends on what it reads.
type scripts struct {
	yield bool // give other goroutines a chance at every syscall
}

func (e *scripts) Begin() cairo.Session { return e }
func (*scripts) End()                   {}
func (*scripts) CountsSteps()           {}

var (
	selValidate        = executor.Selector(constants.Validate)
	selValidateDeclare = executor.Selector(constants.ValidateDeclare)
	selValidateDeploy  = executor.Selector(constants.ValidateDeploy)
	selTransfer        = executor.Selector(constants.Transfer)
	selConstructor     = executor.Selector(constants.Constructor)
	selBalanceOf       = executor.Selector("balance_of")
	selIncrement       = executor.Selector("increment")
)

var errPanicked = errors.New("panicked")

func (e *scripts) Run(call cairo.Call, sys cairo.Syscalls) (cairo.Result, error) {
	s := &script{Syscalls: sys, call: call, gas: call.Gas - constants.EntryPointGas, yield: e.yield}
	out, err := s.run()
	if f, ok := errors.AsType[*cairo.SyscallFailure](err); ok {
		return cairo.Result{Failed: true, Retdata: f.Data, GasLeft: s.gas}, nil
	}
	if err == errPanicked {
		return cairo.Result{Failed: true, Retdata: []felt.Felt{s.acc}, GasLeft: s.gas}, nil
	}
	if err != nil {
		return cairo.Result{}, err
	}
	return cairo.Result{Retdata: out, GasLeft: s.gas, Steps: s.acc.Uint64()%10 + 1}, nil
}

type script struct {
	cairo.Syscalls
	call  cairo.Call
	gas   uint64
	acc   felt.Felt
	yield bool
}

var balanceKeys sync.Map

func balanceKey(of felt.Felt) felt.Felt {
	if k, ok := balanceKeys.Load(of); ok {
		return k.(felt.Felt)
	}
	k := executor.BalanceKey(of)
	balanceKeys.Store(of, k)
	return k
}

func (s *script) read(key felt.Felt) (felt.Felt, error) {
	if s.yield {
		runtime.Gosched()
	}
	return s.StorageRead(&s.gas, 0, key)
}

func (s *script) add(key, n felt.Felt) error {
	v, err := s.read(key)
	if err != nil {
		return err
	}
	return s.StorageWrite(&s.gas, 0, key, *v.Add(&v, &n))
}

func (s *script) run() ([]felt.Felt, error) {
	switch s.call.Selector {
	case selValidate, selValidateDeclare, selValidateDeploy:
		info, err := s.GetExecutionInfo(&s.gas)
		if err != nil {
			return nil, err
		}
		s.acc = u(info.BlockTimestamp/constants.RoundTime + info.BlockNumber)
		if err := s.execute(info.Tx.Signature); err != nil {
			return nil, err
		}
		return []felt.Felt{felt.FromShortString(constants.Validated)}, nil
	case selTransfer:
		key := balanceKey(s.call.Caller)
		held, err := s.read(key)
		if err != nil {
			return nil, err
		}
		if held.Cmp(&s.call.Calldata[1]) < 0 {
			return nil, errPanicked
		}
		if err := s.StorageWrite(&s.gas, 0, key, *new(felt.Felt).Sub(&held, &s.call.Calldata[1])); err != nil {
			return nil, err
		}
		if err := s.add(balanceKey(s.call.Calldata[0]), s.call.Calldata[1]); err != nil {
			return nil, err
		}
		return []felt.Felt{felt.One}, s.EmitEvent(&s.gas, []felt.Felt{s.call.Caller}, s.call.Calldata)
	case selBalanceOf:
		v, err := s.read(balanceKey(s.call.Calldata[0]))
		return []felt.Felt{v}, err
	case selConstructor:
		if len(s.call.Calldata)%4 != 0 {
			return nil, nil
		}
		return nil, s.execute(s.call.Calldata)
	}
	return []felt.Felt{s.acc}, s.execute(s.call.Calldata)
}

func (s *script) execute(code []felt.Felt) error {
	for len(code) >= 4 {
		op, a, b, c := code[0].Uint64(), code[1], code[2], code[3]
		code = code[4:]
		var err error
		switch op {
		case opRead:
			s.acc, err = s.read(a)
		case opWrite:
			err = s.StorageWrite(&s.gas, 0, a, *new(felt.Felt).Add(&s.acc, &b))
		case opPanicIfOdd:
			if s.odd() {
				err = errPanicked
			}
		case opFailIfOdd:
			if s.odd() {
				_, err = s.StorageRead(&s.gas, 1, a)
			}
		case opEvent:
			err = s.EmitEvent(&s.gas, []felt.Felt{a}, []felt.Felt{s.acc})
		case opMessage:
			err = s.SendMessageToL1(&s.gas, a, []felt.Felt{s.acc})
		case opCall:
			n := min(4*int(b.Uint64()), len(code))
			_, err = s.CallContract(&s.gas, a, selIncrement, code[:n])
			code = code[n:]
			if _, ok := errors.AsType[*cairo.SyscallFailure](err); ok && c == felt.One {
				err = nil
			}
		case opReplace:
			if s.odd() {
				err = s.ReplaceClass(&s.gas, b)
			}
		case opClassAt:
			var h felt.Felt
			h, err = s.GetClassHashAt(&s.gas, a)
			s.acc = u(h[0] % 1000)
		case opBurn:
			if use := 1000 * (s.acc.Uint64() % 64); use < s.gas {
				s.gas -= use
			}
		case opDeploy:
			_, _, err = s.Deploy(&s.gas, a, b, nil, true)
		case opTransfer:
			amount := u(b.Uint64() * (s.acc.Uint64() % 8))
			_, err = s.CallContract(&s.gas, starknet.StrkAddress, selTransfer, []felt.Felt{a, amount, {}})
		case opBalance:
			var out []felt.Felt
			if out, err = s.CallContract(&s.gas, starknet.StrkAddress, selBalanceOf, []felt.Felt{a}); err == nil {
				s.acc = u(out[0].Uint64() % 1_000_000_000_000_000)
			}
		case opPair:
			var x, y felt.Felt
			if x, err = s.read(u(20)); err != nil {
				break
			}
			if y, err = s.read(u(21)); err != nil {
				break
			}
			if sum := *new(felt.Felt).Add(&x, &y); !sum.IsZero() {
				panic("a transaction saw a state that cannot be")
			}
			if err = s.add(u(20), b); err == nil {
				err = s.add(u(21), *new(felt.Felt).Neg(&b))
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// scripted is a chain of scripts with a supply of transactions.
type scripted struct {
	*chain
	engine   *scripts
	accounts []*account
	supply   [][][][]byte // by account and nonce: transactions
	carol    felt.Felt    // account that a transaction deploys
}

const scriptedNonces = 4

func newScripted(t testing.TB, r *rand.Rand) *scripted {
	s := &scripted{chain: &chain{t: t, db: dbm.NewMemDB()}, engine: &scripts{yield: true}}
	token := []felt.Felt{felt.FromShortString("T"), felt.FromShortString("T"), u(18), u(0), u(0), u(1)}
	fib := class(t, contracts.Fibonacci)
	g := Genesis{
		Classes:       []*starknet.ContractClass{class(t, contracts.Account), class(t, contracts.ERC20), class(t, contracts.UniversalDeployer), class(t, contracts.Counter)},
		Contracts:     []GenesisContract{{Address: starknet.StrkAddress, ClassHash: classHash(t, contracts.ERC20), Constructor: &token}},
		FeeRecipients: map[string]felt.Felt{},
	}
	for i := range uint64(6) {
		a := newAccount(t, 2000+i)
		key := []felt.Felt{a.public()}
		amount, _ := starknet.NewUint128(tokens).Mul64(1000)
		if i == 5 {
			amount = starknet.NewUint128(4*tokens + tokens/200) // runs out
		}
		g.Contracts = append(g.Contracts, GenesisContract{Address: a.address, ClassHash: classHash(t, contracts.Account), Constructor: &key})
		g.Balances = append(g.Balances, GenesisBalance{a.address, amount})
		s.accounts = append(s.accounts, a)
	}
	targets := []felt.Felt{u(0xc0), u(0xc1), u(0xc2)}
	for _, at := range targets {
		g.Contracts = append(g.Contracts, GenesisContract{Address: at, ClassHash: classHash(t, contracts.Counter), Constructor: &[]felt.Felt{u(1)}})
	}
	carol := newAccount(t, 2999)
	s.carol = carol.address
	g.Balances = append(g.Balances, GenesisBalance{carol.address, starknet.NewUint128(5 * tokens)})
	sequencer := u(0x5e9)
	g.FeeRecipients[hex.EncodeToString(proposer)] = sequencer
	b, err := json.Marshal(&g)
	if err != nil {
		t.Fatal(err)
	}
	store, err := state.Open(s.db)
	if err != nil {
		t.Fatal(err)
	}
	if s.app, err = New(store, s.engine, compile, Config{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.app.Close)
	if _, err := s.app.InitGenesis(testChain, testTime, b); err != nil {
		t.Fatal(err)
	}

	// A proposal leaves out a DECLARE while its class is compiled in the background, however many cores it has.
	if _, err := s.app.exec.Classes.Compile(fib.Hash(), fib); err != nil {
		t.Fatal(err)
	}
	classes := []felt.Felt{classHash(t, contracts.Counter), classHash(t, contracts.UniversalDeployer), fib.Hash(), u(77)}
	people := []felt.Felt{sequencer, u(0xbeef), carol.address}
	for _, a := range s.accounts {
		people = append(people, a.address)
	}
	pick := func(from []felt.Felt) felt.Felt { return from[r.IntN(len(from))] }
	var program func(n, depth int) []felt.Felt
	program = func(n, depth int) (code []felt.Felt) {
		for range n {
			op := uint64(r.IntN(ops))
			a, b, c := u(r.Uint64N(3)), u(r.Uint64N(5)), u(r.Uint64N(2))
			switch op {
			case opCall:
				inner := []felt.Felt{}
				if depth > 0 {
					inner = program(1+r.IntN(4), depth-1)
				}
				code = append(append(code, u(op), pick(targets), u(uint64(len(inner)/4)), c), inner...)
				continue
			case opReplace:
				b = pick(classes)
			case opClassAt:
				a = pick(append(targets, people...))
			case opDeploy:
				a = pick(classes)
			case opTransfer:
				a, b = pick(people), u(1+r.Uint64N(1_000_000_000_000))
			case opBalance:
				a = pick(people)
			case opPanicIfOdd, opFailIfOdd:
				if r.IntN(3) > 0 {
					continue
				}
			}
			code = append(code, u(op), a, b, c)
		}
		return code
	}
	sign := func(tx starknet.Transaction) []byte {
		switch r.IntN(4) {
		case 0: // validation that depends on the account's storage
			tx.Fields().Signature = []felt.Felt{
				u(opRead), u(r.Uint64N(3)), {}, {}, u(opBurn), {}, {}, {}, u(opWrite), u(r.Uint64N(3)), u(r.Uint64N(2)), {}, u(opEvent), {}, {}, {},
			}
		case 1: // on the time
			tx.Fields().Signature = []felt.Felt{u(opBurn), {}, {}, {}, u(opMessage), {}, {}, {}}
		}
		raw, err := starknet.MarshalTransaction(tx)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	for i, a := range append(s.accounts, carol) {
		s.supply = append(s.supply, make([][][]byte, scriptedNonces))
		for nonce := range uint64(scriptedNonces) {
			for variant := range 12 {
				a.nonce = nonce
				invoke := &starknet.Invoke{Common: a.common(), SenderAddress: a.address, Calldata: program(1+r.IntN(6), 2)}
				var tx starknet.Transaction = invoke
				switch {
				case variant == 0 && i < 3:
					d := &starknet.Declare{
						Common: invoke.Common, SenderAddress: a.address, Class: fib, ClassHash: fib.Hash(), CompiledClassHash: official()[fib.Hash()].BlakeHash(),
					}
					d.ResourceBounds.L2Gas = starknet.ResourceBound{MaxAmount: 3_000_000_000, MaxPricePerUnit: starknet.NewUint128(defaultPrice)}
					tx = d
				case a == carol && nonce == 0:
					tx = &starknet.DeployAccount{
						Common: invoke.Common, ClassHash: classHash(t, contracts.Account), ContractAddressSalt: carol.private, ConstructorCalldata: []felt.Felt{carol.public()},
					}
				case variant == 1:
					invoke.ResourceBounds.L2Gas.MaxAmount = 700_000 + r.Uint64N(600_000)
				case variant == 2:
					invoke.Tip = r.Uint64N(1000)
				}
				s.supply[i][nonce] = append(s.supply[i][nonce], sign(tx))
			}
		}
	}
	return s
}

// block returns a random block. Most of its transactions have the next nonce of their account.
func (s *scripted) block(r *rand.Rand) *Block {
	next := make([]int, len(s.supply))
	var txs [][]byte
	for range 2 + r.IntN(14) {
		i := r.IntN(len(s.supply))
		nonce := next[i]
		if r.IntN(12) == 0 {
			nonce = r.IntN(scriptedNonces)
		}
		if nonce >= scriptedNonces {
			continue
		}
		txs = append(txs, s.supply[i][nonce][r.IntN(len(s.supply[i][nonce]))])
		if nonce == next[i] {
			next[i]++
		}
	}
	if r.IntN(3) == 0 {
		r.Shuffle(len(txs), func(i, j int) { txs[i], txs[j] = txs[j], txs[i] })
	}
	b := s.next(txs...)
	b.Timestamp += r.Uint64N(2) * constants.RoundTime
	return b
}

// TestParallel runs random blocks whose transactions conflict, one transaction after the other and on several cores. As decided blocks and
// as proposals with random limits they must have the same results.
func TestParallel(t *testing.T) {
	blocks := 200
	if os.Getenv("STARKD_FULL") != "" {
		blocks = 100_000
	}
	r := rand.New(rand.NewPCG(13, 1))
	var tally aheadTally
	s := newScripted(t, r)
	a, limits := s.app, s.app.genesis.Load().Limits
	for n := range blocks {
		if n%5000 == 4999 { // new transactions
			tally = tally.plus(a.tally)
			a.Close()
			s = newScripted(t, r)
			a = s.app
		}
		b, cores := s.block(r), 2+r.IntN(4)
		l := &a.genesis.Load().Limits
		*l = limits
		propose := func(cores int) (txs [][]byte, kept *run) {
			a.pool.reset()
			a.runs.Purge()
			a.config.Parallel = cores
			copied := *b
			txs, err := a.Propose(&copied, 1<<22)
			if err != nil {
				t.Fatal(err)
			}
			copied.Txs = txs
			kept, _ = a.runs.Get(copied.id())
			return txs, kept
		}
		execute := func(cores int) *run {
			a.runs.Purge()
			a.config.Parallel, a.skew = cores, u(r.Uint64N(2))
			if a.validated.off = cores == 1; a.validated.off { // validations of other blocks are kept for several cores
				kept := a.validated.kept
				a.validated.kept = newValidated().kept
				defer func() { a.validated.kept = kept }()
			}
			got, err := a.runBlock(b, false)
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		want := execute(1)
		if !sameRun(t, execute(cores), want) {
			t.Fatalf("block %d", n)
		}
		switch r.IntN(4) {
		case 0:
			l.BlockL2Gas = max(2_000_000_000, r.Uint64N(want.gas+1))
		case 1:
			l.BlockSierraGas = r.Uint64N(want.sierra + 1)
		case 2:
			l.BlockTransactions = 1 + r.Uint64N(uint64(len(b.Txs)))
		}
		one, wantRun := propose(1)
		several, gotRun := propose(cores)
		if !reflect.DeepEqual(one, several) || !sameRun(t, gotRun, wantRun) {
			t.Fatalf("block %d: %d transactions are proposed on %d cores, %d on one", n, len(several), cores, len(one))
		}
	}
	tally = tally.plus(a.tally)
	t.Logf("%+v", tally)
	if tally.taken == 0 || tally.paidAgain == 0 || tally.ranAgain == 0 { // wrong predictions make the last two certain
		t.Errorf("%+v: results were taken over in fewer ways than there are", tally)
	}
}

func (s *script) odd() bool {
	b := s.acc.Bytes()
	return b[31]&1 == 1
}

func (x aheadTally) plus(y aheadTally) aheadTally {
	return aheadTally{x.taken + y.taken, x.paidAgain + y.paidAgain, x.ranAgain + y.ranAgain, x.unexpected + y.unexpected}
}
