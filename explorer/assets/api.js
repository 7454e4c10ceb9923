// What the page asks of the watcher that serves it: Starknet JSON-RPC on its replica, and proofs by REST. Relative addresses only.

/** ApiError is an answer that says no; its code is JSON-RPC's or HTTP's. */
export class ApiError extends Error {
  constructor(message, code) {
    super(message);
    this.code = code;
  }
}

// The specification's codes for what does not exist.
const absent = new Set([20, 24, 28, 29, 404]);

/** isAbsent: the thing asked for is not there, as against a failure. */
export const isAbsent = (error) => error instanceof ApiError && absent.has(error.code);

async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ApiError('the watcher does not answer', 0);
  }
  return response;
}

/** get reads JSON by REST. */
export async function get(path, signal) {
  const response = await ask(path, { signal });
  const body = await response.json().catch(() => null);
  if (!response.ok) throw new ApiError(body?.error ?? `${path}: status ${response.status}`, response.status);
  return body;
}

let id = 0;
const request = (method, params) => ({ jsonrpc: '2.0', id: ++id, method: `starknet_${method}`, params });

/** rpc calls one method with parameters by name. */
export async function rpc(method, params, signal) {
  const [answer] = await batch([[method, params]], signal);
  if (answer instanceof Error) throw answer;
  return answer;
}

/** batch calls several and returns a result or an ApiError for each, in order. */
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
    if (!answer) return new ApiError('JSON-RPC: no answer', 0);
    if (!answer.error) return answer.result;
    const data = answer.error.data;
    const detail = data === undefined ? '' : `: ${typeof data === 'string' ? data : JSON.stringify(data)}`;
    return new ApiError(`${answer.error.message}${detail}`, answer.error.code);
  });
}

/** orNull turns what is absent into null. */
export async function orNull(promise) {
  try {
    return await promise;
  } catch (error) {
    if (isAbsent(error)) return null;
    throw error;
  }
}

/** proofOfBlock is a block's record, null while it has not been handled. */
export const proofOfBlock = (n, signal) => orNull(get(`/v1/proofs?block=${encodeURIComponent(n)}`, signal));

/** proofOfTransaction is a transaction's, null while its block has not been handled. */
export const proofOfTransaction = (hash, signal) => orNull(get(`/v1/proofs/${encodeURIComponent(hash)}`, signal));

let about;
/** chain is what the server says of itself: chain_id, fee_token, version, whether it has the verifier and offers its genesis. */
export function chain() {
  about ??= get('/chain.json').catch((error) => {
    about = undefined;
    throw error;
  });
  return about;
}
