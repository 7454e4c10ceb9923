// Command verifier-wasm verifies proofs in a web page: it is starkd verify compiled to WebAssembly (GOOS=js GOARCH=wasm).
//
// It defines one global function, starkdVerify(bytes: Uint8Array, trust: string) -> string. bytes is the content of a proof file. trust and
// the result are JSON, described by the types trust and answer. The function is synchronous and takes about a second, so it should run in a
// Web Worker. scripts/js/verify-wasm.mjs runs it in node.
//
//	starkdVerify(file, JSON.stringify({genesis, tx: "0x…"}))
package main

import (
	"errors"
	"fmt"
	"runtime/debug"
	"syscall/js"

	"github.com/starkd/starkd/prover/stone"
)

// maxTrust is the greatest length of trust in UTF-16 units. It is large because a genesis file contains classes.
const maxTrust = 64 << 20

func main() {
	js.Global().Set("starkdVerify", js.FuncOf(func(_ js.Value, args []js.Value) any {
		return respond(func() (*verdict, error) {
			data, trusted, err := arguments(args)
			if err != nil {
				return nil, &uncheckedError{err}
			}
			// Verification may use 64 MB and 8 times the size of the file. WebAssembly never returns memory, so the limit makes the
			// garbage collector keep below that bound instead of letting the heap double.
			debug.SetMemoryLimit(stone.MemoryLimit(len(data)))
			return verify(data, trusted)
		})
	}))
	select {} // the page may call until it is closed
}

// arguments copies the arguments of a call. It accepts any number and type, and returns an error for wrong ones.
func arguments(args []js.Value) (data []byte, trusted string, err error) {
	if len(args) != 2 || !args[0].InstanceOf(js.Global().Get("Uint8Array")) || args[1].Type() != js.TypeString {
		return nil, "", errors.New("starkdVerify takes a Uint8Array and a string")
	}
	if n := args[0].Length(); n > stone.MaxProofJSON {
		return nil, "", fmt.Errorf("file of %d bytes, at most %d", n, stone.MaxProofJSON)
	}
	// syscall/js reads the length of an object, not that of a string primitive.
	if n := js.Global().Get("Object").Invoke(args[1]).Length(); n > maxTrust {
		return nil, "", fmt.Errorf("trust of %d characters, at most %d", n, maxTrust)
	}
	data = make([]byte, args[0].Length())
	js.CopyBytesToGo(data, args[0])
	return data, args[1].String(), nil
}
