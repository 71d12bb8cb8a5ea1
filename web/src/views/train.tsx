// Train: a small model learns a text, and its vectors come into being. Two seeds side by side.
import { useEffect, useMemo, useState } from "preact/hooks";
import { call, type Job, type ModelInfo, type Spec, type Table as Columns } from "../api";
import { note } from "../facts";
import { useAnswer } from "../hooks";
import { JobBar, start, useJob } from "../job";
import { useCloud } from "../map/cloud";
import { inkOf, palettes } from "../map/colour";
import { Pane } from "../map/pane";
import { Figure, NumberField, Same, Save, Table, Text, Trouble } from "../parts";
import { download } from "../save";
import { go, setParams, useNumber, useParam } from "../session";
import { dark } from "../theme";

const someText =
  "The cat sat on the mat. The dog sat on the log. The cat saw the dog, and the dog saw the cat. A cat is small and a dog is not. ";

interface Progress {
  seed?: number;
  steps?: number[];
  losses?: (number | null)[];
  /** [step, loss] */
  validation?: [number, number | null][];
  samples?: { step: number; text: string }[];
}

export function Train() {
  const [text, setText] = useParam("corpus", someText.repeat(20));
  const [layers, setLayers] = useNumber("layers", 2);
  const [heads, setHeads] = useNumber("heads", 2);
  const [width, setWidth] = useNumber("width", 64);
  const [context, setContext] = useNumber("context", 32);
  const [steps, setSteps] = useNumber("steps", 300);
  const [seedA, setSeedA] = useNumber("seed", 1);
  const [seedB, setSeedB] = useNumber("seed2", 2);
  const [a, setA] = useParam("run", "");
  const [b, setB] = useParam("run2", "");
  const [error, setError] = useState<Error>();
  const request = { text, layers, heads, width, context, steps };
  const options = { layers, heads, width, context, steps, seed: seedA, warmup: Math.min(100, Math.floor(steps / 10)) };
  const run = (seed: number, set: (id?: string) => void) => start("train", { ...request, seed }).then(set, setError);
  const both = () => (setError(undefined), void run(seedA, setA), void run(seedB, setB));
  const one = () => (setError(undefined), setB(undefined), void run(seedA, setA));
  return (
    <>
      <h1>Train</h1>
      <p class="lead">At first the rows are random. Watch them move to where they are of use.</p>
      <Text label="Text to learn" value={text} set={setText} long />
      <div class="row">
        <NumberField label="Layers" value={layers} set={setLayers} min={1} max={12} />
        <NumberField label="Heads" value={heads} set={setHeads} min={1} max={16} />
        <NumberField label="Width" value={width} set={setWidth} min={8} max={768} step={8} />
        <NumberField label="Context" value={context} set={setContext} min={4} max={512} />
        <NumberField label="Steps" value={steps} set={setSteps} min={1} max={100000} />
        <NumberField label="Seed" value={seedA} set={setSeedA} min={0} />
        <NumberField label="Other seed" value={seedB} set={setSeedB} min={0} />
      </div>
      <div class="row">
        <button type="button" class="main" onClick={one}>
          Train
        </button>
        <button type="button" onClick={both}>
          Train with two seeds
        </button>
      </div>
      <Trouble error={error} />
      <div class={b ? "maps two" : "maps"}>
        {a && <Run id={a} forget={() => setA(undefined)} asked={seedA} corpus={text} />}
        {b && <Run id={b} forget={() => setB(undefined)} asked={seedB} corpus={text} />}
      </div>
      <Same
        command={`embscope train text.txt --out run ${Object.entries(options)
          .map(([name, value]) => `--${name} ${value}`)
          .join(" ")}`}
        python={`import embscope\nlog = embscope.train(open("text.txt").read(), "run", ${Object.entries(options)
          .map(([name, value]) => `${name}=${value}`)
          .join(", ")})\nmodel = embscope.load("run")`}
      />
      <p class="row">
        <small>Both read the text from text.txt.</small>{" "}
        <Save title="the text" forms={{ TXT: () => download("text.txt", text, "text/plain") }} />
      </p>
    </>
  );
}

/** `asked`: the seed that the form names; the run itself may be an earlier one. */
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
  const colours = useMemo(
    () =>
      new Uint8Array((cloud ? [...cloud.ids] : []).flatMap(() => [...palettes[dark.value ? "dark" : "light"][0], 220])),
    [cloud?.ids, dark.value],
  );
  const order = useMemo(() => (cloud ? [...cloud.ids.keys()] : []), [cloud?.ids]);
  const names = useMemo(
    () => (cloud && labels ? [...cloud.ids].map((t, i) => labels[t] ?? labels[i] ?? "") : []),
    [cloud?.ids, labels],
  );
  const ink = useMemo(() => inkOf(dark.value), [dark.value]);
  return (
    <section class="one" aria-label={title}>
      <h2>{title}</h2>
      <JobBar job={job} pausable />
      {progress?.losses?.length ? <Figure name="loss" spec={result?.figure ?? lossFigure(progress)} /> : null}
      {result && <Trained name={result.name} path={result.model} table={result.table} text={corpus} />}
      {cloud && names.length > 0 && (
        <Pane
          title={`the map of ${title}`}
          file="rows"
          name={`The rows of ${title}`}
          xy={cloud.xy}
          ids={cloud.ids}
          labels={names}
          colours={colours}
          order={order}
          ink={ink}
          marked={unmarked}
          lines={[]}
          lasso={false}
          pick={() => {}}
          encircle={() => {}}
        />
      )}
      {progress?.samples?.length ? (
        <ol class="samples" aria-label="What it writes">
          {progress.samples.map((s) => (
            <li key={s.step}>
              <small>step {s.step}</small>
              <pre tabIndex={0}>{s.text}</pre>
            </li>
          ))}
        </ol>
      ) : null}
    </section>
  );
}

/** What has come of it: a model like any other. */
function Trained({ name, path, table, text }: { name: string; path: string; table: Columns; text: string }) {
  const [error, setError] = useState<Error>();
  const begin = text.trim().split(/\s+/).slice(0, 2).join(" ").slice(0, 12); // it knows the characters of its text alone
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
          It lies in the cache: <code>-m {name}</code> opens it.
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

/** Loss against steps, as Vega-Lite like every other figure. */
function lossFigure({ steps = [], losses = [], validation = [] }: Progress): Spec {
  const line = (of: string, points: [number, number | null][]) =>
    points.map(([step, loss]) => ({ step, loss, of })).filter((r) => r.loss !== null);
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    title: "Loss",
    width: 440,
    height: 200,
    data: {
      values: [
        ...line(
          "training",
          losses.map((loss, i) => [steps[i] ?? i + 1, loss]),
        ),
        ...line("validation", validation),
      ],
    },
    mark: { type: "line" },
    encoding: {
      x: { field: "step", type: "quantitative" },
      y: { field: "loss", type: "quantitative", title: "loss in nats", scale: { zero: false } },
      color: { field: "of", type: "nominal", title: null },
    },
  };
}
