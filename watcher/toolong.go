package watcher

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/starkd/starkd/app"
	"github.com/starkd/starkd/cairo"
	cairoos "github.com/starkd/starkd/cairo/os"
	"github.com/starkd/starkd/prover/block/statement"
)

// LeastSteps is the smallest bound for which a transaction counts as too long: one that is not longer alone is always proved.
const LeastSteps = leastSteps

// CheckTooLong executes a block of a again with an engine, and returns an error unless each of the given transactions, by their indices, is longer alone
// than LeastSteps (cairoos.Length). A bundle only names such transactions as not proved, and its watcher has chosen them. It returns the cause of ctx
// if ctx ends.
func CheckTooLong(ctx context.Context, a *app.App, engine cairo.Engine, format statement.Format, height uint64, transactions []int) error {
	stop := new(atomic.Bool)
	defer context.AfterFunc(ctx, func() { stop.Store(true) })()
	options := cairoos.Options{Layout: format.Layout(), MaxSteps: leastSteps, Stop: stop}
	trace, err := a.TraceCalls(ctx, height, engine, options.MaxWords())
	if err != nil {
		return err
	}
	block := osBlock(trace)
	all := block.Transactions
	for _, index := range transactions {
		if index < 0 || index >= len(all) {
			return fmt.Errorf("watcher: block %d has no transaction %d", height, index)
		}
		block.Transactions = all[index : index+1]
		run, err := cairoos.Run([]*cairoos.Block{block}, options)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if _, tooLong := errors.AsType[*cairoos.TooLongError](err); tooLong {
			continue
		}
		if err != nil {
			return err
		}
		if n := cairoos.Length(run); n <= leastSteps || format == statement.FormatStone {
			return fmt.Errorf("watcher: transaction %d of block %d, %v, is not proved because it is too long, but its length is %d, at most %d steps",
				index, height, all[index].Info.Hash, n, leastSteps)
		}
	}
	return nil
}
