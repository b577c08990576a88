// Checks that run in the page. Each gives a list of {what, holds}, or times in milliseconds by name.

function report(check) {
  let found;
  try { found = check(); } catch (error) { found = [{ what: `${check.name}: ${error.stack}`, holds: false }]; }
  const pre = document.createElement("pre");
  pre.id = "checked";
  pre.textContent = JSON.stringify(found);
  top.document.body.append(pre); // In a frame, the page is as narrow as the frame.
}

const told = [];
const holds = (what, value) => told.push({ what, holds: Boolean(value) });
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
  holds("what a cause says stays text", !document.querySelector(".causes b, .causes script"));
  holds("the picture of the first cause is its mask alone", document.querySelectorAll(".causes [open] .panels").length === 1);
  const finding = document.querySelector(".causes .laws a");
  finding.focus();
  history.replaceState(null, "", finding.hash);
  window.dispatchEvent(new Event("hashchange"));
  holds("a finding leads to its cell, and the focus with it", location.hash.startsWith("#cell=") && document.activeElement === panel.querySelector("h3"));
  press("Escape");
  holds("Escape closes and gives the focus back", panel.hidden && document.activeElement.dataset.at !== undefined);
  type("masks/c");
  holds("a search leaves one law and one implementation", all("[data-at]").length === 1 && all(".row:not(.heads):not(.chap)").length === 1);
  holds("a search leaves no cause that does not fit", shownCauses() === 0 && all("#nocause").length === 1);
  type("nothing fits this");
  holds("a search without a hit says so", document.getElementById("count").textContent.includes("Nothing fits"));
  type("no such shape");
  holds("a search finds messages", all(".v:not(.none)").length === 1 && shownCauses() === 1);
  document.querySelector("button[type=reset]").click();
  holds("Show all shows all", all("[data-at]").length === 6 && shownCauses() === 3 && location.hash === "");
  document.querySelector(".chip.fail").click();
  holds("a verdict is chosen", all(".v:not(.none)").length === 1 && location.hash === "#verdict=fail");
  holds("a verdict leaves its columns", all("[role=columnheader].c").length === 1);
  holds("a verdict leaves its causes", shownCauses() === 1 && document.getElementById("count").textContent.includes("1 of 3 causes"));
  document.querySelector(".chip.fail").click();
  pick("dtype", "float32");
  holds("a dtype is chosen from a list, and changes the worst verdict", all(".v.fail").length === 0 && all(".v.pass").length === 2);
  holds("a dtype leaves its causes", shownCauses() === 2);
  pick("dtype", "");
  pick("impl", "one");
  holds("an implementation leaves one column", all("[role=columnheader].c").length === 1 && location.hash === "#impl=one");
  holds("an implementation leaves its causes", shownCauses() === 2 && all(".expected").length === 0);
  showOverview();
  holds("plots are of what is chosen", [...OVERVIEW.querySelectorAll("text")].some((node) => node.textContent.startsWith("weights")));
  pick("impl", "");
  pick("chapter", "masks");
  holds("a chapter leaves its laws", all(".row:not(.heads):not(.chap)").length === 1 && shownCauses() === 0);
  pick("chapter", "");
  pick("level", "must");
  holds("a level leaves its laws", all(".row:not(.heads):not(.chap)").length === 2 && shownCauses() === 3);
  pick("level", "");
  showOverview();
  holds("error over bound is plotted over keys, by dtype, and by implementation", OVERVIEW.querySelectorAll("svg.plot").length === 3);
  return told;
}

const shownCauses = () => document.querySelectorAll(".causes > li:not([hidden])").length;

// The verdict and what explains it stand where no reader must scroll.
function firstScreen() {
  const below = (node) => node.getBoundingClientRect().bottom;
  holds("the verdict is on the first screen", below(document.querySelector("h1")) < innerHeight / 2);
  const card = document.querySelector(".causes details");
  holds(`the first cause is on the first screen, its case and picture included: ${Math.round(below(card.querySelector(".case")))}`,
    card.open && below(card.querySelector(".case")) < innerHeight && below(card.querySelector("svg.cells")) < innerHeight);
  return told;
}

// Two operations, one of them with more columns than there is room for.
function operations() {
  holds("each operation has a grid of its own", all(".grid").length === 2);
  holds("no grid has columns of another operation", all(".operation").map((node) => node.querySelectorAll("[role=columnheader].c").length).join() === "18,2");
  const [box] = all(".gridbox"), scrolls = box.scrollWidth > box.clientWidth + 1;
  holds(`a cue stands where a grid scrolls (${scrolls}), and nowhere else`, all(".grid").every((grid) => Boolean(grid.querySelector(".cue:not([hidden])")) === (grid.querySelector(".gridbox").scrollWidth > grid.querySelector(".gridbox").clientWidth + 1)));
  if (scrolls) countedCue(box);
  box.scrollLeft = box.scrollWidth;
  pick("impl", MADE[17].name);
  const cell = all("[data-at]")[0].getBoundingClientRect(), name = all(".row:not(.heads):not(.chap) > .law")[0].getBoundingClientRect();
  holds("the only column that is left is beside the names, not under them", cell.left >= name.right - 1 && cell.right <= innerWidth);
  holds("and has no cue", all(".cue").length === 0 || all(".cue").every((cue) => !cue.closest(".grid")));
  holds("an operation in which nothing fits is gone", all(".grid").length === 1);
  pick("impl", "");
  pick("operation", "linear_attention");
  holds("an operation leaves its grid and its cause", all(".grid").length === 1 && shownCauses() === 1);
  pick("operation", "");
  moveTo(1, 17);
  press("ArrowDown");
  holds(`the down arrow goes on in the next grid: ${document.activeElement.dataset.at}`, document.activeElement.dataset.at === "2,19");
  press("ArrowUp");
  holds("and the up arrow back", document.activeElement.dataset.at.startsWith("1,"));
  return told;
}

function countedCue(box) {
  const cue = box.parentNode.querySelector(".cue"), right = () => box.getBoundingClientRect().right;
  const beyond = [...box.querySelector(".row").children].filter((cell) => cell.getBoundingClientRect().right > right() + 8).length;
  holds(`the cue counts the columns out of sight: ${cue.textContent}`, cue.textContent === `${beyond} more column${beyond === 1 ? "" : "s"} →`);
  const heads = box.parentNode.querySelector(".headbox");
  box.scrollLeft = 60;
  box.dispatchEvent(new Event("scroll"));
  holds("names of columns scroll with them", heads.scrollLeft === box.scrollLeft && box.scrollLeft > 0);
  box.scrollLeft = 0;
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
  return told;
}

function layout() {
  const wide = document.documentElement.clientWidth;
  holds(`nothing is wider than the window of ${wide} pixels`, document.documentElement.scrollWidth <= wide);
  choose({ cell: cellName(0, 0) });
  showPanel();
  const box = document.getElementById("panel").getBoundingClientRect();
  holds("the drill-down is inside the window", box.left >= 0 && box.right <= innerWidth && box.width > 300);
  const covered = innerWidth <= 1024;
  holds(`what it covers is out of reach: ${covered}`, [FORM, GRIDS, document.querySelector("header"), document.querySelector("footer")].every((node) => Boolean(node.closest("[inert]")) === covered));
  closePanel();
  holds("nothing is out of reach when it is closed", !document.querySelector("[inert]"));
  holds("the names of the columns are inside the grid", all("[role=columnheader] > span").every((node) => node.getBoundingClientRect().top >= node.closest(".grid").getBoundingClientRect().top - 1));
  holds("everything stands in a landmark", [...document.body.children].every((node) => /^(A|HEADER|NAV|MAIN|FOOTER|SCRIPT|PRE)$/.test(node.tagName)));
  return told;
}

// A page of a run that has no result, and of one that has no law.
function emptyPage() {
  holds("that nothing came is said", document.getElementById("count").textContent === "No result came." && document.getElementById("causes").textContent.includes("No result came"));
  press("ArrowDown", GRIDS);
  return told;
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
  timed("draw the plots", showOverview);
  timed("open a cell", () => openPanel(0, 0, true));
  return times;
}
