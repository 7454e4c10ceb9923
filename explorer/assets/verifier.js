// The page's end of the worker that verifies. One worker lives on after its first use, so that the verifier is loaded once.

// Trusted types let a worker start only from an address made by a policy: this one knows one address.
const scripts = globalThis.trustedTypes?.createPolicy('starkd', {
  createScriptURL(url) {
    if (url !== '/assets/worker.js') throw new TypeError(`no worker at ${url}`);
    return url;
  },
});

let worker;

/** stop ends a verification under way, and the worker with it: WebAssembly cannot be interrupted otherwise. */
export function stop() {
  worker?.terminate();
  worker = undefined;
}

/**
 * verify has the worker check a proof, whose bytes it takes over. onStage is told 'loading' and 'verifying'. The answer is the
 * verifier's; signal ends it.
 */
export async function verify(bytes, trust, onStage, signal) {
  signal.throwIfAborted();
  worker ??= new Worker(scripts ? scripts.createScriptURL('/assets/worker.js') : '/assets/worker.js', { type: 'module', name: 'verifier' });
  const used = worker;
  const settled = new AbortController(); // what is cancelled later does not end the worker
  return new Promise((resolve, reject) => {
    const fail = (error) => {
      stop();
      reject(error);
    };
    signal.addEventListener('abort', () => fail(new DOMException('cancelled', 'AbortError')), { signal: settled.signal });
    used.onerror = (event) => fail(new Error(`the verifier does not run: ${event.message ?? 'it could not be loaded'}`));
    used.onmessage = ({ data }) => {
      if (data.stage) onStage(data.stage, data);
      else if (data.failure) fail(new Error(data.failure));
      else resolve(JSON.parse(data.answer));
    };
    used.postMessage({ bytes, trust: JSON.stringify(trust) }, [bytes.buffer]);
  }).finally(() => settled.abort());
}
