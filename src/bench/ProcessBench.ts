/** What whole processes cost: three idle workers on one file, and the command line before it does anything. */
import * as Effect from "effect/Effect"
import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import path from "node:path"
import { root } from "../files/Package.ts"
import { SecretVariables, TaskQueue } from "../services/Queue/index.ts"
import { spawnNode } from "./FreshProcess.ts"
import { now, percentiles, verify } from "./Measuring.ts"
import { type Scale, Unverified, type Variant } from "./Variant.ts"
import { hosts, layerFile, storePath } from "./Workload.ts"

/** CPU time a process and all its threads have used, in milliseconds. Linux counts it in ticks of 10 ms. */
const cpuMillis = (pid: number): number => {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
  const [user, system] = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .slice(11, 13)
  return (Number(user) + Number(system)) * 10
}

const launcher = path.join(root, "bin/sluice.mjs")

const workers = 3

const idleWorkers = (scale: Scale) => {
  const file = storePath(scale.folder)
  return Effect.gen(function* () {
    const seconds = scale.quick ? 5 : 20
    const queue = yield* TaskQueue
    const pids: Array<number> = []
    for (let i = 0; i < workers; i++) pids.push((yield* spawnNode([launcher, "--store", file, "worker"])).pid)
    const alive = Effect.map(queue.workers, ({ length }) => length)
    while ((yield* alive) < workers) yield* Effect.sleep("50 millis")
    // Past the compilation of what a start needed.
    yield* Effect.sleep("4 seconds")
    const used = () => pids.reduce((sum, pid) => sum + cpuMillis(pid), 0)
    const before = used()
    const start = now()
    yield* Effect.sleep(seconds * 1000)
    const share = ((used() - before) / (now() - start)) * 100
    yield* verify("workers alive", yield* alive, workers)
    return { core: share }
  }).pipe(Effect.scoped, Effect.provide(layerFile(file, hosts[0]!)))
}

/** Milliseconds from the start of the process to its end. */
const startUp = (argument: string, expected: RegExp) => (scale: Scale) =>
  Effect.gen(function* () {
    const times: Array<number> = []
    const calls = scale.quick ? 5 : 15
    const env = SecretVariables.withoutOwnSecrets(process.env)
    // The first two fill the compile cache.
    for (let i = -2; i < calls; i++) {
      const start = now()
      const { status, stdout } = spawnSync(process.execPath, [launcher, argument], { encoding: "utf8", env })
      const millis = now() - start
      if (status !== 0 || !expected.test(stdout)) {
        return yield* new Unverified({
          message: `sluice ${argument} ended with ${status} and said ${stdout.slice(0, 80)}`
        })
      }
      if (i >= 0) times.push(millis)
    }
    return percentiles(times)
  })

const startFigures = (argument: string, target: number): Variant["figures"] => ({
  p50: { label: `sluice ${argument}, p50`, unit: "ms", target: { atMost: target } },
  p95: { label: `sluice ${argument}, p95`, unit: "ms", detail: true }
})

export const variants: ReadonlyArray<Variant> = [
  {
    name: "process/idle-workers",
    figures: {
      core: { label: "three idle `sluice worker` on one file, of one core", unit: "%", target: { atMost: 2 } }
    },
    measure: idleWorkers
  },
  {
    name: "process/version",
    figures: startFigures("--version", 100),
    measure: startUp("--version", /^sluice \d/)
  },
  { name: "process/help", figures: startFigures("--help", 300), measure: startUp("--help", /enqueue/) }
]
