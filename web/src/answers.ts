// Requests to the engine as signals: a changed request is sent again, and an answer carries the request that it belongs
// to.
import { effect, signal, type ReadonlySignal } from "@preact/signals";
import { returned } from "./api";

export interface Reply<T> {
  data?: T;
  /** The question that `data` answers; another than the one asked now while a newer answer is under way. */
  of?: string;
  error?: Error;
  loading: boolean;
}

interface Options {
  /** Milliseconds that a question must stand still before it is asked. */
  settle?: number;
  /** Milliseconds after which an answer is given up for a newer question, or for one that is not known yet. */
  patience?: number;
}

/**
 * The answer to what `question` says (undefined: nothing to ask; null: not known yet, what is shown stays). One question is under way at a time: while it is, only the newest of
 * those that follow waits, so a hand that drags is answered at the engine's own pace and never by a queue.
 */
export function answered<T>(
  question: () => string | undefined | null,
  asker: (question: string, signal: AbortSignal) => Promise<T>,
  { settle = 0, patience = Infinity }: Options = {},
): ReadonlySignal<Reply<T>> {
  const reply = signal<Reply<T>>({ loading: false });
  let wanted: string | undefined,
    busy = false,
    since = 0,
    abort = new AbortController(),
    timer = 0;

  const run = async () => {
    const asked = wanted;
    if (busy || asked === undefined) return;
    busy = true;
    since = performance.now();
    abort = new AbortController();
    try {
      const data = await asker(asked, abort.signal);
      if (wanted !== undefined) reply.value = { data, of: asked, loading: wanted !== asked };
    } catch (error) {
      const stopped = (error as Error).name === "AbortError";
      if (wanted === asked)
        reply.value = { ...reply.peek(), error: stopped ? undefined : (error as Error), loading: false };
    }
    busy = false;
    if (wanted !== asked) void run();
  };

  effect(() => {
    const now = question();
    const again = returned.value; // after the engine was away everything is asked once more
    void again;
    clearTimeout(timer);
    const outlived = () => busy && performance.now() - since > patience;
    if (now === null) {
      if (outlived()) abort.abort();
      reply.value = { ...reply.peek(), loading: true };
      return;
    }
    wanted = now;
    if (now === undefined) {
      abort.abort();
      reply.value = { loading: false };
      return;
    }
    const { data, of, error } = reply.peek();
    if (of === now && !error && !again) return;
    reply.value = { data, of, loading: true };
    if (outlived()) abort.abort();
    timer = window.setTimeout(() => void run(), settle);
  });
  return reply;
}
