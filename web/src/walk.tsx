// The walk: a step beside the view that it is about.
import { useEffect } from "preact/hooks";
import { facts } from "./facts";
import { change, go, session, setParams, step, view } from "./session";
import { steps } from "./steps";

export function walkTo(number: number): void {
  const to = steps[number - 1];
  if (!to) return;
  facts.value = {};
  if (to.tray) change({ tray: to.tray });
  go(to.view, { ...to.params, step: String(number) });
}

export const leave = (): void => setParams({ step: undefined });

export function Walk() {
  const number = Math.min(step.value, steps.length);
  const now = steps[number - 1];
  const answered = now !== undefined && now.done(facts.value);
  useEffect(() => {
    if (answered && !session.value.done.includes(now.name)) change({ done: [...session.value.done, now.name] });
  }, [answered]);
  useEffect(() => {
    const explorer = document.getElementById("explorer")!;
    if (now?.light && !answered) explorer.dataset.light = now.light;
    return () => void delete explorer.dataset.light;
  }, [now?.name, answered]);
  if (!now) return null;
  const done = answered || session.value.done.includes(now.name);
  return (
    <aside class="walk" aria-label="The walk">
      <p class="count">
        Step {number} of {steps.length}
      </p>
      <h2>{now.title}</h2>
      <p>{now.prose}</p>
      <div class={done ? "task done" : "task"} role="status">
        <p>
          <b>{done ? "Done. " : "Do this. "}</b>
          {now.task}
        </p>
        {done && <p>{now.answer}</p>}
      </div>
      {!done && (
        <details key={now.name}>
          <summary>Show the answer</summary>
          <p>{now.answer}</p>
        </details>
      )}
      {view.value !== now.view && (
        <p>
          <button type="button" onClick={() => go(now.view)}>
            Back to the step's view
          </button>
        </p>
      )}
      <div class="row">
        <button type="button" disabled={number === 1} onClick={() => walkTo(number - 1)}>
          Back
        </button>
        {number < steps.length ? (
          <button type="button" class={done ? "main" : ""} onClick={() => walkTo(number + 1)}>
            Next
          </button>
        ) : (
          <button type="button" class={done ? "main" : ""} onClick={() => (leave(), go("learn"))}>
            End
          </button>
        )}
        <button type="button" class="quiet" onClick={leave}>
          Leave the walk
        </button>
      </div>
    </aside>
  );
}
