//go:build !unix

package tablefile

import "os"

// mapFile reads the first size bytes of f.
func mapFile(f *os.File, size int64) ([]byte, error) {
	data := make([]byte, size)
	_, err := f.ReadAt(data, 0)
	return data, err
}

func unmap([]byte) error { return nil }

// unmapPages does nothing, because the data is not mapped.
func unmapPages([]byte) {}

// mapped says whether mapFile maps.
const mapped = false
