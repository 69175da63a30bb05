// A field that completes what is typed: the combobox pattern of ARIA 1.2, with a list.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Field } from "./fields.jsx";

/**
 * A text field with completions. complete(text, caret) returns, or promises, {from, to, options: [{text, note}]}: text.slice(from, to) is what an
 * option's text replaces. Arrow keys choose, Enter and Tab take, Escape closes the list. onInput gets the text.
 */
export function Combobox({ label, hint, problem, value, onInput, complete, ...rest }) {
  const list = useSignal({ options: [] }), chosen = useSignal(-1);
  const input = useRef(), asked = useRef(0), caret = useRef(null);
  const close = () => {
    asked.current++;
    list.value = { options: [] };
    chosen.value = -1;
  };
  const ask = async (text, at) => {
    const mine = ++asked.current;
    const answer = await Promise.resolve(complete(text, at)).catch(() => ({ options: [] }));
    if (mine !== asked.current) return; // something was typed meanwhile
    list.value = answer;
    chosen.value = -1;
  };
  const take = ({ text }) => {
    const { from, to } = list.value;
    caret.current = from + text.length;
    onInput(value.slice(0, from) + text + value.slice(to));
    close();
  };
  useEffect(() => {
    if (caret.current === null) return;
    input.current.setSelectionRange(caret.current, caret.current);
    caret.current = null;
  }, [value]);
  const { options } = list.value;
  const onKeyDown = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && !options.length && event.key === "ArrowDown") {
      void ask(value, event.currentTarget.selectionStart);
    } else if (step && options.length) {
      const from = chosen.value < 0 && step < 0 ? 0 : chosen.value;
      chosen.value = (from + step + options.length) % options.length;
    } else if ((event.key === "Enter" || event.key === "Tab") && chosen.value >= 0) {
      take(options[chosen.value]);
    } else if (event.key === "Escape" && options.length) {
      event.stopPropagation(); // closes the list, not the dialog that the field is in
      close();
    } else {
      return;
    }
    event.preventDefault();
  };
  return (
    <Field label={label} hint={hint} problem={problem}>
      {(attributes) => (
        <div class="combobox">
          <input
            {...attributes}
            {...rest}
            ref={input}
            dir="auto"
            role="combobox"
            autocomplete="off"
            spellcheck={false}
            aria-autocomplete="list"
            aria-expanded={options.length > 0}
            aria-controls={`${attributes.id}-list`}
            aria-activedescendant={chosen.value < 0 ? undefined : `${attributes.id}-${chosen.value}`}
            value={value}
            onInput={(event) => {
              onInput(event.currentTarget.value);
              void ask(event.currentTarget.value, event.currentTarget.selectionStart);
            }}
            onKeyDown={onKeyDown}
            onBlur={close}
          />
          <ul id={`${attributes.id}-list`} role="listbox" aria-label={label} hidden={!options.length}>
            {options.map((option, i) => (
              <li
                key={option.text}
                id={`${attributes.id}-${i}`}
                role="option"
                aria-selected={i === chosen.value}
                onPointerDown={(event) => {
                  event.preventDefault(); // the focus stays in the field
                  take(option);
                }}
              >
                <bdi class="cut">{option.text}</bdi>
                {option.note && <span class="quiet">{option.note}</span>}
              </li>
            ))}
          </ul>
        </div>
      )}
    </Field>
  );
}
