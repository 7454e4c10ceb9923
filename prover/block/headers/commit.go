package headers

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"

	"github.com/starkd/starkd/crypto/zip215"
)

// Values of block_id_flag: how a validator voted.
const (
	flagAbsent = 1 + iota // the validator did not vote
	flagCommit            // it voted for the block
	flagNil               // it voted nil
)

const (
	precommit     = 2 // type of the votes in a commit
	maxTotalPower = math.MaxInt64 / 8
	maxSignature  = 3309 // bytes; the longest signature of CometBFT's key types
)

// Commit holds the votes that made a block final, with one entry for each validator.
type Commit struct {
	Height     int64       `json:"height,string"`
	Round      int32       `json:"round"`
	BlockID    BlockID     `json:"block_id"`
	Signatures []CommitSig `json:"signatures"`
}

// CommitSig is the vote of one validator.
type CommitSig struct {
	Flag             byte      `json:"block_id_flag"`
	ValidatorAddress hexBytes  `json:"validator_address"`
	Timestamp        Timestamp `json:"timestamp"`
	Signature        []byte    `json:"signature"`
}

// normalize makes empty lists nil, because CometBFT writes them as null.
func (c *Commit) normalize() {
	if len(c.Signatures) == 0 {
		c.Signatures = nil
	}
	for i := range c.Signatures {
		if len(c.Signatures[i].Signature) == 0 {
			c.Signatures[i].Signature = nil
		}
	}
}

func (c *Commit) validate() error {
	switch {
	case c.Height < 0:
		return fmt.Errorf("height %d, want 0 or more", c.Height)
	case c.Round < 0:
		return fmt.Errorf("round %d, want 0 or more", c.Round)
	case c.Height == 0:
		return nil
	case c.BlockID.isZero():
		return errors.New("block_id is empty")
	case len(c.Signatures) == 0:
		return errors.New("there are no signatures")
	}
	for i := range c.Signatures {
		if err := c.Signatures[i].validate(); err != nil {
			return fmt.Errorf("signature %d: %w", i, err)
		}
	}
	return nil
}

func (s *CommitSig) validate() error {
	switch s.Flag {
	case flagAbsent:
		if len(s.ValidatorAddress) != 0 || !s.Timestamp.isZero() || len(s.Signature) != 0 {
			return errors.New("an absent validator has an address, a time or a signature")
		}
	case flagCommit, flagNil:
		if len(s.ValidatorAddress) != addressBytes {
			return fmt.Errorf("validator_address of %d bytes, want %d", len(s.ValidatorAddress), addressBytes)
		}
		if len(s.Signature) == 0 || len(s.Signature) > maxSignature {
			return fmt.Errorf("signature of %d bytes, want 1 to %d", len(s.Signature), maxSignature)
		}
	default:
		return fmt.Errorf("block_id_flag %d, want %d to %d", s.Flag, flagAbsent, flagNil)
	}
	return nil
}

// signBytes returns the bytes that the validator of s signed: the length-prefixed message CanonicalVote. A nil vote has no
// BlockID.
func (c *Commit) signBytes(chain string, s *CommitSig) []byte {
	vote := appendUint(nil, 1, precommit)
	vote = appendFixed(vote, 2, uint64(c.Height))
	vote = appendFixed(vote, 3, uint64(c.Round))
	if s.Flag == flagCommit {
		vote = appendMessage(vote, 4, c.BlockID.encode())
	}
	vote = appendMessage(vote, 5, s.Timestamp.encode())
	vote = appendBytes(vote, 6, []byte(chain))
	return append(binary.AppendUvarint(nil, uint64(len(vote))), vote...)
}

// Validator is a public key and its voting power.
type Validator struct {
	Key   ed25519.PublicKey
	Power int64
}

// address returns the validator's address, the first 20 bytes of the SHA-256 hash of the key.
func (v *Validator) address() []byte {
	sum := sha256.Sum256(v.Key)
	return sum[:addressBytes]
}

// ValidatorSet holds validators in the order of commits: by falling power, then by address. Powers are positive and add up to
// at most maxTotalPower (about 2^60), and no key occurs twice.
type ValidatorSet struct {
	validators []Validator
	total      int64
}

// NewValidatorSet checks and sorts the validators.
func NewValidatorSet(validators []Validator) (*ValidatorSet, error) {
	set := &ValidatorSet{validators: slices.Clone(validators)}
	seen := map[string]bool{}
	for _, v := range validators {
		if len(v.Key) != ed25519.PublicKeySize {
			return nil, fmt.Errorf("headers: validator key of %d bytes, want %d", len(v.Key), ed25519.PublicKeySize)
		}
		address := string(v.address())
		if seen[address] {
			return nil, fmt.Errorf("headers: validator %X occurs twice", address)
		}
		seen[address] = true
		if v.Power < 1 || v.Power > maxTotalPower-set.total {
			return nil, fmt.Errorf("headers: validator %X has power %d, want 1 to a total of %d", address, v.Power, int64(maxTotalPower))
		}
		set.total += v.Power
	}
	sort.Slice(set.validators, func(i, j int) bool {
		a, b := &set.validators[i], &set.validators[j]
		return cmp.Or(cmp.Compare(b.Power, a.Power), bytes.Compare(a.address(), b.address())) < 0
	})
	return set, nil
}

// size returns the number of validators.
func (set *ValidatorSet) size() int { return len(set.validators) }

// Hash returns the Merkle root over the validators' keys and powers, each encoded as the message SimpleValidator.
func (set *ValidatorSet) Hash() []byte {
	leaves := make([][]byte, len(set.validators))
	for i, v := range set.validators {
		key := appendBytes(nil, 1, v.Key) // message PublicKey; field 1 is ed25519
		leaves[i] = appendUint(appendMessage(nil, 1, key), 2, uint64(v.Power))
	}
	return merkleRoot(leaves)
}

// VerifyCommit checks that more than two thirds of the power voted for the commit's block, and that every signature in it is
// valid, those of nil votes too.
func (set *ValidatorSet) VerifyCommit(chain string, c *Commit) error {
	if len(c.Signatures) != len(set.validators) {
		return fmt.Errorf("%d signatures for %d validators", len(c.Signatures), len(set.validators))
	}
	if err := c.BlockID.validate(); err != nil {
		return err
	}
	var power int64
	for i := range c.Signatures {
		s, v := &c.Signatures[i], &set.validators[i]
		if err := s.validate(); err != nil {
			return fmt.Errorf("signature %d: %w", i, err)
		}
		if s.Flag == flagAbsent {
			continue
		}
		if !bytes.Equal(s.ValidatorAddress, v.address()) {
			return fmt.Errorf("signature %d is by validator %X, want %X", i, s.ValidatorAddress, v.address())
		}
		if !zip215.Verify(v.Key, c.signBytes(chain, s), s.Signature) {
			return fmt.Errorf("signature %d is invalid", i)
		}
		if s.Flag == flagCommit {
			power += v.Power
		}
	}
	if needed := set.total * 2 / 3; power <= needed {
		return fmt.Errorf("validators with power %d signed, more than %d is needed", power, needed)
	}
	return nil
}
