package rpc

import (
	"encoding/json"
	"fmt"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/starkd/starkd/crypto/felt"
)

// BlockID identifies a block (BLOCK_ID) by a tag, a number or a hash.
type BlockID struct { // one of the fields is set
	tag    string
	hash   *felt.Felt
	number *uint64
}

// The blocks that have tags.
var (
	LatestBlock       = BlockID{tag: tagLatest}       // the latest decided block
	PreConfirmedBlock = BlockID{tag: tagPreConfirmed} // the block after it
	AcceptedBlock     = BlockID{tag: tagL1Accepted}   // the last block that is ACCEPTED_ON_L1
)

// BlockByNumber identifies block n.
func BlockByNumber(n uint64) BlockID { return BlockID{number: &n} }

// BlockByHash identifies the block with a hash.
func BlockByHash(hash felt.Felt) BlockID { return BlockID{hash: &hash} }

// Names reports whether id can identify the block with a number and a hash. A tag can identify any block.
func (id BlockID) Names(number uint64, hash felt.Felt) bool {
	return (id.number == nil || *id.number == number) && (id.hash == nil || *id.hash == hash)
}

const (
	tagLatest       = "latest"
	tagPreConfirmed = "pre_confirmed"
	tagL1Accepted   = "l1_accepted"
)

// UnmarshalJSON decodes a BLOCK_ID.
func (id *BlockID) UnmarshalJSON(raw []byte) error {
	*id = BlockID{}
	if len(raw) > 0 && raw[0] == '"' {
		if err := jsonv2.Unmarshal(raw, &id.tag); err != nil {
			return err
		}
		switch id.tag {
		case tagLatest, tagPreConfirmed, tagL1Accepted:
			return nil
		}
		return fmt.Errorf("unknown block tag %.40q", id.tag)
	}
	o := parseObject("block id", raw)
	o.optional("block_hash", &id.hash)
	o.optional("block_number", &id.number)
	if o.err == nil && (id.hash == nil) == (id.number == nil) {
		return fmt.Errorf("want either block_hash or block_number")
	}
	return o.err
}

// MarshalJSON encodes a BLOCK_ID.
func (id BlockID) MarshalJSON() ([]byte, error) {
	switch {
	case id.hash != nil:
		return json.Marshal(map[string]felt.Felt{"block_hash": *id.hash})
	case id.number != nil:
		return json.Marshal(map[string]uint64{"block_number": *id.number})
	}
	return json.Marshal(id.tag)
}
