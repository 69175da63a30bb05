// Dialogs and drawers. The browser's <dialog> holds the focus in it, closes it by Escape, and gives the focus back.
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import { t } from "../words.js";

/**
 * A dialog over the screen while it is rendered. onClose is called when it is to be closed: by Escape, its cross, or a click beside it; without
 * onClose it stays. kind is "dialog" or "drawer", which is at the side of the screen.
 */
export function Dialog({ title, onClose, kind = "dialog", children }) {
  const element = useRef(), heading = useId();
  useLayoutEffect(() => {
    const dialog = element.current, before = document.activeElement;
    dialog.showModal();
    return () => {
      element.current = null;
      dialog.close();
      if (before?.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={element}
      class={kind}
      aria-labelledby={heading}
      onCancel={(event) => {
        event.preventDefault();
        onClose?.();
      }}
      onClose={() => {
        // Browsers close it by a second Escape whatever its cancel event is answered.
        if (element.current && onClose) onClose();
        else element.current?.showModal();
      }}
      onKeyDown={(event) => event.key === "Escape" && !onClose && event.preventDefault()}
      onPointerDown={(event) => event.target === element.current && onClose?.()}
    >
      <div class="dialog-body">
        <header>
          <h2 id={heading}>{title}</h2>
          {onClose && (
            <button type="button" class="plain" aria-label={t("shell.close")} onClick={onClose}>
              <span aria-hidden="true">✕</span>
            </button>
          )}
        </header>
        {children}
      </div>
    </dialog>
  );
}

/** Details beside the screen: as Dialog. */
export const Drawer = (props) => <Dialog kind="drawer" {...props} />;

/**
 * Asks before something is done. The children say what, in words with its figures; action, of useAction, is run by the button, whose words
 * are `yes`. It closes when the action has succeeded, by onDone(value), and shows the problem where it has not.
 */
export function Confirm({ title, yes, danger, action, onClose, children, problem }) {
  return (
    <Dialog title={title} onClose={action.busy ? undefined : onClose}>
      {children}
      {problem}
      <div class="buttons">
        <button type="button" class={danger ? "danger" : "primary"} disabled={action.busy} onClick={() => action.run()}>
          {action.busy ? t("shell.busy") : yes}
        </button>
        <button type="button" onClick={onClose} disabled={action.busy} autofocus>
          {t("shell.cancel")}
        </button>
      </div>
    </Dialog>
  );
}
