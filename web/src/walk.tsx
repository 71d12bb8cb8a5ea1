// The walk: a step, shown beside its view.
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { quoted, type ModelInfo } from "./api";
import { facts } from "./facts";
import { Explained } from "./glossary";
import { groundOf } from "./ground";
import { useAnswer } from "./hooks";
import { named } from "./named";
import { Folded, Trouble } from "./parts";
import { change, go, session, setParams, step, view } from "./session";
import { contents, stepsOf, type Step } from "./steps";

/** The steps as they are for this model; undefined while it is asked. */
export function useSteps(info: ModelInfo): { steps?: Step[]; error?: Error } {
  const ground = useAnswer(`ground ${info.name}`, () => groundOf(info), Infinity);
  return { steps: ground.data?.info.name === info.name ? stepsOf(ground.data) : undefined, error: ground.error };
}

export async function walkTo(number: number, info: ModelInfo): Promise<void> {
  facts.value = {};
  const to = stepsOf(await groundOf(info))[number - 1];
  if (!to) return;
  if (to.tray) change({ tray: await Promise.all(to.tray.map(token)) });
  go(to.view, { ...to.params, step: String(number) });
}

/** As the tray has a token that was clicked: by its number. */
const token = async (word: string): Promise<string> => (await named(word))?.expression ?? quoted(word);

export const leave = (): void => setParams({ step: undefined });

const end = (): void => {
  leave();
  go("learn", { end: "yes" });
};

/** What a step found out about the model, once the model has said it. */
export function Claim({ step, model }: { step: Step; model: string }) {
  const answer = useAnswer<ComponentChildren>(`claim ${model} ${step.name}`, () => step.answer(), Infinity);
  if (answer.error) return <Trouble error={answer.error} />;
  return (
    <p aria-busy={answer.loading}>{answer.loading ? "The model is asked…" : <Explained>{answer.data}</Explained>}</p>
  );
}

export function Walk({ info }: { info: ModelInfo }) {
  const { steps, error } = useSteps(info);
  const number = Math.min(step.value, contents.length);
  const now = steps?.[number - 1];
  const answered = now !== undefined && now.done(facts.value);
  useEffect(() => {
    if (answered && !session.value.done.includes(now.name)) change({ done: [...session.value.done, now.name] });
  }, [answered]);
  useEffect(() => {
    const explorer = document.getElementById("explorer")!;
    if (now?.light && !answered) explorer.dataset.light = now.light;
    explorer.dataset.about = now?.light ?? "";
    return () => (delete explorer.dataset.light, void delete explorer.dataset.about);
  }, [now?.name, answered]);
  const done = now !== undefined && (answered || session.value.done.includes(now.name));
  const to = (other: number) => () => void walkTo(other, info);
  return (
    <aside class="walk" aria-label="The walk" tabIndex={-1}>
      <div>
        <p class="count">
          Step {number} of {contents.length}
        </p>
        <h2>{now?.title ?? contents[number - 1]?.[1]}</h2>
        <Trouble error={error} />
        {now && (
          <p>
            <Explained>{now.prose}</Explained>
          </p>
        )}
      </div>
      <div>
        {now && (
          <>
            <div class={done ? "task done" : "task"} role="status">
              <p>
                <b>{done ? "Done. " : "Do this. "}</b>
                {now.task}
              </p>
              {done && <Claim key={now.name} step={now} model={info.name} />}
            </div>
            {!done && (
              <Folded key={`${now.name} folded`} summary="Show the answer">
                <Claim step={now} model={info.name} />
              </Folded>
            )}
            {view.value !== now.view && (
              <p>
                <button type="button" onClick={() => go(now.view)}>
                  Back to the step's view
                </button>
              </p>
            )}
          </>
        )}
        <div class="row">
          <button type="button" disabled={number === 1} onClick={to(number - 1)}>
            Back
          </button>
          {number < contents.length ? (
            <button type="button" class={done ? "main" : ""} onClick={to(number + 1)}>
              Next
            </button>
          ) : (
            <button type="button" class={done ? "main" : ""} onClick={end}>
              End
            </button>
          )}
          <button type="button" class="quiet" onClick={leave}>
            Leave the walk
          </button>
        </div>
      </div>
    </aside>
  );
}
