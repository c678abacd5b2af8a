/** What the bundle of the command line holds, and what a start from it loads. */
import { assert, beforeAll, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import type { OutputChunk } from "rolldown"
import { bundle, loadedWith, root } from "../../scripts/build/bundle.ts"

let chunks: ReadonlyArray<OutputChunk>
beforeAll(async () => {
  chunks = await bundle()
}, 240_000)

const commandChunk = (name: string): OutputChunk => {
  const command = chunks.find(({ facadeModuleId }) => facadeModuleId?.endsWith(`/src/cli/commands/${name}.ts`))
  assert.isDefined(command, name)
  return command
}

const modulesOf = (name: string): ReadonlyArray<string> =>
  [...loadedWith(chunks, "main.cjs", commandChunk(name).fileName)].flatMap(({ moduleIds }) =>
    moduleIds.map((id) => id.slice(root.length + 1))
  )

/** Commands that look, and add. */
const lookOnly = ["job", "queue", "worker", "doctor", "dlq", "add"]

/** What runs jobs, decides slots, profiles or drives pipelines. */
const heavy =
  /^src\/services\/Queue\/(?:layers|WorkerLive|PredictiveScalerLive|PerformanceProfilerLive|PipelineLive|upkeep\/|run\/Attempt|run\/ThreadPool)/

describe("the bundle", () => {
  it("lets commands that look, and add, load few modules and none that run jobs", () => {
    for (const name of lookOnly) {
      const modules = modulesOf(name)
      assert.deepStrictEqual(
        modules.filter((id) => heavy.test(id)),
        [],
        name
      )
      // 711 were loaded one by one without the bundle; 310 to 350 when this was written, and some 30 more since a store
      // holds limits.
      assert.isBelow(modules.length, 400, name)
    }
    assert.isNotEmpty(modulesOf("run").filter((id) => heavy.test(id)))
  })

  it("lets --help load the parser and the words, nothing of a store", () => {
    const loaded = [...loadedWith(chunks, "main.cjs")]
    const modules = loaded.flatMap(({ moduleIds }) => moduleIds)
    // 152 when this was written, all but 30 of them of effect.
    assert.isBelow(modules.length, 175)
    const ofNode = new Set(loaded.flatMap(({ imports }) => imports.filter((name) => name.startsWith("node:"))))
    assert.isTrue(ofNode.has("node:path"))
    for (const name of ["crypto", "child_process", "sqlite", "worker_threads", "zlib"]) {
      assert.isFalse(ofNode.has(`node:${name}`), name)
    }
  })

  it("makes nothing of Unicode's or a language's tables while it is loaded", () => {
    const folder = mkdtempSync(path.join(tmpdir(), "sluice-bundle-"))
    try {
      for (const { code, fileName } of chunks) writeFileSync(path.join(folder, fileName), code)
      copyFileSync(path.join(root, "package.json"), path.join(folder, "package.json"))
      const refused = `for (const name of ["Segmenter", "NumberFormat", "DateTimeFormat", "Collator"])
        Intl[name] = class { constructor() { throw new Error(name + " while loading") } }`
      const files = lookOnly.map((name) => path.join(folder, commandChunk(name).fileName))
      const { status, stderr } = spawnSync(
        process.execPath,
        ["-e", `${refused}; for (const file of ${JSON.stringify(files)}) require(file)`],
        { encoding: "utf8" }
      )
      assert.deepStrictEqual({ status, why: stderr.slice(-1000) }, { status: 0, why: "" })
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  it("has beside it, under its own name, each file that a module starts by its URL", () => {
    const names = new Set(chunks.map(({ fileName }) => fileName))
    for (const name of ["StoreThread.cjs", "ThreadEntry.cjs", "CompressFile.cjs", "SpawnerEntry.cjs"])
      assert.isTrue(names.has(name), name)
    const started = chunks.flatMap(({ code }) =>
      Array.from(code.matchAll(/new URL\(`\.\/(\w+)\$\{/g), ([, name]) => `${name}.cjs`)
    )
    assert.includeMembers(started, ["StoreThread.cjs", "SpawnerEntry.cjs"])
    for (const name of started) assert.isTrue(names.has(name), name)
    // `import()` takes all that a CommonJS file exports for its default.
    for (const { exports, fileName } of chunks)
      if (started.includes(fileName)) assert.notInclude(exports, "default", fileName)
  })

  it("carries one effect and nothing that must be shared with a project's code", () => {
    const foreign = (names: ReadonlyArray<string>) =>
      names.filter((name) => !name.startsWith("node:") && !name.endsWith(".cjs"))
    const files = chunks.map(({ fileName }) => fileName)
    const loaded = loadedWith(chunks, ...files)
    assert.deepStrictEqual(
      [...loaded].flatMap(({ imports }) => foreign(imports)),
      []
    )
    const onDemand = new Set([...loaded].flatMap(({ dynamicImports }) => foreign(dynamicImports)))
    // They bring an effect with them: only what talks HTTP or runs sinks asks for them, which is never run from the
    // bundle.
    for (const name of onDemand) assert.match(name, /^@effect\/platform-node\/(NodeHttpClient|NodeServices)$/)
  })
})
