// Package rpc is the Starknet JSON-RPC of any chain that satisfies Backend: methods, their JSON forms, and subscriptions. Its transport is
// rpc/jsonrpc, and rpc/client is a client.
//
// The server speaks version 0.10.2 of the specification (github.com/starkware-libs/starknet-specs), and under /rpc/v0_9 version
// 0.9.0, without what came later. Parameters come by name or by position, requests alone or in batches. The judge of
// every answer and notification are the specification's OpenRPC documents: the tests validate each against its schema.
package rpc

// The versions of the specification that the server answers as.
const (
	SpecVersion   = "0.10.2"
	SpecVersion09 = "0.9.0"
)
