// The hash of the source, which the committed build carries, so that embed_test.go can tell without npm that it is stale.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";

const src = new URL("../src/", import.meta.url);

/** SHA-256 over "name\0content\0" of all files of src, by name; 16 hexadecimal digits of it. */
export function sourceHash() {
  const hash = createHash("sha256");
  for (const name of readdirSync(src).sort()) {
    hash.update(name + "\0").update(readFileSync(new URL(name, src))).update("\0");
  }
  return hash.digest("hex").slice(0, 16);
}
