// Train: a small model learns a text, and its vectors form. Two seeds side by side.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { ask, call, type Job, type ModelInfo, type Spec, type Table as Columns } from "../api";
import { Explained, Lead } from "../glossary";
import { note } from "../facts";
import { useAnswer } from "../hooks";
import { JobBar, start, useJob } from "../job";
import { pointed } from "../linked";
import { useCloud } from "../map/cloud";
import { inkOf, palettes } from "../map/colour";
import { Pane } from "../map/pane";
import { Choice, Figure, NumberField, py, Same, Save, Table, Text, Trouble } from "../parts";
import { download } from "../save";
import { go, session, setParams, useNumber, useParam } from "../session";
import { dark } from "../theme";

interface Progress {
  seed?: number;
  steps?: number[];
  losses?: (number | null)[];
  /** [step, loss] */
  validation?: [number, number | null][];
  samples?: { step: number; text: string }[];
  /** The step of each frame of the map. */
  frames?: number[];
}

const cuts: [string, string][] = [
  ["words", "words"],
  ["characters", "characters"],
  ["bytes", "bytes"],
];

export function Train() {
  const toy = useAnswer("toy text", (signal) => call<{ text: string }>("toy/text", undefined, { signal }));
  const own = session.value.own.train?.corpus;
  const text = own ?? toy.data?.text ?? "";
  const [tokens, setTokens] = useParam("cut", "words");
  const [layers, setLayers] = useNumber("layers", 2);
  const [heads, setHeads] = useNumber("heads", 4);
  const [width, setWidth] = useNumber("width", 64);
  const [context, setContext] = useNumber("context", 32);
  const [steps, setSteps] = useNumber("steps", 600);
  const [seedA, setSeedA] = useNumber("seed", 1);
  const [seedB, setSeedB] = useNumber("seed2", 2);
  const [a, setA] = useParam("run", "");
  const [b, setB] = useParam("run2", "");
  const [error, setError] = useState<Error>();
  const request = { text, tokens, layers, heads, width, context, steps };
  const options = {
    tokens,
    layers,
    heads,
    width,
    context,
    steps,
    seed: seedA,
    warmup: Math.min(100, Math.floor(steps / 10)),
  };
  const runs = useRef<HTMLDivElement>(null);
  const begin = async (seeds: [number, (id?: string) => void][]) => {
    setError(undefined);
    try {
      await Promise.all(seeds.map(async ([seed, set]) => set(await start("train", { ...request, seed }))));
      runs.current?.scrollIntoView(); // map and loss are below the form
    } catch (wrong) {
      setError(wrong as Error);
    }
  };
  const both = () =>
    begin([
      [seedA, setA],
      [seedB, setB],
    ]);
  const one = () => (setB(undefined), begin([[seedA, setA]]));
  return (
    <>
      <h1>Train</h1>
      <Lead>At first the rows of the matrix are random numbers. Watch how training moves them.</Lead>
      <Text
        label="Text to learn"
        value={text}
        set={(corpus) => setParams({ corpus })}
        long
        hint={
          own === undefined
            ? `${text.length.toLocaleString("en")} characters of a toy world, which come with the program. Any other text will do.`
            : `${text.length.toLocaleString("en")} characters`
        }
      />
      <Trouble error={toy.error} />
      <div class="row">
        <Choice label="Tokens" value={tokens} set={setTokens} options={cuts} />
        <NumberField label="Layers" value={layers} set={setLayers} min={1} max={12} />
        <NumberField label="Heads" value={heads} set={setHeads} min={1} max={16} />
        <NumberField label="Width" value={width} set={setWidth} min={8} max={768} step={8} />
        <NumberField label="Context" value={context} set={setContext} min={4} max={512} />
        <NumberField label="Steps" value={steps} set={setSteps} min={1} max={100000} />
        <NumberField label="Seed" value={seedA} set={setSeedA} min={0} />
        <NumberField label="Other seed" value={seedB} set={setSeedB} min={0} />
        <button type="button" class="main" onClick={() => void one()}>
          Train
        </button>
        <button type="button" onClick={() => void both()}>
          Train with two seeds
        </button>
      </div>
      <Trouble error={error} />
      {!a && !b && (
        <div class="to-come">
          <p>
            <Explained>
              Here the loss falls and the vectors find their places, step by step. A training of this size takes a few
              seconds. The result is a model that opens in every view.
            </Explained>
          </p>
        </div>
      )}
      <div class={b ? "maps two" : "maps"} ref={runs}>
        {a && <Run id={a} forget={() => setA(undefined)} asked={seedA} corpus={text} />}
        {b && <Run id={b} forget={() => setB(undefined)} asked={seedB} corpus={text} />}
      </div>
      <Same
        command={`embscope train text.txt --out run ${Object.entries(options)
          .map(([name, value]) => `--${name} ${value}`)
          .join(" ")}`}
        python={`import embscope\nlog = embscope.train(open("text.txt").read(), "run", ${Object.entries(options)
          .map(([name, value]) => `${name}=${py(value)}`)
          .join(", ")})\nmodel = embscope.load("run")`}
      />
      <p class="row">
        <small>Both commands read the text from text.txt.</small>{" "}
        <Save title="the text" forms={{ TXT: () => download("text.txt", text, "text/plain") }} />
      </p>
    </>
  );
}

/** `asked`: the seed in the form; the run shown may have an earlier one. */
function Run({ id, forget, asked, corpus }: { id: string; forget: () => void; asked: number; corpus: string }) {
  const job = useJob(id, forget);
  const latest = useAnswer(
    job && `${id} ${job.version ?? job.fraction} ${job.state}`,
    (signal) => call<Job>(`jobs/${id}`, undefined, { signal }),
    3000,
  );
  const progress: Progress | undefined = latest.data?.partial;
  const result = latest.data?.result;
  const title = `Seed ${progress?.seed ?? asked}`;
  const cloud = useCloud(job);
  const labels = useAnswer(cloud ? `${id} labels` : undefined, (signal) =>
    call<{ labels: string[] }>(`jobs/${id}/labels`, undefined, { signal }),
  ).data?.labels;
  useEffect(() => {
    if (progress?.losses?.length) note({ trained: true });
  }, [progress]);
  const frames = useFrames(id, progress?.frames?.length ?? 0);
  const last = Math.max(0, frames.length - 1);
  const [chosen, setChosen] = useState<number>(); // undefined: the newest
  const at = Math.min(chosen ?? last, last);
  const step = progress?.frames?.[Math.round(at)];
  const tone = dark.value ? "dark" : "light";
  const order = useMemo(() => (cloud ? [...cloud.ids.keys()] : []), [cloud?.ids]);
  const names = useMemo(
    () => (cloud && labels ? [...cloud.ids].map((t, i) => labels[i] ?? String(t)) : []),
    [cloud?.ids, labels],
  );
  const colours = useMemo(
    () => new Uint8Array(names.flatMap((name) => [...palettes[tone][kindOf(name)], 230])),
    [names, tone],
  );
  const xy = useMemo(() => between(frames, at), [frames, at]);
  const trails = useMemo(() => frames.slice(0, Math.ceil(at)), [frames, at]);
  const ink = useMemo(() => inkOf(dark.value), [dark.value]);
  const sample = progress?.samples?.filter((s) => s.step <= (step ?? Infinity)).at(-1);
  return (
    <section class="one run" aria-label={title} data-frames={frames.length} data-step={step}>
      <h2>{title}</h2>
      <JobBar job={job} pausable />
      <div class="run-parts">
        <div>
          {cloud && names.length > 0 && xy && (
            <>
              <Scrubber at={at} last={last} set={setChosen} step={step} title={title} />
              <Pane
                title={`the map of ${title}`}
                file="rows"
                name={`The rows of ${title}`}
                xy={xy}
                extent={frames.at(-1)}
                trails={trails}
                ids={cloud.ids}
                labels={names}
                colours={colours}
                order={order}
                ink={ink}
                marked={unmarked}
                lines={noLines}
                lasso={false}
                pointed={pointed.value}
                point={(t) => void (pointed.value = t)}
              />
            </>
          )}
        </div>
        <div>
          {progress?.losses?.length ? <Figure name="loss" spec={lossFigure(progress, step)} /> : null}
          {sample && (
            <>
              <h3>What it writes after step {sample.step}</h3>
              <p class="written">{sample.text}</p>
            </>
          )}
          {result && <Trained name={result.name} path={result.model} table={result.table} text={corpus} />}
          {progress?.samples?.length ? (
            <details>
              <summary>What it wrote at every step</summary>
              <ol class="samples" aria-label="What it writes">
                {progress.samples.map((s) => (
                  <li key={s.step}>
                    <small>step {s.step}</small>
                    <pre tabIndex={0}>{s.text}</pre>
                  </li>
                ))}
              </ol>
            </details>
          ) : null}
        </div>
      </div>
    </section>
  );
}

/** The map as it was at each checkpoint. */
function useFrames(id: string, count: number): Float32Array[] {
  const [frames, set] = useState<{ of: string; list: Float32Array[] }>({ of: id, list: [] });
  const list = frames.of === id ? frames.list : none;
  useEffect(() => {
    if (list.length >= count) return;
    const abort = new AbortController();
    ask(`jobs/${id}/points?frame=${list.length}`, undefined, { signal: abort.signal })
      .then((answer) => answer.arrayBuffer())
      .then(
        (bytes) => set({ of: id, list: [...list, new Float32Array(bytes)] }),
        () => {}, // the job is gone: its own line says so
      );
    return () => abort.abort();
  }, [id, list, count]);
  return list;
}
const none: Float32Array[] = [];

/** Between two frames the points lie between their two places. */
function between(frames: Float32Array[], at: number): Float32Array | undefined {
  const [from, to] = [frames[Math.floor(at)], frames[Math.ceil(at)]];
  const share = at - Math.floor(at);
  return from && to && from.length === to.length && share > 0 ? from.map((v, i) => v + (to[i] - v) * share) : from;
}

interface ScrubberProps {
  at: number;
  last: number;
  set: (at?: number) => void;
  step?: number;
  title: string;
}

/** Moves the map through the steps; plays when asked to, in whole steps where less motion is wished for. */
function Scrubber({ at, last, set, step, title }: ScrubberProps) {
  const [playing, play] = useState(false);
  useEffect(() => {
    if (!playing) return;
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const next = at + (still ? 1 : 0.1);
    const timer = setTimeout(() => (next >= last ? (set(undefined), play(false)) : set(next)), still ? 700 : 50);
    return () => clearTimeout(timer);
  }, [playing, at, last]);
  return (
    <div class="scrubber">
      <button type="button" disabled={last === 0} onClick={() => (at >= last && set(0), play(!playing))}>
        {playing ? "Pause" : "Play"}
      </button>
      <input
        type="range"
        min={0}
        max={Math.max(1, last)}
        step={0.05}
        value={at}
        aria-label={`Step of ${title}`}
        aria-valuetext={`step ${step ?? 0}`}
        onInput={(e) => (
          play(false),
          set(e.currentTarget.valueAsNumber >= last ? undefined : e.currentTarget.valueAsNumber)
        )}
      />
      <output>step {step ?? 0}</output>
    </div>
  );
}

/** Which colour of the palette: words, names, pieces, the rest. */
function kindOf(label: string): number {
  if (/^␣\p{Ll}/u.test(label)) return 0;
  if (/^␣?\p{Lu}/u.test(label)) return 1;
  return /^\p{L}/u.test(label) ? 4 : 3;
}

/** The result: a model like any other. */
function Trained({ name, path, table, text }: { name: string; path: string; table: Columns; text: string }) {
  const [error, setError] = useState<Error>();
  const begin = text.trim().split(/\s+/).slice(0, 2).join(" ").slice(0, 12); // the model only knows the characters of its text
  const open = () =>
    void call<ModelInfo>("models", { open: path }).then(
      (m) => (setParams({ model: m.name, text: begin }), go("read"), location.reload()),
      setError,
    );
  return (
    <>
      <p class="row">
        <button type="button" onClick={open}>
          Look at this model
        </button>{" "}
        <small>
          It is in the cache: <code>-m {name}</code> opens it.
        </small>
      </p>
      <Trouble error={error} />
      <details>
        <summary>As a table</summary>
        <Table table={table} name="training" />
      </details>
    </>
  );
}

const unmarked = new Set<number>();
const noLines: number[] = [];

/** Loss against steps, as Vega-Lite like every other figure, with a line at the step that the map shows. */
function lossFigure({ steps = [], losses = [], validation = [] }: Progress, now?: number): Spec {
  const line = (of: string, points: [number, number | null][]) =>
    points.map(([step, loss]) => ({ step, loss, of })).filter((r) => r.loss !== null);
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    title: "Loss",
    width: 400,
    height: 190,
    layer: [
      {
        data: {
          values: [
            ...line(
              "training",
              losses.map((loss, i) => [steps[i] ?? i + 1, loss]),
            ),
            ...line("held out", validation),
          ],
        },
        mark: { type: "line" },
        encoding: {
          x: { field: "step", type: "quantitative" },
          y: { field: "loss", type: "quantitative", title: "loss (nats a token)", scale: { zero: false } },
          color: { field: "of", type: "nominal", title: null, legend: { orient: "top" } },
        },
      },
      ...(now === undefined
        ? []
        : [
            {
              data: { values: [{ step: now }] },
              mark: { type: "rule", strokeDash: [3, 3] },
              encoding: { x: { field: "step", type: "quantitative" } },
            },
          ]),
    ],
  };
}
