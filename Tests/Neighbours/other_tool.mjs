// The jobs kind of other_tool.py, in Node, as most tools of this format are.
import fs from "node:fs";
import { randomBytes } from "node:crypto";
import { parseArgs } from "node:util";

const text = (value) => ({ type: "string", default: String(value) });
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    kind: text("jobs"), lock: text("inside"), stale: text("content"), unreadable: text("empty"),
    "poll-ms": text(5), "between-ms": text(20), "job-seconds": text(5), seconds: text(1e9),
    keep: text(-1), name: text(`node${process.pid}`), seed: text(""),
    "touch-ours": { type: "boolean", default: false },
  },
});
const [project, logPath] = positionals;
const directory = `${project}/.specweave/state`;
const path = `${directory}/background-jobs.json`;
const lockPath = `${directory}/background-jobs.lock`;
fs.mkdirSync(directory, { recursive: true });

const numbers = {
  writes: 0, reads: 0, unparseable: 0, overwritten: 0, forced: 0, stolen: 0,
  items: 0, jobs: 0, vanished: 0,
};
const waits = [];
let isStopped = false;
let wasUnreadable = false;
const over = Date.now() + Number(options.seconds) * 1000;
for (const name of ["SIGTERM", "SIGINT"]) process.on(name, () => (isStopped = true));
const goesOn = () => !isStopped && Date.now() < over;
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const rest = () => sleep(Number(options["between-ms"]));
const log = (...words) => fs.appendFileSync(logPath, words.join(" ") + "\n");

function isStale() {
  try {
    const age = options.stale === "mtime"
      ? Date.now() - fs.statSync(lockPath).mtimeMs
      : Date.now() - parseInt(fs.readFileSync(lockPath, "utf8").split("\n")[1], 10);
    return age > 30000;
  } catch {
    return false;
  }
}

function release() {
  try { fs.unlinkSync(lockPath); } catch { /* somebody was faster */ }
}

async function acquire() {
  const began = performance.now();
  for (;;) {
    try {
      fs.writeFileSync(lockPath, `${process.pid}\n${Date.now()}`, { flag: "wx" });
      waits.push(performance.now() - began);
      return;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    if (isStale()) {
      numbers.stolen++;
      release();
    } else if (performance.now() - began > 5000) {
      numbers.forced++;
      release();
    } else {
      await sleep(Number(options["poll-ms"]));
    }
  }
}

function load() {
  numbers.reads++;
  wasUnreadable = false;
  try {
    return JSON.parse(fs.readFileSync(path, "utf8"));
  } catch (error) {
    if (error.code !== "ENOENT") {
      numbers.unparseable++;
      wasUnreadable = true;
    }
    return { jobs: [] };
  }
}

function save(document) {
  numbers.overwritten += wasUnreadable ? 1 : 0;
  fs.writeFileSync(path, JSON.stringify(document, null, 2));
  numbers.writes++;
}

async function edit(change) {
  let document;
  if (options.lock !== "inside") document = load();
  if (options.lock !== "none") await acquire();
  try {
    document ??= load();
    if (change(document) === false) return false;
    save(document);
    return true;
  } finally {
    if (options.lock !== "none") release();
  }
}

// A job that is gone is given three seconds to come back.
async function changeJob(id, change) {
  const deadline = Date.now() + 3000;
  for (;;) {
    const isWritten = await edit((document) => {
      const job = (document.jobs ?? []).find((job) => job.id === id);
      return job === undefined ? false : change(job, document);
    });
    if (isWritten) return true;
    numbers.vanished += wasUnreadable ? 0 : 1;
    if (Date.now() > deadline) return false;
    await rest();
  }
}

const now = () => new Date().toISOString();

async function oneJob() {
  const id = randomBytes(4).toString("hex");
  await edit((document) => {
    (document.jobs ??= []).push({
      id, type: "clone-repos", status: "running",
      progress: { current: 0, total: 1000, percentage: 0, itemsCompleted: [], itemsFailed: [] },
      startedAt: now(), updatedAt: now(),
      config: { type: "clone-repos", repositories: [], projectPath: "C:\\Users\\é" },
    });
  });
  log("begin", id);
  numbers.jobs++;
  const end = Date.now() + Number(options["job-seconds"]) * 1000;
  for (let n = 1; goesOn() && Date.now() < end; n++) {
    await rest();
    const isWritten = await changeJob(id, (job, document) => {
      job.progress.itemsCompleted.push(`item-${n}`);
      job.progress.current = job.progress.itemsCompleted.length;
      job.updatedAt = now();
      if (n % 5 === 0) {
        job.config.note = n;
        (document.shared ??= {})[options.name] = `${id}-${n}`;
      }
    });
    if (!isWritten) break;
    numbers.items++;
    log("item", id, `item-${n}`);
    if (n % 5 !== 0) continue;
    log("set", id, "config.note", n);
    log("top", `shared.${options.name}`, JSON.stringify(`${id}-${n}`));
  }
  const status = numbers.jobs % 2 ? "completed_with_warnings" : "completed";
  const isEnded = await changeJob(id, (job) => {
    job.status = status;
    job.completedAt = job.updatedAt = now();
  });
  if (isEnded) log("end", id, status);
}

while (goesOn()) await oneJob();
waits.sort((a, b) => a - b);
const round = (ms) => Math.round((ms ?? 0) * 100) / 100;
numbers.wait_max_ms = round(waits.at(-1));
numbers.wait_p99_ms = round(waits[Math.floor((waits.length * 99) / 100)]);
console.log(JSON.stringify(numbers));
