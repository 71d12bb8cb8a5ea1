// Read: a text, its tokens, and the predicted next token.
import { useEffect, useRef, useState } from "preact/hooks";
import { call, events, numbers, texts, type Likely, type ModelInfo, type Table as Columns } from "../api";
import type { PredictAnswer } from "../catalogue";
import { Lead } from "../glossary";
import { note } from "../facts";
import { useAnswer } from "../hooks";
import {
  LikelyList,
  NumberField,
  percent,
  opened,
  Picture,
  program,
  py,
  Same,
  shell,
  Shown,
  Table,
  Token,
  Trouble,
} from "../parts";
import { useNumber } from "../session";
import { SharedText, useText, useTokens, type Tokens } from "../text";

export const likely = (table: Columns): Likely[] => {
  const [ids, labels, probabilities] = [numbers(table, "id"), texts(table, "token"), numbers(table, "probability")];
  return ids.map((id, i) => ({ id, label: labels[i], probability: probabilities[i] }));
};

export function Read({ info }: { info: ModelInfo }) {
  const [text] = useText();
  const [k, setK] = useNumber("k", 10);
  const tokens = useTokens(text);
  const next = useAnswer(`predict ${k} ${text}`, (signal) => call<PredictAnswer>("predict", { text, k }, { signal }));
  useEffect(() => {
    if (tokens.data) note({ tokens: { text, labels: tokens.data.labels } });
  }, [tokens.data]);
  useEffect(() => {
    const first = next.data && likely(next.data.table)[0];
    if (first) note({ predict: { text, top: first.label, probability: first.probability } });
  }, [next.data]);
  return (
    <>
      <h1>Read</h1>
      <Lead>
        A model does not see letters. It sees numbers of tokens, and after them it expects some tokens more than others.
      </Lead>
      <div class="columns">
        <section aria-labelledby="read-tokens">
          <SharedText />
          <h2 id="read-tokens">Tokens</h2>
          <Shown answer={tokens}>{(t) => <Pieces tokens={t} text={text} />}</Shown>
        </section>
        <section aria-labelledby="read-next">
          <h2 id="read-next">Next token</h2>
          <Shown answer={next}>{(n) => <LikelyList tokens={likely(n.table)} label="Likeliest next tokens" />}</Shown>
          <div class="row between">
            <NumberField label="How many" value={k} set={setK} min={1} max={1000} />
            {next.data && (
              <details>
                <summary>As a table</summary>
                <Table table={next.data.table} name="predict" />
              </details>
            )}
            <Picture path="predict" body={{ text, k }} name="predict" />
          </div>
        </section>
      </div>
      <Same
        command={`${program(info, "tokens")} ${shell(text)}\n${program(info, "predict")} ${shell(text)} -k ${k}`}
        python={`import embscope\nmodel = embscope.load(${opened(info)})\nmodel.predict(${py(text)}, k=${k})`}
      />
      <Generate info={info} text={text} />
    </>
  );
}

/** Chips, and below them the text itself with the bytes of the token under the pointer. */
function Pieces({ tokens, text }: { tokens: Tokens; text: string }) {
  const [at, look] = useState<number>();
  const bytes = new TextEncoder().encode(text);
  const part = (from: number, to: number) => new TextDecoder().decode(bytes.slice(from, to));
  const range = at === undefined ? undefined : tokens.ranges[at];
  return (
    <>
      <div class="tokens" onPointerLeave={() => look(undefined)}>
        {tokens.ids.map((id, i) => (
          <span key={i} class="piece" onPointerEnter={() => look(i)} onFocusCapture={() => look(i)}>
            <Token id={id} label={tokens.labels[i]} showId />
          </span>
        ))}
      </div>
      <p class="source" aria-live="polite">
        {range ? (
          <>
            {part(0, range[0])}
            <mark>{part(range[0], range[1])}</mark>
            {part(range[1], bytes.length)}
          </>
        ) : (
          text
        )}
        <small>
          {at !== undefined && range
            ? `position ${at}, token ${tokens.ids[at]}, bytes ${range[0]}..${range[1]}: ${tokens.bytes[at]}`
            : `${tokens.ids.length} tokens, ${bytes.length} bytes`}
        </small>
      </p>
    </>
  );
}

const bytesOf = (hex: string): Uint8Array => Uint8Array.from(hex.match(/../g) ?? [], (byte) => parseInt(byte, 16));

interface Written extends Likely {
  text: string;
}

/** What begins to be written below the fold comes into sight. */
const inSight = (e: HTMLElement | null): void => e?.scrollIntoView({ block: "nearest" });

function Generate({ text, info }: { text: string; info: ModelInfo }) {
  const [count, setCount] = useNumber("count", 24);
  const [temperature, setTemperature] = useNumber("temperature", 0);
  const [topP, setTopP] = useNumber("top_p", 1);
  const [seed, setSeed] = useNumber("seed", 1);
  const [written, setWritten] = useState<Written[]>([]);
  const [error, setError] = useState<Error>();
  const running = useRef<AbortController | undefined>(undefined);
  const [busy, setBusy] = useState(false);
  useEffect(() => () => running.current?.abort(), []);

  const write = async () => {
    running.current = new AbortController();
    setWritten([]);
    setError(undefined);
    setBusy(true);
    const decoder = new TextDecoder(); // the bytes of a character may be in several tokens
    try {
      const request = { text, count, temperature, top_p: topP, seed };
      for await (const { event, data } of events("generate", request, running.current.signal)) {
        if (event === "token") {
          const text = decoder.decode(bytesOf(data.bytes), { stream: true });
          setWritten((w) => [...w, { ...data, text } as Written]);
        }
        if (event === "failed" || event === "error") throw new Error(data.error?.message ?? data.message);
      }
    } catch (e) {
      if ((e as Error).name !== "AbortError") setError(e as Error);
    }
    setBusy(false);
  };
  const options = `-n ${count}${temperature ? ` --temperature ${temperature} --top-p ${topP} --seed ${seed}` : ""}`;
  return (
    <section aria-labelledby="read-write">
      <h2 id="read-write">What it writes</h2>
      <div class="row">
        <NumberField label="Tokens" value={count} set={setCount} min={1} max={2000} />
        <NumberField label="Temperature" value={temperature} set={setTemperature} min={0} max={10} step={0.1} />
        <NumberField label="Top p" value={topP} set={setTopP} min={0} max={1} step={0.05} />
        <NumberField label="Seed" value={seed} set={setSeed} min={0} />
        {busy ? (
          <button type="button" onClick={() => running.current?.abort()}>
            Stop
          </button>
        ) : (
          <button type="button" class="main" onClick={() => void write()}>
            Write on
          </button>
        )}
      </div>
      <Trouble error={error} />
      {written.length > 0 && (
        <p ref={inSight} class="written" aria-live="polite" aria-busy={busy}>
          <span class="given">{text}</span>
          {written.map((w, i) => (
            <span
              key={i}
              class="by"
              style={{ "--heat": `${Math.round(100 * w.probability)}%` }}
              title={`${w.label} ${percent(w.probability)}`}
            >
              {w.text}
            </span>
          ))}
        </p>
      )}
      {written.length > 0 && !busy && (
        <details>
          <summary>As a table</summary>
          <Table
            name="generate"
            table={{
              title: "the text that it writes",
              columns: {
                token: written.map((w) => w.label),
                id: written.map((w) => w.id),
                probability: written.map((w) => w.probability),
              },
            }}
          />
        </details>
      )}
      {written.length > 0 && (
        <p class="key">
          <span class="by" style={{ "--heat": "0%" }}>
            unsure
          </span>
          <span class="by" style={{ "--heat": "50%" }}>
            half sure
          </span>
          <span class="by" style={{ "--heat": "100%" }}>
            sure
          </span>
        </p>
      )}
      <Same
        command={`${program(info, "generate")} ${shell(text)} ${options}`}
        python={`import embscope\nmodel = embscope.load(${opened(info)})\nmodel.generate(${py(text)}, tokens=${count}, temperature=${temperature}, top_p=${topP}, seed=${seed})`}
      />
    </section>
  );
}
