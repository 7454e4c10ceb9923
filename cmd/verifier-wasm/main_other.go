//go:build !js

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "verifier-wasm runs in a browser: make wasm builds it; on this machine there is starkd verify")
	os.Exit(2)
}
