package stwo

import (
	"errors"
	"fmt"

	"github.com/starkd/starkd/prover/stwo/air"
	"github.com/starkd/starkd/prover/stwo/pcs"
)

// columns returns the columns of each tree, and for each table of the claim the numbers of the preprocessed columns that it reads.
func (p *Proof) columns() (columns [trees][]pcs.Column, reads [][]int, err error) {
	if len(p.Claim.Tables) == 0 {
		return columns, nil, errors.New("stwo: a claim without tables")
	}
	at := map[string]int{}
	for i, c := range p.Preprocessed.Columns() {
		columns[0] = append(columns[0], pcs.Column{Log: c.LogSize})
		at[c.ID] = i
	}
	largest := 0
	for _, t := range p.Claim.Tables {
		c := t.Component
		var read []int
		for _, id := range c.Preprocessed {
			if id == air.RowNumber {
				id = fmt.Sprintf("seq_%d", t.LogSize)
			}
			i, ok := at[id]
			if !ok {
				return columns, nil, fmt.Errorf("stwo: %s of 2^%d rows needs the column %s, which the preprocessed trace %v lacks", t.Component.Name, t.LogSize, id, p.Preprocessed)
			}
			columns[0][i].Sampling = pcs.AtPoint
			read = append(read, i)
		}
		reads = append(reads, read)
		for range c.Columns {
			columns[1] = append(columns[1], pcs.Column{Log: t.LogSize, Sampling: pcs.AtPoint})
		}
		n := c.InteractionColumns()
		for i := range n {
			sampling := pcs.AtPoint
			if i >= n-4 {
				sampling = pcs.AtPreviousAndPoint // of the running sum
			}
			columns[2] = append(columns[2], pcs.Column{Log: t.LogSize, Sampling: sampling})
		}
		largest = max(largest, t.LogSize)
	}
	config := &p.STARK.Config
	for range pcs.CompositionColumns {
		columns[3] = append(columns[3], pcs.Column{Log: config.LogDomain(largest) - int(config.LogBlowup), Sampling: pcs.AtPoint})
	}
	return columns, reads, nil
}
