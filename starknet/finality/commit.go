package finality

import (
	"encoding/binary"
	"fmt"
)

// Commit is the system transaction that carries the validators' statements into a block. It is the block's first transaction, or absent. The
// statements are extensions of the votes for the previous block.
//
// Its binary form has the bytes 0xf0 and version, the round (4 bytes), the number of validators (2 bytes), and then for each validator a byte
// 0, or a byte 1, the height (8 bytes) and the signature. Integers are big-endian. Each value has exactly one form.
type Commit struct {
	Round uint32 // the round of the votes
	// Statements has an entry for each validator, in the order of Set. An entry is nil if the validator did not vote, or if its extension was
	// left out.
	Statements []*Statement
}

// Statement is a validator's statement that every block up to Height is proved.
type Statement struct {
	Height    uint64
	Signature [signatureBytes]byte // of the vote extension, by the validator
}

const (
	signatureBytes = 64
	// marker is the first byte of a Commit. No transaction begins with it: starknet.UnmarshalTransaction rejects it.
	marker = 0xf0
	// maxRound is the highest round of CometBFT, which counts in 32 bits with a sign.
	maxRound       = 1<<31 - 1
	headerBytes    = 2 + 4 + 2
	statementBytes = 1 + 8 + signatureBytes
)

// MaxValidators is the largest number of validators of a Set: CometBFT's limit on the votes of a commit.
const MaxValidators = 10_000

// IsCommit reports whether a block's transaction is a Commit. It may still be malformed.
func IsCommit(raw []byte) bool { return len(raw) > 0 && raw[0] == marker }

// Encode returns the binary form.
func (c *Commit) Encode() []byte {
	b := append(make([]byte, 0, headerBytes+statementBytes*len(c.Statements)), marker, version)
	b = binary.BigEndian.AppendUint32(b, c.Round)
	b = binary.BigEndian.AppendUint16(b, uint16(len(c.Statements)))
	for _, s := range c.Statements {
		if s == nil {
			b = append(b, 0)
			continue
		}
		b = binary.BigEndian.AppendUint64(append(b, 1), s.Height)
		b = append(b, s.Signature[:]...)
	}
	return b
}

// ParseCommit decodes the binary form of a Commit of a known number of validators. It accepts any bytes.
func ParseCommit(b []byte, validators int) (*Commit, error) {
	if len(b) < headerBytes || b[0] != marker {
		return nil, fmt.Errorf("finality: statements of %d bytes, want at least %d that begin with %#x", len(b), headerBytes, marker)
	}
	if b[1] != version {
		return nil, fmt.Errorf("finality: statements of version %d, want %d", b[1], version)
	}
	c := &Commit{Round: binary.BigEndian.Uint32(b[2:])}
	if c.Round > maxRound {
		return nil, fmt.Errorf("finality: statements of round %d, above %d", c.Round, maxRound)
	}
	if n := int(binary.BigEndian.Uint16(b[6:])); n != validators {
		return nil, fmt.Errorf("finality: statements of %d validators, the chain has %d", n, validators)
	}
	b = b[headerBytes:]
	if len(b) < validators || len(b) > validators*statementBytes { // before the list is allocated
		return nil, fmt.Errorf("finality: %d bytes of statements for %d validators, want %d to %d", len(b), validators, validators, validators*statementBytes)
	}
	c.Statements = make([]*Statement, validators)
	for i := range c.Statements {
		switch {
		case len(b) > 0 && b[0] == 0:
			b = b[1:]
		case len(b) >= statementBytes && b[0] == 1:
			c.Statements[i] = &Statement{Height: binary.BigEndian.Uint64(b[1:]), Signature: [signatureBytes]byte(b[9:])}
			b = b[statementBytes:]
		case len(b) > 0 && b[0] > 1:
			return nil, fmt.Errorf("finality: statement of validator %d begins with %d, want 0 or 1", i, b[0])
		default:
			return nil, fmt.Errorf("finality: statement of validator %d is cut short", i)
		}
	}
	if len(b) > 0 {
		return nil, fmt.Errorf("finality: %d bytes after the statements", len(b))
	}
	return c, nil
}
