// Drives the verify panel of a page with bare proofs of programs in a headless Chromium.
//
//   node verify-panel.mjs URL PROOF PROGRAM OTHER [--screenshots DIR]
//
// PROOF is a Stone proof of the compiled program PROGRAM, and OTHER another program. Exits with 1 and the reason if a
// check fails, with 77 if there is no browser.
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Page, findBrowser, launch } from './browser.mjs';

const { values: flags, positionals: [address, proof, program, other] } = parseArgs({ allowPositionals: true, options: { screenshots: { type: 'string' } } });
if (!other) {
  console.error('usage: verify-panel.mjs URL PROOF PROGRAM OTHER [--screenshots DIR]');
  process.exit(2);
}
const browserPath = findBrowser();
if (!browserPath) {
  console.error('no Chromium on the PATH or in $CHROMIUM');
  process.exit(77);
}
if (flags.screenshots) fs.mkdirSync(flags.screenshots, { recursive: true });

const browser = await launch(browserPath);
const page = await Page.open(browser);
const set = (id, value) => page.run((i, v) => {
  const input = document.getElementById(i);
  input.value = v;
  input.dispatchEvent(new Event('input', { bubbles: true }));
}, id, value);

/** judged presses the button and checks that the verdict contains some words and not others. */
async function judged(name, want, says, never) {
  await page.run(() => document.getElementById('run').click());
  const kind = await page.until('the verdict', () => document.querySelector('#verdict .card:not(.working)')?.dataset.verdict, [], 300);
  const said = await page.run(() => document.getElementById('verdict').innerText);
  if (kind !== want || !said.includes(says) || (never && said.includes(never))) throw new Error(`${name}: ${kind}, want ${want} with ${says}, without ${never}:\n${said}`);
  console.log(`ok  ${name}: ${kind}`);
  if (!flags.screenshots) return;
  for (const [guise, as] of Object.entries({ light: {}, 'phone-dark': { width: 390, height: 844, scheme: 'dark' } })) {
    await page.look(as);
    await page.screenshot(path.join(flags.screenshots, `${name.replaceAll(' ', '-')}-${guise}.png`));
  }
  await page.look({});
}

try {
  await page.look({});
  await page.goto(`${new URL(address).origin}/#/verify`);
  await page.until('the panel', () => document.getElementById('run') && document.querySelector('input[name=trust][value=nothing]'));
  await page.pick('#file', path.resolve(proof));
  await page.run(() => document.querySelector('input[name=trust][value=nothing]').click());
  await judged('any program', 'accepted', 'You did not name a program', 'two thirds');
  const hash = await page.run(() => document.querySelector('#verdict dd').textContent.match(/0x[0-9a-f]+/)[0]);
  await judged('builtins and bits', 'accepted', '96 bits of conjectured security, 62 proven');

  await page.pick('#program-file', path.resolve(program));
  await judged('the program by its file', 'accepted', 'The program that you named ran', 'You did not name a program');
  const command = await page.run(() => document.querySelector('main pre').textContent);
  if (command !== 'starkd verify --program program.json proof.json') throw new Error(`the command is ${command}`);
  await page.pick('#program-file', path.resolve(other));
  await judged('another program by its file', 'refused', 'demanded is 0x');
  await set('program', hash);
  await judged('the program by its hash', 'accepted', 'The program that you named ran');
  await set('program', '0x123');
  await judged('another program by its hash', 'refused', 'demanded is 0x123');
  await set('program', 'the one');
  await judged('no hash', 'unchecked', 'This says nothing about the proof');
  await set('program', '');
  await page.pick('#program-file', path.resolve(proof));
  await judged('a proof taken for a program', 'unchecked', 'This says nothing about the proof');
  await set('program', '');
  await set('proven', '63');
  await judged('more proven bits than there are', 'refused', '62 bits of proven security, 63 are demanded');
  await set('proven', '62');
  await judged('as many proven bits as there are', 'accepted', '62 proven');
  await set('proven', '0');
  await page.pick('#file', path.resolve(program));
  await judged('a program taken for a proof', 'unchecked', 'neither a block', 'dishonest');
  if (page.errors.length) throw new Error(`errors in the console: ${page.errors.join('\n')}`);
} catch (error) {
  console.error(error.stack);
  process.exitCode = 1;
} finally {
  await browser.close();
}
