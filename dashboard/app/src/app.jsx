// The shell: login, head, navigation, and the screen that the address names.
import { useLayoutEffect, useRef } from "preact/hooks";
import { said } from "./announce.js";
import { useAction } from "./action.js";
import { expired } from "./api.js";
import { ErrorBox, Waiting } from "./components/states.jsx";
import { Bdi } from "./components/text.jsx";
import { Locked } from "./components/locked.jsx";
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

/** The screens that the navigation has. One of all apps is of no use to a key that sees a part of them, whatever its scopes. */
const listed = () => screens.filter(({ allApps }) => !allApps || seesAll());

function Shell() {
  const current = screens.find(({ name }) => name === route.value.screen);
  const main = useRef(), nav = useRef(), shown = useRef(current?.name);
  useLayoutEffect(() => {
    document.title = `${current ? t(`nav.${current.name}`) : t("shell.nothing")} · Scenecast`;
    if (shown.current !== current?.name) main.current.focus(); // not at first: then it is the browser's to say. At once, so that it is not taken from a field
    shown.current = current?.name;
    const link = nav.current.querySelector("[aria-current]"); // where the navigation is wider than the window, it may be out of sight
    if (link) nav.current.scrollLeft = link.offsetLeft + (link.offsetWidth - nav.current.clientWidth) / 2;
  }, [current, language.value]);
  return (
    <div class="shell">
      <Head onSkip={() => main.current.focus()} />
      <nav ref={nav} class="screens" aria-label={t("shell.screens")}>
        {listed().map(({ name, scope }) => (
          <a key={name} href={href(name)} aria-current={name === current?.name ? "page" : undefined} class={can(scope) ? "" : "quiet"}>
            {can(scope) ? t(`nav.${name}`) : <Locked why={t("shell.locked")}>{t(`nav.${name}`)}</Locked>}
          </a>
        ))}
      </nav>
      <main ref={main} tabIndex={-1}>
        <h1>{current ? t(`nav.${current.name}`) : t("shell.nothing")}</h1>
        {current ? <Shown key={current.name} of={current} /> : <p>{t("shell.noScreen")}</p>}
      </main>
      {expired.value && <LoginDialog />}
    </div>
  );
}

/** A screen; instead of one that the key may not use, why, and what it takes. */
function Shown({ of: { name, scope, allApps, Screen } }) {
  const { key, scopes } = self.value, screen = t(`nav.${name}`), named = <Bdi>{key}</Bdi>;
  if (allApps && !seesAll()) return <p>{t("shell.allApps", { screen, key: named })}</p>;
  if (can(scope)) return <Screen />;
  const allow = <code>{`allow: [${[...scopes, scope].join(", ")}]`}</code>;
  return (
    <>
      <p>{t("shell.takes", { screen, scope: <code>{scope}</code>, key: named })}</p>
      <p>{t("shell.give", { allow, setting: <code>api_keys</code> })}</p>
    </>
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
