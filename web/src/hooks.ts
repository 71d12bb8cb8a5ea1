import { useEffect, useRef, useState } from "preact/hooks";
import { returned } from "./api";

export interface Answer<T> {
  data?: T;
  error?: Error;
  /** A newer answer is loading; `data` is the previous one. */
  loading: boolean;
}

/**
 * Asks whenever `question` changes (undefined: nothing to ask). One question is under way at a time: while it is, only the
 * newest of those that follow waits, so a hand that drags is answered at the engine's own pace and never by a queue. An
 * answer that takes longer than `patience` milliseconds is given up for the newer question.
 */
export function useAnswer<T>(
  question: string | undefined,
  asker: (signal: AbortSignal) => Promise<T>,
  patience = 2000,
): Answer<T> {
  const [answer, setAnswer] = useState<Answer<T>>({ loading: question !== undefined });
  const state = useRef({
    busy: false,
    waiting: false,
    since: 0,
    alive: true,
    abort: new AbortController(),
    asker,
    question,
  });
  state.current.asker = asker;
  state.current.question = question;

  const run = useRef(async () => {
    const s = state.current;
    s.busy = true;
    s.since = performance.now();
    s.abort = new AbortController();
    s.waiting = false;
    const asked = s.question;
    try {
      if (asked === undefined) throw new DOMException("", "AbortError");
      const data = await s.asker(s.abort.signal);
      if (s.alive && s.question !== undefined) setAnswer({ data, loading: s.waiting });
    } catch (error) {
      const stopped = (error as Error).name === "AbortError";
      if (s.alive && !s.waiting)
        setAnswer((a) =>
          stopped ? { ...a, loading: false } : { data: a.data, error: error as Error, loading: false },
        );
    }
    s.busy = false;
    if (s.waiting && s.alive) void run.current();
  });

  useEffect(() => {
    const s = state.current;
    s.alive = true;
    if (question === undefined) {
      setAnswer({ loading: false });
      s.waiting = false;
      return;
    }
    setAnswer((a) => ({ ...a, loading: true }));
    s.waiting = true;
    if (!s.busy) void run.current();
    else if (performance.now() - s.since > patience) s.abort.abort();
  }, [question, returned.value]);

  useEffect(
    () => () => {
      state.current.alive = false;
      state.current.abort.abort();
    },
    [],
  );
  return answer;
}

/** `value`, once it has not changed for `wait` milliseconds. */
export function useSettled<T>(value: T, wait = 150): T {
  const [settled, settle] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => settle(value), wait);
    return () => clearTimeout(timer);
  }, [value, wait]);
  return settled;
}
