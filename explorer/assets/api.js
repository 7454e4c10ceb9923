// Requests to the watcher that serves the page: Starknet JSON-RPC on its replica, and REST for proofs. All addresses are relative.

/** ApiError is an error response. Its code is that of JSON-RPC or HTTP, or 0. */
export class ApiError extends Error {
  constructor(message, code) {
    super(message);
    this.code = code;
  }
}

// Codes of the RPC specification and HTTP for things that do not exist.
const absent = new Set([20, 24, 28, 29, 404]);

/** isAbsent reports whether an error says that the requested thing does not exist. */
export const isAbsent = (error) => error instanceof ApiError && absent.has(error.code);

async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ApiError('the watcher does not respond', 0);
  }
  return response;
}

/** get returns the JSON at a path. */
export async function get(path, signal) {
  const response = await ask(path, { signal });
  const body = await response.json().catch(() => null);
  if (!response.ok) throw new ApiError(body?.error ?? `${path}: status ${response.status}`, response.status);
  return body;
}

let id = 0;
const request = (method, params) => ({ jsonrpc: '2.0', id: ++id, method: `starknet_${method}`, params });

/** rpc calls one JSON-RPC method with parameters by name. */
export async function rpc(method, params, signal) {
  const [answer] = await batch([[method, params]], signal);
  if (answer instanceof Error) throw answer;
  return answer;
}

/** batch calls several methods in one request. It returns a result or an ApiError for each, in order. */
export async function batch(calls, signal) {
  if (calls.length === 0) return [];
  const requests = calls.map(([method, params]) => request(method, params ?? {}));
  const response = await ask('/rpc', {
    method: 'POST', signal, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(requests),
  });
  const body = await response.json().catch(() => null);
  if (!Array.isArray(body)) throw new ApiError(body?.error?.message ?? `JSON-RPC: status ${response.status}`, body?.error?.code ?? response.status);
  const byID = new Map(body.map((answer) => [answer.id, answer]));
  return requests.map((r) => {
    const answer = byID.get(r.id);
    if (!answer) return new ApiError('JSON-RPC: no response', 0);
    if (!answer.error) return answer.result;
    const data = answer.error.data;
    const detail = data === undefined ? '' : `: ${typeof data === 'string' ? data : JSON.stringify(data)}`;
    return new ApiError(`${answer.error.message}${detail}`, answer.error.code);
  });
}

/** orNull resolves to null if the promise is rejected because the thing does not exist. */
export async function orNull(promise) {
  try {
    return await promise;
  } catch (error) {
    if (isAbsent(error)) return null;
    throw error;
  }
}

/** proofOfBlock returns a block's record, or null while the watcher has not processed the block. */
export const proofOfBlock = (n, signal) => orNull(get(`/v1/proofs?block=${encodeURIComponent(n)}`, signal));

/** proofOfTransaction returns a transaction's record, or null while the watcher has not processed its block. */
export const proofOfTransaction = (hash, signal) => orNull(get(`/v1/proofs/${encodeURIComponent(hash)}`, signal));

let about;
/** chain returns chain.json: chain_id, fee_token, version, and whether the server has the verifier and serves its genesis file. */
export function chain() {
  about ??= get('/chain.json').catch((error) => {
    about = undefined;
    throw error;
  });
  return about;
}
