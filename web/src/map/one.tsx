// One map: of a model, at a site, by a method; computed by a job of the engine.
import { useEffect, useMemo, useState } from "preact/hooks";
import { ask, call, numbers, of, quoted, texts, type ModelInfo, type Table as Columns } from "../api";
import { note } from "../facts";
import { useAnswer, useSettled } from "../hooks";
import { JobBar, left, start, useJob } from "../job";
import { Choice, NumberField, opened, program, py, Same, shell, Text, Token, Trouble } from "../parts";
import { setParams, useNumber, useParam } from "../session";
import { dark } from "../theme";
import { pointed } from "../linked";
import { useCloud } from "./cloud";
import { inkOf } from "./colour";
import { useKept, type KeptStatus } from "./kept";
import { Legend, usePaint } from "./paint";
import { Pane } from "./pane";
import { reliefOf } from "./regions";
import { across, useVocabulary, type Attributes, type Chosen, type Vocabulary } from "./vocabulary";

interface OneProps {
  info: ModelInfo;
  models: ModelInfo[];
  suffix: string;
  /** Whether it is the only map: what it is made of then stands below it. */
  alone: boolean;
  colour: string;
  word: string;
  lasso: boolean;
  setLasso: (on: boolean) => void;
  /** The tokens picked and selected in either map. */
  picked: Chosen;
  circled: Chosen;
  /** Where the maps go, but the one in which it was picked. */
  goTo?: { model: string; id: number; but?: string };
  pick: (chosen: Chosen, where?: string) => void;
  encircle: (chosen: Chosen) => void;
  /** Kinds of tokens that are not shown. */
  hidden: Set<number>;
  toggle: (kind: number) => void;
}

const methods: [string, string][] = [
  ["pca", "principal components"],
  ["tsne", "t-SNE"],
  ["umap", "UMAP"],
];

/** The parameters of the map, which are stored in the address. */
function useRequest(suffix: string, info: ModelInfo) {
  const [which] = useParam(`tokens${suffix}`, "all");
  const [site] = useParam(`site${suffix}`, "wte");
  // a link that names other tokens or places, and no method, is of a time when principal components came first
  const [method] = useParam(`method${suffix}`, suffix || which !== "all" || site !== "wte" ? "pca" : "tsne");
  const [after] = useParam(`after${suffix}`, "I see a");
  const [perplexity] = useNumber(`perplexity${suffix}`, 30);
  const [neighbours] = useNumber(`neighbours${suffix}`, 15);
  const [seed] = useNumber(`seed${suffix}`, 1);
  const [name] = useParam(`of${suffix}`, info.name);
  return { method, which, site, after, perplexity, neighbours, seed, name };
}
type Wanted = ReturnType<typeof useRequest>;

/** Whether this is the map that the engine keeps for every model. */
const isKept = (w: Wanted): boolean =>
  w.method === "tsne" && w.which === "all" && w.site === "wte" && w.perplexity === 30 && w.seed === 1;
/** Whether it is drawn at once, without being asked for. */
const isQuick = (w: Wanted): boolean => w.method === "pca" && w.site === "wte";

function body(w: Wanted, circled: number[]): object {
  return {
    method: w.method,
    tokens: w.which === "selection" ? circled : w.which,
    ...(w.site === "wte" ? {} : { site: w.site, after: w.after }),
    ...(w.method === "pca" ? {} : { seed: w.seed }),
    ...(w.method === "tsne" ? { perplexity: w.perplexity } : w.method === "umap" ? { neighbours: w.neighbours } : {}),
  };
}

export function One(props: OneProps) {
  const { suffix, picked, circled } = props;
  const wanted = useRequest(suffix, props.info);
  const info = props.models.find((m) => m.name === wanted.name) ?? props.info;
  const vocabulary = useVocabulary(info.name);
  const theirs = useVocabulary(picked.model);
  const centre = across(picked, theirs, vocabulary)[0];
  const inside = useMemo(() => across(circled, theirs, vocabulary), [circled, theirs, vocabulary]);
  const [id, setId] = useParam(`map${suffix}`, "");
  const [error, setError] = useState<Error>();
  const own = isKept(wanted) && vocabulary !== undefined;
  const kept = useKept(own ? info.name : undefined);
  const job = useJob(isKept(wanted) ? undefined : id || undefined, () => setId(undefined));
  const made = useCloud(job);
  const cloud = isKept(wanted) ? kept.cloud : made;
  const done = isKept(wanted) ? kept.status?.state === "ready" : job?.state === "done";
  const run = () => {
    setError(undefined);
    if (!isKept(wanted)) start("map", body(wanted, inside), info.name).then(setId, setError);
  };
  useEffect(() => {
    if (!id && isQuick(wanted)) run();
  }, [id, info.name, wanted.method, wanted.site, wanted.which]);
  useEffect(() => {
    if (cloud && done) note({ map: { method: wanted.method, count: cloud.ids.length, seed: wanted.seed } });
  }, [cloud, done]);

  const cosines = useCosines(props.colour, props.word, info);
  const paint = usePaint(props.colour, vocabulary?.attributes, cosines.data, info.vocab);
  const near = useAnswer(
    centre === undefined || !cloud ? undefined : `${isKept(wanted) ? info.name : id} #${centre}`,
    (signal) =>
      isKept(wanted)
        ? call<{ table: Columns }>(of(info.name, "similar"), { vector: `#${centre}`, k: 12 }, { signal })
        : call<{ table: Columns }>(`jobs/${id}/similar?token=${centre}&k=12`, undefined, { signal }),
  );
  const lines = useMemo(
    () => (centre !== undefined && near.data ? numbers(near.data.table, "id") : []),
    [near.data, centre],
  );
  const marked = useMemo(() => new Set([...inside, ...(centre === undefined ? [] : [centre])]), [inside, centre]);
  const names = useMemo(
    () => (cloud && vocabulary ? Array.from(cloud.ids, (t) => vocabulary.labels[t] ?? String(t)) : []),
    [cloud?.ids, vocabulary],
  );
  const shown = useMemo(
    () => maskOf(cloud?.ids, vocabulary?.attributes, props.hidden),
    [cloud?.ids, vocabulary, props.hidden],
  );
  const colours = useMemo(() => painted(paint.rgba, cloud?.ids, shown), [paint, cloud?.ids, shown]);
  const order = useMemo(() => worthNaming(cloud?.ids, vocabulary?.attributes), [cloud?.ids, vocabulary]);
  const relief = useMemo(
    () =>
      cloud && vocabulary
        ? reliefOf({
            xy: cloud.xy,
            shown: (i) => shown?.[i] !== 0,
            rank: (i) => cloud.ids[i],
            word: (i) => vocabulary.words[cloud.ids[i]],
            kind: (i) => vocabulary.attributes.kind[vocabulary.attributes.kind_of[cloud.ids[i]]] ?? "",
          })
        : undefined,
    [cloud, vocabulary, shown],
  );
  // what was searched for comes into sight with all its neighbours
  const [searched, setSearched] = useState<{ id: number }>();
  useEffect(
    () => setSearched(props.goTo && props.goTo.but === undefined && centre !== undefined ? { id: centre } : undefined),
    [props.goTo, centre],
  );
  const frame = useMemo(
    () => (searched && near.data && !near.loading ? [searched.id, ...numbers(near.data.table, "id")] : undefined),
    [searched, near.data, near.loading],
  );
  const goTo = useMemo(() => {
    if (!props.goTo || props.goTo.but === suffix) return;
    const id = across({ model: props.goTo.model, ids: [props.goTo.id] }, theirs, vocabulary)[0];
    return id === undefined || props.goTo.but === undefined ? undefined : { id, closer: false };
  }, [props.goTo, theirs, vocabulary]);
  const ink = useMemo(() => inkOf(dark.value), [dark.value]);
  const title = suffix ? "Second map" : "Map";
  const settings = (
    <Settings wanted={wanted} info={info} models={props.models} suffix={suffix} selection={inside.length} run={run} />
  );
  return (
    <section class="one" aria-label={title} data-points={cloud?.ids.length ?? 0} data-marked={[...marked].join(" ")}>
      <div>
        {!props.alone && settings}
        <Trouble
          error={
            error ??
            kept.error ??
            cosines.error ??
            near.error ??
            (kept.status?.state === "failed" ? new Error(kept.status.error) : undefined)
          }
        />
        <Legend
          colour={props.colour}
          attributes={vocabulary?.attributes}
          ids={cloud?.ids}
          range={paint.range}
          hidden={props.hidden}
          toggle={props.toggle}
        />
      </div>
      <div>
        <Pane
          title={suffix ? "the second map" : "the map"}
          file="map"
          name={methods.find(([m]) => m === wanted.method)?.[1] ?? wanted.method}
          xy={cloud?.xy}
          ids={cloud?.ids ?? none}
          labels={names}
          colours={colours}
          order={order}
          ink={ink}
          marked={marked}
          centre={centre}
          lines={lines}
          lasso={props.lasso}
          setLasso={suffix ? undefined : props.setLasso}
          goTo={goTo}
          frame={frame}
          shown={shown}
          relief={relief}
          empty={emptyWord(wanted, job !== undefined)}
          pointed={info.name === props.info.name ? pointed.value : undefined}
          point={info.name === props.info.name ? (t) => void (pointed.value = t) : undefined}
          pick={(t) => props.pick({ model: info.name, ids: t === undefined ? [] : [t] }, suffix)}
          encircle={(ids) => props.encircle({ model: info.name, ids })}
        >
          {isKept(wanted) ? <KeptBar status={kept.status} /> : <JobBar job={job} pausable />}
          {vocabulary && picked.ids.length > 0 && (
            <Neighbours
              label={theirs?.labels[picked.ids[0]]}
              vocabulary={vocabulary}
              centre={centre}
              table={near.data?.table}
              pick={info.name === props.info.name ? undefined : props.pick}
              clear={() => props.pick({ model: info.name, ids: [] })}
            />
          )}
        </Pane>
        {props.alone && settings}
        <Same command={command(wanted, info, inside)} python={python(wanted, info, inside)} />
      </div>
    </section>
  );
}

/** What stands where nothing is drawn. */
function emptyWord(w: Wanted, busy: boolean): string {
  if (isKept(w) || isQuick(w) || busy) return "The map is on its way…";
  return `${methods.find(([m]) => m === w.method)?.[1] ?? w.method} of these tokens is not drawn yet: press Draw.`;
}

function KeptBar({ status }: { status?: KeptStatus }) {
  if (!status || status.state !== "computing")
    return status?.note ? (
      <p class="waiting" role="status">
        {status.note}
      </p>
    ) : null;
  return (
    <div class="job" role="status">
      <progress value={status.fraction || undefined} max={1} aria-label="t-SNE of all tokens" />
      <span title="Computed once for this model, then kept.">{status.what || "t-SNE of all tokens"} (only once)</span>
      <span class="amount">{left(status.seconds_left)}</span>
    </div>
  );
}

/** The cosine of every token of the model with a word. */
function useCosines(colour: string, word: string, info: ModelInfo) {
  const chosen = useSettled(colour === "cosine" ? word : undefined);
  return useAnswer(
    chosen && `${info.name} ${chosen}`,
    async (signal) =>
      new Float32Array(
        await (await ask(of(info.name, "cosines"), { vector: quoted(chosen!) }, { signal })).arrayBuffer(),
      ),
  );
}

interface SettingsProps {
  wanted: Wanted;
  info: ModelInfo;
  models: ModelInfo[];
  suffix: string;
  selection: number;
  run: () => void;
}

function Settings({ wanted: w, info, models, suffix, selection, run }: SettingsProps) {
  const anew = (name: string) => (value: string | number) =>
    setParams({ [`method${suffix}`]: w.method, [name + suffix]: String(value), [`map${suffix}`]: undefined });
  const some: [string, string][] = [
    ["all", `all ${info.vocab.toLocaleString("en")}`],
    ["0:2000", "the first 2,000"],
    ["0:10000", "the first 10,000"],
  ];
  if (w.which !== "selection" && !some.some(([value]) => value === w.which)) some.push([w.which, w.which]);
  if (selection > 3) some.push(["selection", `the ${selection} selected`]);
  const sites: [string, string][] = [
    ["wte", "in the matrix"],
    ...Array.from({ length: info.blocks }, (_, b): [string, string] => [`blocks.${b}.resid_post`, `after block ${b}`]),
  ];
  return (
    <div class="row">
      {models.length > 1 && (
        <Choice label="Of" value={info.name} set={anew("of")} options={models.map((m) => m.name)} />
      )}
      <Choice label="Method" value={w.method} set={anew("method")} options={methods} />
      <Choice label="Tokens" value={w.which} set={anew("tokens")} options={some} />
      <Choice label="Vectors" value={w.site} set={anew("site")} options={sites} />
      {w.site !== "wte" && <Text label="Each after" value={w.after} set={anew("after")} />}
      {w.method === "tsne" && (
        <NumberField label="Perplexity" value={w.perplexity} set={anew("perplexity")} min={2} max={200} />
      )}
      {w.method === "umap" && (
        <NumberField label="Neighbours" value={w.neighbours} set={anew("neighbours")} min={2} max={200} />
      )}
      {w.method !== "pca" && <NumberField label="Seed" value={w.seed} set={anew("seed")} min={0} />}
      {!isKept(w) && (
        <button type="button" class="main" onClick={run}>
          Draw
        </button>
      )}
    </div>
  );
}

interface NeighboursProps {
  label?: string;
  vocabulary: Vocabulary;
  centre?: number;
  table?: Columns;
  /** What a click on a neighbour does; by default the token goes to the tray, which has tokens of the current model. */
  pick?: (chosen: Chosen) => void;
  clear: () => void;
}

function Neighbours({ label, vocabulary, centre, table, pick, clear }: NeighboursProps) {
  const pickOf = (id: number) => pick && (() => pick({ model: vocabulary.model, ids: [id] }));
  return (
    <section class="neighbours" aria-label="Neighbours">
      {centre === undefined ? (
        <span class="waiting">
          {label} is not a token of {vocabulary.model}
        </span>
      ) : (
        <>
          <Token id={centre} label={vocabulary.labels[centre]} pick={pickOf(centre)} /> <span>is nearest to</span>
        </>
      )}
      {centre !== undefined &&
        table &&
        texts(table, "token").map((l, i) => (
          <Token key={i} id={numbers(table, "id")[i]} label={l} pick={pickOf(numbers(table, "id")[i])} />
        ))}
      <button type="button" class="quiet" onClick={clear}>
        clear
      </button>
    </section>
  );
}

function command(w: Wanted, info: ModelInfo, circled: number[]): string {
  const flags = [
    `--tokens ${w.which === "selection" ? circled.join(",") : w.which}`,
    `--method ${w.method}`,
    ...(w.site === "wte" ? [] : [`--site ${w.site} --after ${shell(w.after)}`]),
    ...(w.method === "tsne"
      ? [`--perplexity ${w.perplexity}`]
      : w.method === "umap"
        ? [`--neighbours ${w.neighbours}`]
        : []),
    ...(w.method === "pca" ? [] : [`--seed ${w.seed}`]),
  ];
  return `${program(info, "map")} ${flags.join(" ")} --save map.html`;
}

function python(w: Wanted, info: ModelInfo, circled: number[]): string {
  const ids =
    w.which === "all"
      ? `range(${info.vocab})`
      : w.which === "selection"
        ? py(circled)
        : `range(${w.which.replace(":", ", ")})`;
  const options = [
    ...(w.method === "tsne"
      ? [`perplexity=${w.perplexity}`]
      : w.method === "umap"
        ? [`neighbours=${w.neighbours}`]
        : []),
    ...(w.method === "pca" ? [] : [`seed=${w.seed}`]),
  ]
    .map((o) => `, ${o}`)
    .join("");
  const begin = `import embscope\nmodel = embscope.load(${opened(info)})\n`;
  if (w.site === "wte") return `${begin}model.${w.method}(${ids}${options})`;
  return (
    `import numpy\n${begin}before = list(model.tokens(${py(w.after)}))\n` +
    `runs = model.run([before + [t] for t in ${ids}], capture=${py(w.site)}, logits=None)\n` +
    `vectors = numpy.stack([run[${py(w.site)}][-1] for run in runs])\nembscope.${w.method}(vectors${options})`
  );
}

const none = new Int32Array();

function painted(rgba: Uint8Array, ids?: Int32Array, shown?: Uint8Array): Uint8Array {
  const out = new Uint8Array(4 * (ids?.length ?? 0));
  ids?.forEach((t, i) => shown?.[i] !== 0 && out.set(rgba.subarray(4 * t, 4 * t + 4), 4 * i));
  return out;
}

/** A one for each token of a kind that is shown; undefined: all are. */
function maskOf(
  ids: Int32Array | undefined,
  attributes: Attributes | undefined,
  hidden: Set<number>,
): Uint8Array | undefined {
  return ids && attributes && hidden.size
    ? Uint8Array.from(ids, (t) => (hidden.has(attributes.kind_of[t]) ? 0 : 1))
    : undefined;
}

/** Words before punctuation and bytes, frequent tokens (a low id) before rare ones. */
function worthNaming(ids?: Int32Array, attributes?: Attributes): number[] {
  if (!ids) return [];
  const word = (i: number) =>
    attributes ? (attributes.kind_of[ids[i]] <= 1 ? 0 : attributes.kind_of[ids[i]] === 2 ? 1 : 2) : 0;
  return Array.from(ids.keys()).sort((a, b) => word(a) - word(b) || ids[a] - ids[b]);
}
