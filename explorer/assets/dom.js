// This file makes all elements of the page. It makes text nodes from text and sets attributes one by one, so that data of the chain is never
// parsed as markup.

// Attributes that views may set. Data is only used as a value, so another attribute is a mistake in a view.
const plain = new Set([
  'class', 'id', 'title', 'type', 'name', 'value', 'for', 'role', 'datetime', 'colspan', 'scope', 'placeholder', 'accept', 'min', 'max',
  'rows', 'maxlength', 'inputmode', 'autocomplete', 'spellcheck', 'download', 'tabindex',
]);

/**
 * h makes an element: h('a', {href: '#/', class: 'x', onclick: f}, 'text', node, [more]). A boolean sets or omits an attribute. Children that
 * are null, undefined or false are omitted; other children that are not nodes become text.
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

/** replace replaces the children of an element. */
export function replace(element, ...children) {
  element.replaceChildren();
  append(element, children);
  return element;
}

/** facts makes a list of names with values. It omits a row whose value is null, undefined or false. */
export function facts(...rows) {
  return h('dl', { class: 'facts' }, rows.filter((row) => row && row[1] !== null && row[1] !== undefined && row[1] !== false)
    .map(([name, ...value]) => h('div', null, h('dt', null, name), h('dd', null, value))));
}

/** table makes a table with a head of [text, class] and rows of cells. If stacked, a narrow page shows each row as a list. */
export function table(caption, head, rows, empty, stacked) {
  if (rows.length === 0) return h('p', { class: 'muted' }, empty);
  return h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': caption },
    h('table', { class: stacked && 'stacked' }, h('caption', { class: 'hidden' }, caption),
      h('thead', null, h('tr', null, head.map(([text, kind]) => h('th', { scope: 'col', class: kind }, text)))),
      h('tbody', null, rows.map((cells) => h('tr', null, cells.map((cell, i) => h('td', { class: head[i][1], 'data-label': head[i][0] }, cell)))))));
}

/** section makes a part of a view with a title. */
export function section(title, ...children) {
  return h('section', null, h('h2', null, title), children);
}

/** fold makes an element that shows its children when its summary is clicked. */
export function fold(summary, ...children) {
  return h('details', null, h('summary', null, summary), children);
}

/** code makes preformatted text, such as JSON. */
export function code(text) {
  return h('pre', { tabindex: 0 }, text);
}
