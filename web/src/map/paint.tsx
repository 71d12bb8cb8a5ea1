// The colours of a map and their legend.
import { useMemo } from "preact/hooks";
import { dark } from "../theme";
import { along, css, ends, palettes } from "./colour";
import type { Attributes } from "./vocabulary";

export interface Paint {
  /** Four bytes per token of the vocabulary. */
  rgba: Uint8Array;
  range?: [number, number];
}

export function usePaint(
  colour: string,
  attributes: Attributes | undefined,
  cosines: Float32Array | undefined,
  vocab: number,
): Paint {
  return useMemo(() => {
    const tone = dark.value ? "dark" : "light";
    const rgba = new Uint8Array(4 * vocab);
    const values: ArrayLike<number> | undefined =
      colour === "norm"
        ? attributes?.norm
        : colour === "cosine"
          ? cosines
          : colour === "rank"
            ? Array.from({ length: vocab }, (_, i) => Math.log(i + 1))
            : undefined;
    const range = values && ends(values);
    for (let i = 0; i < vocab; ++i) {
      const kind = attributes?.kind_of[i] ?? 0;
      const rgb =
        values && range
          ? along((values[i] - range[0]) / (range[1] - range[0] || 1), tone)
          : palettes[tone][kind % palettes[tone].length];
      rgba.set([...rgb, 200], 4 * i);
    }
    return { rgba, range: colour === "rank" ? [1, vocab] : range };
  }, [colour, attributes, cosines, vocab, dark.value]);
}

interface LegendProps {
  colour: string;
  attributes?: Attributes;
  /** The tokens on the map: they are what is counted. */
  ids?: Int32Array;
  range?: [number, number];
  hidden: Set<number>;
  toggle: (kind: number) => void;
}

/** What the colours mean. Kinds are counted, and a click shows or hides one. */
export function Legend({ colour, attributes, ids, range, hidden, toggle }: LegendProps) {
  const tone = dark.value ? "dark" : "light";
  const counts = useMemo(() => {
    if (!attributes) return undefined;
    const sums = attributes.kind.map(() => 0);
    if (ids) ids.forEach((id) => ++sums[attributes.kind_of[id]]);
    else attributes.kind_of.forEach((kind) => ++sums[kind]);
    return sums;
  }, [attributes, ids]);
  if (colour === "kind")
    return (
      <ul class="legend" aria-label="Kinds of tokens">
        {attributes?.kind.map((k, i) =>
          counts![i] === 0 ? null : (
            <li key={k}>
              <button
                type="button"
                class="quiet"
                aria-pressed={!hidden.has(i)}
                title={hidden.has(i) ? "Show these" : "Hide these"}
                onClick={() => toggle(i)}
              >
                <i style={{ background: css(palettes[tone][i % 7]) }} />
                {k} <small>{counts![i].toLocaleString("en")}</small>
              </button>
            </li>
          ),
        )}
      </ul>
    );
  if (!range) return null;
  const show = (v: number) => (Number.isInteger(v) ? v.toLocaleString("en") : v.toFixed(2));
  return (
    <p class="legend">
      <span>{show(range[0])}</span>
      <i
        class="scale"
        style={{
          background: `linear-gradient(to right, ${[0, 0.33, 0.67, 1].map((t) => css(along(t, tone))).join(",")})`,
        }}
      />
      <span>{show(range[1])}</span>
    </p>
  );
}
