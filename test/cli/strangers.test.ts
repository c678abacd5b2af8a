/** Folders, files and settings of somebody else's: nothing of theirs is run, followed, signalled or given anything. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawn } from "node:child_process"
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import path from "node:path"
import { isRoot, otherUser, outside, plants } from "../support/files/Strangers.ts"
import * as CommandLine from "./CommandLine.ts"

/** The machine may be busy. */
const limit = { timeout: 60_000 }

const put = (file: string, content: string) => {
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, content)
}

/** Code that leaves a mark when it is run, and sets `more`. */
const marking = (mark: string, more = "") =>
  `import { writeFileSync } from "node:fs"; writeFileSync(${JSON.stringify(mark)}, process.argv.join(" "))\nexport default { ${more} }\n`

const oneLine = /^sluice: [^\n]+\n$/

/** Commands that look, or work on what the caller says. */
const looks: ReadonlyArray<ReadonlyArray<string>> = [
  ["job", "ls"],
  ["job", "get", "00000000000"],
  ["queue", "status"],
  ["queue", "stats"],
  ["queue", "pause"],
  ["worker", "ls"],
  ["worker", "stop"],
  ["dlq", "ls"],
  ["batch", "status"],
  ["memory", "status"],
  ["scale", "status"],
  ["alert", "ls"],
  ["profile", "ls"],
  ["doctor"],
  ["config", "print"],
  ["db", "status"],
  ["db", "sql", "SELECT 1"],
  ["db", "doctor"],
  ["add", "--", "true"],
  ["run", "--", "true"],
  ["map", "true", ":::", "1"],
  ["completions", "bash"]
]

describe("a project's code", () => {
  it.live(
    "is not run by commands that look, whoever wrote it; they say how to name the store",
    () =>
      Effect.gen(function* () {
        const { call, folder } = yield* CommandLine.make
        const mark = path.join(folder, "mark")
        const config = path.join(realpathSync(folder), "sluice.config.mjs")
        put(config, marking(mark, 'store: "jobs.db"'))
        const needNoStore = ["config", "completions"]
        for (const args of looks) {
          const { code, stderr } = yield* call(args)
          assert.isFalse(existsSync(mark), args.join(" "))
          if (needNoStore.includes(args[0]!)) continue
          if (args[0] === "doctor") assert.strictEqual(code, 1)
          else {
            assert.strictEqual(code, 2, `${args.join(" ")}: ${stderr}`)
            assert.match(stderr, oneLine)
            assert.include(stderr, `${config} may name the store`)
            assert.include(stderr, "--store")
            assert.include(stderr, "sluice.config.json")
            assert.include(stderr, `--config ${config}`)
          }
        }
        assert.deepStrictEqual(
          readdirSync(folder).filter((name) => name.endsWith(".db")),
          []
        )
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "is no obstacle where the store is named otherwise, and is run when it is named itself",
    () =>
      Effect.gen(function* () {
        const { call, folder, json } = yield* CommandLine.make
        const mark = path.join(folder, "mark")
        put(path.join(folder, "sluice.config.mjs"), marking(mark, 'store: "code.db", lease: "45s"'))
        assert.strictEqual((yield* call(["--store", "x.db", "add", "--", "true"])).code, 0)
        assert.strictEqual((yield* call(["job", "ls"], { env: { SLUICE_STORE: "x.db" } })).code, 0)
        put(path.join(folder, "sluice.config.json"), '{ "store": "data.db" }')
        assert.strictEqual((yield* call(["add", "--", "true"])).code, 0)
        assert.isTrue(existsSync(path.join(folder, "data.db")))
        assert.isFalse(existsSync(mark))
        const note = yield* call(["config", "print"])
        assert.match(note.stderr, /sluice\.config\.mjs is code and was not run/)
        assert.isFalse(existsSync(mark))
        const [settings] = yield* json(["--config", "sluice.config.mjs", "config", "print", "--json"])
        assert.strictEqual(settings.lease.value, "45s")
        assert.isTrue(existsSync(mark))
        // Named alone: what lies beside it is not read.
        assert.strictEqual(settings.store.value, path.join(folder, "code.db"))
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "is run by commands that run jobs; data beside it fills what it leaves open and must name the same store",
    () =>
      Effect.gen(function* () {
        const { call, folder } = yield* CommandLine.make
        const config = path.join(folder, "sluice.config.mjs")
        const data = path.join(folder, "sluice.config.json")
        put(data, '{ "store": "data.db", "grace": "1s" }')
        put(path.join(folder, "tasks.mjs"), "export default []\n")
        for (const [n, args] of [
          ["enqueue", "none"],
          ["profile", "run", "none"],
          ["alert", "test"],
          ["worker", "--processes", "0"]
        ].entries()) {
          const mark = path.join(folder, `mark-${n}`)
          // Each its own: a module is loaded once.
          rmSync(config, { force: true })
          const own = path.join(folder, `sub-${n}`)
          put(path.join(own, "sluice.config.mjs"), marking(mark, 'tasks: "../tasks.mjs", store: "../data.db"'))
          yield* call(args, { cwd: own })
          assert.strictEqual(existsSync(mark), args[0] !== "worker", args.join(" "))
        }
        const other = path.join(folder, "other")
        put(path.join(other, "sluice.config.mjs"), marking(path.join(folder, "mark"), 'store: "code.db"'))
        put(path.join(other, "sluice.config.json"), '{ "store": "data.db" }')
        const { code, stderr } = yield* call(["alert", "test"], { cwd: other })
        assert.strictEqual(code, 2)
        assert.match(stderr, /name different stores; name it in sluice\.config\.json alone/)
      }).pipe(Effect.scoped),
    limit
  )
})

describe("settings of a project", () => {
  it.live(
    "are not looked for in folders of another user, nor where others may write",
    () =>
      Effect.gen(function* () {
        const { call, folder, json } = yield* CommandLine.make
        const shared = path.join(folder, "shared")
        const below = path.join(shared, "mine", "deep")
        mkdirSync(below, { recursive: true })
        put(path.join(shared, "sluice.config.json"), '{ "lease": "50s", "store": "queue.db" }')
        // Not the home folder of this caller: nothing else stops the climb.
        const env = { HOME: path.join(folder, "home") }
        mkdirSync(env.HOME)
        const lease = Effect.map(
          json(["config", "print", "--json"], { cwd: below, env }),
          ([settings]) => settings.lease
        )
        assert.strictEqual((yield* lease).value, "50s")
        for (const mode of [0o777, 0o1777]) {
          chmodSync(shared, mode)
          assert.strictEqual((yield* lease).value, "30s")
        }
        // Standing in it, it is said.
        const there = yield* call(["job", "ls"], { cwd: shared, env })
        assert.strictEqual(there.code, 4)
        assert.match(there.stderr, oneLine)
        assert.match(there.stderr, /may be written by others.*--config .*sluice\.config\.json \(or SLUICE_CONFIG\)/)
        chmodSync(shared, 0o755)
        if (!isRoot) return
        chownSync(shared, otherUser, otherUser)
        assert.strictEqual((yield* lease).value, "30s")
        assert.match((yield* call(["job", "ls"], { cwd: shared, env })).stderr, /belongs to another user \(uid 65534\)/)
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "are not looked for above the home folder",
    () =>
      Effect.gen(function* () {
        const { folder, json } = yield* CommandLine.make
        const home = path.join(folder, "home")
        const below = path.join(home, "deep")
        mkdirSync(below, { recursive: true })
        put(path.join(folder, "sluice.config.json"), '{ "lease": "50s" }')
        const lease = (env: Readonly<Record<string, string>>) =>
          Effect.map(json(["config", "print", "--json"], { cwd: below, env }), ([settings]) => settings.lease.value)
        assert.strictEqual(yield* lease({ HOME: home }), "30s")
        assert.strictEqual(yield* lease({ HOME: path.join(folder, "elsewhere") }), "50s")
        put(path.join(home, "sluice.config.json"), '{ "lease": "40s" }')
        assert.strictEqual(yield* lease({ HOME: home }), "40s")
      }).pipe(Effect.scoped),
    limit
  )

  for (const [what, plant] of Object.entries(plants)) {
    if (what === "a link to a file" || what === "a second name of a file") continue
    for (const name of ["sluice.config.json", "sluice.config.mjs", "config/sluice/config.json"]) {
      it.live(
        `are refused in one line, at once, when ${what} is in the place of ${name}`,
        () =>
          Effect.gen(function* () {
            const { call, folder } = yield* CommandLine.make
            const away = yield* outside
            const file = path.join(folder, name)
            mkdirSync(path.dirname(file), { recursive: true })
            plant(file, away)
            const state = away.state()
            // A link of the user's own that leads nowhere is no file.
            if (name.startsWith("config/") && /link to (nothing|itself)/.test(what)) return
            // What cannot be opened at all is no file to insist on.
            const isNothing = /link to (nothing|itself|a socket)/.test(what)
            for (const args of [
              ["job", "ls"],
              ["--store", "x.db", "add", "--", "true"],
              ["alert", "test"]
            ]) {
              const { code, stderr } = yield* call(args)
              assert.strictEqual(code, isNothing ? 2 : 4, stderr)
              assert.match(stderr, oneLine)
              assert.include(stderr, isNothing ? file : `--config ${file}`)
            }
            assert.strictEqual(away.state(), state)
            assert.strictEqual(away.connections(), 0)
            assert.isFalse(existsSync(path.join(folder, "x.db")))
          }).pipe(Effect.scoped),
        limit
      )
    }
  }

  it.live(
    "that others may write are used when they are named",
    () =>
      Effect.gen(function* () {
        const { call, folder, json } = yield* CommandLine.make
        const file = path.join(folder, "sluice.config.json")
        put(file, '{ "lease": "50s" }')
        chmodSync(file, 0o666)
        const { code, stderr } = yield* call(["config", "print"])
        assert.strictEqual(code, 4)
        assert.include(stderr, `--config ${realpathSync(file)}`)
        const [settings] = yield* json(["--config", file, "config", "print", "--json"])
        assert.strictEqual(settings.lease.value, "50s")
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "name a store in their own folder, by whatever way; another place is the caller's to name",
    () =>
      Effect.gen(function* () {
        const { call, folder } = yield* CommandLine.make
        const project = path.join(folder, "project")
        const elsewhere = path.join(folder, "elsewhere")
        mkdirSync(project)
        mkdirSync(elsewhere)
        assert.strictEqual((yield* call(["--store", path.join(elsewhere, "mine.db"), "add", "--", "true"])).code, 0)
        symlinkSync(elsewhere, path.join(project, "folder-link"))
        symlinkSync(path.join(elsewhere, "mine.db"), path.join(project, "file-link.db"))
        symlinkSync(path.join(elsewhere, "new.db"), path.join(project, "dangling.db"))
        const config = path.join(project, "sluice.config.json")
        for (const store of [
          path.join(elsewhere, "mine.db"),
          path.join(elsewhere, "new.db"),
          "../elsewhere/mine.db",
          "../elsewhere/new.db",
          "folder-link/mine.db",
          "folder-link/new.db",
          "file-link.db",
          `file://${elsewhere}/new.db`,
          ".."
        ]) {
          put(config, JSON.stringify({ store, keepCompleted: "1ms" }))
          for (const args of [
            ["add", "--", "true"],
            ["job", "ls"],
            ["worker", "--once"]
          ]) {
            const { code, stderr } = yield* call(args, { cwd: project })
            assert.strictEqual(code, 2, `${store}: ${stderr}`)
            assert.match(stderr, /outside of that file's folder; name it yourself: --store/)
          }
        }
        put(config, '{ "store": "dangling.db" }')
        assert.strictEqual((yield* call(["add", "--", "true"], { cwd: project })).code, 4)
        assert.deepStrictEqual(readdirSync(elsewhere).sort(), ["mine.db", "mine.db.reserve"])
        for (const store of ["inside.db", "./deep/../inside.db", path.join(project, "inside.db"), "memory:"]) {
          put(config, JSON.stringify({ store }))
          const { code, stderr } = yield* call(["add", "--", "true"], { cwd: project })
          assert.strictEqual(code, 0, `${store}: ${stderr}`)
        }
        put(config, '{ "store": "../elsewhere/mine.db" }')
        assert.strictEqual((yield* call(["--config", config, "job", "ls"], { cwd: project })).code, 0)
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "cannot say that a store is shared",
    () =>
      Effect.gen(function* () {
        const { call, folder } = yield* CommandLine.make
        const config = path.join(folder, "sluice.config.json")
        put(config, '{ "store": "queue.db", "shared": "on" }')
        const { code, stderr } = yield* call(["add", "--", "true"])
        assert.strictEqual(code, 2)
        assert.match(stderr, /shared is not for a file to say; say it where you call: --shared, or SLUICE_SHARED/)
      }).pipe(Effect.scoped),
    limit
  )
})

describe("a store of somebody else's", () => {
  it.live(
    "is refused by every command in one line, with exit code 4, and given nothing",
    () =>
      Effect.gen(function* () {
        const { call, folder } = yield* CommandLine.make
        const store = path.join(folder, "queue.db")
        assert.strictEqual((yield* call(["--store", store, "add", "--", "true"])).code, 0)
        const spoils: ReadonlyArray<readonly [say: string, spoil: () => void, mend: () => void]> = [
          ["may be written by others", () => chmodSync(store, 0o666), () => chmodSync(store, 0o600)],
          ["may be written by others", () => chmodSync(folder, 0o777), () => chmodSync(folder, 0o700)],
          ["may be written by others", () => chmodSync(folder, 0o1777), () => chmodSync(folder, 0o700)],
          ["is a symbolic link", () => symlinkSync("/nowhere", `${store}-wal`), () => rmSync(`${store}-wal`)],
          ...(isRoot
            ? [
                [
                  "belongs to another user",
                  () => chownSync(store, otherUser, otherUser),
                  () => chownSync(store, 0, 0)
                ] as const
              ]
            : [])
        ]
        const needNoStore = ["config", "completions", "worker stop", "profile ls", "doctor"]
        for (const [say, spoil, mend] of spoils) {
          spoil()
          const before = readFileSync(store)
          for (const args of looks) {
            if (needNoStore.some((name) => args.join(" ").startsWith(name))) continue
            const { code, stderr } = yield* call(["--store", store, ...args], { env: { SECRET_TOKEN: "CANARY" } })
            assert.strictEqual(code, 4, `${args.join(" ")}: ${stderr}`)
            assert.match(stderr, oneLine)
            assert.include(stderr, say)
          }
          assert.isTrue(before.equals(readFileSync(store)))
          const doctor = yield* call(["--store", store, "doctor"])
          assert.strictEqual(doctor.code, 1)
          assert.include(doctor.stdout, say)
          if (!say.includes("link")) {
            for (const [flags, env] of [
              [["--shared"], {}],
              [[], { SLUICE_SHARED: "on" }]
            ] as const) {
              const { code, stderr } = yield* call([...flags, "--store", store, "job", "ls"], { env })
              assert.strictEqual(code, 0, stderr)
            }
          }
          mend()
        }
        assert.strictEqual((yield* call(["--store", store, "job", "ls"])).code, 0)
      }).pipe(Effect.scoped),
    { timeout: 120_000 }
  )

  it.live(
    "is refused from a data-only clone, whatever lies in it, and nothing outside comes to harm",
    () =>
      Effect.gen(function* () {
        const { call, folder } = yield* CommandLine.make
        const away = yield* outside
        const clone = path.join(folder, "clone")
        put(
          path.join(clone, "sluice.config.json"),
          '{ "store": "queue.db", "alertCommand": "touch mark", "tasks": "x.mjs" }'
        )
        put(path.join(clone, "x.mjs"), marking(path.join(folder, "mark")))
        assert.strictEqual((yield* call(["add", "--", "true"], { cwd: clone })).code, 0)
        for (const suffix of [".reserve", ".wake", ".profiles", "-wal", "-journal"]) {
          for (const what of ["a link to a file", "a link to a folder", "a link to nothing"]) {
            rmSync(path.join(clone, `queue.db${suffix}`), { recursive: true, force: true })
            plants[what]!(path.join(clone, `queue.db${suffix}`), away)
            const state = away.state()
            for (const args of [
              ["job", "ls"],
              ["add", "--", "true"],
              ["run", "--", "true"],
              ["worker", "--once"],
              ["profile", "ls"],
              ["profile", "mark", "x"]
            ]) {
              const { code, stderr } = yield* call(args, { cwd: clone })
              assert.include([0, 2, 3, 4], code, `${args.join(" ")}: ${stderr}`)
            }
            assert.strictEqual(away.state(), state, `${what} at ${suffix}`)
            assert.strictEqual(away.connections(), 0)
            rmSync(path.join(clone, `queue.db${suffix}`))
          }
        }
        assert.isFalse(existsSync(path.join(clone, "mark")))
      }).pipe(Effect.scoped),
    { timeout: 120_000 }
  )
})

describe("the state folder", () => {
  it.live(
    "is refused when it, or a folder in it, is not one's own",
    () =>
      Effect.gen(function* () {
        const away = yield* outside
        for (const [inner, args] of [
          ["", ["add", "--", "true"]],
          ["workers", ["worker", "stop"]],
          ["workers", ["worker", "-d"]],
          ["maps", ["map", "true", ":::", "1"]],
          ["soak", ["soak", "--hours", "1"]]
        ] as const) {
          for (const [what, plant] of Object.entries(plants)) {
            // A link of one's own moves the state folder; what lies in it is never a link.
            if (what === "a folder" || (inner === "" && what === "a link to a folder")) continue
            const { call, folder } = yield* CommandLine.make
            const state = path.join(folder, "state", "sluice")
            const place = path.join(state, inner)
            mkdirSync(path.dirname(place), { recursive: true })
            plant(place, away)
            const before = away.state()
            const { code, stderr } = yield* call(args)
            assert.include([1, 4], code, `${what} at ${inner}: ${stderr}`)
            assert.match(stderr, oneLine)
            assert.include(stderr, place)
            assert.strictEqual(away.state(), before)
          }
        }
      }).pipe(Effect.scoped),
    { timeout: 120_000 }
  )

  it.live(
    "a note ends no process but a worker of Sluice's, and only an own note in an own folder",
    () =>
      Effect.gen(function* () {
        const { call, folder } = yield* CommandLine.make
        const workers = path.join(folder, "state", "sluice", "workers")
        mkdirSync(workers, { recursive: true, mode: 0o700 })
        const victim = yield* Effect.acquireRelease(
          Effect.sync(() => spawn("sleep", ["60"])),
          (child) => Effect.sync(() => child.kill("SIGKILL"))
        )
        const stat = readFileSync(`/proc/${victim.pid}/stat`, "utf8")
        const start = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]
        const note = path.join(workers, `${victim.pid}.json`)
        const forge = (mode: number) => {
          rmSync(note, { force: true })
          writeFileSync(note, JSON.stringify({ pid: victim.pid, start, store: "x", log: "/nowhere" }))
          chmodSync(note, mode)
        }
        for (const mode of [0o600, 0o666]) {
          forge(mode)
          const { code } = yield* call(["worker", "stop", "--all"])
          assert.strictEqual(code, 0)
        }
        forge(0o600)
        chmodSync(workers, 0o777)
        const { code, stderr } = yield* call(["worker", "stop", "--all"])
        assert.strictEqual(code, 4)
        assert.match(stderr, /may be written by others \(mode 0777\)/)
        assert.isNull(victim.exitCode)
        assert.isNull(victim.signalCode)
      }).pipe(Effect.scoped),
    limit
  )
})

describe("config print", () => {
  it.live(
    "shows no arguments of commands, no webhooks and no credentials, unless asked to",
    () =>
      Effect.gen(function* () {
        const { call, folder } = yield* CommandLine.make
        put(
          path.join(folder, "sluice.config.json"),
          JSON.stringify({
            store: "queue.db",
            alertCommand: "/bin/x --token CANARY1",
            scaleCommand: "TOKEN=CANARY2 /bin/y",
            alertWebhooks: "https://hooks.example.org/CANARY3",
            alertRunbooks: "https://user:CANARY4@example.org/books?key=CANARY5#CANARY6"
          })
        )
        for (const flags of [[], ["--json"], ["--sources"], ["--json", "--sources"]]) {
          const { code, stdout, stderr } = yield* call(["config", "print", ...flags])
          assert.strictEqual(code, 0, stderr)
          assert.notInclude(stdout, "CANARY")
          assert.include(stdout, "/bin/x")
        }
        const { stdout } = yield* call(["config", "print", "--reveal", "--json"])
        for (let n = 1; n <= 6; n++) assert.include(stdout, `CANARY${n}`)
      }).pipe(Effect.scoped),
    limit
  )
})
