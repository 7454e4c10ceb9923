// The worker that verifies. It loads the verifier, Go compiled to WebAssembly, and passes it one proof at a time. It checks nothing itself.
import './wasm_exec.js';

let loaded;

/** load starts the verifier, whose main function registers starkdVerify and then waits. */
async function load() {
  const response = await fetch('/assets/verifier.wasm');
  if (!response.ok) throw new Error(`verifier.wasm: status ${response.status}`);
  const go = new globalThis.Go();
  const { instance } = await WebAssembly.instantiateStreaming(response, go.importObject);
  const ended = go.run(instance).then(() => { throw new Error('the verifier ended by itself'); });
  ended.catch(() => {}); // the race below reports it, or the next call
  for (let waited = 0; typeof globalThis.starkdVerify !== 'function'; waited += 10) {
    if (waited > 30_000) throw new Error('the verifier did not start within 30 s');
    await Promise.race([ended, new Promise((resolve) => { setTimeout(resolve, 10); })]);
  }
}

self.onmessage = async ({ data }) => {
  try {
    self.postMessage({ stage: 'loading' });
    await (loaded ??= load());
    self.postMessage({ stage: 'verifying' });
    const answer = globalThis.starkdVerify(data.bytes, data.trust);
    // A verifier that ran out of memory has ended and returns nothing.
    if (typeof answer !== 'string') throw new Error('the verifier ended without an answer');
    self.postMessage({ answer });
  } catch (error) {
    loaded = undefined;
    self.postMessage({ failure: String(error?.message ?? error) });
  }
};
