package stwo

import (
	"fmt"

	"github.com/starkd/starkd/prover/stwo/pcs"
)

// columnLogSizes returns log2 of the sizes of the columns of each tree: preprocessed, base and interaction columns, composition.
func (p *Proof) columnLogSizes() (sizes [trees][]int, err error) {
	for _, c := range preprocessedColumns(p.Preprocessed) {
		sizes[0] = append(sizes[0], c.logSize)
	}
	largest := 0
	for _, t := range p.Claim.Tables {
		c := t.Kind.component()
		if c == nil {
			return sizes, fmt.Errorf("stwo: the component %s is not known", t.Kind.Name)
		}
		for range len(c.Columns) {
			sizes[1] = append(sizes[1], t.LogSize)
		}
		for range c.InteractionColumns() {
			sizes[2] = append(sizes[2], t.LogSize)
		}
		largest = max(largest, t.LogSize)
	}
	c := &p.STARK.Config
	for range pcs.CompositionColumns {
		sizes[3] = append(sizes[3], c.LogDomain(largest)-int(c.LogBlowup))
	}
	return sizes, nil
}
