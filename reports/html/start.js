// Begin: build once, then show what the address asks for.

// A link to a cell takes its reader there, the focus included.
function showState() {
  if (!readState()) return;
  showFilter();
  showPanel();
  if (!openCell()) return;
  cellAt(place.law, place.made).scrollIntoView({ block: "center" });
  PANEL.querySelector("h3").focus();
}

buildGrids();
buildFilter();
cueTables();
watchCauses();
listenToKeys();
readState();
showFilter();
unfold();
showPanel();
if (openCell()) cellAt(place.law, place.made).scrollIntoView({ block: "center" });
window.addEventListener("hashchange", showState);
window.addEventListener("popstate", showState);
window.addEventListener("resize", fitGrids);
document.addEventListener("toggle", showCues, true);
COVERS.addEventListener("change", coverRest);
