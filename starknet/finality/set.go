package finality

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/starkd/starkd/crypto/zip215"
)

// Validator is a validator's public key and its voting power.
type Validator struct {
	Key   ed25519.PublicKey
	Power int64
}

// addressBytes is the length of a validator's address.
const addressBytes = 20

// Address returns the validator's address, the first 20 bytes of the SHA-256 hash of the key.
func (v *Validator) Address() []byte {
	sum := sha256.Sum256(v.Key)
	return sum[:addressBytes]
}

// Set is the validators of a chain in CometBFT's order: by falling power, then by address. They never change. Its JSON form is a list of
// objects with the key in hexadecimal digits and the power.
type Set struct {
	validators []Validator
	total      int64
}

// maxTotalPower is CometBFT's bound on the total power. Three times as much still fits in 64 bits.
const maxTotalPower = math.MaxInt64 / 8

// NewSet checks and sorts the validators of a chain.
func NewSet(validators []Validator) (*Set, error) {
	if n := len(validators); n == 0 || n > MaxValidators {
		return nil, fmt.Errorf("finality: %d validators, want 1 to %d", n, MaxValidators)
	}
	s := &Set{validators: slices.Clone(validators)}
	seen := map[string]bool{}
	for i := range validators {
		v := &validators[i]
		if len(v.Key) != ed25519.PublicKeySize {
			return nil, fmt.Errorf("finality: validator key of %d bytes, want %d", len(v.Key), ed25519.PublicKeySize)
		}
		if seen[string(v.Key)] {
			return nil, fmt.Errorf("finality: validator %X occurs twice", v.Address())
		}
		seen[string(v.Key)] = true
		if v.Power < 1 || v.Power > maxTotalPower-s.total {
			return nil, fmt.Errorf("finality: validator %X has power %d, want 1 to a total of %d", v.Address(), v.Power, int64(maxTotalPower))
		}
		s.total += v.Power
	}
	slices.SortFunc(s.validators, func(a, b Validator) int {
		return cmp.Or(cmp.Compare(b.Power, a.Power), bytes.Compare(a.Address(), b.Address()))
	})
	return s, nil
}

// Validators returns the validators in order. The caller must not modify them.
func (s *Set) Validators() []Validator { return s.validators }

// Equal reports whether both sets have the same validators with the same powers. A nil set equals only nil.
func (s *Set) Equal(other *Set) bool {
	if s == nil || other == nil {
		return s == other
	}
	return slices.EqualFunc(s.validators, other.validators, func(a, b Validator) bool { return a.Power == b.Power && bytes.Equal(a.Key, b.Key) })
}

type validatorJSON struct {
	Key   string `json:"pub_key"`
	Power int64  `json:"power"`
}

// MarshalJSON writes the validators in order.
func (s *Set) MarshalJSON() ([]byte, error) {
	list := make([]validatorJSON, len(s.validators))
	for i, v := range s.validators {
		list[i] = validatorJSON{hex.EncodeToString(v.Key), v.Power}
	}
	return json.Marshal(list)
}

// UnmarshalJSON reads validators in any order.
func (s *Set) UnmarshalJSON(data []byte) error {
	var list []validatorJSON
	if err := jsonv2.Unmarshal(data, &list, jsonv2.RejectUnknownMembers(true)); err != nil {
		return err
	}
	validators := make([]Validator, len(list))
	for i, v := range list {
		key, err := hex.DecodeString(v.Key)
		if err != nil {
			return fmt.Errorf("finality: validator key %.80q is not hexadecimal", v.Key)
		}
		validators[i] = Validator{key, v.Power}
	}
	set, err := NewSet(validators)
	if err != nil {
		return err
	}
	*s = *set
	return nil
}

// CheckStatement checks a statement of validator i about its vote at a height and a round: its bound and its signature.
func (s *Set) CheckStatement(chainID string, voted uint64, round uint32, i int, statement *Statement) error {
	v := &s.validators[i]
	if most := Most(voted); statement.Height > most {
		return fmt.Errorf("finality: validator %X states at height %d that block %d is proved, the highest is %d", v.Address(), voted, statement.Height, most)
	}
	if !zip215.Verify(v.Key, SignBytes(chainID, voted, round, Extension(statement.Height)), statement.Signature[:]) {
		return fmt.Errorf("finality: validator %X did not sign at height %d in round %d that block %d is proved", v.Address(), voted, round, statement.Height)
	}
	return nil
}

// Check checks the statements of the votes for the block of height voted. It returns the height up to which validators with more than two
// thirds of the power have seen every block proved, 0 if there is none.
func (s *Set) Check(chainID string, voted uint64, c *Commit) (proved uint64, err error) {
	if voted == 0 {
		return 0, errors.New("finality: statements in the first block, which has no votes before it")
	}
	if len(c.Statements) != len(s.validators) {
		return 0, fmt.Errorf("finality: statements of %d validators, the chain has %d", len(c.Statements), len(s.validators))
	}
	for i, statement := range c.Statements {
		if statement == nil {
			continue
		}
		if err := s.CheckStatement(chainID, voted, c.Round, i, statement); err != nil {
			return 0, err
		}
	}
	return s.tally(c.Statements), nil
}

// tally returns the highest height for which validators with more than two thirds of the power state this height or a higher one.
func (s *Set) tally(statements []*Statement) uint64 {
	type weighted struct {
		height uint64
		power  int64
	}
	var all []weighted
	for i, statement := range statements {
		if statement != nil {
			all = append(all, weighted{statement.Height, s.validators[i].Power})
		}
	}
	slices.SortFunc(all, func(a, b weighted) int { return cmp.Compare(b.height, a.height) })
	var power int64
	for _, w := range all {
		if power += w.power; 3*power > 2*s.total {
			return w.height
		}
	}
	return 0
}
