// Generates clients from openapi.json by two generators, with the options that they have by default, and compiles them together
// with a program that uses them (use.ts).
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const description = join(here, "..", "openapi.json");
const run = (tool, ...args) => execFileSync(join(here, "node_modules", ".bin", tool), args, { cwd: here, stdio: "inherit" });

rmSync(join(here, "generated"), { recursive: true, force: true });
run("openapi-typescript", description, "--output", "generated/types.ts");
run("openapi", "--input", description, "--output", "generated/client");
run("tsc", "--project", "tsconfig.json");
console.log("the generated clients compile");
