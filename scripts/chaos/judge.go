//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/finality"
	"github.com/starkd/starkd/watcher"
	"github.com/starkd/starkd/watcher/proofstore"
)

// judge compares the nodes with each other and the watcher's proofs with the transactions sent, and prints the result. All differences are
// returned as one error.
func judge(ctx context.Context, l *lab, sent *load) error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }

	common := l.height(ctx, 0)
	for i := range validators {
		common = min(common, l.height(ctx, i))
	}
	inBlocks, inProofs := map[felt.Felt]int{}, map[string]int{}
	for h := uint64(1); h <= common; h++ {
		var first *cometBlock
		for i := range validators {
			got, err := l.block(ctx, i, h)
			if err != nil {
				return fmt.Errorf("block %d of node%d: %w", h, i, err)
			}
			if first == nil {
				first = got
			}
			if got.id() != first.id() || got.appHash() != first.appHash() {
				fault("block %d: node%d has %s with app hash %s, node0 %s with %s",
					h, i, got.id(), got.appHash(), first.id(), first.appHash())
			}
		}
		transactions := first.Result.Block.Data.Txs
		if len(transactions) > 0 && finality.IsCommit(transactions[0]) { // the validators' statements about proofs
			transactions = transactions[1:]
		}
		for _, raw := range transactions {
			tx, err := starknet.UnmarshalTransaction(raw)
			if err != nil {
				return err
			}
			inBlocks[tx.Hash(felt.FromShortString(l.ChainID))]++
		}
		if len(transactions) == 0 {
			continue
		}
		record, err := l.record(ctx, h)
		if err != nil {
			return err
		}
		for _, entry := range record.Proofs {
			for _, hash := range entry.Transactions {
				inProofs[hash]++
			}
		}
	}
	for hash := range sent.sent {
		if n := inBlocks[hash]; n != 1 {
			fault("transaction %v is %d times in blocks 1 to %d", hash, n, common)
		}
		if n := inProofs[hash.String()]; n != 1 {
			fault("transaction %v is %d times in proofs", hash, n)
		}
	}
	if len(inBlocks) != len(sent.sent) {
		fault("%d transactions in blocks, %d were sent", len(inBlocks), len(sent.sent))
	}
	fmt.Printf("checked: %d blocks equal on %d nodes, %d transactions each in one block and one proof, %d differences\n",
		common, validators, len(sent.sent), len(faults))
	for _, reason := range l.ended {
		fmt.Printf("ended by itself: %s\n", reason)
	}
	return errors.Join(faults...)
}

// cometBlock is the part of CometBFT's answer to GET /block that is compared.
type cometBlock struct {
	Result struct {
		BlockID struct {
			Hash string `json:"hash"`
		} `json:"block_id"`
		Block struct {
			Header struct {
				AppHash string `json:"app_hash"`
			} `json:"header"`
			Data struct {
				Txs [][]byte `json:"txs"`
			} `json:"data"`
		} `json:"block"`
	} `json:"result"`
}

func (b *cometBlock) id() string      { return b.Result.BlockID.Hash }
func (b *cometBlock) appHash() string { return b.Result.Block.Header.AppHash }

// block fetches a block from node i's CometBFT.
func (l *lab) block(ctx context.Context, i int, height uint64) (*cometBlock, error) {
	b := new(cometBlock)
	err := get(ctx, fmt.Sprintf("%s/block?height=%d", l.Nodes[i].Comet, height), b)
	if err == nil && b.id() == "" {
		err = errors.New("the answer names no block")
	}
	return b, err
}

// watcherStatus returns the watcher's GET /v1/status.
func (l *lab) watcherStatus(ctx context.Context) (*watcher.Status, error) {
	status := new(watcher.Status)
	return status, get(ctx, l.Watcher.REST+"/v1/status", status)
}

// record returns the entry of a block in the watcher's store.
func (l *lab) record(ctx context.Context, block uint64) (*proofRecord, error) {
	record := new(proofRecord)
	return record, get(ctx, fmt.Sprintf("%s/v1/proofs?block=%d", l.Watcher.REST, block), record)
}

type proofRecord struct {
	Status proofstore.Status  `json:"status"`
	Proofs []proofstore.Entry `json:"proofs"`
}

// get decodes the JSON answer of a GET request.
func get(ctx context.Context, url string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(response.Body, 300))
		return fmt.Errorf("%s: %s: %q", url, response.Status, body)
	}
	return json.NewDecoder(response.Body).Decode(into)
}
