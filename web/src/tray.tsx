import { useEffect, useState } from "preact/hooks";
import { call } from "./api";
import { pointed, pointing } from "./linked";
import { change, go, session, toTray } from "./session";

/** Labels of the vectors in the tray: the engine names a vector expression. */
export function useLabels(expressions: string[]): Map<string, string> {
  const [known, setKnown] = useState(new Map<string, string>());
  useEffect(() => {
    const missing = expressions.filter((e) => !known.has(e));
    if (missing.length === 0) return;
    call<{ labels: string[] }>("vectors", { vectors: missing })
      .then((a) => setKnown(new Map([...known, ...missing.map((e, i) => [e, a.labels[i]] as const)])))
      .catch(() => setKnown(new Map([...known, ...missing.map((e) => [e, e] as const)])));
  }, [expressions.join("\n")]);
  return known;
}

/** Of an expression that is one token by its number; NaN of any other, which equals nothing. */
const idOf = (expression: string): number => Number(/^#(\d+)$/.exec(expression)?.[1] ?? NaN);

/** Tokens picked in any view are collected here for comparison. */
export function Tray() {
  const { tray } = session.value;
  const labels = useLabels(tray);
  if (tray.length === 0) return null;
  return (
    <aside class="tray" aria-label="Tray">
      <ul>
        {tray.map((t) => (
          <li key={t}>
            <span class={`token still${idOf(t) === pointed.value ? " pointed" : ""}`} {...pointing(idOf(t))}>
              {labels.get(t) ?? t}
            </span>
            <button
              type="button"
              class="quiet"
              aria-label={`Remove ${labels.get(t) ?? t} from the tray`}
              onClick={() => toTray(t)}
            >
              ×
            </button>
          </li>
        ))}
      </ul>
      <button type="button" class="main" onClick={() => go("vectors")}>
        Compare
      </button>
      <button type="button" class="quiet" onClick={() => change({ tray: [] })}>
        Empty
      </button>
    </aside>
  );
}
