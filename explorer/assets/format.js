// Functions that format values of the chain for people. Their input is untrusted: each accepts any value.

/** isFelt reports whether s is 0x and 1 to 64 hexadecimal digits. */
export const isFelt = (s) => typeof s === 'string' && /^0x[0-9a-fA-F]{1,64}$/.test(s);

/** isNumber reports whether s is a block number in decimal digits. */
export const isNumber = (s) => /^(0|[1-9][0-9]{0,15})$/.test(String(s)) && Number.isSafeInteger(Number(s));

/** canonical returns a felt in lower case without leading zeros, as the chain writes it. */
export const canonical = (s) => (isFelt(s) ? `0x${BigInt(s).toString(16)}` : String(s));

/** short returns a hash without its middle. */
export function short(s) {
  const text = String(s);
  return text.length <= 18 ? text : `${text.slice(0, 10)}…${text.slice(-6)}`;
}

/** integer formats an integer with a thin space between groups of three digits. It returns another value as text. */
export function integer(value) {
  let n;
  try {
    n = BigInt(value);
  } catch {
    return String(value);
  }
  return n.toString().replace(/\B(?=(\d{3})+$)/g, '\u202f');
}

// The tokens of the units of fees. A unit is 10^-18 of a token.
const tokens = { FRI: 'STRK', WEI: 'ETH' };

/** amount formats a fee or a balance in tokens, or in units if it is small. It returns another value as text. */
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

/** size formats a number of bytes. */
export function size(bytes) {
  const n = Number(bytes);
  if (!Number.isFinite(n)) return String(bytes);
  if (n < 1000) return `${n} B`;
  if (n < 1e6) return `${(n / 1e3).toFixed(1)} kB`;
  return `${(n / 1e6).toFixed(1)} MB`;
}

/** duration formats a number of milliseconds. */
export function duration(milliseconds) {
  const n = Number(milliseconds);
  if (!Number.isFinite(n)) return String(milliseconds);
  if (n < 1000) return `${Math.round(n)} ms`;
  if (n < 120_000) return `${(n / 1000).toFixed(1)} s`;
  return `${Math.floor(n / 60_000)} min ${Math.round((n % 60_000) / 1000)} s`;
}

/** iso formats a time in seconds since 1970 for a datetime attribute. It returns an empty text for an invalid time. */
export function iso(seconds) {
  const date = new Date(Number(seconds) * 1000);
  return Number.isNaN(date.getTime()) ? '' : date.toISOString();
}

/** time formats a time in seconds since 1970, in UTC. */
export const time = (seconds) => (iso(seconds) ? `${iso(seconds).slice(0, 19).replace('T', ' ')} UTC` : String(seconds));

/** age formats the time that has passed since a time in seconds since 1970. */
export function age(seconds, now = Date.now()) {
  const ago = Math.round(now / 1000 - Number(seconds));
  if (!Number.isFinite(ago)) return '';
  if (ago < 2) return 'now';
  if (ago < 120) return `${ago} s ago`;
  if (ago < 7200) return `${Math.floor(ago / 60)} min ago`;
  if (ago < 172_800) return `${Math.floor(ago / 3600)} h ago`;
  return `${Math.floor(ago / 86_400)} days ago`;
}

/** shortString returns the text in a felt if it has two or more characters, all of them printable ASCII; otherwise null. */
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

/** plural returns a count and a noun: 1 block, 2 blocks. */
export const plural = (n, noun) => `${integer(n)} ${noun}${Number(n) === 1 ? '' : 's'}`;
