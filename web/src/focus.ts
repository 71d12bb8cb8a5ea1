// Where the focus goes when the control that had it has gone: otherwise the keyboard would begin at the top of the page.

/** After the page has changed: the focus, if nothing has it, goes to what `place` finds. */
export function keepFocus(place: string): void {
  requestAnimationFrame(() => {
    if (document.activeElement === document.body || !document.activeElement)
      document.querySelector<HTMLElement>(place)?.focus({ preventScroll: true });
  });
}
