package native

import "math/rand/v2"

// Garble overwrites the heaps of all instances that wait for their next run with random bytes, and returns how many there are.
func (e *Engine) Garble(r *rand.Rand) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := 0
	for _, cl := range e.classes {
		for _, in := range cl.free {
			b, _ := in.mem.Read(uint32(cl.heap), in.mem.Size()-uint32(cl.heap))
			for i := range b {
				b[i] = byte(r.Uint32())
			}
			n++
		}
	}
	return n
}
