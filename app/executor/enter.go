package executor

import (
	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/crypto/felt"
)

// Entry is a call of an entry point outside a transaction.
type Entry struct {
	Kind     cairo.EntryPointType
	Contract felt.Felt
	Caller   felt.Felt
	Selector felt.Felt
	Calldata []felt.Felt
	Gas      uint64
}

// Enter runs an entry point of any kind outside a transaction, with any caller and gas, and keeps its effects in st. After
// a panic the frame is Failed, the error is nil and st is unchanged. A failure that no calling contract could catch is a
// [*Rejection].
func (x *Executor) Enter(st *state.Overlay, block *Block, e Entry) (*Frame, error) {
	t := x.outside(state.NewOverlay(st), block)
	defer t.session.End()
	f, err := t.phase(CallPhase, e.Gas).call(entry{
		kind: e.Kind, selector: e.Selector, storage: e.Contract, caller: e.Caller, calldata: e.Calldata, gas: e.Gas,
	})
	if failure, ok := asFailure(err); ok {
		return f, reject(ContractError, "%s", revertText("", f, failure))
	}
	if err != nil {
		return nil, err
	}
	if f.Failed {
		f.discard()
		return f, nil
	}
	t.st.MergeInto(st)
	return f, nil
}
