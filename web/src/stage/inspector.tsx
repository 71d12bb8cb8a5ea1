// The inspector: the details of one vector.
import { useEffect, useRef } from "preact/hooks";
import { computed } from "@preact/signals";
import { call, numbers, texts, type ModelInfo, type Table } from "../api";
import type { AttributeAnswer, LensAnswer, TraceAnswer } from "../catalogue";
import { answered, type Reply } from "../answers";
import { note } from "../facts";
import { keepFocus } from "../focus";
import { Explained, meaningOf } from "../glossary";
import { percent, Token, Trouble } from "../parts";
import { model, session, setParams } from "../session";
import { dark } from "../theme";
import { pin, text } from "./experiment";
import { actions } from "./menu";
import { colours, css, sized, signed } from "./paint";
import { open, opened, placeName } from "./pick";
import { edits, lensHere, stage, targets } from "./run";

const tabs = [
  ["vector", "Vector"],
  ["near", "Nearest"],
  ["lens", "Lens"],
  ["changes", "Four changes"],
  ["attention", "Attention"],
  ["parts", "Contributions"],
] as const;
type Tab = (typeof tabs)[number][0];
/** The term of the glossary that a tab is about. */
const tabWords: Partial<Record<Tab, string>> = {
  vector: "vector",
  near: "cosine",
  lens: "lens",
  changes: "normalised",
  attention: "attention",
  parts: "logit",
};
const tab = computed<Tab>(() => tabs.find(([t]) => t === session.value.own.stage?.tab)?.[0] ?? "lens");

export function Inspector({ info }: { info: ModelInfo }) {
  const at = opened.value,
    s = stage.value.data;
  if (!at || !s)
    return (
      <section class="inspector empty" aria-label="Inspector">
        <p>
          <Explained>
            <b>Every square is a vector</b> of {info.width} numbers: a token of the text (column) after a block of the
            model (down). Click one to look into it, right-click it to change it.
          </Explained>
        </p>
      </section>
    );
  const c = at.position - s.first,
    r = at.block + 1;
  const Part = { vector: Vector, near: Near, lens: Lens, changes: Changes, attention: Attention, parts: Parts }[
    tab.value
  ];
  return (
    <section class="inspector" aria-label="Inspector" onKeyDown={(e) => e.key === "Escape" && close()}>
      <header>
        <h2>
          <span class="token still">{s.labels[at.position]}</span> {placeName(at.block)}
        </h2>
        <button type="button" class="quiet" aria-label="Close the inspector" onClick={close}>
          ×
        </button>
      </header>
      <p class="soft">
        position {at.position} · length {s.lengths[r][c].toPrecision(4)} · {colours.moved.told(s, undefined, r, c)}
        {s.felt && s.felt[r][c] > 0 ? ` · ${colours.felt.told(s, undefined, r, c)}` : ""}
      </p>
      <div class="tabs" role="tablist" aria-label="Look at" onKeyDown={tabKeys}>
        {tabs.map(([t, name]) => (
          <button
            key={t}
            type="button"
            role="tab"
            id={`tab-${t}`}
            title={tabWords[t] && meaningOf(tabWords[t])}
            aria-selected={t === tab.value}
            aria-controls="tab-panel"
            tabIndex={t === tab.value ? 0 : -1}
            onClick={() => setParams({ tab: t === "lens" ? undefined : t }, "stage")}
          >
            {name}
          </button>
        ))}
      </div>
      <div role="tabpanel" id="tab-panel" aria-labelledby={`tab-${tab.value}`} tabIndex={0}>
        <Part info={info} />
      </div>
      <details class="do" open>
        <summary>Change it</summary>
        <div class="actions">
          {actions(at).map((a) => (
            <button key={a.name} type="button" onClick={a.act}>
              {a.name}
            </button>
          ))}
        </div>
      </details>
    </section>
  );
}

function close(): void {
  open();
  keepFocus(".frame");
}

function tabKeys(e: KeyboardEvent): void {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
  if (!step) return;
  const all = [...(e.currentTarget as HTMLElement).querySelectorAll<HTMLElement>('[role="tab"]')];
  const next = all[(all.indexOf(document.activeElement as HTMLElement) + step + all.length) % all.length];
  e.preventDefault();
  next.click();
  next.focus();
}

const key = (which: Tab, question: () => object | undefined) => () => {
  const q = tab.value === which && opened.value && stage.value.data ? question() : undefined;
  return q && JSON.stringify({ model: model.value, ...q });
};
const body = (q: string): any => {
  const { model: _, ...rest } = JSON.parse(q);
  return rest;
};
const place = () => ({
  text: text.value,
  edits: edits.value,
  block: opened.value!.block,
  position: opened.value!.position,
});

interface OneVector {
  vector: number[];
  before: number[];
}
const vectorOf = (q: string, signal: AbortSignal) => call<OneVector>("stage/vector", body(q), { signal });
const vector = answered(key("vector", place), vectorOf, { settle: 40 });
const near = answered(
  key("near", place),
  async (q, signal) => {
    const { vector } = await vectorOf(q, signal);
    return (await call<{ table: Table }>("similar", { vector, k: 12 }, { signal })).table;
  },
  { settle: 40 },
);
const tops = answered(
  key("lens", () => ({
    text: text.value,
    edits: edits.value,
    top: 8,
    first: opened.value!.position,
    last: opened.value!.position + 1,
  })),
  async (q, signal) => (await call<LensAnswer>("lens", body(q), { signal })).tables.tops,
  { settle: 60 },
);
const untouched = () => ({ text: text.value, position: opened.value!.position });
const trace = answered(
  key("changes", untouched),
  async (q, signal) => (await call<TraceAnswer>("trace", body(q), { signal })).tables.life,
  { settle: 60 },
);
const attention = answered(
  key("attention", () => ({ text: text.value, block: Math.max(0, opened.value!.block) })),
  (q, signal) => call<{ heads: number[]; labels: string[]; patterns: number[][][] }>("attention", body(q), { signal }),
  { settle: 60 },
);
const parts = answered(
  key("parts", () => ({
    ...untouched(),
    sorted: true,
    ...(targets.value[0] ? { target: targets.value[0] } : {}),
    ...(targets.value[1] ? { against: targets.value[1] } : {}),
  })),
  (q, signal) => call<AttributeAnswer>("attribute", body(q), { signal }),
  { settle: 60 },
);

/** A note for results that are only available without changes. */
function Untouched() {
  return edits.value.length > 0 ? <p class="soft warn">This is for the text without your changes.</p> : null;
}

function State<T>({ reply, children }: { reply: Reply<T>; children: (data: T) => preact.ComponentChildren }) {
  return (
    <div class={reply.loading && reply.data ? "old" : ""} aria-busy={reply.loading}>
      <Trouble error={reply.error} />
      {reply.data !== undefined ? children(reply.data) : reply.loading ? <p class="soft">Computing…</p> : null}
    </div>
  );
}

function Vector({ info }: { info: ModelInfo }) {
  return <State reply={vector.value}>{(v) => <VectorPicture v={v} width={info.width} />}</State>;
}

/** All dimensions in rows of pixels, with and without the changes. */
function VectorPicture({ v, width }: { v: OneVector; width: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const tone = dark.value ? "dark" : "light";
  const changed = v.vector.some((x, i) => x !== v.before[i]);
  const height = changed ? 150 : 72;
  const order = v.vector
    .map((x, i) => [Math.abs(x), i])
    .sort((a, b) => b[0] - a[0])
    .slice(0, 6)
    .map(([, i]) => i);
  useEffect(() => {
    const c = canvas.current!,
      wide = c.clientWidth || 340;
    const context = sized(c, wide, height);
    const largest = Math.max(...v.vector.map(Math.abs), 1e-9),
      typical = Math.sqrt(v.vector.reduce((a, x) => a + x * x, 0) / v.vector.length);
    const scale = Math.min(largest, 3 * typical || largest);
    const lines = (values: number[], top: number) => {
      const columns = Math.min(wide, values.length);
      for (let i = 0; i < columns; ++i) {
        const from = Math.floor((i * values.length) / columns),
          to = Math.max(from + 1, Math.floor(((i + 1) * values.length) / columns));
        let x = 0;
        for (let d = from; d < to; ++d) if (Math.abs(values[d]) > Math.abs(x)) x = values[d];
        context.fillStyle = css(signed(x / scale, tone));
        const h = Math.min(1, Math.abs(x) / scale) * 34 + 1;
        context.fillRect((i * wide) / columns, top + 35 - (x > 0 ? h : 0), wide / columns + 0.5, h);
      }
    };
    lines(v.vector, 0);
    if (changed) lines(v.before, 78);
  }, [v, tone]);
  return (
    <>
      <canvas
        ref={canvas}
        class="bars"
        role="img"
        aria-label={`${width} values${changed ? ", with your changes above and without below" : ""}; the largest in dimensions ${order.join(", ")}`}
        style={{ height: `${height}px` }}
      />
      <p class="soft">
        {changed ? "Above with your changes, below without. " : ""}Largest:{" "}
        {order.map((d) => `${d} (${v.vector[d].toPrecision(3)})`).join(", ")}
      </p>
    </>
  );
}

function Near() {
  return (
    <State reply={near.value}>
      {(t) => (
        <ol class="likely" aria-label="Nearest tokens">
          {texts(t, "token").map((label, i) => {
            const cosine = numbers(t, "cosine")[i];
            return (
              <li key={i}>
                <Token id={numbers(t, "id")[i]} label={label} />
                <span class="bar" aria-hidden="true">
                  <i style={{ width: `${100 * Math.max(0, cosine)}%` }} />
                </span>
                <span class="amount">{cosine.toFixed(3)}</span>
              </li>
            );
          })}
        </ol>
      )}
    </State>
  );
}

function Lens({ info }: { info: ModelInfo }) {
  const at = opened.value!,
    l = lensHere.value,
    s = stage.value.data!;
  useEffect(() => {
    const c = at.position - s.first,
      last = info.blocks;
    if (l)
      note({
        lens: {
          top: l.top[at.block + 1]?.[c] ?? "",
          above: l.top[at.block + 2]?.[c] ?? "",
          final: l.top[last]?.[s.ids.length - 1 - s.first] ?? "",
          last: at.position === s.ids.length - 1,
          always: new Set(l.top.map((row) => row[c])).size === 1,
        },
      });
  }, [l, at.block, at.position]);
  return (
    <State reply={tops.value}>
      {(t) => {
        const block = numbers(t, "block");
        const mine = block.flatMap((b, i) => (b === at.block ? [i] : []));
        return (
          <>
            <p class="soft">
              <Explained>If the model stopped here, it would predict:</Explained>
            </p>
            <ol class="likely" aria-label="Likeliest tokens of the cell">
              {mine.map((i) => {
                const share = numbers(t, "probability")[i];
                return (
                  <li key={i}>
                    <Token id={numbers(t, "id")[i]} label={texts(t, "token")[i]} />
                    <span class="bar" aria-hidden="true">
                      <i style={{ width: `${100 * share}%` }} />
                    </span>
                    <span class="amount">{percent(share)}</span>
                  </li>
                );
              })}
            </ol>
          </>
        );
      }}
    </State>
  );
}

const changeNames = {
  ln1: "normalised for attention",
  attn_out: "attention adds",
  ln2: "normalised for the MLP",
  mlp_out: "the MLP adds",
};

function Changes() {
  const at = opened.value!;
  if (at.block < 0)
    return (
      <p class="soft">
        <Explained>This is the embedding, which no block has changed: open a cell of a block.</Explained>
      </p>
    );
  return (
    <>
      <Untouched />
      <State reply={trace.value}>
        {(t) => {
          const row = numbers(t, "block").indexOf(at.block);
          const of = Object.keys(changeNames) as (keyof typeof changeNames)[];
          const lengths = of.map((c) => numbers(t, `length_${c}`)[row]),
            cosines = of.map((c) => numbers(t, `cosine_${c}`)[row]);
          const most = Math.max(...lengths);
          return (
            <table class="small">
              <caption class="hidden">What block {at.block} does to the vector</caption>
              <thead>
                <tr>
                  <th scope="col">in block {at.block}</th>
                  <th scope="col">length</th>
                  <th scope="col" aria-hidden="true" />
                  <th scope="col">cosine to the vector before</th>
                </tr>
              </thead>
              <tbody>
                {of.map((c, i) => (
                  <tr key={c}>
                    <th scope="row">{changeNames[c]}</th>
                    <td>{lengths[i]?.toPrecision(3)}</td>
                    <td aria-hidden="true">
                      <span class="bar">
                        <i style={{ width: `${(100 * lengths[i]) / most}%` }} />
                      </span>
                    </td>
                    <td>{cosines[i]?.toFixed(2)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          );
        }}
      </State>
    </>
  );
}

function Attention() {
  const at = opened.value!;
  const block = Math.max(0, at.block);
  return (
    <>
      <Untouched />
      <p class="soft">
        <Explained>
          The tokens that each head of block {block} attends to from here. The rest of its attention is on other tokens.
        </Explained>
      </p>
      <State reply={attention.value}>
        {(a) => (
          <ul class="heads">
            {a.heads.map((head, h) => {
              const row = a.patterns[h][at.position] ?? [];
              const best = row
                .map((v, i) => [v, i])
                .sort((x, y) => y[0] - x[0])
                .slice(0, 3)
                .filter(([v]) => v > 0.02);
              return (
                <li key={head}>
                  <b>
                    {block}.{head}
                  </b>
                  <span class="looks">
                    {best.map(([v, i]) => (
                      <span
                        key={i}
                        class="token still"
                        data-heat=""
                        style={{ "--heat": `${Math.round(100 * v)}%` }}
                        title={`position ${i}`}
                      >
                        <span>{a.labels[i]}</span> <small>{Math.round(100 * v)} %</small>
                      </span>
                    ))}
                  </span>
                  <button
                    type="button"
                    class="quiet"
                    aria-label={`Switch head ${block}.${head} off here`}
                    onClick={() =>
                      pin({
                        at: `blocks.${block}.z@${at.position}/${head}`,
                        do: "zero",
                        name: `head ${block}.${head} off`,
                      })
                    }
                  >
                    off
                  </button>
                </li>
              );
            })}
          </ul>
        )}
      </State>
    </>
  );
}

function Parts() {
  const at = opened.value!;
  return (
    <>
      <Untouched />
      <State reply={parts.value}>
        {(a) => {
          const [part, block, head, value] = [
            texts(a.table, "part"),
            numbers(a.table, "block"),
            numbers(a.table, "head"),
            numbers(a.table, "value"),
          ];
          const order = value
            .map((_, i) => i)
            .sort((x, y) => Math.abs(value[y]) - Math.abs(value[x]))
            .slice(0, 12);
          const most = Math.max(...order.map((i) => Math.abs(value[i])), 1e-9);
          return (
            <>
              <p class="soft">
                <Explained>
                  What speaks at position {at.position} for {a.target?.label}
                  {a.against ? ` against ${a.against.label}` : ""}: {a.logit.toFixed(2)} in all.
                </Explained>
              </p>
              <ol class="likely parts" aria-label="Contributions">
                {order.map((i) => {
                  const isHead = Number.isFinite(head[i]),
                    off = isHead
                      ? `blocks.${block[i]}.z@${at.position}/${head[i]}`
                      : /mlp/.test(part[i])
                        ? `blocks.${block[i]}.mlp_out@${at.position}`
                        : "";
                  const name = isHead
                    ? `head ${block[i]}.${head[i]}`
                    : Number.isFinite(block[i])
                      ? `MLP ${block[i]}`
                      : part[i];
                  return (
                    <li key={i}>
                      <span>{name}</span>
                      <span class="bar both" aria-hidden="true">
                        <i
                          class={value[i] < 0 ? "against" : ""}
                          style={{ width: `${(50 * Math.abs(value[i])) / most}%` }}
                        />
                      </span>
                      <span class="amount">
                        {value[i] > 0 ? "+" : ""}
                        {value[i].toFixed(2)}
                      </span>
                      {off ? (
                        <button
                          type="button"
                          class="quiet"
                          aria-label={`Switch ${name} off`}
                          onClick={() => pin({ at: off, do: "zero", name: `${name} off` })}
                        >
                          off
                        </button>
                      ) : (
                        <span />
                      )}
                    </li>
                  );
                })}
              </ol>
            </>
          );
        }}
      </State>
    </>
  );
}
