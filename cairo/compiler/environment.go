package compiler

import "github.com/starkd/starkd/cairo/sierra"

// environment is what is known of ap, of the frame and of the gas wallet before a statement.
type environment struct {
	tracking tracking
	// stackSize is how many values, the last of them at ap - 1, lie contiguously below ap.
	stackSize int
	frame     frame
	wallet    Costs
}

// functionStart is the base of tracking that begins with the function.
const functionStart sierra.StatementIdx = -1

// tracking is the distance of ap from a base: the function's start, or the statement after enable_ap_tracking.
type tracking struct {
	enabled  bool
	apChange int
	base     sierra.StatementIdx
}

// moved returns the tracking after ap has moved; known is false where by how much is not known.
func (t tracking) moved(known bool, n int) tracking {
	if !t.enabled || !known {
		return tracking{}
	}
	t.apChange += n
	return t
}

// frameState says how far the allocation of locals has come.
type frameState uint8

const (
	beforeAllocation frameState = iota
	allocating
	finalized
)

// frame is the locals of the function so far.
type frame struct {
	state     frameState
	allocated int
	start     int // allocating: ap's distance from the function's start at the first allocation
}

// mayAllocate reports whether ap is where locals can be allocated: at a known distance from the function's start that has not
// changed since the first one.
func (e *environment) mayAllocate() bool {
	t := e.tracking
	if !t.enabled || t.base != functionStart || e.frame.state == finalized {
		return false
	}
	return e.frame.state == beforeAllocation || t.apChange == e.frame.start
}

// allocLocal gives out cells after fp and returns the first one's offset.
func (e *environment) allocLocal(size int) int {
	if !e.mayAllocate() {
		refuse("alloc_local is not allowed at this point")
	}
	if e.frame.state == beforeAllocation {
		e.frame = frame{state: allocating, start: e.tracking.apChange}
	}
	at := e.frame.start + e.frame.allocated
	e.frame.allocated += size
	return at
}

// finalizeLocals ends the allocation and returns the number of cells that ap has to skip.
func (e *environment) finalizeLocals() int {
	if !e.mayAllocate() {
		refuse("finalize_locals is not allowed at this point")
	}
	e.frame = frame{state: finalized, allocated: e.frame.allocated}
	return e.frame.allocated
}
