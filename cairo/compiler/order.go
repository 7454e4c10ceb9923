package compiler

import "github.com/starkd/starkd/cairo/sierra"

// childrenFunc appends a statement's children to a slice.
type childrenFunc func(sierra.StatementIdx, []sierra.StatementIdx) []sierra.StatementIdx

// reverseTopological orders the statements 0 … n-1 so that each comes after its children, in the order of a depth-first
// search from each statement in turn. With findCycles a cycle is an error; otherwise the order within a cycle is
// arbitrary but deterministic.
func reverseTopological(n int, findCycles bool, children childrenFunc) ([]sierra.StatementIdx, error) {
	const (
		notStarted = iota
		inProgress
		done
	)
	var (
		order  = make([]sierra.StatementIdx, 0, n)
		status = make([]uint8, n)
		stack  []sierra.StatementIdx
		buffer []sierra.StatementIdx
	)
	for root := range n {
		stack = append(stack[:0], sierra.StatementIdx(root))
		for len(stack) > 0 {
			idx := stack[len(stack)-1]
			switch status[idx] {
			case notStarted:
				status[idx] = inProgress
				buffer = children(idx, buffer[:0])
				for _, child := range buffer {
					if status[child] == inProgress && findCycles {
						return nil, errorf(codeGas, child, "the cost depends on itself")
					}
					if status[child] == notStarted {
						stack = append(stack, child)
					}
				}
				continue
			case inProgress:
				status[idx] = done
				order = append(order, idx)
			}
			stack = stack[:len(stack)-1]
		}
	}
	return order, nil
}
