import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import path from "node:path"
import { AlertLayers, Alerts, AlertSettings } from "../../../src/services/Alerts/index.ts"
import { type JobStore, Sluice, Task, TaskQueue } from "../../../src/services/Queue/index.ts"
import { receiver } from "../../support/alerts/Receiver.ts"
import * as CommandLine from "../CommandLine.ts"

const Mail = Task.make("mail", { payload: Schema.Void, success: Schema.Void, group: "network" })

/** What a leader does, on the file the commands look at. */
const onStore =
  (file: string) =>
  <A, E>(effect: Effect.Effect<A, E, Alerts | TaskQueue | JobStore>) =>
    Effect.provide(
      effect,
      AlertLayers.layer.pipe(
        Layer.provideMerge(Sluice.layerSqlite({ path: file, thread: false })),
        Layer.provide(Layer.succeed(AlertSettings.Settings, { ...AlertSettings.defaults, log: () => Effect.void }))
      )
    )

const commandLine = Effect.gen(function* () {
  const line = yield* CommandLine.make
  const file = path.join(line.folder, "queue.db")
  const env = { SLUICE_STORE: file }
  return {
    ...line,
    file,
    say: (...words: ReadonlyArray<string>) => line.call(words, { env }),
    read: (...words: ReadonlyArray<string>) => line.json([...words, "--json"], { env }),
    with: (more: Readonly<Record<string, string>>, ...words: ReadonlyArray<string>) =>
      line.call(words, { env: { ...env, ...more } })
  }
})

describe("alert", () => {
  it.live("shows what fires, by which rule, since when, and who looked; and nothing a terminal would obey", () =>
    Effect.gen(function* () {
      const { file, read, say } = yield* commandLine
      yield* Effect.gen(function* () {
        const queue = yield* TaskQueue
        const alerts = yield* Alerts
        yield* queue.enqueue(Mail, undefined)
        yield* alerts.putRule({ name: "lonely", metric: "no-worker", threshold: 1, forMs: 0, severity: "critical" })
        // A worker may be called anything.
        yield* alerts.look("host\u001b[31m:1")
      }).pipe(onStore(file))

      const shown = yield* say("alert", "ls")
      assert.strictEqual(shown.code, 0)
      assert.match(
        shown.stdout,
        /^firing +critical +lonely +mail +(?:now|\d+ s ago) +1 job pending and no living worker/m
      )
      assert.match(shown.stdout, /^pending +critical +no-worker/m)
      assert.match(shown.stderr, /worker host.*\[31m:1 looked (?:now|\d+ s ago) and tells log/)
      assert.notMatch(shown.stdout + shown.stderr, CommandLine.control)

      const [overview] = yield* read("alert", "ls")
      assert.deepInclude(overview.looked, { by: "host\u001b[31m:1", sinks: ["log"] })
      assert.deepInclude(overview.alerts[0], {
        rule: "lonely",
        of: "task",
        state: "firing",
        unit: "jobs",
        value: 1,
        silencedBy: null
      })

      const [event] = yield* read("alert", "history", "lonely")
      assert.deepInclude(event, { status: "firing", rule: "lonely", severity: "critical" })
      assert.deepStrictEqual(yield* read("alert", "history", "other"), [])
      assert.include((yield* say("alert", "history")).stdout, "firing")
      assert.strictEqual((yield* say("alert", "ls", "--quiet")).stdout, "lonely\nno-worker\n")
    })
  )

  it.live("says when nobody looks", () =>
    Effect.gen(function* () {
      const { say } = yield* commandLine
      yield* say("alert", "add", "mine", "backlog", "5")
      const { code, stderr } = yield* say("alert", "ls")
      assert.strictEqual(code, 0)
      assert.include(stderr, "no alert")
      assert.include(stderr, "nobody has looked yet")
    })
  )

  it.live("adds rules in the units of their metrics, lists them, and takes them back", () =>
    Effect.gen(function* () {
      const { read, say } = yield* commandLine
      const add = (...words: ReadonlyArray<string>) => Effect.map(say("alert", "add", ...words), ({ stdout }) => stdout)
      assert.strictEqual(
        yield* add("waits", "oldest-pending", "10m", "-g", "mail", "--critical"),
        "waits: critical when the oldest pending job of group mail is at least 10 min for 1 min\n"
      )
      assert.strictEqual(
        yield* add("failures", "failure-rate", "5%", "--over", "15m", "--for", "5m"),
        "failures: warning when the failure rate of each group is at least 5 % for 5 min\n"
      )
      assert.include(yield* add("disk", "store-free", "5GiB", "--resolve", "6GiB"), "free space is at most 5 GiB")
      assert.include(yield* add("memory", "memory-pressure", "critical"), "of each worker is at least critical")
      const rules = yield* read("alert", "ls", "--rules")
      const rule = (name: string) => rules.find((each) => each.name === name)
      assert.deepInclude(rule("waits"), { source: "added", threshold: 600_000, resolveAt: 480_000, subject: "mail" })
      assert.deepInclude(rule("failures"), { threshold: 0.05, overMs: 900_000, forMs: 300_000, side: "above" })
      assert.deepInclude(rule("disk"), { threshold: 5 * 1024 ** 3, resolveAt: 6 * 1024 ** 3, side: "below" })
      assert.deepInclude(rule("memory"), { source: "changed", threshold: 3 })
      assert.include((yield* say("alert", "ls", "--rules")).stdout, "failure-rate ≥ 5 % over 15 min")
      assert.include((yield* say("alert", "ls", "--metrics")).stdout, "forecast-backlog")

      assert.include((yield* say("alert", "rm", "waits")).stderr, "is removed")
      assert.include((yield* say("alert", "rm", "memory")).stderr, "as built in again")
      assert.include((yield* say("alert", "rm", "memory")).stderr, "is off")
      assert.include((yield* say("alert", "restore", "memory")).stderr, "as built in")
      const gone = yield* say("alert", "rm", "waits")
      assert.deepStrictEqual([gone.code, gone.stderr], [3, 'sluice: no rule "waits"; see: sluice alert ls --rules\n'])
    })
  )

  it.live("refuses what cannot be a rule in one line that says what was expected", () =>
    Effect.gen(function* () {
      const { say } = yield* commandLine
      for (const [words, expected] of [
        [["x", "backlgo", "5"], 'Did you mean "backlog"?'],
        [["x", "backlog", "5s"], "expected a number of jobs, like 10000"],
        [["x", "failure-rate", "5"], "expected a percentage, like 5%"],
        [["x", "failure-rate", "500%"], "expected a percentage from above 0% to 100%"],
        [["x", "memory-pressure", "huge"], "expected elevated, high or critical"],
        [["x", "backlog", "5", "--resolve", "6"], "expected less than the threshold"],
        [["x", "store-free", "5GiB", "-g", "mail"], "is of the whole store"]
      ] as const) {
        const { code, stderr, stdout } = yield* say("alert", "add", ...words)
        assert.strictEqual(code, 2, words.join(" "))
        assert.strictEqual(stdout, "")
        assert.strictEqual(stderr.trimEnd().split("\n").length, 1, stderr)
        assert.include(stderr, expected)
      }
    })
  )

  it.live("silences by pattern, lists who did and why, and ends it", () =>
    Effect.gen(function* () {
      const { read, say } = yield* commandLine
      yield* say("alert", "add", "mine", "backlog", "5")
      const misspelt = yield* say("alert", "silence", "failling")
      assert.strictEqual(misspelt.code, 3)
      assert.match(misspelt.stderr, /no rule "failling", so nothing is silenced;.* Did you mean "failing"\?/)
      const made = yield* say("alert", "silence", "unusual-*", "--for", "2h", "--why", "deploy\u001b[2J")
      assert.match(made.stdout, /^[a-z0-9]{6}\n$/)
      assert.match(
        made.stderr,
        /unusual-\* about \* is silent; it ends in 2 h, or with: sluice alert unsilence [a-z0-9]{6}/
      )
      const [silence] = yield* read("alert", "ls", "--silences")
      assert.deepInclude(silence, { id: made.stdout.trim(), rule: "unusual-*", subject: "*" })
      assert.notMatch((yield* say("alert", "ls", "--silences")).stdout, CommandLine.control)
      assert.strictEqual((yield* say("alert", "unsilence", silence.id)).code, 0)
      assert.deepStrictEqual(yield* read("alert", "ls", "--silences"), [])
      const gone = yield* say("alert", "unsilence", silence.id)
      assert.strictEqual(gone.code, 3)
      assert.include(gone.stderr, "is in force; see: sluice alert ls")
    })
  )

  it.live("sends a sample to each sink, says what each answered, and fails when one did not take it", () =>
    Effect.gen(function* () {
      const { folder, say, with: withEnv } = yield* commandLine
      yield* say("alert", "add", "mine", "backlog", "5")
      const log = yield* say("alert", "test")
      assert.strictEqual(log.code, 0)
      assert.match(log.stdout, /^log +yes +written$/m)
      assert.include(log.stderr, "this is a sample of an alert; nothing is wrong")

      const node = `'${process.execPath}' -e`
      const taken = yield* withEnv(
        {
          SLUICE_ALERT_COMMAND: `${node} 'console.log(JSON.parse(require("fs").readFileSync(0)).alerts[0].status, "{}")'`
        },
        "alert",
        "test",
        "--json"
      )
      assert.strictEqual(taken.code, 0)
      assert.deepInclude(JSON.parse(taken.lines[1]!), {
        delivered: true,
        text: `${process.execPath} ended with 0: test {}`
      })

      const failed = yield* withEnv({ SLUICE_ALERT_COMMAND: `${node} 'process.exit(4)'` }, "alert", "test")
      assert.strictEqual(failed.code, 1)
      assert.include(failed.stdout, "ended with 4")
      assert.include(failed.stderr, "1 of 2 sinks did not take the sample")

      // The command line knows no exception for loopback: what the settings can say is held to the rules.
      const { port, received } = yield* receiver((response) => response.end())
      const secret = { SLUICE_ALERT_WEBHOOK_SECRET: "only for this test, and long enough" }
      const refused = yield* withEnv(
        {
          ...secret,
          SLUICE_ALERT_WEBHOOKS: `https://localhost:${port}/x`,
          SLUICE_ALERT_WEBHOOK_HOSTS: `localhost:${port}`
        },
        "alert",
        "test"
      )
      assert.strictEqual(refused.code, 1)
      assert.match(refused.stdout, /localhost resolves to (127\.0\.0\.1|::1), which is not on the open internet/)
      const plain = yield* withEnv({ ...secret, SLUICE_ALERT_WEBHOOKS: `http://localhost:${port}/x` }, "alert", "test")
      assert.strictEqual(plain.code, 2)
      assert.include(plain.stderr, "expected https://")
      assert.deepStrictEqual(received, [])

      const shown = yield* withEnv(
        { ...secret, SLUICE_ALERT_WEBHOOKS: "https://hooks.example.com/T0K3N" },
        "config",
        "print"
      )
      assert.notInclude(shown.stdout, "T0K3N")
      assert.include(shown.stdout, "(set)")
      const missing = yield* withEnv(
        { SLUICE_ALERT_WEBHOOKS: "https://a.example/", SLUICE_ALERT_WEBHOOK_SECRET_FILE: path.join(folder, "none") },
        "alert",
        "test"
      )
      assert.strictEqual(missing.code, 2)
      assert.include(missing.stderr, "cannot be read; check its path and mode")
    })
  )

  it.live("stops a worker whose sinks cannot be used before it begins, and says why", () =>
    Effect.gen(function* () {
      const { say, with: withEnv } = yield* commandLine
      yield* say("alert", "add", "mine", "backlog", "5")
      const bad = yield* withEnv({ SLUICE_ALERT_WEBHOOKS: "https://hooks.example.com/" }, "worker")
      assert.strictEqual(bad.code, 2)
      assert.include(bad.stderr, "webhooks are signed and there is no secret")
      const unsure = yield* withEnv({ SLUICE_ALERTS: "perhaps" }, "worker")
      assert.strictEqual(unsure.code, 2)
      assert.include(unsure.stderr, "expected on or off")
    })
  )
})
