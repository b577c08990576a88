// The grid by keyboard: one cell is in the tab order, arrows move it over what is shown.

const place = { law: 0, made: 0 };
const order = []; // laws from top to bottom

function shownLaws() {
  return order.filter((n) => !lines[n].node.hidden);
}

function shownColumns() {
  return MADE.map((_, m) => m).filter((m) => !state.impl || MADE[m].name === state.impl);
}

// The cell that Tab reaches is one that is shown.
function keepTabStop() {
  if (!order.length) order.push(...groups.flatMap((group) => group.laws));
  const laws = shownLaws(), columns = shownColumns();
  cellAt(place.law, place.made)?.setAttribute("tabindex", "-1");
  if (!laws.length || !columns.length) return;
  if (!laws.includes(place.law)) place.law = laws[0];
  if (!columns.includes(place.made)) place.made = columns[0];
  cellAt(place.law, place.made).setAttribute("tabindex", "0");
}

function moveTo(law, made, focus = true) {
  cellAt(place.law, place.made).setAttribute("tabindex", "-1");
  Object.assign(place, { law, made });
  const cell = cellAt(law, made);
  cell.setAttribute("tabindex", "0");
  if (focus) {
    cell.focus({ preventScroll: true });
    cell.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
}

function step(key, control) {
  const laws = shownLaws(), columns = shownColumns();
  let y = laws.indexOf(place.law), x = columns.indexOf(place.made);
  if (key === "ArrowDown") y += 1;
  else if (key === "ArrowUp") y -= 1;
  else if (key === "ArrowRight") x += 1;
  else if (key === "ArrowLeft") x -= 1;
  else if (key === "PageDown") y += 10;
  else if (key === "PageUp") y -= 10;
  else if (key === "Home") { x = 0; if (control) y = 0; }
  else if (key === "End") { x = columns.length - 1; if (control) y = laws.length - 1; }
  else return false;
  moveTo(laws[Math.min(Math.max(y, 0), laws.length - 1)], columns[Math.min(Math.max(x, 0), columns.length - 1)]);
  return true;
}

// What scrolls takes the focus where it holds nothing that does, for a reader who has no mouse.
function reachable(boxes) {
  for (const box of boxes) {
    const scrolls = box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight;
    if (scrolls) box.setAttribute("tabindex", "0");
    else box.removeAttribute("tabindex");
  }
}

function listenToKeys() {
  GRID.addEventListener("keydown", (event) => {
    if (!event.target.dataset.at || event.altKey || event.metaKey) return;
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); openPanel(place.law, place.made, true); }
    else if (step(event.key, event.ctrlKey)) event.preventDefault();
  });
  GRID.addEventListener("click", (event) => {
    const cell = event.target.closest("[data-at]");
    if (!cell) return;
    const [law, made] = cell.dataset.at.split(",").map(Number);
    moveTo(law, made);
    openPanel(law, made, false);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && state.cell) { event.preventDefault(); closePanel(); }
    if (event.key === "/" && !/INPUT|SELECT|TEXTAREA/.test(event.target.tagName)) { event.preventDefault(); FORM.q.focus(); }
  });
}
