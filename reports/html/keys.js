// The grid by keyboard: one cell is in the tab order, arrows move it over what is shown.

const place = { law: 0, made: 0 };

// What is shown, from top to bottom: {grid, law}.
function shownRows() {
  return grids.filter((grid) => !grid.node.hidden).flatMap((grid) =>
    grid.groups.flatMap((group) => group.laws).filter((law) => !grid.lines[law].node.hidden).map((law) => ({ grid, law })));
}

const placeIn = (rows) => rows.findIndex((row) => row.law === place.law && row.grid === gridOf(place.made));

// The cell that Tab reaches is one that is shown.
function keepTabStop() {
  const rows = shownRows();
  cellAt(place.law, place.made)?.setAttribute("tabindex", "-1");
  if (!rows.length) return;
  const { grid, law } = rows[Math.max(0, placeIn(rows))];
  const columns = columnsOf(grid);
  Object.assign(place, { law, made: columns.includes(place.made) ? place.made : columns[0] });
  cellAt(place.law, place.made).setAttribute("tabindex", "0");
}

function moveTo(law, made, focus = true) {
  cellAt(place.law, place.made)?.setAttribute("tabindex", "-1");
  Object.assign(place, { law, made });
  const cell = cellAt(law, made);
  cell.setAttribute("tabindex", "0");
  if (focus) {
    cell.focus({ preventScroll: true });
    cell.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
}

// A step past the end of a grid goes on in the next one, in the column that stands at the same place.
function step(key, control) {
  const rows = shownRows();
  let y = placeIn(rows);
  if (y < 0) return false;
  const columns = columnsOf(rows[y].grid);
  let x = columns.indexOf(place.made);
  if (key === "ArrowDown") y += 1;
  else if (key === "ArrowUp") y -= 1;
  else if (key === "ArrowRight") x += 1;
  else if (key === "ArrowLeft") x -= 1;
  else if (key === "PageDown") y += 10;
  else if (key === "PageUp") y -= 10;
  else if (key === "Home") { x = 0; if (control) y = 0; }
  else if (key === "End") { x = columns.length - 1; if (control) y = rows.length - 1; }
  else return false;
  const { grid, law } = rows[Math.min(Math.max(y, 0), rows.length - 1)];
  const to = columnsOf(grid);
  moveTo(law, to[Math.min(Math.max(x, 0), to.length - 1)]);
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
  GRIDS.addEventListener("keydown", (event) => {
    if (!event.target.dataset.at || event.altKey || event.metaKey) return;
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); openPanel(place.law, place.made, true); }
    else if (step(event.key, event.ctrlKey)) event.preventDefault();
  });
  GRIDS.addEventListener("click", (event) => {
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
