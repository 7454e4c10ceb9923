//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	rpchttp "github.com/cometbft/cometbft/rpc/client/http"
	coretypes "github.com/cometbft/cometbft/rpc/core/types"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/watcher"
	"github.com/starkd/starkd/watcher/proofstore"
)

// judge holds the nodes against each other and the watcher's proofs against what was sent, and prints what it found. All
// differences are one error.
func judge(ctx context.Context, l *lab, sent *load) error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }

	common := l.height(ctx, 0)
	for i := range validators {
		common = min(common, l.height(ctx, i))
	}
	inBlocks, inProofs := map[felt.Felt]int{}, map[string]int{}
	var clients []*rpchttp.HTTP
	for i := range validators {
		client, err := rpchttp.New(l.Nodes[i].Comet, "/websocket")
		if err != nil {
			return err
		}
		clients = append(clients, client)
	}
	for h := int64(1); h <= int64(common); h++ {
		var first *coretypes.ResultBlock
		for i, client := range clients {
			got, err := client.Block(ctx, &h)
			if err != nil {
				return fmt.Errorf("block %d of node%d: %w", h, i, err)
			}
			if first == nil {
				first = got
			}
			if !bytes.Equal(got.BlockID.Hash, first.BlockID.Hash) || !bytes.Equal(got.Block.AppHash, first.Block.AppHash) {
				fault("block %d: node%d has %X with app hash %X, node0 %X with %X",
					h, i, got.BlockID.Hash, got.Block.AppHash, first.BlockID.Hash, first.Block.AppHash)
			}
		}
		for _, raw := range first.Block.Txs {
			tx, err := starknet.UnmarshalTransaction(raw)
			if err != nil {
				return err
			}
			inBlocks[tx.Hash(felt.FromShortString(l.ChainID))]++
		}
		if len(first.Block.Txs) == 0 {
			continue
		}
		record, err := l.record(ctx, uint64(h))
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
	fmt.Printf("judged: %d blocks equal on %d nodes, %d transactions each in one block and one proof, %d differences\n",
		common, validators, len(sent.sent), len(faults))
	for _, reason := range l.ended {
		fmt.Printf("ended by itself: %s\n", reason)
	}
	return errors.Join(faults...)
}

// watcherStatus is the watcher's GET /v1/status.
func (l *lab) watcherStatus(ctx context.Context) (*watcher.Status, error) {
	status := new(watcher.Status)
	return status, get(ctx, l.Watcher.REST+"/v1/status", status)
}

// record is what the watcher's store has on a block.
func (l *lab) record(ctx context.Context, block uint64) (*proofRecord, error) {
	record := new(proofRecord)
	return record, get(ctx, fmt.Sprintf("%s/v1/proofs?block=%d", l.Watcher.REST, block), record)
}

type proofRecord struct {
	Status proofstore.Status  `json:"status"`
	Proofs []proofstore.Entry `json:"proofs"`
}

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
