// A text with a button that copies it.
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { announce } from "../announce.js";
import { t } from "../words.js";

const RESTORE_AFTER = 2000; // ms

/** A button that copies text. Where the clipboard is not to be had, which is so without HTTPS, `select` is called instead. */
export function Copy({ text, select }) {
  const outcome = useSignal("copy");
  const copy = async () => {
    const written = await navigator.clipboard?.writeText(text).then(() => true, () => false);
    if (!written) select?.();
    outcome.value = written || (select && document.execCommand("copy")) ? "copied" : "selected";
    announce(t(`shell.${outcome.value}`));
    setTimeout(() => (outcome.value = "copy"), RESTORE_AFTER);
  };
  return (
    <button type="button" class="small" onClick={copy}>
      {t(`shell.${outcome.value}`)}
    </button>
  );
}

/** Code to copy: a command, a tag. label says what it is. */
export function Snippet({ label, children }) {
  const code = useRef();
  return (
    <div class="snippet">
      <pre ref={code} tabIndex={0} role="group" aria-label={label}>
        {children}
      </pre>
      <Copy text={String(children)} select={() => getSelection().selectAllChildren(code.current)} />
    </div>
  );
}
