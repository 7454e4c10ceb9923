package app

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	dbm "github.com/cometbft/cometbft-db"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	cmttypes "github.com/cometbft/cometbft/types"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/finality"
	"github.com/starkd/starkd/starknet/trie"
)

// validators are the validators of a chain whose validators vote about proofs, with their keys in the order of the set.
type validators struct {
	set  *finality.Set
	keys []ed25519.PrivateKey
}

func newValidators(t testing.TB, powers ...int64) *validators {
	t.Helper()
	var list []finality.Validator
	secret := map[string]ed25519.PrivateKey{}
	for i, power := range powers {
		key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{byte(i + 1)}, ed25519.SeedSize))
		public := key.Public().(ed25519.PublicKey)
		list = append(list, finality.Validator{Key: public, Power: power})
		secret[string(public)] = key
	}
	v := new(validators)
	var err error
	if v.set, err = finality.NewSet(list); err != nil {
		t.Fatal(err)
	}
	for _, x := range v.set.Validators() {
		v.keys = append(v.keys, secret[string(x.Key)])
	}
	return v
}

// sign returns the signature of an extension, of CometBFT's bytes.
func (v *validators) sign(i int, voted uint64, round uint32, extension []byte) []byte {
	return ed25519.Sign(v.keys[i], cmttypes.VoteExtensionSignBytes(testChain, &cmtproto.Vote{Height: int64(voted), Round: int32(round), Extension: extension}))
}

// absent is the stated height of a validator that did not vote.
const absent = math.MaxUint64

// commit returns the votes of a round for the block of height voted, with the stated heights.
func (v *validators) commit(voted uint64, round uint32, heights ...uint64) *LastCommit {
	c := &LastCommit{Round: round}
	for i, x := range v.set.Validators() {
		vote := LastVote{Address: x.Address(), Power: x.Power}
		if heights[i] != absent {
			vote.Signed, vote.Extension = true, finality.Extension(heights[i])
			vote.Signature = v.sign(i, voted, round, vote.Extension)
		}
		c.Votes = append(c.Votes, vote)
	}
	return c
}

// statements returns the system transaction with the statements of a commit, without any check.
func statements(c *LastCommit) *finality.Commit {
	out := &finality.Commit{Round: c.Round}
	for i := range c.Votes {
		out.Statements = append(out.Statements, c.Votes[i].statement())
	}
	return out
}

// newVotingChain returns a chain with the validators.
func newVotingChain(t testing.TB, v *validators) *chain {
	t.Helper()
	c := &chain{t: t, db: dbm.NewMemDB(), alice: newAccount(t, 1001), bob: newAccount(t, 1002), counter: u(0xc0)}
	var g map[string]any
	if err := json.Unmarshal(genesisOf(t, c.alice, c.bob, c.counter), &g); err != nil {
		t.Fatal(err)
	}
	g["proof_votes"] = true
	var err error
	if c.genesis, err = json.Marshal(g); err != nil {
		t.Fatal(err)
	}
	c.open()
	if _, err := c.app.InitGenesis(testChain, testTime, c.genesis, v.set.Validators()...); err != nil {
		t.Fatal(err)
	}
	return c
}

// decide makes a block on all nodes, of which only the first is asked to process it. It returns its transactions' results.
func decide(t *testing.T, b *Block, nodes ...*chain) []TxResult {
	t.Helper()
	if err := nodes[0].app.Process(b); err != nil {
		t.Fatal(err)
	}
	var results []TxResult
	var hash []byte
	for i, c := range nodes {
		decided := *b
		decided.LastCommit = nil // a node that replays has none
		f := finalize(t, c.app, &decided)
		if i > 0 && !bytes.Equal(f.AppHash, hash) {
			t.Fatalf("block %d: node %d has app hash %X, node 0 has %X", b.Height, i, f.AppHash, hash)
		}
		hash, results = f.AppHash, f.Results
		if err := c.app.Commit(); err != nil {
			t.Fatal(err)
		}
		c.height++
	}
	return results
}

func (c *chain) proved() uint64 {
	c.t.Helper()
	h, ok, err := c.app.Proved(c.height)
	if !ok || err != nil {
		c.t.Fatal(ok, err)
	}
	return h
}

// propose proposes a block with the votes for the one before and returns it.
func (c *chain) propose(last *LastCommit, txs ...[]byte) *Block {
	c.t.Helper()
	b := c.next(txs...)
	b.LastCommit = last
	var err error
	if b.Txs, err = c.app.Propose(b, 1<<20); err != nil {
		c.t.Fatal(err)
	}
	return b
}

// TestProvedHeight follows a chain whose validators state more and more proved blocks: the height rises only when more than two thirds of the
// power state it, never falls, and every node has the same app hash, whether it proposed, checked or only replayed the block.
func TestProvedHeight(t *testing.T) {
	v := newValidators(t, 1, 1, 1, 1)
	nodes := []*chain{newVotingChain(t, v), newVotingChain(t, v)}
	c := nodes[0]
	for range 5 {
		decide(t, c.next(), nodes...)
	}
	for _, step := range []struct {
		heights []uint64
		want    uint64
		carried bool
	}{
		{[]uint64{3, 3, 0, 0}, 0, false},
		{[]uint64{3, 3, 2, 0}, 2, true},
		{[]uint64{3, 3, 2, 2}, 2, false}, // does not rise
		{[]uint64{1, 1, 1, 1}, 2, false}, // all fall back
		{[]uint64{6, absent, 5, 4}, 4, true},
		{[]uint64{6, absent, 6, absent}, 4, false},
		{[]uint64{absent, 9, 9, 9}, 9, true},
	} {
		transfer := c.alice.sign(t, c.alice.transfer(c.bob.address, 5))
		b := c.propose(v.commit(c.height, 2, step.heights...), transfer)
		if carried := len(b.Txs) == 2 && finality.IsCommit(b.Txs[0]); carried != step.carried || !bytes.Equal(b.Txs[len(b.Txs)-1], transfer) {
			t.Fatalf("block %d, %v: statements are carried: %v, want %v", b.Height, step.heights, carried, step.carried)
		}
		results := decide(t, b, nodes...)
		if step.carried && (results[0].Code != 0 || !bytes.Equal(results[0].Data, finality.Result(step.want))) {
			t.Errorf("block %d: result %+v", b.Height, results[0])
		}
		for _, node := range nodes {
			if got := node.proved(); got != step.want {
				t.Errorf("block %d, %v: proved height %d, want %d", b.Height, step.heights, got, step.want)
			}
			if got, err := node.app.Store().Latest().StorageAt(finality.Address, finality.Slot); err != nil || got != u(step.want) {
				t.Errorf("the slot is %v, %v", got, err)
			}
		}
		// A second execution of the block, as for a trace, has the same results.
		outcomes, err := c.app.TraceBlock(t.Context(), c.height, new(starknet.StateReads))
		if err != nil || len(outcomes) != 1 {
			t.Fatal(outcomes, err)
		}
		block, ok, err := c.app.Store().Block(c.height)
		if err != nil || !ok || len(block.Transactions) != 1 || block.TransactionCount != 1 {
			t.Fatalf("%+v, %v", block, err)
		}
	}
	// A restarted node knows it too.
	c.open()
	if got := c.proved(); got != 9 {
		t.Errorf("after a restart: %d", got)
	}
	// Older states keep their value.
	if got, _, err := c.app.Proved(7); err != nil || got != 2 {
		t.Errorf("at block 7: %d, %v", got, err)
	}
}

// TestVotesRefused checks that a validator votes against blocks whose statements are not those of the votes for the block before, or do not
// raise the proved height, and that such statements have no effect if a block is decided with them.
func TestVotesRefused(t *testing.T) {
	v := newValidators(t, 2, 1, 1, 1)
	c := newVotingChain(t, v)
	for range 5 {
		decide(t, c.next(), c)
	}
	old := v.commit(c.height, 0, 1, 1, 1, 1)
	decide(t, c.propose(old), c)
	if c.proved() != 1 {
		t.Fatal(c.proved())
	}
	voted := c.height
	last := v.commit(voted, 1, 4, 4, 4, 4)
	good := statements(last).Encode()
	for name, p := range map[string]struct {
		txs  [][]byte
		last *LastCommit
		want string
	}{
		"no votes":                      {[][]byte{good}, nil, "no votes for the block before"},
		"another round":                 {[][]byte{good}, v.commit(voted, 2, 4, 4, 4, 4), "statements of round 1, the block before was decided in round 2"},
		"the last block's statements":   {[][]byte{statements(old).Encode()}, v.commit(voted, 0, 4, 4, 4, 4), "did not sign at height 6"},
		"a validator that did not vote": {[][]byte{good}, v.commit(voted, 1, 4, absent, 4, 4), "who did not vote"},
		"statements that do not raise":  {[][]byte{statements(v.commit(voted, 1, 1, 1, 1, 1)).Encode()}, last, "not above the proved height 1"},
		"statements that lower":         {[][]byte{statements(v.commit(voted, 1, 0, 0, 0, 0)).Encode()}, last, "prove block 0"},
		"exactly two thirds":            {[][]byte{statements(v.commit(voted, 1, 4, 4, absent, absent)).Encode()}, last, "prove block 0"},
		"above the chain":               {[][]byte{statements(v.commit(voted, 1, 5, 5, 5, 5)).Encode()}, last, "the highest is 4"},
		"not at the beginning":          {[][]byte{c.alice.sign(t, c.alice.transfer(c.bob.address, 1)), good}, last, "transaction 1 of block 7"},
		"twice":                         {[][]byte{good, good}, last, "transaction 1 of block 7"},
		"cut short":                     {[][]byte{good[:len(good)-1]}, last, "cut short"},
		"other validators":              {[][]byte{good}, newValidators(t, 1, 1, 1, 1).commit(voted, 1, 4, 4, 4, 4), "of power"},
		"fewer validators":              {[][]byte{good}, newValidators(t, 2, 1, 1).commit(voted, 1, 4, 4, 4), "3 votes, the genesis 4 validators"},
	} {
		b := c.next(p.txs...)
		b.LastCommit = p.last
		if err := c.app.Process(b); err == nil || !strings.Contains(err.Error(), p.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", name, err, p.want)
		}
	}
	c.alice.nonce--
	// A block with bad statements that is decided all the same has no effect on the height.
	b := c.next(statements(v.commit(voted, 1, 5, 5, 5, 5)).Encode(), c.alice.sign(t, c.alice.transfer(c.bob.address, 1)))
	f := finalize(t, c.app, b)
	if f.Results[0].Code == 0 || f.Results[0].Data != nil || f.Results[1].Code != 0 {
		t.Errorf("%+v", f.Results)
	}
	if err := c.app.Commit(); err != nil {
		t.Fatal(err)
	}
	c.height++
	if c.proved() != 1 {
		t.Errorf("proved height %d after bad statements", c.proved())
	}
	// The first bytes alone do not make a transaction, in the mempool either.
	if got, err := c.app.CheckTx(good, false); err != nil || got.Code == 0 {
		t.Errorf("the mempool takes statements: %+v, %v", got, err)
	}
}

// TestStrangersStatements checks that a proposer leaves out what others may have written into their extensions, so that its own block is valid.
func TestStrangersStatements(t *testing.T) {
	v := newValidators(t, 1, 1, 1, 1)
	c := newVotingChain(t, v)
	for range 5 {
		decide(t, c.next(), c)
	}
	voted := c.height
	for name, spoil := range map[string]func(vote *LastVote){
		"no extension":        func(vote *LastVote) { vote.Extension = nil },
		"a long extension":    func(vote *LastVote) { vote.Extension = make([]byte, 1<<20) },
		"another version":     func(vote *LastVote) { vote.Extension[0] = 2 },
		"above the chain":     func(vote *LastVote) { vote.Extension = finality.Extension(4) },
		"the greatest height": func(vote *LastVote) { vote.Extension = finality.Extension(math.MaxUint64) },
		"no signature":        func(vote *LastVote) { vote.Signature = nil },
		"a long signature":    func(vote *LastVote) { vote.Signature = make([]byte, 3309) },
		"a nil vote":          func(vote *LastVote) { vote.Signed = false },
	} {
		last := v.commit(voted, 0, 3, 2, 1, 3)
		spoil(&last.Votes[1])
		if e := last.Votes[1].Extension; len(last.Votes[1].Signature) == 64 && e != nil { // the stranger signs what it says
			last.Votes[1].Signature = v.sign(1, voted, 0, e)
		}
		b := c.propose(last)
		if len(b.Txs) != 1 {
			t.Fatalf("%s: %d transactions", name, len(b.Txs))
		}
		commit, err := finality.ParseCommit(b.Txs[0], 4)
		if err != nil || commit.Statements[1] != nil || commit.Statements[0] == nil {
			t.Errorf("%s: %+v, %v", name, commit, err)
		}
		if err := c.app.Process(b); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Statements that do not fit are left out.
	b := c.next()
	b.LastCommit = v.commit(voted, 0, 3, 3, 3, 3)
	size := protoBytes(statements(b.LastCommit).Encode())
	for room, want := range map[int64]int{size: 1, size - 1: 0} {
		if txs, err := c.app.Propose(b, room); err != nil || len(txs) != want {
			t.Errorf("room for %d bytes: %d transactions, %v, want %d", room, len(txs), err, want)
		}
	}
	// Validators of consensus that are not the genesis' have no say.
	b.LastCommit = newValidators(t, 1, 1, 1, 2).commit(voted, 0, 3, 3, 3, 3)
	if txs, err := c.app.Propose(b, 1<<20); err != nil || len(txs) != 0 {
		t.Errorf("%d transactions, %v", len(txs), err)
	}
}

// TestVotesAndLimits checks that statements do not count as a transaction of the block, and that a proposal that rolls its last transaction back
// keeps their result.
func TestVotesAndLimits(t *testing.T) {
	v := newValidators(t, 1)
	c := newVotingChain(t, v)
	c.genesis = bytes.Replace(c.genesis, []byte(`"block_transactions":0`), []byte(`"block_transactions":2`), 1)
	c.db = dbm.NewMemDB()
	c.open()
	if _, err := c.app.InitGenesis(testChain, testTime, c.genesis, v.set.Validators()...); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		decide(t, c.next(), c)
	}
	var txs [][]byte
	for range 3 {
		txs = append(txs, c.alice.sign(t, c.alice.transfer(c.bob.address, 5)))
	}
	b := c.propose(v.commit(c.height, 0, 2), txs...)
	if len(b.Txs) != 3 || !finality.IsCommit(b.Txs[0]) {
		t.Fatalf("%d transactions", len(b.Txs))
	}
	b.Txs = append(slices.Clone(b.Txs), txs[2])
	if err := c.app.Process(b); err == nil || !strings.Contains(err.Error(), "3 transactions, more than 2") {
		t.Errorf("three transactions: %v", err)
	}
	b.Txs = b.Txs[:3]
	if results := decide(t, b, c); len(results) != 3 || results[2].Code != 0 {
		t.Errorf("%+v", results)
	}
	c.app.config.BlockSteps = 1 // the second transaction is rolled back
	b = c.propose(v.commit(c.height, 0, 3), txs[2], c.alice.sign(t, c.alice.transfer(c.bob.address, 5)))
	if results := decide(t, b, c); len(results) != 2 || !bytes.Equal(results[0].Data, finality.Result(3)) || len(results[1].Data) < 100 {
		t.Errorf("%d transactions, %+v", len(b.Txs), results)
	}
}

// TestNoVotes checks that a chain without proof_votes knows no statements: they are malformed transactions.
func TestNoVotes(t *testing.T) {
	v := newValidators(t, 1)
	c := newChain(t)
	for range 4 {
		decide(t, c.next(), c)
	}
	last := v.commit(c.height, 0, 2)
	if b := c.propose(last); len(b.Txs) != 0 {
		t.Error("statements are proposed")
	}
	b := c.next(statements(last).Encode())
	b.LastCommit = last
	if err := c.app.Process(b); err == nil {
		t.Error("statements are accepted")
	}
	if f := finalize(t, c.app, b); f.Results[0].Code == 0 {
		t.Errorf("%+v", f.Results)
	}
	if _, ok, err := c.app.Proved(c.height); ok || err != nil {
		t.Error(ok, err)
	}
	if bytes.Contains(c.genesis, []byte("proof_votes")) {
		t.Error("the genesis of an old chain changes")
	}
}

// TestVotesGenesis checks the parameter proof_votes: it needs the validators of consensus, and other validators are another genesis.
func TestVotesGenesis(t *testing.T) {
	v, other := newValidators(t, 1, 1), newValidators(t, 1, 2)
	c := newVotingChain(t, v)
	given, err := json.Marshal(v.set)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []struct {
		state string
		set   *validators
		want  string
	}{
		{`{"proof_votes":true}`, nil, "proof_votes: finality: 0 validators"},
		{`{"proof_votes":1}`, nil, "proof_votes"},
		{`{"validators":` + string(given) + `}`, v, "validators: given without proof_votes"},
		{`{"proof_votes":true,"validators":` + string(given) + `}`, other, "are not the validators of consensus"},
		{`{"proof_votes":true,"validators":[]}`, v, "0 validators"},
		{`{"contracts":[{"address":"` + finality.Address.String() + `"}]}`, nil, "is not a contract address"},
	} {
		var list []finality.Validator
		if p.set != nil {
			list = p.set.set.Validators()
		}
		c.db = dbm.NewMemDB()
		c.open()
		if _, err := c.app.InitGenesis(testChain, testTime, []byte(p.state), list...); err == nil || !strings.Contains(err.Error(), p.want) {
			t.Errorf("%s: %v, want %q", p.state, err, p.want)
		}
	}
	c = newVotingChain(t, v)
	if err := c.app.CheckGenesis(testChain, testTime, c.genesis, v.set.Validators()...); err != nil {
		t.Error(err)
	}
	if err := c.app.CheckGenesis(testChain, testTime, c.genesis, other.set.Validators()...); err == nil || !strings.Contains(err.Error(), "parameters") {
		t.Errorf("other validators: %v", err)
	}
	if err := newChain(t).app.CheckGenesis(testChain, testTime, newChain(t).genesis, v.set.Validators()...); err != nil {
		t.Errorf("validators of a chain without votes: %v", err)
	}
}

// TestProvedHeightByProof reads the proved height as a light client does: from a proof against the app hash.
func TestProvedHeightByProof(t *testing.T) {
	v := newValidators(t, 1)
	c := newVotingChain(t, v)
	for range 4 {
		decide(t, c.next(), c)
	}
	b := c.propose(v.commit(c.height, 0, 2))
	if err := c.app.Process(b); err != nil {
		t.Fatal(err)
	}
	appHash := finalize(t, c.app, b).AppHash
	if err := c.app.Commit(); err != nil {
		t.Fatal(err)
	}
	c.height++
	checkProvedSlot(t, c, appHash, 2)
}

// checkProvedSlot checks that the storage proof of the proved height leads from a signed app hash to want.
func checkProvedSlot(t *testing.T, c *chain, appHash []byte, want uint64) {
	t.Helper()
	p, ok, err := c.app.Store().Prove(c.height, nil, []felt.Felt{finality.Address}, []starknet.ContractSlots{{Contract: finality.Address, Keys: []felt.Felt{finality.Slot}}})
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if root := starknet.StateCommitment(p.ContractsRoot, p.ClassesRoot); !bytes.Equal(appHashOf(root), appHash) {
		t.Fatalf("the proof's roots commit to %v, the app hash is %X", root, appHash)
	}
	leaf, err := trie.VerifyProof(trie.Pedersen, p.ContractsRoot, finality.Address, p.Contracts)
	if err != nil {
		t.Fatal(err)
	}
	contract := trie.Contract{ClassHash: p.Leaves[0].ClassHash, StorageRoot: p.Leaves[0].StorageRoot, Nonce: p.Leaves[0].Nonce}
	if trie.ContractLeaves([]trie.Contract{contract})[0] != leaf {
		t.Fatalf("leaf %v is not that of %+v", leaf, contract)
	}
	value, err := trie.VerifyProof(trie.Pedersen, contract.StorageRoot, finality.Slot, p.Storage[0])
	if err != nil || value != u(want) {
		t.Fatalf("the slot is proved to be %v, %v, want %d", value, err, want)
	}
}
