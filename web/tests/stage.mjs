// What the tests stand on: the real server, a real browser, and a page that remembers every complaint.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";

const require = createRequire(import.meta.url);
export const program = process.env.EMBSCOPE ?? new URL("../../build/release/embscope", import.meta.url).pathname;
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

/** A cache of these tests' own: what is trained and computed here is gone when they end. It leads to the models of the real one. */
const cache = (() => {
  const real = process.env.EMBSCOPE_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "embscope");
  const own = mkdtempSync(join(tmpdir(), "embscope-cache-"));
  process.on("exit", () => rmSync(own, { recursive: true, force: true }));
  const link = (folder, names) =>
    names.forEach((name) => symlinkSync(join(real, folder, name), join(own, folder, name)));
  link(
    "",
    readdirSync(real).filter((name) => !["models", "maps"].includes(name)),
  );
  mkdirSync(join(own, "models"));
  if (existsSync(join(real, "models")))
    link(
      "models",
      readdirSync(join(real, "models")).filter((name) => !name.startsWith("trained-")),
    );
  return own;
})();

const environment = process.env; // `process` is a server below

/** Milliseconds to wait for what takes `ms` at most, much longer for a server under a sanitizer. */
export const patience = (ms) => ms * ("EMBSCOPE_SANITIZED" in process.env ? 20 : 1);

/** `embscope serve`; resolves when it answers. `port` 0: any that is free. */
export async function serve(port = 0, more = [], folder = cache) {
  const process = spawn(program, ["serve", "--port", String(port), "--no-open", ...more], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...environment, EMBSCOPE_CACHE: folder },
  });
  let said = "";
  const address = await new Promise((found, failed) => {
    const look = (chunk) => {
      said += chunk;
      const match = said.match(/http:\/\/\S+/);
      if (match) found(match[0]);
    };
    process.stdout.on("data", look);
    process.stderr.on("data", look);
    process.on("exit", (code, signal) => {
      const words = `embscope serve ended with ${code ?? signal}: ${said}`;
      console.error(words); // it may be long after the address was found
      failed(new Error(words));
    });
  });
  const stop = () =>
    new Promise((ended) => {
      if (process.exitCode !== null || process.signalCode !== null) return ended();
      process.removeAllListeners("exit");
      process.on("exit", ended);
      process.kill("SIGTERM");
    });
  return { address, pid: process.pid, port: Number(new URL(address).port), origin: new URL(address).origin, stop };
}

export async function browser(drawing = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]) {
  const profile = mkdtempSync(join(tmpdir(), "embscope-browser-"));
  const flags = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    ...drawing,
  ];
  const started = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    args: flags,
    viewport: { width: 1280, height: 860 },
  });
  return {
    context: started,
    close: async () => (await started.close(), rmSync(profile, { recursive: true, force: true })),
  };
}

/** A page whose errors fail the test, unless they are of the kind that the test provokes. */
export async function open(context, address, path = "", options = {}) {
  const page = await context.newPage();
  page.setDefaultTimeout(patience(15000));
  if (options.viewport) await page.setViewportSize(options.viewport);
  if (options.dark !== undefined) await page.emulateMedia({ colorScheme: options.dark ? "dark" : "light" });
  page.complaints = [];
  page.on(
    "console",
    (m) =>
      ["error", "warning"].includes(m.type()) && page.complaints.push(`${m.type()}: ${m.text()} ${m.location().url}`),
  );
  page.on("pageerror", (e) => page.complaints.push(`exception: ${e.message}`));
  await page.goto(address + path);
  return page;
}

/** Violations that axe finds, a line each. */
export async function violations(page) {
  // what is being computed anew is pale, and becomes so slowly: that is not what is looked at
  await page.waitForFunction(() => !document.querySelector(".old, .late"), undefined, { timeout: patience(15000) });
  await page.evaluate(() => Promise.allSettled(document.getAnimations().map((one) => one.finished)));
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  return found.violations.flatMap((v) =>
    v.nodes.map((n) => `${v.id}: ${n.target.join(" ")}: ${n.failureSummary?.split("\n")[1]?.trim()}`),
  );
}

/** Seconds of processor time that a process has used. */
export function used(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100; // utime, stime in hundredths
}

/** Seconds of processor time that the page's main thread has used. */
export async function usedByPage(line) {
  const { metrics } = await line.send("Performance.getMetrics");
  return metrics.find((m) => m.name === "TaskDuration").value;
}

export const share = (values, part) =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))];
