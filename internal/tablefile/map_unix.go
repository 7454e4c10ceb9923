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

// unmapPages takes the pages of data out of this process. They stay in the system's cache, from which they are mapped again when they are read.
func unmapPages(data []byte) { unix.Madvise(data, unix.MADV_DONTNEED) }

// mapped says whether mapFile maps.
const mapped = true
