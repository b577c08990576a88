// Error as a share of its bound. The bound is 1: above it a result is wrong. A dtype has a mark as well as a colour.

const PLOT = { width: 440, height: 190, left: 40, right: 14, top: 14, bottom: 34 };
const MARKS = [
  (x, y) => s("circle", { cx: x, cy: y, r: 3.4 }),
  (x, y) => s("rect", { x: x - 3.1, y: y - 3.1, width: 6.2, height: 6.2 }),
  (x, y) => s("path", { d: `M${x} ${y - 4.2}L${x + 4} ${y + 3.2}H${x - 4}Z` }),
  (x, y) => s("path", { d: `M${x} ${y - 4.4}L${x + 4.4} ${y}L${x} ${y + 4.4}L${x - 4.4} ${y}Z` }),
  (x, y) => s("path", { d: `M${x} ${y + 4.2}L${x + 4} ${y - 3.2}H${x - 4}Z` }),
];

const WITHIN = 0.78; // of an axis on which something is over its bound, the part up to the bound

// Where a ratio lies between 0 and 1. Up to the bound the axis is linear; what is over it stands beyond, in powers of ten, so that one
// wrong result does not make all right ones look alike.
function axis(ratios) {
  const most = Math.max(0, ...ratios);
  if (most <= 1) return { at: (ratio) => ratio / 1.08, ticks: [0, 0.5, 1] };
  const top = Math.max(1, Math.ceil(Math.log10(most)));
  const at = (ratio) => (ratio <= 1 ? WITHIN * ratio : Math.min(1, WITHIN + (1 - WITHIN) * (Math.log10(ratio) / top || 1)));
  return { at, ticks: [0, 0.5, 1, 10 ** top] };
}

function tick(ratio) {
  if (ratio === 1) return "bound";
  return ratio >= 1e4 ? `10${[...String(Math.round(Math.log10(ratio)))].map((c) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[c] || "⁻").join("")}` : String(ratio);
}

// series: [{dtype, place: of the dtype, points: [{keys, ratio, row}]}]. null where there is no point.
function plot(series, title) {
  const drawn = series.filter((each) => each.points.length);
  if (!drawn.length) return null;
  const { width, height, left, right, top, bottom } = PLOT;
  const points = drawn.flatMap((each) => each.points);
  const octaves = points.map((point) => Math.log2(Math.max(point.keys, 0.5)));
  const low = Math.min(...octaves), high = Math.max(...octaves, low + 1);
  const x = (keys) => left + ((Math.log2(Math.max(keys, 0.5)) - low) / (high - low)) * (width - left - right);
  const { at, ticks } = axis(points.map((point) => point.ratio));
  const y = (ratio) => top + (height - top - bottom) * (1 - at(ratio));
  const parts = ticks.map((ratio) => [
    s("line", { x1: left, x2: width - right, y1: y(ratio), y2: y(ratio), class: ratio === 1 ? "bound" : "rule" }),
    s("text", { x: left - 6, y: y(ratio) + 3.5, "text-anchor": "end", class: ratio === 1 ? "loud" : "" }, tick(ratio)),
  ]);
  const every = Math.max(1, Math.ceil((high - low) / 7));
  for (let power = Math.max(0, Math.ceil(low)); power <= high; power += every) {
    parts.push(s("text", { x: x(2 ** power), y: height - bottom + 16, "text-anchor": "middle" }, String(2 ** power)));
  }
  parts.push(s("text", { x: width - right, y: height - 4, "text-anchor": "end" }, "keys"));
  for (const each of drawn) parts.push(line(each, x, y));
  const told = drawn.map((each) => `${each.dtype}: at most ${share(Math.max(...each.points.map((p) => p.ratio)))}`).join("; ");
  const picture = s("svg", { viewBox: `0 0 ${width} ${height}`, class: "plot", role: "img", "aria-label": `Error over bound by number of keys. ${told}` }, parts);
  return h("figure", {}, h("figcaption", {}, title), picture, legend(drawn.map((each) => each.place)));
}

function line({ dtype, place, points }, x, y) {
  const n = place % MARKS.length;
  const path = points.map((point, k) => `${k ? "L" : "M"}${x(point.keys).toFixed(1)} ${y(point.ratio).toFixed(1)}`).join("");
  const marks = points.map((point) => opening(MARKS[n](x(point.keys), y(point.ratio)), point, `${dtype}, ${point.keys} keys`));
  return s("g", { class: `s${n}` }, s("path", { d: path, class: "line" }), marks);
}

// A mark that says its own number when it is pointed at, and opens its cell when it is pressed.
function opening(mark, { ratio, row }, words) {
  const law = ROWS.law[row], made = ROWS.implementation[row];
  if (!(ratio <= 1)) mark.classList.add("over");
  mark.append(s("title", {}, `${words}: ${share(ratio)}\n${LAWS[law].id} on ${MADE[made].name}`));
  mark.addEventListener("click", () => { moveTo(law, made, false); openPanel(law, made, false); });
  return mark;
}

function legend(places) {
  const keys = places.map((n) => h("span", {}, s("svg", { viewBox: "0 0 12 12", class: `key s${n % MARKS.length}` }, MARKS[n % MARKS.length](6, 6)), DATA.dtypes[n]));
  return h("p", { class: "legend" }, keys);
}

// An error in words, beside its bound. What JSON has no number for is a string.
function share(ratio) {
  if (!Number.isFinite(Number(ratio))) return Number(ratio) === Infinity ? "without end beyond its bound" : "not a number";
  return ratio > 1 ? `${about(ratio)} times its bound` : `${about(ratio)} of its bound`;
}

function about(ratio) {
  if (typeof ratio === "string") return ratio;
  return ratio >= 1000 || (ratio > 0 && ratio < 0.001) ? ratio.toExponential(1).replace("e+", "e") : String(Number(ratio.toPrecision(2)));
}
