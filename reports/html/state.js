// What is shown stands in the fragment of the address, so that a link shows the same to another reader.

const EMPTY = { q: "", verdict: "", operation: "", chapter: "", level: "", dtype: "", impl: "", cell: "" };
const state = { ...EMPTY };

// A fragment without "=" is the name of a section and changes nothing.
function readState() {
  const fragment = location.hash.slice(1);
  if (fragment && !fragment.includes("=")) return false;
  const given = new URLSearchParams(fragment);
  for (const name of Object.keys(EMPTY)) state[name] = given.get(name) || "";
  return true;
}

function fragment() {
  const kept = Object.keys(EMPTY).filter((name) => state[name]);
  const encoded = (value) => encodeURIComponent(value).replaceAll("%2F", "/").replaceAll("%40", "@").replaceAll("%2C", ",");
  return kept.map((name) => `${name}=${encoded(state[name])}`).join("&");
}

// Opening a cell is a step that the reader can go back from; filtering is none.
function writeState(step) {
  const address = `#${fragment()}`;
  if (address === (location.hash || "#")) return;
  history[step ? "pushState" : "replaceState"](null, "", address);
}

const cellName = (law, made) => `${LAWS[law].id}@${MADE[made].name}`;

// {law, made} of state.cell, or null where there is no such cell.
function openCell() {
  const at = state.cell.indexOf("@");
  const law = LAWS.findIndex((each) => each.id === state.cell.slice(0, at));
  const made = MADE.findIndex((each) => each.name === state.cell.slice(at + 1));
  return at > 0 && law >= 0 && made >= 0 && cellAt(law, made) ? { law, made } : null;
}
