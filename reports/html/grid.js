// The grid: a row a law, grouped by chapter, a column an implementation. Built once; the filter only hides and recolours.

const GRID = document.getElementById("grid");
const WIDE = 8; // up to so many implementations have their names across, where there is room
const groups = []; // by chapter: {name, node, counts, laws}
const lines = []; // by law: {node, cells: nodes, shown: kind of each cell or -1}

function buildGrid() {
  const longest = Math.max(...MADE.flatMap((made) => made.name.split(/(?<=\/)/)).map((part) => part.length));
  GRID.style.setProperty("--wide-cell", `${Math.min(10, Math.max(5.5, 0.46 * longest + 0.9))}rem`);
  const heads = MADE.map((made, n) => h("div", { role: "columnheader", class: `c i${n}`, title: made.name }, h("span", {}, broken(made.name))));
  GRID.append(h("div", { role: "row", class: "row heads" }, h("div", { role: "columnheader", class: "law" }, "law"), heads));
  for (const name of CHAPTERS) GRID.append(chapterNode(name));
}

// A name that may be wrapped after a slash.
function broken(name) {
  return name.split(/(?<=\/)/).flatMap((part, n) => [n ? h("wbr") : null, h("span", { class: "part" }, part)]);
}

function chapterNode(name) {
  const laws = LAWS.flatMap((law, n) => (law.chapter === name ? [n] : []));
  const counts = MADE.map((_, n) => h("div", { role: "gridcell", class: `c i${n}` }));
  const head = h("div", { role: "row", class: "row chap" }, h("div", { role: "rowheader", class: "law" }, name), counts);
  const node = h("div", { role: "rowgroup", class: "chapter", style: `--rows:${laws.length + 1}` }, head, laws.map(lawNode));
  groups.push({ name, node, counts, laws });
  return node;
}

function lawNode(n) {
  const law = LAWS[n];
  const level = law.level === "must" ? "" : h("small", {}, law.level);
  const cells = MADE.map((made, m) => cellNode(n, m));
  const name = law.id.slice(law.id.indexOf("/") + 1);
  const node = h("div", { role: "row", class: "row" }, h("div", { role: "rowheader", class: "law", title: law.statement }, h("span", {}, name), level), cells);
  lines[n] = { node, cells, shown: MADE.map(() => -2) };
  return node;
}

function cellNode(n, m) {
  const rows = CELLS[n][m];
  const parts = rows.map((row) => `${DATA.dtypes[ROWS.dtype[row]]} ${word(KIND[row])}`);
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

function cellAt(law, made) {
  return lines[law]?.cells[made];
}

// Where the grid is wider than its place its names stand upright, and where that is not enough it scrolls by itself.
function fitGrid() {
  const box = GRID.parentNode;
  const over = () => GRID.scrollWidth > box.clientWidth + 1;
  box.classList.remove("scrolls");
  GRID.classList.toggle("narrow", MADE.length > WIDE);
  GRID.classList.toggle("narrow", MADE.length > WIDE || over());
  box.classList.toggle("scrolls", over());
  reachable(document.querySelectorAll(".wide"));
}
