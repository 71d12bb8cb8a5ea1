// The map of all tokens that the engine keeps: computed at first use, read from its cache ever after.
import { useEffect, useState } from "preact/hooks";
import { ask, call, of, returned } from "../api";
import type { Cloud } from "./cloud";

export interface KeptStatus {
  state: "computing" | "ready" | "failed";
  fraction: number;
  seconds_left: number | null;
  what: string;
  version: number;
  from_cache: boolean;
  note: string;
  error?: string;
}

export interface Kept {
  status?: KeptStatus;
  cloud?: Cloud;
  error?: Error;
}

/** Undefined names no model: nothing is asked. */
export function useKept(model: string | undefined): Kept {
  const [kept, set] = useState<Kept & { of?: string }>({});
  useEffect(() => {
    if (model === undefined) return;
    const abort = new AbortController();
    void follow(
      model,
      (part) => set((k) => ({ ...(k.of === model ? k : {}), ...part, of: model })),
      abort.signal,
    ).catch((error: Error) => error.name !== "AbortError" && set((k) => ({ ...k, error, of: model })));
    return () => abort.abort();
  }, [model, returned.value]);
  return kept.of === model && model !== undefined ? kept : {};
}

async function follow(model: string, tell: (part: Kept) => void, signal: AbortSignal): Promise<void> {
  for (let version = 0; ; await new Promise((done) => setTimeout(done, 400))) {
    if (signal.aborted) return;
    const status = await call<KeptStatus>(of(model, "map"), undefined, { signal });
    tell({ status, error: undefined });
    if (status.version > version) {
      tell({
        cloud: placed(
          new Float32Array(await (await ask(of(model, "map/points"), undefined, { signal })).arrayBuffer()),
        ),
      });
      version = status.version;
    }
    if (status.state !== "computing") return;
  }
}

/** Tokens whose row is zero are nowhere. */
function placed(all: Float32Array): Cloud {
  const ids = Int32Array.from({ length: all.length / 2 }, (_, i) => i).filter((i) => Number.isFinite(all[2 * i]));
  if (2 * ids.length === all.length) return { ids, xy: all };
  const xy = new Float32Array(2 * ids.length);
  ids.forEach((id, i) => xy.set(all.subarray(2 * id, 2 * id + 2), 2 * i));
  return { ids, xy };
}
