/**
 * The command line in few files: `dist/bundle`, for commands that run no code of a project's (`bin/program.mjs`). It
 * carries its own `effect`, so that a start reads tens of files and not hundreds. Why:
 * `docs/decisions/0028-start-up.md`.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import path from "node:path"
import { type OutputChunk, type Plugin, rolldown } from "rolldown"

export const root = path.dirname(path.dirname(import.meta.dirname))

/** How a module names a file of ours that it starts in a thread or a process: `new URL(...)` beside itself. */
const besideItself = /new URL\(`\.\/(\w+)\$\{extname\(import\.meta\.url\)\}`, import\.meta\.url\)/g

/** What else may ask where it stands, since the answer holds in the bundle too; and a message that speaks of it. */
const heldEverywhere =
  /findPackageJSON\(import\.meta\.url\)|createRequire\(import\.meta\.url\)|new URL\("\.\/task\.ts", import\.meta\.url\)/g

/** Code of a module without its comments. */
const codeOf = (text: string): string => text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "")

/**
 * Every file that a module starts by its URL becomes an entry beside the others, under its own name; other uses of a
 * module's place are refused.
 */
const startedFiles: Plugin = {
  name: "started-files",
  transform(text, id) {
    if (!id.startsWith(path.join(root, "src"))) return
    const code = codeOf(text)
    for (const [, name] of code.matchAll(besideItself)) {
      this.emitFile({ type: "chunk", id: path.join(path.dirname(id), `${name}.ts`), fileName: `${name}.cjs` })
    }
    if (code.replace(besideItself, "").replace(heldEverywhere, "").includes("import.meta.")) {
      this.error(`${id} uses import.meta in a way that does not hold in the bundle; see scripts/build/bundle.ts`)
    }
  }
}

/**
 * What measures text in `effect/cli` makes a segmenter of Unicode when it is loaded, 14 ms, and asks it of every line
 * of `--help`: here of what is not plain ASCII, and it is made when it is first asked.
 */
const patientSegmenter: Plugin = {
  name: "patient-segmenter",
  transform(text, id) {
    if (!id.replaceAll("\\", "/").endsWith("/effect/dist/cli/CliOutput.js")) return
    const made = /^const graphemeSegmenter = (?:\/\*#__PURE__\*\/)?(new Intl\.Segmenter\([^;]*\));$/m
    const asked = "graphemeSegmenter.segment(stripAnsi(text))"
    if (!made.test(text) || text.split(asked).length !== 2) this.error(`${id} measures text otherwise; look at it anew`)
    return text
      .replace(made, "let graphemeSegmenter;\nconst segmenter = () => (graphemeSegmenter ??= $1);")
      .replace(asked, "segmenter().segment(stripAnsi(text))")
      .replace(
        /^(export const displayWidth = text => \{)$/m,
        "$1\n  const plain = stripAnsi(text);\n  if (/^[\\x20-\\x7e]*$/.test(plain)) return plain.length;"
      )
  }
}

/** The package a module of node_modules belongs to, as its folder. */
const packageOf = (id: string): string | undefined =>
  /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id.replaceAll("\\", "/"))?.[0]

/** The licences of what is bundled, which ask to be kept with it. */
const licences = (chunks: ReadonlyArray<OutputChunk>): string => {
  const folders = new Set(chunks.flatMap(({ moduleIds }) => moduleIds.flatMap((id) => packageOf(id) ?? [])))
  return [...folders]
    .sort()
    .map((folder) => {
      const { license, name, version } = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8"))
      const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry))
      const text = file === undefined ? "" : `\n${readFileSync(path.join(folder, file), "utf8").trim()}\n`
      return `${name} ${version} (${license})\n${text}`
    })
    .join("\n----\n\n")
}

/** Bundles into `folder`, or only says what would be in it. */
export const bundle = async (folder?: string): Promise<ReadonlyArray<OutputChunk>> => {
  const build = await rolldown({
    cwd: root,
    input: { main: "src/cli/main.ts" },
    platform: "node",
    // What talks HTTP is for commands that run code of a project's, which do without the bundle.
    external: [/^@effect\/platform-node\/(NodeHttpClient|NodeServices)$/],
    plugins: [startedFiles, patientSegmenter],
    onLog: (level, log) => {
      if (level === "warn") throw new Error(log.message)
    }
  })
  const { output } = await build.generate({
    // Node finds and reads such files sooner than modules, and loads of its own modules only what is asked for.
    format: "cjs",
    strict: true,
    entryFileNames: "[name].cjs",
    chunkFileNames: "[name]-[hash].cjs",
    // Names stay: a stack trace of a fault (`--verbose`) is to be read.
    minify: { compress: true, mangle: false, codegen: true },
    comments: false
  })
  await build.close()
  const chunks = output.filter((file) => file.type === "chunk")
  if (folder !== undefined) {
    for (const { code, fileName } of chunks) writeFileSync(path.join(folder, fileName), code)
    writeFileSync(path.join(folder, "LICENSES.txt"), licences(chunks))
  }
  return chunks
}

/** What a start from `file` loads before its first line runs: the file, and what it imports. */
export const loadedWith = (chunks: ReadonlyArray<OutputChunk>, ...files: ReadonlyArray<string>): Set<OutputChunk> => {
  const byName = new Map(chunks.map((chunk) => [chunk.fileName, chunk]))
  const loaded = new Set<OutputChunk>()
  const load = (name: string) => {
    const chunk = byName.get(name)
    if (chunk === undefined || loaded.has(chunk)) return
    loaded.add(chunk)
    for (const next of chunk.imports) load(next)
  }
  for (const file of files) load(file)
  return loaded
}
