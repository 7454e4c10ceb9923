//go:build !linux

package main

// releaseBinary does nothing: only Linux says which pages of the executable are in memory.
func releaseBinary() {}
