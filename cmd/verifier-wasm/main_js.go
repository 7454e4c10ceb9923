// Command verifier-wasm is the verifier of proofs for a web page: starkd verify, as WebAssembly (GOOS=js GOARCH=wasm).
//
// It defines one global function, starkdVerify(bytes: Uint8Array, trust: string) -> string. The bytes are a proof's file; trust
// and the answer are JSON, and described by the types trust and answer. It is synchronous and takes about a second, so it
// belongs in a Web Worker; scripts/js/verify-wasm.mjs runs it under node.
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

// maxTrust is the longest trust in UTF-16 units. A genesis file holds the classes that a chain begins with.
const maxTrust = 64 << 20

func main() {
	js.Global().Set("starkdVerify", js.FuncOf(func(_ js.Value, args []js.Value) any {
		return respond(func() (*verdict, error) {
			data, trusted, err := arguments(args)
			if err != nil {
				return nil, &uncheckedError{err}
			}
			// A file may take 8 times its size and 64 MB. Memory that WebAssembly has grown to is never given back, so the garbage
			// collector is told to keep to that instead of letting the heap double.
			debug.SetMemoryLimit(7*int64(len(data)) + (48 << 20))
			return verify(data, trusted)
		})
	}))
	select {} // the page calls for as long as it lives
}

// arguments copies what a page hands over, which may be of any number and kind.
func arguments(args []js.Value) (data []byte, trusted string, err error) {
	if len(args) != 2 || !args[0].InstanceOf(js.Global().Get("Uint8Array")) || args[1].Type() != js.TypeString {
		return nil, "", errors.New("starkdVerify takes a Uint8Array and a string")
	}
	if n := args[0].Length(); n > stone.MaxProofJSON {
		return nil, "", fmt.Errorf("file of %d bytes, at most %d", n, stone.MaxProofJSON)
	}
	// A string primitive has no properties here; as an object it has a length.
	if n := js.Global().Get("Object").Invoke(args[1]).Length(); n > maxTrust {
		return nil, "", fmt.Errorf("trust of %d characters, at most %d", n, maxTrust)
	}
	data = make([]byte, args[0].Length())
	js.CopyBytesToGo(data, args[0])
	return data, args[1].String(), nil
}
