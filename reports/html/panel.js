// The drill-down: one law on one implementation, each dtype of it, the worst first.

const PANEL = document.getElementById("panel");
const COVERS = matchMedia("(max-width: 64rem)"); // as in panel.css: an open cell then covers the page

function openPanel(law, made, focus) {
  state.cell = cellName(law, made);
  writeState(true);
  showPanel();
  if (focus || COVERS.matches) PANEL.querySelector("h3").focus();
}

function closePanel() {
  const cell = openCell();
  state.cell = "";
  writeState(true);
  showPanel();
  if (cell && shownRows().some(({ grid, law }) => law === cell.law && grid === gridOf(cell.made))) moveTo(cell.law, cell.made);
}

function showPanel() {
  const cell = openCell();
  GRIDS.querySelector("[aria-selected]")?.removeAttribute("aria-selected");
  PANEL.hidden = !cell;
  OVERVIEW.hidden = Boolean(cell);
  document.body.classList.toggle("opened", Boolean(cell));
  PANEL.replaceChildren();
  coverRest();
  if (!cell) return plotSoon();
  cellAt(cell.law, cell.made).setAttribute("aria-selected", "true");
  moveTo(cell.law, cell.made, false);
  PANEL.append(...panelOf(cell.law, cell.made));
  PANEL.parentNode.scrollTop = PANEL.scrollTop = 0;
  reachable(PANEL.querySelectorAll("pre, .message"));
}

// What lies under an open cell is out of reach for the keyboard and for a reader of screens.
function coverRest() {
  const covered = COVERS.matches && !PANEL.hidden;
  for (let node = PANEL; node !== document.body; node = node.parentNode) {
    for (const other of node.parentNode.children) if (other !== node) other.inert = covered;
  }
}

function panelOf(n, m) {
  const law = LAWS[n];
  const rows = [...CELLS[n][m]].sort((a, b) => KIND[b] - KIND[a] || a - b);
  const series = [...rows].sort((a, b) => ROWS.dtype[a] - ROWS.dtype[b]).map((row) => ({ dtype: DATA.dtypes[ROWS.dtype[row]], place: ROWS.dtype[row], points: pointsOf(row).map((point) => ({ ...point, row })) }));
  const where = law.where ? [h("span", { class: "where" }, "where "), law.where] : [];
  return [
    h("button", { type: "button", class: "close", onclick: closePanel, "aria-label": "Close" }, "×"),
    h("p", { class: "kicker" }, `${law.chapter} · ${law.level}`),
    h("h3", { tabindex: "-1" }, law.id),
    h("p", { class: "statement" }, law.statement),
    h("pre", { class: "equation" }, law.equation, where.length ? "\n" : "", where),
    h("p", { class: "why" }, law.why),
    h("p", { class: "sources" }, law.sources.map((each) => [link(each, short(each)), " "]), h("span", {}, `${law.file}:${law.line}`)),
    h("p", { class: "on" }, "on ", h("code", {}, MADE[m].name)),
    rows.length ? rows.map((row, k) => resultOf(row, law, MADE[m], k ? more(rows[0]).diagnosis : null)) : h("p", {}, "Not run."),
    plot(series, "Error as a share of its bound, over the number of keys"),
  ].flat().filter(Boolean);
}

// before: the diagnosis that stands above this result, if there is one.
function resultOf(row, law, made, before) {
  const found = more(row), message = text(ROWS.message[row]), reasons = text(ROWS.reasons[row]);
  const kind = KINDS[KIND[row]];
  const parts = [
    h("h4", { class: `said ${kind}` }, glyph(KIND[row]), word(KIND[row]), h("span", {}, ` in ${DATA.dtypes[ROWS.dtype[row]]}`)),
    found.known && h("p", { class: "known" }, linked(found.known)),
    message && h("p", { class: "message" }, message),
    ratioOf(row),
    again(found.diagnosis, before) || diagnosisOf(found.diagnosis),
    facts(row, found, law, made, reasons),
    certificateOf(ROWS.certificate[row]),
  ];
  return h("section", { class: `result ${kind}` }, parts.filter(Boolean));
}

// The worst error as a bar that is full at the bound.
function ratioOf(row) {
  const ratio = ROWS.ratio[row], examples = ROWS.examples[row];
  const tried = `${number(examples)} problem${examples === 1 ? "" : "s"} decided`;
  if (ratio === null) return h("p", { class: "ratio" }, examples ? h("span", {}, tried) : null);
  const over = !(Number(ratio) <= 1);
  const bar = h("span", { class: `bar${over ? " over" : ""}`, "aria-hidden": "true" }, h("i", { style: `width:${over ? 100 : Math.max(1, 100 * ratio)}%` }));
  return h("p", { class: "ratio" }, bar, h("span", {}, `worst error ${share(ratio)}, ${tried}`));
}

// A diagnosis that names the same mistake as the one above is folded.
function again(found, before) {
  if (!found || !found.fault || !before || before.fault !== found.fault) return null;
  return h("details", {}, h("summary", {}, "Looks like ", h("b", {}, found.fault), " here too"), diagnosisOf(found));
}

function diagnosisOf(found) {
  if (!found) return null;
  const title = found.fault
    ? [h("p", { class: "fault" }, "Looks like ", h("b", {}, found.fault)), h("p", {}, found.title)]
    : [h("p", { class: "fault" }, "Looks like no known mistake")];
  const links = (found.links || []).map((each) => [link(each, short(each)), " "]);
  const lists = [["where", found.where], ["factor", found.factor], ["as well", found.also || []]].filter(([, said]) => said.length);
  const drawn = found.pictures === true
    ? h("p", { class: "quiet" }, "Its pictures are in report.json; this page keeps those of the first failures.")
    : found.pictures ? pictures(found.pictures) : found.mask && h("pre", { class: "mask" }, found.mask.join("\n"));
  return h("div", { class: "diagnosis" }, title, h("p", { class: "quiet" }, found.said), links.length ? h("p", { class: "sources" }, links) : null,
    lists.length ? h("dl", {}, lists.map(([name, said]) => h("div", {}, h("dt", {}, name), h("dd", {}, said.join("; "))))) : null, drawn || null);
}

// What a pass was tried on is folded: it is asked for less often than what a failure is.
function facts(row, found, law, made, reasons) {
  const list = factsOf(row, found, law, made, reasons);
  return KINDS[KIND[row]] === "pass" ? h("details", { class: "folded" }, h("summary", {}, "worst case and time"), list) : list;
}

function factsOf(row, found, law, made, reasons) {
  const smallest = found.case !== undefined && caseOf(row, found.case);
  const entries = [
    ["smallest case", smallest && h("code", {}, smallest)],
    ["evidence", found.details && h("pre", {}, found.details.join("\n"))],
    ["simplest values", found.simplest && found.simplest.join("; ")],
    ["replay", smallest && copied(law.replay.replace("CASE", () => quoted(smallest)).replace("ADDRESS", () => quoted(made.address)))],
    ["without the kit", found.script && h("code", {}, found.script)],
    ["estimate", found.estimate],
    ["undecided", reasons && h("ul", {}, reasons.split("\n").map((reason) => h("li", {}, reason)))],
    ["worst case", !smallest && worstCase(row) && h("code", {}, worstCase(row))],
    ["time", `${ROWS.seconds[row]} s`],
  ];
  return h("dl", {}, entries.filter(([, said]) => said).map(([name, said]) => h("div", {}, h("dt", {}, name), h("dd", {}, said))));
}

// As a shell takes it, in the manner of Python's shlex.quote.
function quoted(value) {
  return /^[\w@%+=:,./-]+$/.test(value) ? value : `'${value.replaceAll("'", `'"'"'`)}'`;
}

function copied(command) {
  const code = h("pre", {}, command);
  return h("div", { class: "copied" }, code, h("button", { type: "button", onclick: (event) => copy(event.target, code) }, "copy"));
}

// Selected at least, where the browser lets nothing be copied.
async function copy(button, code) {
  getSelection().selectAllChildren(code);
  try { await navigator.clipboard.writeText(code.textContent); button.textContent = "copied"; }
  catch { button.textContent = document.execCommand("copy") ? "copied" : "selected"; }
}

function certificateOf(n) {
  if (n < 0) return null;
  const [said, caught, missed, excused, problems] = DATA.certificates[n];
  const lists = [["caught", faultsIn(caught)], ["missed", faultsIn(missed)], ["not judged", excused]].filter(([, names]) => names.length);
  return h("details", { class: "certificate" },
    h("summary", {}, `This pass ${said.split(" (misses")[0]} known mistakes on its ${problems} problems`),
    h("dl", {}, lists.map(([name, names]) => h("div", {}, h("dt", {}, `${name} (${names.length})`), h("dd", {}, names.join(", "))))));
}
