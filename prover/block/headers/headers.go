// Package headers checks the signed headers of a block proof. `starkd verify`, the watcher and the verifier in the browser use
// it.
//
// CometBFT's own types are too large for a web page, and a verifier needs only a few of them: the JSON form of a signed header,
// three Merkle trees over protobuf encodings (a header, a validator set, a list), the bytes that a validator signs, and the
// rule that more than two thirds of the voting power must sign. Field numbers are those of CometBFT's proto/tendermint/types.
// The rules are those of types.Header, types.Commit and types.ValidatorSet of CometBFT 0.40. Signatures are checked by ZIP-215
// (https://zips.z.cash/zip-0215), as in CometBFT. The tests compare this package with CometBFT's code.
//
// One rule is stricter than CometBFT's, and no chain breaks it: a header's text must be the one that CometBFT writes for its
// value.
package headers

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/starkd/starkd/prover/block"
	"github.com/starkd/starkd/prover/block/statement"
)

// Trust is what the reader of a proof trusts: the validators in a chain's genesis, or one header, by its hash.
type Trust struct {
	ChainID string // chain id that the proof must have; "" accepts any
	Genesis *Genesis
	Header  []byte // hash of header n+1; takes precedence over Genesis
}

// String describes what is trusted. For a header it says that no signature was checked.
func (t *Trust) String() string {
	switch {
	case len(t.Header) > 0:
		return fmt.Sprintf("header %x, which you gave; the validators' signatures were not checked", t.Header)
	case t.Genesis != nil:
		return fmt.Sprintf("the %d validators of the genesis, of whom more than two thirds signed", t.Genesis.Validators.size())
	}
	return "nothing"
}

// ParseHash decodes the hash of a header: 64 hexadecimal digits, with or without 0x.
func ParseHash(text string) ([]byte, error) {
	hash, err := hex.DecodeString(strings.TrimPrefix(text, "0x"))
	if err != nil || len(hash) != 32 {
		return nil, fmt.Errorf("%.80q is not 64 hexadecimal digits", text)
	}
	return hash, nil
}

// CheckChain returns an error if the genesis is of another chain than the proof. Verify would report other validators.
func (t *Trust) CheckChain(b *block.Bundle) error {
	if t.Genesis != nil && t.Genesis.ChainID != b.Chain {
		return fmt.Errorf("the genesis is of chain %q, the proof of chain %q", t.Genesis.ChainID, b.Chain)
	}
	return nil
}

// VerifyRange does what Verify does for a bundle of several blocks, and returns the anchor of each. A trusted header is the one after the last block; the
// others follow from it if the heights have no gaps.
func VerifyRange(b *block.Bundle, trust *Trust) ([]*statement.Anchor, error) {
	each, err := b.Each()
	if err != nil {
		return nil, err
	}
	anchors := make([]*statement.Anchor, len(each))
	at := *trust
	for i := len(each) - 1; i >= 0; i-- {
		if anchors[i], err = Verify(each[i], &at); err != nil {
			return nil, err
		}
		if len(trust.Header) == 0 || i == 0 {
			continue
		}
		if each[i-1].Block+1 != each[i].Block {
			return nil, fmt.Errorf("headers: the proof is of the blocks %d and %d, and a trusted header says nothing of the first: the validators' signatures do", each[i-1].Block, each[i].Block)
		}
		s, err := ParseSignedHeader(each[i].Headers[0])
		if err != nil {
			return nil, err
		}
		at.Header = s.Header.Hash()
	}
	return anchors, nil
}

// Verify checks the headers of the first block of a proof against trust, and the witness's transactions and results against the headers. It
// returns the anchor that the headers define.
func Verify(b *block.Bundle, trust *Trust) (*statement.Anchor, error) {
	var signed [2]*SignedHeader
	for i, raw := range b.Headers {
		s, err := ParseSignedHeader(raw)
		if err != nil {
			return nil, fmt.Errorf("headers: header %d of the proof: %w", i, err)
		}
		if err := s.validate(b.Chain); err != nil {
			return nil, fmt.Errorf("headers: header %d of the proof: %w", i, err)
		}
		signed[i] = s
	}
	light, next := signed[0].Header, signed[1].Header
	switch {
	case trust.ChainID != "" && b.Chain != trust.ChainID:
		return nil, fmt.Errorf("headers: the proof is of chain %q, not of %q", b.Chain, trust.ChainID)
	case uint64(light.Height) != b.Block || next.Height != light.Height+1:
		return nil, fmt.Errorf("headers: headers of heights %d and %d, want %d and %d", light.Height, next.Height, b.Block, b.Block+1)
	case !bytes.Equal(next.LastBlockID.Hash, light.Hash()):
		return nil, fmt.Errorf("headers: header %d names %X as the block before it, but header %d is %X", next.Height, next.LastBlockID.Hash, light.Height, light.Hash())
	}
	switch {
	case len(trust.Header) > 0:
		if !bytes.Equal(next.Hash(), trust.Header) {
			return nil, fmt.Errorf("headers: header %d of the proof is %X, trusted is %X", next.Height, next.Hash(), trust.Header)
		}
	case trust.Genesis == nil:
		return nil, errors.New("headers: neither a genesis nor a header is trusted")
	default:
		if trust.Genesis.ChainID != b.Chain {
			return nil, fmt.Errorf("headers: the proof is of chain %q, the genesis of %q", b.Chain, trust.Genesis.ChainID)
		}
		set := trust.Genesis.Validators
		for _, s := range signed {
			if !bytes.Equal(s.Header.ValidatorsHash, set.Hash()) {
				return nil, fmt.Errorf("headers: header %d has validators %X, genesis has %X", s.Header.Height, s.Header.ValidatorsHash, set.Hash())
			}
			if err := set.VerifyCommit(b.Chain, s.Commit); err != nil {
				return nil, fmt.Errorf("headers: header %d is not signed by the genesis validators: %w", s.Header.Height, err)
			}
		}
	}
	genesis := trust.Genesis
	if genesis == nil { // without a genesis file, assume the default parameters
		genesis = new(Genesis)
	}
	params, err := genesis.parameters(b.Chain)
	if err != nil {
		return nil, err
	}
	if hash := DataHash(b.Witness.Transactions); !bytes.Equal(hash, light.DataHash) {
		return nil, fmt.Errorf("headers: the transactions hash to %X, header %d signs %X", hash, light.Height, light.DataHash)
	}
	if hash := ResultsHash(b.Witness.Results); !bytes.Equal(hash, next.LastResultsHash) {
		return nil, fmt.Errorf("headers: the results hash to %X, header %d signs %X", hash, next.Height, next.LastResultsHash)
	}
	return statement.NewAnchor(light.ChainID, uint64(light.Height), uint64(light.Time.seconds),
		params.sequencer(light.ProposerAddress), params.feeToken, light.AppHash, next.AppHash)
}
