// Share: the experiment as one HTML file that needs neither the server nor the network: its mixtures are computed
// beforehand, at 101 steps.
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { call, numbers, texts, type ModelInfo, type Table } from "../api";
import type { MixAnswer } from "../catalogue";
import { percent, Trouble } from "../parts";
import { download } from "../save";
import { cardOf, CardToKeep, type Card, type Experiment } from "./card";
import { p, replace, text } from "./experiment";
import { inForce, mixing, mixRequest, otherToken, stage, targets } from "./run";

const steps = 101;

interface Shared {
  text: string;
  model: string;
  /** [the other word, the word of the text] */
  ends: [string, string];
  start: number;
  lines: { label: string; values: number[] }[];
  top: string[];
  topProbability: number[];
  changes: string[];
  link: string;
}

export function Share({ info }: { info: ModelInfo }) {
  const busy = useSignal(false);
  const error = useSignal<Error | undefined>(undefined);
  const card = useSignal<Card | undefined>(undefined);
  const box = useRef<HTMLDialogElement>(null);
  if (!mixing.value || targets.value.length === 0) return null;
  const during = async (work: () => Promise<void>) => {
    busy.value = true;
    error.value = undefined;
    await work().catch((e: Error) => (error.value = e));
    busy.value = false;
  };
  const open = () => {
    card.value = undefined;
    box.current?.showModal();
    void during(async () => void (card.value = await cardOf(info, experiment())));
  };
  const write = () =>
    during(async () => {
      const request = { text: text.value, ...mixRequest(), targets: targets.value, steps, edits: inForce.value };
      const { table } = await call<MixAnswer>("mix", request);
      download("embscope-experiment.html", page(sharedOf(info, table)), "text/html");
    });
  return (
    <>
      <button type="button" class="quiet" onClick={open}>
        Share
      </button>
      <dialog
        ref={box}
        class="share"
        aria-label="Share the experiment"
        onClick={(e) => e.target === box.current && box.current!.close()}
      >
        <header>
          <h2>Share the experiment</h2>
          <button type="button" class="quiet" aria-label="Close: share" onClick={() => box.current!.close()}>
            ×
          </button>
        </header>
        {card.value ? <CardToKeep card={card.value} /> : <p class="waiting">{busy.value ? "Computing…" : ""}</p>}
        <div class="row">
          <button type="button" disabled={busy.value} onClick={() => void write()}>
            Share as a file
          </button>
          <button type="button" onClick={() => void navigator.clipboard.writeText(location.href)}>
            Copy the link
          </button>
        </div>
        <p class="soft">
          The file is one HTML page with the whole way from one word to the other; it works without a server. The link
          opens the same state in this explorer.
        </p>
        <Trouble error={error.value} />
      </dialog>
    </>
  );
}

const labelHere = (): string =>
  stage.value.data?.labels.find((l) => l.replaceAll("␣", " ") === replace.value) ?? replace.value;

function experiment(): Experiment {
  return {
    text: text.value,
    mix: mixRequest() as Experiment["mix"],
    ends: [otherToken.value?.label ?? "", labelHere()],
    p: p.value,
    targets: targets.value,
    edits: inForce.value,
  };
}

function sharedOf(info: ModelInfo, table: Table): Shared {
  const names = Object.keys(table.columns).slice(1, 1 + targets.value.length);
  return {
    text: text.value,
    model: info.name,
    ends: [otherToken.value?.label ?? "", labelHere()],
    start: Math.round(p.value * (steps - 1)),
    lines: names.map((label) => ({ label, values: numbers(table, label) })),
    top: texts(table, "top"),
    topProbability: numbers(table, "top_probability"),
    changes: inForce.value.map((e) => `${e.at} ${e.do}`),
    link: location.hash,
  };
}

const escaped = (s: string): string => s.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
const share = (values: number[]): string =>
  values.map((v, i) => `${i ? "L" : "M"}${(i * 600) / (steps - 1)} ${(200 - 196 * v).toFixed(1)}`).join("");

/** The file. Its script reads only the data in the file. */
function page(d: Shared): string {
  const colours = ["#0072b2", "#b94f00"];
  const answers = d.lines
    .map(
      (l, i) =>
        `<div class="answer" style="color:${colours[i]}"><code>${escaped(l.label)}</code><b id="v${i}">${percent(l.values[d.start])}</b></div>`,
    )
    .join("");
  const paths = d.lines.map((l, i) => `<path d="${share(l.values)}" stroke="${colours[i]}"/>`).join("");
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>${escaped(d.text)} · Embscope</title>
<style>
body { font: 17px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; background: #fdfcfa; color: #1d1b18; }
h1 { font: 600 1.9rem/1.25 Georgia, serif; } code { font-family: ui-monospace, monospace; white-space: pre; } small, footer { color: #5d5952; }
label { display: flex; gap: .8rem; align-items: center; } input { flex: 1; accent-color: #1f5aa8; height: 2rem; }
.answers { display: flex; gap: 3rem; } .answer b { display: block; font: 600 2.2rem Georgia, serif; }
svg { width: 100%; overflow: visible; } path { fill: none; stroke-width: 3; } #now { stroke: #1d1b18; stroke-width: 1.5; }
@media (prefers-color-scheme: dark) { body { background: #16171a; color: #eceae5; } small, footer { color: #aaa69d; } #now { stroke: #eceae5; } .answer { filter: brightness(1.6); } }
</style></head><body>
<h1>${escaped(d.text)} <code id="top">${escaped(d.top[d.start])}</code></h1>
<p>The text stays as it is. One vector in the model ${escaped(d.model)} is changed: <i>p</i> times that of <code>${escaped(d.ends[1])}</code> plus 1 − <i>p</i> times that of <code>${escaped(d.ends[0])}</code>. Drag the slider.</p>
<label><code>${escaped(d.ends[0])}</code><input id="p" type="range" min="0" max="${steps - 1}" value="${d.start}" aria-label="p in hundredths"><code>${escaped(d.ends[1])}</code><output id="out">p = ${(d.start / (steps - 1)).toFixed(2)}</output></label>
<div class="answers">${answers}</div>
<svg viewBox="-4 0 608 204" role="img" aria-label="Probability against p">${paths}<path id="now" d="M${(d.start * 600) / (steps - 1)} 0V200"/></svg>
<p><small>p = 0 at the left, p = 1 at the right; probability from 0 to 100 %. The most likely token: <span id="likeliest"></span></small></p>
${d.changes.length ? `<p><small>With ${d.changes.map((c) => `<code>${escaped(c)}</code>`).join(", ")} applied.</small></p>` : ""}
<footer><small>Computed by Embscope at ${steps} steps. In its explorer: <code>${escaped(d.link)}</code></small></footer>
<script>
const d = ${JSON.stringify(d).replaceAll("<", "\\u003c")};
const at = (id) => document.getElementById(id);
const percent = (v) => (v >= 0.9995 ? "100 %" : v >= 0.001 ? (100 * v).toFixed(1) + " %" : (100 * v).toPrecision(1) + " %");
const show = () => {
  const i = Number(at("p").value);
  at("out").textContent = "p = " + (i / ${steps - 1}).toFixed(2);
  d.lines.forEach((l, k) => (at("v" + k).textContent = percent(l.values[i])));
  at("top").textContent = d.top[i];
  at("likeliest").textContent = d.top[i] + ", " + percent(d.topProbability[i]);
  at("now").setAttribute("d", "M" + (i * 600) / ${steps - 1} + " 0V200");
};
at("p").addEventListener("input", show);
show();
</script></body></html>
`;
}
