import { assert, describe, it } from "@effect/vitest"
import { circles, importsIn, violations } from "../../scripts/import-directions.ts"

const room = (name: string, file: string) => `src/services/${name}/${file}`
const queue = (file: string) => room("Queue", file)
const sqlite = (file: string) => room("Store", `sqlite/${file}`)

describe("importsIn", () => {
  it("finds every way of importing, with its line", () => {
    const source = [
      'import { Effect } from "effect"',
      "import type {",
      "  JobId",
      '} from "./Job.ts"',
      'import * as Rank from "./policy/Rank.ts"',
      'import Ajv, { type Options } from "ajv"',
      'import "./side-effect.ts"',
      'export * from "./Task.ts"',
      'export type { Lease } from "./Lease.ts"',
      'const late = () => import("./commands/run.ts")',
      'const thread = new URL("./run/thread.ts", import.meta.url)'
    ].join("\n")
    assert.deepStrictEqual(importsIn(source), [
      { line: 1, specifier: "effect", typeOnly: false, isLate: false },
      { line: 2, specifier: "./Job.ts", typeOnly: true, isLate: false },
      { line: 5, specifier: "./policy/Rank.ts", typeOnly: false, isLate: false },
      { line: 6, specifier: "ajv", typeOnly: false, isLate: false },
      { line: 7, specifier: "./side-effect.ts", typeOnly: false, isLate: false },
      { line: 8, specifier: "./Task.ts", typeOnly: false, isLate: false },
      { line: 9, specifier: "./Lease.ts", typeOnly: true, isLate: false },
      { line: 10, specifier: "./commands/run.ts", typeOnly: false, isLate: true },
      { line: 11, specifier: "./run/thread.ts", typeOnly: false, isLate: true }
    ])
  })

  it("takes inline type names for a value import, since the module is still loaded", () => {
    assert.deepStrictEqual(importsIn('import { type JobId } from "./Job.ts"'), [
      { line: 1, specifier: "./Job.ts", typeOnly: false, isLate: false }
    ])
  })

  it("leaves out examples in comments and does not join an export with a later import", () => {
    const source = [
      "/**",
      ' * import { TaskQueue } from "sluice"',
      ' * const late = import("./late.ts")',
      " */",
      'export const from = "./not-an-import.ts"',
      "export const one = 1",
      'import { two } from "./two.ts"',
      '// const old = import("./old.ts")'
    ].join("\n")
    assert.deepStrictEqual(importsIn(source), [{ line: 7, specifier: "./two.ts", typeOnly: false, isLate: false }])
  })
})

describe("violations", () => {
  const allowed: ReadonlyArray<readonly [file: string, source: string]> = [
    [queue("policy/Rank.ts"), 'import type { JobRecord } from "../Job.ts"\nimport { x } from "./Histogram.ts"'],
    [queue("policy/RetryDelay.ts"), 'import * as Duration from "effect/Duration"'],
    [
      room("Store", "JobStore.ts"),
      'import { JobId } from "../Queue/Job.ts"\nimport type { H } from "../Queue/policy/H.ts"'
    ],
    [
      queue("upkeep/DueJobs.ts"),
      'import { JobStore } from "../../Store/JobStore.ts"\nimport { x } from "../policy/Rank.ts"'
    ],
    [queue("WorkerLive.ts"), 'import { Worker } from "./Worker.ts"\nimport { run } from "./run/Attempt.ts"'],
    [room("Store", "sqlite/JobStoreSqlite.ts"), 'import { turn } from "./Turn.ts"\nimport sqlite from "node:sqlite"'],
    [queue("run/ProcessRunnerLive.ts"), 'import { ProcessRunner } from "./ProcessRunner.ts"'],
    [
      queue("layers.ts"),
      'import { layer } from "../Store/memory/JobStoreMemory.ts"\nimport { w } from "./WorkerLive.ts"'
    ],
    [queue("index.ts"), 'export * from "./layers.ts"\nexport * from "./Task.ts"'],
    [queue("StreamProcessorLive.ts"), 'import { run } from "../Streams/run/StreamRun.ts"'],
    [room("Scaling", "act/CommandHook.ts"), 'import { ProcessRunner } from "../../Queue/run/ProcessRunner.ts"'],
    ["src/services/Alerts/AlertsLive.ts", 'import { TaskQueue } from "../Queue/TaskQueue.ts"'],
    [
      "src/cli/commands/run.ts",
      'import { TaskQueue } from "../../services/Queue/index.ts"\nimport { x } from "../output.ts"'
    ],
    ["src/testing/index.ts", 'import { layerMemory } from "../services/Queue/index.ts"'],
    ["src/index.ts", 'export * from "./services/Queue/index.ts"']
  ]
  for (const [file, source] of allowed) {
    it(`allows what ${file} needs`, () => assert.deepStrictEqual(violations(file, source), []))
  }

  const refused: ReadonlyArray<readonly [why: string, file: string, source: string]> = [
    ["a policy loading a contract", queue("policy/Rank.ts"), 'import { JobId } from "../Job.ts"'],
    ["a policy touching Node", queue("policy/Rank.ts"), 'import fs from "node:fs"'],
    ["a contract using an implementation", queue("TaskQueue.ts"), 'import { layer } from "./TaskQueueLive.ts"'],
    ["a contract using a driver", room("Store", "JobStore.ts"), 'import sqlite from "node:sqlite"'],
    ["an upkeep loop using an implementation", queue("upkeep/Pruner.ts"), 'import { x } from "../WorkerLive.ts"'],
    ["an implementation using another", queue("WorkerLive.ts"), 'import { x } from "./TaskQueueLive.ts"'],
    ["a store using another store", sqlite("JobStoreSqlite.ts"), 'import { x } from "../memory/JobStoreMemory.ts"'],
    ["a part of a store using another's", sqlite("Turns.ts"), 'import { x } from "../memory/JobLife.ts"'],
    ["a worker reaching into a store", queue("WorkerLive.ts"), 'import { turn } from "../Store/sqlite/Turns.ts"'],
    ["a store reaching into run/", sqlite("JobStoreSqlite.ts"), 'import { x } from "../../Queue/run/Attempt.ts"'],
    ["memory's parts lent to streams", room("Streams", "run/A.ts"), 'import { x } from "../../Memory/heap/B.ts"'],
    [
      "one room reaching into another's run/",
      "src/services/Alerts/AlertsLive.ts",
      'import { x } from "../Queue/run/A.ts"'
    ],
    [
      "the command line going around index.ts",
      "src/cli/output.ts",
      'import type { J } from "../services/Queue/Job.ts"'
    ],
    ["a lazy import going around index.ts", "src/cli/main.ts", 'const a = () => import("../services/Queue/Job.ts")'],
    ["anything using the command line", "src/http/server.ts", 'import { x } from "../cli/output.ts"'],
    ["anything leaving src/", queue("WorkerLive.ts"), 'import { x } from "../../../scripts/soak.ts"']
  ]
  for (const [why, file, source] of refused) {
    it(`refuses ${why}`, () => assert.strictEqual(violations(file, source).length, 1))
  }

  it("says where, what and which rule in one line", () => {
    assert.deepStrictEqual(violations("src/cli/main.ts", '\nimport { layer } from "../services/Queue/layers.ts"'), [
      "src/cli/main.ts:2 imports src/services/Queue/layers.ts: the command line imports only index.ts files, src/api, src/bench, src/soak, src/files and its own folder"
    ])
  })

  it("reports a file in a folder that the table does not know", () => {
    assert.match(violations("src/misc/tools.ts", "")[0] ?? "", /^src\/misc\/tools\.ts:1 has no place in the house/)
  })
})

describe("circles", () => {
  const found = (sources: Readonly<Record<string, string>>) => circles(new Map(Object.entries(sources)))

  it("are found however long they are, and told in the order of their imports", () => {
    assert.deepStrictEqual(
      found({
        "src/a.ts": 'import { b } from "./b.ts"',
        "src/b.ts": 'export * from "./c/c.ts"',
        "src/c/c.ts": 'import { a } from "../a.ts"\nimport { d } from "../d.ts"',
        "src/d.ts": ""
      }),
      [["src/a.ts", "src/b.ts", "src/c/c.ts", "src/a.ts"]]
    )
    assert.deepStrictEqual(found({ "src/a.ts": 'import "./a.ts"' }), [["src/a.ts", "src/a.ts"]])
  })

  it("are not closed by types, nor by what is loaded when it is called", () => {
    assert.isEmpty(
      found({
        "src/a.ts": 'import type { B } from "./b.ts"',
        "src/b.ts": 'import { a } from "./a.ts"\nconst late = () => import("./b.ts")'
      })
    )
  })
})
