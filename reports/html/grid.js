// A grid for each operation: a row a law, grouped by chapter, a column an implementation. Built once; the filter only hides and recolours.

const GRIDS = document.getElementById("grids");
const WIDE = 8; // up to so many implementations have their names across, where there is room
const grids = []; // by operation: {name, node, box, cue, groups: {name, node, counts, laws}, made, lines: by law {node, cells, shown}}
const columnStyle = document.head.appendChild(document.createElement("style"));
const hiddenColumns = new Set(); // numbers of implementations

function buildGrids() {
  OPERATIONS.forEach((name) => GRIDS.append(gridNode(name)));
}

function gridNode(name) {
  const made = MADE.flatMap((each, m) => (each.operation === name ? [m] : []));
  const laws = LAWS.flatMap((_, n) => (made.some((m) => CELLS[n][m].length) ? [n] : []));
  const grid = { name, made, groups: [], lines: [] };
  const heads = made.map((m) => h("div", { role: "columnheader", class: `c i${m}`, title: MADE[m].name }, h("span", {}, broken(MADE[m].name))));
  const top = h("div", { class: "headbox", role: "presentation" }, h("div", { role: "row", class: "row heads" }, h("div", { role: "columnheader", class: "law" }, "law"), heads));
  grid.box = h("div", { class: "gridbox", role: "presentation" }, CHAPTERS.map((chapter) => chapterNode(grid, chapter, laws.filter((n) => LAWS[n].chapter === chapter))));
  const hint = grids.length ? null : h("p", { class: "hint", id: "hint" }, "Arrow keys move, Enter opens, Escape closes. A cell shows the worst verdict over the dtypes.");
  const sticky = h("div", { class: "top", role: "presentation" }, top);
  grid.grid = h("div", { class: "grid", role: "grid", "aria-label": `${said(name)}: verdicts of laws by implementation`, "aria-readonly": "true", "aria-describedby": "hint" }, sticky, grid.box);
  grid.node = h("section", { class: "operation", "aria-label": said(name) }, OPERATIONS.length > 1 ? h("h3", {}, said(name)) : null, grid.grid, hint);
  const longest = Math.max(...made.flatMap((m) => MADE[m].name.split(/(?<=\/)/)).map((part) => part.length));
  grid.grid.style.setProperty("--wide-cell", `${Math.min(10, Math.max(5.5, 0.46 * longest + 0.9))}rem`);
  grid.cue = cued(sticky, grid.grid, grid.box, () => columnsBeyond(grid));
  grid.box.addEventListener("scroll", () => { top.scrollLeft = grid.box.scrollLeft; });
  grids.push(grid);
  return grid.node;
}

const said = (name) => name.replaceAll("_", " ");

// A name that may be wrapped after a slash.
function broken(name) {
  return name.split(/(?<=\/)/).flatMap((part, n) => [n ? h("wbr") : null, h("span", { class: "part" }, part)]);
}

function chapterNode(grid, name, laws) {
  if (!laws.length) return null;
  const counts = new Map(grid.made.map((m) => [m, h("div", { role: "gridcell", class: `c i${m}` })]));
  const head = h("div", { role: "row", class: "row chap" }, h("div", { role: "rowheader", class: "law" }, name), [...counts.values()]);
  const node = h("div", { role: "rowgroup", class: "chapter", style: `--rows:${laws.length + 1}` }, head, laws.map((n) => lawNode(grid, n)));
  grid.groups.push({ name, node, counts, laws });
  return node;
}

function lawNode(grid, n) {
  const law = LAWS[n];
  const level = law.level === "must" ? "" : h("small", {}, law.level);
  const cells = new Map(grid.made.map((m) => [m, cellNode(n, m)]));
  const name = law.id.slice(law.id.indexOf("/") + 1);
  const node = h("div", { role: "row", class: "row" }, h("div", { role: "rowheader", class: "law", title: law.statement }, h("span", {}, name), level), [...cells.values()]);
  grid.lines[n] = { node, cells, shown: new Map() };
  return node;
}

function cellNode(n, m) {
  const parts = CELLS[n][m].map((row) => `${DATA.dtypes[ROWS.dtype[row]]} ${word(KIND[row])}`);
  const label = `${LAWS[n].id}, ${MADE[m].name}: ${parts.join(", ") || "not run"}`;
  return h("div", { role: "gridcell", class: `c i${m}`, tabindex: "-1", "data-at": `${n},${m}`, "aria-label": label });
}

// The sum of a chapter for one implementation: passed of decided, and whether something failed.
function showCount(node, m, kinds) {
  const passed = kinds.filter((kind) => KINDS[kind] === "pass").length;
  const bad = kinds.filter((kind) => kind >= KINDS.indexOf("known")).length;
  const told = passed + bad ? `${passed}/${passed + bad}` : kinds.length ? "–" : "";
  if (node.textContent !== told) node.textContent = told;
  node.className = `c i${m}${bad ? " bad" : ""}`;
}

const gridOf = (made) => grids.find((grid) => grid.name === MADE[made]?.operation);
const cellAt = (law, made) => gridOf(made)?.lines[law]?.cells.get(made);
const columnsOf = (grid) => grid.made.filter((m) => !hiddenColumns.has(m));

// Columns in which nothing is shown take no room. A grid that was scrolled begins at its first column again.
function hideColumns(numbers) {
  hiddenColumns.clear();
  for (const m of numbers) hiddenColumns.add(m);
  columnStyle.textContent = numbers.length ? `${numbers.map((m) => `.c.i${m}`).join(",")}{display:none}` : "";
  for (const grid of grids) grid.box.scrollLeft = 0;
}

// Where a grid is wider than its place its names stand upright, and where that is not enough it scrolls by itself.
function fitGrids() {
  for (const grid of grids) {
    const columns = columnsOf(grid).length;
    grid.grid.style.setProperty("--columns", columns);
    grid.grid.classList.toggle("narrow", columns > WIDE);
    if (grid.node.hidden || columns > WIDE) continue;
    grid.grid.classList.toggle("narrow", grid.box.scrollWidth > grid.box.clientWidth + 1);
  }
  showCues();
}

function columnsBeyond(grid) {
  const { box } = grid;
  const cell = box.querySelector(".c:not([style])")?.getBoundingClientRect().width || 1;
  const columns = (pixels) => (pixels > 4 ? Math.ceil(pixels / cell - 0.25) : 0);
  return { left: columns(box.scrollLeft), right: columns(box.scrollWidth - box.clientWidth - box.scrollLeft) };
}
