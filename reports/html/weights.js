// Mask and weights of one head, due and read, as small pictures. A cell that is wrong has a sign as well as a colour.

const INFINITE = 256; // where a weight that was read has no level
const SIDE = 132; // of a picture, in pixels, where its cells are not at their smallest

function pictures(packed) {
  const { queries, keys } = packed;
  const due = bytes(packed.mask_due), read = bytes(packed.mask_read);
  const exact = bytes(packed.weights_due), shown = bytes(packed.weights_read);
  const plane = (name) => { const bits = packed[name] && bytes(packed[name]); return (n) => Boolean(bits) && bit(bits, n); };
  const nan = plane("mask_nan"), inf = plane("mask_infinite"), infinite = plane("infinite");
  const size = Math.max(4, Math.min(18, Math.floor(SIDE / Math.max(keys, 4))));
  const cells = Array.from({ length: queries * keys }, (_, n) => ({
    x: (n % keys) * size, y: Math.floor(n / keys) * size, at: `query ${Math.floor(n / keys)}, key ${n % keys}`,
    due: bit(due, n), read: bit(read, n), exact: exact[n], shown: infinite(n) ? INFINITE : shown[n],
    strange: nan(n) ? "NaN" : inf(n) ? "infinite" : "",
  }));
  const weight = (level) => (level === 255 ? "NaN" : level === INFINITE ? "infinite" : about((level / 254) * packed.largest));
  const wrong = cells.filter((cell) => !cell.strange && cell.due !== cell.read);
  const frame = (title, draw) => panel(title, keys * size, queries * size, cells.map((cell) => draw(cell, size, weight)));
  const masks = [frame("mask due", (cell, z) => maskCell({ ...cell, read: cell.due, strange: "" }, z)), frame("mask read", maskCell)];
  const strange = cells.filter((cell) => cell.strange).length;
  const leaked = wrong.filter((cell) => cell.read).length;
  const said = wrong.length || strange
    ? [strange && `${strange} NaN or infinite, neither seen nor hidden (×)`, leaked && `${leaked} seen though hidden (+)`, wrong.length - leaked && `${wrong.length - leaked} hidden though due (−)`].filter(Boolean).join(", ")
    : "The mask is the one that is due.";
  return h("figure", { class: "pictures" },
    h("figcaption", {}, `What the kernel sees, read through V: ${packed.title}, ${queries} queries (down), ${keys} keys (across)`),
    h("div", { class: "panels" }, masks),
    h("p", { class: "legend" }, said),
    h("div", { class: "panels" },
      frame("weights due", (cell, z, w) => shade(cell, z, cell.exact, `due ${w(cell.exact)}`)),
      frame("weights read", (cell, z, w) => shade(cell, z, cell.shown, `read ${w(cell.shown)}`)),
      frame("difference", (cell, z, w) => difference(cell, z, w))),
    h("p", { class: "legend" }, `A full cell is ${about(packed.largest)}; drawn on `, h("code", {}, packed.case)));
}

function panel(title, width, height, cells) {
  return h("div", {}, h("p", {}, title),
    s("svg", { viewBox: `-1 -1 ${width + 2} ${height + 2}`, width: width + 2, height: height + 2, role: "img", "aria-label": title, class: "cells" },
      s("rect", { x: -0.5, y: -0.5, width: width + 1, height: height + 1, class: "frame" }), cells));
}

function square(cell, z, attributes, said) {
  return s("rect", { x: cell.x + 0.5, y: cell.y + 0.5, width: z - 1, height: z - 1, ...attributes }, s("title", {}, `${cell.at}: ${said}`));
}

function maskCell(cell, z) {
  if (cell.strange) return [square(cell, z, { class: "lost" }, cell.strange), crossed(cell, z)];
  const kind = cell.due ? (cell.read ? "seen" : "lost") : cell.read ? "leaked" : "hidden";
  if (kind === "hidden") return s("circle", { cx: cell.x + z / 2, cy: cell.y + z / 2, r: 0.9, class: kind });
  const words = { seen: "seen", lost: "hidden though due", leaked: "seen though hidden" };
  return [square(cell, z, { class: kind }, words[kind]), kind === "seen" ? null : sign(cell, z, kind === "leaked")];
}

// + or −
function sign(cell, z, plus) {
  const x = cell.x + z / 2, y = cell.y + z / 2, r = Math.max(1.5, z / 4);
  return s("path", { d: `M${x - r} ${y}H${x + r}${plus ? `M${x} ${y - r}V${y + r}` : ""}`, class: "sign" });
}

function shade(cell, z, level, said) {
  if (level >= 255) return [square(cell, z, { class: "lost" }, said), crossed(cell, z)];
  return square(cell, z, { class: "weight", "fill-opacity": (level / 254).toFixed(3) }, said);
}

function crossed(cell, z) {
  return s("path", { d: `M${cell.x + 2} ${cell.y + 2}l${z - 4} ${z - 4}m0 ${4 - z}l${4 - z} ${z - 4}`, class: "sign" });
}

function difference(cell, z, w) {
  if (cell.exact >= 255 || cell.shown >= 255) return cell.exact === cell.shown ? null : shade(cell, z, 255, `due ${w(cell.exact)}, read ${w(cell.shown)}`);
  const level = Math.abs(cell.exact - cell.shown) / 254;
  return square(cell, z, { class: "apart", "fill-opacity": level.toFixed(3) }, `due ${w(cell.exact)}, read ${w(cell.shown)}`);
}
