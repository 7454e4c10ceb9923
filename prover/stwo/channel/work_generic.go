//go:build !amd64 || purego

package channel

// hasSearch is false, because this build has no vector code.
var hasSearch = false

func searchBlake16(start *[16]uint32, words *[10]uint32, first, count, mask uint32) uint32 {
	panic("channel: no vector code")
}

func searchBlakeM3116(start *[16]uint32, words *[10]uint32, first, count, mask uint32) uint32 {
	panic("channel: no vector code")
}
