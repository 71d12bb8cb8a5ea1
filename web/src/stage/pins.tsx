// Pins: the active edits, each on its cell; they can be switched off, named, moved and removed. Their list is the
// experiment.
import { useSignal } from "@preact/signals";
import { history, p, pin, pins, redo, setPins, undo, type Pin } from "./experiment";
import { placeOf } from "./picture";
import { open } from "./pick";
import { lostPins, mixEdit, mixing, stage } from "./run";

export function Pins() {
  const list = pins.value;
  const { past, future } = history.value;
  const keep = () => {
    const edit = mixEdit(p.value);
    if (edit) pin({ ...edit, name: `mixture at p = ${p.value.toFixed(2)}` });
  };
  return (
    <section class="pins" aria-label="Changes in force">
      {list.length > 0 && (
        <ul>
          {list.map((one, i) => (
            <PinChip key={`${i} ${list.length}`} one={one} index={i} />
          ))}
        </ul>
      )}
      <span class="buttons">
        {mixing.value && p.value < 1 && (
          <button type="button" class="quiet" onClick={keep}>
            Pin the mixture
          </button>
        )}
        {list.length > 1 && (
          <button type="button" class="quiet" onClick={() => setPins([])}>
            Clear
          </button>
        )}
        <button
          type="button"
          class="quiet"
          aria-label="Undo"
          title="Undo (Ctrl+Z)"
          disabled={past.length === 0}
          onClick={undo}
        >
          ↶
        </button>
        <button
          type="button"
          class="quiet"
          aria-label="Redo"
          title="Redo (Ctrl+Y)"
          disabled={future.length === 0}
          onClick={redo}
        >
          ↷
        </button>
      </span>
    </section>
  );
}

function PinChip({ one, index }: { one: Pin; index: number }) {
  const unfolded = useSignal(false);
  const lost = lostPins.value.has(index);
  const put = (part: Partial<Pin>, kind = "") =>
    setPins(
      pins.peek().map((e, j) => (j === index ? { ...e, ...part } : e)),
      kind,
    );
  const place = placeOf(one, stage.value.data?.ids.length ?? 0);
  const name = one.name || `${one.at} ${one.do}`;
  const n = index + 1;
  return (
    <li class={one.off || lost ? "pin off" : "pin"}>
      <input
        type="checkbox"
        class="switch"
        checked={!one.off}
        aria-label={`Change ${n} in force: ${name}`}
        onChange={(e) => put({ off: !e.currentTarget.checked || undefined })}
      />
      <button
        type="button"
        class="quiet name"
        aria-expanded={unfolded.value}
        title={`${one.at} ${one.do}`}
        onClick={() => {
          unfolded.value = !unfolded.value;
          if (place) open(place);
        }}
      >
        {name}
        {lost && " (its token has gone)"}
      </button>
      {unfolded.value && (
        <span class="edit">
          <input
            type="text"
            value={one.name ?? ""}
            placeholder="name"
            aria-label={`Name of change ${n}`}
            onInput={(e) => put({ name: e.currentTarget.value || undefined }, `name ${index}`)}
          />
          <input
            type="text"
            value={one.at}
            aria-label={`Where change ${n} is made`}
            spellcheck={false}
            onInput={(e) => put({ at: e.currentTarget.value }, `at ${index}`)}
          />
          <input
            type="text"
            value={one.do}
            aria-label={`What change ${n} does`}
            spellcheck={false}
            onInput={(e) => put({ do: e.currentTarget.value }, `do ${index}`)}
          />
        </span>
      )}
      <button
        type="button"
        class="quiet"
        aria-label={`Remove change ${n}`}
        onClick={() => setPins(pins.peek().filter((_, j) => j !== index))}
      >
        ×
      </button>
    </li>
  );
}
