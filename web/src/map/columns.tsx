// Some columns of the matrix beside the map: the vectors of the tokens that are looked at, and what they share.
import { useEffect, useRef } from "preact/hooks";
import { withoutTokenizer, call, texts, numbers, type ModelInfo, type Table as Columns } from "../api";
import { useAnswer } from "../hooks";
import { pointed } from "../linked";
import { Token, Trouble } from "../parts";
import { sized, strip } from "../stage/paint";
import { useText, useTokens } from "../text";
import { dark } from "../theme";
import { go } from "../session";

interface Some {
  ids: number[];
  labels: string[];
}
const most = 16,
  height = 180;

/** What the room shares with the stage: its text, and the columns of the tokens that are looked at. */
export function Beside({
  picked,
  pick,
}: {
  info: ModelInfo;
  picked: number | undefined;
  pick: (id: number, label: string) => void;
}) {
  const [text] = useText();
  const tokens = useTokens(text);
  const near = useAnswer(picked === undefined ? undefined : `near #${picked}`, (signal) =>
    call<{ table: Columns }>("similar", { vector: `#${picked}`, k: most - 1 }, { signal }),
  );
  const own = useAnswer(picked === undefined ? undefined : `label #${picked}`, (signal) =>
    call<{ labels: string[] }>("vectors", { vectors: [`#${picked}`] }, { signal }),
  );
  const some: Some | undefined =
    picked === undefined
      ? tokens.data && { ids: tokens.data.ids.slice(0, most), labels: tokens.data.labels.slice(0, most) }
      : near.data &&
        own.data && {
          ids: [picked, ...numbers(near.data.table, "id")],
          labels: [own.data.labels[0], ...texts(near.data.table, "token")],
        };
  const unread = withoutTokenizer(tokens.error);
  return (
    <aside class="beside" aria-label="The text and the matrix">
      {!unread && (
        <h2>
          The text on the{" "}
          <a href="#/stage" onClick={(e) => (e.preventDefault(), go("stage"))}>
            stage
          </a>
        </h2>
      )}
      <div class="tokens">
        {tokens.data?.ids.slice(0, 60).map((id, i) => (
          <Token
            key={i}
            id={id}
            label={tokens.data!.labels[i]}
            pressed={id === picked}
            title={`position ${i}, token ${id}: show it on the map`}
            pick={() => pick(id, tokens.data!.labels[i])}
          />
        ))}
      </div>
      <Trouble error={unread ? near.error : (tokens.error ?? near.error)} />
      <h2>{picked === undefined ? "Their vectors" : "Its vector and its neighbours’"}</h2>
      {some && <Vectors {...some} pick={pick} />}
      <p class="soft">
        A column is a token, a row a dimension of the{" "}
        <a href="#/matrix" onClick={(e) => (e.preventDefault(), go("matrix"))}>
          matrix
        </a>
        . Equal stripes are what they share.
      </p>
    </aside>
  );
}

function Vectors({ ids, labels, pick }: Some & { pick: (id: number, label: string) => void }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const question = JSON.stringify({ vectors: ids.map((i) => `#${i}`) });
  const answer = useAnswer(question, (signal) =>
    call<{ vectors: number[][] }>("vectors", JSON.parse(question), { signal }),
  );
  const tone = dark.value ? "dark" : "light";
  const now = ids.indexOf(pointed.value ?? -1);
  useEffect(() => {
    const c = canvas.current,
      vectors = answer.data?.vectors;
    if (!c || !vectors || vectors.length !== ids.length) return;
    const wide = c.clientWidth,
      column = wide / ids.length,
      context = sized(c, wide, height);
    const largest =
      [...vectors.flat()].map(Math.abs).sort((a, b) => a - b)[Math.floor(0.98 * vectors.flat().length)] || 1;
    vectors.forEach((v, i) => strip(context, v, largest, i * column + 1, 0, column - 2, height, tone));
    if (now < 0) return;
    context.strokeStyle = tone === "dark" ? "#f08a4b" : "#c2491d";
    context.lineWidth = 2.5;
    context.strokeRect(now * column + 1, 1, column - 2, height - 2);
  }, [answer.data, tone, now, ids.length]);
  const at = (e: PointerEvent | MouseEvent) => {
    const { left, width } = canvas.current!.getBoundingClientRect();
    return Math.max(0, Math.min(ids.length - 1, Math.floor(((e.clientX - left) / width) * ids.length)));
  };
  return (
    <>
      <canvas
        ref={canvas}
        class="columns-of"
        style={{ height: `${height}px` }}
        role="img"
        aria-label={`Vectors of ${labels.join(", ")}`}
        data-pointed={now < 0 ? "" : ids[now]}
        onPointerMove={(e) => void (pointed.value = ids[at(e)])}
        onPointerLeave={() => void (pointed.value = undefined)}
        onClick={(e) => pick(ids[at(e)], labels[at(e)])}
      />
      <Trouble error={answer.error} />
      <p class="soft" aria-hidden="true">
        {now < 0 ? " " : `${labels[now]}, token ${ids[now]}`}
      </p>
    </>
  );
}
