// Attention in JavaScript for attnspec. Arrays are .npy files in the folder that the first message names.
//
//     attnspec run "process:node attention.js"
//
// With --forget-the-root the scale is 1/D, which is a mistake that attnspec names.

"use strict";

const fs = require("fs");
const path = require("path");
const readline = require("readline");

const forgets = process.argv.includes("--forget-the-root");
let folder = "";

// The numbers of a .npy file of float32 in the order of C. Its header's length stands in bytes 8 and 9.
function load(place) {
  const bytes = fs.readFileSync(place.file);
  const begin = 10 + bytes.readUInt16LE(8);
  const numbers = new Float32Array((bytes.length - begin) / 4);
  for (let n = 0; n < numbers.length; n++) numbers[n] = bytes.readFloatLE(begin + 4 * n);
  return { numbers, shape: place.shape };
}

function save(name, numbers, shape) {
  const file = path.join(folder, name);
  const dict = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(", ")}${shape.length === 1 ? "," : ""}), }`;
  const header = dict.padEnd(64 * Math.ceil((dict.length + 11) / 64) - 11) + "\n";
  const begin = Buffer.concat([Buffer.from([0x93]), Buffer.from("NUMPY\u0001\u0000", "latin1"), Buffer.alloc(2)]);
  begin.writeUInt16LE(header.length, 8);
  fs.writeFileSync(file, Buffer.concat([begin, Buffer.from(header, "latin1"), Buffer.from(Float32Array.from(numbers).buffer)]));
  return { dtype: "float32", shape, file };
}

// Throws where arrays do not fit together.
function check(given) {
  const { q, k, v } = given;
  const must = (holds, why) => {
    if (!holds) throw new Error(why);
  };
  must([q, k, v].every((each) => each.dtype === "float32"), "all arrays must be float32");
  must(q.shape[0] === k.shape[0] && k.shape[0] === v.shape[0], "batches differ");
  must(k.shape[1] === v.shape[1] && (q.shape[1] === 0 || q.shape[1] % k.shape[1] === 0), "heads do not fit together");
  must(k.shape[2] === v.shape[2], "keys and values differ in number");
  must(q.shape[3] === k.shape[3], "queries and keys differ in features");
}

function attend(q, k, v, options) {
  const [B, H, Sq, D] = q.shape;
  const [, kvHeads, Sk] = k.shape;
  const Dv = v.shape[3];
  const scale = options.scale ?? (forgets ? 1 / D : 1 / Math.sqrt(D));
  const out = new Float64Array(B * H * Sq * Dv);
  for (let b = 0; b < B; b++) {
    for (let h = 0; h < H; h++) {
      const pair = b * kvHeads + Math.floor(h / (H / kvHeads));
      for (let i = 0; i < Sq; i++) {
        const row = (b * H + h) * Sq + i;
        const scores = new Float64Array(Sk);
        let most = -Infinity;
        for (let j = 0; j < Sk; j++) {
          for (let d = 0; d < D; d++) scores[j] += q.numbers[row * D + d] * k.numbers[(pair * Sk + j) * D + d];
          scores[j] *= scale;
          most = Math.max(most, scores[j]);
        }
        const weights = scores.map((score) => Math.exp(score - most));
        const sum = weights.reduce((total, weight) => total + weight, 0);
        for (let j = 0; j < Sk; j++) {
          for (let d = 0; d < Dv; d++) out[row * Dv + d] += (weights[j] / sum) * v.numbers[(pair * Sk + j) * Dv + d];
        }
      }
    }
  }
  return save("out.npy", out, [B, H, Sq, Dv]);
}

const answers = {
  start: (message) => {
    folder = message.folder;
    return { type: "started", protocol: 1 };
  },
  describe: () => ({
    type: "described",
    operation: "attention",
    name: "js/attention",
    arrays: "npy",
    options: ["scale"],
    conventions: { empty_rows: "zeros" },
  }),
  run: ({ arguments: given, options }) => {
    check(given);
    return { type: "returned", results: [attend(load(given.q), load(given.k), load(given.v), options)] };
  },
  stop: () => process.exit(0),
};

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  let answer;
  try {
    const message = JSON.parse(line);
    const known = answers[message.type];
    answer = known ? known(message) : { type: "raised", message: `an unknown message: ${message.type}` };
  } catch (error) {
    answer = { type: "raised", message: String(error) };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
});
