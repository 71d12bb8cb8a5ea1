// Learn: the article's path as a walk, and its first step, a space of two dimensions that have names.
import { useState } from "preact/hooks";
import { call, numbers, texts, type ModelInfo, type Spec, type Table as Columns } from "../api";
import { note } from "../facts";
import { useAnswer } from "../hooks";
import { Figure, Same, Shown, Table } from "../parts";
import { change, session, step } from "../session";
import { steps } from "../steps";
import { walkTo } from "../walk";

export function Learn({ info }: { info: ModelInfo }) {
  const { done } = session.value;
  return (
    <>
      <h1>Learn</h1>
      {step.value === 0 && (
        <>
          <p class="lead">
            A language model turns words into vectors, changes the vectors, and turns the last one into a word. The walk
            goes along that path with {info.name}, through the views of this explorer. Each step asks you to find out
            something by doing it.
          </p>
          <p>
            <button
              type="button"
              class="main"
              onClick={() =>
                walkTo(
                  1 +
                    Math.max(
                      0,
                      steps.findIndex((s) => !done.includes(s.name)),
                    ),
                )
              }
            >
              {done.length ? "Go on" : "Begin the walk"}
            </button>
            {done.length > 0 && (
              <button type="button" class="quiet" onClick={() => change({ done: [] })}>
                Forget what is done
              </button>
            )}
          </p>
          <ol class="contents">
            {steps.map((s, i) => (
              <li key={s.name} class={done.includes(s.name) ? "done" : ""}>
                <button type="button" class="quiet" onClick={() => walkTo(i + 1)}>
                  {s.title}
                </button>
                <span>{s.task}</span>
              </li>
            ))}
          </ol>
        </>
      )}
      <Toy />
    </>
  );
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
                <p>Nearest to the cat in its context:</p>
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
