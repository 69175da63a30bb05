// The types of scenecast.js, the script tag's build, which is imported for what it does.
import type { Scenecast } from "./dist/index.js";

declare global {
  /** The page's client. */
  var scenecast: Scenecast;
}
