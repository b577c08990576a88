// Begin: build once, then show what the address asks for.

function showState() {
  if (!readState()) return;
  showFilter();
  showPanel();
  if (openCell()) cellAt(place.law, place.made).scrollIntoView({ block: "nearest" });
}

buildGrid();
buildFilter();
listenToKeys();
readState();
showFilter();
fitGrid();
showPanel();
if (openCell()) cellAt(place.law, place.made).scrollIntoView({ block: "center" });
window.addEventListener("hashchange", showState);
window.addEventListener("popstate", showState);
window.addEventListener("resize", fitGrid);
COVERS.addEventListener("change", coverRest);
