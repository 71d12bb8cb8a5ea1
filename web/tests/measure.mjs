// The explorer's times, in the browser, as docs/testing.md lists them: run by hand, best on a machine with nothing else to do.
//   node tests/measure.mjs
import { loadavg } from "node:os";
import { browser, open, serve, share } from "./stage.mjs";

const plain = ["--disable-gpu"]; // nothing here is drawn by WebGL
const line = (what, times) =>
  console.log(
    `${what}: median ${share(times, 0.5).toFixed(0)} ms, 95th percentile ${share(times, 0.95).toFixed(0)} ms (${times.length})`,
  );
console.log(`load of the machine at the beginning: ${loadavg()[0].toFixed(1)}`);

const chrome = await browser(plain);
/** From the start of the program to the first prediction, and from the page's first byte, with a browser that has the page. */
const [starts, pages] = [[], []];
for (let i = 0; i < 7; ++i) {
  const began = performance.now();
  const server = await serve();
  const page = await open(chrome.context, server.address);
  await page.waitForSelector(".next .likely li");
  if (i > 0) starts.push(performance.now() - began); // the first has no warm cache
  await page.addInitScript(() =>
    new MutationObserver((_, watch) => {
      if (!document.querySelector(".next .likely li")) return;
      window.predicted = performance.now() - performance.getEntriesByType("navigation")[0].responseStart;
      watch.disconnect();
    }).observe(document, { childList: true, subtree: true }),
  );
  await page.reload();
  await page.waitForFunction(() => window.predicted);
  if (i > 0) pages.push(await page.evaluate(() => window.predicted));
  await page.close();
  await server.stop();
}
line("first prediction after the start of the program", starts);
line("first prediction after the page's first byte", pages);

const server = await serve();
const page = await open(chrome.context, server.address);
await page.waitForSelector('[data-step="1"]');
await page.waitForSelector(".frame[data-lens]");
line(
  "drag step",
  await page.evaluate(async () => {
    const slider = document.querySelector('input[type="range"]');
    const times = [];
    for (let i = 1; i <= 100; ++i) {
      const began = performance.now();
      slider.value = 1 - i / 100;
      slider.dispatchEvent(new Event("input", { bubbles: true }));
      const shown = String(slider.valueAsNumber);
      while (document.querySelector("[data-step]")?.getAttribute("data-step") !== shown)
        await new Promise(requestAnimationFrame);
      times.push(performance.now() - began);
    }
    return times;
  }),
);
line(
  "typing to prediction",
  await page.evaluate(async () => {
    const field = document.getElementById("stage-text");
    const words = ["big", "not", "now", "the", "one", "old", "red", "new", "all", "far"];
    const times = [];
    for (let i = 0; i < 50; ++i) {
      const word = words[i % words.length];
      const began = performance.now();
      field.value = `The capital of Germany is ${word}`;
      field.dispatchEvent(new Event("input", { bubbles: true }));
      const there = () =>
        [...document.querySelectorAll(".chip")].at(-1)?.textContent === `␣${word}` &&
        document.querySelector('.next[aria-busy="false"][data-step]');
      while (!there()) await new Promise(requestAnimationFrame);
      times.push(performance.now() - began);
      await new Promise((done) => setTimeout(done, 150)); // a hand is not faster
    }
    return times;
  }),
);

await page.getByRole("button", { name: "Who gives?" }).click();
await page.waitForFunction(
  () => document.querySelectorAll(".chip").length === 14 && document.querySelector(".next[data-step]"),
);
const began = performance.now();
await page.getByRole("button", { name: "Where is it decided?" }).click();
const said = [];
while (!(await page.locator(".verdict").count())) {
  const left = /([\d.]+) s left/.exec((await page.locator(".decide .job").allInnerTexts()).join())?.[1];
  if (left) said.push([performance.now() - began, Number(left)]);
  await page.waitForTimeout(100);
}
const whole = performance.now() - began;
const errors = said.map(([at, left]) => Math.abs(at / 1000 + left - whole / 1000));
console.log(
  `patching grid of 14 tokens x 30 blocks x 3 and all heads: ${(whole / 1000).toFixed(1)} s; ` +
    `the time left that was shown was wrong by ${share(errors, 0.5).toFixed(1)} s (median), ${share(errors, 0.95).toFixed(1)} s (95th percentile)`,
);
await page.close();
await server.stop();
await chrome.close();
