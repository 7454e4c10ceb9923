//go:build !linux

package offchain

import "time"

// threadTime returns 0: the processor time of a thread is not known on this system.
func threadTime() time.Duration { return 0 }
