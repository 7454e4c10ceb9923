// The worker that verifies: it loads the verifier, Go compiled to WebAssembly, and hands it one proof at a time. What is proved
// is decided in there; this file only carries bytes.
import './wasm_exec.js';

let loaded;

/** load starts the verifier, whose main function registers starkdVerify and then waits. */
async function load() {
  const response = await fetch('/assets/verifier.wasm');
  if (!response.ok) throw new Error(`verifier.wasm: status ${response.status}`);
  const go = new globalThis.Go();
  const { instance } = await WebAssembly.instantiateStreaming(response, go.importObject);
  const ended = go.run(instance).then(() => { throw new Error('the verifier ended by itself'); });
  ended.catch(() => {}); // told by whoever waits below, or by the next call
  for (let waited = 0; typeof globalThis.starkdVerify !== 'function'; waited += 10) {
    if (waited > 30_000) throw new Error('the verifier does not start');
    await Promise.race([ended, new Promise((resolve) => { setTimeout(resolve, 10); })]);
  }
}

self.onmessage = async ({ data }) => {
  try {
    self.postMessage({ stage: 'loading' });
    await (loaded ??= load());
    self.postMessage({ stage: 'verifying' });
    const answer = globalThis.starkdVerify(data.bytes, data.trust);
    // A verifier that has ended, for want of memory, gives none.
    if (typeof answer !== 'string') throw new Error('the verifier ended without an answer');
    self.postMessage({ answer });
  } catch (error) {
    loaded = undefined;
    self.postMessage({ failure: String(error?.message ?? error) });
  }
};
