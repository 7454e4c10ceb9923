// The watcher's status, requested every two seconds while the page is visible. Views listen for 'status' events. An event's detail is the body
// of /v1/status, or null while the watcher does not respond.
import { get } from './api.js';

const interval = 2000; // milliseconds

export const live = new EventTarget();
live.status = undefined;

async function poll() {
  if (!document.hidden) {
    try {
      live.status = await get('/v1/status', AbortSignal.timeout(10_000));
    } catch {
      live.status = null;
    }
    live.dispatchEvent(new CustomEvent('status', { detail: live.status }));
  }
  setTimeout(poll, interval);
}

export function start() {
  poll();
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) live.dispatchEvent(new CustomEvent('status', { detail: live.status }));
  });
}

/** onStatus calls f with the current status, if it is known, and with each new one, until signal is aborted. */
export function onStatus(f, signal) {
  if (live.status !== undefined) f(live.status);
  live.addEventListener('status', (event) => f(event.detail), { signal });
}
