// The screens, in the order of the navigation. A screen is shown to keys that have its scope; its name is its address, #/NAME, and its words are
// nav.NAME in words/NAME.js.
import { Hooks } from "./screens/hooks.jsx";

export const screens = [
  { name: "hooks", scope: "read", Screen: Hooks },
];
