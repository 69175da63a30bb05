// What the build brings in: see scripts/esbuild.js.

/** True in the build for the script tag, which runs in a browser's page and nowhere else. */
declare const SCRIPT_TAG: boolean;

// A style sheet is imported as its text, minified.
declare module "*.css" {
  const text: string;
  export default text;
}
