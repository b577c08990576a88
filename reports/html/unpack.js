// Reads the columns of data.py again. A cell is one law on one implementation; its rows are the dtypes.

const DATA = JSON.parse(document.getElementById("data").textContent);
const KINDS = ["pass", "not-claimed", "inconclusive", "known", "error", "fail"]; // from the best to the worst
const WORDS = { known: "known failure", "not-claimed": "not claimed" };
const ROWS = DATA.rows;
const LAWS = DATA.laws;
const MADE = DATA.implementations;
const CHAPTERS = [...new Set(LAWS.map((law) => law.chapter))];
const OPERATIONS = [...new Set(MADE.map((made) => made.operation))];

const more = (row) => DATA.more[row] || {};
const text = (number) => DATA.texts[number];
const word = (kind) => WORDS[KINDS[kind]] || KINDS[kind];
const number = (count) => count.toLocaleString("en");

// The kind of each row: its verdict, or `known` where a baseline expects the failure.
const KIND = Array.from(ROWS.verdict, (digit, row) =>
  more(row).known ? KINDS.indexOf("known") : KINDS.indexOf(DATA.verdicts[digit]));

// Rows by law and implementation.
const CELLS = LAWS.map(() => MADE.map(() => []));
ROWS.law.forEach((law, row) => CELLS[law][ROWS.implementation[row]].push(row));

function worst(rows) {
  return rows.reduce((kind, row) => Math.max(kind, KIND[row]), -1);
}

// A case in full, from what is left of it without the law and the dtype of its row.
function caseOf(row, short) {
  const whole = /^(&|$)/.test(short);
  return whole ? `${LAWS[ROWS.law[row]].id}?dtype=${DATA.dtypes[ROWS.dtype[row]]}${short}` : short;
}

function worstCase(row) {
  const short = text(ROWS.worst[row]);
  return short && caseOf(row, short);
}

// Points {keys, ratio} of the plot; four characters each.
function pointsOf(row) {
  const packed = text(ROWS.points[row]);
  const points = [];
  for (let n = 0; n < packed.length; n += 4) {
    const level = parseInt(packed.slice(n + 2, n + 4), 36);
    points.push({ keys: DATA.keys[parseInt(packed.slice(n, n + 2), 36)], ratio: level && 2 ** ((level - 640) / 16) });
  }
  return points;
}

function bytes(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

function bit(packed, n) {
  return (packed[n >> 3] >> (7 - (n & 7))) & 1;
}

// Names of the faults whose bits are set, least byte first.
function faultsIn(base64) {
  const packed = bytes(base64);
  return DATA.faults.filter((_, n) => (packed[n >> 3] >> (n & 7)) & 1);
}
