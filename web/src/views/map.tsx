// Map: the whole vocabulary in a plane.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { ask, call, numbers, quoted, texts, type Job, type ModelInfo, type Named, type Table as Columns } from "../api";
import { note } from "../facts";
import { useAnswer, useSettled } from "../hooks";
import { JobBar, start, useJob } from "../job";
import { along, css, ends, palettes } from "../map/colour";
import { Pane } from "../map/pane";
import { Choice, Field, NumberField, opened, py, Same, Save, Text, Token, Trouble } from "../parts";
import { csv, download } from "../save";
import { useNumber, useParam } from "../session";
import { dark } from "../theme";

export interface Cloud {
  ids: Int32Array;
  xy: Float32Array;
}

/** The points of a job, again whenever it has newer ones. */
export function useCloud(job: Job | undefined): Cloud | undefined {
  const [cloud, setCloud] = useState<Cloud & { job: number }>();
  const ids = useRef<{ job: number; ids: Int32Array } | undefined>(undefined);
  const has = job && (job.state === "done" || job.state === "cancelled" || (job.version ?? 0) > 0 || job.fraction > 0);
  const points = useAnswer(has ? `${job.id} ${job.version ?? job.fraction} ${job.state}` : undefined, async (signal) => {
    const id = job!.id;
    if (ids.current?.job !== id) ids.current = { job: id, ids: new Int32Array(await (await ask(`jobs/${id}/ids`, undefined, { signal })).arrayBuffer()) };
    const xy = new Float32Array(await (await ask(`jobs/${id}/points`, undefined, { signal })).arrayBuffer());
    return { job: id, ids: ids.current.ids, xy };
  }, 5000);
  useEffect(() => points.data && setCloud(points.data), [points.data]);
  return cloud && cloud.job === job?.id && cloud.xy.length === 2 * cloud.ids.length ? cloud : undefined;
}

interface Attributes {
  kind: string[];
  kind_of: number[];
  norm: number[];
}

export const inkOf = (isDark: boolean) => (isDark
  ? { text: "#eceae5", halo: "#16171a", line: "#f08a4b" }
  : { text: "#1d1b18", halo: "#fdfcfa", line: "#c2491d" });

export function MapView({ info }: { info: ModelInfo }) {
  const [second, setSecond] = useParam("second", "");
  const [colour, setColour] = useParam("colour", "kind");
  const [word, setWord] = useParam("word", " king");
  const [centre, setCentre] = useParam("token", "");
  const [lasso, setLasso] = useState(false);
  const [circled, setCircled] = useState<number[]>([]);
  const [goTo, setGoTo] = useState<{ id: number }>();
  const labels = useAnswer("labels", (signal) => call<{ labels: string[] }>("vocabulary/labels", undefined, { signal })).data?.labels;
  const attributes = useAnswer("attributes", (signal) => call<Attributes>("vocabulary/attributes", undefined, { signal })).data;
  const chosen = useSettled(colour === "cosine" ? word : undefined);
  const cosines = useAnswer(chosen, async (signal) => new Float32Array(await (await ask("cosines", { vector: quoted(chosen!) }, { signal })).arrayBuffer()));
  const token = centre === "" ? undefined : Number(centre);
  const near = useAnswer(token === undefined ? undefined : `#${token}`, (signal) => call<{ table: Columns }>("similar", { vector: `#${token}`, k: 12 }, { signal }));
  const lines = useMemo(() => (token !== undefined && near.data ? numbers(near.data.table, "id") : []), [near.data, token]);
  const marked = useMemo(() => new Set([...circled, ...(token === undefined ? [] : [token])]), [circled, token]);
  const paint = usePaint(colour, attributes, cosines.data, info.vocab);
  const find = (t: Named) => (setCentre(String(t.id)), setGoTo({ id: t.id }), note({ found: { label: t.label } }));

  const shared = { info, labels, attributes, paint, marked, centre: token, lines, lasso, goTo, circled, pick: (id: number | undefined) => setCentre(id === undefined ? undefined : String(id)), encircle: setCircled };
  return (
    <>
      <h1>Map</h1>
      <div class="row">
        <Find find={find} />
        <Choice label="Colour" value={colour} set={setColour} options={[["kind", "kind of token"], ["norm", "length of the vector"], ["rank", "place in the vocabulary"], ["cosine", "cosine to a word"]]} />
        {colour === "cosine" && <Text label="Word" value={word} set={setWord} />}
        <button type="button" aria-pressed={lasso} onClick={() => setLasso(!lasso)}>Lasso</button>
        <button type="button" aria-pressed={second !== ""} onClick={() => setSecond(second ? undefined : "yes")}>Two maps</button>
      </div>
      <Trouble error={cosines.error} />
      <Legend colour={colour} attributes={attributes} range={paint.range} />
      <div class={second ? "maps two" : "maps"}>
        <One {...shared} suffix="" />
        {second && <One {...shared} suffix="2" />}
      </div>
      {token !== undefined && labels && (
        <section class="row" aria-label="Neighbours">
          <Token id={token} label={labels[token]} /> <span>is nearest to</span>
          {near.data && texts(near.data.table, "token").map((l, i) => <Token key={lines[i]} id={lines[i]} label={l} />)}
          <button type="button" class="quiet" onClick={() => setCentre(undefined)}>clear</button>
        </section>
      )}
      {circled.length > 0 && labels && <Circled ids={circled} labels={labels} clear={() => setCircled([])} />}
    </>
  );
}

interface Paint {
  /** Four bytes a token of the vocabulary. */
  rgba: Uint8Array;
  range?: [number, number];
}

function usePaint(colour: string, attributes: Attributes | undefined, cosines: Float32Array | undefined, vocab: number): Paint {
  return useMemo(() => {
    const tone = dark.value ? "dark" : "light";
    const rgba = new Uint8Array(4 * vocab);
    const values: ArrayLike<number> | undefined = colour === "norm" ? attributes?.norm : colour === "cosine" ? cosines : colour === "rank" ? Array.from({ length: vocab }, (_, i) => Math.log(i + 1)) : undefined;
    const range = values && ends(values);
    for (let i = 0; i < vocab; ++i) {
      const kind = attributes?.kind_of[i] ?? 0;
      const rgb = values && range ? along((values[i] - range[0]) / (range[1] - range[0] || 1), tone) : palettes[tone][kind % palettes[tone].length];
      rgba.set([...rgb, 200], 4 * i);
    }
    return { rgba, range: colour === "rank" ? [1, vocab] : range };
  }, [colour, attributes, cosines, vocab, dark.value]);
}

function Legend({ colour, attributes, range }: { colour: string; attributes?: Attributes; range?: [number, number] }) {
  const tone = dark.value ? "dark" : "light";
  if (colour === "kind")
    return <ul class="legend">{attributes?.kind.map((k, i) => <li key={k}><i style={{ background: css(palettes[tone][i % 7]) }} />{k}</li>)}</ul>;
  if (!range) return null;
  const show = (v: number) => (Number.isInteger(v) ? String(v) : v.toFixed(2));
  return <p class="legend"><span>{show(range[0])}</span><i class="scale" style={{ background: `linear-gradient(to right, ${[0, 0.33, 0.67, 1].map((t) => css(along(t, tone))).join(",")})` }} /><span>{show(range[1])}</span></p>;
}

/** Search as one types; the first hit is taken by Enter. */
function Find({ find }: { find: (t: Named) => void }) {
  const [query, setQuery] = useState("");
  const [open, setOpen] = useState(false);
  const take = (t?: Named) => t && (setOpen(false), find(t));
  const wanted = useSettled(query);
  const hits = useAnswer(wanted ? wanted : undefined, (signal) => call<{ tokens: Named[] }>(`vocabulary?q=${encodeURIComponent(wanted)}&limit=8`, undefined, { signal }));
  return (
    <form class="find" onSubmit={(e) => (e.preventDefault(), take(hits.data?.tokens[0]))}>
      <Field label="Search">{(id) => <input id={id} type="search" value={query} autocomplete="off" spellcheck={false} onInput={(e) => (setQuery(e.currentTarget.value), setOpen(true))} />}</Field>
      {open && query && hits.data && (
        <div class="hits" role="group" aria-label="Tokens found">
          {hits.data.tokens.length === 0 && <span class="waiting">no token holds “{wanted}”</span>}
          {hits.data.tokens.map((t) => <Token key={t.id} id={t.id} label={t.label} pressed={false} pick={() => take(t)} />)}
        </div>
      )}
    </form>
  );
}

function Circled({ ids, labels, clear }: { ids: number[]; labels: string[]; clear: () => void }) {
  const save = () => download("selection.csv", csv({ id: ids, token: ids.map((i) => labels[i]) }), "text/csv");
  return (
    <section aria-label="Selection">
      <h2>{ids.length} tokens encircled</h2>
      <div class="tokens">{ids.slice(0, 60).map((i) => <Token key={i} id={i} label={labels[i]} />)}{ids.length > 60 && <span class="waiting">and {ids.length - 60} more</span>}</div>
      <div class="row"><button type="button" onClick={clear}>Clear</button><Save title="the selection" forms={{ CSV: save }} /></div>
    </section>
  );
}

interface OneProps {
  info: ModelInfo;
  labels?: string[];
  attributes?: Attributes;
  paint: Paint;
  marked: Set<number>;
  centre?: number;
  lines: number[];
  lasso: boolean;
  goTo?: { id: number };
  circled: number[];
  pick: (id: number | undefined) => void;
  encircle: (ids: number[]) => void;
  suffix: string;
}

const methods: [string, string][] = [["pca", "principal components"], ["tsne", "t-SNE"]];

function One(props: OneProps) {
  const { info, labels, attributes, paint, suffix } = props;
  const [method, setMethod] = useParam(`method${suffix}`, suffix ? "tsne" : "pca");
  const [which, setWhich] = useParam(`tokens${suffix}`, "all");
  const [perplexity, setPerplexity] = useNumber(`perplexity${suffix}`, 30);
  const [seed, setSeed] = useNumber(`seed${suffix}`, 1);
  const [id, setId] = useParam(`map${suffix}`, "");
  const [error, setError] = useState<Error>();
  const job = useJob(id || undefined, () => setId(undefined));
  const cloud = useCloud(job);
  const request = { method, tokens: which === "selection" ? props.circled : which, ...(method === "pca" ? {} : { seed }), ...(method === "tsne" ? { perplexity } : {}) };
  const run = (m = method) => {
    setError(undefined);
    start("map", { ...request, method: m }).then(setId, setError);
  };
  useEffect(() => {
    if (!id && method === "pca") run();
  }, [id]);
  useEffect(() => {
    if (cloud && job?.state === "done") note({ map: { method, count: cloud.ids.length, seed } });
  }, [cloud, job?.state]);

  const names = useMemo(() => (cloud && labels ? Array.from(cloud.ids, (t) => labels[t] ?? String(t)) : []), [cloud?.ids, labels]);
  const colours = useMemo(() => picked(paint.rgba, cloud?.ids), [paint, cloud?.ids]);
  const order = useMemo(() => worthNaming(cloud?.ids, attributes), [cloud?.ids, attributes]);
  const savePoints = () => cloud && download("map.csv", csv({ id: [...cloud.ids], token: names, x: [...cloud.xy].filter((_, i) => i % 2 === 0), y: [...cloud.xy].filter((_, i) => i % 2 === 1) }), "text/csv");
  const ink = useMemo(() => inkOf(dark.value), [dark.value]);
  return (
    <section class="one" aria-label={suffix ? "Second map" : "Map"} data-points={cloud?.ids.length ?? 0}>
      <div class="row">
        <Choice label="Method" value={method} set={(m) => (setMethod(m), m === "pca" && run(m))} options={methods} />
        <Choice label="Tokens" value={which} set={setWhich} options={[["all", `all ${info.vocab}`], ["0:2000", "the first 2000"], ["0:10000", "the first 10000"], ...(props.circled.length > 3 ? [["selection", "those encircled"] as [string, string]] : [])]} />
        {method === "tsne" && <NumberField label="Perplexity" value={perplexity} set={setPerplexity} min={2} max={200} />}
        {method !== "pca" && <NumberField label="Seed" value={seed} set={setSeed} min={0} />}
        <button type="button" class="main" onClick={() => run()}>Draw</button>
      </div>
      <Trouble error={error} />
      <JobBar job={job} pausable />
      <Pane name={methods.find(([m]) => m === method)?.[1] ?? method} xy={cloud?.xy} ids={cloud?.ids ?? none} labels={names} colours={colours} order={order} ink={ink}
        marked={props.marked} centre={props.centre} lines={props.lines} lasso={props.lasso} goTo={props.goTo} pick={props.pick} encircle={props.encircle} />
      <div class="row">
        <small>Drag to move, wheel or pinch to zoom, double click for the whole, shift and drag to encircle; a click shows the nearest in all dimensions.</small>
        <Save title="the map" forms={{ PNG: () => savePicture(suffix), CSV: savePoints }} />
      </div>
      <Same command={`embscope map --tokens ${which === "selection" ? props.circled.join(",") : which} --method ${method}${method === "tsne" ? ` --perplexity ${perplexity}` : ""}${method === "pca" ? "" : ` --seed ${seed}`} --save map.html`}
        python={`import embscope\nmodel = embscope.load(${opened(info)})\nmodel.${method}(${which === "all" ? "" : which === "selection" ? py(props.circled) : `range(${which.replace(":", ", ")})`}${method === "pca" ? "" : `${which === "all" ? "" : ", "}seed=${seed}`}${method === "tsne" ? `, perplexity=${perplexity}` : ""})`} />
    </section>
  );
}

const none = new Int32Array();

function picked(rgba: Uint8Array, ids?: Int32Array): Uint8Array {
  const out = new Uint8Array(4 * (ids?.length ?? 0));
  ids?.forEach((t, i) => out.set(rgba.subarray(4 * t, 4 * t + 4), 4 * i));
  return out;
}

/** Words before punctuation and bytes, the frequent (a low number) before the rare. */
function worthNaming(ids?: Int32Array, attributes?: Attributes): number[] {
  if (!ids) return [];
  const word = (i: number) => (attributes ? (attributes.kind_of[ids[i]] <= 1 ? 0 : attributes.kind_of[ids[i]] === 2 ? 1 : 2) : 0);
  return Array.from(ids.keys()).sort((a, b) => word(a) - word(b) || ids[a] - ids[b]);
}

function savePicture(suffix: string): void {
  const [under, over] = [...document.querySelectorAll<HTMLCanvasElement>(`section[aria-label="${suffix ? "Second map" : "Map"}"] canvas`)];
  const whole = document.createElement("canvas");
  [whole.width, whole.height] = [over.width, over.height];
  const ink = whole.getContext("2d")!;
  ink.fillStyle = getComputedStyle(document.body).backgroundColor;
  ink.fillRect(0, 0, whole.width, whole.height);
  ink.drawImage(under, 0, 0), ink.drawImage(over, 0, 0);
  whole.toBlob((b) => b && download("map.png", b, "image/png"));
}
