//go:build !js

package headers_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"testing"

	cmtjson "github.com/cometbft/cometbft/libs/json"
	cmttypes "github.com/cometbft/cometbft/types"

	"github.com/starkd/starkd/prover/block/headers"
)

// FuzzParseSignedHeader checks that CometBFT also reads every text that ParseSignedHeader reads, as the same value, and writes
// that text.
func FuzzParseSignedHeader(f *testing.F) {
	b := newSignedBlock(f, rand.New(rand.NewPCG(11, 1)), 2)
	for _, raw := range b.proof.Headers {
		f.Add([]byte(raw))
	}
	f.Add([]byte(`{"header":{},"commit":{}}`))
	f.Add([]byte(`{"header":null,"commit":null}`))
	f.Add([]byte(`{"commit":{"signatures":[{"signature":""}]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := headers.ParseSignedHeader(data)
		if err != nil {
			return
		}
		b.signers.ours.VerifyCommit("TEST", got.Commit)
		theirs := new(cmttypes.SignedHeader)
		if err := cmtjson.Unmarshal(data, theirs); err != nil {
			t.Fatalf("CometBFT: %v: %s", err, data)
		}
		if again := encode(t, theirs); !bytes.Equal(again, data) {
			t.Fatalf("CometBFT writes %s for %s", again, data)
		}
		if want := theirs.Hash(); want != nil && !bytes.Equal(got.Header.Hash(), want) {
			t.Fatalf("hash %X, want %X: %s", got.Header.Hash(), want, data)
		}
	})
}

// FuzzVerify checks that Verify and CometBFT agree on arbitrary headers, with a trusted genesis and with a trusted header.
func FuzzVerify(f *testing.F) {
	b := newSignedBlock(f, rand.New(rand.NewPCG(15, 1)), 4)
	f.Add([]byte(b.proof.Headers[0]), []byte(b.proof.Headers[1]))
	f.Add([]byte(`{"header":{}}`), []byte(`{"header":{},"commit":{"signatures":[null]}}`))
	f.Add([]byte(b.proof.Headers[1]), []byte(b.proof.Headers[0]))
	f.Fuzz(func(t *testing.T, this, next []byte) {
		changed := b.clone(t)
		changed.proof.Headers = [2]json.RawMessage{this, next}
		changed.compare(t, "by genesis", nil)
		changed.compare(t, "by header", b.headers[1].Hash())
	})
}

// FuzzParseGenesis reads arbitrary genesis files. The file is trusted, but a web page may pass anything.
func FuzzParseGenesis(f *testing.F) {
	b := newSignedBlock(f, rand.New(rand.NewPCG(12, 1)), 2)
	f.Add(encode(f, b.genesis))
	f.Add([]byte(`{"chain_id":"TEST","validators":[{"pub_key":{"type":"tendermint/PubKeyEd25519","value":""},"power":"1"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		genesis, err := headers.ParseGenesis(data)
		if err != nil {
			return
		}
		headers.Verify(b.proof, &headers.Trust{Genesis: genesis})
	})
}
