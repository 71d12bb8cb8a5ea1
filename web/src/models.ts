// Which models are open on the server, which could be, and how one is opened.
import { signal } from "@preact/signals";
import { call, type ModelInfo } from "./api";
import { useAnswer, type Answer } from "./hooks";

/** Counts what was opened here, so that lists ask again. */
const opened = signal(0);

export const useModels = (): Answer<ModelInfo[]> =>
  useAnswer(`models ${opened.value}`, (signal) => call<ModelInfo[]>("models", undefined, { signal }));

/** Names that open without a path: what the cache of Embscope and that of Hugging Face's hub hold. Undefined while it is asked. */
export function useAvailable(): string[] | undefined {
  const known = useAnswer(`available ${opened.value}`, (signal) =>
    call<{ models: { name: string }[] }>("models/available", undefined, { signal }),
  );
  return known.data?.models.map((m) => m.name) ?? (known.error && []);
}

export async function openModel(name: string): Promise<ModelInfo> {
  const info = await call<ModelInfo>("models", { open: name });
  opened.value++;
  return info;
}

/** Of all that can be chosen: what is open, by its name, then what is not yet. */
export const choices = (open: ModelInfo[], available: string[] = []): { name: string; open?: ModelInfo }[] => [
  ...open.map((m) => ({ name: m.name, open: m })),
  ...available.filter((name) => !open.some((m) => m.name === name || m.opens === name)).map((name) => ({ name })),
];
