// The engine over HTTP. The engine computes everything; this file has the requests and the types of the answers.
import { signal } from "@preact/signals";
import { model } from "./session";

export class EngineError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly where: string,
    message: string,
  ) {
    super(message);
  }
}

/** Whether a text cannot be read because the model has no tokenizer. */
export const withoutTokenizer = (error?: Error): boolean =>
  error instanceof EngineError && error.code === "not_found" && error.message.includes("tokenizer");

export type Cell = string | number | null;
export interface Table {
  title: string;
  columns: Record<string, Cell[]>;
}
/** A Vega-Lite specification, made by the engine. */
export type Spec = Record<string, unknown>;
export interface Named {
  id: number;
  label: string;
}
export interface Likely extends Named {
  probability: number;
}
export interface ModelInfo {
  name: string;
  /** The name or path that opens it again, on the command line or in Python. */
  opens: string;
  family: string;
  vocab: number;
  width: number;
  blocks: number;
  heads: number;
  head_width: number;
  mlp_width: number;
  context: number;
  parameters: number;
  sites: { name: string; shape: string; transformer_lens: string; hugging_face: string }[];
}
export interface Job {
  id: number;
  kind: string;
  state: "queued" | "running" | "paused" | "done" | "failed" | "cancelled";
  fraction: number;
  what: string;
  seconds_left: number | null;
  version?: number;
  error?: { code: string; where: string; message: string };
  result?: any;
  partial?: any;
}

/** False while the engine does not answer; `returned` counts its returns, so that open views send their requests again. */
export const online = signal(true);
/** True if the engine answers but this browser has no access: the server was restarted, or the cookie is gone. */
export const stranger = signal(false);
export const returned = signal(0);

async function fail(response: Response): Promise<never> {
  let error = { code: "", where: "", message: `the engine answered ${response.status}` };
  try {
    error = { ...error, ...((await response.json()) as { error: typeof error }).error };
  } catch {
    // not JSON: the status is the message
  }
  throw new EngineError(response.status, error.code, error.where, error.message);
}

/** A request to another model than the current one. */
export const of = (name: string, path: string): string =>
  `${path}${path.includes("?") ? "&" : "?"}model=${encodeURIComponent(name)}`;

const withModel = (path: string): string => (model.value && !/[?&]model=/.test(path) ? of(model.value, path) : path);

export async function ask(path: string, body?: unknown, init: RequestInit = {}): Promise<Response> {
  const post =
    body === undefined
      ? {}
      : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  let response: Response;
  try {
    response = await fetch(withModel(`/api/${path}`), { ...post, ...init });
  } catch (error) {
    if ((error as Error).name !== "AbortError") lost();
    throw error;
  }
  if (response.status === 401) lost();
  return response.ok ? response : fail(response);
}

export async function call<T>(path: string, body?: unknown, init?: RequestInit): Promise<T> {
  return (await ask(path, body, init)).json() as Promise<T>;
}

function lost(): void {
  if (!online.value) return;
  online.value = false;
  const retry = async () => {
    try {
      const health = await fetch("/api/health");
      stranger.value = health.status === 401;
      if (!health.ok) throw new Error();
      online.value = true;
      returned.value++;
    } catch {
      setTimeout(retry, 1000);
    }
  };
  setTimeout(retry, 500);
}

export interface Event {
  event: string;
  data: any;
}

/** The events of a text/event-stream, also of one that answers a POST (which EventSource cannot). */
export async function* events(path: string, body?: unknown, signal?: AbortSignal): AsyncGenerator<Event> {
  const response = await ask(path, body, { signal });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    waiting += value.replaceAll("\r", "");
    for (let end = waiting.indexOf("\n\n"); end >= 0; end = waiting.indexOf("\n\n")) {
      const parsed = parse(waiting.slice(0, end));
      waiting = waiting.slice(end + 2);
      if (parsed) yield parsed;
    }
  }
}

function parse(block: string): Event | undefined {
  const lines = block.split("\n");
  const field = (name: string) =>
    lines.filter((l) => l.startsWith(name + ":")).map((l) => l.slice(name.length + 1).trimStart());
  const data = field("data").join("\n");
  return data ? { event: field("event")[0] ?? "message", data: JSON.parse(data) } : undefined;
}

/** A column as numbers; missing values are NaN. */
export const numbers = (table: Table, column: string): number[] =>
  (table.columns[column] ?? []).map((v) => (v === null ? NaN : Number(v)));
export const texts = (table: Table, column: string): string[] => (table.columns[column] ?? []).map(String);
export const rows = (table: Table): number => Object.values(table.columns)[0]?.length ?? 0;

/** A token in a vector expression: by its id, because a label may stand for bytes that are not text. */
export const byId = (id: number): string => `#${id}`;
/** A word in a vector expression. */
export const quoted = (word: string): string => (word.includes("'") ? `"${word}"` : `'${word}'`);
