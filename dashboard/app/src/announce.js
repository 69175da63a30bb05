// Tells results to screen readers, politely: the region itself is part of the shell.
import { signal } from "@preact/signals";

/** What is told; n makes the same words be told again. */
export const said = signal({ text: "", n: 0 });

export const announce = (text) => (said.value = { text, n: said.peek().n + 1 });
