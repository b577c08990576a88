// Checks that run in the page. Each gives a list of {what, holds}, or times in milliseconds by name.

function report(check) {
  let found;
  try { found = check(); } catch (error) { found = [{ what: `${check.name}: ${error.stack}`, holds: false }]; }
  const pre = document.createElement("pre");
  pre.id = "checked";
  pre.textContent = JSON.stringify(found);
  document.body.append(pre);
}

const said = [];
const holds = (what, value) => said.push({ what, holds: Boolean(value) });
const press = (key, node = document.activeElement) => node.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
const all = (selector) => [...document.querySelectorAll(selector)].filter((node) => node.getClientRects().length);

function type(words) {
  const box = document.getElementById("q");
  box.value = words;
  box.dispatchEvent(new Event("input", { bubbles: true }));
}

function smallPage() {
  const cells = all("[data-at]");
  holds("six cells are shown", cells.length === 6);
  const kinds = cells.map((cell) => cell.className.match(/ v (\S+)/)[1]).sort().join();
  holds(`the worst verdict over dtypes is shown: ${kinds}`, kinds === "error,fail,known,none,not-claimed,pass");
  holds("every verdict has a shape of its own", new Set(KINDS.map((kind) => { const style = getComputedStyle(document.querySelector(`.chip .g.${kind}`)); return style.clipPath + style.borderRadius + style.height; })).size === 6);
  holds("every cell says what it is without colour", cells.every((cell) => /: .+/.test(cell.getAttribute("aria-label"))));
  holds("one cell is in the tab order", all('[data-at][tabindex="0"]').length === 1);
  all('[data-at][tabindex="0"]')[0].focus();
  press("ArrowRight");
  holds("the right arrow moves", document.activeElement.dataset.at.endsWith(",1"));
  press("ArrowLeft");
  press("ArrowDown");
  holds("the down arrow moves", document.activeElement.getAttribute("aria-label").startsWith("weights/b, one"));
  press("ArrowUp");
  press("Enter");
  const panel = document.getElementById("panel");
  holds("Enter opens", !panel.hidden && location.hash === "#cell=weights/a@one");
  holds("the focus is in what was opened", panel.contains(document.activeElement));
  for (const part of ["The law", "out(p) ≈ reference_out(p)", "alert(1)", "Looks like causal-off-by-one", "attnspec replay 'weights/a?dtype=bfloat16&b=2", "one.py:attend", "replays/a.py", "k is 0 throughout", "would have caught 2 of 3"]) {
    if (part !== "The law") holds(`the drill-down tells ${part}`, panel.textContent.includes(part));
  }
  holds("mask and weights are drawn, due and read", panel.querySelectorAll("svg.cells").length === 5);
  holds("a leaked key has a sign", panel.querySelectorAll("svg.cells .leaked + .sign").length === 1);
  holds("a weight that is NaN has a sign", panel.querySelectorAll("svg.cells .lost + .sign").length >= 1);
  holds("error over bound is plotted", panel.querySelectorAll("svg.plot g path.line").length === 2);
  holds("what a law says stays text", !panel.querySelector(".statement b") && document.scripts.length === 3);
  holds("no address but of the web is a link", all('a[href^="javascript"]').length === 0);
  press("Escape");
  const finding = document.querySelector('.findings a');
  finding.focus();
  history.replaceState(null, "", finding.hash);
  window.dispatchEvent(new Event("hashchange"));
  holds("a finding leads to its cell, and the focus with it", location.hash.startsWith("#cell=") && document.activeElement === panel.querySelector("h3"));
  press("Escape");
  holds("Escape closes and gives the focus back", panel.hidden && document.activeElement.dataset.at !== undefined);
  type("masks/c");
  holds("a search leaves one law", all("[data-at]").length === 2 && all(".row:not(.heads):not(.chap)").length === 1);
  type("nothing fits this");
  holds("a search without a hit says so", document.getElementById("count").textContent.includes("Nothing fits"));
  type("no such shape");
  holds("a search finds messages", all(".v:not(.none)").length === 1);
  document.querySelector("button[type=reset]").click();
  holds("Show all shows all", all("[data-at]").length === 6 && location.hash === "");
  document.querySelector(".chip.fail").click();
  holds("a verdict is chosen", all(".v:not(.none)").length === 1 && location.hash === "#verdict=fail");
  document.querySelector(".chip.fail").click();
  pick("dtype", "float32");
  holds("a dtype is chosen from a list, and changes the worst verdict", all(".v.fail").length === 0 && all(".v.pass").length === 2);
  pick("dtype", "");
  pick("impl", "one");
  holds("an implementation leaves one column", all("[role=columnheader].c").length === 1 && location.hash === "#impl=one");
  pick("impl", "");
  pick("chapter", "masks");
  holds("a chapter leaves its laws", all(".row:not(.heads):not(.chap)").length === 1);
  pick("chapter", "");
  pick("level", "must");
  holds("a level leaves its laws", all(".row:not(.heads):not(.chap)").length === 2);
  pick("level", "");
  return said;
}

// By the list that a reader opens: a value that is not in it cannot be chosen.
function pick(name, value) {
  const list = document.querySelector(`select[name=${name}]`);
  list.value = value;
  list.dispatchEvent(new Event("change", { bubbles: true }));
}

function stateOfAddress() {
  holds("the address opens a cell", document.querySelector("#panel h3").textContent === "weights/a");
  holds("the address filters", all(".chip[aria-pressed=true]").length === 2 && all(".v:not(.none)").length === 2);
  return said;
}

function layout() {
  const wide = document.documentElement.clientWidth;
  holds(`nothing is wider than the window of ${wide} pixels`, document.documentElement.scrollWidth <= wide);
  choose({ cell: cellName(0, 0) });
  showPanel();
  const box = document.getElementById("panel").getBoundingClientRect();
  holds("the drill-down is inside the window", box.left >= 0 && box.right <= innerWidth && box.width > 300);
  const covered = innerWidth <= 1024;
  holds(`what it covers is out of reach: ${covered}`, [FORM, GRID, document.querySelector("header"), document.querySelector("footer")].every((node) => Boolean(node.closest("[inert]")) === covered));
  closePanel();
  holds("nothing is out of reach when it is closed", !document.querySelector("[inert]"));
  holds("the names of the columns are inside the grid", all("[role=columnheader] > span").every((node) => node.getBoundingClientRect().top >= GRID.getBoundingClientRect().top - 1));
  holds("everything stands in a landmark", [...document.body.children].every((node) => /^(A|HEADER|NAV|MAIN|FOOTER|SCRIPT|PRE)$/.test(node.tagName)));
  return said;
}

// A page of a run that has no result, and of one that has no law.
function emptyPage() {
  holds("that nothing came is said", document.getElementById("count").textContent === "No result came." && document.getElementById("rest").textContent.includes("No result came"));
  press("ArrowDown", GRID);
  return said;
}

function timings() {
  const times = { open: performance.now() };
  const timed = (name, act) => {
    document.body.offsetHeight;
    const start = performance.now();
    act();
    document.body.offsetHeight;
    times[name] = performance.now() - start;
  };
  timed("filter by text, the first time", () => type("kernel-7"));
  timed("filter by text", () => type("kernel-7 something-3"));
  timed("filter by text of laws", () => type("law-about-something-3"));
  timed("no filter again", () => type(""));
  timed("filter by verdict", () => document.querySelector(".chip.fail").click());
  choose({ verdict: "" });
  timed("filter by dtype", () => pick("dtype", "bfloat16"));
  pick("dtype", "");
  timed("filter by implementation", () => pick("impl", MADE[3].name));
  pick("impl", "");
  timed("filter by chapter", () => pick("chapter", "masks"));
  timed("show all", () => choose({ ...EMPTY }));
  timed("open a cell", () => openPanel(0, 0, true));
  return times;
}
