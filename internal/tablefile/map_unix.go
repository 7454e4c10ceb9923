//go:build unix

package tablefile

import (
	"os"

	"golang.org/x/sys/unix"
)

// mapFile maps the first size bytes of f. Writes to the file are seen in the memory.
func mapFile(f *os.File, size int64) ([]byte, error) {
	return unix.Mmap(int(f.Fd()), 0, int(size), unix.PROT_READ, unix.MAP_SHARED)
}

func unmap(data []byte) error { return unix.Munmap(data) }
