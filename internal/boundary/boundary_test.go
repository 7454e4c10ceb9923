package boundary

import (
	"math/big"
	"slices"
	"testing"
)

func names(side Side) (list []string) {
	for _, r := range Rules {
		if r.Sides&side != 0 {
			list = append(list, r.Name)
		}
	}
	return list
}

// TestNeighbours checks that the two values of every rule differ by one, and that rules have unique names, a side and a source.
func TestNeighbours(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Rules {
		gap := new(big.Int).Sub(r.FirstBad, r.LastGood)
		if gap.CmpAbs(big.NewInt(1)) != 0 {
			t.Errorf("%s: %v and %v are not neighbours", r.Name, r.LastGood, r.FirstBad)
		}
		if seen[r.Name] || r.Sides == 0 || r.Source == "" {
			t.Errorf("%s: named twice, or without a side or a source", r.Name)
		}
		seen[r.Name] = true
	}
}

// TestUnmatched checks that Unmatched reports a missing rule, an unknown name and a rule of another side.
func TestUnmatched(t *testing.T) {
	for _, side := range []Side{Executor, Statement, App} {
		all := names(side)
		if errs := Unmatched(side, all); len(errs) != 0 {
			t.Errorf("side %d: %v", side, errs)
		}
		if errs := Unmatched(side, slices.Clone(all[1:])); len(errs) != 1 {
			t.Errorf("side %d: a rule left out gives %v", side, errs)
		}
		if errs := Unmatched(side, append(slices.Clone(all), "no such rule")); len(errs) != 1 {
			t.Errorf("side %d: an unknown name gives %v", side, errs)
		}
	}
	if errs := Unmatched(Executor, append(names(Executor), "deploy_from_zero")); len(errs) != 1 {
		t.Errorf("deploy_from_zero is a rule of the statement only, got %v", errs)
	}
}
