// The page's side of the worker that verifies. The worker is kept after its first use, so that the verifier is loaded once.

// With trusted types a worker can only start from an address that a policy makes. This policy allows one address.
const scripts = globalThis.trustedTypes?.createPolicy('starkd', {
  createScriptURL(url) {
    if (url !== '/assets/worker.js') throw new TypeError(`no worker at ${url}`);
    return url;
  },
});

let worker;

/** stop ends a verification by ending the worker, because WebAssembly cannot be interrupted. */
export function stop() {
  worker?.terminate();
  worker = undefined;
}

/**
 * verify verifies a proof in the worker and returns the verifier's answer. It transfers bytes to the worker, so the caller cannot use them any
 * more. It calls onStage with 'loading' and 'verifying'. signal cancels it.
 */
export async function verify(bytes, trust, onStage, signal) {
  signal.throwIfAborted();
  worker ??= new Worker(scripts ? scripts.createScriptURL('/assets/worker.js') : '/assets/worker.js', { type: 'module', name: 'verifier' });
  const used = worker;
  const settled = new AbortController(); // a later abort of signal does not end the worker
  return new Promise((resolve, reject) => {
    const fail = (error) => {
      stop();
      reject(error);
    };
    signal.addEventListener('abort', () => fail(new DOMException('cancelled', 'AbortError')), { signal: settled.signal });
    used.onerror = (event) => fail(new Error(`the verifier cannot run: ${event.message ?? 'it could not be loaded'}`));
    used.onmessage = ({ data }) => {
      if (data.stage) onStage(data.stage, data);
      else if (data.failure) fail(new Error(data.failure));
      else resolve(JSON.parse(data.answer));
    };
    used.postMessage({ bytes, trust: JSON.stringify(trust) }, [bytes.buffer]);
  }).finally(() => settled.abort());
}
