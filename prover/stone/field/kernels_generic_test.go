//go:build !amd64 || purego

package field

import "testing"

func scalarOnly(*testing.T) {}
