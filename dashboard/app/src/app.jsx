// The shell: login, head, navigation, and the screen that the address names.
import { useEffect, useRef } from "preact/hooks";
import { said } from "./announce.js";
import { useAction } from "./action.js";
import { expired } from "./api.js";
import { ErrorBox, Waiting } from "./components/states.jsx";
import { Bdi } from "./components/text.jsx";
import { Choice } from "./components/fields.jsx";
import { LoginDialog, LoginScreen } from "./login.jsx";
import { href, route } from "./route.js";
import { screens } from "./screens.js";
import { can, loadSelf, login, logOut, seesAll, self } from "./session.js";
import { theme, themes } from "./theme.js";
import { choose, language, languages, t } from "./words.js";

export const App = () => (
  <>
    <Gate />
    <p class="unseen" role="status" aria-live="polite"><span key={said.value.n}>{said.value.text}</span></p>
  </>
);

function Gate() {
  if (login.value === "out") return <LoginScreen />;
  if (login.value === "in") return <Shell />;
  return (
    <main class="alone">
      {login.value === "asking" ? <Waiting /> : (
        <>
          <ErrorBox problem={login.value} />
          <button type="button" onClick={loadSelf}>{t("shell.again")}</button>
        </>
      )}
    </main>
  );
}

/** The screens that the key's scopes let it use. */
const mine = () => screens.filter(({ scope, allApps }) => can(scope) && (!allApps || seesAll()));

function Shell() {
  const current = mine().find(({ name }) => name === route.value.screen);
  const main = useRef(), shown = useRef(current?.name);
  useEffect(() => {
    document.title = `${current ? t(`nav.${current.name}`) : t("shell.nothing")} · Scenecast`;
    if (shown.current !== current?.name) main.current.focus(); // not at first: then it is the browser's to say
    shown.current = current?.name;
  }, [current, language.value]);
  return (
    <div class="shell">
      <Head onSkip={() => main.current.focus()} />
      <nav class="screens" aria-label={t("shell.screens")}>
        {mine().map(({ name }) => (
          <a key={name} href={href(name)} aria-current={name === current?.name ? "page" : undefined}>{t(`nav.${name}`)}</a>
        ))}
      </nav>
      <main ref={main} tabIndex={-1}>
        <h1>{current ? t(`nav.${current.name}`) : t("shell.nothing")}</h1>
        {current ? <current.Screen key={current.name} /> : <p>{t("shell.notYours")}</p>}
      </main>
      {expired.value && <LoginDialog />}
    </div>
  );
}

function Head({ onSkip }) {
  const out = useAction(logOut);
  const { app, key, within } = self.value;
  return (
    <header class="head">
      <button type="button" class="skip" onClick={onSkip}>{t("shell.skip")}</button>
      <a class="brand" href={href("now")}>
        <img src="icon.svg" alt="" width="24" height="24" /> Scenecast
      </a>
      <p class="who">
        <span>{t("shell.key", { key: <Bdi>{key}</Bdi> })}</span>
        <span>{t("shell.app", { app: <Bdi>{app}</Bdi> })}</span>
        {within && <span>{t("shell.within", { within: <code>{within}</code> })}</span>}
      </p>
      <Preferences />
      <button type="button" onClick={out.run} disabled={out.busy}>{t("shell.logOut")}</button>
      <ErrorBox problem={out.problem} />
    </header>
  );
}

/** Language and theme. */
export const Preferences = () => (
  <>
    <Choice
      hidden
      label={t("shell.language")}
      value={language.value}
      options={Object.entries(languages).map(([value, text]) => ({ value, text }))}
      onChange={choose}
    />
    <Choice
      hidden
      label={t("shell.theme")}
      value={theme.value}
      options={themes.map((value) => ({ value, text: t(`theme.${value}`) }))}
      onChange={(value) => (theme.value = value)}
    />
  </>
);
