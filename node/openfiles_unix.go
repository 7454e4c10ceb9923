//go:build unix

package node

import "golang.org/x/sys/unix"

// openFiles returns the number of files that this process may open. Go raises the soft limit to the hard limit at the start.
func openFiles() uint64 {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 1024 // a common default
	}
	return uint64(limit.Cur)
}
