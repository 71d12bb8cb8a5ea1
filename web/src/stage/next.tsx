// The next token: the chosen answers, the most likely tokens, and the whole mixture as a curve.
import { useEffect } from "preact/hooks";
import { note } from "../facts";
import { percent, Picture as Kept, Token, Trouble, useLate } from "../parts";
import { p, replace, site, text, other, setShare } from "./experiment";
import { deciding } from "./deciding";
import { opened } from "./pick";
import {
  curve,
  curveStale,
  edits,
  inForce,
  mixing,
  mixRequest,
  ofThisText,
  otherToken,
  stage,
  stale,
  stillMixing,
  targets,
  tokens,
  type Curve,
} from "./run";

export function Next() {
  const s = stage.value.data;
  const late = useLate(stage.value.loading);
  useEffect(() => {
    if (!s || stale.peek()) return;
    note({ tokens: { text: text.peek(), labels: s.labels } });
    if (edits.peek().length === 0 && s.top[0])
      note({ predict: { text: text.peek(), top: s.top[0].label, probability: s.top[0].probability } });
    if (mixing.peek())
      note({
        mix: {
          p: p.peek(),
          replaced: replace.peek(),
          first: s.targets[0]?.probability ?? 0,
          second: s.targets[1]?.probability ?? 0,
        },
      });
  }, [s, stale.value]);
  const changed = !!s?.felt;
  const unread = tokens.value.error; // it stands above the picture
  if (unread && !s) return null;
  return (
    <section
      class={`next${s && !ofThisText.value ? " old" : ""}${s || stage.value.error ? "" : " first"}`}
      aria-labelledby="next"
      aria-busy={stage.value.loading}
      data-step={stale.value ? undefined : p.value}
    >
      <h2 id="next">Next token{late && <span class="soft"> …</span>}</h2>
      <Trouble error={unread ? undefined : stage.value.error} />
      {s && stillMixing.value && s.targets.length > 0 && (
        <div class="duel">
          {s.targets.map((t, i) => (
            <div key={i} class={`side side-${i}`}>
              <Token id={t.id} label={t.label} />
              <strong>{percent(t.probability)}</strong>
            </div>
          ))}
        </div>
      )}
      {s && stillMixing.value && !deciding.value && <CurveBox />}
      {s && (
        <ol class="likely" aria-label="Likeliest next tokens">
          {(opened.value || deciding.value ? s.top.slice(0, 4) : s.top).map((t) => (
            <li key={t.id}>
              <Token
                id={t.id}
                label={t.label}
                title={changed ? `${percent(t.before)} without your changes` : undefined}
              />
              <span class="bar" aria-hidden="true">
                <i style={{ width: `${100 * t.probability}%` }} />
                {changed && <b style={{ left: `${100 * t.before}%` }} />}
              </span>
              <span class="amount">{percent(t.probability)}</span>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

const width = 360,
  height = 96;

function CurveBox() {
  const { data, error, loading } = curve.value;
  useEffect(() => {
    if (data && !curveStale.peek())
      note({ crossing: { with: otherToken.peek()?.label ?? other.peek(), site: site.peek(), p: data.crossings[0] } });
  }, [data, loading]);
  return (
    <figure class={`curve${curveStale.value ? " old" : ""}`}>
      {data ? <CurvePicture curve={data} /> : <div class="to-be" />}
      <Trouble error={error} />
      {data && !opened.value && (
        <Kept
          path="mix"
          name="mix"
          body={
            mixing.value
              ? { text: text.value, ...mixRequest(), targets: targets.value, steps: 33, edits: inForce.value }
              : undefined
          }
        />
      )}
    </figure>
  );
}

/** Probability against p, with a mark at the current p; the slider's left end is the other word. */
function CurvePicture({ curve: { p: steps, lines, crossings } }: { curve: Curve }) {
  const x = (v: number) => v * width,
    y = (v: number) => height - v * (height - 4);
  const at = (values: number[]) => {
    const i = Math.min(steps.length - 2, Math.floor(p.value * (steps.length - 1)));
    const t = p.value * (steps.length - 1) - i;
    return values[i] + (values[i + 1] - values[i]) * t;
  };
  const crossing = crossings[0];
  const drag = (e: PointerEvent) => {
    if (!(e.buttons & 1)) return;
    const { left, width } = (e.currentTarget as SVGElement).getBoundingClientRect();
    setShare(Math.round(1000 * Math.min(1, Math.max(0, (e.clientX - left) / width))) / 1000);
  };
  return (
    <>
      <svg
        viewBox={`-4 0 ${width + 8} ${height + 2}`}
        role="img"
        preserveAspectRatio="none"
        onPointerDown={drag}
        onPointerMove={drag}
        aria-label={`Probability of ${lines.map((l) => l.label).join(" and ")} as p goes from 0 to 1${crossing === undefined ? "; they do not cross" : `; they cross at p = ${crossing.toFixed(3)}`}`}
      >
        <path class="grid" d={`M0 ${y(0)}H${width}M0 ${y(0.5)}H${width}M0 ${y(1)}H${width}`} />
        {crossing !== undefined && <path class="crossing" d={`M${x(crossing)} 0V${height}`} />}
        {lines.map((l, i) => (
          <path
            key={i}
            class={`line line-${i}`}
            d={l.values.map((v, k) => `${k ? "L" : "M"}${x(steps[k]).toFixed(1)} ${y(v).toFixed(1)}`).join("")}
          />
        ))}
        <path class="now" d={`M${x(p.value)} 0V${height}`} />
        {lines.map((l, i) => (
          <circle key={i} class={`dot dot-${i}`} cx={x(p.value)} cy={y(at(l.values))} r={4} />
        ))}
      </svg>
      <p class="below" aria-hidden="true">
        <span>p = 0</span>
        {crossing !== undefined && <span class="cross">turns at {crossing.toFixed(2)}</span>}
        <span>p = 1</span>
      </p>
    </>
  );
}
