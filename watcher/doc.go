// Package watcher follows a chain without trusting its nodes: headers are verified by CometBFT's light client, blocks are
// fetched by height and checked against them, every block is replayed on the Cairo VM by a replica of the state machine and
// its outcome compared with the app hash that the validators signed; then the block's calls are run inside the program that
// is proved, the trace is proved, and the proof is stored with the witness that its check needs.
//
// Two cursors, both durable: the replica's height, and the newest block with a record in the proof store. Replaying never
// waits for proving. After a crash each goes on from its cursor; a proof that was being made is made again, and since it
// is a deterministic function of the block, storing it again changes nothing.
package watcher
