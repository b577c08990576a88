// Error as a share of its bound over the number of keys. The bound is 1: above it a result is wrong.

const PLOT = { width: 440, height: 190, left: 40, right: 14, top: 14, bottom: 34 };
const MARKS = [
  (x, y) => s("circle", { cx: x, cy: y, r: 3.4 }),
  (x, y) => s("rect", { x: x - 3.1, y: y - 3.1, width: 6.2, height: 6.2 }),
  (x, y) => s("path", { d: `M${x} ${y - 4.2}L${x + 4} ${y + 3.2}H${x - 4}Z` }),
  (x, y) => s("path", { d: `M${x} ${y - 4.4}L${x + 4.4} ${y}L${x} ${y + 4.4}L${x - 4.4} ${y}Z` }),
];

function scales(points) {
  const { width, height, left, right, top, bottom } = PLOT;
  const xs = points.map((point) => Math.log2(Math.max(point.keys, 0.5)));
  const low = Math.min(...xs), high = Math.max(...xs, low + 1);
  const x = (keys) => left + ((Math.log2(Math.max(keys, 0.5)) - low) / (high - low)) * (width - left - right);
  const most = Math.max(...points.map((point) => point.ratio));
  const inner = height - top - bottom;
  if (most <= 1.2) {
    const roof = Math.max(1.08, most * 1.05);
    return { x, y: (ratio) => top + inner * (1 - ratio / roof), ticks: [0, 0.5, 1], low, high };
  }
  const floor = Math.floor(Math.min(-1, ...points.filter((p) => p.ratio > 0).map((p) => Math.log10(p.ratio))));
  const roof = Math.ceil(Math.log10(most) + 0.05);
  const apart = Math.max(1, Math.ceil((roof - floor) / 5));
  const ticks = [];
  for (let power = 0; power <= roof; power += apart) ticks.push(10 ** power);
  for (let power = -apart; power >= floor; power -= apart) ticks.push(10 ** power);
  const y = (ratio) => top + inner * (1 - ((ratio > 0 ? Math.log10(ratio) : floor) - floor) / (roof - floor));
  return { x, y, ticks, low, high };
}

function tick(ratio) {
  if (ratio === 1) return "bound";
  return ratio >= 1e4 || (ratio > 0 && ratio < 1e-2) ? `10${[...String(Math.round(Math.log10(ratio)))].map((c) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[c] || "⁻").join("")}` : String(ratio);
}

// series: [{dtype, points}], one for each dtype that compared something within a bound. null where there is none.
function plot(series) {
  const drawn = series.filter((each) => each.points.length);
  if (!drawn.length) return null;
  const { width, height, left, right, bottom } = PLOT;
  const { x, y, ticks, low, high } = scales(drawn.flatMap((each) => each.points));
  const parts = ticks.map((ratio) => [
    s("line", { x1: left, x2: width - right, y1: y(ratio), y2: y(ratio), class: ratio === 1 ? "bound" : "rule" }),
    s("text", { x: left - 6, y: y(ratio) + 3.5, "text-anchor": "end", class: ratio === 1 ? "loud" : "" }, tick(ratio)),
  ]);
  const every = Math.max(1, Math.ceil((high - low) / 7));
  for (let power = Math.ceil(low); power <= high; power += every) {
    if (power >= 0) parts.push(s("text", { x: x(2 ** power), y: height - bottom + 16, "text-anchor": "middle" }, String(2 ** power)));
  }
  parts.push(s("text", { x: width - right, y: height - 4, "text-anchor": "end" }, "keys"));
  drawn.forEach((each, n) => parts.push(line(each, n, x, y)));
  const said = drawn.map((each) => `${each.dtype}: at most ${share(Math.max(...each.points.map((p) => p.ratio)))}`).join("; ");
  const picture = s("svg", { viewBox: `0 0 ${width} ${height}`, class: "plot", role: "img", "aria-label": `Error over bound by number of keys. ${said}` }, parts);
  const legend = drawn.map((each, n) => h("span", {}, s("svg", { viewBox: "0 0 12 12", class: `key s${n % 4}` }, MARKS[n % 4](6, 6)), each.dtype));
  return h("figure", {}, h("figcaption", {}, "Error as a share of its bound, over the number of keys"), picture, h("p", { class: "legend" }, legend));
}

function line(each, n, x, y) {
  const path = each.points.map((point, k) => `${k ? "L" : "M"}${x(point.keys).toFixed(1)} ${y(point.ratio).toFixed(1)}`).join("");
  const marks = each.points.map((point) => {
    const mark = MARKS[n % 4](x(point.keys), y(point.ratio));
    if (point.ratio > 1) mark.classList.add("over");
    mark.append(s("title", {}, `${each.dtype}, ${point.keys} keys: ${share(point.ratio)}`));
    return mark;
  });
  return s("g", { class: `s${n % 4}` }, s("path", { d: path, class: "line" }), marks);
}

// An error in words, beside its bound. What JSON has no number for is a string.
function share(ratio) {
  if (typeof ratio === "string") return ratio === "inf" ? "without end beyond its bound" : ratio;
  return ratio > 1 ? `${about(ratio)} times its bound` : `${about(ratio)} of its bound`;
}

function about(ratio) {
  if (typeof ratio === "string") return ratio;
  return ratio >= 1000 || (ratio > 0 && ratio < 0.001) ? ratio.toExponential(1).replace("e+", "e") : String(Number(ratio.toPrecision(2)));
}
