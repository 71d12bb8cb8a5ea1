// Vectors: those in the tray, as lines and as a scatter plot, their cosines, and their nearest tokens.
import { useEffect, useState } from "preact/hooks";
import { byId, call, texts, withoutTokenizer, type ModelInfo, type Spec, type Table as Columns } from "../api";
import { named } from "../named";
import { Lead } from "../glossary";
import { note } from "../facts";
import { useAnswer, useSettled } from "../hooks";
import {
  Choice,
  Figure,
  NumberField,
  opened,
  program,
  py,
  Same,
  shell,
  Shown,
  Table,
  Text,
  Trouble,
  WordField,
} from "../parts";
import { change, session, toTray, useNumber, useParam } from "../session";
import { useText, useTokens } from "../text";
import { useLabels } from "../tray";

const example = [" apple", " pear", " spaceship"];
/** A longer list is shown as a table. */
const longestFigure = 100;
/** Tokens of the text that are compared where none have been picked. */
const most = 8;

interface VectorsAnswer {
  labels: string[];
  cosines: number[][];
  norms: number[];
  tables: { vectors: Columns; cosines: Columns };
  figures: { lines: Spec; cosines: Spec };
}

export function Vectors({ info }: { info: ModelInfo }) {
  const { tray } = session.value;
  const [text] = useText();
  const tokens = useTokens(text);
  const compared = tray.length > 0 ? tray : [...new Set(tokens.data?.ids ?? [])].slice(0, most).map(byId);
  return (
    <>
      <h1>Compare</h1>
      <Lead>A token's vector is a row of {info.width} numbers. Tokens that you click in any view appear here.</Lead>
      <Add />
      <div class="columns halves">
        <div>
          {tray.length === 0 && (
            <p class="waiting">
              {withoutTokenizer(tokens.error) ? (
                "The tray is empty, and this model has no tokenizer: name its vectors by their numbers, such as #7."
              ) : (
                <>
                  The tray is empty: these are the tokens of the stage’s text.{" "}
                  <button
                    type="button"
                    onClick={() => void Promise.all(example.map(token)).then((tray) => change({ tray }))}
                  >
                    Begin with apple, pear and spaceship
                  </button>
                </>
              )}
            </p>
          )}
          {compared.length > 0 && <Compared tray={compared} info={info} />}
        </div>
        <Near info={info} tray={compared} />
      </div>
    </>
  );
}

/** The token that the field of the word names, as an expression. */
async function token(word: string): Promise<string> {
  const found = await named(word);
  if (!found) throw new Error("there is no word in the field");
  return found.expression;
}

/** Fields that put words and expressions into the tray. */
function Add() {
  const [word, setWord] = useState("");
  const [expression, setExpression] = useParam("expression", "' king' - ' man' + ' woman'");
  const [error, setError] = useState<Error>();
  const put = (find: () => Promise<string>) => async (e: Event) => {
    e.preventDefault();
    setError(undefined);
    try {
      const v = await find();
      if (!session.value.tray.includes(v)) toTray(v);
    } catch (wrong) {
      setError(wrong as Error);
    }
  };
  const checked = () => call("vectors", { vectors: [expression] }).then(() => expression);
  return (
    <>
      <div class="pair">
        <form class="row" onSubmit={put(() => token(word))}>
          <WordField
            label="Word"
            value={word}
            set={setWord}
            hint="with its space: ' apple' and 'apple' are different tokens"
          />
          <button type="submit" disabled={!word}>
            To the tray
          </button>
        </form>
        <form class="row" onSubmit={put(checked)}>
          <Text
            label="Arithmetic"
            value={expression}
            set={setExpression}
            hint="words in quotes, + − * and numbers, mean(…)"
          />
          <button type="submit" disabled={!expression}>
            To the tray
          </button>
        </form>
      </div>
      <Trouble error={error} />
    </>
  );
}

function Compared({ tray, info }: { tray: string[]; info: ModelInfo }) {
  const question = JSON.stringify(tray);
  const vectors = useAnswer(question, (signal) =>
    call<VectorsAnswer>("vectors?figure=1", { vectors: tray }, { signal }),
  );
  useEffect(() => {
    if (vectors.data) note({ cosine: { labels: vectors.data.labels, cosines: vectors.data.cosines } });
  }, [vectors.data]);
  const words = (vectors.data?.labels ?? []).map((l) => l.replaceAll("␣", " "));
  return (
    <>
      <Shown answer={vectors}>
        {(v) => (
          <>
            {tray.length > 1 && <Figure spec={v.figures.cosines} name="cosines" />}
            <Figure spec={v.figures.lines} name="vectors" />
            {tray.length > 2 && <Pair tray={tray} labels={v.labels} />}
            <details>
              <summary>As tables</summary>
              <Table table={v.tables.cosines} name="cosines" />
              <Table table={v.tables.vectors} name="vectors" most={20} />
            </details>
          </>
        )}
      </Shown>
      <Same
        command={`${program(info, "vector")} ${words.map(shell).join(" ")}\n${program(info, "cosine")} ${words.map(shell).join(" ")}`}
        python={`import embscope\nmodel = embscope.load(${opened(info)})\nmodel.vectors(${py(words)})\nmodel.cosines(${py(words)})`}
      />
    </>
  );
}

/** Two vectors against each other: as lines, and as points, one for each dimension. */
function Pair({ tray, labels }: { tray: string[]; labels: string[] }) {
  const [across, setAcross] = useParam("across", "");
  const [up, setUp] = useParam("up", "");
  const one = tray.includes(across) ? across : tray[0];
  const other = tray.includes(up) && up !== one ? up : tray.find((t) => t !== one)!;
  const two = useAnswer(JSON.stringify([one, other]), (signal) =>
    call<VectorsAnswer>("vectors?figure=1", { vectors: [one, other] }, { signal }),
  );
  const options = tray.map((t, i): [string, string] => [t, labels[i] ?? t]);
  return (
    <>
      <div class="row">
        <Choice label="One" value={one} set={setAcross} options={options} />
        <Choice label="against" value={other} set={setUp} options={options.filter(([t]) => t !== one)} />
      </div>
      <Shown answer={two}>{(t) => <Figure spec={t.figures.lines} name="pair" />}</Shown>
    </>
  );
}

function Near({ tray, info }: { tray: string[]; info: ModelInfo }) {
  const [to, setTo] = useParam("near", "");
  const [wanted, setK] = useNumber("k", 12);
  const k = Math.min(1000, Math.max(1, Math.round(wanted)));
  const asFigure = k <= longestFigure;
  const labels = useLabels(tray);
  const vector = tray.includes(to) ? to : tray[0];
  const question = useSettled(vector && JSON.stringify({ vector, k }));
  const similar = useAnswer(question, (signal) =>
    call<{ table: Columns; figure?: Spec }>(asFigure ? "similar?figure=1" : "similar", JSON.parse(question!), {
      signal,
    }),
  );
  const label = vector ? (labels.get(vector) ?? vector) : "";
  useEffect(() => {
    if (similar.data) note({ similar: { to: label, labels: texts(similar.data.table, "token") } });
  }, [similar.data, label]);
  if (!vector) return null;
  return (
    <section aria-labelledby="near">
      <h2 id="near">Nearest tokens</h2>
      <div class="row">
        <Choice label="Nearest to" value={vector} set={setTo} options={tray.map((t) => [t, labels.get(t) ?? t])} />
        <NumberField label="How many" value={k} set={setK} min={1} max={1000} />
      </div>
      <Shown answer={similar}>
        {(s) => (
          <>
            <Figure spec={s.figure} name="similar" />
            <details key={String(asFigure)} open={!asFigure}>
              <summary>As a table</summary>
              <Table table={s.table} name="similar" />
            </details>
          </>
        )}
      </Shown>
      <Same
        command={`${program(info, "similar")} ${shell(label.replaceAll("␣", " "))} -k ${k}`}
        python={`import embscope\nmodel = embscope.load(${opened(info)})\nmodel.similar(${py(label.replaceAll("␣", " "))}, k=${k})`}
      />
    </section>
  );
}
