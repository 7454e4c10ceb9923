// Measures the browser's verifier: a first verification, with its start, and later ones.
//
//   node verify-time.mjs DIR PROOF [--genesis FILE] [--browser] [--runs N] [--calls N]
//
// DIR is explorer/assets with the files that `make wasm` writes. FILE is the genesis that the proof of a block is checked against; without it
// PROOF is a bare proof. Every run is a new process of node, or with --browser a new Chromium, in which the
// explorer's own worker verifies. Prints milliseconds for each run, the first with the load of the module: wall time, and on Linux the processor time
// of the thread that verifies, which does not grow when other programs need the processors (engines compile on other threads).
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import vm from 'node:vm';
import { parseArgs } from 'node:util';
import { Page, findBrowser, launch } from './browser.mjs';

const { values: flags, positionals: [dir, proof] } = parseArgs({
  allowPositionals: true,
  options: { genesis: { type: 'string' }, browser: { type: 'boolean' }, runs: { type: 'string', default: '5' }, calls: { type: 'string', default: '5' }, once: { type: 'boolean' } },
});
if (!proof) {
  console.error('usage: verify-time.mjs DIR PROOF [--genesis FILE] [--browser] [--runs N] [--calls N]');
  process.exit(2);
}
const calls = Number(flags.calls);
const trust = flags.genesis ? JSON.stringify({ genesis: JSON.parse(fs.readFileSync(flags.genesis, 'utf8')) }) : '{"min_bits":0}';

/** cpu returns the processor time of a thread in milliseconds, or NaN where there is no /proc. */
function cpu(task) {
  try {
    return Number(fs.readFileSync(`${task}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
  } catch {
    return NaN;
  }
}

/** lap returns a function that returns wall and processor time since its last call. */
function lap(task) {
  let wall = performance.now();
  let used = cpu(task());
  return () => {
    const last = [wall, used];
    [wall, used] = [performance.now(), cpu(task())];
    return { wall: wall - last[0], cpu: used - (Number.isNaN(last[1]) ? 0 : last[1]) };
  };
}

async function inNode() {
  vm.runInThisContext(fs.readFileSync(path.join(dir, 'wasm_exec.js'), 'utf8'));
  const code = fs.readFileSync(path.join(dir, 'verifier.wasm'));
  const bytes = new Uint8Array(fs.readFileSync(proof));
  const times = [];
  const next = lap(() => `/proc/self/task/${process.pid}`);
  const go = new globalThis.Go();
  const { instance } = await WebAssembly.instantiate(code, go.importObject);
  go.run(instance);
  for (let i = 0; i < calls; i++) {
    if (i === 0) times.push(next()); // of the load
    accept(globalThis.starkdVerify(bytes, trust));
    times.push(next());
  }
  return times;
}

function accept(answer) {
  if (!JSON.parse(answer).ok) throw new Error(`refused: ${answer}`);
}

/** worker returns the folder in /proc of the browser's thread that verifies. */
function worker() {
  for (const pid of fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      for (const tid of fs.readdirSync(`/proc/${pid}/task`)) {
        if (fs.readFileSync(`/proc/${pid}/task/${tid}/comm`, 'utf8').startsWith('DedicatedWorker')) return `/proc/${pid}/task/${tid}`;
      }
    } catch { /* the process has ended */ }
  }
  return '/none';
}

async function inBrowser() {
  const types = { '.js': 'text/javascript', '.wasm': 'application/wasm', '.html': 'text/html' };
  const server = http.createServer((request, response) => {
    const name = request.url === '/proof' ? proof : path.join(dir, path.basename(request.url));
    if (request.url === '/') return response.setHeader('content-type', types['.html']).end('<!doctype html>');
    if (!fs.existsSync(name)) return response.writeHead(404).end();
    return response.setHeader('content-type', types[path.extname(name)] ?? 'application/octet-stream').end(fs.readFileSync(name));
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const browser = await launch(findBrowser());
  try {
    const page = await Page.open(browser);
    await page.goto(`http://127.0.0.1:${server.address().port}/`);
    await page.until('the page', () => location.port !== '');
    const times = [];
    // The stages of explorer/assets/worker.js are 'loading', 'verifying', and the answer. The worker's thread begins with the first.
    const one = (text) => page.run(async (given) => {
      globalThis.worker ??= new Worker('/assets/worker.js', { type: 'module' });
      const bytes = new Uint8Array(await (await fetch('/proof')).arrayBuffer());
      const start = performance.now();
      let loaded;
      const answer = await new Promise((resolve, reject) => {
        globalThis.worker.onerror = (event) => reject(new Error(event.message));
        globalThis.worker.onmessage = ({ data }) => {
          if (data.stage === 'verifying') loaded = performance.now();
          if (data.failure) reject(new Error(data.failure));
          if (data.answer) resolve(data.answer);
        };
        globalThis.worker.postMessage({ bytes, trust: given }, [bytes.buffer]);
      });
      return { answer, load: loaded - start, verify: performance.now() - loaded };
    }, text);
    let last = 0;
    for (let i = 0; i < calls; i++) {
      const { answer, load, verify } = await one(trust);
      accept(answer);
      const now = cpu(worker());
      if (i === 0) times.push({ wall: load, cpu: NaN });
      times.push({ wall: verify, cpu: now - last }); // the first with the load
      last = now;
    }
    return times;
  } finally {
    await browser.close();
    server.close();
  }
}

const show = ({ wall, cpu: used }) => `${wall.toFixed(0)}${Number.isNaN(used) ? '' : ` (${used.toFixed(0)} of processor)`}`;
if (flags.once || flags.browser) {
  for (let run = 0; run < (flags.once ? 1 : Number(flags.runs)); run++) {
    const [load, first, ...later] = await (flags.browser ? inBrowser() : inNode());
    console.log(`load ${show(load)}, first ${show(first)}, later ${later.map(show).join(', ')} ms`);
  }
  process.exit(0); // the verifier waits for calls
}
for (let run = 0; run < Number(flags.runs); run++) {
  const { stdout, stderr, status } = spawnSync(process.execPath, [...process.argv.slice(1), '--once'], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  process.stdout.write(stdout);
}
