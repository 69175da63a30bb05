// Fields of forms.
import { useId } from "preact/hooks";
import { t } from "../words.js";

/** A labelled field: the function that is its child gets the attributes of its input. hint and problem are read out with it. */
export function Field({ label, hint, problem, children }) {
  const id = useId();
  const described = [hint && `${id}-hint`, problem && `${id}-problem`].filter(Boolean).join(" ");
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({ id, "aria-describedby": described || undefined, "aria-invalid": problem ? "true" : undefined })}
      {hint && <p id={`${id}-hint`} class="hint">{hint}</p>}
      {problem && <p id={`${id}-problem`} class="notice">{problem}</p>}
    </div>
  );
}

/** A field of one line. onInput gets the text. */
export const TextField = ({ label, hint, problem, value, onInput, ...rest }) => (
  <Field label={label} hint={hint} problem={problem}>
    {(attributes) => <input {...attributes} dir="auto" value={value} onInput={(event) => onInput(event.currentTarget.value)} {...rest} />}
  </Field>
);

/** Reads JSON: {value} or {problem}, in words with line and column where the browser tells them. An empty text is no value. */
export function parseJSON(text) {
  if (!text.trim()) return {};
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    const [, line, column] = /line (\d+) column (\d+)/.exec(error.message) ?? [];
    return { problem: line ? t("shell.notJSONAt", { line, column }) : t("shell.notJSON", { why: error.message }) };
  }
}

/** A field of JSON, checked while it is typed. value is its text; onInput gets the text. */
export function JSONField({ label, hint, value, onInput, rows = 6 }) {
  const { value: parsed, problem } = parseJSON(value);
  return (
    <>
      <Field label={label} hint={hint} problem={problem}>
        {(attributes) => (
          <textarea {...attributes} class="code" dir="ltr" rows={rows} spellcheck={false} value={value} onInput={(event) => onInput(event.currentTarget.value)} />
        )}
      </Field>
      <button type="button" class="small" disabled={parsed === undefined} onClick={() => onInput(JSON.stringify(parsed, null, 2))}>
        {t("shell.format")}
      </button>
    </>
  );
}

/** A choice of one among options [{value, text}], as a select. */
export const Choice = ({ label, hidden, options, value, onChange }) => {
  const id = useId();
  return (
    <span class="choice">
      <label for={id} class={hidden ? "unseen" : ""}>{label}</label>
      <select id={id} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {options.map((option) => <option key={option.value} value={option.value}>{option.text}</option>)}
      </select>
    </span>
  );
};

/** Chips to choose up to `most` of options by; value is the list of those that are chosen, in the order in which they were. */
export function Chips({ label, options, value, onChange, most = Infinity }) {
  const toggle = (option) => onChange(value.includes(option) ? value.filter((each) => each !== option) : [...value, option]);
  return (
    <div class="chips" role="group" aria-label={label}>
      {options.map((option) => (
        <button
          type="button"
          key={option}
          class="chip"
          aria-pressed={value.includes(option)}
          aria-disabled={!value.includes(option) && value.length >= most}
          onClick={() => (value.includes(option) || value.length < most) && toggle(option)}
        >
          <bdi class="cut">{option}</bdi>
        </button>
      ))}
    </div>
  );
}
