// Drives a headless Chromium with the DevTools protocol over a pipe, using only Node. Records the errors that a page logs and the
// addresses that it requests.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** findBrowser returns the path of a Chromium ($CHROMIUM or one on the PATH), or null. */
export function findBrowser() {
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];
  const places = (process.env.PATH ?? '').split(path.delimiter).flatMap((dir) => names.map((name) => path.join(dir, name)));
  return [process.env.CHROMIUM, ...places].find((p) => p && fs.existsSync(p)) ?? null;
}

/** launch starts a browser. close ends it and removes its profile. */
export async function launch(binary) {
  const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'starkd-browser-'));
  const flags = ['--headless=new', '--remote-debugging-pipe', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update',
    '--disable-dev-shm-usage', '--hide-scrollbars', `--user-data-dir=${profile}`];
  if (process.getuid?.() === 0) flags.push('--no-sandbox'); // Chromium has no sandbox for root; the pages are our own
  const child = spawn(binary, [...flags, 'about:blank'], { stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (text) => { stderr = (stderr + text).slice(-4000); });
  const [, , , toBrowser, fromBrowser] = child.stdio;
  const waiting = new Map();
  const listeners = new Set();
  let id = 0;
  let buffer = '';
  fromBrowser.setEncoding('utf8');
  fromBrowser.on('data', (text) => {
    buffer += text;
    for (let end; (end = buffer.indexOf('\0')) >= 0; buffer = buffer.slice(end + 1)) {
      const message = JSON.parse(buffer.slice(0, end));
      const wait = waiting.get(message.id);
      if (wait) {
        waiting.delete(message.id);
        if (message.error) wait.reject(new Error(`${wait.method}: ${message.error.message}`));
        else wait.resolve(message.result);
      } else for (const listener of listeners) listener(message);
    }
  });
  const gone = new Promise((resolve) => { child.once('exit', resolve); });
  gone.then(() => {
    for (const wait of waiting.values()) wait.reject(new Error(`the browser ended: ${stderr}`));
    waiting.clear();
  });
  const send = (method, params = {}, sessionId = undefined) => new Promise((resolve, reject) => {
    waiting.set(++id, { resolve, reject, method });
    toBrowser.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
  });
  return {
    send,
    onEvent: (listener) => listeners.add(listener),
    async close() {
      await Promise.race([send('Browser.close').catch(() => {}), gone]);
      const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
      await gone;
      clearTimeout(timer);
      fs.rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Page is a tab with the workers that it starts. */
export class Page {
  errors = []; // exceptions, console errors, policy violations, failed requests
  requests = []; // addresses, including those of workers

  static async open(browser) {
    const page = new Page();
    const { targetId } = await browser.send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await browser.send('Target.attachToTarget', { targetId, flatten: true });
    page.send = (method, params) => browser.send(method, params, sessionId);
    const sessions = new Set([sessionId]);
    const watch = async (session) => {
      sessions.add(session);
      for (const domain of ['Runtime', 'Log', 'Network']) await browser.send(`${domain}.enable`, {}, session).catch(() => {}); // a worker has no Log
      await browser.send('Runtime.runIfWaitingForDebugger', {}, session);
    };
    browser.onEvent(({ method, params, sessionId: from }) => {
      if (!sessions.has(from)) return;
      if (method === 'Target.attachedToTarget') watch(params.sessionId).catch((error) => page.errors.push(error.message));
      else if (method === 'Network.requestWillBeSent') page.requests.push(params.request.url);
      else if (method === 'Runtime.exceptionThrown') page.errors.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
      else if (method === 'Runtime.consoleAPICalled' && ['error', 'warning', 'assert'].includes(params.type)) page.errors.push(params.args.map((a) => a.value ?? a.description).join(' '));
      else if (method === 'Log.entryAdded' && ['error', 'warning'].includes(params.entry.level)) page.errors.push(`${params.entry.text} ${params.entry.url ?? ''}`);
    });
    await page.send('Target.setAutoAttach', { autoAttach: true, waitForDebuggerOnStart: true, flatten: true });
    await page.send('Page.enable');
    await watch(sessionId);
    return page;
  }

  /** look sets the window's width and the colour scheme. */
  async look({ width = 1200, height = 900, scheme = 'light' }) {
    await this.send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: width < 600 });
    await this.send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }, { name: 'prefers-reduced-motion', value: 'reduce' }] });
  }

  goto(url) { return this.send('Page.navigate', { url }); }

  /** run evaluates a function in the page with JSON arguments. */
  async run(f, ...args) {
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', {
      expression: `(${f})(...${JSON.stringify(args)})`, awaitPromise: true, returnByValue: true,
    });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  /** until waits until a function returns a true value, and returns the value. */
  async until(what, f, args = [], seconds = 20) {
    for (const deadline = Date.now() + seconds * 1000; ;) {
      const value = await this.run(f, ...args).catch(() => null); // the page is being left
      if (value) return value;
      if (Date.now() > deadline) {
        const text = await this.run(() => document.querySelector('main')?.innerText.slice(0, 600)).catch(() => '');
        throw new Error(`waiting for ${what}: not after ${seconds} s; the page shows:\n${text}\nerrors: ${JSON.stringify(this.errors)}`);
      }
      await new Promise((resolve) => { setTimeout(resolve, 100); });
    }
  }

  /** key presses a key like a keyboard. */
  async key(key, modifiers = 0) {
    const text = key === 'Enter' ? '\r' : undefined;
    await this.send('Input.dispatchKeyEvent', { type: text ? 'keyDown' : 'rawKeyDown', key, code: key, windowsVirtualKeyCode: { Tab: 9, Enter: 13, ' ': 32 }[key], text, modifiers });
    await this.send('Input.dispatchKeyEvent', { type: 'keyUp', key, code: key, modifiers });
  }

  type(text) { return this.send('Input.insertText', { text }); }

  /** pick puts files into a file input. */
  async pick(selector, ...files) {
    const { root } = await this.send('DOM.getDocument', { depth: 0 });
    const { nodeId } = await this.send('DOM.querySelector', { nodeId: root.nodeId, selector });
    await this.send('DOM.setFileInputFiles', { nodeId, files });
  }

  /** screenshot writes the whole page to a PNG file. */
  async screenshot(file) {
    const { cssContentSize: { width, height } } = await this.send('Page.getLayoutMetrics');
    const { data } = await this.send('Page.captureScreenshot', { format: 'png', captureBeyondViewport: true, clip: { x: 0, y: 0, width, height, scale: 1 } });
    fs.writeFileSync(file, Buffer.from(data, 'base64'));
  }
}
