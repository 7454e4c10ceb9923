package air

import (
	"hash/fnv"

	"github.com/starkd/starkd/prover/stwo/m31"
)

// Relation is a named multiset of tuples of base field elements. Components use tuples of it (multiplicity +m) and yield tuples
// (multiplicity -m); a proof shows that uses and yields cancel. A tuple stands in the LogUp argument as
//
//	⟨ID, v1, v2, …⟩ = ID + α·v1 + α²·v2 + … - z
type Relation struct {
	Name  string
	ID    m31.M31 // FNV-1a (32 bits) of Name, modulo P
	Arity int     // largest number of values of a tuple; missing ones at its end are 0
}

// NewRelation returns the relation with the given name and arity.
func NewRelation(name string, arity int) *Relation {
	h := fnv.New32a()
	h.Write([]byte(name))
	return &Relation{Name: name, ID: m31.New(uint64(h.Sum32())), Arity: arity}
}
