// The menu: which model is looked at, colours, and the session as a file. It opens by a click and closes by Escape or a click outside.
import { useEffect, useRef, useState } from "preact/hooks";
import { returned, type ModelInfo } from "./api";
import { choices, openModel, useAvailable } from "./models";
import { Choice, Trouble } from "./parts";
import { download } from "./save";
import { change, checked, session, setParams } from "./session";
import { setTheme, theme } from "./theme";

export const millions = (parameters: number): string =>
  parameters >= 1e7 ? `${(parameters / 1e6).toFixed(0)} M` : parameters.toLocaleString("en");

export function Menu({ models, info }: { models: ModelInfo[]; info?: ModelInfo }) {
  const [error, setError] = useState<Error>();
  const menu = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    const shut = (e: Event) => {
      const outside =
        e.type === "pointerdown" ? !menu.current?.contains(e.target as Node) : (e as KeyboardEvent).key === "Escape";
      if (!menu.current?.open || !outside) return;
      menu.current.open = false;
      if (e.type === "keydown") menu.current.querySelector("summary")?.focus();
    };
    addEventListener("pointerdown", shut);
    addEventListener("keydown", shut);
    return () => (removeEventListener("pointerdown", shut), removeEventListener("keydown", shut));
  }, []);
  const use = (name: string) => {
    setParams({ model: name === models[0]?.name ? undefined : name });
    if (menu.current) menu.current.open = false;
  };
  return (
    <details class="menu" ref={menu}>
      <summary>
        <span class="model">{info?.name ?? "…"}</span>
      </summary>
      <div class="sheet">
        {info && (
          <p class="facts">
            {info.family}, {info.vocab.toLocaleString("en")} tokens × {info.width}, {info.blocks} blocks of {info.heads}{" "}
            heads, {millions(info.parameters)} parameters
          </p>
        )}
        <Models models={models} info={info} use={use} setError={setError} />
        <Trouble error={error} />
        <Choice
          label="Colours"
          value={theme.value}
          set={(v) => setTheme(v as "auto")}
          options={[["auto", "as the system"], "light", "dark"]}
        />
        <SessionFile setError={setError} />
      </div>
    </details>
  );
}

interface ModelsProps {
  models: ModelInfo[];
  info?: ModelInfo;
  use: (name: string) => void;
  setError: (error?: Error) => void;
}

function Models({ models, info, use, setError }: ModelsProps) {
  const available = useAvailable();
  const [path, setPath] = useState("");
  const [busy, setBusy] = useState("");
  const open = (name: string) => {
    setError(undefined);
    setBusy(name);
    void openModel(name)
      .then((m) => use(m.name), setError)
      .finally(() => setBusy(""));
  };
  return (
    <>
      <ul class="models" aria-label="Models">
        {choices(models, available).map(({ name, open: one }) => (
          <li key={name}>
            <button
              type="button"
              class="quiet"
              aria-current={one !== undefined && one.name === info?.name ? "true" : undefined}
              disabled={busy !== ""}
              onClick={() => (one ? use(one.name) : open(name))}
            >
              <span>{name}</span> <small>{busy === name ? "opening…" : one ? "open" : "in the cache"}</small>
            </button>
          </li>
        ))}
      </ul>
      <form class="row" onSubmit={(e) => (e.preventDefault(), open(path))}>
        <label>
          Open another
          <input
            type="text"
            value={path}
            placeholder="name, file or folder"
            onInput={(e) => setPath(e.currentTarget.value)}
          />
        </label>
        <button type="submit" disabled={!path || busy !== ""}>
          Open
        </button>
      </form>
    </>
  );
}

function SessionFile({ setError }: { setError: (error?: Error) => void }) {
  const file = useRef<HTMLInputElement>(null);
  const load = async (chosen?: File) => {
    if (!chosen) return;
    try {
      change(checked(JSON.parse(await chosen.text())), true);
      setError(undefined);
    } catch (e) {
      setError(e instanceof SyntaxError ? new Error(`${chosen.name} is not JSON`) : (e as Error));
    }
  };
  return (
    <div class="row">
      <button
        type="button"
        onClick={() => download("embscope-session.json", JSON.stringify(session.value, null, 1), "application/json")}
      >
        Export session
      </button>
      <button type="button" onClick={() => file.current?.click()}>
        Import session
      </button>
      <input
        ref={file}
        type="file"
        accept="application/json"
        hidden
        aria-label="Session file"
        onChange={(e) => void load(e.currentTarget.files?.[0])}
      />
    </div>
  );
}

/** A link or a tab may name a model that this server has not open, or no longer. */
export function NotOpen({ name, instead }: { name: string; instead: string }) {
  const [error, setError] = useState<Error>();
  return (
    <>
      <h1>{name} is not open here</h1>
      <p>The link or the tab is about another model than those that this server has open.</p>
      <div class="row">
        <button
          type="button"
          class="main"
          onClick={() =>
            // what was asked of it in vain is asked again
            void openModel(name).then((m) => (setParams({ model: m.name }), returned.value++), setError)
          }
        >
          Open {name}
        </button>
        <button type="button" onClick={() => setParams({ model: undefined })}>
          Go on with {instead}
        </button>
      </div>
      <Trouble error={error} />
    </>
  );
}
