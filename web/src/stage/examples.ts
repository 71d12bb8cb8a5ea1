// Six example texts, each with an interesting mixture.
import { act } from "./experiment";

export interface Example {
  name: string;
  text: string;
  replace: string;
  nth?: number;
  with: string;
  a?: string;
  b?: string;
}

export const examples: Example[] = [
  {
    name: "A capital",
    text: "The capital of Germany is",
    replace: " Germany",
    with: " France",
    a: " Berlin",
    b: " Paris",
  },
  {
    name: "Who gives?",
    text: "When Mary and John went to the store, John gave a drink to",
    replace: " John",
    nth: 1,
    with: " Mary",
    a: " Mary",
    b: " John",
  },
  { name: "A negation", text: "I did not like the film. It was very", replace: " not", with: " really" },
  {
    name: "A word with two meanings",
    text: "He took the money out of the bank and put it in his",
    replace: " money",
    with: " boat",
  },
  { name: "Arithmetic", text: "2 + 1 = 3, 3 + 1 = 4, 5 + 1 =", replace: "5", with: "7" },
  { name: "Code", text: "for i in range(10):\n    print(", replace: " i", with: " n" },
];

export const begin = (e: Example): void =>
  act({
    text: e.text,
    replace: e.replace,
    nth: e.nth ? String(e.nth) : undefined,
    with: e.with,
    a: e.a,
    b: e.b,
    p: "1",
    site: undefined,
    edits: undefined,
  });
