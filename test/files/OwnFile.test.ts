import { spawnSync } from "node:child_process"
import {
  chmodSync,
  closeSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync
} from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as OwnFile from "../../src/files/OwnFile.ts"
import * as OwnFolder from "../../src/files/OwnFolder.ts"
import { isPrivateGroup, NotOwn } from "../../src/files/Ownership.ts"
import { isRoot, otherUser, outside, plants } from "../support/files/Strangers.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(path.join(tmpdir(), "own-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)

const attempt = (run: () => unknown): unknown => {
  try {
    return run()
  } catch (error) {
    return error
  }
}

/** What may be refused by the system before it is looked at. */
const isRefusal = (error: unknown) =>
  error instanceof NotOwn || ["ELOOP", "EEXIST", "EISDIR"].includes((error as NodeJS.ErrnoException)?.code ?? "")

describe("a file of the caller's own", () => {
  const uses: Readonly<Record<string, (file: string) => unknown>> = {
    look: OwnFile.look,
    "open to read": (file) => closeSync(OwnFile.open(file, "read")),
    "open to append": (file) => closeSync(OwnFile.openToAppend(file)),
    "read and write": (file) => closeSync(OwnFile.open(file, "readWrite")),
    create: (file) => closeSync(OwnFile.create(file)),
    "write a new one": (file) => OwnFile.writeNew(file, "new"),
    replace: (file) => OwnFile.replace(file, "new"),
    append: (file) => OwnFile.append(file, "more"),
    read: (file) => OwnFile.readText(file)
  }
  for (const [what, plant] of Object.entries(plants)) {
    it.effect(`is not ${what}: nothing is followed, waited for or changed`, () =>
      Effect.gen(function* () {
        const away = yield* outside
        const place = path.join(yield* folder, "file")
        plant(place, away)
        const before = lstatSync(place).ino
        const state = away.state()
        for (const [name, use] of Object.entries(uses)) {
          const error = attempt(() => use(place))
          assert.isTrue(isRefusal(error), `${name}: ${String(error)}`)
          assert.strictEqual(lstatSync(place).ino, before, name)
        }
        assert.strictEqual(away.state(), state)
        assert.strictEqual(away.connections(), 0)
      })
    )
  }

  it.effect("keeps every line that several append, also those of whoever made it", () =>
    Effect.gen(function* () {
      const place = path.join(yield* folder, "ledger")
      const descriptors = [1, 2, 3].map(() => OwnFile.openToAppend(place))
      const lines = Array.from({ length: 30 }, (_, i) => `line ${i}`)
      for (const [i, line] of lines.entries()) writeSync(descriptors[i % 3]!, `${line}\n`)
      for (const descriptor of descriptors) closeSync(descriptor)
      assert.deepStrictEqual(readFileSync(place, "utf8").trim().split("\n"), lines)
    })
  )

  it.effect("is made, read, appended to and replaced, always 0600", () =>
    Effect.gen(function* () {
      const place = path.join(yield* folder, "file")
      const mode = () => lstatSync(place).mode & 0o777
      assert.isUndefined(OwnFile.look(place))
      assert.isUndefined(OwnFile.readText(place))
      OwnFile.append(place, "a")
      assert.strictEqual(mode(), 0o600)
      OwnFile.append(place, "b")
      assert.strictEqual(OwnFile.readText(place), "ab")
      OwnFile.replace(place, "c")
      assert.strictEqual(OwnFile.readText(place), "c")
      assert.strictEqual(mode(), 0o600)
      assert.throws(() => OwnFile.writeNew(place, "d"), /EEXIST/)
      OwnFile.remove(place)
      OwnFile.writeNew(place, "e")
      assert.strictEqual(mode(), 0o600)
    })
  )

  it.effect("is 0600, its folder 0700, whatever the umask", () =>
    Effect.gen(function* () {
      const at = yield* folder
      const source = (name: string) => new URL(`../../src/files/${name}.ts`, import.meta.url).href
      const program = `
        const file = await import(${JSON.stringify(source("OwnFile"))})
        const folder = await import(${JSON.stringify(source("OwnFolder"))})
        folder.ensure(process.argv[1] + "/a/b")
        for (const [name, make] of [["new", file.writeNew], ["appended", file.append], ["replaced", file.replace]])
          make(process.argv[1] + "/a/b/" + name, "x")`
      for (const umask of ["000", "022", "077", "277"]) {
        const inner = path.join(at, umask)
        mkdirSync(inner)
        const { stderr, status } = spawnSync(
          "sh",
          ["-c", `umask ${umask}; exec "$@"`, "sh", process.execPath, "--input-type=module", "-e", program, inner],
          { encoding: "utf8" }
        )
        assert.strictEqual(status, 0, stderr)
        const mode = (name: string) => (lstatSync(path.join(inner, name)).mode & 0o777).toString(8)
        assert.deepStrictEqual(
          ["a", "a/b", "a/b/new", "a/b/appended", "a/b/replaced"].map(mode),
          ["700", "700", "600", "600", "600"],
          umask
        )
      }
    })
  )
})

describe("a folder of the caller's own", () => {
  for (const [what, plant] of Object.entries(plants)) {
    if (what === "a folder") continue
    it.effect(`is not ${what}`, () =>
      Effect.gen(function* () {
        const away = yield* outside
        const place = path.join(yield* folder, "folder")
        plant(place, away)
        const state = away.state()
        for (const use of [OwnFolder.look, OwnFolder.ensure, OwnFolder.ensureSecluded, OwnFolder.list])
          assert.instanceOf(
            attempt(() => use(place)),
            NotOwn,
            use.name
          )
        assert.strictEqual(away.state(), state)
      })
    )
  }

  it.effect("is not one that others may write, and a secluded one not one that they may read", () =>
    Effect.gen(function* () {
      const at = yield* folder
      const place = path.join(at, "folder")
      mkdirSync(place)
      chmodSync(place, 0o777)
      assert.throws(() => OwnFolder.ensure(place), /may be written by others \(mode 0777\)/)
      chmodSync(place, 0o755)
      OwnFolder.ensure(place)
      assert.throws(() => OwnFolder.ensureSecluded(place), /may be looked into by others/)
      chmodSync(place, 0o700)
      OwnFolder.ensureSecluded(place)
      // Whoever may rename it can put another in its place; where the sticky bit is set only its owner may.
      chmodSync(at, 0o777)
      assert.throws(() => OwnFolder.ensureSecluded(place), /lets others replace/)
      chmodSync(at, 0o1777)
      OwnFolder.ensureSecluded(place)
    })
  )
})

describe("what is trusted to be read", () => {
  it.effect("is the caller's or root's, also behind a link, and writable by nobody else", () =>
    Effect.gen(function* () {
      const at = yield* folder
      const place = path.join(at, "config.json")
      assert.isUndefined(OwnFile.readTrusted(place))
      writeFileSync(place, "{}")
      chmodSync(place, 0o644)
      const link = path.join(at, "link")
      symlinkSync(place, link)
      assert.strictEqual(OwnFile.readTrusted(link), "{}")
      chmodSync(place, 0o646)
      for (const name of [place, link]) assert.throws(() => OwnFile.readTrusted(name), NotOwn)
      chmodSync(place, 0o644)
      if (!isRoot) return
      // Root's file, as another user sees it, and another user's, as root does.
      const source = new URL("../../src/files/OwnFile.ts", import.meta.url).href
      chmodSync(at, 0o755)
      const program = `import(${JSON.stringify(source)}).then(({ readTrusted }) => console.log(readTrusted(process.argv[1])))`
      const { stdout } = spawnSync(process.execPath, ["-e", program, place], {
        encoding: "utf8",
        uid: otherUser,
        gid: otherUser
      })
      assert.strictEqual(stdout, "{}\n")
    })
  )

  for (const what of ["a pipe", "a folder", "a file of another user", "a link to a folder"]) {
    const plant = plants[what]
    if (plant === undefined) continue
    it.effect(`is not ${what}`, () =>
      Effect.gen(function* () {
        const place = path.join(yield* folder, "config.json")
        plant(place, yield* outside)
        assert.instanceOf(
          attempt(() => OwnFile.readTrusted(place)),
          NotOwn
        )
      })
    )
  }
})

describe("a private group", () => {
  const groups = "root:x:0:\nann:x:1000:\nteam:x:1001:bob,eve\nsolo:x:1002:ann\nbob:x:1003:\nzoe:x:1004:\n"
  const users =
    "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\nbob:x:1003:1003::/home/bob:/bin/sh\nzoe:x:1004:1004::/:/bin/sh\nzac:x:1005:1004::/:/bin/sh\n"
  const cases: ReadonlyArray<readonly [gid: number, own: number, name: string, expected: boolean]> = [
    [1000, 1000, "ann", true],
    [1002, 1002, "ann", true],
    // Somebody else's own group, one with members, one that is also somebody else's primary one, one the files do not
    // know.
    [1003, 1000, "ann", false],
    [1001, 1001, "bob", false],
    [1004, 1004, "zoe", false],
    [4242, 4242, "ann", false]
  ]
  it("has nobody in it but the caller", () => {
    for (const [gid, own, name, expected] of cases)
      assert.strictEqual(isPrivateGroup(gid, { groups, users, name, own }), expected, `${gid} of ${name}`)
  })
})

it.effect("what is removed is the name, not what it leads to", () =>
  Effect.gen(function* () {
    const away = yield* outside
    const place = path.join(yield* folder, "link")
    const state = away.state()
    symlinkSync(away.file, place)
    OwnFile.remove(place)
    assert.isUndefined(lstatSync(place, { throwIfNoEntry: false }))
    assert.strictEqual(away.state(), state)
    assert.strictEqual(readFileSync(away.file, "utf8"), "precious\n")
  })
)
