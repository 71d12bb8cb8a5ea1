// The controls of the mixture: p times one word's vector plus 1 - p times another's.
import { signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { ModelInfo } from "../api";
import { useNamed } from "../named";
import { WordField } from "../parts";
import { act, mix, other, p, replace, setShare, site, text } from "./experiment";
import { occurrences, stage, stillMixedAt, tokensNow, wordAt } from "./run";

/** The position whose field "mix with" is open. */
const asked = signal<number | undefined>(undefined);
export const mixField = (position: number): void => void (asked.value = position);

export function MixBar({ info }: { info: ModelInfo }) {
  const slider = useRef<HTMLInputElement>(null);
  const word = useNamed(other.value).word;
  const label = stage.value.data?.labels[stillMixedAt.value ?? -1] ?? replace.value;
  const sites: [string, string][] = [
    ["wte", "in the embedding"],
    ...Array.from({ length: info.blocks }, (_, l): [string, string] => [`blocks.${l}.resid_pre`, `before block ${l}`]),
  ];
  if (!sites.some(([s]) => s === site.value)) sites.push([site.value, site.value]);
  return (
    <section class="mixbar" aria-label="Mixture">
      {asked.value !== undefined && <MixWith key={asked.value} position={asked.value} />}
      {stillMixedAt.value !== undefined ? (
        <>
          <WordField
            label="turns into"
            value={other.value}
            set={(v) => act({ with: v, a: undefined, b: undefined }, "with")}
            compact
          />
          <label class="way">
            <span class="end">{word?.label ?? other.value}</span>
            <span class="track">
              <input
                ref={slider}
                type="range"
                min={0}
                max={1}
                step={0.001}
                value={p.value}
                aria-label={`p, the share of ${replace.value.trim()}`}
                aria-valuetext={`${(100 * p.value).toFixed(1)} percent ${replace.value}`}
                onInput={(e) => setShare(e.currentTarget.valueAsNumber)}
              />
              {p.value === 1 && (
                <span class="invite" aria-hidden="true">
                  ← drag
                </span>
              )}
            </span>
            <span class="end">{label}</span>
          </label>
          <output class="p" aria-hidden="true">
            p = {p.value.toFixed(2)}
          </output>
          <label class="field inline">
            <span>where</span>
            <select
              aria-label="Where"
              value={site.value}
              onChange={(e) => act({ site: e.currentTarget.value === "wte" ? undefined : e.currentTarget.value })}
            >
              {sites.map(([value, name]) => (
                <option key={value} value={value}>
                  {name}
                </option>
              ))}
            </select>
          </label>
          <button
            type="button"
            class="quiet stop"
            aria-label="Stop mixing"
            title="Stop mixing"
            onClick={() =>
              act({
                text: text.value,
                replace: "",
                nth: undefined,
                with: other.value,
                p: undefined,
                a: undefined,
                b: undefined,
                site: undefined,
              })
            }
          >
            ×
          </button>
        </>
      ) : asked.value === undefined && tokensNow.value ? (
        <p class="hint">
          <b>Drag a token onto another</b> to mix their vectors, or click one and choose what to do with it.
        </p>
      ) : null}
    </section>
  );
}

function MixWith({ position }: { position: number }) {
  const word = useSignal("");
  const box = useRef<HTMLFormElement>(null);
  useEffect(() => box.current?.querySelector("input")?.focus(), [position]);
  const t = tokensNow.value;
  if (!t || position >= t.ids.length) return null;
  const here = wordAt(text.value, t, position);
  const begin = (e: Event) => {
    e.preventDefault();
    if (!word.value.trim()) return;
    mix(here, occurrences(text.value, t, here).indexOf(position), word.value);
    asked.value = undefined;
  };
  return (
    <form
      ref={box}
      class="mix-with"
      onSubmit={begin}
      onKeyDown={(e) => e.key === "Escape" && (asked.value = undefined)}
    >
      <WordField label={`Mix ${t.labels[position]} with`} value={word.value} set={(v) => (word.value = v)} />
      <button type="submit" class="main" disabled={!word.value.trim()}>
        Mix
      </button>
      <button type="button" class="quiet" onClick={() => (asked.value = undefined)}>
        Cancel
      </button>
    </form>
  );
}
