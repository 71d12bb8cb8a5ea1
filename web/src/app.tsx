// The frame: navigation, the open model, the tray, the walk, and the view.
import type { FunctionComponent } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { online, stranger, type ModelInfo } from "./api";
import { keepFocus } from "./focus";
import { Menu, NotOpen } from "./menu";
import { useModels } from "./models";
import { Trouble } from "./parts";
import { address, go, model, session, step, view, views, type View } from "./session";
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
  const models = useModels();
  const info = models.data?.find((m) => m.name === model.value) ?? models.data?.[0];
  const missing = models.data && model.value !== "" && info?.name !== model.value;
  const Current = shown[view.value];
  useEffect(() => void (document.title = `${titleOf(view.value)} · Embscope`), [view.value]);
  const walking = step.value > 0;
  const before = useRef({ view: view.value, walking });
  useEffect(() => {
    const { view: old, walking: walked } = before.current;
    before.current = { view: view.value, walking };
    if (old !== view.value || walked !== walking) keepFocus(walking && !walked ? ".walk" : "#main");
  }, [view.value, walking]);
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
              This browser has no access to the engine. Open the address that <code>embscope serve</code> printed last;
              this page then continues.
            </>
          ) : (
            <>
              The engine does not answer. Is <code>embscope serve</code> still running? Trying again…
            </>
          )}
        </p>
      )}
      {step.value > 0 && info && !missing && <Walk info={info} />}
      <main id="main" tabIndex={-1} class={`view ${view.value}`}>
        <Trouble error={models.error} />
        {missing && <NotOpen name={model.value} instead={info?.name ?? ""} />}
        {info && !missing && <Current key={`${info.name} ${view.value}`} info={info} />}
      </main>
      <Tray />
    </>
  );
}

function Header({ models, info }: { models: ModelInfo[]; info?: ModelInfo }) {
  const nav = useRef<HTMLElement>(null);
  // on a phone not all views fit: the current one is scrolled into view
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
