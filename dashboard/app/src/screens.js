// The screens, in the order of the navigation. A screen is shown to keys that have its scope; its name is its address, #/NAME, and its words are
// nav.NAME in words/NAME.js.
import { Now } from "./screens/now.jsx";
import { Hooks } from "./screens/hooks.jsx";
import { Push } from "./screens/push.jsx";

export const screens = [
  { name: "now", scope: "read", Screen: Now },
  { name: "push", scope: "push", Screen: Push },
  { name: "hooks", scope: "read", Screen: Hooks },
];
