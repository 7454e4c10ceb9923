//go:build !amd64 || purego

package circle

import "testing"

func eachWidth(t *testing.T, test func(t *testing.T)) { test(t) }
