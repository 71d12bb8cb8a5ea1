// The open cell, the cell under the pointer, and the names of their places.
import { computed, signal } from "@preact/signals";
import { session, setParams } from "../session";
import { stage } from "./run";

/** block -1: before block 0. */
export interface Place {
  block: number;
  position: number;
}

const number = (text: string | undefined): number | undefined =>
  text !== undefined && /^-?\d+$/.test(text) ? Number(text) : undefined;

export const opened = computed<Place | undefined>(() => {
  const own = session.value.own.stage ?? {};
  const block = number(own.block),
    position = number(own.position),
    data = stage.value.data;
  if (block === undefined || position === undefined || !data) return undefined;
  return block >= -1 && block < data.lengths.length - 1 && position >= data.first && position < data.last
    ? { block, position }
    : undefined;
});

export const hovered = signal<Place | undefined>(undefined);
export const open = (place?: Place): void =>
  setParams({ block: place && String(place.block), position: place && String(place.position) }, "stage");
export const same = (a?: Place, b?: Place): boolean => !!a && !!b && a.block === b.block && a.position === b.position;

export const placeName = (block: number): string => (block < 0 ? "the embedding" : `after block ${block}`);
/** The engine's name for the vector in a cell. */
export const siteOf = (block: number): string => (block < 0 ? "wte" : `blocks.${block}.resid_post`);
