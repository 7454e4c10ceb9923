// Package rpc serves the Starknet JSON-RPC for any chain that implements Backend: the methods, their JSON forms, and subscriptions. Package
// rpc/jsonrpc is the transport, and rpc/client is a client.
//
// The server implements version 0.10.2 of the specification (github.com/starkware-libs/starknet-specs), and version 0.9.0 under /rpc/v0_9,
// without later additions. Parameters may be given by name or by position, and requests may be sent in batches. The tests validate every
// answer and notification against the schemas of the specification's OpenRPC documents.
package rpc

// The versions of the specification that the server implements.
const (
	SpecVersion   = "0.10.2"
	SpecVersion09 = "0.9.0"
)
