package abci

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	dbm "github.com/cometbft/cometbft-db"
	abcitypes "github.com/cometbft/cometbft/abci/types"
	cfg "github.com/cometbft/cometbft/config"
	"github.com/cometbft/cometbft/crypto"
	"github.com/cometbft/cometbft/crypto/ed25519"
	"github.com/cometbft/cometbft/crypto/secp256k1"
	"github.com/cometbft/cometbft/libs/log"
	"github.com/cometbft/cometbft/node"
	"github.com/cometbft/cometbft/p2p"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	"github.com/cometbft/cometbft/proxy"
	cmttypes "github.com/cometbft/cometbft/types"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet/finality"
)

// withVotes returns the app_state of w with proof_votes.
func withVotes(w *fixture) []byte {
	return bytes.Replace(w.appState, []byte("{"), []byte(`{"proof_votes":true,`), 1)
}

// verified is a Proofs.
type verified struct{ atomic.Uint64 }

func (v *verified) Verified() uint64 { return v.Load() }

func genesisRequest(appState []byte, enabled int64, keys ...crypto.PubKey) *abcitypes.RequestInitChain {
	r := &abcitypes.RequestInitChain{
		Time: time.Unix(1_700_000_000, 0), ChainId: testChain, InitialHeight: 1, AppStateBytes: appState,
		ConsensusParams: &cmtproto.ConsensusParams{Abci: &cmtproto.ABCIParams{VoteExtensionsEnableHeight: enabled}},
	}
	for _, key := range keys {
		r.Validators = append(r.Validators, cmttypes.TM2PB.NewValidatorUpdate(key, 10))
	}
	return r
}

// TestGenesisOfVotes checks that the two switches of votes about proofs in a genesis file must agree, and that the validators' keys can sign statements.
func TestGenesisOfVotes(t *testing.T) {
	w := newFixture(t)
	one, two := ed25519.GenPrivKeyFromSecret([]byte("1")).PubKey(), ed25519.GenPrivKeyFromSecret([]byte("2")).PubKey()
	other := secp256k1.GenPrivKeySecp256k1([]byte("3")).PubKey()
	for name, c := range map[string]struct {
		request *abcitypes.RequestInitChain
		want    string
	}{
		"on":                      {genesisRequest(withVotes(w), 1, one, two), ""},
		"off":                     {genesisRequest(w.appState, 0, one, two), ""},
		"off, other keys":         {genesisRequest(w.appState, 0, other), ""},
		"only the parameter":      {genesisRequest(w.appState, 1, one), "vote_extensions_enable_height is 1, which needs proof_votes"},
		"only app_state":          {genesisRequest(withVotes(w), 0, one), "is 0, proof_votes in app_state needs 1"},
		"later":                   {genesisRequest(withVotes(w), 2, one), "is 2, proof_votes in app_state needs 1"},
		"a validator twice":       {genesisRequest(withVotes(w), 1, one, one), "occurs twice"},
		"no validators":           {genesisRequest(withVotes(w), 1), "0 validators"},
		"a key of another system": {genesisRequest(withVotes(w), 1, other), "key of type secp256k1"},
	} {
		_, err := New(w.open(t, dbm.NewMemDB())).InitChain(t.Context(), c.request)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestExtensions checks what a node says in its votes, and which extensions of others it accepts. Each rejection is one line of the log.
func TestExtensions(t *testing.T) {
	w := newFixture(t)
	key := ed25519.GenPrivKeyFromSecret([]byte("1")).PubKey()
	var lines bytes.Buffer
	open := func(enabled bool) *Application {
		a := New(w.open(t, dbm.NewMemDB())).WithLog(slog.New(slog.NewTextHandler(&lines, nil)))
		r := genesisRequest(w.appState, 0, key)
		if enabled {
			r = genesisRequest(withVotes(w), 1, key)
		}
		if _, err := a.InitChain(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		return a
	}
	on, off := open(true), open(false)
	extend := func(a *Application, height int64) []byte {
		t.Helper()
		r, err := a.ExtendVote(t.Context(), &abcitypes.RequestExtendVote{Height: height})
		if err != nil {
			t.Fatal(err)
		}
		return r.VoteExtension
	}
	if got := extend(on, 9); !bytes.Equal(got, finality.Extension(0)) {
		t.Errorf("a node that verifies nothing says %x", got)
	}
	source := new(verified)
	on.WithProofs(source)
	off.WithProofs(source)
	for _, c := range []struct{ seen, height, want uint64 }{{5, 9, 5}, {7, 9, 7}, {8, 9, 7}, {100, 9, 7}, {5, 1, 0}, {5, 2, 0}} {
		source.Store(c.seen)
		if got := extend(on, int64(c.height)); !bytes.Equal(got, finality.Extension(c.want)) {
			t.Errorf("verified %d: at height %d it says %x, want %d", c.seen, c.height, got, c.want)
		}
	}
	if got := extend(off, 9); len(got) != 0 {
		t.Errorf("a chain without votes: %x", got)
	}
	for name, c := range map[string]struct {
		app       *Application
		extension []byte
		ok        bool
	}{
		"nothing proved":         {on, finality.Extension(0), true},
		"the highest":            {on, finality.Extension(7), true},
		"above the highest":      {on, finality.Extension(8), false},
		"far above":              {on, finality.Extension(1 << 63), false},
		"empty":                  {on, nil, false},
		"another version":        {on, append([]byte{2}, make([]byte, 8)...), false},
		"a megabyte":             {on, make([]byte, 1<<20), false},
		"off, empty":             {off, nil, true},
		"off, with an extension": {off, finality.Extension(0), false},
	} {
		lines.Reset()
		r, err := c.app.VerifyVoteExtension(t.Context(), &abcitypes.RequestVerifyVoteExtension{Height: 9, ValidatorAddress: proposer, VoteExtension: c.extension})
		if err != nil || r.IsAccepted() != c.ok {
			t.Errorf("%s: %v, %v", name, r, err)
		}
		if n := strings.Count(lines.String(), "\n"); n != map[bool]int{true: 0, false: 1}[c.ok] || lines.Len() > 400 {
			t.Errorf("%s: log %q", name, lines.String())
		}
	}
}

func FuzzVoteExtension(f *testing.F) {
	f.Add(finality.Extension(7), int64(9))
	f.Add([]byte{1}, int64(0))
	w := newFixture(f)
	key := ed25519.GenPrivKeyFromSecret([]byte("1")).PubKey()
	a := New(w.open(f, dbm.NewMemDB())).WithLog(slog.New(slog.DiscardHandler))
	if _, err := a.InitChain(context.Background(), genesisRequest(withVotes(w), 1, key)); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, extension []byte, height int64) {
		if r, err := a.VerifyVoteExtension(context.Background(), &abcitypes.RequestVerifyVoteExtension{Height: height, VoteExtension: extension}); err != nil || r.IsStatusUnknown() {
			t.Fatal(r, err)
		}
	})
}

// TestCometBFTVotes runs a CometBFT node whose only validator verifies proofs as the test says. The proved height follows what it says, one
// block later; the statements in the blocks verify with CometBFT's own code; and a restarted node goes on.
func TestCometBFTVotes(t *testing.T) {
	w := newFixture(t)
	config, key, public := cometHome(t)
	params := cmttypes.DefaultConsensusParams()
	params.ABCI.VoteExtensionsEnableHeight = 1
	doc := &cmttypes.GenesisDoc{
		GenesisTime: time.Now(), ChainID: testChain, InitialHeight: 1, AppState: withVotes(w), ConsensusParams: params,
		Validators: []cmttypes.GenesisValidator{{PubKey: public, Power: 10}},
	}
	if err := doc.ValidateAndComplete(); err != nil {
		t.Fatal(err)
	}
	appDB := dbm.NewMemDB()
	for life := range 2 {
		a, source := w.open(t, appDB), new(verified)
		n, err := node.NewNode(config, key, &p2p.NodeKey{PrivKey: ed25519.GenPrivKeyFromSecret([]byte("node"))}, proxy.NewConnSyncLocalClientCreator(New(a).WithProofs(source)),
			func() (*cmttypes.GenesisDoc, error) { return doc, nil }, cfg.DefaultDBProvider, node.DefaultMetricsProvider(config.Instrumentation), log.NewNopLogger())
		if err != nil {
			t.Fatal(err)
		}
		if err := n.Start(); err != nil {
			t.Fatal(err)
		}
		wait := func(what string, so func() bool) {
			t.Helper()
			for deadline := time.Now().Add(20 * time.Second); !so(); time.Sleep(10 * time.Millisecond) {
				if time.Now().After(deadline) {
					height, _ := a.Info()
					t.Fatalf("life %d: %s: not after 20 s, at height %d", life, what, height)
				}
			}
		}
		proved := func() uint64 {
			height, _ := a.Info()
			p, ok, err := a.Proved(height)
			if !ok || err != nil {
				t.Fatal(ok, err)
			}
			return p
		}
		height := func() uint64 { h, _ := a.Info(); return h }
		start := height()
		wait("the first block", func() bool { return height() > start }) // which carries the last vote of the life before
		before := proved()
		start = height()
		wait("blocks", func() bool { return height() > start+6 })
		if life == 0 && before != 0 || proved() != before {
			t.Errorf("life %d: proved %d although the validator says 0", life, proved())
		}
		goal := height() - 3
		source.Store(goal)
		wait("the proved height", func() bool { return proved() == goal })
		source.Store(goal - 2) // a validator that forgets does not lower it
		now := height()
		wait("more blocks", func() bool { return height() > now+3 })
		if proved() != goal {
			t.Errorf("life %d: proved %d, want %d", life, proved(), goal)
		}
		source.Store(1 << 40) // a validator that exaggerates is held to what it can know
		wait("the head", func() bool { return proved() > goal })
		last, carried := height(), 0
		value := before
		for h := start + 1; h <= last; h++ {
			block := n.BlockStore().LoadBlock(int64(h))
			if len(block.Txs) == 0 || !finality.IsCommit(block.Txs[0]) {
				continue
			}
			carried++
			value = checkStatements(t, block, public, value)
			if got, err := a.Store().At(h).StorageAt(finality.Address, finality.Slot); err != nil || got != felt.FromUint64(value) {
				t.Errorf("block %d: the slot is %v, %v, want %d", h, got, err, value)
			}
		}
		if carried < 2 {
			t.Errorf("life %d: %d blocks with statements", life, carried)
		}
		if err := n.Stop(); err != nil {
			t.Fatal(err)
		}
		n.Wait()
	}
}

// checkStatements checks the statements of a block, of one validator, with CometBFT's code: decoded by hand, signed for the block before, above
// the value before. It returns the stated height.
func checkStatements(t *testing.T, block *cmttypes.Block, public crypto.PubKey, before uint64) uint64 {
	t.Helper()
	raw := []byte(block.Txs[0])
	if len(raw) != 8+1+8+64 || fmt.Sprintf("%x", raw[:2]) != "f001" || fmt.Sprintf("%x", raw[6:9]) != "000101" {
		t.Fatalf("block %d: statements %x", block.Height, raw)
	}
	height := uint64(0)
	for _, b := range raw[9:17] {
		height = height<<8 | uint64(b)
	}
	vote := &cmtproto.Vote{Height: block.Height - 1, Round: block.LastCommit.Round, Extension: append([]byte{1}, raw[9:17]...)}
	if !public.VerifySignature(cmttypes.VoteExtensionSignBytes(testChain, vote), raw[17:]) {
		t.Errorf("block %d: the statement is not signed", block.Height)
	}
	if height <= before || int64(height) > block.Height-3 {
		t.Errorf("block %d: states %d after %d", block.Height, height, before)
	}
	return height
}
