// Draws the engine's Vega-Lite specifications. Expressions go through Vega's interpreter, so that the page needs no `eval`
// and its content-security-policy can forbid it. Loaded when the first figure is shown.
import { transforms } from "vega-dataflow";
import * as encoding from "vega-encode";
import { expressionInterpreter } from "vega-interpreter";
import { parse } from "vega-parser";
import * as tables from "vega-transforms";
import { View } from "vega-view";
import * as layout from "vega-view-transforms";
import { compile } from "vega-lite";
import type { Spec } from "./api";

// Of Vega what the engine's figures are made of: no maps of the earth, forces, trees, regressions or clouds of words.
Object.assign(transforms, tables, layout, encoding);

/** On the page's own ground. The engine's colours are for paper; on a dark page the style sheet turns light and dark around. */
const bare = (spec: Spec): Spec => ({ ...spec, config: { ...(spec.config ?? {}), background: null } });

/** Text of the tooltip: one line per field. */
function told(value: unknown): string {
  if (typeof value !== "object" || value === null) return String(value ?? "");
  return Object.entries(value)
    .map(([name, v]) => `${name}: ${short(v)}`)
    .join("\n");
}

/** Vega gives numbers with all digits: four are enough for a tooltip. */
function short(value: unknown): string {
  const text = String(value);
  return /^-?\d+\.\d{4,}(e[-+]?\d+)?$/i.test(text) ? String(Number(Number(text).toPrecision(4))) : text;
}

export interface Drawing {
  toSVG(): Promise<string>;
  toPNG(): Promise<Blob>;
  rows(): Record<string, unknown>[][];
  close(): void;
}

export async function draw(spec: Spec, into: HTMLElement, tip: HTMLElement): Promise<Drawing> {
  const compiled = compile(bare(spec) as any, { logger: quiet }).spec;
  const view = new View(parse(compiled, undefined, { ast: true }), {
    expr: expressionInterpreter,
    renderer: "svg",
    hover: true,
  } as any);
  view.logger(quiet);
  view.tooltip((_handler, event, _item, value) => {
    const text = value === undefined || value === "" ? "" : told(value);
    tip.textContent = text;
    tip.hidden = !text;
    const { clientX = 0, clientY = 0 } = (event ?? {}) as MouseEvent;
    tip.style.left = `${Math.max(4, Math.min(clientX + 12, innerWidth - tip.offsetWidth - 8))}px`;
    tip.style.top = `${Math.max(4, Math.min(clientY + 14, innerHeight - tip.offsetHeight - 8))}px`;
  });
  view.initialize(into);
  await view.runAsync();
  return {
    toSVG: () => view.toSVG(),
    toPNG: async () => blob(await view.toCanvas(2)),
    rows: () => inline(spec),
    close: () => view.finalize(),
  };
}

/** Not a data URL: the page's policy only allows requests to the engine. */
const blob = (canvas: HTMLCanvasElement): Promise<Blob> =>
  new Promise((done, failed) =>
    canvas.toBlob((b) => (b ? done(b) : failed(new Error("the picture is too large for this browser"))), "image/png"),
  );

/** The tables of a specification, wherever it holds them. */
function inline(part: unknown): Record<string, unknown>[][] {
  if (Array.isArray(part)) return part.flatMap(inline);
  if (typeof part !== "object" || part === null) return [];
  return Object.entries(part).flatMap(([name, value]) => {
    const values = name === "data" ? (value as { values?: unknown })?.values : undefined;
    return Array.isArray(values) && typeof values[0] === "object"
      ? [values as Record<string, unknown>[]]
      : name === "data"
        ? []
        : inline(value);
  });
}

const quiet: any = {
  level: () => quiet,
  error: (...a: unknown[]) => (console.error(...a), quiet),
  warn: () => quiet,
  info: () => quiet,
  debug: () => quiet,
};
