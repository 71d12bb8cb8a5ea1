// A conversation with the model, written as its chat template has it; the stage's changes can be in force.
import { useEffect, useRef, useState } from "preact/hooks";
import type { ModelInfo } from "../api";
import { opened, program, py, Same, shell, Text, Trouble } from "../parts";
import { useParam } from "../session";
import { inForce as pinned } from "../stage/run";
import { editFlags, editOptions, useSampling, WithChanges } from "./sampling";
import { Key, Pieces, useStream, type Written } from "./stream";

interface Message {
  role: "user" | "assistant";
  content: string;
  /** Of an answer: its tokens. */
  written?: Written[];
}

export function Chat({ info }: { info: ModelInfo }) {
  const sampling = useSampling(120);
  const [system, setSystem] = useParam("system", "");
  const [plain, setPlain] = useParam("plain", "");
  const [said, setSaid] = useState<Message[]>([]);
  const [message, setMessage] = useState("");
  const stream = useStream();
  const end = useRef<HTMLLIElement>(null);
  // a place in the stage's text is no place in a conversation
  const everywhere = pinned.value.filter((e) => !e.at.includes("@"));
  const inForce = plain ? [] : everywhere;
  const left = pinned.value.length - everywhere.length;
  const plainly = (list: Message[]) => [
    ...(system ? [{ role: "system", content: system }] : []),
    ...list.map(({ role, content }) => ({ role, content })),
  ];
  useEffect(() => end.current?.scrollIntoView({ block: "nearest" }), [said.length, stream.written.length]);
  const answered: Message[] =
    stream.written.length > 0 && said.at(-1)?.role === "user"
      ? [...said, { role: "assistant", content: "", written: stream.written }]
      : said;

  const send = async (e: Event) => {
    e.preventDefault();
    if (!message.trim() || stream.busy) return;
    const asked: Message[] = [...said, { role: "user", content: message }];
    setSaid(asked);
    setMessage("");
    const written = await stream.write("chat", { messages: plainly(asked), ...sampling.request, edits: inForce });
    const content = written.map((w) => w.text).join("");
    if (written.length) setSaid([...asked, { role: "assistant", content, written }]);
    else (setSaid(said), setMessage(message)); // nothing was answered: the message can be sent again
  };
  const fresh = () => (stream.stop(), stream.clear(), setSaid([]));
  const asked = said.filter((m) => m.role === "user").map((m) => m.content);
  const shown = asked.length ? asked : [message || "Hello"];
  const told = asked.length
    ? plainly(said.at(-1)?.role === "assistant" ? said.slice(0, -1) : said)
    : plainly([{ role: "user", content: shown[0] }]);
  return (
    <>
      <Text label="Told before the conversation" value={system} set={setSystem} placeholder="Be brief." />
      {sampling.fields}
      <ol class="talk" aria-label="Conversation" aria-live="polite" aria-busy={stream.busy}>
        {answered.map((m, i) => (
          <li key={i} class={m.role} ref={i === answered.length - 1 ? end : undefined}>
            {m.written ? <Pieces written={m.written} /> : m.content}
          </li>
        ))}
      </ol>
      <Trouble error={stream.error} />
      <p class="soft">{stream.ended}</p>
      <form class="row say" onSubmit={(e) => void send(e)}>
        <Text label="Your message" value={message} set={setMessage} />
        {stream.busy ? (
          <button type="button" onClick={stream.stop}>
            Stop
          </button>
        ) : (
          <button type="submit" class="main" disabled={!message.trim()}>
            Send
          </button>
        )}
        {said.length > 0 && (
          <button type="button" class="quiet" onClick={fresh}>
            Begin anew
          </button>
        )}
      </form>
      <WithChanges edits={everywhere} on={!plain} set={(on) => setPlain(on ? undefined : "yes")} />
      {left > 0 && (
        <p class="soft">
          {left === 1 ? "One change of the stage is" : `${left} changes of the stage are`} at a position of its text and
          not in force here.
        </p>
      )}
      {answered.some((m) => m.written) && <Key />}
      <Same
        command={`printf '%s\\n' ${shown.map(shell).join(" ")} | ${program(info, "chat")} ${sampling.flags}${system ? ` --system ${shell(system)}` : ""}${editFlags(inForce)}`}
        python={`import embscope\nmodel = embscope.load(${opened(info)})\nmodel.chat(${py(told)}, ${sampling.options}${editOptions(inForce)})`}
      />
    </>
  );
}
