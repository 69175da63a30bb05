// The screens, in the order of the navigation. A screen is shown to keys that have its scope; with allApps to those alone that see what is of
// all apps; its name is its address, #/NAME, and its words are nav.NAME in words/NAME.js.
import { Now } from "./screens/now.jsx";
import { Push } from "./screens/push.jsx";
import { Pages } from "./screens/pages.jsx";
import { History } from "./screens/history.jsx";
import { Presence } from "./screens/presence.jsx";
import { Feed } from "./screens/feed.jsx";
import { Hooks } from "./screens/hooks.jsx";
import { Settings } from "./screens/settings.jsx";

export const screens = [
  { name: "now", scope: "read", Screen: Now },
  { name: "push", scope: "push", Screen: Push },
  { name: "pages", scope: "read", Screen: Pages },
  { name: "history", scope: "read", Screen: History },
  { name: "presence", scope: "read", Screen: Presence },
  { name: "feed", scope: "read", Screen: Feed },
  { name: "hooks", scope: "read", Screen: Hooks },
  { name: "settings", scope: "admin", allApps: true, Screen: Settings },
];
