// The menu of a cell, opened by right click or key: the changes of its vector.
import { signal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { followed, pin } from "./experiment";
import { open, placeName, type Place } from "./pick";
import { counterfactual, stage, targets } from "./run";
import { quoted } from "../api";
import { mixField } from "./mixbar";

const shown = signal<{ at: Place; x: number; y: number } | undefined>(undefined);
let back: HTMLElement | null = null;

export function menuFor(at: Place, x: number, y: number): void {
  back = document.activeElement as HTMLElement | null;
  shown.value = { at, x, y };
}
export const closeMenu = (): void => {
  shown.value = undefined;
  back?.focus({ preventScroll: true });
};

export interface Action {
  name: string;
  act: () => void;
  why?: string;
}

const where = (point: string, { block, position }: Place): string => `blocks.${block}.${point}@${position}`;

/** The changes that can be made to the vector of a cell. */
export function actions(at: Place): Action[] {
  const s = stage.value.data;
  const label = s?.labels[at.position] ?? "";
  const name = (what: string) => `${what}, ${label}`;
  const own = at.block < 0 ? `wte@${at.position}` : where("resid_post", at);
  const other = counterfactual.value;
  const list: Action[] = [];
  if (at.block < 0) list.push({ name: "Mix with another word…", act: () => mixField(at.position) });
  list.push({
    name: "Switch the vector off",
    act: () => pin({ at: own, do: "zero", name: name(`${placeName(at.block)} off`) }),
  });
  if (at.block >= 0) {
    list.push({
      name: `Switch off what attention adds in block ${at.block}`,
      act: () => pin({ at: where("attn_out", at), do: "zero", name: name(`attention ${at.block} off`) }),
    });
    list.push({
      name: `Switch off what the MLP adds in block ${at.block}`,
      act: () => pin({ at: where("mlp_out", at), do: "zero", name: name(`MLP ${at.block} off`) }),
    });
  }
  if (other !== undefined && !(other.includes("'") && other.includes('"')))
    list.push({
      name: `Insert the vector of “${other.length > 40 ? other.slice(0, 38) + "…" : other}” here`,
      act: () => pin({ at: own, do: `set run(${quoted(other)})`, name: name("from the other text") }),
    });
  const [a, b] = targets.value.length > 1 ? targets.value : followed.value;
  if (a && b && at.block >= 0) {
    const word = (t: string) => (t.startsWith("#") ? t : quoted(t));
    const [x, y] = [stage.value.data?.targets[0]?.label ?? a, stage.value.data?.targets[1]?.label ?? b];
    list.push({
      name: `Steer from ${x} towards ${y}`,
      act: () => pin({ at: own, do: `add 4 * (${word(b)} - ${word(a)})`, name: name(`towards ${y}`) }),
    });
  }
  list.push({ name: "Double it", act: () => pin({ at: own, do: "scale 2", name: name("doubled") }) });
  list.push({
    name: "Add noise",
    act: () => pin({ at: own, do: `noise ${at.block < 0 ? 0.05 : 1} seed 1`, name: name("noise") }),
  });
  return list;
}

export function CellMenu() {
  const box = useRef<HTMLDivElement>(null);
  const now = shown.value;
  // Before the picture is drawn: a key that follows at once is the menu's.
  useLayoutEffect(() => {
    if (!now) return;
    const el = box.current!;
    el.style.left = `${Math.max(8, Math.min(now.x, innerWidth - el.offsetWidth - 8))}px`;
    el.style.top = `${Math.max(8, Math.min(now.y, innerHeight - el.offsetHeight - 8))}px`;
    el.querySelector<HTMLElement>("button")?.focus();
    const away = (e: PointerEvent) => !el.contains(e.target as Node) && (shown.value = undefined);
    addEventListener("pointerdown", away, true);
    return () => removeEventListener("pointerdown", away, true);
  }, [now]);
  if (!now) return null;
  const key = (e: KeyboardEvent) => {
    const all = [...box.current!.querySelectorAll<HTMLElement>("button")];
    const i = all.indexOf(document.activeElement as HTMLElement);
    const step = { ArrowDown: 1, ArrowUp: -1, Tab: e.shiftKey ? -1 : 1 }[e.key];
    if (e.key === "Escape") closeMenu();
    else if (step) all[(i + step + all.length) % all.length].focus();
    else return;
    e.preventDefault();
    e.stopPropagation();
  };
  const done = (act: () => void) => () => (closeMenu(), open(now.at), act());
  return (
    <div
      ref={box}
      class="cell-menu"
      role="menu"
      aria-label={`${stage.value.data?.labels[now.at.position] ?? ""}, ${placeName(now.at.block)}`}
      onKeyDown={key}
    >
      {actions(now.at).map((a) => (
        <button key={a.name} type="button" role="menuitem" onClick={done(a.act)}>
          {a.name}
        </button>
      ))}
    </div>
  );
}
