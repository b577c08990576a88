// What is shown of the grid: rows by text, chapter and level, cells by dtype and verdict, columns by implementation.

const FORM = document.getElementById("filter");
const chips = []; // by kind: {node, count}
const columnStyle = document.head.appendChild(document.createElement("style"));
const LAW_TEXT = LAWS.map((law) => `${law.id} ${law.statement} ${law.equation} ${law.where || ""}`.toLowerCase());
let rowText = null;

// What can be searched of a row beside its law; made when it is first needed.
function searchable() {
  return (rowText ||= KIND.map((_, row) => {
    const { diagnosis, case: found, known } = more(row);
    return [MADE[ROWS.implementation[row]].name, text(ROWS.message[row]), found, known, diagnosis && diagnosis.fault].join(" ").toLowerCase();
  }));
}

function buildFilter() {
  const choices = { chapter: CHAPTERS, level: ["must", "should", "may"], dtype: DATA.dtypes, impl: MADE.map((made) => made.name) };
  for (const [name, values] of Object.entries(choices)) {
    FORM.elements[name].append(h("option", { value: "" }, "all"), ...values.map((value) => h("option", { value }, value)));
    FORM.elements[name].addEventListener("change", (event) => choose({ [name]: event.target.value }));
  }
  KINDS.forEach((kind, n) => {
    const count = h("b", {});
    const node = h("button", { type: "button", class: `chip ${kind}`, "aria-pressed": "false", onclick: () => toggle(kind) }, glyph(n), word(n), " ", count);
    chips[n] = { node, count };
  });
  FORM.querySelector(".verdicts").append(...chips.map((chip) => chip.node).reverse());
  FORM.q.addEventListener("input", (event) => choose({ q: event.target.value }));
  FORM.addEventListener("submit", (event) => event.preventDefault());
  FORM.addEventListener("reset", (event) => { event.preventDefault(); choose({ ...EMPTY, cell: state.cell }); });
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

function showFilter() {
  for (const name of ["q", "chapter", "level", "dtype", "impl"]) {
    if (FORM.elements[name].value !== state[name]) FORM.elements[name].value = state[name];
  }
  const chosen = new Set(state.verdict.split(",").filter(Boolean));
  chips.forEach((chip, n) => chip.node.setAttribute("aria-pressed", chosen.has(KINDS[n])));
  const only = MADE.findIndex((made) => made.name === state.impl);
  columnStyle.textContent = only < 0 ? "" : `.row>.c:not(.i${only}){display:none}`;
  showCells(chosen, only);
}

function showCells(chosen, only) {
  const words = state.q.toLowerCase().split(/\s+/).filter(Boolean);
  const dtype = DATA.dtypes.indexOf(state.dtype);
  const tally = KINDS.map(() => 0);
  let laws = 0, cells = 0;
  for (const group of groups) {
    const kinds = MADE.map(() => []);
    let any = false;
    for (const n of group.laws) {
      const asked = (!state.chapter || group.name === state.chapter) && (!state.level || LAWS[n].level === state.level);
      const left = asked ? words.filter((each) => !LAW_TEXT[n].includes(each)) : [];
      let shown = 0;
      for (let m = 0; m < MADE.length; m++) {
        let kind = asked && (only < 0 || only === m) ? worst(CELLS[n][m].filter((row) => fits(row, dtype, left))) : -1;
        if (kind >= 0) tally[kind] += 1;
        if (chosen.size && !chosen.has(KINDS[kind])) kind = -1;
        if (kind >= 0) { shown += 1; kinds[m].push(kind); }
        recolour(n, m, kind);
      }
      lines[n].node.hidden = !shown;
      cells += shown;
      if (shown) { laws += 1; any = true; }
    }
    group.node.hidden = !any;
    if (any) group.counts.forEach((node, m) => showCount(node, m, kinds[m]));
  }
  chips.forEach((chip, n) => { chip.count.textContent = number(tally[n]); chip.node.hidden = !tally[n] && !chosen.has(KINDS[n]); });
  const all = LAWS.length;
  document.getElementById("count").textContent = laws
    ? `${laws === all ? `${number(all)} laws` : `${number(laws)} of ${number(all)} laws`}, ${number(cells)} cells, from ${number(KIND.length)} results`
    : KIND.length ? "Nothing fits. “Show all” starts again." : "No result came.";
  keepTabStop();
}

function fits(row, dtype, left) {
  if (dtype >= 0 && ROWS.dtype[row] !== dtype) return false;
  if (!left.length) return true;
  const said = searchable()[row];
  return left.every((each) => said.includes(each));
}

function recolour(n, m, kind) {
  if (lines[n].shown[m] === kind) return;
  lines[n].shown[m] = kind;
  lines[n].cells[m].className = `c i${m} v ${KINDS[kind] || "none"}`;
}
