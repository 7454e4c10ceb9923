package compiler

import "github.com/starkd/starkd/cairo/sierra"

// environment is what the compiler knows about ap, the frame and the gas wallet before a statement.
type environment struct {
	tracking tracking
	// stackSize is the number of values that are contiguous below ap, the last at ap - 1.
	stackSize int
	frame     frame
	wallet    Costs
}

// functionStart is the tracking base at the start of a function.
const functionStart sierra.StatementIdx = -1

// tracking is the distance of ap from a base: the function's start, or the statement after enable_ap_tracking.
type tracking struct {
	enabled  bool
	apChange int
	base     sierra.StatementIdx
}

// moved returns the tracking after ap has moved by n, or by an unknown amount if known is false.
func (t tracking) moved(known bool, n int) tracking {
	if !t.enabled || !known {
		return tracking{}
	}
	t.apChange += n
	return t
}

// frameState is the state of the allocation of locals.
type frameState uint8

const (
	beforeAllocation frameState = iota
	allocating
	finalized
)

// frame describes the function's locals.
type frame struct {
	state     frameState
	allocated int
	start     int // while allocating: ap's distance from the function's start at the first allocation
}

// mayAllocate reports whether locals can be allocated: ap must be at a known distance from the function's start that has
// not changed since the first allocation.
func (e *environment) mayAllocate() bool {
	t := e.tracking
	if !t.enabled || t.base != functionStart || e.frame.state == finalized {
		return false
	}
	return e.frame.state == beforeAllocation || t.apChange == e.frame.start
}

// allocLocal allocates size cells after fp and returns the offset of the first.
func (e *environment) allocLocal(size int) int {
	if !e.mayAllocate() {
		reject("alloc_local is not allowed at this point")
	}
	if e.frame.state == beforeAllocation {
		e.frame = frame{state: allocating, start: e.tracking.apChange}
	}
	at := e.frame.start + e.frame.allocated
	e.frame.allocated += size
	return at
}

// finalizeLocals ends the allocation and returns the number of cells that ap must skip.
func (e *environment) finalizeLocals() int {
	if !e.mayAllocate() {
		reject("finalize_locals is not allowed at this point")
	}
	e.frame = frame{state: finalized, allocated: e.frame.allocated}
	return e.frame.allocated
}
