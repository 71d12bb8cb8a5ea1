// Learn: the steps of the article as a walk, and its first step, a space with two named dimensions.
import { useState } from "preact/hooks";
import { call, numbers, texts, type ModelInfo, type Spec, type Table as Columns } from "../api";
import { Lead } from "../glossary";
import { note } from "../facts";
import { useAnswer } from "../hooks";
import { Figure, Same, Shown, Table, Trouble } from "../parts";
import { change, go, session, setParams, step, useParam } from "../session";
import { groundOf } from "../ground";
import { cardOf, CardToKeep } from "../stage/card";
import { contents } from "../steps";
import { Claim, useSteps, walkTo } from "../walk";

export function Learn({ info }: { info: ModelInfo }) {
  const { done } = session.value;
  const [end] = useParam("end", "");
  const next =
    1 +
    Math.max(
      0,
      contents.findIndex(([name]) => !done.includes(name)),
    );
  if (end && step.value === 0) return <End info={info} />;
  return (
    <>
      <h1>Learn</h1>
      <div class={step.value === 0 ? "columns halves" : undefined}>
        {step.value === 0 && (
          <div>
            <Lead>
              A language model turns words into vectors, changes the vectors, and turns the last one into a word. The
              walk follows these steps with {info.name}, in the views of this explorer. Each step has a question that
              you answer by an experiment.
            </Lead>
            <p>
              <button type="button" class="main" onClick={() => void walkTo(next, info)}>
                {done.length ? "Continue" : "Begin the walk"}
              </button>
              {done.length > 0 && (
                <button type="button" class="quiet" onClick={() => change({ done: [] })}>
                  Start again
                </button>
              )}
            </p>
            <ol class="contents">
              {contents.map(([name, title, about], i) => (
                <li key={name} class={done.includes(name) ? "done" : ""}>
                  <button type="button" class="quiet" onClick={() => void walkTo(i + 1, info)}>
                    {title}
                  </button>
                  <span>{about}</span>
                </li>
              ))}
            </ol>
          </div>
        )}
        <Toy />
      </div>
    </>
  );
}

/** What one has seen, as this model says it, and one's own experiment as a card to keep. */
function End({ info }: { info: ModelInfo }) {
  const { done } = session.value;
  const { steps, error } = useSteps(info);
  const seen = steps?.filter((s) => done.includes(s.name)) ?? [];
  const left = contents.filter(([name]) => !done.includes(name)).length;
  return (
    <>
      <h1>What you have seen</h1>
      <Lead>
        {left === 0 ? "All of the path" : `${contents.length - left} of ${contents.length} steps`}, with {info.name}.
        Here is what it found, and your own experiment to keep.
      </Lead>
      <Trouble error={error} />
      {steps && <OwnCard info={info} />}
      <ol class="contents seen">
        {seen.map((s) => (
          <li key={s.name} class="done">
            <h2>{s.title}</h2>
            <Claim step={s} model={info.name} />
          </li>
        ))}
      </ol>
      <div class="row">
        <button type="button" class="main" onClick={() => go("stage")}>
          To the stage: try your own text
        </button>
        <button type="button" onClick={() => setParams({ end: undefined })}>
          The walk's contents
        </button>
      </div>
    </>
  );
}

/** The experiment as it was left on the stage; where nothing was changed, that of the walk, at its middle. */
function OwnCard({ info }: { info: ModelInfo }) {
  const card = useAnswer(
    `card ${info.name}`,
    async () => {
      const g = await groundOf(info);
      const { text, replace, with: other, p, a, b } = session.peek().shared;
      const own = text !== undefined && replace && other && a && b && p !== undefined && p !== "1";
      return cardOf(info, {
        text: own ? text : g.text,
        mix: { replace: own ? replace : g.replace, with: own ? other : g.other, site: "wte" },
        ends: [own ? other : g.other, own ? replace : g.replace],
        p: own ? Number(p) : 0.5,
        targets: own ? [a, b] : [g.a, g.b],
        edits: [],
      });
    },
    Infinity,
  );
  return <Shown answer={card}>{(c) => <CardToKeep card={c} />}</Shown>;
}

function Toy() {
  const toy = useAnswer("toy", (signal) =>
    call<{ table: Columns; figure: Spec }>("toy?figure=1", undefined, { signal }),
  );
  const [said, say] = useState("");
  return (
    <section aria-labelledby="toy">
      <h2 id="toy">Animals by size and friendliness</h2>
      <Shown answer={toy}>
        {(t) => {
          const names = texts(t.table, "animal");
          const place = names.map((_, i) => [numbers(t.table, "size")[i], numbers(t.table, "friendliness")[i]]);
          const moved = numbers(t.table, "moved").indexOf(1);
          const others = names.flatMap((n, i) => (i === moved || n === "cat" ? [] : [i]));
          const far = (i: number) => Math.hypot(place[i][0] - place[moved][0], place[i][1] - place[moved][1]);
          const nearest = others.reduce((a, b) => (far(a) <= far(b) ? a : b));
          const answer = (i: number) => {
            if (i === nearest) note({ toy: true });
            say(
              `${names[i]}: ${far(i).toFixed(2)} away from the cat in its context${i === nearest ? ", the nearest" : ""}`,
            );
          };
          return (
            <div class="columns">
              <Figure spec={t.figure} name="toy" />
              <div>
                <p>Which animal is nearest to the cat in its context?</p>
                <div class="tokens" role="group" aria-label="Animals">
                  {others.map((i) => (
                    <button key={i} type="button" class="token" onClick={() => answer(i)}>
                      {names[i]}
                    </button>
                  ))}
                </div>
                <p role="status">{said}</p>
                <details>
                  <summary>As a table</summary>
                  <Table table={t.table} name="toy" />
                </details>
              </div>
            </div>
          );
        }}
      </Shown>
      <Same command="embscope toy" python={"import embscope\nembscope.toy_space()"} />
    </section>
  );
}
