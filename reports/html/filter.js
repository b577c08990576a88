// What is shown: rows of the grids by text, operation, chapter and level, cells by dtype and verdict, columns by implementation. The
// same filter chooses the findings and what is plotted.

const FORM = document.getElementById("filter");
const WIDTH = "(min-width: 40rem)"; // as in page.css
const chips = []; // by kind: {node, count}
const LAW_TEXT = LAWS.map((law) => `${law.id} ${law.statement} ${law.equation} ${law.where || ""}`.toLowerCase());
const SELECTED = new Uint8Array(KIND.length); // by row: whether it passes the filter
let rowText = null;

// What can be searched of a row beside its law; made when it is first needed.
function searchable() {
  return (rowText ||= KIND.map((_, row) => {
    const { diagnosis, case: found, known } = more(row);
    return [MADE[ROWS.implementation[row]].name, text(ROWS.message[row]), found, known, diagnosis && diagnosis.fault].join(" ").toLowerCase();
  }));
}

function buildFilter() {
  const choices = { operation: OPERATIONS, chapter: CHAPTERS, level: ["must", "should", "may"], dtype: DATA.dtypes, impl: MADE.map((made) => made.name) };
  for (const [name, values] of Object.entries(choices)) {
    const list = FORM.elements[name];
    list.append(h("option", { value: "" }, "all"), ...values.map((value) => h("option", { value }, name === "operation" ? said(value) : value)));
    list.addEventListener("change", (event) => choose({ [name]: event.target.value }));
    list.parentNode.hidden = values.length < 2;
  }
  KINDS.forEach((kind, n) => {
    const count = h("b", {});
    const node = h("button", { type: "button", class: `chip ${kind}`, "aria-pressed": "false", onclick: () => toggle(kind) }, glyph(n), word(n), " ", count);
    chips[n] = { node, count };
  });
  FORM.querySelector(".verdicts").append(...chips.map((chip) => chip.node).reverse());
  unfold();
  matchMedia(WIDTH).addEventListener("change", unfold);
  FORM.q.addEventListener("input", (event) => choose({ q: event.target.value }));
  FORM.addEventListener("submit", (event) => event.preventDefault());
  FORM.addEventListener("reset", (event) => { event.preventDefault(); choose({ ...EMPTY, cell: state.cell }); });
}

// On a narrow screen the lists are folded, as long as none of them is in use.
function unfold() {
  FORM.querySelector(".narrowing").open = matchMedia(WIDTH).matches || [...FORM.querySelectorAll("select")].some((list) => list.value);
}

function choose(changes) {
  Object.assign(state, changes);
  writeState(false);
  showFilter();
}

function toggle(kind) {
  const chosen = new Set(state.verdict.split(",").filter(Boolean));
  chosen.has(kind) ? chosen.delete(kind) : chosen.add(kind);
  choose({ verdict: KINDS.filter((each) => chosen.has(each)).join(",") });
}

const filtered = () => Object.keys(EMPTY).some((name) => name !== "cell" && state[name]);

function showFilter() {
  for (const name of ["q", "operation", "chapter", "level", "dtype", "impl"]) {
    if (FORM.elements[name].value !== state[name]) FORM.elements[name].value = state[name];
  }
  const chosen = new Set(state.verdict.split(",").filter(Boolean));
  chips.forEach((chip, n) => chip.node.setAttribute("aria-pressed", chosen.has(KINDS[n])));
  FORM.querySelector("button[type=reset]").hidden = !filtered();
  const { tally, laws, cells, used } = showCells(chosen);
  chips.forEach((chip, n) => { chip.count.textContent = number(tally[n]); chip.node.hidden = !tally[n] && !chosen.has(KINDS[n]); });
  hideColumns(filtered() ? MADE.flatMap((_, m) => (used.has(m) ? [] : [m])) : []);
  const causes = showFindings();
  showTally(laws, cells, causes);
  fitGrids();
  keepTabStop();
  plotSoon();
}

// Each cell by the worst verdict of its rows that fit. used: implementations of which something is shown.
function showCells(chosen) {
  const words = state.q.toLowerCase().split(/\s+/).filter(Boolean);
  const dtype = DATA.dtypes.indexOf(state.dtype);
  const only = MADE.findIndex((made) => made.name === state.impl);
  const found = { tally: KINDS.map(() => 0), laws: new Set(), cells: 0, used: new Set() };
  SELECTED.fill(0);
  for (const grid of grids) {
    let any = false;
    for (const group of grid.groups) any = showGroup(grid, group, { words, dtype, only, chosen }, found) || any;
    grid.node.hidden = !any;
  }
  return { ...found, laws: found.laws.size };
}

function showGroup(grid, group, asked, found) {
  const kinds = new Map(grid.made.map((m) => [m, []]));
  const wanted = (!state.operation || grid.name === state.operation) && (!state.chapter || group.name === state.chapter);
  let any = false;
  for (const n of group.laws) {
    const fitting = wanted && (!state.level || LAWS[n].level === state.level);
    const left = fitting ? asked.words.filter((each) => !LAW_TEXT[n].includes(each)) : [];
    let shown = 0;
    for (const m of grid.made) {
      const rows = fitting && (asked.only < 0 || asked.only === m) ? CELLS[n][m].filter((row) => fits(row, asked.dtype, left)) : [];
      let kind = worst(rows);
      if (kind >= 0) found.tally[kind] += 1;
      if (asked.chosen.size && !asked.chosen.has(KINDS[kind])) kind = -1;
      for (const row of rows) if (!asked.chosen.size || asked.chosen.has(KINDS[KIND[row]])) SELECTED[row] = 1;
      if (kind >= 0) { shown += 1; kinds.get(m).push(kind); found.used.add(m); }
      recolour(grid, n, m, kind);
    }
    grid.lines[n].node.hidden = !shown;
    found.cells += shown;
    if (shown) { found.laws.add(n); any = true; }
  }
  group.node.hidden = !any;
  if (any) group.counts.forEach((node, m) => showCount(node, m, kinds.get(m)));
  return any;
}

function fits(row, dtype, left) {
  if (dtype >= 0 && ROWS.dtype[row] !== dtype) return false;
  if (!left.length) return true;
  const said = searchable()[row];
  return left.every((each) => said.includes(each));
}

function recolour(grid, n, m, kind) {
  const line = grid.lines[n];
  if (line.shown.get(m) === kind) return;
  line.shown.set(m, kind);
  line.cells.get(m).className = `c i${m} v ${KINDS[kind] || "none"}`;
}

function showTally(laws, cells, causes) {
  const of = (count, all, word) => `${count === all ? number(all) : `${number(count)} of ${number(all)}`} ${word}${all === 1 ? "" : "s"}`;
  document.getElementById("count").textContent = laws
    ? [of(laws, LAWS.length, "law"), `${number(cells)} cells from ${number(KIND.length)} results`, causes].filter(Boolean).join(", ")
    : KIND.length ? "Nothing fits. “Show all” starts again." : "No result came.";
}
