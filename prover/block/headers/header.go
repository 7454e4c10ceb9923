package headers

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/starkd/starkd/internal/bounded"
)

const (
	blockProtocol = 11 // CometBFT's block protocol version
	hashBytes     = 32
	addressBytes  = 20
	maxChainID    = 50
)

// SignedHeader is a header and the commit that signs it.
type SignedHeader struct {
	Header *Header `json:"header"`
	Commit *Commit `json:"commit"`
}

// Header is the header of a CometBFT block.
type Header struct {
	Version            Version   `json:"version"`
	ChainID            string    `json:"chain_id"`
	Height             int64     `json:"height,string"`
	Time               Timestamp `json:"time"`
	LastBlockID        BlockID   `json:"last_block_id"`
	LastCommitHash     hexBytes  `json:"last_commit_hash"`
	DataHash           hexBytes  `json:"data_hash"`
	ValidatorsHash     hexBytes  `json:"validators_hash"`
	NextValidatorsHash hexBytes  `json:"next_validators_hash"`
	ConsensusHash      hexBytes  `json:"consensus_hash"`
	AppHash            hexBytes  `json:"app_hash"`
	LastResultsHash    hexBytes  `json:"last_results_hash"`
	EvidenceHash       hexBytes  `json:"evidence_hash"`
	ProposerAddress    hexBytes  `json:"proposer_address"`
}

// Version holds the protocol versions of a header.
type Version struct {
	Block uint64 `json:"block,string,omitempty"`
	App   uint64 `json:"app,string,omitempty"`
}

// BlockID identifies a block by the hash of its header and the hash of its parts.
type BlockID struct {
	Hash  hexBytes      `json:"hash"`
	Parts PartSetHeader `json:"parts"`
}

// PartSetHeader holds the number of parts of a block and their Merkle root.
type PartSetHeader struct {
	Total uint32   `json:"total"`
	Hash  hexBytes `json:"hash"`
}

// hexBytes are bytes that CometBFT writes as upper-case hexadecimal digits.
type hexBytes []byte

// MarshalJSON writes upper-case digits.
func (b hexBytes) MarshalJSON() ([]byte, error) {
	return []byte(`"` + strings.ToUpper(hex.EncodeToString(b)) + `"`), nil
}

// UnmarshalJSON reads digits of either case.
func (b *hexBytes) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	if len(data) < 2 || data[0] != '"' {
		return fmt.Errorf("hexadecimal string expected, got %.80s", data)
	}
	decoded, err := hex.DecodeString(string(data[1 : len(data)-1]))
	*b = decoded
	return err
}

// maxSignatures bounds a commit: CometBFT's types.MaxVotesCount.
const maxSignatures = 10_000

var readSignatures = bounded.List[CommitSig]("signatures", maxSignatures, 0)

// ParseSignedHeader reads the JSON of CometBFT's libs/json. It rejects a text other than the one that CometBFT writes for the
// value.
func ParseSignedHeader(data []byte) (*SignedHeader, error) {
	s := new(SignedHeader)
	if err := jsonv2.Unmarshal(data, s, jsonv2.RejectUnknownMembers(true), jsonv2.WithUnmarshalers(readSignatures)); err != nil {
		return nil, bounded.Fault(err)
	}
	if s.Header == nil || s.Commit == nil {
		return nil, errors.New("header or commit is missing")
	}
	s.Commit.normalize()
	again, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(again, data) {
		return nil, errors.New("not in the form that CometBFT writes")
	}
	return s, nil
}

// validate checks that the header belongs to the chain and the commit to the header. VerifyCommit checks the signatures.
func (s *SignedHeader) validate(chain string) error {
	if err := s.Header.validate(); err != nil {
		return fmt.Errorf("invalid header: %w", err)
	}
	if err := s.Commit.validate(); err != nil {
		return fmt.Errorf("invalid commit: %w", err)
	}
	if s.Header.ChainID != chain {
		return fmt.Errorf("header is of chain %q, not of %q", s.Header.ChainID, chain)
	}
	if s.Commit.Height != s.Header.Height {
		return fmt.Errorf("header of height %d with a commit of height %d", s.Header.Height, s.Commit.Height)
	}
	if hash := s.Header.Hash(); !bytes.Equal(hash, s.Commit.BlockID.Hash) {
		return fmt.Errorf("the commit signs block %X, the header is of block %X", s.Commit.BlockID.Hash, hash)
	}
	return nil
}

func (h *Header) validate() error {
	if h.Version.Block != blockProtocol {
		return fmt.Errorf("block protocol version %d, want %d", h.Version.Block, blockProtocol)
	}
	if len(h.ChainID) > maxChainID {
		return fmt.Errorf("chain id of %d bytes, want at most %d", len(h.ChainID), maxChainID)
	}
	if h.Height < 1 {
		return fmt.Errorf("height %d, want 1 or more", h.Height)
	}
	if len(h.ProposerAddress) != addressBytes {
		return fmt.Errorf("proposer_address of %d bytes, want %d", len(h.ProposerAddress), addressBytes)
	}
	if err := h.LastBlockID.validate(); err != nil {
		return fmt.Errorf("last_block_id: %w", err)
	}
	// A header without validators has no hash.
	if len(h.ValidatorsHash) == 0 {
		return errors.New("validators_hash is empty")
	}
	for _, f := range []struct {
		name string
		hash hexBytes
	}{
		{"last_commit_hash", h.LastCommitHash}, {"data_hash", h.DataHash}, {"evidence_hash", h.EvidenceHash},
		{"validators_hash", h.ValidatorsHash}, {"next_validators_hash", h.NextValidatorsHash},
		{"consensus_hash", h.ConsensusHash}, {"last_results_hash", h.LastResultsHash},
	} {
		if err := validHash(f.hash); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	return nil
}

// Hash returns the Merkle root over the encodings of the fields, in the order of the header. Scalars are wrapped as in
// protobuf's StringValue, Int64Value and BytesValue; an empty scalar is an empty leaf.
func (h *Header) Hash() []byte {
	version := appendUint(appendUint(nil, 1, h.Version.Block), 2, h.Version.App)
	return merkleRoot([][]byte{
		version,
		appendBytes(nil, 1, []byte(h.ChainID)),
		appendUint(nil, 1, uint64(h.Height)),
		h.Time.encode(),
		h.LastBlockID.encode(),
		appendBytes(nil, 1, h.LastCommitHash),
		appendBytes(nil, 1, h.DataHash),
		appendBytes(nil, 1, h.ValidatorsHash),
		appendBytes(nil, 1, h.NextValidatorsHash),
		appendBytes(nil, 1, h.ConsensusHash),
		appendBytes(nil, 1, h.AppHash),
		appendBytes(nil, 1, h.LastResultsHash),
		appendBytes(nil, 1, h.EvidenceHash),
		appendBytes(nil, 1, h.ProposerAddress),
	})
}

// encode returns the message BlockID, which has the same fields as CanonicalBlockID.
func (id *BlockID) encode() []byte {
	parts := appendBytes(appendUint(nil, 1, uint64(id.Parts.Total)), 2, id.Parts.Hash)
	return appendMessage(appendBytes(nil, 1, id.Hash), 2, parts)
}

func (id *BlockID) validate() error {
	if err := validHash(id.Hash); err != nil {
		return fmt.Errorf("hash: %w", err)
	}
	if err := validHash(id.Parts.Hash); err != nil {
		return fmt.Errorf("parts: %w", err)
	}
	return nil
}

// isZero reports whether id identifies no block.
func (id *BlockID) isZero() bool {
	return len(id.Hash) == 0 && id.Parts.Total == 0 && len(id.Parts.Hash) == 0
}

// validHash returns an error if h is neither empty nor of the length of a hash.
func validHash(h []byte) error {
	if len(h) != 0 && len(h) != hashBytes {
		return fmt.Errorf("hash of %d bytes, want %d", len(h), hashBytes)
	}
	return nil
}
