// The explorer as a reader uses it, against the real server and model. `EMBSCOPE_PICTURES=folder` keeps pictures of the views.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { availableParallelism, loadavg } from "node:os";
import { after, before, test } from "node:test";
import { browser, open, serve, share, violations } from "./stage.mjs";

let server, chrome;
const pictures = process.env.EMBSCOPE_PICTURES;
/** How many times slower than alone this machine is: others may work on it. EMBSCOPE_SLOW=1 holds it to the figures of a free one. */
const slow = Number(process.env.EMBSCOPE_SLOW ?? Math.max(1, loadavg()[0] / availableParallelism()));

before(async () => {
  server = await serve();
  chrome = await browser();
  const first = await open(chrome.context, server.address); // the token becomes a cookie
  await first.waitForSelector(".token");
  await first.close();
  if (pictures) mkdirSync(pictures, { recursive: true });
});
after(async () => {
  await chrome?.close();
  await server?.stop();
});

const visit = (path, options) => open(chrome.context, server.origin, `/#/${path}`, options);
const texts = (page, selector) => page.locator(selector).allInnerTexts();
const api = (page, path, body) => page.evaluate(async ([p, b]) => {
  const init = b === null ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(b) };
  return (await fetch(`/api/${p}`, init)).json();
}, [path, body ?? null]);

/** Ends a test: what the console said, unless it is what the test provokes. */
async function quiet(page, allowed = /^$/) {
  const rest = page.complaints.filter((c) => !allowed.test(c));
  await page.close();
  assert.deepEqual(rest, []);
}
const refused = /Failed to load resource|net::ERR/;

const drawn = (page, name) => page.waitForSelector(`[data-figure="${name}"] svg`);
const likeliest = (page, label) => page.locator(`ol[aria-label="${label}"] .token`).first().innerText();

test("the first picture comes at once", async () => {
  const page = await visit("read");
  await page.waitForSelector(".likely li");
  const ms = await page.evaluate(() => performance.now());
  console.log(`first useful picture after ${Math.round(ms)} ms`);
  assert.ok(ms < 1000 * slow + 1500, `${ms} ms`);
  await quiet(page);
});

const views = [
  ["read", "read", (p) => p.waitForSelector(".likely li")],
  ["vectors", "vectors", (p) => drawn(p, "similar")],
  ["matrix", "matrix", (p) => p.waitForSelector('canvas[data-ready="yes"]')],
  ["map", "map", (p) => p.waitForSelector('.one[data-points]:not([data-points="0"])', { timeout: 60000 })],
  ["life", "life?part=lens", (p) => p.waitForSelector(".lens td")],
  ["life-changes", "life?part=trace", (p) => drawn(p, "trace")],
  ["life-attention", "life?part=attention&attention=23", (p) => drawn(p, "attention-23")],
  ["life-contributions", "life?part=attribute", (p) => drawn(p, "attribute")],
  ["life-path", "life?part=path", (p) => drawn(p, "path")],
  ["experiment", "experiment?p=0.62", (p) => drawn(p, "mix")],
  ["experiment-patch", "experiment?part=patch", (p) => p.waitForSelector("h1")],
  ["experiment-steer", "experiment?part=steer", (p) => p.waitForSelector("h1")],
  ["learn", "learn", (p) => drawn(p, "toy")],
  ["walk", "learn?step=1", (p) => drawn(p, "toy")],
  ["train", "train", (p) => p.waitForSelector("h1")],
];
for (const [name, path, ready] of views) {
  test(`${name}: drawn, without a complaint, for all readers, in light and dark, on a phone`, async () => {
    const page = await visit(path);
    if (name === "vectors") await page.getByRole("button", { name: "Begin with" }).click();
    await ready(page);
    if (pictures) await page.screenshot({ path: `${pictures}/${name}.png` });
    assert.deepEqual(await violations(page), []);
    await page.emulateMedia({ colorScheme: "dark" });
    await page.waitForTimeout(150);
    await ready(page);
    assert.deepEqual(await violations(page), [], "dark");
    if (pictures && ["read", "life-attention", "map"].includes(name)) await page.screenshot({ path: `${pictures}/${name}-dark.png` });
    await page.setViewportSize({ width: 390, height: 780 });
    await page.waitForTimeout(100);
    const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wider <= 0, `the page is ${wider} pixels wider than a phone`);
    if (pictures && ["read", "experiment"].includes(name)) await page.screenshot({ path: `${pictures}/${name}-phone.png` });
    await quiet(page);
  });
}

test("read: tokens and prediction follow the typing", async () => {
  const page = await visit("read");
  await page.getByLabel("Text", { exact: true }).fill("Germany's capital is");
  await page.waitForFunction(() => document.querySelector(".piece .token")?.textContent.startsWith("Germany"));
  const expected = await api(page, "tokens", { text: "Germany's capital is" });
  assert.deepEqual((await texts(page, ".piece .token > span")), expected.labels);
  const next = await api(page, "predict", { text: "Germany's capital is", k: 10 });
  await page.waitForFunction((label) => document.querySelector(".likely .token")?.textContent === label, next.table.columns.token[0]);
  await page.locator(".piece").nth(1).hover();
  assert.equal(await page.locator(".source mark").innerText(), "'s");
  await quiet(page);
});

test("read: what it writes is what the engine generates, token by token", async () => {
  const page = await visit("read?count=6");
  await page.getByRole("button", { name: "Write on" }).click();
  await page.waitForFunction(() => document.querySelectorAll(".written .by").length === 6);
  assert.match(await page.locator(".written").innerText(), /^The capital of Germany is Berlin/);
  await quiet(page);
});

test("vectors: the tray takes tokens from everywhere, and arithmetic", async () => {
  const page = await visit("read");
  await page.locator(".piece .token").nth(3).click();
  await page.getByRole("button", { name: "Compare" }).click();
  await page.getByLabel("Arithmetic", { exact: true }).fill("' king' - ' man' + ' woman'");
  await page.getByLabel("Arithmetic", { exact: true }).press("Enter");
  await drawn(page, "cosines");
  await page.getByLabel("Nearest to", { exact: true }).selectOption("' king' - ' man' + ' woman'");
  await drawn(page, "similar");
  await page.waitForFunction(() => JSON.stringify(document.querySelector('[data-figure="similar"]')?.innerHTML ?? "").includes("queen"));
  await quiet(page);
});

test("matrix: the value under the pointer is the engine's", async () => {
  const page = await visit("matrix");
  await page.waitForSelector('canvas[data-ready="yes"]');
  await page.getByLabel("Column", { exact: true }).fill("4521");
  await page.getByLabel("Row", { exact: true }).fill("199");
  const { vectors } = await api(page, "vectors", { vectors: ["#4521"] });
  await page.waitForFunction((v) => document.querySelector(".under b")?.textContent === v, vectors[0][199].toFixed(5));
  await page.getByLabel("Tokens by", { exact: true }).selectOption("norm");
  await page.waitForSelector('canvas[data-ready="yes"]');
  await page.locator("canvas.matrix").hover({ position: { x: 300, y: 200 } });
  await page.mouse.wheel(0, -600);
  await page.waitForFunction(() => location.hash.includes("area="));
  await page.waitForSelector('canvas[data-ready="yes"]');
  await quiet(page);
});

test("life: a cell opens, by mouse and by keys", async () => {
  const page = await visit("life");
  await page.locator('[data-cell="28 3"]').click();
  await page.waitForSelector("text=After block 28, position 3");
  await page.keyboard.press("ArrowUp");
  await page.waitForSelector("text=After block 29, position 3");
  await page.keyboard.press("ArrowRight");
  await page.waitForSelector("text=After block 29, position 4");
  assert.equal(await likeliest(page, "Likeliest tokens of the cell"), "␣Berlin");
  await quiet(page);
});

test("experiment: the predictions move under the hand", async () => {
  const page = await visit("experiment");
  const slider = page.getByRole("slider");
  await page.waitForSelector('[data-step="1"]');
  const steps = await page.evaluate(async () => {
    const slider = document.querySelector('input[type="range"]');
    const times = [];
    for (let i = 1; i <= 60; ++i) {
      const p = 1 - i / 60;
      const began = performance.now();
      slider.value = p;
      slider.dispatchEvent(new Event("input", { bubbles: true }));
      const shown = String(slider.valueAsNumber);
      while (document.querySelector("[data-step]")?.getAttribute("data-step") !== shown) await new Promise(requestAnimationFrame);
      times.push(performance.now() - began);
    }
    return times;
  });
  console.log(`drag step: median ${share(steps, 0.5).toFixed(0)} ms, 95th percentile ${share(steps, 0.95).toFixed(0)} ms`);
  assert.ok(share(steps, 0.95) < 100 * slow + 150, `95th percentile ${share(steps, 0.95)} ms`);
  assert.equal(await likeliest(page, "Likeliest next tokens at p"), "␣Paris");
  await slider.focus();
  await page.keyboard.press("End");
  await page.waitForSelector('[data-step="1"]');
  assert.equal(await likeliest(page, "Likeliest next tokens at p"), "␣Berlin");
  await quiet(page);
});

test("experiment: edits are kept, switched off, undone; they act on the drag", async () => {
  const page = await visit("experiment?p=0.2");
  await page.waitForSelector('[data-step="0.2"]');
  await page.getByRole("button", { name: "Keep the mixture" }).click();
  assert.equal(await page.getByLabel("What edit 1 does").inputValue(), "mix 0.2 ' France'");
  await drawn(page, "edit");
  await page.getByLabel("p, the share").fill("1");
  await page.waitForFunction(() => document.querySelector('ol[aria-label="Likeliest next tokens at p"] .token')?.textContent === "␣Paris");
  await page.getByLabel("Edit 1 in force").uncheck();
  await page.waitForFunction(() => document.querySelector('ol[aria-label="Likeliest next tokens at p"] .token')?.textContent === "␣Berlin");
  await page.getByRole("button", { name: "Undo" }).click();
  assert.ok(await page.getByLabel("Edit 1 in force").isChecked());
  await page.getByRole("button", { name: "Undo" }).click();
  assert.equal(await page.getByLabel("Edit 1 in force").count(), 0);
  await quiet(page);
});

test("experiment: the grid of patches, and steering, run as jobs", async () => {
  const page = await visit("experiment?part=patch");
  await page.getByRole("button", { name: "Patch every place" }).click();
  await page.waitForSelector('[data-figure="patch"] svg', { timeout: 120000 });
  await page.reload();
  await drawn(page, "patch");
  await page.getByRole("button", { name: "Steer" }).click();
  await page.getByLabel("Tokens", { exact: true }).fill("4");
  await page.getByLabel("Strengths").fill("0 2");
  await page.getByRole("button", { name: "Write with" }).click();
  await page.waitForSelector("table >> text=steer", { timeout: 60000 }).catch(() => {});
  await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 2, undefined, { timeout: 60000 });
  if (pictures) await page.screenshot({ path: `${pictures}/steer.png` });
  await quiet(page);
});

test("map: search, neighbours, hover, lasso, colours", async () => {
  const page = await visit("map");
  const points = page.locator(".pane canvas").last();
  await page.waitForSelector('.one[data-points]:not([data-points="0"])', { timeout: 60000 });
  await page.getByRole("searchbox").fill(" Paris");
  await page.locator(".hits .token").first().click();
  await page.waitForSelector('section[aria-label="Neighbours"] .token:nth-child(5)');
  assert.match(await page.locator('section[aria-label="Neighbours"]').innerText(), /London|France/);
  const box = await points.boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await page.waitForFunction(() => document.querySelector(".near")?.textContent.includes("Paris"));
  await page.getByRole("button", { name: "Lasso" }).click();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await page.mouse.down();
  for (const [x, y] of [[60, 0], [60, 60], [-60, 60], [-60, -60], [0, -60]]) await page.mouse.move(box.x + box.width / 2 + x, box.y + box.height / 2 + y, { steps: 3 });
  await page.mouse.up();
  await page.waitForSelector('section[aria-label="Selection"]');
  await page.getByLabel("Colour", { exact: true }).selectOption("cosine");
  await page.waitForSelector(".legend .scale");
  if (pictures) await page.screenshot({ path: `${pictures}/map-search.png` });
  await quiet(page);
});

test("map: t-SNE is drawn while it is computed, pauses, goes on, is cancelled", async () => {
  const page = await visit("map?method=tsne&tokens=0:2000");
  await page.getByRole("button", { name: "Draw" }).click();
  await page.waitForSelector('.one[data-points="2000"]', { timeout: 60000 });
  if (await page.getByRole("button", { name: "Pause" }).isVisible().catch(() => false)) {
    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByRole("button", { name: "Go on" }).click();
  }
  await page.getByRole("button", { name: "Cancel" }).click({ timeout: 3000 }).catch(() => {});
  await page.waitForFunction(() => !document.querySelector("progress"));
  assert.equal(await page.locator(".one").getAttribute("data-points"), "2000");
  await quiet(page);
});

test("map: without WebGL there is a picture and a word", async () => {
  const page = await chrome.context.newPage();
  await page.addInitScript(() => {
    const get = HTMLCanvasElement.prototype.getContext;
    HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
      return kind === "webgl2" ? null : get.call(this, kind, ...rest);
    };
  });
  await page.goto(`${server.origin}/#/map`);
  await page.waitForSelector("text=This browser has no WebGL");
  await page.waitForSelector('.one[data-points]:not([data-points="0"])', { timeout: 60000 });
  await page.waitForFunction(() => {
    const c = document.querySelector(".pane canvas");
    return c.getContext("2d").getImageData(0, 0, c.width, c.height).data.some((v) => v !== 0);
  });
  await page.close();
});

/** Whether this server's jobs include training. */
const trains = async (page) => !/there are/.test((await api(page, "jobs", { kind: "train" })).error?.message ?? "");

test("train: loss, samples and a map form; two seeds", async (t) => {
  const page = await visit("train?steps=40&layers=1&heads=2&width=16&context=16");
  if (!(await trains(page))) return t.skip("this server trains no models");
  await page.getByRole("button", { name: "Train with two seeds" }).click();
  await page.waitForFunction(() => document.querySelectorAll('[data-figure="loss"] svg').length === 2, undefined, { timeout: 60000 });
  await page.waitForFunction(() => !document.querySelector("progress"), undefined, { timeout: 60000 });
  if (pictures) await page.screenshot({ path: `${pictures}/train-two.png` });
  await quiet(page, refused);
});

test("every state is a link, a reload loses nothing, a session goes out and comes in", async () => {
  const page = await visit("read");
  await page.getByLabel("Text", { exact: true }).fill("Zwei Wörter");
  await page.locator(".piece .token").first().click();
  await page.getByLabel("How many", { exact: true }).fill("3");
  await page.waitForFunction(() => location.hash.includes("k=3"));
  const link = page.url();
  await page.reload();
  await page.waitForSelector(".tray li");
  assert.equal(await page.getByLabel("Text", { exact: true }).inputValue(), "Zwei Wörter");
  await page.locator(".menu summary").click();
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Export session" }).click()]);
  const file = await download.path();
  const other = await open(chrome.context, link);
  assert.equal(await other.getByLabel("Text", { exact: true }).inputValue(), "Zwei Wörter");
  assert.equal(await other.getByLabel("How many", { exact: true }).inputValue(), "3");
  await other.close();
  const third = await visit("experiment");
  await third.locator(".menu summary").click();
  await third.locator('input[type="file"]').setInputFiles({ name: "s.json", mimeType: "application/json", buffer: readFileSync(file) });
  await third.waitForSelector(".tray li");
  assert.equal(await third.getByLabel("Text", { exact: true }).inputValue(), "Zwei Wörter");
  for (const bad of ["{", "[]", '{"version":1,"view":"nowhere"}']) {
    await third.locator('input[type="file"]').setInputFiles({ name: "bad.json", mimeType: "application/json", buffer: Buffer.from(bad) });
    await third.waitForSelector(".sheet .trouble");
  }
  await third.close();
  await quiet(page);
});

test("figures and tables are saved, and the command is copied", async () => {
  const page = await visit("experiment");
  await chrome.context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: server.origin });
  await drawn(page, "mix");
  const begins = { SVG: "<svg", PNG: "\x89PNG", CSV: "p,", JSON: '{"' };
  for (const [form, start] of Object.entries(begins)) {
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: `Save the figure mix as ${form}` }).click()]);
    assert.equal(readFileSync(await download.path(), "latin1").slice(0, start.length), start, form);
  }
  await page.locator("details.same summary").first().click();
  await page.getByRole("button", { name: "Copy: the same from the command line" }).first().click();
  assert.match(await page.evaluate(() => navigator.clipboard.readText()), /^embscope mix 'The capital of Germany is' --replace ' Germany' --with ' France'/);
  await quiet(page);
});

const hostile = ["", "x".repeat(20000), "\u0000\ufffd\ud800<script>", "NaN", "'"];
for (const [path, fields] of Object.entries({
  read: ["Text"],
  vectors: ["Word", "Arithmetic"],
  life: ["Text", "Colour by the probability of"],
  "life?part=attribute": ["Token", "Against"],
  "life?part=path&plane=words": ["Across", "Up"],
  experiment: ["Text", "Replaced", "Takes its place", "Follow", "and"],
  "experiment?part=patch": ["Clean text", "Corrupt text", "Clean answer", "Corrupt answer"],
  "experiment?part=steer": ["Text to go on with", "Towards (a text a line)", "Strengths"],
  map: ["Search"],
  train: ["Text to learn"],
})) {
  test(`${path}: no field takes the page down, whatever is written in it`, async () => {
    const page = await visit(path);
    await page.waitForSelector("h1");
    for (const field of fields) {
      const box = page.getByLabel(field, { exact: true });
      await box.waitFor();
      const good = await box.inputValue();
      for (const bad of hostile) {
        await box.fill(bad);
        await page.waitForTimeout(60);
        assert.equal(await page.locator("h1").count(), 1, `${field}: ${bad.slice(0, 20)}`);
      }
      await box.fill(good);
    }
    await quiet(page, refused);
  });
}

test("the engine's words stand beside what caused them, and go when it is mended", async () => {
  const page = await visit("experiment");
  await page.getByLabel("Replaced", { exact: true }).fill(" Atlantis");
  await page.waitForSelector('.trouble:has-text("Atlantis")');
  await page.getByLabel("Replaced", { exact: true }).fill(" Germany");
  await page.waitForFunction(() => !document.querySelector(".trouble"));
  await page.goto(`${server.origin}/#/read?k=1000000`);
  await page.waitForSelector('.trouble:has-text("k")');
  await quiet(page, refused);
});

test("a slow network: the last word counts", async () => {
  const page = await visit("read");
  await page.waitForSelector(".likely li");
  const line = await chrome.context.newCDPSession(page);
  await line.send("Network.emulateNetworkConditions", { offline: false, latency: 300, downloadThroughput: 50000, uploadThroughput: 50000 });
  await page.getByLabel("Text", { exact: true }).pressSequentially(" called", { delay: 40 });
  const { table } = await api(page, "predict", { text: "The capital of Germany is called", k: 10 });
  await page.waitForFunction((label) => document.querySelector(".likely .token")?.textContent === label, table.columns.token[0]);
  await page.waitForFunction(() => document.querySelectorAll(".piece").length === 6);
  await quiet(page, refused);
});

test("the server stops and comes back: the page says so and goes on", async () => {
  const mortal = await serve();
  const page = await open(chrome.context, mortal.address);
  await page.waitForSelector(".likely li");
  await mortal.stop();
  await page.getByLabel("Text", { exact: true }).fill("Hello");
  await page.waitForSelector(".offline");
  const again = await serve(mortal.port);
  const cookie = await open(chrome.context, again.address);
  await cookie.close();
  await page.waitForFunction(() => !document.querySelector(".offline"));
  await page.waitForFunction(() => document.querySelector(".piece .token")?.textContent.startsWith("Hello"));
  await page.close();
  await again.stop();
});

test("the walk, from its first step to its last, by doing what it asks", async () => {
  const page = await visit("learn");
  await page.getByRole("button", { name: "Begin the walk" }).click();
  const done = (n) => page.waitForSelector(".task.done", { timeout: 60000 }).then(() => page.locator(".count").innerText()).then((t) => assert.match(t, new RegExp(`^Step ${n} of`)));
  const next = () => page.getByRole("button", { name: "Next" }).click();
  await page.getByRole("group", { name: "Animals" }).getByText("dog").click();
  await done(1), await next();
  await page.getByLabel("Text", { exact: true }).fill("Germany has a capital");
  await done(2), await next();
  await page.getByLabel("Word", { exact: true }).fill(" banana");
  await page.getByLabel("Word", { exact: true }).press("Enter");
  await done(3), await next();
  await page.getByLabel("Word", { exact: true }).fill(" bank");
  await page.getByLabel("Word", { exact: true }).press("Enter");
  await page.getByLabel("Nearest to", { exact: true }).selectOption({ label: "␣bank" });
  await done(4), await next();
  await page.getByLabel("Row", { exact: true }).fill("199");
  await done(5), await next();
  await page.getByRole("searchbox").fill(" Paris");
  await page.locator(".hits .token").first().click();
  await done(6), await next();
  await page.getByLabel("Text", { exact: true }).fill("The capital of Atlantis is");
  await done(7), await next();
  await page.getByLabel("p, the share").fill("0.5");
  if (pictures) await page.waitForSelector(".task.done").then(() => page.screenshot({ path: `${pictures}/walk-mix.png` }));
  await done(8), await next();
  await page.getByLabel("Takes its place", { exact: true }).fill(" Italy");
  await page.getByLabel("and", { exact: true }).fill(" Rome");
  await done(9), await next();
  await page.getByLabel("Where", { exact: true }).selectOption("blocks.26.resid_pre");
  await done(10), await next();
  await page.locator('[data-cell="28 4"]').click();
  await done(11), await next();
  const last = await trains(page);
  if (last) {
    await page.getByLabel("Steps", { exact: true }).fill("20");
    await page.getByRole("button", { name: "Train", exact: true }).click();
    await done(12);
  }
  await page.getByRole("button", { name: "End" }).click();
  await page.waitForSelector(".contents");
  assert.equal(await page.locator(".contents .done").count(), last ? 12 : 11);
  await quiet(page, refused);
});
