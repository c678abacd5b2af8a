/** Alerts of real workers on one file: who leads tells, and when it is killed the next one goes on. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, readFileSync } from "node:fs"
import path from "node:path"
import * as CliProcess from "./CliProcess.ts"
import { temporaryFolder } from "./CommandLine.ts"

const setUp = Effect.gen(function* () {
  const folder = yield* temporaryFolder
  const told = path.join(folder, "told")
  const options = {
    env: {
      SLUICE_STORE: path.join(folder, "queue.db"),
      SLUICE_LEASE: "3s",
      SLUICE_ALERT_COMMAND: `sh -c 'cat >> "${told}"'`
    }
  }
  const call = (...args: ReadonlyArray<string>) =>
    Effect.flatMap(CliProcess.start(folder, args, options), ({ ended }) => ended)
  yield* call("alert", "add", "waiting", "backlog", "1", "--for", "0s", "--critical")
  const worker = Effect.gen(function* () {
    const started = yield* CliProcess.start(folder, ["worker", "-g", "*=0", "-g", "filesystem=1"], options)
    yield* started.shows(/serves/)
    return started
  })
  /** What the command was told of the rule, in order; a line that is still being written is not there yet. */
  const alerts = (): ReadonlyArray<string> =>
    existsSync(told)
      ? readFileSync(told, "utf8")
          .split("\n")
          .slice(0, -1)
          .flatMap(
            (line) => JSON.parse(line).alerts as ReadonlyArray<{ readonly rule: string; readonly status: string }>
          )
          .filter(({ rule }) => rule === "waiting")
          .map(({ status }) => status)
      : []
  return { alerts, call, folder, worker }
})

describe("workers that look after the alerts", () => {
  it.live("tell what fires, in their log and to the command", () =>
    Effect.gen(function* () {
      const { alerts, call, worker } = yield* setUp
      yield* call("add", "-g", "network", "--", "true")
      const one = yield* worker
      yield* one.shows(/critical alert: waiting: group network: backlog is 1 job/)
      yield* CliProcess.until(() => alerts().length === 1)
      assert.deepStrictEqual(alerts(), ["firing"])
    }).pipe(Effect.scoped)
  )

  it.live("tell nothing twice when the one that leads is killed, and forget nothing", () =>
    Effect.gen(function* () {
      const { alerts, call, worker } = yield* setUp
      const workers = [yield* worker, yield* worker]
      yield* call("add", "-g", "network", "--", "true")
      yield* CliProcess.until(() => alerts().length === 1)
      // The note that it was delivered follows the delivery by a write; a leader killed in between would tell twice,
      // and may.
      const overview = () =>
        Effect.map(
          call("alert", "ls", "--json"),
          ({ stdout }) => JSON.parse(stdout) as { undelivered: number; looked: { by: string } }
        )
      let shown = yield* overview()
      while (shown.undelivered > 0) shown = yield* overview()
      const leader = workers.find(({ pid }) => shown.looked.by.endsWith(`:${pid}`))!
      yield* leader.kill("SIGKILL")
      assert.strictEqual((yield* call("job", "cancel", "--group", "network", "--yes")).code, 0)
      yield* CliProcess.until(() => alerts().includes("resolved"))
      assert.deepStrictEqual(alerts(), ["firing", "resolved"])
    }).pipe(Effect.scoped)
  )
})
