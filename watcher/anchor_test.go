package watcher

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	cmtjson "github.com/cometbft/cometbft/libs/json"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	cmtversion "github.com/cometbft/cometbft/proto/tendermint/version"
	cmttypes "github.com/cometbft/cometbft/types"
	"github.com/cometbft/cometbft/version"
	"github.com/starkd/starkd/prover"
)

// signedChain is two headers of a chain of its own, signed by validators whose keys it holds.
type signedChain struct {
	genesis *cmttypes.GenesisDoc
	proof   *prover.BlockProof
	next    *cmttypes.LightBlock
}

// newSignedChain signs headers 5 and 6; signers is how many of four validators sign the latter.
func newSignedChain(t testing.TB, signers int) *signedChain {
	t.Helper()
	validators, keys := cmttypes.RandValidatorSet(4, 10)
	genesis := &cmttypes.GenesisDoc{ChainID: "TEST", GenesisTime: time.Unix(1_700_000_000, 0).UTC(), InitialHeight: 1, AppState: json.RawMessage("{}")}
	for _, v := range validators.Validators {
		genesis.Validators = append(genesis.Validators, cmttypes.GenesisValidator{Address: v.Address, PubKey: v.PubKey, Power: v.VotingPower})
	}
	txs := []prover.HexBytes{{1, 2, 3}}
	results := []prover.Result{{Code: 0, Data: prover.HexBytes{9}, GasWanted: 5, GasUsed: 4}}
	hash := func(fill byte) []byte { return bytes.Repeat([]byte{fill}, 32) }
	header := func(height int64, last cmttypes.BlockID, app byte) *cmttypes.Header {
		return &cmttypes.Header{
			Version: cmtversion.Consensus{Block: version.BlockProtocol}, ChainID: "TEST", Height: height,
			Time: genesis.GenesisTime.Add(time.Duration(height) * time.Second), LastBlockID: last,
			LastCommitHash: hash(1), DataHash: DataHash(txs), ValidatorsHash: validators.Hash(), NextValidatorsHash: validators.Hash(),
			ConsensusHash: hash(2), AppHash: hash(app), LastResultsHash: ResultsHash(results), EvidenceHash: hash(3),
			ProposerAddress: validators.Validators[0].Address,
		}
	}
	sign := func(h *cmttypes.Header, signers int) *cmttypes.LightBlock {
		return signHeader(t, h, validators, keys[:signers])
	}
	this := sign(header(5, cmttypes.BlockID{Hash: hash(7), PartSetHeader: cmttypes.PartSetHeader{Total: 1, Hash: hash(4)}}, 0), 4)
	next := sign(header(6, this.Commit.BlockID, 1), signers)
	c := &signedChain{genesis: genesis, next: next, proof: &prover.BlockProof{Chain: "TEST", Block: 5}}
	c.proof.Witness.Transactions, c.proof.Witness.Results = txs, results
	c.headers(t, this, next)
	return c
}

// signHeader is a header of chain TEST, signed by the first of the validators.
func signHeader(t testing.TB, h *cmttypes.Header, validators *cmttypes.ValidatorSet, keys []cmttypes.PrivValidator) *cmttypes.LightBlock {
	t.Helper()
	id := cmttypes.BlockID{Hash: h.Hash(), PartSetHeader: cmttypes.PartSetHeader{Total: 1, Hash: bytes.Repeat([]byte{4}, 32)}}
	commit := &cmttypes.Commit{Height: h.Height, BlockID: id, Signatures: make([]cmttypes.CommitSig, validators.Size())}
	for i := range commit.Signatures {
		if i >= len(keys) {
			commit.Signatures[i] = cmttypes.NewCommitSigAbsent()
			continue
		}
		vote := cmtproto.Vote{
			Type: cmtproto.PrecommitType, Height: h.Height, BlockID: id.ToProto(), Timestamp: h.Time,
			ValidatorAddress: validators.Validators[i].Address, ValidatorIndex: int32(i),
		}
		if err := keys[i].SignVote(h.ChainID, &vote); err != nil {
			t.Fatal(err)
		}
		commit.Signatures[i] = cmttypes.CommitSig{
			BlockIDFlag: cmttypes.BlockIDFlagCommit, ValidatorAddress: vote.ValidatorAddress, Timestamp: vote.Timestamp, Signature: vote.Signature,
		}
	}
	return &cmttypes.LightBlock{SignedHeader: &cmttypes.SignedHeader{Header: h, Commit: commit}, ValidatorSet: validators}
}

func (c *signedChain) headers(t testing.TB, blocks ...*cmttypes.LightBlock) {
	t.Helper()
	for i, block := range blocks {
		data, err := cmtjson.Marshal(block.SignedHeader)
		if err != nil {
			t.Fatal(err)
		}
		c.proof.Headers[i] = data
	}
}

func TestVerifyHeaders(t *testing.T) {
	c := newSignedChain(t, 3)
	anchor, err := VerifyHeaders(c.proof, &Trust{Genesis: c.genesis, ChainID: "TEST"})
	if err != nil {
		t.Fatal(err)
	}
	if anchor.Number != 5 || anchor.Timestamp != 1_700_000_005 || anchor.Before.String() != "0x0" || anchor.After == anchor.Before {
		t.Errorf("anchor %+v", anchor)
	}
	if _, err := VerifyHeaders(c.proof, &Trust{Header: c.next.Hash()}); err != nil {
		t.Errorf("a trusted header: %v", err)
	}

	other := newSignedChain(t, 4)
	for name, bad := range map[string]struct {
		trust  Trust
		change func(*signedChain)
		want   string
	}{
		"nothing trusted":     {Trust{}, nil, "neither a genesis nor a header"},
		"another chain":       {Trust{Genesis: c.genesis, ChainID: "OTHER"}, nil, `not of "OTHER"`},
		"another genesis":     {Trust{Genesis: other.genesis}, nil, "genesis has"},
		"another header":      {Trust{Header: bytes.Repeat([]byte{1}, 32)}, nil, "trusted is"},
		"a transaction less":  {Trust{Genesis: c.genesis}, func(c *signedChain) { c.proof.Witness.Transactions = nil }, "transactions hash to"},
		"another result":      {Trust{Genesis: c.genesis}, func(c *signedChain) { c.proof.Witness.Results[0].Code = 1 }, "results hash to"},
		"another block":       {Trust{Genesis: c.genesis}, func(c *signedChain) { c.proof.Block = 6 }, "headers of heights"},
		"headers swapped":     {Trust{Genesis: c.genesis}, func(c *signedChain) { c.proof.Headers[0], c.proof.Headers[1] = c.proof.Headers[1], c.proof.Headers[0] }, "headers of heights"},
		"a foreign header":    {Trust{Genesis: c.genesis}, func(c *signedChain) { c.proof.Headers[1] = other.proof.Headers[1] }, "follows"},
		"a changed app hash":  {Trust{Genesis: c.genesis}, func(c *signedChain) { c.replace(`"app_hash":"01`, `"app_hash":"02`) }, "header 1 of the proof"},
		"a changed signature": {Trust{Genesis: c.genesis}, func(c *signedChain) { c.forgeSignature(t) }, "not signed"},
		"no header":           {Trust{Genesis: c.genesis}, func(c *signedChain) { c.proof.Headers[1] = json.RawMessage("{}") }, "incomplete"},
		"not a header":        {Trust{Genesis: c.genesis}, func(c *signedChain) { c.proof.Headers[0] = json.RawMessage("7") }, "header 0"},
	} {
		t.Run(name, func(t *testing.T) {
			forged := &signedChain{genesis: c.genesis, next: c.next, proof: new(prover.BlockProof)}
			*forged.proof = *c.proof
			forged.proof.Witness.Results = append([]prover.Result{}, c.proof.Witness.Results...)
			if bad.change != nil {
				bad.change(forged)
			}
			if _, err := VerifyHeaders(forged.proof, &bad.trust); err == nil || !strings.Contains(err.Error(), bad.want) {
				t.Errorf("got %v, want %q", err, bad.want)
			}
		})
	}

	few := newSignedChain(t, 2)
	if _, err := VerifyHeaders(few.proof, &Trust{Genesis: few.genesis}); err == nil {
		t.Error("a header signed by half of the validators is accepted")
	}
}

func (c *signedChain) replace(old, new string) {
	text := string(c.proof.Headers[1])
	lower := strings.Replace(text, old, new, 1)
	if lower == text {
		lower = strings.Replace(text, strings.ToUpper(old[12:]), strings.ToUpper(new[12:]), 1)
	}
	c.proof.Headers[1] = json.RawMessage(lower)
}

// forgeSignature gives the first two validators' signatures of header 6 each other's places.
func (c *signedChain) forgeSignature(t testing.TB) {
	next := new(cmttypes.SignedHeader)
	if err := cmtjson.Unmarshal(c.proof.Headers[1], next); err != nil {
		t.Fatal(err)
	}
	s := next.Commit.Signatures
	s[0].Signature, s[1].Signature = s[1].Signature, s[0].Signature
	data, err := cmtjson.Marshal(next)
	if err != nil {
		t.Fatal(err)
	}
	c.proof.Headers[1] = data
}

// Whatever single byte of the headers is changed, the answer is an error or the same anchor.
func TestChangedHeaderBytes(t *testing.T) {
	c := newSignedChain(t, 4)
	trust := &Trust{Genesis: c.genesis}
	want, err := VerifyHeaders(c.proof, trust)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		proof := *c.proof
		i := r.IntN(2)
		raw := bytes.Clone(proof.Headers[i])
		at := r.IntN(len(raw))
		raw[at] = byte(' ' + r.IntN(95))
		proof.Headers[i] = raw
		if got, err := VerifyHeaders(&proof, trust); err == nil && *got != *want {
			t.Fatalf("byte %d of header %d as %q makes the anchor %+v", at, i, raw[at], got)
		}
	}
}

func FuzzVerifyHeaders(f *testing.F) {
	c := newSignedChain(f, 4)
	f.Add([]byte(c.proof.Headers[0]), []byte(c.proof.Headers[1]))
	f.Add([]byte(`{"header":{}}`), []byte(`{"header":{},"commit":{"signatures":[null]}}`))
	f.Fuzz(func(t *testing.T, this, next []byte) {
		proof := *c.proof
		proof.Headers = [2]json.RawMessage{this, next}
		anchor, err := VerifyHeaders(&proof, &Trust{Genesis: c.genesis})
		if err == nil && anchor.Number != 5 {
			t.Errorf("accepted as block %d", anchor.Number)
		}
	})
}
