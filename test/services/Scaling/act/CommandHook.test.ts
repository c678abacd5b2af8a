import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import path from "node:path"
import * as ProcessGroup from "../../../../src/services/Queue/run/ProcessGroup.ts"
import * as ProcessRunnerLive from "../../../../src/services/Queue/run/ProcessRunnerLive.ts"
import type { Actuator, GroupTarget } from "../../../../src/services/Scaling/act/Actuator.ts"
import * as CommandHook from "../../../../src/services/Scaling/act/CommandHook.ts"
import { temporaryFolder } from "../../../cli/CommandLine.ts"

const target: GroupTarget = {
  group: "network",
  desired: 12,
  current: 8,
  reason: `"; rm -rf / $(id) \`id\` '\u001B[31m`,
  decidedAt: Date.parse("2026-03-01T12:00:00Z")
}
const env = { PATH: process.env.PATH! }

/** Places the order again and again until it is in this state. */
const until = (actuator: Actuator, state: "settled" | "failing", order = target) =>
  Effect.gen(function* () {
    for (;;) {
      const [status] = yield* actuator.apply([order])
      if (status!.state === state) return status!
      yield* Effect.sleep("5 millis")
    }
  })

const hook = (options: Omit<CommandHook.CommandHookOptions, "env">) =>
  CommandHook.make({ env, ...options }).pipe(Effect.provide(ProcessRunnerLive.layer))

const limit = { timeout: 60_000 }

describe("the command hook", { concurrent: true }, () => {
  it.live(
    "gets the order in its environment and on standard input, with nothing read as code",
    () =>
      Effect.gen(function* () {
        const cwd = yield* temporaryFolder
        const actuator = yield* hook({
          cwd,
          run: {
            shell: 'cat > order; printf %s "$SLUICE_SCALE_REASON" > reason; env | grep -c "^SLUICE_SCALE_" > count'
          }
        })
        yield* until(actuator, "settled")
        assert.deepStrictEqual(JSON.parse(readFileSync(path.join(cwd, "order"), "utf8")), {
          group: "network",
          desired: 12,
          current: 8,
          reason: target.reason,
          decidedAt: "2026-03-01T12:00:00.000Z"
        })
        assert.strictEqual(readFileSync(path.join(cwd, "reason"), "utf8"), target.reason)
        assert.strictEqual(readFileSync(path.join(cwd, "count"), "utf8"), "5\n")
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "runs a program without a shell, once per level, and only for its groups",
    () =>
      Effect.gen(function* () {
        const cwd = yield* temporaryFolder
        const actuator = yield* hook({
          cwd,
          run: ["sh", "-c", 'echo "$SLUICE_SCALE_GROUP $SLUICE_SCALE_DESIRED $0" >> calls', "$HOME;*"],
          groups: ["network"]
        })
        assert.deepStrictEqual(yield* actuator.apply([{ ...target, group: "computation" }]), [])
        yield* until(actuator, "settled")
        yield* until(actuator, "settled")
        yield* until(actuator, "settled", { ...target, desired: 3 })
        assert.strictEqual(readFileSync(path.join(cwd, "calls"), "utf8"), "network 12 $HOME;*\nnetwork 3 $HOME;*\n")
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "says how a command failed, with the end of what it wrote, and tries again",
    () =>
      Effect.gen(function* () {
        const cwd = yield* temporaryFolder
        const actuator = yield* hook({
          cwd,
          run: { shell: 'test -e ok || { yes x | head -c 100000 >&2; printf "\\nno quota\\n" >&2; exit 3; }' }
        })
        const { failure } = yield* until(actuator, "failing")
        assert.strictEqual(failure!.reason._tag, "ActuatorFailed")
        assert.match(failure!.message, /^the command ended with exit code 3: [x ]+no quota$/)
        assert.isAtMost(failure!.message.length, 400)
        writeFileSync(path.join(cwd, "ok"), "")
        yield* until(actuator, "settled")
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "stops a call that takes too long, with what it has started",
    () =>
      Effect.gen(function* () {
        const cwd = yield* temporaryFolder
        const actuator = yield* hook({
          cwd,
          run: { shell: "echo $$ > group; sleep 600 & wait" },
          timeout: "500 millis"
        })
        const { failure } = yield* until(actuator, "failing")
        assert.strictEqual(failure!.reason._tag, "ActuatorTimedOut")
        // Where the shell had not come so far nothing is left to look for.
        const file = path.join(cwd, "group")
        const group = existsSync(file) ? Number(readFileSync(file, "utf8")) : 0
        if (group > 0) assert.isFalse(ProcessGroup.isAlive(group))
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "names what is missing or may not be run",
    () =>
      Effect.gen(function* () {
        const cwd = yield* temporaryFolder
        const missing = yield* until(yield* hook({ cwd, run: ["no-such-program"] }), "failing")
        assert.strictEqual(missing.failure!.reason._tag, "ActuatorTargetMissing")
        assert.match(missing.failure!.message, /no-such-program/)
        writeFileSync(path.join(cwd, "plain"), "")
        const denied = yield* until(yield* hook({ cwd, run: ["./plain"] }), "failing")
        assert.strictEqual(denied.failure!.reason._tag, "ActuatorDenied")
      }).pipe(Effect.scoped),
    limit
  )
})
