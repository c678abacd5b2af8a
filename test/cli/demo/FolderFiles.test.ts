import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { listFolder, summarize } from "../../../src/cli/demo/FolderFiles.ts"

const temporaryFolder = Effect.acquireRelease(
  Effect.sync(() => fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "sluice-folder-")))),
  (folder) => Effect.sync(() => fs.rmSync(folder, { recursive: true }))
)

const write = (folder: string, files: { readonly [name: string]: number | string }) => {
  for (const [name, content] of Object.entries(files)) {
    fs.mkdirSync(path.join(folder, path.dirname(name)), { recursive: true })
    fs.writeFileSync(path.join(folder, name), typeof content === "string" ? content : Buffer.alloc(content))
  }
}

describe("listFolder", () => {
  it.effect("lists the files below a folder in the order of their paths, and accounts for the rest", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const outside = yield* temporaryFolder
      write(outside, { "secret.txt": 100 })
      write(folder, {
        "b.txt": 10,
        "a/z.txt": 20,
        "a/node_modules/x/index.js": 5,
        "Z.txt": 1,
        ".git/config": 7,
        ".hidden": 3,
        "node_modules/y.js": 9,
        "out/big.bin": 50,
        "a/skip.log": 30,
        ".gitignore": "*.log\n/out/\n"
      })
      fs.symlinkSync(outside, path.join(folder, "elsewhere"))
      fs.symlinkSync("b.txt", path.join(folder, "same"))
      execFileSync("mkfifo", [path.join(folder, "pipe")])
      const listing = yield* listFolder(folder)
      assert.deepStrictEqual(listing.files, [
        { path: ".gitignore", bytes: 12 },
        { path: ".hidden", bytes: 3 },
        { path: "Z.txt", bytes: 1 },
        { path: "a/z.txt", bytes: 20 },
        { path: "b.txt", bytes: 10 }
      ])
      assert.strictEqual(listing.bytes, 46)
      assert.isTrue(listing.complete)
      assert.deepStrictEqual(listing.leftOut, [
        { reason: "version-control", files: 0, bytes: 0, folders: 1, paths: [".git"] },
        { reason: "dependencies", files: 0, bytes: 0, folders: 2, paths: ["a/node_modules", "node_modules"] },
        { reason: "ignored", files: 1, bytes: 30, folders: 1, paths: ["a/skip.log", "out"] },
        { reason: "symbolic-link", files: 2, bytes: 0, folders: 0, paths: ["elsewhere", "same"] },
        { reason: "special", files: 1, bytes: 0, folders: 0, paths: ["pipe"] }
      ])
      assert.deepStrictEqual(summarize(listing), [
        `5 files, 46 B, in ${folder}`,
        "left out, .git: 1 folder",
        "left out, node_modules: 2 folders",
        "left out, named by .gitignore: 1 file (30 B) and 1 folder",
        "left out, symbolic links: 2 files",
        "left out, not regular files: 1 file"
      ])
    })
  )

  it.effect("stops at the number of files and of bytes, and says how much is beyond", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      write(folder, { a: 40, b: 70, c: 50, d: 10, e: 5 })
      const few = yield* listFolder(folder, { mostFiles: 2 })
      assert.deepStrictEqual(
        few.files.map((file) => file.path),
        ["a", "b"]
      )
      assert.deepStrictEqual(few.leftOut, [
        { reason: "too-many-files", files: 3, bytes: 65, folders: 0, paths: ["c", "d", "e"] }
      ])
      const small = yield* listFolder(folder, { mostBytes: 100 })
      assert.deepStrictEqual(
        small.files.map((file) => file.path),
        ["a", "c", "d"]
      )
      assert.deepStrictEqual(small.leftOut, [
        { reason: "too-many-bytes", files: 2, bytes: 75, folders: 0, paths: ["b", "e"] }
      ])
    })
  )

  it.effect("names what cannot be read and goes on", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      write(folder, { a: 1, z: 1 })
      // A name that is not valid UTF-8: its text leads nowhere, for root too.
      fs.writeFileSync(Buffer.concat([Buffer.from(`${folder}/m`), Buffer.from([0xff])]), "x")
      const listing = yield* listFolder(folder)
      assert.deepStrictEqual(
        listing.files.map((file) => file.path),
        ["a", "z"]
      )
      assert.deepStrictEqual(listing.leftOut, [
        { reason: "unreadable", files: 1, bytes: 0, folders: 0, paths: ["m\ufffd"] }
      ])
      assert.strictEqual(summarize(listing)[1], "left out, cannot be read: 1 file: m\ufffd")
    })
  )

  it.effect(
    "names files and folders without permission",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        write(folder, { "a.txt": 1, "locked.txt": 1, "shut/x.txt": 1 })
        fs.chmodSync(folder, 0o755)
        fs.chmodSync(path.join(folder, "locked.txt"), 0)
        fs.chmodSync(path.join(folder, "shut"), 0)
        // Root may read everything: then the listing runs as nobody, in a process of its own.
        const listing =
          process.getuid?.() === 0
            ? JSON.parse(
                execFileSync(
                  process.execPath,
                  [
                    "--input-type=module",
                    "-e",
                    `
            import { Effect } from "effect"
            import { listFolder } from "./src/cli/demo/FolderFiles.ts"
            process.setgid(65534)
            process.setuid(65534)
            console.log(JSON.stringify(await Effect.runPromise(listFolder(${JSON.stringify(folder)}))))
          `
                  ],
                  { encoding: "utf8" }
                )
              )
            : yield* listFolder(folder)
        fs.chmodSync(path.join(folder, "shut"), 0o700)
        assert.deepStrictEqual(listing.files, [{ path: "a.txt", bytes: 1 }])
        assert.deepStrictEqual(listing.leftOut, [
          { reason: "unreadable", files: 1, bytes: 0, folders: 1, paths: ["locked.txt", "shut"] }
        ])
      }),
    20_000
  )

  it.effect("keeps hostile names whole and shows them harmless", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const hostile = [
        "\x1b[2Jclear",
        "--help",
        "-rf",
        "a\nb",
        'it\'s "quoted" $(id)',
        "__proto__",
        "back\\slash",
        "日本 👩‍👩‍👧",
        " lead",
        "*.log",
        "!x",
        "..."
      ]
      write(folder, Object.fromEntries([[".gitignore", "nothing\n"], ...hostile.map((name) => [name, 1])]))
      const listing = yield* listFolder(folder)
      assert.deepStrictEqual(
        listing.files.map((file) => file.path),
        [".gitignore", ...hostile].sort()
      )
      assert.deepStrictEqual(listing.leftOut, [])
      const inside = yield* listFolder(path.join(folder, "\n")).pipe(Effect.flip)
      assert.strictEqual(inside.message, `${folder}/\\n does not exist; name a folder whose files you may read`)
    })
  )

  it.effect("lists nothing in an empty folder", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const listing = yield* listFolder(folder)
      assert.deepStrictEqual(listing, { folder, files: [], bytes: 0, leftOut: [], complete: true })
      assert.deepStrictEqual(summarize(listing), [`0 files, 0 B, in ${folder}`])
    })
  )

  it.effect("says what is wrong with a folder that is none", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      write(folder, { file: 1 })
      const missing = yield* listFolder(path.join(folder, "missing")).pipe(Effect.flip)
      const file = yield* listFolder(path.join(folder, "file")).pipe(Effect.flip)
      assert.deepStrictEqual([missing.reason, file.reason], ["NotFound", "NotAFolder"])
    })
  )

  it.effect("heeds the rules of the repository around it, unless they name the folder itself", () =>
    Effect.gen(function* () {
      const repository = yield* temporaryFolder
      write(repository, {
        ".git/HEAD": 1,
        ".gitignore": "*.log\n/dist/\n",
        "packages/.gitignore": "/app/tmp/\n!keep.log\n",
        "packages/app/a.js": 1,
        "packages/app/x.log": 1,
        "packages/app/keep.log": 1,
        "packages/app/tmp/t.js": 1,
        "packages/app/src/.gitignore": "/gen\n",
        "packages/app/src/gen": 1,
        "packages/app/src/b.js": 1,
        "packages/app/.gitignore": "own\n",
        "packages/app/own": 1,
        "dist/out.js": 1,
        "dist/x.log": 1
      })
      const app = yield* listFolder(path.join(repository, "packages/app"))
      assert.deepStrictEqual(
        app.files.map((file) => file.path),
        [".gitignore", "a.js", "keep.log", "src/.gitignore", "src/b.js"]
      )
      const dist = yield* listFolder(path.join(repository, "dist"))
      assert.deepStrictEqual(
        dist.files.map((file) => file.path),
        ["out.js", "x.log"]
      )
    })
  )

  it.effect(
    "copes with thousands of files in one folder, and ends where told",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        for (let i = 0; i < 3000; i++) fs.closeSync(fs.openSync(path.join(folder, `f${i}`), "w"))
        const listing = yield* listFolder(folder)
        assert.strictEqual(listing.files.length, 500)
        assert.strictEqual(listing.files[1]?.path, "f1")
        assert.strictEqual(listing.files[2]?.path, "f10")
        assert.deepStrictEqual(
          listing.leftOut.map(({ files, reason }) => [reason, files]),
          [["too-many-files", 2500]]
        )
        assert.deepStrictEqual(yield* listFolder(folder), listing)
        const ended = yield* listFolder(folder, { mostEntries: 1000 })
        assert.isFalse(ended.complete)
        assert.strictEqual(ended.files.length + ended.leftOut[0]!.files, 1000)
        assert.strictEqual(
          summarize(ended).at(-1),
          "stopped looking here: the folder holds more than is worth counting"
        )
      }),
    20_000
  )

  it.effect("goes as deep as paths go", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const deep = Array.from({ length: 300 }, () => "d").join("/")
      write(folder, { [`${deep}/f`]: 1 })
      const listing = yield* listFolder(folder)
      assert.deepStrictEqual(listing.files, [{ path: `${deep}/f`, bytes: 1 }])
    })
  )
})
