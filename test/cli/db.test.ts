/** `sluice db` on real files: each kind of bad file once through the launcher, the rest in-process. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFile, type ExecFileOptions, spawn } from "node:child_process"
import { once } from "node:events"
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { DatabaseSync } from "node:sqlite"
import path from "node:path"
import { overwrite, snapshot } from "../support/faults/FileBytes.ts"
import { until } from "./CliProcess.ts"
import { make, temporaryFolder } from "./CommandLine.ts"
import { cacheHome, launcher } from "../support/cli/Launcher.ts"

const pageSize = 4096
const withinMs = 5_000

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

const launch = (args: ReadonlyArray<string>, options: ExecFileOptions) =>
  Effect.callback<Ended & { readonly tookMs: number }>((resume) => {
    const begun = performance.now()
    execFile(
      process.execPath,
      [launcher, ...args],
      { ...options, encoding: "utf8", timeout: 50_000 },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1
        resume(Effect.succeed({ code, stdout, stderr, tookMs: performance.now() - begun }))
      }
    ).stdin?.end()
  })

/** A folder with a store of three jobs, and the command line on it. State and config of the machine stay out of it. */
const filled = Effect.gen(function* () {
  const folder = yield* temporaryFolder
  const line = yield* make
  const store = path.join(folder, "queue.db")
  const env = { SLUICE_STORE: store }
  const sluice = (...args: ReadonlyArray<string>): Effect.Effect<Ended> => line.call(args, { cwd: folder, env })
  const { NODE_COMPILE_CACHE, PATH } = process.env
  const surroundings = {
    cwd: folder,
    env: { ...env, NODE_COMPILE_CACHE, PATH, HOME: line.folder, XDG_CACHE_HOME: cacheHome }
  }
  const launched = (...args: ReadonlyArray<string>) => launch(args, surroundings)
  const add = Effect.map(sluice("add", "--", "true"), ({ code }) => assert.strictEqual(code, 0))
  yield* Effect.repeat(add, { times: 2 })
  rmSync(`${store}.reserve`)
  return { folder, home: line.folder, store, sluice, launched, add, surroundings }
})

const jobs = (file: string): number => {
  const db = new DatabaseSync(file)
  try {
    return db.prepare("SELECT count(*) AS jobs FROM job").get()!["jobs"] as number
  } finally {
    db.close()
  }
}

const foreignDatabase = (file: string): void => {
  rmSync(file)
  const db = new DatabaseSync(file)
  db.exec("CREATE TABLE notes(text)")
  db.close()
}

const newerSchema = (file: string): void => {
  const db = new DatabaseSync(file)
  db.exec("PRAGMA user_version = 999")
  db.close()
}

const damages: ReadonlyArray<readonly [name: string, says: string, damage: (file: string) => void]> = [
  ["text", "is not a Sluice store", (file) => writeFileSync(file, "dear diary,\n".repeat(2000))],
  ["zeros", "is not a Sluice store", (file) => writeFileSync(file, Buffer.alloc(8 * pageSize))],
  ["another program's database", "is not a Sluice store", foreignDatabase],
  ["a newer Sluice's", "newer Sluice", newerSchema],
  ["cut within its header", "is damaged", (file) => truncateSync(file, 60)],
  [
    "cut in the middle",
    "is damaged",
    (file) => truncateSync(file, Math.floor(statSync(file).size / pageSize / 2) * pageSize)
  ]
]

const copyName = "copy.db"
const commands: ReadonlyArray<ReadonlyArray<string>> = [
  ["status"],
  ["doctor"],
  ["migrate"],
  ["rollback", "--yes"],
  ["backup", copyName],
  ["copy", copyName],
  ["sql", "SELECT count(*) FROM job"]
]

describe("a bad file", () => {
  for (const [name, says, damage] of damages) {
    it.live(`${name}: every command says so in one line, ends with 5 and changes no byte`, () =>
      Effect.gen(function* () {
        const { folder, launched, sluice, store } = yield* filled
        damage(store)
        const before = snapshot(folder)
        const refused = ({ code, stderr, stdout }: Ended, what: string) => {
          assert.match(stderr, /^sluice: [^\n]+\n$/, what)
          assert.include(stderr, says, what)
          assert.include(stderr, store, what)
          assert.deepStrictEqual([code, stdout], [5, ""], what)
          assert.strictEqual(snapshot(folder), before, what)
        }
        for (const command of commands) refused(yield* sluice("db", ...command), command.join(" "))
        // Beside it one that opens no store, so that a busy machine slows both.
        const [ended, start] = yield* Effect.all([launched("db", "backup", copyName), launched("db", "--help")], {
          concurrency: 2
        })
        refused(ended, "through the launcher")
        assert.isBelow(ended.tookMs - start.tookMs, withinMs)
      })
    )
  }

  it.live("damage behind a sound first page: backup refuses, and leaves no copy", () =>
    Effect.gen(function* () {
      const { folder, sluice, store } = yield* filled
      overwrite(store, 100, Buffer.alloc(pageSize - 100))
      const before = snapshot(folder)
      const { code, stderr } = yield* sluice("db", "backup", copyName)
      assert.strictEqual(code, 5)
      assert.include(stderr, "is damaged")
      assert.strictEqual(snapshot(folder), before)
    })
  )
})

describe("backup and restore", () => {
  it.live("a store comes back as it was backed up, and what was there stays beside it", () =>
    Effect.gen(function* () {
      const { add, folder, sluice, store } = yield* filled
      const copy = path.join(folder, copyName)
      const backup = yield* sluice("db", "backup", copyName, "--json")
      assert.deepStrictEqual(JSON.parse(backup.stdout), { path: copy, bytes: statSync(copy).size, jobs: 3 })
      assert.strictEqual(statSync(copy).mode & 0o777, 0o600)
      yield* add
      assert.strictEqual((yield* sluice("db", "restore", copyName, "--yes")).code, 0)
      assert.strictEqual(jobs(store), 3)
      assert.strictEqual(jobs(`${store}.before-restore`), 4)
    })
  )

  it.live("without --yes and without a terminal nothing is replaced", () =>
    Effect.gen(function* () {
      const { folder, sluice } = yield* filled
      writeFileSync(path.join(folder, copyName), "mine")
      const before = snapshot(folder)
      for (const command of [["backup", copyName], ["restore", copyName], ["rollback"]]) {
        const { code, stderr } = yield* sluice("db", ...command)
        assert.strictEqual(code, 4, command.join(" "))
        assert.match(stderr, /^sluice: [^\n]+--yes[^\n]*\n$/, command.join(" "))
        assert.strictEqual(snapshot(folder), before, command.join(" "))
      }
    })
  )

  it.live("a damaged backup is refused, and the store stays as it is", () =>
    Effect.gen(function* () {
      const { folder, sluice, store } = yield* filled
      copyFileSync(store, path.join(folder, copyName))
      truncateSync(path.join(folder, copyName), 15 * pageSize)
      const before = readFileSync(store)
      const names = readdirSync(folder)
      for (const flag of ["--yes", "--dry-run"]) {
        const { code, stderr } = yield* sluice("db", "restore", copyName, flag)
        assert.strictEqual(code, 5, flag)
        assert.include(stderr, path.join(folder, copyName), flag)
        assert.deepStrictEqual(readdirSync(folder), names, flag)
      }
      assert.deepStrictEqual(readFileSync(store), before)
      assert.isFalse(existsSync(`${store}.before-restore`))
    })
  )

  it.live("a store that another process has open is not replaced", () =>
    Effect.gen(function* () {
      const { sluice, store } = yield* filled
      yield* sluice("db", "backup", copyName)
      const open = yield* Effect.acquireRelease(
        Effect.sync(() => new DatabaseSync(store)),
        (db) => Effect.sync(() => db.close())
      )
      open.prepare("SELECT count(*) FROM job").get()
      const inode = statSync(store).ino
      const { code, stderr } = yield* sluice("db", "restore", copyName, "--yes")
      assert.strictEqual(code, 6)
      assert.include(stderr, "is in use")
      assert.strictEqual(statSync(store).ino, inode)
      assert.isFalse(existsSync(`${store}.before-restore`))
    })
  )
})

describe("a read-only place", () => {
  it.live("status, doctor, backup and sql work there; nothing is left beside the store", () =>
    Effect.gen(function* () {
      const { folder, home, store, surroundings } = yield* filled
      const copy = path.join(folder, copyName)
      chmodSync(store, 0o444)
      chmodSync(folder, 0o555)
      chmodSync(home, 0o755)
      // Root may write everywhere.
      const id = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {}
      const writable = mkdtempSync(path.join(tmpdir(), "sluice-ro-"))
      const target = path.join(writable, copyName)
      const env = { ...surroundings.env, NODE_COMPILE_CACHE: path.join(writable, "compiled") }
      const run = (...args: ReadonlyArray<string>) => launch(args, { cwd: home, env, ...id })
      if (id.uid !== undefined) chownSync(writable, id.uid, id.gid)
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          chmodSync(folder, 0o755)
          rmSync(writable, { recursive: true })
        })
      )
      const before = snapshot(folder)
      for (const command of [
        ["status"],
        ["doctor", "--full"],
        ["backup", target],
        ["sql", "SELECT count(*) FROM job"]
      ]) {
        const { code, stderr } = yield* run("db", ...command)
        assert.deepStrictEqual([code, stderr], [0, ""], command.join(" "))
      }
      assert.strictEqual(snapshot(folder), before)
      assert.isFalse(existsSync(copy))
      assert.strictEqual(jobs(target), 3)
    })
  )
})

describe("a read-only place with a log that cannot be read there", () => {
  it.live("is said in one line, and the file is not read without it", () =>
    Effect.gen(function* () {
      const { folder, home, store, surroundings } = yield* filled
      writeFileSync(`${store}-wal`, Buffer.alloc(32 + 24 + pageSize))
      for (const file of [store, `${store}-wal`]) chmodSync(file, 0o444)
      for (const open of [folder, home]) chmodSync(open, 0o555)
      yield* Effect.addFinalizer(() => Effect.sync(() => [folder, home].forEach((open) => chmodSync(open, 0o755))))
      const id = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {}
      const { code, stderr } = yield* launch(["db", "status"], { ...surroundings, cwd: home, ...id })
      assert.strictEqual(code, 5)
      assert.match(stderr, /^sluice: [^\n]+-wal that cannot be read[^\n]+\n$/)
    })
  )
})

describe("doctor", () => {
  it.live("names the job whose payload changed, ends with 1 and repairs nothing by itself", () =>
    Effect.gen(function* () {
      const { folder, sluice, store } = yield* filled
      assert.strictEqual((yield* sluice("db", "doctor")).code, 0)
      const position = readFileSync(store).indexOf('["true"]')
      assert.isAbove(position, 0)
      overwrite(store, position + 2, Buffer.from("f"))
      const before = snapshot(folder)
      const { code, stdout } = yield* sluice("db", "doctor", "--json")
      assert.strictEqual(code, 1)
      const problems = stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line))
        .filter(({ state }) => state === "problem")
      assert.deepStrictEqual(
        problems.map(({ name }) => name),
        ["checksum"]
      )
      assert.match(problems[0].found, /job [0-9a-z]{11} /)
      assert.strictEqual(snapshot(folder), before)
    })
  )
})

describe("a row that cannot be read", () => {
  it.effect("is named by doctor, shown whole, and removed without SQL", () =>
    Effect.gen(function* () {
      const { sluice, store } = yield* filled
      const db = new DatabaseSync(store)
      db.exec("UPDATE pending SET due = 9e15 WHERE id = (SELECT min(id) FROM pending)")
      db.close()
      const found = yield* sluice("db", "doctor")
      assert.strictEqual(found.code, 1)
      assert.match(
        found.stdout,
        /problem +row +a row of job cannot be read: job \w{11}, its due is no time: .*db aside --now/
      )
      const note = /^sluice: a row of job could not be read and was set aside; sluice db aside shows .*\n$/
      for (const flags of [[], ["--json"]]) {
        const listed = yield* sluice("job", "ls", ...flags)
        assert.strictEqual(listed.stdout.trim().split("\n").length, flags.length === 0 ? 3 : 2)
        assert.match(listed.stderr, note)
      }
      assert.match((yield* sluice("dlq", "ls", "--json")).stderr, note)
      const quiet = yield* sluice("job", "ls", "-q")
      assert.deepStrictEqual([quiet.stdout.trim().split("\n").length, quiet.stderr], [2, ""])
      const doctor = yield* sluice("doctor")
      assert.match(doctor.stdout, /warning +rows +one could not be read and was set aside \(job \w{11}\): .*db aside/)
      const shown = yield* sluice("db", "aside", "--json")
      const row = JSON.parse(shown.stdout) as { readonly name: string; readonly columns: { readonly payload: string } }
      assert.include(row.columns.payload, "true")
      assert.strictEqual((yield* sluice("db", "aside", "--rm", "job nonsense")).code, 3)
      assert.strictEqual((yield* sluice("job", "rm", "--yes", row.name.slice("job ".length))).code, 0)
      assert.strictEqual((yield* sluice("db", "aside", "--json")).stdout, "")
      assert.strictEqual((yield* sluice("job", "ls")).stderr, "")
      assert.strictEqual((yield* sluice("db", "doctor")).code, 0)
    }).pipe(Effect.scoped)
  )
})

describe("a store with somebody's additions", () => {
  it.live("is refused where they act on jobs, named by the doctor, and mended as both say", () =>
    Effect.gen(function* () {
      const { sluice, store } = yield* filled
      const sql = (statement: string) => {
        const db = new DatabaseSync(store)
        db.exec(statement)
        db.close()
      }
      const additions = Effect.map(sluice("db", "doctor", "--json"), ({ code, stdout }) => {
        const check = stdout
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line))
          .find(({ name }) => name === "additions")
        return [code, check.state, check.found]
      })
      assert.deepStrictEqual(yield* additions, [0, "ok", "nothing but Sluice's own tables"])
      sql("CREATE TABLE loot(a)")
      assert.deepStrictEqual(yield* additions, [
        0,
        "warning",
        'what others made lies there and is left alone: table "loot"'
      ])
      assert.strictEqual((yield* sluice("job", "ls")).code, 0)
      sql("CREATE TRIGGER spy AFTER INSERT ON job BEGIN INSERT INTO loot VALUES(NEW.payload); END")
      const refused = yield* sluice("add", "--", "true")
      assert.strictEqual(refused.code, 5)
      assert.match(refused.stderr, /^sluice: [^\n]+ would act on its jobs: trigger "spy" on "job"\. [^\n]+\n$/)
      assert.deepStrictEqual(yield* additions, [
        1,
        "problem",
        'what others made acts on the jobs: trigger "spy" on "job"'
      ])
      assert.strictEqual((yield* sluice("db", "sql", "--write", "--yes", "DROP TRIGGER spy")).code, 0)
      assert.strictEqual((yield* sluice("add", "--", "true")).code, 0)
      assert.strictEqual((yield* sluice("db", "sql", "--json", "SELECT count(*) AS n FROM loot")).stdout, '{"n":0}\n')
    })
  )
})

describe("sql", () => {
  it.live("shows control characters of values as escapes, also in JSON", () =>
    Effect.gen(function* () {
      const { sluice } = yield* filled
      const statement = "SELECT char(27) || '[31mred' AS word"
      assert.strictEqual((yield* sluice("db", "sql", statement)).stdout, "word\n\\x1b[31mred\n")
      assert.strictEqual((yield* sluice("db", "sql", "--json", statement)).stdout, '{"word":"\\u001b[31mred"}\n')
    })
  )

  it.live("changes nothing unless it may", () =>
    Effect.gen(function* () {
      const { sluice, store } = yield* filled
      assert.strictEqual((yield* sluice("db", "sql", "DELETE FROM job")).code, 4)
      assert.strictEqual((yield* sluice("db", "sql", "--write", "DELETE FROM job")).code, 4)
      assert.strictEqual(jobs(store), 3)
    })
  )

  it.live("writes nothing anywhere, and leaves nothing beside the store", () =>
    Effect.gen(function* () {
      const { folder, sluice, store } = yield* filled
      const before = snapshot(folder)
      const other = path.join(folder, "other.db")
      for (const [code, statement] of [
        [2, `VACUUM INTO '${other}'`],
        [2, `ATTACH '${other}' AS other`],
        [4, "CREATE TEMP TABLE note(text)"],
        [4, "PRAGMA user_version = 7"],
        [2, "SELECT 1; DELETE FROM job"],
        [2, "SELECT nonsense"],
        [4, "VACUUM"],
        [2, "/* nothing */"],
        [0, "SELECT count(*) FROM job; -- all of them"],
        [0, "PRAGMA table_info(job)"],
        [0, "EXPLAIN SELECT 1"]
      ] as const) {
        const ended = yield* sluice("db", "sql", statement)
        assert.strictEqual(ended.code, code, `${statement}: ${ended.stderr}`)
        if (code > 0) assert.match(ended.stderr, /^sluice: [^\n]+\n$/, statement)
        assert.strictEqual(snapshot(folder), before, statement)
      }
      assert.isFalse(existsSync(other))
      assert.strictEqual(jobs(store), 3)
    })
  )

  it.live("shows so many rows and says that there are more", () =>
    Effect.gen(function* () {
      const { sluice } = yield* filled
      const endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n"
      const shown = yield* sluice("db", "sql", endless)
      assert.strictEqual(shown.stdout.split("\n").length, 1 + 1000 + 1)
      assert.match(shown.stderr, /first 1,?000 rows/)
      const few = yield* sluice("db", "sql", "--json", "--limit", "250", endless)
      assert.strictEqual(few.stdout.split("\n").length, 250 + 1)
      assert.include(few.stderr, "first 250 rows")
      assert.strictEqual((yield* sluice("db", "sql", "--limit", "3", "SELECT id FROM job")).stderr, "")
    })
  )

  it.live("keeps columns of one name apart, their names harmless and integers exact", () =>
    Effect.gen(function* () {
      const { sluice } = yield* filled
      const statement = 'SELECT 1 AS a, 9007199254740993 AS a, -5 AS "\x1b[31m"'
      assert.strictEqual(
        (yield* sluice("db", "sql", statement)).stdout,
        "a  a:2               \\x1b[31m\n1  9007199254740993  -5\n"
      )
      assert.strictEqual(
        (yield* sluice("db", "sql", "--json", statement)).stdout,
        '{"a":1,"a:2":"9007199254740993","\\u001b[31m":-5}\n'
      )
    })
  )

  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143]
  ] as const) {
    it.live(`an endless statement ends on ${signal}`, () =>
      Effect.gen(function* () {
        const { store, surroundings } = yield* filled
        const endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
        const child = spawn(process.execPath, [launcher, "db", "sql", endless], { ...surroundings, stdio: "ignore" })
        const exit = once(child, "exit")
        yield* until(() => existsSync(`${store}-shm`))
        child.kill(signal)
        const [ended, by] = yield* Effect.promise(() => exit)
        assert.isTrue(ended === code || by === signal)
      })
    )
  }

  it.live("a store that lacks a table is damaged, not a statement that is wrong", () =>
    Effect.gen(function* () {
      const { sluice, store } = yield* filled
      const db = new DatabaseSync(store)
      db.exec("DROP TABLE log")
      db.close()
      for (const command of [["sql", "SELECT 1"], ["status"], ["migrate"]]) {
        const { code, stderr } = yield* sluice("db", ...command)
        assert.strictEqual(code, 5, command[0])
        assert.include(stderr, "lacks the table log", command[0])
      }
    })
  )
})
