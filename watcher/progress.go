package watcher

import (
	"fmt"
	"math"
	"sync"
	"time"
)

// progress is how far the current proof is, and what former proofs tell about its duration. Its functions may be called by several goroutines.
type progress struct {
	mu           sync.Mutex
	first, last  uint64 // blocks of the current batch; 0 if nothing is proved
	transactions int    // of the current part
	steps        uint64 // of the current part
	text         string // the stage
	begun        time.Time

	perWeight float64 // steps for each unit of weight, 0 before the first batch
	perStep   float64 // seconds for each step of a proof, 0 before the first proof
	fixed     float64 // seconds of the shortest proof
}

// begin says that the proof of a part of a batch begins.
func (p *progress) begin(b *batch, part *part) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.first, p.last = b.blocks[0].height, b.blocks[len(b.blocks)-1].height
	p.transactions, p.steps, p.text, p.begun = len(part.transactions), part.steps, "begins", time.Now()
}

// stage says that a stage of the proof begins.
func (p *progress) stage(name string, number, total int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.text = fmt.Sprintf("%s (%d of %d)", name, number+1, total)
}

// end says that the proof of a part is made.
func (p *progress) end(part *part) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.first, p.last, p.text, p.transactions, p.steps = 0, 0, "", 0, 0
	took := part.took.Seconds()
	if p.fixed == 0 || took < p.fixed {
		p.fixed = took
	}
	p.perStep = mean(p.perStep, took/float64(max(part.steps, 1)))
}

// measured says how many steps the runs of a batch of a weight took.
func (p *progress) measured(weight, steps uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if weight > 0 {
		p.perWeight = mean(p.perWeight, float64(steps)/float64(weight))
	}
}

// mean returns the mean of values in which the newest counts a third.
func mean(before, v float64) float64 {
	if before == 0 {
		return v
	}
	return (2*before + v) / 3
}

// stepsPerWeight returns how many steps of the OS program a unit of weight takes. It is a little more than measured, because a batch that does not fit
// is run twice.
func (p *progress) stepsPerWeight() float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.perWeight == 0 {
		return 2
	}
	return max(1.05*p.perWeight, 0.1)
}

// status writes the progress to a status.
func (p *progress) status(s *Status) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.text == "" {
		return
	}
	s.Proving, s.ProvingLast, s.ProvingStage, s.ProvingTransactions, s.ProvingSteps = int64(p.first), p.last, p.text, p.transactions, p.steps
	if p.perStep > 0 {
		left := max(p.fixed, p.perStep*float64(p.steps)) - time.Since(p.begun).Seconds()
		s.ProvingSecondsLeft = int64(math.Ceil(max(left, 0)))
	}
	s.Progress = fmt.Sprintf("proving block %d of %d: %s", p.first, s.Height, p.text)
	if p.last > p.first {
		s.Progress = fmt.Sprintf("proving blocks %d to %d of %d: %s", p.first, p.last, s.Height, p.text)
	}
	if s.ProvingSecondsLeft > 0 {
		s.Progress += fmt.Sprintf(", %d s left", s.ProvingSecondsLeft)
	}
}
