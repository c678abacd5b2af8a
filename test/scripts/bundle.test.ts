/** What the bundle of the command line holds, and what a start from it loads. */
import { assert, beforeAll, describe, it } from "@effect/vitest"
import type { OutputChunk } from "rolldown"
import { bundle, loadedWith, root } from "../../scripts/build/bundle.ts"

let chunks: ReadonlyArray<OutputChunk>
beforeAll(async () => {
  chunks = await bundle()
}, 60_000)

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
    const imported = new Set(
      chunks.flatMap(({ dynamicImports, imports }) =>
        [...imports, ...dynamicImports].filter((name) => !name.startsWith("node:") && !name.endsWith(".js"))
      )
    )
    assert.deepStrictEqual(
      [...imported].filter((name) => /^effect(\/|$)/.test(name)),
      []
    )
    assert.deepStrictEqual(
      [...imported].filter((name) => !/^@(resvg|effect\/platform-node)/.test(name)),
      []
    )
  })
})
