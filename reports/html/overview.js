// What is chosen, as two plots: the largest error as a share of its bound over the number of keys, and for each implementation in each dtype.

const OVERVIEW = document.getElementById("overview");
const POINTS = new Map(); // packed text → points, read once
let plotting = 0;

// A reader who types is not kept waiting for plots.
function plotSoon() {
  clearTimeout(plotting);
  plotting = setTimeout(showOverview, 120);
}

function showOverview() {
  if (OVERVIEW.hidden) return;
  const rows = [...SELECTED.keys()].filter((row) => SELECTED[row] && ROWS.ratio[row] !== null);
  const drawn = [overKeys(rows), byName(rows), heat(rows)].filter(Boolean);
  OVERVIEW.replaceChildren(h("h3", {}, "Error over bound"), ...(drawn.length ? drawn : [h("p", { class: "quiet" }, "Nothing that is chosen was compared within a bound.")]));
}

// Points of a row {keys, ratio}, unpacked once for all rows that share them.
function pointsIn(row) {
  const packed = ROWS.points[row];
  if (!POINTS.has(packed)) POINTS.set(packed, pointsOf(row));
  return POINTS.get(packed);
}

const octave = (keys) => (keys ? 2 ** Math.floor(Math.log2(keys)) : 0);

// The largest point of each octave of keys among rows: octave → {keys, ratio, row}.
function largest(rows) {
  const most = new Map();
  for (const row of rows) {
    for (const { keys, ratio } of pointsIn(row)) {
      const known = most.get(octave(keys));
      if (!known || known.ratio < ratio) most.set(octave(keys), { keys, ratio, row });
    }
  }
  return most;
}

// By dtype, the largest ratio of any law in each octave of keys.
function overKeys(rows) {
  const series = DATA.dtypes.map((dtype, place) => {
    const points = [...largest(rows.filter((row) => ROWS.dtype[row] === place)).values()];
    return { dtype, place, points: points.sort((a, b) => a.keys - b.keys) };
  });
  return plot(series, "The largest error as a share of its bound, over the number of keys");
}

// Implementations of one operation stand together, as the grids have them.
function inOrder(a, b) {
  return OPERATIONS.indexOf(MADE[a].operation) - OPERATIONS.indexOf(MADE[b].operation) || a - b;
}

// A line an implementation, or a chapter where there is one implementation; a mark a dtype, at its largest ratio.
function byName(rows) {
  const several = new Set(rows.map((row) => ROWS.implementation[row])).size > 1;
  const most = new Map();
  for (const row of several ? [...rows].sort((a, b) => inOrder(ROWS.implementation[a], ROWS.implementation[b])) : rows) {
    const name = several ? MADE[ROWS.implementation[row]].name : LAWS[ROWS.law[row]].chapter;
    if (!most.has(name)) most.set(name, []);
    const marks = most.get(name), n = ROWS.dtype[row], ratio = Number(ROWS.ratio[row]);
    if (!marks[n] || marks[n].ratio < ratio || Number.isNaN(ratio)) marks[n] = { ratio, row };
  }
  return most.size ? dots([...most], several ? "implementation" : "chapter") : null;
}

const DOTS = { width: 440, left: 158, right: 16, line: 17, bottom: 26 };

function dots(entries, kind) {
  const { width, left, right, line, bottom } = DOTS;
  const height = 8 + entries.length * line + bottom, end = height - bottom;
  const finite = entries.flatMap(([, marks]) => marks.filter(Boolean).map((mark) => mark.ratio)).filter(Number.isFinite);
  const { at, ticks } = axis(finite);
  const x = (ratio) => left + at(ratio) * (width - left - right);
  const rules = ticks.map((ratio) => [
    s("line", { x1: x(ratio), x2: x(ratio), y1: 4, y2: end, class: ratio === 1 ? "bound" : "rule" }),
    s("text", { x: x(ratio), y: end + 15, "text-anchor": "middle", class: ratio === 1 ? "loud" : "" }, tick(ratio)),
  ]);
  const drawn = entries.map(([name, marks], k) => {
    const y = 8 + (k + 0.5) * line;
    return [label(name, y), s("line", { x1: left, x2: width - right, y1: y, y2: y, class: "rule faint" }), ...marks.map((mark, n) => dot(mark, n, x, y, name)).filter(Boolean)];
  });
  const said = entries.map(([name, marks]) => `${name}: at most ${about(Math.max(...marks.filter(Boolean).map((mark) => mark.ratio)))}`).join("; ");
  const used = DATA.dtypes.map((_, n) => n).filter((n) => entries.some(([, marks]) => marks[n]));
  return h("figure", {}, h("figcaption", {}, `The largest error as a share of its bound, by ${kind} and dtype`),
    s("svg", { viewBox: `0 0 ${width} ${height}`, class: "plot", role: "img", "aria-label": said }, rules, drawn), legend(used));
}

function dot(mark, n, x, y, name) {
  const node = s("g", { class: `s${n % MARKS.length}` }, MARKS[n % MARKS.length](x(mark.ratio), y));
  return opening(node, mark, `${name}, ${DATA.dtypes[n]}`);
}

function label(name, y) {
  return s("text", { x: DOTS.left - 8, y: y + 3.5, "text-anchor": "end" }, name.length > 26 ? `…${name.slice(-25)}` : name, s("title", {}, name));
}

// Where there are several implementations, the largest ratio of each in each octave of keys, as a shade.
function heat(rows) {
  const by = new Map();
  for (const row of rows) {
    if (!by.has(ROWS.implementation[row])) by.set(ROWS.implementation[row], []);
    by.get(ROWS.implementation[row]).push(row);
  }
  if (by.size < 2) return null;
  const lines = [...by].sort(([a], [b]) => inOrder(a, b)).map(([made, own]) => ({ name: MADE[made].name, most: largest(own) }));
  const octaves = [...new Set(lines.flatMap(({ most }) => [...most.keys()]))].sort((a, b) => a - b);
  const { width, left, right, line, bottom } = DOTS, cell = (width - left - right) / octaves.length, end = 8 + lines.length * line;
  const drawn = lines.map(({ name, most }, k) => [label(name, 8 + (k + 0.5) * line), ...octaves.map((keys, n) => {
    const point = most.get(keys);
    if (!point) return null;
    const over = !(point.ratio <= 1);
    const shade = { x: left + n * cell + 0.5, y: 8.5 + k * line, width: cell - 1, height: line - 1, class: "shade", "fill-opacity": over ? 1 : (0.06 + 0.9 * point.ratio).toFixed(3) };
    return opening(s("rect", shade), point, `${name}, ${point.keys} keys`);
  }).filter(Boolean)]);
  const marks = octaves.map((keys, n) => s("text", { x: left + (n + 0.5) * cell, y: end + 15, "text-anchor": "middle" }, String(keys)));
  return h("figure", {}, h("figcaption", {}, "The largest error as a share of its bound, by implementation, over the number of keys"),
    s("svg", { viewBox: `0 0 ${width} ${end + bottom}`, class: "plot", role: "img", "aria-label": "Largest error over bound by implementation and number of keys" }, drawn, marks),
    h("p", { class: "legend" }, "The darker, the nearer to the bound; over it a cell has the colour of a failure."));
}
