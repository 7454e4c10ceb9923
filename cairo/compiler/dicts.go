package compiler

import (
	"math/big"

	"github.com/starkd/starkd/cairo/casm"
)

// The costs of squashing a dictionary: fixed, for each key, and for each further access to a key. Each access is charged
// as if its key were new; squashing refunds the difference.
var (
	squashFixed    = stepsRC(57, 3)
	squashKey      = stepsRC(46, 6)
	squashAccess   = stepsRC(9, 1)
	arenaAllocated = steps(8) // for the segment arena's finalization
)

// dictAccess is the number of cells of an access: key, previous value, new value.
const dictAccess = 3

// dictRows returns the rows of dictionaries with felt keys. A dictionary is a segment of accesses, filled by hints and
// verified by squashing.
func dictRows() map[string]row {
	return map[string]row{
		"felt252_dict_new":    {cost: costs(steps(9).add(arenaAllocated)), ap: aps(6), lower: lowerDictNew},
		"felt252_dict_squash": {cost: costs(squashFixed), ap: apIs(apUnknown), lower: lowerDictSquash},
		"felt252_dict_entry_get": {cost: costs(steps(1).add(squashKey)), ap: aps(0), lower: func(l *lowering) {
			var b builder
			dict := b.buffer(2, l.single(0))
			key := b.deref(l.single(1))
			b.hint(casm.Felt252DictEntryInit, of(dict, key), nil)
			b.write(dict, key)
			previous := b.next(dict)
			b.next(dict) // the new value is written when the entry is finalized
			l.build(&b, extra(int(squashKey.gas())), ends(of(dict), of(previous)))
		}},
		"felt252_dict_entry_finalize": {cost: costs(steps(1)), ap: aps(0), lower: func(l *lowering) {
			var b builder
			entry := b.buffer(0, l.single(0))
			v := b.deref(l.single(1))
			b.hint(casm.Felt252DictEntryUpdate, of(entry, v), nil)
			b.assert(v, b.at(entry, -1))
			l.build(&b, noUsage, ends(of(entry)))
		}},
		"squashed_felt252_dict_entries": {cost: free, ap: aps(0), lower: lowerIdentity},
	}
}

// lowerDictNew creates the next dictionary of the segment arena. The arena's state is in the three cells before the
// pointer: the segment of infos, the number of dictionaries and the number of squashed dictionaries.
func lowerDictNew(l *lowering) {
	var b builder
	arena := b.buffer(2, l.single(0))
	b.hint(casm.AllocFelt252Dict, of(arena), nil)
	infos := b.tempAt(arena, -3)
	n := b.tempAt(arena, -2)
	squashed := b.tempAt(arena, -1)
	b.write(arena, infos)
	b.write(arena, b.tempIs(b.sum(n, b.constant(1))))
	b.write(arena, squashed)
	offset := b.tempIs(b.product(n, b.constant(3)))
	info := b.tempIs(b.sum(infos, offset))
	l.build(&b, extra(int(arenaAllocated.gas())), ends(of(arena), of(b.at(info, 0))))
}

// squash is the code of felt252_dict_squash: a call of DestructDict, which calls SquashDict, which calls SquashDictInner
// once for each key. fixed, perKey and perAccess count steps, to be compared with the costs.
type squash struct {
	builder
	size, one cellVar // immediates, visible in all functions

	// arguments of SquashDict
	rc, start, end cellVar
	// arguments of SquashDictInner
	innerRC, innerStart, innerEndMinus1, key, remaining, squashedEnd, bigKeys cellVar

	fixed, perKey, perAccess int
}

// count adds the steps so far to a counter and resets them.
func (s *squash) count(to *int) {
	*to += s.steps
	s.steps = 0
}

func lowerDictSquash(l *lowering) {
	s := &squash{}
	results := s.destructDict(l)
	s.squashDict()
	s.squashDictInner()
	s.label("DONE")
	s.count(&s.fixed)
	if s.fixed != squashFixed.steps || s.perKey != squashKey.steps || s.perAccess != squashAccess.steps {
		reject("squashing takes %d, %d and %d steps, which differ from the costs", s.fixed, s.perKey, s.perAccess)
	}
	built := s.build(fallthroughLabel)
	cell := func(v cellVar) casm.Operand { return built.states[0].adjusted(results[v]) }
	l.finish(built.instructions, [][]casm.Operand{
		value(cell(0)), value(cell(1)), value(cell(2)), {cell(3), cell(4)},
	})
}

// destructDict pushes the arguments, calls DestructDict and writes the code of DestructDict. DestructDict finds the
// dictionary's number in the arena, records that it is squashed, squashes it and refunds the gas of repeated accesses.
func (s *squash) destructDict(l *lowering) (results []cellVar) {
	b := &s.builder
	arena := b.buffer(2, l.single(2))
	rc := b.buffer(0, l.single(0))
	gas := b.deref(l.single(1))
	dict := b.buffer(0, l.single(3))

	s.size = b.constant(dictAccess)
	infoSize := b.constant(3)
	s.one = b.constant(1)
	refund := b.constant(squashKey.gas() - squashAccess.gas())
	rc, gas, arena, dict = b.tempIs(rc), b.tempIs(gas), b.tempIs(arena), b.tempIs(dict)
	results = b.call("DestructDict", 5)
	b.jump("DONE")

	b.label("DestructDict")
	index, accesses := b.local(), b.local()
	b.hint(casm.GetSegmentArenaIndex, of(dict), of(index))
	infos := b.localIs(b.at(arena, -3))
	n := b.localIs(b.at(arena, -2))
	squashed := b.localIs(b.at(arena, -1))
	b.write(rc, index) // index < n
	nMinus1 := b.tempIs(b.difference(n, s.one))
	b.write(rc, b.tempIs(b.difference(nMinus1, index)))
	infoOffset := b.tempIs(b.product(index, infoSize))
	info := b.tempIs(b.sum(infos, infoOffset))
	b.assert(squashed, b.at(info, 2))
	b.assert(dict, b.at(info, 1))
	b.write(arena, infos)
	b.write(arena, n)
	b.write(arena, b.tempIs(b.sum(squashed, s.one)))
	s.rc = b.tempIs(rc)
	s.start = b.tempAt(info, 0)
	s.end = b.tempIs(dict)
	b.assert(accesses, b.difference(dict, s.start))
	r := b.call("SquashDict", 3)
	newRC, end, start := r[0], r[1], r[2]
	length := b.tempIs(b.difference(end, start))
	repeated := b.tempIs(b.difference(accesses, length))
	n = b.tempIs(b.quotient(repeated, s.size))
	back := b.tempIs(b.product(n, refund))
	b.tempIs(newRC)
	b.tempIs(b.sum(gas, back))
	b.tempIs(arena)
	b.tempIs(start)
	b.tempIs(end)
	b.ret()
	s.count(&s.fixed)
	return results
}

// squashDict writes SquashDict. Hints sort the keys; the code starts with the first key. An empty dictionary returns at
// once.
func (s *squash) squashDict() {
	b := &s.builder
	b.label("SquashDict")
	diff := b.localIs(b.difference(s.end, s.start))
	first, bigKeys, squashed := b.local(), b.local(), b.local()
	b.addAP(3)
	b.hint(casm.AllocSegment, nil, of(squashed))
	b.jumpIf(diff, "SquashDictNotEmpty")
	b.tempIs(s.rc)
	b.tempIs(squashed)
	b.tempIs(squashed)
	b.ret()
	b.steps = 0 // costs less than is charged

	b.label("SquashDictNotEmpty")
	n := b.tempIs(b.quotient(diff, s.size))
	b.hint(casm.InitSquashData, of(s.start, diff, n), of(bigKeys, first))
	rc := b.dup(s.rc)
	s.innerRC = b.temp()
	keep := [][2]cellVar{
		{s.innerRC, s.innerRC}, {s.start, s.start}, {s.end, s.end}, {squashed, squashed},
		{s.one, s.one}, {first, first}, {n, n}, {bigKeys, bigKeys},
	}
	b.jumpIf(bigKeys, "SquashDictIfBigKeys")
	b.write(rc, first)
	b.assert(s.innerRC, rc)
	b.rescope(keep...)
	b.jump("SquashDictEndIfBigKeys")
	b.label("SquashDictIfBigKeys")
	b.assert(s.innerRC, rc)
	b.rescope(keep...)
	b.label("SquashDictEndIfBigKeys")
	s.innerStart = b.tempIs(s.start)
	s.innerEndMinus1 = b.tempIs(b.difference(s.end, s.one))
	s.key = b.tempIs(first)
	s.remaining = b.tempIs(n)
	s.squashedEnd = b.tempIs(squashed)
	s.bigKeys = b.tempIs(bigKeys)
	b.call("SquashDictInner", 2)
	b.tempIs(squashed)
	b.ret()
	s.count(&s.fixed)
}

// squashDictInner writes SquashDictInner. It visits the accesses to one key, which must be in order and each start from
// the value that the previous access left, and continues with the next key, which must be larger.
func (s *squash) squashDictInner() {
	b := &s.builder
	b.label("SquashDictInner")
	size := b.constant(dictAccess)
	zero := b.constant(0)
	one := b.constant(1)
	nextKey, newRemaining := b.local(), b.local()
	dictDiff := b.dup(s.squashedEnd)
	b.hint(casm.GetCurrentAccessIndex, of(s.innerRC), nil)
	index := b.tempAt(s.innerRC, 0)
	delta := b.tempIs(b.product(index, size))
	firstValue, skip := b.temp(), b.temp()
	access := b.tempIs(b.sum(s.innerStart, delta))
	first := b.dup(access)
	lastValue := b.tempAt(first, 2)
	lastRC := b.tempIs(b.sum(s.innerRC, one))
	b.assert(s.key, b.at(first, 0))
	b.assert(s.key, b.at(dictDiff, 0))
	b.assert(firstValue, b.at(first, 1))
	b.assert(firstValue, b.at(dictDiff, 1))
	b.assert(firstValue, zero)
	b.hint(casm.ShouldSkipSquashLoop, nil, of(skip))
	same := func(vars ...cellVar) (pairs [][2]cellVar) {
		for _, v := range vars {
			pairs = append(pairs, [2]cellVar{v, v})
		}
		return pairs
	}
	b.rescope(same(s.innerStart, access, lastValue, lastRC, skip, one, size, s.key, s.innerEndMinus1, s.innerRC,
		dictDiff, s.bigKeys, s.remaining, s.squashedEnd, nextKey, newRemaining)...)
	s.count(&s.perKey)
	// The prover may choose to skip the loop: the final check of the number of accesses detects missing ones.
	b.jumpIf(skip, "SquashDictInnerSkipLoop")

	// The loop visits further accesses to the key.
	size = b.constant(dictAccess)
	one = b.constant(1)
	b.label("SquashDictInnerLoop")
	indexMinus1, indexDelta, ptrDelta, more := b.temp(), b.temp(), b.temp(), b.temp()
	loopAccess, loopValue, loopRC := b.temp(), b.temp(), b.temp()
	b.hint(casm.GetCurrentAccessDelta, nil, of(indexMinus1))
	b.assert(indexMinus1, b.at(lastRC, 0))
	b.assert(indexDelta, b.sum(indexMinus1, one))
	b.assert(ptrDelta, b.product(indexDelta, size))
	b.assert(loopAccess, b.sum(access, ptrDelta))
	b.assert(lastValue, b.at(loopAccess, 1))
	b.assert(loopValue, b.at(loopAccess, 2))
	b.assert(s.key, b.at(loopAccess, 0))
	b.assert(loopRC, b.sum(lastRC, one))
	b.hint(casm.ShouldContinueSquashLoop, nil, of(more))
	b.rescope(append(same(s.innerStart, more, s.key, s.innerEndMinus1, s.innerRC, dictDiff, s.squashedEnd, s.bigKeys,
		s.remaining, nextKey, newRemaining), [2]cellVar{access, loopAccess}, [2]cellVar{lastValue, loopValue}, [2]cellVar{lastRC, loopRC})...)
	s.count(&s.perAccess)
	b.jumpIf(more, "SquashDictInnerLoop")

	b.label("SquashDictInnerSkipLoop")
	slack := b.tempIs(b.difference(s.innerEndMinus1, access))
	b.assert(slack, b.at(lastRC, 0))
	used := b.tempIs(b.difference(lastRC, s.innerRC))
	b.assert(lastValue, b.at(dictDiff, 2))
	one = b.constant(1)
	rc := b.sum(lastRC, one)
	b.assert(newRemaining, b.difference(s.remaining, used))
	s.count(&s.perKey)
	b.jumpIf(newRemaining, "SquashDictInnerContinueRecursion")
	b.tempIs(rc)
	size = b.constant(dictAccess)
	b.tempIs(b.sum(s.squashedEnd, size))
	b.ret()
	s.count(&s.fixed)

	b.label("SquashDictInnerContinueRecursion")
	b.hint(casm.GetNextDictKey, nil, of(nextKey))
	b.jumpIf(s.bigKeys, "SquashDictInnerIfBigKeys")
	keyPlus1 := b.tempIs(b.sum(s.key, one))
	keyDiff := b.tempIs(b.difference(nextKey, keyPlus1))
	b.write(rc, keyDiff)
	s.pushAligned(rc, nextKey, newRemaining)
	b.jump("SquashDictInnerEndIfBigKeys")
	b.label("SquashDictInnerIfBigKeys")
	b.feltLess(rc, s.key, nextKey)
	s.pushAligned(rc, nextKey, newRemaining)
	b.label("SquashDictInnerEndIfBigKeys")
	size = b.constant(dictAccess)
	b.tempIs(b.sum(s.squashedEnd, size))
	b.tempIs(s.bigKeys)
	b.call("SquashDictInner", 0)
	b.ret()
	s.count(&s.perKey)
}

// pushAligned pushes the first arguments of the recursive call. It runs on each of two paths on which ap has moved
// differently.
func (s *squash) pushAligned(rc, nextKey, newRemaining cellVar) {
	b := &s.builder
	b.tempIs(rc)
	b.tempIs(s.innerStart)
	b.tempIs(s.innerEndMinus1)
	b.tempIs(nextKey)
	b.tempIs(newRemaining)
	b.rescope([2]cellVar{s.squashedEnd, s.squashedEnd}, [2]cellVar{s.bigKeys, s.bigKeys})
}

// feltLess checks x < y as integers below the prime P. The arcs are from 0 to x, from x to y, and from y to P - 1. Two of
// them are short, one below P/3 and one below P/2, so their sum does not wrap around; sum and product show which two arcs
// they are.
func (b *builder) feltLess(rc, x, y cellVar) {
	b.jumpIf(b.tempIs(b.difference(x, y)), "AssertLtFelt252Continue")
	b.fail()
	b.label("AssertLtFelt252Continue")

	one, minus1 := b.constant(1), b.constant(-1)
	overThree, _ := new(big.Int).SetString("3544607988759775765608368578435044694", 10) // ceil(P/3 / 2^128)
	overTwo, _ := new(big.Int).SetString("5316911983139663648412552867652567041", 10)   // ceil(P/2 / 2^128)
	primeOver3, primeOver2 := b.big(overThree), b.big(overTwo)
	b.hint(casm.AssertLeFindSmallArcs, of(rc, x, y), nil)
	arc := func(prime cellVar) cellVar {
		low := b.tempNext(rc)
		high := b.tempIs(b.product(b.tempNext(rc), prime))
		return b.tempIs(b.sum(low, high))
	}
	short, long := arc(primeOver3), arc(primeOver2)
	sum := b.tempIs(b.sum(short, long))
	product := b.tempIs(b.product(short, long))
	skip := b.temp()
	b.hint(casm.AssertLeIsFirstArcExcluded, nil, of(skip))
	b.jumpIf(skip, "AssertLeFelt252SkipExcludeA")
	// The arcs are y - x and -y - 1.
	minusX := b.tempIs(b.product(x, minus1))
	b.assert(sum, b.sum(minusX, minus1))
	diff := b.tempIs(b.difference(x, y))
	yPlus1 := b.tempIs(b.sum(y, one))
	b.assert(product, b.product(diff, yPlus1))
	b.jump("EndOfFelt252Le")

	b.label("AssertLeFelt252SkipExcludeA")
	skip = b.temp()
	b.hint(casm.AssertLeIsSecondArcExcluded, nil, of(skip))
	b.jumpIf(skip, "AssertLeFelt252SkipExcludeBMinusA")
	// The arcs are x and -y - 1.
	minusY := b.tempIs(b.product(y, minus1))
	minusYMinus1 := b.tempIs(b.sum(minusY, minus1))
	b.assert(sum, b.sum(x, minusYMinus1))
	b.assert(product, b.product(x, minusYMinus1))
	b.jump("EndOfFelt252Le")

	b.label("AssertLeFelt252SkipExcludeBMinusA")
	b.temp()
	// The arcs are x and y - x.
	b.assert(sum, y)
	diff = b.tempIs(b.difference(y, x))
	b.assert(product, b.product(x, diff))
	b.label("EndOfFelt252Le")
}
