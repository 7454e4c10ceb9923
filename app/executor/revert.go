package executor

import (
	"slices"

	"github.com/starkd/starkd/starknet"
)

// revertText returns the revert reason of a failure in a call that the protocol made.
func revertText(header string, top *Frame, f *failure) string {
	trace := (&failure{title: starknet.CallTitle, frame: top, cause: f}).trace()
	return starknet.RevertReason(header, &trace)
}

// trace returns the frames that a failure passed through, outermost first, and its cause.
func (f *failure) trace() starknet.ErrorTrace {
	var t starknet.ErrorTrace
	for ; f.cause != nil; f = f.cause {
		frame := starknet.ErrorFrame{
			Title: f.title, Contract: f.frame.Contract, ClassHash: f.frame.ClassHash, Selector: f.frame.Selector, NoSelector: f.noSelector,
		}
		if at := f.frame.stopped; at != nil {
			frame.Stopped = append(slices.Clone(at.Callers), at.PC)
		}
		t.Frames = append(t.Frames, frame)
	}
	t.Cause = f.reason
	return t
}

// text returns the trace as text, without a header and not shortened.
func (f *failure) text() string {
	t := f.trace()
	return t.String()
}

// revertSummary returns the revert reason of a panic: the frames that passed it on, and its data.
func revertSummary(header string, root *Frame) string {
	return starknet.PanicSummary(header, root.panicFrame())
}

func (f *Frame) panicFrame() *starknet.PanicFrame {
	p := &starknet.PanicFrame{Contract: f.Contract, ClassHash: f.ClassHash, Selector: f.Selector, Failed: f.Failed, Retdata: f.Retdata}
	for _, in := range f.Inner {
		p.Inner = append(p.Inner, in.panicFrame())
	}
	return p
}
