// Package constraints is the Cairo AIR as a verifier needs it: for each component the columns, constraints and lookups, without the rules that
// fill the columns. It is generated from the definitions in package cairoair, which takes ten times as much code and time to build: a test
// compares the file with the definitions, and `go test -update` rewrites it.
//
// A verifier in a browser contains this package and not cairoair.
package constraints

import (
	_ "embed"
	"sync"

	"github.com/starkd/starkd/prover/stwo/air"
)

// Component is a component of the Cairo AIR.
type Component struct {
	*air.Component

	Step bool // a row is a step of the machine
	// Fixed is set if the number of rows is always the same, LogSize.
	Fixed bool
	// SegmentStart is set if the parameter is the first address of a builtin's segment, FirstID if it is the number of ids in the tables of the
	// component before this one.
	SegmentStart, FirstID bool
}

//go:embed constraints.bin
var encoded []byte

// All returns the components in claim order, which is the order of their columns, claims and constraints in a proof.
var All = sync.OnceValue(func() []*Component { return decode(encoded) })

// ByName returns the component with the given name, or nil.
func ByName(name string) *Component { return byName()[name] }

var byName = sync.OnceValue(func() map[string]*Component {
	m := map[string]*Component{}
	for _, c := range All() {
		m[c.Name] = c
	}
	return m
})

// flags are the members of a component that the file has in one number.
const (
	flagStep = 1 << iota
	flagFixed
	flagSegmentStart
	flagFirstID
)

// decode reads the file: the names and arities of the relations, then the components.
func decode(b []byte) []*Component {
	r := air.NewReader(b)
	relations := make([]*air.Relation, r.Number())
	for i := range relations {
		name := r.Text()
		relations[i] = air.NewRelation(name, r.Number())
	}
	all := make([]*Component, r.Number())
	for i := range all {
		flags := r.Number()
		c := &Component{Step: flags&flagStep != 0, Fixed: flags&flagFixed != 0, SegmentStart: flags&flagSegmentStart != 0, FirstID: flags&flagFirstID != 0}
		c.Component = r.Component(relations)
		all[i] = c
	}
	return all
}
