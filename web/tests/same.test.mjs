// "The same from the command line and from Python": what each view shows is run as it stands. Commands run in a shell; Python
// snippets where the module has been built (EMBSCOPE_PYTHON is its interpreter).
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { browser, open, program, serve } from "./stage.mjs";

let server, chrome, folder;
const python = process.env.EMBSCOPE_PYTHON;

before(async () => {
  server = await serve();
  chrome = await browser();
  folder = mkdtempSync(join(tmpdir(), "embscope-same-"));
  const first = await open(chrome.context, server.address);
  await first.waitForSelector(".token");
  await first.close();
});
after(async () => {
  await chrome?.close();
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Exit status and what was said of a program that reads its script from standard input. */
function run(command, args, script, more = {}) {
  return new Promise((ended) => {
    const child = spawn(command, args, {
      cwd: folder,
      env: { ...process.env, PATH: `${dirname(program)}:${process.env.PATH}`, ...more },
    });
    let out = "",
      wrong = "";
    child.stdout.on("data", (d) => (out += d));
    child.stderr.on("data", (d) => (wrong += d));
    child.on("close", (status) => ended({ status, out, wrong }));
    child.stdin.end(script);
  });
}

const edits = encodeURIComponent(
  JSON.stringify([
    { at: "blocks.24.attn_out@-1", do: "zero" },
    { at: "wte@' Germany'", do: "mix 0.5 ' France'" },
  ]),
);
const tricky = encodeURIComponent('It\'s "5 $HOME" \\ `x` ü\u{1f389}\nnext');
/** A view, and words that its commands must print. */
const states = [
  ["read", ["␣Germany", "Berlin"]],
  [`read?text=${tricky}&count=3&temperature=0.7&seed=3`, ["next"]],
  ["vectors", ["apple", "spaceship"]],
  ["matrix", []],
  [
    "map?tokens=0:500&second=yes&tokens2=0:300&site2=blocks.3.resid_post&method2=umap",
    ["epochs", "principal components|components hold"],
  ],
  ["map?method=tsne&tokens=0:300&perplexity=10", ["KL divergence"]],
  ["life?part=lens&target=%20Paris", ["␣Paris"]],
  ["life?part=trace&position=3", ["cosine_own|cosine own"]],
  ["life?part=attention&attention=11", ["entropy"]],
  ["life?part=attribute&target=%20Berlin&against=%20Paris", ["ln_final|mlp"]],
  ["life?part=path&plane=words", []],
  [`stage?p=0.3&edits=${edits}`, ["Berlin", "KL"]],
  ["stage?site=blocks.3.resid_pre&p=0.4", ["Berlin"]],
  [`stage?text=${tricky}`, ["next"]],
  ["experiment?part=patch", ["resid_pre"]],
  ["experiment?part=steer&steertokens=3&strengths=0%202", ["steered at"]],
  ["learn", ["cat"]],
  ["train?steps=20&layers=1&heads=2&width=16&context=16", ["step 20"]],
];

async function shown(path) {
  const page = await open(chrome.context, server.origin, `/#/${path}`);
  if (path === "vectors") await page.getByRole("button", { name: "Begin with" }).click();
  await page.waitForSelector("details.same");
  await page.waitForTimeout(700); // answers may add some
  const codes = (name) =>
    page.locator(`[aria-label="The same from ${name}"]`).evaluateAll((all) => all.map((e) => e.textContent));
  const found = {
    commands: await codes("the command line"),
    snippets: await codes("Python"),
    text: (await page.locator("textarea").evaluateAll((all) => all.map((e) => e.value)))[0] ?? "",
  };
  await page.close();
  assert.ok(found.commands.length > 0 && found.commands.length === found.snippets.length);
  return found;
}

for (const [path, words] of states) {
  test(`${decodeURIComponent(path).slice(0, 60)}: the same from the command line and from Python`, async (t) => {
    const { commands, snippets, text } = await shown(path);
    writeFileSync(join(folder, "text.txt"), text);
    let printed = "";
    for (const command of commands) {
      const { status, out, wrong } = await run("sh", ["-e"], command);
      assert.equal(status, 0, `${command}\n${wrong}`);
      printed += out + wrong;
    }
    for (const word of words) assert.match(printed, new RegExp(word), `of ${commands.join("\n")}`);
    rmSync(join(folder, "run"), { recursive: true, force: true });
    if (!python) return t.diagnostic("the Python module has not been built: its snippets were not run");
    const whole = snippets.map((s) => `exec(compile(${JSON.stringify(s)}, "snippet", "exec"), {})`).join("\n");
    const { status, wrong } = await run(python, ["-"], whole);
    assert.equal(status, 0, `${snippets.join("\n\n")}\n${wrong}`);
    rmSync(join(folder, "run"), { recursive: true, force: true });
  });
}

test("pins and a mixture: the command and the Python that are copied give the numbers of the page", async (t) => {
  const page = await open(chrome.context, server.origin, `/#/stage?p=0.3&edits=${edits}`);
  await page.waitForSelector('.next[data-step="0.3"] .bar b'); // with the changes
  const seen = await page
    .locator(".next .likely li")
    .evaluateAll((all) =>
      all.map((li) => [li.querySelector(".token").textContent, li.querySelector(".amount").textContent]),
    );
  await page.close();
  const { commands, snippets } = await shown(`stage?p=0.3&edits=${edits}`);
  const percent = (p) => Number(p >= 0.001 ? (100 * p).toFixed(1) : (100 * p).toPrecision(1));
  const same = (columns) =>
    seen.forEach(([token, amount]) => {
      const p = columns.probability_after[columns.token.indexOf(token)];
      assert.equal(percent(p), parseFloat(amount), `${token} in ${JSON.stringify(columns)}`);
    });
  const { status, out, wrong } = await run("sh", ["-e"], `${commands[0].split("\n")[0]} --json`);
  assert.equal(status, 0, wrong);
  same(JSON.parse(out).columns);
  if (!python) return t.diagnostic("the Python module has not been built: its snippets were not run");
  const [call] = snippets[0].match(/model\.edit\(.*\)/);
  const load = snippets[0].split("\n").slice(0, 2).join("\n");
  const script = `${load}\nimport json\nt = ${call}.table\nprint(json.dumps({"columns": {"token": [str(v) for v in t["token"]], "probability_after": [float(v) for v in t["probability_after"]]}}))`;
  const result = await run(python, ["-"], script);
  assert.equal(result.status, 0, result.wrong);
  same(JSON.parse(result.out.split("\n").filter(Boolean).at(-1)).columns);
});
