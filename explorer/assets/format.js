// How values of the chain are written for people. Input is a stranger's: every function takes anything and returns text.

/** isFelt: 0x and 1 to 64 hexadecimal digits. */
export const isFelt = (s) => typeof s === 'string' && /^0x[0-9a-fA-F]{1,64}$/.test(s);

/** isNumber: a block number, as people type it. */
export const isNumber = (s) => /^(0|[1-9][0-9]{0,15})$/.test(String(s)) && Number.isSafeInteger(Number(s));

/** canonical is a felt as the chain writes it: lower case, no leading zeros. */
export const canonical = (s) => (isFelt(s) ? `0x${BigInt(s).toString(16)}` : String(s));

/** short is a hash with its middle left out. */
export function short(s) {
  const text = String(s);
  return text.length <= 18 ? text : `${text.slice(0, 10)}…${text.slice(-6)}`;
}

/** integer writes a count with thin groups of three digits; what is no integer is written as it came. */
export function integer(value) {
  let n;
  try {
    n = BigInt(value);
  } catch {
    return String(value);
  }
  return n.toString().replace(/\B(?=(\d{3})+$)/g, '\u202f');
}

// The tokens whose 10^-18 the units of fees are.
const tokens = { FRI: 'STRK', WEI: 'ETH' };

/** amount writes a fee or a balance in whole tokens, a small one in units; what is no integer is written as it came. */
export function amount(value, unit = 'FRI') {
  let n;
  try {
    n = BigInt(value);
  } catch {
    return String(value);
  }
  if (n < 10n ** 9n || !tokens[unit]) return `${integer(n)} ${unit}`;
  const part = (n % 10n ** 18n).toString().padStart(18, '0').replace(/0+$/, '');
  return `${integer(n / 10n ** 18n)}${part ? `.${part}` : ''} ${tokens[unit]}`;
}

/** size is a number of bytes. */
export function size(bytes) {
  const n = Number(bytes);
  if (!Number.isFinite(n)) return String(bytes);
  if (n < 1000) return `${n} B`;
  if (n < 1e6) return `${(n / 1e3).toFixed(1)} kB`;
  return `${(n / 1e6).toFixed(1)} MB`;
}

/** duration of milliseconds. */
export function duration(milliseconds) {
  const n = Number(milliseconds);
  if (!Number.isFinite(n)) return String(milliseconds);
  if (n < 1000) return `${Math.round(n)} ms`;
  if (n < 120_000) return `${(n / 1000).toFixed(1)} s`;
  return `${Math.floor(n / 60_000)} min ${Math.round((n % 60_000) / 1000)} s`;
}

/** iso is the time of a block, given in seconds since 1970, as in datetime attributes; empty for what is no time. */
export function iso(seconds) {
  const date = new Date(Number(seconds) * 1000);
  return Number.isNaN(date.getTime()) ? '' : date.toISOString();
}

/** time of a block, in UTC; age says how long ago that is. */
export const time = (seconds) => (iso(seconds) ? `${iso(seconds).slice(0, 19).replace('T', ' ')} UTC` : String(seconds));

export function age(seconds, now = Date.now()) {
  const ago = Math.round(now / 1000 - Number(seconds));
  if (!Number.isFinite(ago)) return '';
  if (ago < 2) return 'now';
  if (ago < 120) return `${ago} s ago`;
  if (ago < 7200) return `${Math.floor(ago / 60)} min ago`;
  if (ago < 172_800) return `${Math.floor(ago / 3600)} h ago`;
  return `${Math.floor(ago / 86_400)} days ago`;
}

/** shortString is the text that a felt holds, if it looks like one: two or more printable ASCII characters and nothing else. */
export function shortString(felt) {
  if (!isFelt(felt)) return null;
  let digits = BigInt(felt).toString(16);
  if (digits.length % 2) digits = `0${digits}`;
  if (digits.length < 4 || digits.length > 62) return null;
  let text = '';
  for (let i = 0; i < digits.length; i += 2) {
    const c = parseInt(digits.slice(i, i + 2), 16);
    if (c < 0x20 || c > 0x7e) return null;
    text += String.fromCharCode(c);
  }
  return text;
}

/** plural: 1 block, 2 blocks. */
export const plural = (n, noun) => `${integer(n)} ${noun}${Number(n) === 1 ? '' : 's'}`;
