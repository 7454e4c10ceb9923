package resident

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// ReleaseBinary takes the executable's code and constants out of the process's resident memory. The initialisation of the node's packages
// reads most of them (40 MB), a run of a Cairo program needs few. The kernel keeps the pages in its file cache and maps those that are used
// again. It does nothing if /proc cannot be read.
func ReleaseBinary() {
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	text, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return
	}
	for _, m := range cleanMappings(text, exe) {
		// The kernel rejects a range that is not mapped; then the pages stay.
		_, _, _ = syscall.RawSyscall(syscall.SYS_MADVISE, m.start, m.end-m.start, syscall.MADV_DONTNEED)
	}
}

// mapping is a range of addresses.
type mapping struct{ start, end uintptr }

// cleanMappings returns the read-only mappings of the file path in text, the content of /proc/self/smaps. It omits those in which the process
// has changed a page (an anonymous one), because such a page cannot be read again from the file.
func cleanMappings(text []byte, path string) []mapping {
	var list []mapping
	var current mapping
	readOnly := false
	for line := range bytes.Lines(text) {
		var perms, offset, device, name string
		var inode, size uint64
		var m mapping
		if n, _ := fmt.Sscanf(string(line), "%x-%x %s %s %s %d %s", &m.start, &m.end, &perms, &offset, &device, &inode, &name); n >= 6 {
			current, readOnly = m, strings.HasPrefix(perms, "r-") && name == path
			continue
		}
		if rest, ok := bytes.CutPrefix(line, []byte("Anonymous:")); ok && readOnly {
			if n, _ := fmt.Sscanf(string(rest), "%d kB", &size); n == 1 && size == 0 {
				list = append(list, current)
			}
		}
	}
	return list
}
