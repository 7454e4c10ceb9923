// Elements from data. Text becomes text nodes and attributes are set one by one: nothing of what a chain says is ever parsed as
// markup. Every element of the page is made here.

// Attributes that views may set. What is not listed is a mistake in a view, never data: data is only ever a value.
const plain = new Set([
  'class', 'id', 'title', 'type', 'name', 'value', 'for', 'role', 'datetime', 'colspan', 'scope', 'placeholder', 'accept', 'min', 'max',
  'rows', 'maxlength', 'inputmode', 'autocomplete', 'spellcheck', 'download', 'tabindex',
]);

/**
 * h makes an element: h('a', {href: '#/', class: 'x', onclick: f}, 'text', node, [more]). Booleans set or leave out an
 * attribute; null, undefined and false children are left out; everything else that is no node becomes text.
 */
export function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on') && typeof value === 'function') {
      element.addEventListener(name.slice(2), value);
    } else if (name === 'href') {
      if (!/^(#|\/(?!\/))/.test(value)) throw new Error(`dom: a link to ${value}, which is outside this page`);
      element.setAttribute(name, value);
    } else if (plain.has(name) || name.startsWith('aria-') || name.startsWith('data-')) {
      element.setAttribute(name, String(value));
    } else if (['hidden', 'checked', 'disabled', 'open', 'required'].includes(name)) {
      element[name] = Boolean(value);
    } else {
      throw new Error(`dom: attribute ${name}`);
    }
  }
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (Array.isArray(child)) append(element, child);
    else element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

/** replace gives an element new children. */
export function replace(element, ...children) {
  element.replaceChildren();
  append(element, children);
  return element;
}

/** facts is a list of names with values; a row whose value is null, undefined or false is left out. */
export function facts(...rows) {
  return h('dl', { class: 'facts' }, rows.filter((row) => row && row[1] !== null && row[1] !== undefined && row[1] !== false)
    .map(([name, ...value]) => h('div', null, h('dt', null, name), h('dd', null, value))));
}

/** table has a head of [text, class] and rows of cells. A stacked one shows each row as a list where there is little room. */
export function table(caption, head, rows, empty, stacked) {
  if (rows.length === 0) return h('p', { class: 'muted' }, empty);
  return h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': caption },
    h('table', { class: stacked && 'stacked' }, h('caption', { class: 'hidden' }, caption),
      h('thead', null, h('tr', null, head.map(([text, kind]) => h('th', { scope: 'col', class: kind }, text)))),
      h('tbody', null, rows.map((cells) => h('tr', null, cells.map((cell, i) => h('td', { class: head[i][1], 'data-label': head[i][0] }, cell)))))));
}

/** section is a titled part of a view. */
export function section(title, ...children) {
  return h('section', null, h('h2', null, title), children);
}

/** fold hides what is long behind its summary. */
export function fold(summary, ...children) {
  return h('details', null, h('summary', null, summary), children);
}

/** code is text as it is, such as JSON or a list of felts. */
export function code(text) {
  return h('pre', { tabindex: 0 }, text);
}
