// The pages of `segue explore` and `segue compare` in a real browser, opened from a file with the network off.
//
//   SEGUE=target/release/segue MODULES=folder/with/node_modules node crates/segue/tests/browser/pages.mjs [screenshots]
//
// Asks of every page: no message on the console, no request but the file itself, a picture, a table or a reason in every section,
// nothing cut off at 360 and 1280 pixels in light and dark, no violation that axe-core knows, and the same content
// without scripts. CHROMIUM names another browser, SEGUE_DATA the folder of public data sets.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";

const require = createRequire(path.resolve(process.env.MODULES ?? ".", "package.json"));
const { chromium } = require("playwright-core");
const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const segue = path.resolve(process.env.SEGUE ?? "target/release/segue");
const screenshots = process.argv[2];
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), "segue-pages-"));
const faults = [];

/** Builds a page; `overrides` is a command line without quotes. */
function build(name, overrides) {
  const file = path.join(scratch, `${name}.html`);
  run(["explore", ...overrides, "--out", file]);
  return { name, file, sections: 11 };
}

/** Results of models. */
function results(name, overrides) {
  const file = path.join(scratch, `${name}.html`);
  run(["compare", ...overrides, "--html", file]);
  return { name, file, sections: 9 };
}

function run(words) {
  const done = spawnSync(segue, words, { cwd: scratch, encoding: "utf8" });
  if (done.status !== 0) throw new Error(`segue ${words.join(" ")}: ${done.stderr}`);
}

/** Two domains whose every word is an attack, one of them without times. */
function hostile() {
  const attack = (n) => `</title></script><script>window.hacked=${n}</script><img src=x onerror='window.hacked=${n}'>`;
  for (const domain of ["left", "right"]) {
    fs.mkdirSync(path.join(scratch, "hostile", domain), { recursive: true });
    const at = (file) => path.join(scratch, "hostile", domain, file);
    const pairs = [...Array(12).keys()].flatMap((u) => [...Array(6).keys()].map((k) => [u, (u * 5 + k * 3) % 11]));
    const events = pairs.map(([u, i], n) => `u${u},i${i},${1 + ((u + i) % 5)},${1500000000 + 90000 * n}`);
    fs.writeFileSync(at("ratings.csv"), `user,item,rating,timestamp\n${events.join("\n")}\n`);
    const items = [...Array(11).keys()].map((i) => `i${i},"${attack(i)}","${attack(100 + (i % 3))}|plain"`);
    fs.writeFileSync(at("items.csv"), `item,title,categories\n${items.join("\n")}\n`);
  }
  const root = path.join(scratch, "hostile");
  return build("hostile", ["data=pair", `data.root=${root}`, "data.source=left", "data.target=right"]);
}

/** A log of nothing but pairs: no values, no times, no genres, one domain. */
function bare() {
  const lines = [...Array(20).keys()].map((u) => `${u} ${u % 7} ${(u + 1) % 7} ${(u + 3) % 7}`);
  fs.writeFileSync(path.join(scratch, "bare.txt"), `${lines.join("\n")}\n`);
  return build("bare", ["data=log", `data.root=${path.join(scratch, "bare.txt")}`, "split=ratio"]);
}

/** More domains than there are colours, with long names. */
function many() {
  const names = [...Array(11).keys()].map((n) => `a_domain_with_a_long_name_${n}`);
  names.forEach((name, n) => {
    const lines = [...Array(30).keys()].flatMap((u) => [0, 1, 2, 3].map((k) => `u${u + n},i${(u * (k + 2) + n) % 17},${1 + (k % 5)},${1500000000 + 86400 * (u + 40 * k)}`));
    fs.writeFileSync(path.join(scratch, `${name}.csv`), `user,item,rating,timestamp\n${lines.join("\n")}\n`);
  });
  const domains = names.map((name) => `{name: ${name}, path: ${path.join(scratch, `${name}.csv`)}}`);
  return build("many", ["data=log", `data.domains=[${domains.join(", ")}]`, `data.target=${names[10]}`]);
}

/** Everything that can be asked inside the page; runs there. */
function inspect(expected) {
  const found = [];
  const sections = [...document.querySelectorAll("main > section")];
  if (sections.length !== expected) found.push(`${sections.length} sections`);
  for (const section of sections) {
    const reason = /Has none|Nothing stands out/.test(section.textContent);
    if (!reason && !section.querySelector("svg, table, ul")) found.push(`#${section.id} has nothing to look at`);
  }
  const page = document.documentElement;
  if (page.scrollWidth > page.clientWidth) found.push(`${page.scrollWidth} px wide on ${page.clientWidth}`);
  // On a desk every link of the bar is in sight.
  const places = document.querySelector(".places");
  if (page.clientWidth > 1200 && places.scrollWidth > places.clientWidth) found.push("links of the bar are out of sight");
  for (const svg of document.querySelectorAll("svg.plot")) {
    const outer = svg.getBoundingClientRect();
    if (outer.width === 0) continue;
    const title = svg.querySelector("title").textContent;
    if (!svg.querySelector("rect, path, circle")) found.push(`${title}: empty picture`);
    const seen = new Map();
    for (const text of svg.querySelectorAll("text")) {
      const box = text.getBoundingClientRect();
      // A card has this much room around its picture.
      const out = Math.max(outer.left - box.left, box.right - outer.right, outer.top - box.top, box.bottom - outer.bottom);
      if (out > 6) found.push(`${title}: "${text.textContent}" leaves the picture by ${out.toFixed(1)} px`);
      if (text.matches(".tick.mid")) {
        const row = seen.get(Math.round(box.top)) ?? [];
        if (row.some((other) => other.left < box.right - 1 && box.left < other.right - 1)) found.push(`${title}: "${text.textContent}" covers a neighbour`);
        seen.set(Math.round(box.top), [...row, box]);
      }
    }
  }
  if (window.hacked !== undefined) found.push("a foreign word became a script");
  return found;
}

/** The switches and the tip, by pointer. */
async function interact(page, say) {
  for (const fold of await page.locator(".fold summary").all()) await fold.click();
  const chip = page.locator("[data-chip] button").first();
  if (await chip.count()) {
    // On a phone the wide twin of a picture is not drawn.
    let curve;
    for (const one of await page.locator("#spread g[data-s='0'], #coverage g[data-s='0']").all()) {
      if (!curve && (await one.isVisible())) curve = one;
    }
    if (!curve) return say("the first name has no curve");
    await chip.click();
    if (await curve.isVisible()) say("a switched-off name is still drawn");
    await chip.click();
    if (!(await curve.isVisible())) say("a name does not come back");
  }
  for (const fold of await page.locator(".fold summary").all()) await fold.click();
  const mark = page.locator("#preparation [data-tip], #sizes [data-tip], #metrics [data-tip]").first();
  await mark.scrollIntoViewIfNeeded();
  await mark.hover();
  if (!(await page.locator(".tip").isVisible())) say("a mark has no tip");
}

async function look(browser, { name, file, sections }, width, colorScheme) {
  const say = (what) => faults.push(`${name} ${width} px ${colorScheme}: ${what}`);
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme, offline: true, reducedMotion: "reduce" });
  const page = await context.newPage();
  page.on("console", (message) => say(`console: ${message.text()}`));
  page.on("pageerror", (error) => say(`error: ${error}`));
  page.on("request", (request) => request.url().startsWith("file:") || say(`asks for ${request.url()}`));
  await page.goto(pathToFileURL(file).href);
  (await page.evaluate(inspect, sections)).forEach(say);
  if (screenshots) await page.screenshot({ path: path.join(screenshots, `${name}-${width}-${colorScheme}.png`), fullPage: true });
  await interact(page, say);
  await page.evaluate(() => document.querySelectorAll("details").forEach((details) => (details.open = true)));
  if (await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth)) say("opened tables are too wide");
  // In a world of its own, which the policy of the page does not bind.
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run());
  for (const { id, help, nodes } of violations) say(`axe: ${id}: ${help} (${nodes.length}, first ${nodes[0].html.slice(0, 160)})`);
  await context.close();
}

/** Without scripts every word and picture is still there, and every mark has its own title. */
async function withoutScripts(browser, { name, file }) {
  const context = await browser.newContext({ viewport: { width: 360, height: 900 }, javaScriptEnabled: false, offline: true });
  const page = await context.newPage();
  await page.goto(pathToFileURL(file).href);
  const titles = await page.locator("svg.plot title").count();
  if (titles < 10 || !(await page.locator("#split, #parts, #table").first().isVisible())) faults.push(`${name} without scripts: ${titles} titles`);
  await context.close();
}

/** The policy of a page names the hash of its only script. */
function checkHash({ name, file }) {
  const html = fs.readFileSync(file, "utf8");
  const script = html.slice(html.lastIndexOf("<script>") + 8, html.lastIndexOf("</script>"));
  const hash = createHash("sha256").update(script).digest("base64");
  if (!html.includes(`'sha256-${hash}'`)) faults.push(`${name}: SCRIPT_HASH in page/assemble.rs should be ${hash}`);
}

const data = path.resolve(process.env.SEGUE_DATA ?? "../shared/data");
const small = ["data.world.n_users=300", "data.world.music.n_items=120", "data.world.films.n_items=90", "data.world.books.n_items=60"];
const foreign = ["data=pair", `data.root=${path.join(scratch, "hostile")}`, "data.source=left", "data.target=right"];
const pages = [build("sample", ["data=sample"]), hostile(), bare(), many()];
pages.push(results("models", ["data=sample", ...small, "model=popularity,item_knn,mf,ease", "--controls"]));
// Words that attack, few users, nothing with epochs.
pages.push(results("hostile_models", [...foreign, "model=ease,random"]));
// Runs of another day.
for (const model of ["mf", "ials"]) run(["train", "data=sample", ...small, `model=${model}`]);
const runs = fs.readdirSync(path.join(scratch, "outputs/segue")).map((run) => path.join("outputs/segue", run));
pages.push(results("runs", runs));
if (fs.existsSync(path.join(data, "ml-latest-small"))) {
  process.env.SEGUE_DATA = data;
  pages.push(build("ml_latest_small", ["data=ml_latest_small"]));
} else {
  console.log(`skipped: ml-latest-small is not under ${data}; set SEGUE_DATA to the folder of public data sets`);
}
if (screenshots) fs.mkdirSync(screenshots, { recursive: true });
const flags = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: flags });
try {
  for (const page of pages) {
    checkHash(page);
    for (const width of [360, 1280]) for (const scheme of ["light", "dark"]) await look(browser, page, width, scheme);
    await withoutScripts(browser, page);
  }
} finally {
  await browser.close();
  fs.rmSync(scratch, { recursive: true, force: true });
}
faults.forEach((fault) => console.error(fault));
console.log(`${pages.length} pages, 2 widths, 2 colour schemes: ${faults.length} faults`);
process.exit(faults.length ? 1 : 0);
