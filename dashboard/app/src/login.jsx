// Logging in: as a screen of its own, and over the screen when the session has ended meanwhile.
import { useSignal } from "@preact/signals";
import { useAction } from "./action.js";
import { announce } from "./announce.js";
import { Dialog } from "./components/dialog.jsx";
import { Field } from "./components/fields.jsx";
import { ErrorBox } from "./components/states.jsx";
import { Preferences } from "./app.jsx";
import { linkProblem, logIn, logOut } from "./session.js";
import { t } from "./words.js";

export function LoginScreen() {
  return (
    <main class="alone">
      <div class="alone-head">
        <span class="brand"><img src="icon.svg" alt="" width="24" height="24" /> Scenecast</span>
        <Preferences />
      </div>
      <h1>{t("login.title")}</h1>
      {linkProblem.value && <ErrorBox problem={linkProblem.value}><p>{t("login.link")}</p></ErrorBox>}
      <LoginForm />
      <details>
        <summary>{t("login.which")}</summary>
        <p>{t("login.whichAnswer", { setting: <code>api_keys</code> })}</p>
        <p>{t("login.scopes", { read: <code>read</code>, push: <code>push</code>, manage: <code>manage</code>, admin: <code>admin</code> })}</p>
      </details>
    </main>
  );
}

/** Over the screen, which keeps what was typed. The call that was refused was not done, and is not repeated. */
export function LoginDialog() {
  const out = useAction(logOut);
  return (
    <Dialog title={t("login.ended")}>
      <p>{t("login.endedWhy")}</p>
      <LoginForm />
      <ErrorBox problem={out.problem} />
      <button type="button" class="plain" onClick={out.run}>{t("login.leave")}</button>
    </Dialog>
  );
}

function LoginForm() {
  const key = useSignal(""), remember = useSignal(false);
  const action = useAction(async () => {
    await logIn(key.value, remember.value);
    announce(t("login.done"));
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void action.run();
      }}
    >
      <Field label={t("login.key")} hint={t("login.hint")}>
        {(attributes) => (
          <input
            {...attributes}
            type="password"
            autocomplete="current-password"
            required
            autofocus
            value={key.value}
            onInput={(event) => (key.value = event.currentTarget.value)}
          />
        )}
      </Field>
      <label class="check">
        <input type="checkbox" checked={remember.value} onChange={(event) => (remember.value = event.currentTarget.checked)} />
        {t("login.remember")}
      </label>
      <ErrorBox problem={action.problem} />
      <button type="submit" class="primary" disabled={action.busy}>{action.busy ? t("shell.busy") : t("login.submit")}</button>
    </form>
  );
}
