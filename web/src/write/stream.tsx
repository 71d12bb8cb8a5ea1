// What the engine writes, token by token, and how it looks.
import type { Ref } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { events, type Likely } from "../api";
import { percent, Table } from "../parts";

export interface Written extends Likely {
  text: string;
}

const bytesOf = (hex: string): Uint8Array => Uint8Array.from(hex.match(/../g) ?? [], (byte) => parseInt(byte, 16));

/** Why it ended, where that is not seen. */
const endings: Record<string, string> = {
  "end of text": "The model ended the text.",
  "stop word": "It ended before a stop word.",
  context: "The model’s context is full.",
};

export interface Stream {
  written: Written[];
  busy: boolean;
  error?: Error;
  /** Why it ended; empty while it is written. */
  ended: string;
  /** What was written, also where it was stopped on the way. */
  write: (path: "generate" | "chat", request: object) => Promise<Written[]>;
  stop: () => void;
  clear: () => void;
}

export function useStream(): Stream {
  const [written, setWritten] = useState<Written[]>([]);
  const [error, setError] = useState<Error>();
  const [ended, setEnded] = useState("");
  const [busy, setBusy] = useState(false);
  const running = useRef<AbortController | undefined>(undefined);
  useEffect(() => () => running.current?.abort(), []);
  const clear = () => (setWritten([]), setError(undefined), setEnded(""));

  const write = async (path: "generate" | "chat", request: object) => {
    running.current?.abort();
    const own = (running.current = new AbortController());
    clear();
    setBusy(true);
    const decoder = new TextDecoder(); // the bytes of a character may be in several tokens
    const whole: Written[] = [];
    try {
      for await (const { event, data } of events(path, request, own.signal)) {
        if (event === "token") {
          whole.push({ ...data, text: decoder.decode(bytesOf(data.bytes), { stream: true }) } as Written);
          setWritten([...whole]);
        }
        if (event === "done") setEnded(endings[data.ended] ?? "");
        if (event === "failed" || event === "error") throw new Error(data.error?.message ?? data.message);
      }
    } catch (e) {
      if ((e as Error).name !== "AbortError") setError(e as Error);
    }
    if (running.current === own) setBusy(false);
    return whole;
  };
  return { written, busy, error, ended, write, stop: () => running.current?.abort(), clear };
}

/** Each token on the colour of how sure the model was of it. */
export function Pieces({ written }: { written: Written[] }) {
  return (
    <>
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
    </>
  );
}

/** The text that was given and what was written behind it. */
export function Continued({
  given,
  stream,
  place,
}: {
  given: string;
  stream: Stream;
  place: Ref<HTMLParagraphElement>;
}) {
  return (
    <p ref={place} class="written" aria-live="polite" aria-busy={stream.busy}>
      <span class="given">{given}</span>
      <Pieces written={stream.written} />
    </p>
  );
}

export const Key = () => (
  <p class="key">
    {(["unsure", "half sure", "sure"] as const).map((words, i) => (
      <span key={words} class="by" style={{ "--heat": `${50 * i}%` }}>
        {words}
      </span>
    ))}
  </p>
);

export function AsTable({ written }: { written: Written[] }) {
  return (
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
  );
}
