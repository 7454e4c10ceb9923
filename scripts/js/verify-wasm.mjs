// Runs the browser's verifier in Node.
//
//   node verify-wasm.mjs DIR PROOF [GENESIS] [TRUST]   verify one file; prints the answer
//   node verify-wasm.mjs DIR < JOBS                    verify many; prints a JSON array of answers
//
// DIR holds verifier.wasm and wasm_exec.js, which `make wasm` writes to explorer/assets. TRUST is JSON, see the type trust in
// cmd/verifier-wasm; the file GENESIS is added to it. JOBS is a JSON array of {proof, genesis, trust, edits}, where edits are
// changes [[offset, byte], …] of the proof's bytes, or of {args}, the function's arguments.
import fs from 'node:fs';
import path from 'node:path';
import vm from 'node:vm';

const [dir, proof, genesis, trust] = process.argv.slice(2);
if (!dir) throw new Error('usage: node verify-wasm.mjs DIR [PROOF [GENESIS] [TRUST]]');

// wasm_exec.js is a classic script: it defines the global Go.
vm.runInThisContext(fs.readFileSync(path.join(dir, 'wasm_exec.js'), 'utf8'));
const go = new globalThis.Go();
const { instance } = await WebAssembly.instantiate(fs.readFileSync(path.join(dir, 'verifier.wasm')), go.importObject);
go.run(instance); // never returns: it waits for calls

function judge(job) {
  if (job.args) return JSON.parse(globalThis.starkdVerify(...job.args));
  const bytes = new Uint8Array(fs.readFileSync(job.proof));
  for (const [offset, byte] of job.edits ?? []) bytes[offset] = byte;
  const trusted = { ...job.trust };
  if (job.genesis) trusted.genesis = JSON.parse(fs.readFileSync(job.genesis, 'utf8'));
  return JSON.parse(globalThis.starkdVerify(bytes, JSON.stringify(trusted)));
}

if (proof) {
  console.log(JSON.stringify(judge({ proof, genesis, trust: trust ? JSON.parse(trust) : {} }), null, 2));
} else {
  console.log(JSON.stringify(JSON.parse(fs.readFileSync(0, 'utf8')).map(judge)));
}
process.exit(0);
