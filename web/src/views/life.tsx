// Life: a token's path through the blocks.
import { useEffect } from "preact/hooks";
import { call, numbers, texts, type ModelInfo, type Table as Columns } from "../api";
import type { AttentionAnswer, AttributeAnswer, LensAnswer, TraceAnswer, TrajectoryAnswer } from "../catalogue";
import { Explained, Lead } from "../glossary";
import { note } from "../facts";
import { useAnswer, useSettled } from "../hooks";
import {
  Choice,
  Figure,
  LikelyList,
  opened,
  Picture,
  program,
  py,
  Same,
  Segments,
  shell,
  Shown,
  Table,
  Text,
  WordField,
} from "../parts";
import { setParams, useNumber, useParam } from "../session";
import { PositionPicker, SharedText, useText, useTokens } from "../text";

const parts = [
  ["lens", "Lens"],
  ["trace", "Four changes"],
  ["attention", "Attention"],
  ["attribute", "Contributions"],
  ["path", "Path"],
] as [string, string][];

interface PartProps {
  info: ModelInfo;
  text: string;
  /** The position of the chosen token; never negative. */
  position: number;
  count: number;
  setPosition: (at: number) => void;
}

export function Life({ info }: { info: ModelInfo }) {
  const [text] = useText();
  const [part] = useParam("part", "lens");
  const setPart = (to: string) => setParams({ part: to }, "life", true);
  const [wanted, setPosition] = useNumber("position", -1);
  const tokens = useTokens(text);
  const count = tokens.data?.ids.length ?? 0;
  const position = Math.max(0, Math.min(count - 1, wanted < 0 ? count + wanted : wanted));
  const Part = { lens: Lens, trace: Trace, attention: Attention, attribute: Attribute, path: Path }[part] ?? Lens;
  return (
    <>
      <h1>Life</h1>
      <Lead>
        The vector of a token passes through {info.blocks} blocks. Each block changes it four times. Follow it here.
      </Lead>
      <SharedText />
      <PositionPicker label="Token to follow" tokens={tokens} position={position} set={setPosition} />
      <Segments label="What to show" parts={parts} value={part} set={setPart} />
      {count > 0 && <Part info={info} text={text} position={position} count={count} setPosition={setPosition} />}
    </>
  );
}

const windowOf = 20;

function Lens({ info, text, position, count, setPosition }: PartProps) {
  const [target, setTarget] = useParam("target", "");
  const [block, setBlock] = useNumber("block", info.blocks - 1);
  const first = Math.max(0, Math.min(position - windowOf / 2, count - windowOf));
  const request = { text, top: 8, first, last: Math.min(count, first + windowOf), ...(target ? { target } : {}) };
  const question = useSettled(JSON.stringify(request));
  const lens = useAnswer(question, (signal) => call<LensAnswer>("lens", JSON.parse(question), { signal }));
  useEffect(() => {
    const top = (b: number, p: number) => (lens.data ? (topsOf(lens.data.tables.tops, b, p)[0]?.label ?? "") : "");
    if (lens.data)
      note({
        lens: {
          top: top(block, position),
          above: top(block + 1, position),
          final: top(info.blocks - 1, count - 1),
          last: position === count - 1,
          always: new Set(Array.from({ length: info.blocks + 1 }, (_, b) => top(b - 1, position))).size === 1,
        },
      });
  }, [lens.data, block, position]);
  const open = (b: number, p: number) => (setBlock(b), setPosition(p));
  return (
    <>
      <p>
        <Explained>
          If the model stopped after a block, what would it predict? Open a cell to see its most likely tokens.
        </Explained>
      </p>
      <div class="row">
        <WordField
          label="Colour by the probability of"
          value={target}
          set={setTarget}
          hint="empty: the token in the cell"
        />
      </div>
      <Shown answer={lens}>
        {(l) => (
          <>
            <div class="opened">
              <LensGrid lens={l} blocks={info.blocks} at={[block, position]} open={open} follow={target !== ""} />
              <section class="cell" aria-label="The open cell" aria-live="polite">
                <h2>
                  {block < 0 ? "Before block 0" : `After block ${block}`}, position {position}
                </h2>
                <LikelyList tokens={topsOf(l.tables.tops, block, position)} label="Likeliest tokens of the cell" />
              </section>
            </div>
            <Picture path="lens" body={request} name="lens" />
            <details>
              <summary>As tables</summary>
              <Table table={l.tables.cells} name="lens" />
              <Table table={l.tables.tops} name="lens-tops" />
            </details>
          </>
        )}
      </Shown>
      <Same
        command={`${program(info, "lens")} ${shell(text)}${target ? ` --target ${shell(target)}` : ""} --top 8`}
        python={`import embscope\nmodel = embscope.load(${opened(info)})\nmodel.lens(${py(text)}${target ? `, target=${py(target)}` : ""}, top=8)`}
      />
    </>
  );
}

function topsOf(tops: Columns, block: number, position: number) {
  const [blocks, positions, ids, labels, probabilities] = [
    numbers(tops, "block"),
    numbers(tops, "position"),
    numbers(tops, "id"),
    texts(tops, "token"),
    numbers(tops, "probability"),
  ];
  return ids.flatMap((id, i) =>
    blocks[i] === block && positions[i] === position ? [{ id, label: labels[i], probability: probabilities[i] }] : [],
  );
}

interface GridProps {
  lens: LensAnswer;
  blocks: number;
  at: [number, number];
  open: (block: number, position: number) => void;
  follow: boolean;
}

/** Layers as rows, the last at the top, positions as columns; one cell is in the tab order, arrow keys move between cells. */
function LensGrid({ lens, blocks, at, open, follow }: GridProps) {
  const { cells } = lens.tables;
  const [block, position, token, top] = [
    numbers(cells, "block"),
    numbers(cells, "position"),
    texts(cells, "token"),
    texts(cells, "top"),
  ];
  const heat = numbers(cells, follow ? "target_probability" : "probability");
  const where = new Map(block.map((b, i) => [`${b} ${position[i]}`, i]));
  const positions = [...new Set(position)];
  const layers = Array.from({ length: blocks + 1 }, (_, i) => blocks - 1 - i);
  const inTab = where.has(`${at[0]} ${at[1]}`) ? at : [blocks - 1, positions.at(-1) ?? 0];
  const key = (e: KeyboardEvent) => {
    const [dy, dx] = { ArrowUp: [1, 0], ArrowDown: [-1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[e.key] ?? [0, 0];
    const next: [number, number] = [inTab[0] + dy, inTab[1] + dx];
    if ((!dx && !dy) || !where.has(next.join(" "))) return;
    e.preventDefault();
    open(...next);
    (e.currentTarget as HTMLElement).querySelector<HTMLElement>(`[data-cell="${next.join(" ")}"]`)?.focus();
  };
  return (
    <div class="scroll lens">
      <table onKeyDown={key}>
        <caption class="hidden">The most likely next token after each block at each position</caption>
        <thead>
          <tr>
            <th scope="col">block</th>
            {positions.map((p) => (
              <th key={p} scope="col">
                {token[where.get(`${layers[0]} ${p}`)!]}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {layers.map((b) => (
            <tr key={b}>
              <th scope="row">{b < 0 ? "embedding" : b}</th>
              {positions.map((p) => {
                const i = where.get(`${b} ${p}`)!;
                return (
                  <td key={p}>
                    <button
                      type="button"
                      data-cell={`${b} ${p}`}
                      data-heat=""
                      style={{ "--heat": `${Math.round(100 * heat[i])}%` }}
                      title={`${(100 * heat[i]).toFixed(1)} %`}
                      aria-pressed={b === at[0] && p === at[1]}
                      tabIndex={b === inTab[0] && p === inTab[1] ? 0 : -1}
                      onClick={() => open(b, p)}
                    >
                      {top[i]}
                    </button>
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Trace({ info, text, position }: PartProps) {
  const question = useSettled(JSON.stringify({ text, position }));
  const life = useAnswer(question, (signal) => call<TraceAnswer>("trace?figure=1", JSON.parse(question), { signal }));
  return (
    <>
      <p>
        <Explained>
          In each block the vector is normalised (<code>ln1</code>), attention adds information from other tokens (
          <code>attn_out</code>), it is normalised again (<code>ln2</code>), and the MLP adds information stored in its
          weights (<code>mlp_out</code>).
        </Explained>
      </p>
      <Shown answer={life}>
        {(l) => (
          <>
            <Figure spec={l.figure} name="trace" />
            <details>
              <summary>As tables</summary>
              <Table table={l.tables.life} name="trace" />
              <Table table={l.tables.lens} name="trace-lens" />
            </details>
          </>
        )}
      </Shown>
      <Same
        command={`${program(info, "trace")} ${shell(text)} --position ${position}`}
        python={`import embscope\nmodel = embscope.load(${opened(info)})\nmodel.trace(${py(text)}, position=${position})`}
      />
    </>
  );
}

function Attention({ info, text }: PartProps) {
  const [block, setBlock] = useNumber("attention", Math.floor((info.blocks * 3) / 4));
  const question = useSettled(JSON.stringify({ text, block }));
  const patterns = useAnswer(question, (signal) =>
    call<AttentionAnswer>("attention?figure=1", JSON.parse(question), { signal }),
  );
  return (
    <>
      <p>
        <Explained>Each head of a block attends from a token (row) to the tokens before it (columns).</Explained>
      </p>
      <label class="slider">
        <span>
          Block <output>{block}</output>
        </span>
        <input
          type="range"
          min={0}
          max={info.blocks - 1}
          value={block}
          aria-label="Block"
          onInput={(e) => setBlock(e.currentTarget.valueAsNumber)}
        />
      </label>
      <Shown answer={patterns}>{(a) => <Figure spec={a.figure} name={`attention-${block}`} />}</Shown>
      <Same
        command={`${program(info, "attention")} ${shell(text)} --block ${block}`}
        python={`import embscope\nmodel = embscope.load(${opened(info)})\nmodel.attention(${py(text)}, block=${block})`}
      />
    </>
  );
}

function Attribute({ info, text, position }: PartProps) {
  const [target, setTarget] = useParam("target", "");
  const [against, setAgainst] = useParam("against", "");
  const question = useSettled(
    JSON.stringify({ text, position, ...(target ? { target } : {}), ...(against ? { against } : {}) }),
  );
  const shares = useAnswer(question, (signal) =>
    call<AttributeAnswer>("attribute?figure=1", JSON.parse(question), { signal }),
  );
  return (
    <>
      <p>
        <Explained>The logit of a token is a sum: each head and each MLP adds a part.</Explained>
      </p>
      <div class="row">
        <WordField label="Token" value={target} set={setTarget} hint="empty: the predicted token" />
        <WordField label="Against" value={against} set={setAgainst} hint="empty: none" />
      </div>
      <Shown answer={shares}>
        {(s) => (
          <>
            <Figure spec={s.figure} name="attribute" />
            <details>
              <summary>As a table</summary>
              <Table table={s.table} name="attribute" />
            </details>
          </>
        )}
      </Shown>
      <Same
        command={`${program(info, "attribute")} ${shell(text)}${target ? ` --target ${shell(target)}` : ""}${against ? ` --against ${shell(against)}` : ""} --position ${position}`}
        python={`import embscope\nmodel = embscope.load(${opened(info)})\nmodel.attribute(${py(text)}${target ? `, target=${py(target)}` : ""}${against ? `, against=${py(against)}` : ""}, position=${position})`}
      />
    </>
  );
}

function Path({ info, text, position }: PartProps) {
  const [plane, setPlane] = useParam("plane", "pca");
  const [x, setX] = useParam("x", "' Germany'");
  const [y, setY] = useParam("y", "' Berlin'");
  const question = useSettled(JSON.stringify({ text, position, plane: plane === "pca" ? "pca" : [x, y] }));
  const path = useAnswer(question, (signal) =>
    call<TrajectoryAnswer>("trajectory?figure=1", JSON.parse(question), {
      signal,
    }),
  );
  return (
    <>
      <p>
        <Explained>
          The path of the vector in a plane: the plane in which it moves most, or one that two vectors span.
        </Explained>
      </p>
      <div class="row">
        <Choice
          label="Plane"
          value={plane}
          set={setPlane}
          options={[
            ["pca", "in which it moves most"],
            ["words", "of two vectors"],
          ]}
        />
        {plane !== "pca" && <Text label="x axis" value={x} set={setX} />}
        {plane !== "pca" && <Text label="y axis" value={y} set={setY} />}
      </div>
      <Shown answer={path}>
        {(t) => (
          <>
            <Figure spec={t.figure} name="path" />
            <details>
              <summary>As a table</summary>
              <Table
                name="path"
                table={{
                  title: "path",
                  columns: { site: t.sites, x: t.points.map((p) => p[0]), y: t.points.map((p) => p[1]) },
                }}
              />
            </details>
          </>
        )}
      </Shown>
      <Same
        command={`${program(info, "trajectory")} ${shell(text)} --position ${position}${plane === "pca" ? "" : ` --plane ${shell(x)} ${shell(y)}`}`}
        python={`import embscope\nmodel = embscope.load(${opened(info)})\nmodel.trajectory(${py(text)}, position=${position}${plane === "pca" ? "" : `, plane=${py([x, y])}`})`}
      />
    </>
  );
}
