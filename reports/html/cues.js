// What is wider than its place scrolls by itself and says so: a shadow at the edge, and in words how many columns lie beyond it.

const cues = []; // of everything that may scroll: a function that brings its cue up to date

// place: where the words go. frame: what gets the shadow. box: what scrolls. beyond: () => {left, right} in columns.
function cued(place, frame, box, beyond) {
  const button = h("button", { type: "button", class: "cue", tabindex: "-1", hidden: true, onclick: () => scrollOn(box) });
  place.prepend(button);
  const show = () => {
    const { left, right } = beyond();
    frame.classList.toggle("more-left", left > 0);
    frame.classList.toggle("more-right", right > 0);
    button.hidden = !left && !right;
    button.textContent = right ? `${columns(right)} →` : `← ${columns(left)}`;
  };
  box.addEventListener("scroll", show, { passive: true });
  cues.push(show);
  return show;
}

const columns = (count) => `${count} more column${count === 1 ? "" : "s"}`;

// A press goes on by most of a width, and from the end back to the beginning.
function scrollOn(box) {
  const end = box.scrollLeft + box.clientWidth >= box.scrollWidth - 4;
  const left = end ? 0 : box.scrollLeft + box.clientWidth * 0.7;
  box.scrollTo({ left, behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
}

// Tables of the sections, which stand without scripts.
function cueTables() {
  for (const box of document.querySelectorAll(".wide")) cued(box.parentNode, box.parentNode, box, () => tableBeyond(box));
}

function tableBeyond(box) {
  const { left, right } = box.getBoundingClientRect();
  const named = box.querySelector("thead th")?.getBoundingClientRect().right ?? left;
  const heads = [...box.querySelectorAll("thead th:not(:first-child)")].map((head) => head.getBoundingClientRect());
  const covered = getComputedStyle(box.querySelector("tbody th") || box).position === "sticky" ? named : left;
  return {
    left: heads.filter((head) => head.width && head.left < covered - 4).length,
    right: heads.filter((head) => head.width && head.right > right + 4).length,
  };
}

function showCues() {
  cues.forEach((show) => show());
  reachable(document.querySelectorAll(".wide, .gridbox"));
}
