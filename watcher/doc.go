// Package watcher follows a chain without trusting its nodes, and proves its blocks. For each block, the watcher
//
//  1. verifies the signed headers with CometBFT's light client,
//  2. fetches the block by height and checks it against the headers,
//  3. executes it on the Cairo VM in a replica of the application, and compares the result with the signed app hash,
//  4. runs its calls in the OS program, proves the trace, and verifies the proof,
//  5. stores the proof with the witness that a verifier needs.
//
// There are two durable cursors: the height of the replica, and the height up to which the proof store has handled all blocks. Execution
// never waits for proving. After a crash each continues from its cursor. A proof that was interrupted is made again, but workers of a pool go on with theirs,
// and the next run of the watcher takes the proofs of the former one's jobs (pool.go).
package watcher
