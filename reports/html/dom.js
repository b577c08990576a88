// Elements are made one by one and texts are set as texts: nothing that a report says becomes markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(2).filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const s = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);
const glyph = (kind) => h("i", { class: `g ${KINDS[kind]}`, "aria-hidden": "true" });

// An address of the web as a link, anything else as it stands.
function link(address, words) {
  return /^https?:\/\//.test(address) ? h("a", { href: address, rel: "noreferrer" }, words) : h("span", {}, words);
}

// Words in which addresses of the web are links.
function linked(words) {
  return words.split(/(https?:\/\/[^\s()<>]+)/).map((part, n) => (n % 2 ? link(part, part) : part));
}

function short(address) {
  return address.replace(/^https?:\/\/(www\.|github\.com\/)?/, "").replace(/\/$/, "");
}
