// A second model beside the first: the same text, and the same mixture where the words are tokens of it too.
import { computed } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { call, of, quoted, type ModelInfo } from "../api";
import { answered } from "../answers";
import { choices, openModel, useAvailable, useModels } from "../models";
import { textOf } from "../named";
import { percent, Trouble } from "../parts";
import { session, setParams } from "../session";
import { dark } from "../theme";
import { p, site, text } from "./experiment";
import { colours, drawCells, sized, strip } from "./paint";
import { colouring } from "./picture";
import { inForce, mixedAt, otherToken, stage, tokensNow, type Stage, type Tokens } from "./run";

export const beside = computed(() => session.value.own.stage?.beside ?? "");

/** Which model stands beside; none: the first one has the stage for itself. */
export function BesideChoice({ info }: { info: ModelInfo }) {
  const models = useModels().data ?? [];
  const available = useAvailable();
  const [error, setError] = useState<Error>();
  const list = choices(models, available).filter((c) => c.name !== info.name && c.open?.name !== info.name);
  const known = available !== undefined;
  if (known && list.length === 0 && beside.value === "") return null;
  const choose = (name: string) => {
    setError(undefined);
    const open = list.find((c) => c.name === name)?.open;
    if (name === "" || open) return setParams({ beside: open?.name }, "stage");
    openModel(name).then((m) => setParams({ beside: m.name }, "stage"), setError);
  };
  return (
    <>
      <label class="field inline">
        <select
          aria-label="A model beside it"
          value={beside.value}
          disabled={!known}
          onChange={(e) => choose(e.currentTarget.value)}
        >
          <option value="">{beside.value ? "one model alone" : "a second model…"}</option>
          {list.map((c) => (
            <option key={c.name} value={c.name}>
              {c.name}
            </option>
          ))}
        </select>
      </label>
      <Trouble error={error} />
    </>
  );
}

interface Other {
  stage: Stage;
  /** The tokens that are followed here too, by their texts. */
  followed: string[];
  /** Why the mixture is not made in this model; empty where it is, or where none is asked for. */
  said: string;
}

const question = computed(() => {
  const tokens = tokensNow.value;
  if (!beside.value || !text.value || !tokens) return undefined;
  const mixed =
    mixedAt.value === undefined || !otherToken.value
      ? undefined
      : {
          range: tokens.ranges[mixedAt.value],
          label: tokens.labels[mixedAt.value],
          with: otherToken.value.text,
          p: p.value,
        };
  return JSON.stringify({
    model: beside.value,
    text: text.value,
    mixed,
    where: site.value,
    targets: stage.value.data?.targets.map((t) => textOf(t.label)) ?? [],
  });
});

const answer = answered<Other>(
  () => question.value,
  async (q, signal) => {
    const { model, text, mixed, where, targets } = JSON.parse(q);
    const ask = <T,>(path: string, body: object) => call<T>(of(model, path), body, { signal });
    const isOne = async (word: string) => (await ask<Tokens>("tokens", { text: word })).ids.length === 1;
    const tokens = await ask<Tokens>("tokens", { text });
    const at = mixed ? tokens.ranges.findIndex(([a, b]) => a === mixed.range[0] && b === mixed.range[1]) : -1;
    let said = "";
    if (mixed && where !== "wte") said = "Only mixtures in the embedding are made here too.";
    else if (mixed && at < 0) said = `${mixed.label} is not one token here: nothing is mixed.`;
    else if (mixed && !(await isOne(mixed.with)))
      said = `“${mixed.with.trim()}” is not one token here: nothing is mixed.`;
    const edits =
      mixed && !said && mixed.p < 1 ? [{ at: `wte@${at}`, do: `mix ${mixed.p} ${quoted(mixed.with)}` }] : [];
    const followed: string[] = [];
    for (const t of targets) if (await isOne(t)) followed.push(t);
    const answer = await ask<Stage>("stage", { text, edits, k: 8, vectors: true, targets: followed });
    return { stage: answer, followed, said };
  },
  { patience: 3000 },
);

const narrowest = 34;

/** The other model's picture and its next tokens. */
export function Beside() {
  const { data, error, of: asked, loading } = answer.value;
  const old = data !== undefined && asked !== question.value && loading;
  return (
    <section class={`other${old ? " old" : ""}`} aria-label={`The same in ${beside.value}`} aria-busy={loading}>
      <header>
        <h2>{beside.value}</h2>
        <button
          type="button"
          class="quiet"
          aria-label={`Close ${beside.value}`}
          onClick={() => setParams({ beside: undefined }, "stage")}
        >
          ×
        </button>
      </header>
      <Trouble error={error} />
      {data?.said && <p class="soft warn">{data.said}</p>}
      {inForce.value.length > 0 && <p class="soft">Your pins are of the first model and do nothing here.</p>}
      {data && <OtherPicture s={data.stage} />}
      {data && (
        <ol class="likely" aria-label={`Likeliest next tokens in ${beside.value}`}>
          {[...data.stage.targets, ...data.stage.top.filter((t) => !data.stage.targets.some((x) => x.id === t.id))]
            .slice(0, 8)
            .map((t, i) => (
              <li key={t.id}>
                <span class={`token still${i < data.stage.targets.length ? ` followed-${i}` : ""}`}>{t.label}</span>
                <span class="bar" aria-hidden="true">
                  <i style={{ width: `${100 * t.probability}%` }} />
                </span>
                <span class="amount">{percent(t.probability)}</span>
              </li>
            ))}
        </ol>
      )}
    </section>
  );
}

function OtherPicture({ s }: { s: Stage }) {
  const box = useRef<HTMLDivElement>(null);
  const strips = useRef<HTMLCanvasElement>(null),
    cells = useRef<HTMLCanvasElement>(null);
  const [width, setWidth] = useState(500);
  const count = s.last - s.first,
    rows = s.lengths.length;
  const column = Math.max(narrowest, Math.floor((width - 4) / count)),
    line = Math.max(9, Math.min(22, Math.floor(420 / rows)));
  const tone = dark.value ? "dark" : "light";
  const chosen = colouring();
  const colour = colours[["lens", "answer"].includes(chosen) || (chosen === "felt" && !s.felt) ? "moved" : chosen];
  useEffect(() => {
    const watch = new ResizeObserver(() => box.current && setWidth(box.current.clientWidth));
    watch.observe(box.current!);
    return () => watch.disconnect();
  }, []);
  useEffect(() => {
    const context = sized(strips.current!, count * column, 56);
    s.vectors.forEach((v, i) => strip(context, v, 70, i * column + 2, 0, column - 4, 56, tone));
    drawCells(sized(cells.current!, count * column, rows * line), s, undefined, colour, column, line, tone);
  }, [s, column, line, tone, colour]);
  return (
    <div class="across" ref={box}>
      <ol class={`chips${column < 60 ? " narrow" : ""}`} aria-label="Tokens of the text in this model">
        {s.labels.slice(s.first, s.last).map((label, i) => (
          <li key={i} style={{ width: `${column}px` }}>
            <span class="chip">{label}</span>
          </li>
        ))}
      </ol>
      <canvas ref={strips} class="strips" aria-hidden="true" style={{ width: `${count * column}px`, height: "56px" }} />
      <canvas
        ref={cells}
        role="img"
        aria-label={`${count} positions across, ${rows} rows of vectors down; colour: ${colour.name}`}
        style={{ width: `${count * column}px`, height: `${rows * line}px` }}
      />
    </div>
  );
}
