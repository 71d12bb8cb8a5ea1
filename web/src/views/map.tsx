// Vocabulary: all tokens in a plane, their neighbours and their vectors; two maps side by side share what is picked.
import { useMemo, useState } from "preact/hooks";
import { call, type ModelInfo, type Named } from "../api";
import { note } from "../facts";
import { useModels } from "../models";
import { useAnswer, useSettled } from "../hooks";
import { Beside } from "../map/columns";
import { One } from "../map/one";
import { useVocabulary, type Chosen } from "../map/vocabulary";
import { Choice, Field, Save, Text, Token } from "../parts";
import { csv, download } from "../save";
import { setParams, useParam } from "../session";

const colours: [string, string][] = [
  ["kind", "kind of token"],
  ["norm", "length of the vector"],
  ["rank", "position in the vocabulary"],
  ["cosine", "cosine to a word"],
];

export function MapView({ info }: { info: ModelInfo }) {
  const models = useModels().data;
  const [second, setSecond] = useParam("second", "");
  const [colour, setColour] = useParam("colour", "kind");
  const [word, setWord] = useParam("word", " king");
  const [token] = useParam("token", "");
  const [whose] = useParam("whose", info.name);
  const [lasso, setLasso] = useState(false);
  const [circled, setCircled] = useState<Chosen>({ model: info.name, ids: [] });
  const [goTo, setGoTo] = useState<{ model: string; id: number; but?: string }>();
  const [hide, setHide] = useParam("hide", "");
  const hidden = useMemo(
    () =>
      new Set(
        hide
          .split(",")
          .filter((k) => /^\d+$/.test(k))
          .map(Number),
      ),
    [hide],
  );
  const toggle = (kind: number) =>
    setHide(
      [...hidden]
        .filter((k) => k !== kind)
        .concat(hidden.has(kind) ? [] : [kind])
        .sort()
        .join(",") || undefined,
    );
  const picked = useMemo(
    () => ({ model: whose, ids: token === "" || !Number.isInteger(Number(token)) ? [] : [Number(token)] }),
    [token, whose],
  );
  const pick = ({ model, ids: [id] }: Chosen, but?: string) => {
    setParams({ token: id === undefined ? undefined : String(id), whose: model === info.name ? undefined : model });
    if (id !== undefined) setGoTo({ model, id, but });
  };
  const find = (t: Named) => (pick({ model: info.name, ids: [t.id] }), note({ found: { label: t.label } }));
  if (!models) return <h1>Vocabulary</h1>;
  const shared = {
    info,
    models,
    colour,
    word,
    lasso,
    setLasso,
    alone: second === "",
    picked,
    circled,
    goTo,
    pick,
    encircle: setCircled,
    hidden,
    toggle,
  };
  return (
    <>
      <div class="row head">
        <h1>Vocabulary</h1>
        <Find find={find} />
        <Choice label="Colour" value={colour} set={setColour} options={colours} />
        {colour === "cosine" && <Text label="Word" value={word} set={setWord} />}
        <button type="button" aria-pressed={second !== ""} onClick={() => setSecond(second ? undefined : "yes")}>
          Two maps
        </button>
      </div>
      <div class={second ? "maps two" : "maps with"}>
        <One {...shared} suffix="" />
        {second ? (
          <One {...shared} suffix="2" />
        ) : (
          <Beside
            info={info}
            picked={picked.model === info.name ? picked.ids[0] : undefined}
            pick={(id, label) => find({ id, label })}
          />
        )}
      </div>
      {circled.ids.length > 0 && <Circled chosen={circled} clear={() => setCircled({ ...circled, ids: [] })} />}
    </>
  );
}

/** Searches while the user types; Enter selects the first hit. */
function Find({ find }: { find: (t: Named) => void }) {
  const [query, setQuery] = useState("");
  const [open, setOpen] = useState(false);
  const take = (t?: Named) => t && (setOpen(false), find(t));
  const wanted = useSettled(query);
  const hits = useAnswer(wanted ? wanted : undefined, (signal) =>
    call<{ tokens: Named[] }>(`vocabulary?q=${encodeURIComponent(wanted)}&limit=8`, undefined, { signal }),
  );
  return (
    <form class="find" onSubmit={(e) => (e.preventDefault(), take(hits.data?.tokens[0]))}>
      <Field label="Search">
        {(id) => (
          <input
            id={id}
            type="search"
            value={query}
            autocomplete="off"
            spellcheck={false}
            onInput={(e) => (setQuery(e.currentTarget.value), setOpen(true))}
          />
        )}
      </Field>
      {open && query && hits.data && (
        <div class="hits" role="group" aria-label="Tokens found">
          {hits.data.tokens.length === 0 && <span class="waiting">no token contains “{wanted}”</span>}
          {hits.data.tokens.map((t) => (
            <Token key={t.id} id={t.id} label={t.label} pressed={false} pick={() => take(t)} />
          ))}
        </div>
      )}
    </form>
  );
}

function Circled({ chosen: { model, ids }, clear }: { chosen: Chosen; clear: () => void }) {
  const labels = useVocabulary(model)?.labels;
  if (!labels) return null;
  const save = () => download("selection.csv", csv({ id: ids, token: ids.map((i) => labels[i]) }), "text/csv");
  return (
    <section aria-label="Selection">
      <h2>{ids.length} tokens encircled</h2>
      <div class="tokens">
        {ids.slice(0, 60).map((i) => (
          <Token key={i} id={i} label={labels[i]} />
        ))}
        {ids.length > 60 && <span class="waiting">and {ids.length - 60} more</span>}
      </div>
      <div class="row">
        <button type="button" onClick={clear}>
          Clear
        </button>
        <Save title="the selection" forms={{ CSV: save }} />
      </div>
    </section>
  );
}
