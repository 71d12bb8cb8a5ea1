// The text that the views share, and its tokens.
import { call } from "./api";
import { useAnswer, type Answer } from "./hooks";
import { Text, Token, Trouble } from "./parts";
import { useParam } from "./session";

export const exampleText = "The capital of Germany is";

export interface Tokens {
  ids: number[];
  labels: string[];
  bytes: string[];
  ranges: [number, number][];
}

export const useText = () => useParam("text", exampleText);

export const useTokens = (text: string): Answer<Tokens> =>
  useAnswer(`tokens ${text}`, (signal) => call<Tokens>("tokens", { text }, { signal }));

export function SharedText() {
  const [text, setText] = useText();
  return <Text label="Text" value={text} set={setText} long />;
}

/** One token of the text is chosen. A negative position counts from the end. */
export function PositionPicker({
  tokens,
  position,
  set,
  label,
}: {
  tokens: Answer<Tokens>;
  position: number;
  set: (at: number) => void;
  label: string;
}) {
  const count = tokens.data?.ids.length ?? 0;
  const at = position < 0 ? count + position : position;
  return (
    <div>
      <Trouble error={tokens.error} />
      <div class="tokens" role="group" aria-label={label}>
        {tokens.data?.ids.map((id, i) => (
          <Token
            key={i}
            id={id}
            label={tokens.data!.labels[i]}
            pressed={i === at}
            pick={() => set(i)}
            title={`position ${i}, token ${id}`}
          />
        ))}
      </div>
    </div>
  );
}
