// The model continues the text, with the stage's changes in force if wished.
import type { ModelInfo } from "../api";
import { opened, program, py, Same, shell, Trouble } from "../parts";
import { useParam } from "../session";
import { edits } from "../stage/run";
import { editFlags, editOptions, useSampling, WithChanges } from "./sampling";
import { AsTable, Continued, Key, useStream } from "./stream";

/** What begins to be written below the fold comes into sight. */
const inSight = (e: HTMLElement | null): void => e?.scrollIntoView({ block: "nearest" });

export function Generate({ text, info }: { text: string; info: ModelInfo }) {
  const sampling = useSampling(24);
  const [plain, setPlain] = useParam("plain", "");
  const stream = useStream();
  const changes = edits.value;
  const inForce = plain ? [] : changes;
  const begin = () => void stream.write("generate", { text, ...sampling.request, edits: inForce });
  return (
    <>
      {sampling.fields}
      <div class="row">
        {stream.busy ? (
          <button type="button" onClick={stream.stop}>
            Stop
          </button>
        ) : (
          <button type="button" class="main" onClick={begin}>
            Write on
          </button>
        )}
        <WithChanges edits={changes} on={!plain} set={(on) => setPlain(on ? undefined : "yes")} />
      </div>
      <Trouble error={stream.error} />
      {stream.written.length > 0 && (
        <>
          <Continued given={text} stream={stream} place={inSight} />
          <p class="soft">{stream.ended}</p>
          <Key />
          {!stream.busy && <AsTable written={stream.written} />}
        </>
      )}
      <Same
        command={`${program(info, "generate")} ${shell(text)} ${sampling.flags}${editFlags(inForce)}`}
        python={`import embscope\nmodel = embscope.load(${opened(info)})\nmodel.generate(${py(text)}, ${sampling.options}${editOptions(inForce)})`}
      />
    </>
  );
}
