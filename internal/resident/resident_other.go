//go:build !linux

package resident

// ReleaseBinary does nothing: only Linux says which pages of the executable are in memory.
func ReleaseBinary() {}
