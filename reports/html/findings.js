// The causes, filtered as the grids are: a card is shown while one of its results is, and a line in it likewise.

const CAUSES = [...document.querySelectorAll(".causes > li")].map((node) => ({ node, rows: rowsOf(node), lines: [...node.querySelectorAll(".laws > li[data-rows]")].map((line) => ({ node: line, rows: rowsOf(line) })) }));

function rowsOf(node) {
  return node.dataset.rows.split(",").map(Number);
}

// Hides what does not fit, and gives what is left in words.
function showFindings() {
  const fits = ({ rows }) => rows.some((row) => SELECTED[row]);
  let shown = 0;
  for (const cause of CAUSES) {
    cause.node.hidden = !fits(cause);
    shown += !cause.node.hidden;
    if (!cause.node.hidden) for (const line of cause.lines) line.node.hidden = !fits(line);
  }
  for (const fold of document.querySelectorAll(".expected")) fold.hidden = !fold.querySelector(".causes > li:not([hidden])");
  const none = document.getElementById("nocause");
  if (none) none.hidden = shown > 0;
  if (!CAUSES.length) return "";
  return `${shown === CAUSES.length ? shown : `${shown} of ${CAUSES.length}`} cause${CAUSES.length === 1 ? "" : "s"}`;
}

// Pictures are drawn when their card is opened for the first time.
function watchCauses() {
  for (const { node } of CAUSES) {
    const details = node.querySelector("details");
    const draw = () => { if (details.open) drawPicture(node.querySelector("[data-picture]")); };
    details.addEventListener("toggle", draw);
    draw();
  }
  for (const button of document.querySelectorAll(".causes .copied button")) {
    button.addEventListener("click", (event) => copy(event.target, event.target.previousElementSibling));
  }
}

// The mask where it is wrong, else the weights: a card has room for what says most. The whole stands in the cell.
function drawPicture(place) {
  if (!place || place.dataset.drawn) return;
  place.dataset.drawn = "yes";
  const found = more(Number(place.dataset.picture)).diagnosis;
  if (!found || !found.pictures || found.pictures === true) return;
  const figure = pictures(found.pictures);
  const [masks, weights] = figure.querySelectorAll(".panels");
  const [, scale] = figure.querySelectorAll(".legend");
  const hidden = masks.querySelector(".leaked, .lost, .sign");
  const apart = [...weights.lastChild.querySelectorAll(".apart, .lost")].some((cell) => cell.getAttribute("fill-opacity") !== "0.000");
  if (!hidden && !apart) return place.remove();
  (hidden ? weights : masks).remove();
  scale.remove();
  place.replaceChildren(figure);
}
