//go:build !js

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "verifier-wasm runs in a browser only (make wasm builds it); use starkd verify on this machine")
	os.Exit(2)
}
