// Package bytesize reads amounts of memory as people write them: 2GiB, 512MiB, 1000000.
package bytesize

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// units are the units of Parse. A unit without i is a power of 1000.
var units = []struct {
	name  string
	bytes uint64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12},
	{"B", 1},
}

// Parse returns the number of bytes that text says: a whole number and a unit of the list above, or bytes without a unit. It must be below 2^63.
func Parse(text string) (int64, error) {
	number, unit := text, uint64(1)
	for _, u := range units {
		if n, ok := strings.CutSuffix(text, u.name); ok {
			number, unit = n, u.bytes
			break
		}
	}
	n, err := strconv.ParseUint(strings.TrimRight(number, " "), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("bytesize: %.40q is not a whole number with a unit such as MiB or GiB", text)
	}
	if n > math.MaxInt64/unit {
		return 0, fmt.Errorf("bytesize: %.40q is more than 2^63 bytes", text)
	}
	return int64(n * unit), nil
}
