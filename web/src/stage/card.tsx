// The card: one's own experiment as a picture of 1200 x 630, the size in which links are shown. It is drawn as SVG; PNG is made of that.
import { useState } from "preact/hooks";
import { call, numbers, texts, type ModelInfo } from "../api";
import type { MixAnswer } from "../catalogue";
import { textOf } from "../named";
import { percent, Trouble } from "../parts";
import { download } from "../save";

export interface Experiment {
  text: string;
  /** As /api/mix takes it. */
  mix: { replace: string; with: string; site: string };
  /** Labels: of the other word, and of the text's own. */
  ends: [string, string];
  p: number;
  targets: string[];
  edits: { at: string; do: string }[];
}

export interface Card {
  text: string;
  model: string;
  ends: [string, string];
  p: number;
  lines: { label: string; values: number[] }[];
  top: string;
}

const steps = 101;

export async function cardOf(info: ModelInfo, e: Experiment): Promise<Card> {
  const { table } = await call<MixAnswer>("mix", {
    text: e.text,
    ...e.mix,
    targets: e.targets,
    steps,
    edits: e.edits,
  });
  const names = Object.keys(table.columns).slice(1, 1 + e.targets.length);
  return {
    text: e.text,
    model: info.name,
    ends: e.ends,
    p: e.p,
    lines: names.map((label) => ({ label, values: numbers(table, label) })),
    top: texts(table, "top")[Math.round(e.p * (steps - 1))],
  };
}

const escaped = (s: string): string =>
  s
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll('"', "&quot;")
    .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd");
const shortened = (s: string, most: number): string =>
  [...s].length > most ? [...s].slice(0, most - 1).join("") + "…" : s;
const colours = ["#0072b2", "#b94f00"];

export function cardSvg(c: Card): string {
  const [x, y, w, h] = [70, 330, 1060, 190];
  const at = Math.round(c.p * (steps - 1));
  const path = (values: number[]) =>
    values
      .map((v, i) => `${i ? "L" : "M"}${(x + (i * w) / (steps - 1)).toFixed(1)} ${(y + h - v * h).toFixed(1)}`)
      .join("");
  const text = shortened(c.text.replaceAll(/\s+/g, " "), 46);
  const said = shortened(textOf(c.top).trim() || c.top, 16);
  const answer = (i: number) =>
    `<text x="${70 + i * 330}" y="288" font-family="monospace" font-size="26" fill="${colours[i]}">${escaped(shortened(c.lines[i].label, 14))} <tspan font-family="serif" font-weight="600" font-size="38">${percent(c.lines[i].values[at])}</tspan></text>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="1200" height="630" viewBox="0 0 1200 630">
<rect width="1200" height="630" fill="#fdfcfa"/><rect width="1200" height="10" fill="#1f5aa8"/>
<text x="70" y="105" font-family="serif" font-size="46" font-weight="600" fill="#1d1b18">${escaped(text)} <tspan fill="#1f5aa8">${escaped(said)}</tspan></text>
<text x="70" y="165" font-family="sans-serif" font-size="27" fill="#5d5952">The text stays. In the model one vector is changed: ${(100 * c.p).toFixed(0)} % of ${escaped(c.ends[1])},</text>
<text x="70" y="203" font-family="sans-serif" font-size="27" fill="#5d5952">${(100 - 100 * c.p).toFixed(0)} % of ${escaped(c.ends[0])}.</text>
${c.lines.map((_, i) => answer(i)).join("")}
<path d="M${x} ${y + h}H${x + w}M${x} ${y}H${x + w}" stroke="#ddd8cf" stroke-width="2" fill="none"/>
${c.lines.map((l, i) => `<path d="${path(l.values)}" stroke="${colours[i]}" stroke-width="6" fill="none" stroke-linejoin="round"/>`).join("")}
<path d="M${(x + c.p * w).toFixed(1)} ${y}V${y + h}" stroke="#1d1b18" stroke-width="3"/>
<text x="${x}" y="${y + h + 34}" font-family="monospace" font-size="24" fill="#5d5952">${escaped(c.ends[0])}</text>
<text x="${x + w}" y="${y + h + 34}" text-anchor="end" font-family="monospace" font-size="24" fill="#5d5952">${escaped(c.ends[1])}</text>
<text x="70" y="606" font-family="sans-serif" font-size="22" fill="#5d5952">${escaped(shortened(c.model, 50))}</text>
<text x="1130" y="606" text-anchor="end" font-family="serif" font-weight="600" font-size="24" fill="#1d1b18">Embscope</text>
</svg>
`;
}

/** The same as pixels, 1200 x 630. */
export async function cardPng(svg: string): Promise<Blob> {
  const image = new Image(1200, 630);
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [1200, 630];
  canvas.getContext("2d")!.drawImage(image, 0, 0, 1200, 630);
  return new Promise((done, failed) =>
    canvas.toBlob((b) => (b ? done(b) : failed(new Error("this browser cannot make the picture"))), "image/png"),
  );
}

/** The card to look at and to keep. */
export function CardToKeep({ card }: { card: Card }) {
  const [error, setError] = useState<Error>();
  const svg = cardSvg(card);
  return (
    <figure class="card">
      <img
        src={`data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`}
        width={1200}
        height={630}
        alt={`${card.text} ${textOf(card.top)}: ${card.lines.map((l) => `${l.label} ${percent(l.values[Math.round(card.p * (steps - 1))])}`).join(", ")} at p = ${card.p.toFixed(2)}`}
      />
      <div class="save">
        <span aria-hidden="true">Save</span>
        <button
          type="button"
          class="quiet"
          aria-label="Save the card as PNG"
          onClick={() => void cardPng(svg).then((b) => download("embscope-card.png", b, "image/png"), setError)}
        >
          PNG
        </button>
        <button
          type="button"
          class="quiet"
          aria-label="Save the card as SVG"
          onClick={() => download("embscope-card.svg", svg, "image/svg+xml")}
        >
          SVG
        </button>
      </div>
      <Trouble error={error} />
    </figure>
  );
}
