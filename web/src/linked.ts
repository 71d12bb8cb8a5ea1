// Linked hover: the token under the pointer, or with the focus, in whatever view; all views mark it.
import { signal } from "@preact/signals";

export const pointed = signal<number | undefined>(undefined);

/** What an element that stands for a token listens to. */
export const pointing = (id: number) => ({
  onPointerEnter: () => void (pointed.value = id),
  onPointerLeave: () => void (pointed.value = undefined),
  onFocus: () => void (pointed.value = id),
  onBlur: () => void (pointed.value = undefined),
});
