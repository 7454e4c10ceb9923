//go:build unix

package node

import "golang.org/x/sys/unix"

// openFiles is how many files this process may open. Go has raised the soft limit to the hard one when the process began.
func openFiles() uint64 {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 1024 // the least that systems give
	}
	return uint64(limit.Cur)
}
