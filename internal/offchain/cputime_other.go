//go:build !linux

package offchain

import "time"

// threadTime is not known here.
func threadTime() time.Duration { return 0 }
