// The frame: where one is, which model is open, the tray, the walk, and the view.
import type { FunctionComponent } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { call, online, stranger, type ModelInfo } from "./api";
import { useAnswer } from "./hooks";
import { Choice, Trouble } from "./parts";
import { download } from "./save";
import { address, change, checked, go, model, session, setParams, step, view, views, type View } from "./session";
import { setTheme, theme } from "./theme";
import { Tray } from "./tray";
import { Walk } from "./walk";
import { Experiment } from "./views/experiment";
import { Learn } from "./views/learn";
import { Life } from "./views/life";
import { MapView } from "./views/map";
import { Matrix } from "./views/matrix";
import { Read } from "./views/read";
import { Stage } from "./views/stage";
import { Train } from "./views/train";
import { Vectors } from "./views/vectors";

const shown: Record<View, FunctionComponent<{ info: ModelInfo }>> = {
  stage: Stage,
  map: MapView,
  matrix: Matrix,
  vectors: Vectors,
  train: Train,
  learn: Learn,
  read: Read,
  life: Life,
  experiment: Experiment,
};

const titles: Record<View, string> = {
  stage: "Stage",
  map: "Vocabulary",
  matrix: "Matrix",
  vectors: "Compare",
  train: "Train",
  learn: "Learn",
  read: "Write",
  life: "Life",
  experiment: "Patch and steer",
};
export const titleOf = (v: View): string => titles[v];

export function App() {
  const models = useAnswer("models", (signal) => call<ModelInfo[]>("models", undefined, { signal }));
  const info = models.data?.find((m) => m.name === model.value) ?? models.data?.[0];
  const Current = shown[view.value];
  useEffect(() => void (document.title = `${titleOf(view.value)} · Embscope`), [view.value]);
  return (
    <>
      <a
        class="skip"
        href="#main"
        onClick={(e) => (e.preventDefault(), document.querySelector<HTMLElement>("main")?.focus())}
      >
        To the content
      </a>
      <Header models={models.data ?? []} info={info} />
      {!online.value && (
        <p class="offline" role="alert">
          {stranger.value ? (
            <>
              The engine does not know this browser. Open the address that <code>embscope serve</code> printed last;
              this page then goes on.
            </>
          ) : (
            <>
              The engine does not answer. Is <code>embscope serve</code> still running? Trying again…
            </>
          )}
        </p>
      )}
      {step.value > 0 && <Walk />}
      <main id="main" tabIndex={-1} class={`view ${view.value}`}>
        <Trouble error={models.error} />
        {info && <Current key={`${info.name} ${view.value}`} info={info} />}
      </main>
      <Tray />
    </>
  );
}

function Header({ models, info }: { models: ModelInfo[]; info?: ModelInfo }) {
  const nav = useRef<HTMLElement>(null);
  // on a phone the views do not all fit: the one that is open is brought into sight
  useEffect(() => {
    const [all, one] = [nav.current, nav.current?.querySelector<HTMLElement>('[aria-current="page"]')];
    if (all && one) all.scrollLeft = one.offsetLeft - (all.clientWidth - one.clientWidth) / 2;
  }, [view.value]);
  return (
    <header class="top">
      <a class="name" href={address(session.value, "stage")}>
        <svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true">
          <circle cx="14" cy="14" r="10" />
          <path d="M21.5 21.5 29 29" />
        </svg>
        Embscope
      </a>
      <nav ref={nav} aria-label="Views">
        {views.map((v) => (
          <a
            key={v}
            href={address(session.value, v)}
            aria-current={view.value === v ? "page" : undefined}
            onClick={(e) => (e.preventDefault(), go(v))}
          >
            {titleOf(v)}
          </a>
        ))}
      </nav>
      <Menu models={models} info={info} />
    </header>
  );
}

function Menu({ models, info }: { models: ModelInfo[]; info?: ModelInfo }) {
  const [error, setError] = useState<Error>();
  const file = useRef<HTMLInputElement>(null);
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
  const [path, setPath] = useState("");
  const open = (e: Event) => {
    e.preventDefault();
    setError(undefined);
    call<ModelInfo>("models", { open: path }).then((m) => (setParams({ model: m.name }), location.reload()), setError);
  };
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
    <details class="menu" ref={menu}>
      <summary>
        <span class="model">{info?.name ?? "…"}</span>
      </summary>
      <div class="sheet">
        <Choice
          label="Model"
          value={info?.name ?? ""}
          set={(v) => setParams({ model: v === models[0]?.name ? undefined : v })}
          options={models.map((m) => m.name)}
        />
        {info && (
          <p class="facts">
            {info.family}, {info.vocab.toLocaleString("en")} tokens × {info.width}, {info.blocks} blocks of {info.heads}{" "}
            heads, {(info.parameters / 1e6).toFixed(0)} M parameters
          </p>
        )}
        <form class="row" onSubmit={open}>
          <label>
            Open another
            <input
              type="text"
              value={path}
              placeholder="name, file or folder"
              onInput={(e) => setPath(e.currentTarget.value)}
            />
          </label>
          <button type="submit" disabled={!path}>
            Open
          </button>
        </form>
        <Choice
          label="Colours"
          value={theme.value}
          set={(v) => setTheme(v as "auto")}
          options={[["auto", "as the system"], "light", "dark"]}
        />
        <div class="row">
          <button
            type="button"
            onClick={() =>
              download("embscope-session.json", JSON.stringify(session.value, null, 1), "application/json")
            }
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
        <Trouble error={error} />
      </div>
    </details>
  );
}
