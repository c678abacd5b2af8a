import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { createServer, type Server } from "node:net"
import path from "node:path"
import { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect } from "effect"
import type { StoreDriver } from "../../../support/store/StoreDriver.ts"
import { isRoot, otherUser, outside, plants } from "../../../support/files/Strangers.ts"
import { folder, newFile, withStore } from "./SqliteStores.ts"

const rows = (file: string): ReadonlyArray<unknown> => {
  const db = new DatabaseSync(file)
  try {
    return db
      .prepare("SELECT path FROM listener")
      .all()
      .map((row) => row.path)
  } finally {
    db.close()
  }
}

const insert = (file: string, ...names: ReadonlyArray<string | Uint8Array>) => {
  const db = new DatabaseSync(file)
  const statement = db.prepare("INSERT OR IGNORE INTO listener VALUES (?)")
  for (const name of names) statement.run(name)
  db.close()
}

/** Counts who connects. */
const listening = (address: string | number) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly server: Server; readonly count: () => number }>((resume) => {
      let count = 0
      const server = createServer((socket) => {
        count++
        socket.destroy()
      })
      const answer = () => resume(Effect.succeed({ server, count: () => count }))
      if (typeof address === "number") server.listen(address, "127.0.0.1", answer)
      else server.listen(address, answer)
    }),
    ({ server }) => Effect.sync(() => void server.close())
  )

/** A store that listens, in another connection than the one that commits. */
const withListener = <A, E>(
  file: string,
  body: (driver: StoreDriver, woken: Effect.Effect<void>) => Effect.Effect<A, E>
) =>
  Effect.gen(function* () {
    const woken = yield* Deferred.make<void>()
    return yield* withStore({ path: file, thread: true }, (other) =>
      Effect.gen(function* () {
        yield* other.store.jobs.onWake((wake) => void (wake === "ready" && Deferred.doneUnsafe(woken, Effect.void)))
        return yield* withStore({ path: file }, (driver) => body(driver, Deferred.await(woken)))
      }).pipe(Effect.scoped)
    )
  })

const until = (isSo: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => (isSo() ? Effect.void : Effect.andThen(Effect.sleep("5 millis"), until(isSo))))

const isOwnName = (name: unknown) => typeof name === "string" && /^\d+-[0-9a-f]{8}$/.test(name)

describe("sockets that wake", () => {
  it.live("lie in a folder of their own, which goes with the last; the store holds bare names", () =>
    Effect.gen(function* () {
      const file = yield* newFile
      yield* withListener(file, (driver, woken) =>
        Effect.gen(function* () {
          yield* until(() => rows(file).length === 1)
          assert.isTrue(rows(file).every(isOwnName))
          const [name] = readdirSync(`${file}.wake`)
          assert.strictEqual(name, rows(file)[0])
          const modes = [`${file}.wake`, path.join(`${file}.wake`, name!)].map((each) => lstatSync(each).mode & 0o777)
          assert.deepStrictEqual(modes, [0o700, 0o600])
          yield* driver.add()
          yield* woken
        })
      )
      assert.deepStrictEqual(rows(file), [])
      assert.deepStrictEqual(
        readdirSync(path.dirname(file)).filter((name) => name.includes("wake")),
        []
      )
    })
  )

  it.live("are found by nothing that is written in the store: other rows are dropped, never followed", () =>
    Effect.gen(function* () {
      const away = yield* outside
      const tcp = yield* listening(0)
      const { port } = tcp.server.address() as { readonly port: number }
      const file = yield* newFile
      yield* withStore({ path: file }, (driver) => driver.add())
      insert(
        file,
        away.file,
        away.inner,
        away.socket,
        away.nothing,
        String(port),
        path.relative(process.cwd(), away.file),
        `../../${path.basename(away.folder)}/precious`,
        `1-0000000a/../../../${path.basename(away.folder)}/precious`,
        `${file}.1-0000000a.sock`,
        "1-0000000a\0",
        "1-0000000a\n",
        "\0",
        "",
        "12345678901-0000000a",
        "1-0000000G",
        "x".repeat(100_000),
        Buffer.from(away.file),
        Buffer.from([0xff, 0xfe, 0x00])
      )
      const state = away.state()
      yield* withListener(file, (driver, woken) =>
        Effect.gen(function* () {
          yield* driver.add()
          yield* woken
          yield* until(() => rows(file).every(isOwnName))
        })
      )
      assert.deepStrictEqual(rows(file), [])
      assert.strictEqual(away.state(), state)
      assert.deepStrictEqual([away.connections(), tcp.count()], [0, 0])
    })
  )

  it.live("of a well formed name are connected to only when they are sockets of one's own, and removed only then", () =>
    Effect.gen(function* () {
      const away = yield* outside
      const file = yield* newFile
      yield* withStore({ path: file }, (driver) => driver.add())
      const place = `${file}.wake`
      mkdirSync(place, { mode: 0o700 })
      const names = Object.keys(plants).map((_, n) => `1-000000${n.toString(16).padStart(2, "0")}`)
      for (const [n, plant] of Object.values(plants).entries()) plant(path.join(place, names[n]!), away)
      // One whose process is gone, one of another user.
      const dead = path.join(place, "1-00000dea")
      yield* Effect.scoped(listening(path.join(place, "1-00000bad")))
      const foreign = yield* listening(path.join(place, "1-0000f0e1"))
      if (isRoot) chownSync(path.join(place, "1-0000f0e1"), otherUser, otherUser)
      yield* deadSocket(dead)
      insert(file, ...names, "1-00000dea", "1-00000bad", "1-0000f0e1")
      const before = new Map(names.map((name) => [name, lstatSync(path.join(place, name)).ino]))
      const state = away.state()
      yield* withListener(file, (driver, woken) =>
        Effect.gen(function* () {
          yield* driver.add()
          yield* woken
          yield* until(() => rows(file).length <= (isRoot ? 1 : 2) && !existsSync(dead))
        })
      )
      assert.strictEqual(away.state(), state)
      assert.strictEqual(away.connections(), 0)
      for (const [name, ino] of before) assert.strictEqual(lstatSync(path.join(place, name)).ino, ino, name)
      if (isRoot) assert.strictEqual(foreign.count(), 0)
    })
  )

  for (const [what, spoil] of [
    ["others may look into", (place: string) => mkdirSync(place, { mode: 0o755 })],
    ["is a link", (place: string, elsewhere: string) => symlinkSync(elsewhere, place)],
    ["is a file", (place: string) => writeFileSync(place, "")],
    ...(isRoot
      ? [
          [
            "is another user's",
            (place: string) => {
              mkdirSync(place, { mode: 0o700 })
              chownSync(place, otherUser, otherUser)
            }
          ] as const
        ]
      : [])
  ] as const) {
    it.live(`are done without when their folder ${what}: wakes are heard all the same`, () =>
      Effect.gen(function* () {
        const elsewhere = yield* folder
        for (const long of [false, true]) {
          // A path too long for a socket beside it: the folder is in the temporary one.
          const name = long ? "q".repeat(100) : "queue.db"
          const temporary = yield* folder
          const file = path.join(yield* folder, name)
          const { XDG_RUNTIME_DIR: earlier } = process.env
          process.env.XDG_RUNTIME_DIR = temporary
          yield* Effect.addFinalizer(() =>
            Effect.sync(() => {
              if (earlier === undefined) delete process.env.XDG_RUNTIME_DIR
              else process.env.XDG_RUNTIME_DIR = earlier
            })
          )
          const place = long ? path.join(temporary, `sluice-${process.getuid?.() ?? 0}`) : `${file}.wake`
          spoil(place, elsewhere)
          const before = lstatSync(place)
          yield* withListener(file, (driver, woken) =>
            Effect.gen(function* () {
              yield* driver.add()
              yield* woken
              assert.deepStrictEqual(rows(file), [])
              assert.deepStrictEqual(readdirSync(elsewhere), [])
              if (before.isDirectory()) assert.deepStrictEqual(readdirSync(place), [])
            })
          )
          assert.deepStrictEqual(rows(file), [])
          const after = lstatSync(place)
          assert.deepStrictEqual([after.ino, after.mode, after.uid], [before.ino, before.mode, before.uid])
          assert.deepStrictEqual(readdirSync(elsewhere), [])
        }
      })
    )
  }

  it.live("of a store with a long path lie in the user's own folder of the temporary one", () =>
    Effect.gen(function* () {
      const temporary = yield* folder
      chmodSync(temporary, 0o1777)
      const { XDG_RUNTIME_DIR: earlier } = process.env
      process.env.XDG_RUNTIME_DIR = temporary
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          if (earlier === undefined) delete process.env.XDG_RUNTIME_DIR
          else process.env.XDG_RUNTIME_DIR = earlier
        })
      )
      const file = path.join(yield* folder, "q".repeat(100))
      yield* withListener(file, (driver, woken) =>
        Effect.gen(function* () {
          yield* until(() => rows(file).length === 1)
          const inner = path.join(temporary, `sluice-${process.getuid?.() ?? 0}`)
          assert.strictEqual(lstatSync(inner).mode & 0o777, 0o700)
          assert.lengthOf(readdirSync(inner), 1)
          yield* driver.add()
          yield* woken
        })
      )
      assert.deepStrictEqual(readdirSync(temporary), [])
    })
  )
})

/** A socket that its process left behind. */
const deadSocket = (place: string) =>
  Effect.promise(async () => {
    const { spawnSync } = await import("node:child_process")
    spawnSync(process.execPath, [
      "-e",
      "require('node:net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))",
      place
    ])
  })
