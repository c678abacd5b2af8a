/** What the bundle of the command line holds, and what a start from it loads. */
import { assert, beforeAll, describe, it } from "@effect/vitest"
import type { OutputChunk } from "rolldown"
import { bundle, loadedWith, root } from "../../scripts/build/bundle.ts"

let chunks: ReadonlyArray<OutputChunk>
beforeAll(async () => {
  chunks = await bundle()
}, 240_000)

const modulesOf = (name: string): ReadonlyArray<string> => {
  const command = chunks.find(({ facadeModuleId }) => facadeModuleId?.endsWith(`/src/cli/commands/${name}.ts`))
  assert.isDefined(command, name)
  return [...loadedWith(chunks, "main.js", command.fileName)].flatMap(({ moduleIds }) =>
    moduleIds.map((id) => id.slice(root.length + 1))
  )
}

/** What runs jobs, decides slots, profiles or drives pipelines. */
const heavy =
  /^src\/services\/Queue\/(?:layers|WorkerLive|PredictiveScalerLive|PerformanceProfilerLive|PipelineLive|upkeep\/|run\/Attempt|run\/ThreadPool)/

describe("the bundle", () => {
  it("lets commands that look, and add, load few modules and none that run jobs", () => {
    for (const name of ["job", "queue", "worker", "doctor", "dlq", "add"]) {
      const modules = modulesOf(name)
      assert.deepStrictEqual(
        modules.filter((id) => heavy.test(id)),
        [],
        name
      )
      // 711 were loaded one by one without the bundle; 310 to 350 when this was written.
      assert.isBelow(modules.length, 400, name)
    }
    assert.isNotEmpty(modulesOf("run").filter((id) => heavy.test(id)))
  })

  it("has beside it, under its own name, each file that a module starts by its URL", () => {
    const names = new Set(chunks.map(({ fileName }) => fileName))
    for (const name of ["StoreThread.js", "ThreadEntry.js", "CompressFile.js"]) assert.isTrue(names.has(name), name)
    for (const { code, fileName } of chunks) {
      for (const [, started] of code.matchAll(/new URL\(`\.\/(\w+)\$\{import\.meta\.url/g)) {
        assert.isTrue(names.has(`${started}.js`), `${fileName} starts ${started}`)
      }
    }
  })

  it("carries one effect and nothing that must be shared with a project's code", () => {
    const foreign = (names: ReadonlyArray<string>) =>
      names.filter((name) => !name.startsWith("node:") && !name.endsWith(".js"))
    const files = chunks.map(({ fileName }) => fileName)
    const loaded = loadedWith(chunks, ...files)
    assert.deepStrictEqual(
      [...loaded].flatMap(({ imports }) => foreign(imports)),
      []
    )
    const onDemand = new Set([...loaded].flatMap(({ dynamicImports }) => foreign(dynamicImports)))
    // They bring an effect with them: only what talks HTTP or runs sinks asks for them, which is never run from the bundle.
    for (const name of onDemand) assert.match(name, /^@effect\/platform-node\/(NodeHttpClient|NodeServices)$/)
  })
})
