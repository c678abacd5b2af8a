import { spawnSync } from "node:child_process"
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit } from "effect"
import type { StoreError } from "../../../../src/services/Store/StoreError.ts"
import { backup, check, migrate, query, restore, verify } from "../../../../src/services/Store/sqlite/Maintenance.ts"
import { storePlace } from "../../../../src/services/Store/sqlite/StorePlace.ts"
import { isRoot, otherUser, outside, plants } from "../../../support/files/Strangers.ts"
import { folder, newFile, withStore } from "./SqliteStores.ts"

const aStore = Effect.gen(function* () {
  const file = yield* newFile
  yield* withStore({ path: file }, (driver) => driver.add())
  return file
})

/** Everything that opens a store, whatever for. */
const uses: Readonly<Record<string, (file: string, shared: boolean) => Effect.Effect<unknown, unknown>>> = {
  open: (path, shared) => withStore({ path, shared }, (driver) => driver.add()),
  "open on a thread": (path, shared) => withStore({ path, shared, thread: true }, (driver) => driver.add()),
  check: (file, shared) => check(file, { shared }),
  migrate: (file, shared) => migrate(file, { shared }),
  query: (file, shared) => Effect.scoped(query(file, "SELECT 1", { write: false, shared })),
  verify: (file, shared) => verify(file, { shared }),
  "back up": (file, shared) => backup(file, `${file}.copy`, { shared }),
  "back up to": (file, shared) =>
    Effect.flatMap(aStore, (other) => backup(other, file, { shared })).pipe(Effect.scoped),
  "restore to": (file, shared) =>
    Effect.flatMap(aStore, (other) => restore(other, file, { shared })).pipe(Effect.scoped)
}

/** Each use is refused in one line, quickly, and nothing outside comes to harm. `tags`: as what. */
const refusedBy = (
  names: ReadonlyArray<string>,
  file: string,
  tags: ReadonlyArray<string>,
  shared = false
): Effect.Effect<void> =>
  Effect.gen(function* () {
    for (const name of names) {
      const started = performance.now()
      const exit = yield* Effect.exit(uses[name]!(file, shared))
      assert.isTrue(Exit.isFailure(exit), `${name} was not refused`)
      if (!Exit.isFailure(exit)) return
      const { _tag, message } = (Cause.squash(exit.cause) as StoreError).reason
      assert.include(tags, _tag, `${name}: ${message}`)
      assert.notInclude(message, "\n")
      assert.isBelow(performance.now() - started, 5_000, name)
    }
  })

describe("a store that is not the caller's own is refused", () => {
  for (const [what, plant] of Object.entries(plants)) {
    it.live(`when ${what} is in its place`, () =>
      Effect.gen(function* () {
        const away = yield* outside
        const file = yield* newFile
        plant(file, away)
        const state = away.state()
        // A copy may replace a file of the caller's own, or the name of another.
        const names = Object.keys(uses).filter((name) => name !== "back up to")
        yield* refusedBy(names, file, ["StoreUntrusted", "StoreForeign", "StoreUnavailable"])
        assert.strictEqual(away.state(), state)
        assert.strictEqual(away.connections(), 0)
        assert.isFalse(existsSync(away.nothing))
      })
    )
    for (const suffix of ["-wal", "-shm", "-journal", ".reserve"]) {
      it.live(`when ${what} is in the place of its ${suffix}`, () =>
        Effect.gen(function* () {
          const away = yield* outside
          const file = yield* aStore
          rmSync(file + suffix, { force: true })
          plant(file + suffix, away)
          const state = away.state()
          const planted = lstatSync(file + suffix).ino
          yield* refusedBy(["open", "open on a thread", "check", "migrate", "query"], file, ["StoreUntrusted"])
          assert.strictEqual(lstatSync(file + suffix).ino, planted)
          assert.strictEqual(away.state(), state)
          assert.strictEqual(away.connections(), 0)
          assert.isFalse(existsSync(away.nothing))
        })
      )
    }
    it.live(`but not for ${what} in the place of its sockets or profiles, which is left alone`, () =>
      Effect.gen(function* () {
        if (what === "a folder") return
        const away = yield* outside
        const file = yield* aStore
        for (const suffix of [".wake", ".profiles"]) plant(file + suffix, away)
        const state = away.state()
        yield* withStore({ path: file }, (driver) =>
          Effect.scoped(
            Effect.gen(function* () {
              yield* driver.store.jobs.onWake(() => undefined)
              yield* driver.add()
            })
          )
        )
        assert.strictEqual(away.state(), state)
        assert.strictEqual(away.connections(), 0)
      })
    )
  }

  for (const [what, mode] of [
    ["others may write", 0o777],
    ["others may make names in, though not remove others'", 0o1777],
    ["its group may write", 0o770]
  ] as const) {
    it.live(`in a folder that ${what}, unless it is shared`, () =>
      Effect.gen(function* () {
        const file = yield* aStore
        const at = path.dirname(file)
        if (isRoot) chownSync(at, 0, 12345)
        chmodSync(at, mode)
        const before = readFileSync(file)
        yield* refusedBy(Object.keys(uses), file, ["StoreUntrusted"])
        assert.isTrue(before.equals(readFileSync(file)))
        assert.deepStrictEqual(readdirSync(at).sort(), ["queue.db", "queue.db.reserve"])
        for (const use of Object.values(uses)) yield* Effect.orDie(use(file, true))
      })
    )
  }

  it.live("when others may write it, unless it is shared", () =>
    Effect.gen(function* () {
      const file = yield* aStore
      for (const mode of [0o602, 0o666, 0o620]) {
        if (mode === 0o620 && isRoot) chownSync(file, 0, 12345)
        chmodSync(file, mode)
        yield* refusedBy(["open", "check", "query", "restore to"], file, ["StoreUntrusted"])
      }
      for (const name of ["open", "check", "query"]) yield* Effect.orDie(uses[name]!(file, true))
      // Readable by others is for its owner to decide.
      chmodSync(file, 0o644)
      yield* uses.open!(file, false)
    }).pipe(Effect.orDie)
  )

  it.live("of another user, also by root; with its folder shared it opens, links in it do not", () =>
    Effect.gen(function* () {
      if (!isRoot) return assert.strictEqual(storePlace(yield* newFile).endsWith("queue.db"), true)
      const file = yield* aStore
      const at = path.dirname(file)
      chownSync(at, otherUser, otherUser)
      yield* refusedBy(["open", "check", "query"], file, ["StoreUntrusted"])
      chownSync(at, 0, 0)
      for (const name of readdirSync(at)) chownSync(path.join(at, name), otherUser, otherUser)
      yield* refusedBy(["open", "check", "query"], file, ["StoreUntrusted"])
      chownSync(at, otherUser, otherUser)
      yield* Effect.orDie(uses.open!(file, true))
      const away = yield* outside
      symlinkSync(away.file, `${file}-journal`)
      yield* refusedBy(["open"], file, ["StoreUntrusted"], true)
    })
  )

  it.live("is one's own as another user sees it, and root's may be read", () =>
    Effect.gen(function* () {
      if (!isRoot) return
      const file = yield* aStore
      const at = path.dirname(file)
      const source = new URL("../../../../src/services/Store/sqlite/StorePlace.ts", import.meta.url).href
      const program = `import(${JSON.stringify(source)}).then(({ storePlace }) => {
        try { console.log(storePlace(process.argv[1])) } catch (error) { console.log(error.reason?.tag ?? error.code) } })`
      const seen = () =>
        spawnSync(process.execPath, ["-e", program, file], {
          encoding: "utf8",
          uid: otherUser,
          gid: otherUser
        }).stdout.trim()
      chmodSync(at, 0o755)
      chmodSync(file, 0o644)
      assert.strictEqual(seen(), file)
      for (const name of ["", ...readdirSync(at)]) chownSync(path.join(at, name), otherUser, otherUser)
      assert.strictEqual(seen(), file)
      chownSync(file, 12345, 12345)
      assert.strictEqual(seen(), "StoreUntrusted")
    })
  )
})

describe("links", () => {
  it.live("to a store of one's own lead there: what lies beside it is looked for beside the file itself", () =>
    Effect.gen(function* () {
      const file = yield* aStore
      const link = path.join(yield* folder, "link.db")
      symlinkSync(file, link)
      assert.strictEqual(storePlace(link), realpathSync(file))
      yield* withStore({ path: link }, (driver) => driver.add())
      assert.deepStrictEqual(readdirSync(path.dirname(link)), ["link.db"])
    })
  )

  it.live("to an empty file, or to a store in a folder of somebody else's, lead nowhere", () =>
    Effect.gen(function* () {
      const empty = path.join(yield* folder, "empty")
      writeFileSync(empty, "")
      const link = path.join(yield* folder, "link.db")
      symlinkSync(empty, link)
      yield* refusedBy(["open", "check"], link, ["StoreUntrusted"])
      assert.strictEqual(statSync(empty).size, 0)
      const file = yield* aStore
      chmodSync(path.dirname(file), 0o777)
      const other = path.join(yield* folder, "other.db")
      symlinkSync(file, other)
      yield* refusedBy(["open", "check"], other, ["StoreUntrusted"])
    })
  )

  it.live("of the folders above are followed", () =>
    Effect.gen(function* () {
      const at = yield* folder
      mkdirSync(path.join(at, "real"), 0o700)
      symlinkSync(path.join(at, "real"), path.join(at, "link"))
      yield* withStore({ path: path.join(at, "link", "queue.db") }, (driver) => driver.add())
      assert.isTrue(existsSync(path.join(at, "real", "queue.db")))
    })
  )

  it.live("a second name that a restore left is no second name", () =>
    Effect.gen(function* () {
      const file = yield* aStore
      linkSync(file, `${file}.before-restore`)
      yield* withStore({ path: file }, (driver) => driver.add())
      linkSync(file, `${file}.third`)
      yield* refusedBy(["open"], file, ["StoreUntrusted"])
    })
  )
})

it.live("a rollback journal that names another file is refused, and neither is touched", () =>
  Effect.gen(function* () {
    const away = yield* outside
    const file = yield* aStore
    const name = Buffer.from(away.file)
    const mark = Buffer.from("d9d505f920a163d7", "hex")
    const head = Buffer.alloc(512)
    mark.copy(head)
    for (const [at, value] of [
      [12, 1],
      [16, statSync(file).size / 4096],
      [20, 512],
      [24, 4096]
    ] as const)
      head.writeUInt32BE(value, at)
    const numbers = Buffer.alloc(8)
    numbers.writeUInt32BE(name.length, 0)
    numbers.writeUInt32BE(
      name.reduce((sum, byte) => sum + byte, 0),
      4
    )
    writeFileSync(`${file}-journal`, Buffer.concat([head, Buffer.from([0, 4, 0, 0]), name, numbers, mark]), {
      mode: 0o600
    })
    const state = away.state()
    yield* refusedBy(["open", "check", "query", "verify"], file, ["StoreUntrusted"])
    assert.strictEqual(away.state(), state)
    assert.isTrue(existsSync(`${file}-journal`))
  })
)

it.live("hostile paths of a store are refused in one line", () =>
  Effect.gen(function* () {
    const at = yield* folder
    writeFileSync(path.join(at, "plain"), "a file")
    for (const name of ["a/".repeat(50_000), "n".repeat(100_000), "plain/queue.db", "plain/below/queue.db"]) {
      const error = yield* Effect.flip(withStore({ path: path.join(at, name) }, () => Effect.void))
      assert.notInclude(error.reason.message.slice(0, 200), "\n")
    }
  })
)
