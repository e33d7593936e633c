// Writes the scripts of the site, the licences of what they contain, and a list of hashes: tests compare the
// sources with it, so that a script that was not built again is noticed where there is no Node.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";

const out = "../datasette/static";
const result = await build({
  entryPoints: ["src/site.ts", "src/map.ts"],
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2020",
  outdir: out,
  metafile: true,
  charset: "utf8",
  legalComments: "none",
  banner: { js: "/* Built from frontend/src by npm run build; licences: THIRD-PARTY.txt */" },
});
const packages = new Set();
for (const name of Object.keys(result.metafile.inputs)) {
  const found = name.match(/node_modules\/((?:@[^/]+\/)?[^/]+)/);
  if (found) packages.add(found[1]);
}
const notices = [...packages].sort().map((name) => {
  const folder = `node_modules/${name}`;
  const { version, license } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
  const file = readdirSync(folder).find((one) => /^licen[sc]e/i.test(one));
  return `${name} ${version} (${license})\n\n${readFileSync(`${folder}/${file}`, "utf8").trim()}\n`;
});
writeFileSync(`${out}/THIRD-PARTY.txt`, notices.join(`\n${"-".repeat(72)}\n\n`));

mkdirSync("../tests/data/vendor", { recursive: true });
copyFileSync("node_modules/axe-core/axe.min.js", "../tests/data/vendor/axe.min.js");
copyFileSync("node_modules/axe-core/LICENSE", "../tests/data/vendor/axe-LICENSE.txt");

const hash = (path) => createHash("sha256").update(readFileSync(path)).digest("hex");
const sources = [...readdirSync("src").sort().map((name) => `src/${name}`), "package.json", "package-lock.json", "build.mjs"];
const made = ["site.js", "map.js", "THIRD-PARTY.txt"].map((name) => `${out}/${name}`);
made.push("../tests/data/vendor/axe.min.js");
const list = Object.fromEntries([...sources, ...made].map((path) => [path, hash(path)]));
writeFileSync("built.json", `${JSON.stringify(list, null, 2)}\n`);
