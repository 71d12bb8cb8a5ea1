// Write: a text, its tokens, the predicted next token, and what the model writes.
import { useEffect, useState } from "preact/hooks";
import { call, numbers, texts, type Likely, type ModelInfo, type Table as Columns } from "../api";
import type { PredictAnswer } from "../catalogue";
import { Lead } from "../glossary";
import { note } from "../facts";
import { useAnswer } from "../hooks";
import {
  LikelyList,
  NumberField,
  opened,
  Picture,
  program,
  py,
  Same,
  Segments,
  shell,
  Shown,
  Table,
  Token,
} from "../parts";
import { useNumber, useParam } from "../session";
import { SharedText, useText, useTokens, type Tokens } from "../text";
import { Chat } from "../write/chat";
import { Generate } from "../write/generate";

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
      <h1>Write</h1>
      <Lead>
        A model does not see letters. It sees numbers of tokens, and after them it expects some tokens more than others.
      </Lead>
      <div class="columns">
        <section aria-labelledby="read-tokens">
          <SharedText />
          <h2 id="read-tokens">Tokens</h2>
          <Shown answer={tokens}>{(t) => <Pieces tokens={t} text={text} />}</Shown>
          <Writing info={info} text={text} />
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
          <Same
            command={`${program(info, "tokens")} ${shell(text)}\n${program(info, "predict")} ${shell(text)} -k ${k}`}
            python={`import embscope\nmodel = embscope.load(${opened(info)})\nmodel.predict(${py(text)}, k=${k})`}
          />
        </section>
      </div>
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

const ways: [string, string][] = [
  ["", "Continue the text"],
  ["chat", "Chat"],
];

/** What the model writes: behind the text, or as an answer. */
function Writing({ text, info }: { text: string; info: ModelInfo }) {
  const [way, setWay] = useParam("way", "");
  return (
    <section aria-labelledby="read-write">
      <h2 id="read-write">What it writes</h2>
      <Segments label="What it writes" parts={ways} value={way} set={(v) => setWay(v || undefined)} />
      {way === "chat" ? <Chat info={info} /> : <Generate info={info} text={text} />}
    </section>
  );
}
