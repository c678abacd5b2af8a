/** `job edit` with another command, and in an editor. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import path from "node:path"
import * as CommandLine from "../CommandLine.ts"
import { launcher } from "../../support/cli/Launcher.ts"

const tasks = path.resolve("test/support/profiler/tasks.ts")

const setUp = Effect.gen(function* () {
  const cli = yield* CommandLine.make
  const added = yield* cli.call(["add", "-q", "--env", "COLOUR=blue", "--", "make", "test"])
  const id = added.lines[0]!
  const job = Effect.map(cli.json(["job", "get", id, "--json", "--env"]), ([job]) => job)
  /** An editor that is a program of `sed`, or any other for `sh`. */
  const edit = (script: string, env: Readonly<Record<string, string>> = {}) => {
    const editor = path.join(cli.folder, "editor")
    writeFileSync(editor, `#!/bin/sh\n${script}\n`, { mode: 0o755 })
    return cli.call(["job", "edit", id, "--editor"], { env: { EDITOR: `${editor} --wait`, ...env } })
  }
  const kept = () => {
    const folder = path.join(cli.folder, "state/sluice/edits")
    return existsSync(folder) ? readdirSync(folder) : []
  }
  return { ...cli, id, job, edit, kept }
})

describe("job edit with another command", () => {
  it.effect("keeps folder, environment and umask, and splits one quoted line", () =>
    Effect.gen(function* () {
      const { call, id, job } = yield* setUp
      const before = (yield* job).payload
      assert.strictEqual((yield* call(["job", "edit", id, "--", "make", "-j2", "--", "a b"])).code, 0)
      assert.deepStrictEqual((yield* job).payload, { ...before, command: ["make", "-j2", "--", "a b"] })
      assert.strictEqual((yield* call(["job", "edit", id, "-p", "1", "--", "cp 'a b' c"])).code, 0)
      assert.deepStrictEqual((yield* job).payload.command, ["cp", "a b", "c"])
      assert.strictEqual((yield* job).priority, 1)
      assert.strictEqual((yield* call(["job", "edit", id, "--shell", "--", "sort < a | uniq"])).code, 0)
      assert.deepStrictEqual((yield* job).payload.command, ["sh", "-c", "sort < a | uniq"])
    }).pipe(Effect.scoped)
  )

  it.effect("refuses what is no command, a job that does not wait, and a task of a program", () =>
    Effect.gen(function* () {
      const { call, id, job } = yield* setUp
      const before = yield* job
      for (const words of [
        ["--", ""],
        ["--", "a | b"],
        ["--payload", "{}", "--", "x"],
        ["--editor", "--", "x"],
        ["--shell"],
        ["--editor", "-p", "1"]
      ]) {
        const { code, stderr } = yield* call(["job", "edit", id, ...words])
        assert.strictEqual(code, 2, words.join(" "))
        assert.strictEqual(stderr.trimEnd().split("\n").length, 1, stderr)
      }
      assert.deepStrictEqual(yield* job, before)
      yield* call(["job", "cancel", id])
      assert.strictEqual((yield* call(["job", "edit", id, "--", "x"])).code, 6)
      const task = yield* call(["enqueue", "-q", "hash", "--payload", '{"n":1}', "--tasks", tasks])
      const refused = yield* call(["job", "edit", task.lines[0]!, "--", "x"])
      assert.strictEqual(refused.code, 6, refused.stderr)
      assert.match(refused.stderr, /is a task of a program \(hash\)/)
    }).pipe(Effect.scoped)
  )
})

describe("job edit --editor", () => {
  it.live("changes what is changed in the text, and nothing else", () =>
    Effect.gen(function* () {
      const { edit, job, kept } = yield* setUp
      const before = yield* job
      const { code, stdout } = yield* edit(
        `[ "$1" = --wait ] && sed -i -e 's/"test"/"all"/' -e 's/"priority": 5/"priority": 2/' -e 's/"due": "[^"]*"/"due": "2030-01-01T00:00:00Z"/' "$2"`
      )
      assert.deepStrictEqual([code, stdout], [0, `changed ${before.id}\n`])
      const after = yield* job
      assert.deepStrictEqual(after.payload, { ...before.payload, command: ["make", "all"] })
      assert.deepStrictEqual([after.priority, after.dueAt], [2, "2030-01-01T00:00:00.000Z"])
      assert.deepStrictEqual(kept(), [])
    }).pipe(Effect.scoped)
  )

  it.live("changes group and tags, which flags do too", () =>
    Effect.gen(function* () {
      const { call, edit, id, job } = yield* setUp
      const { code, stderr } = yield* edit(
        `sed -i -e 's/"group": "[^"]*"/"group": "network"/' -e 's/"tags": .*/"tags": ["nightly", "two words"],/' "$2"`
      )
      assert.strictEqual(code, 0, stderr)
      const after = yield* job
      assert.deepStrictEqual([after.group, after.tags], ["network", ["nightly", "two words"]])
      assert.strictEqual((yield* call(["job", "edit", id, "-g", "storage", "--tag", "a", "--tag", "b"])).code, 0)
      const again = yield* job
      assert.deepStrictEqual([again.group, again.tags], ["storage", ["a", "b"]])
      assert.strictEqual((yield* call(["job", "edit", id, "--tag", ""])).code, 0)
      assert.deepStrictEqual((yield* job).tags, [])
      const refused = yield* call(["job", "edit", id, "-g", "no group\n"])
      assert.strictEqual(refused.code, 2, refused.stderr)
      assert.strictEqual(refused.stderr.trimEnd().split("\n").length, 1, refused.stderr)
    }).pipe(Effect.scoped)
  )

  it.live("shows command, folder, priority and times, and no environment", () =>
    Effect.gen(function* () {
      const { edit, folder } = yield* setUp
      yield* edit(`cp "$2" ${folder}/shown`)
      const shown = JSON.parse(readFileSync(path.join(folder, "shown"), "utf8"))
      assert.deepStrictEqual(Object.keys(shown), ["command", "cwd", "group", "tags", "priority", "due", "deadline"])
      assert.deepStrictEqual([shown.command, shown.cwd, shown.deadline], [["make", "test"], folder, null])
    }).pipe(Effect.scoped)
  )

  it.live("does nothing when the text is the same, and when the editor fails", () =>
    Effect.gen(function* () {
      const { call, edit, id, job, kept } = yield* setUp
      const before = yield* job
      const same = yield* edit(":")
      assert.deepStrictEqual([same.code, same.stdout, same.stderr], [0, "", "sluice: nothing was changed\n"])
      const failed = yield* edit(`sed -i 's/test/all/' "$2"; exit 1`)
      assert.strictEqual(failed.code, 1)
      assert.match(failed.stderr, /the editor ended with exit code 1; nothing was changed/)
      const visual = yield* edit("exit 3", { VISUAL: "true" })
      assert.strictEqual(visual.code, 0, "VISUAL comes first")
      const none = yield* call(["job", "edit", id, "--editor"])
      assert.deepStrictEqual(
        [none.code, none.stderr],
        [2, "sluice: no editor is named; set EDITOR, as in EDITOR=nano\n"]
      )
      assert.deepStrictEqual(yield* job, before)
      assert.deepStrictEqual(kept(), [])
    }).pipe(Effect.scoped)
  )

  for (const [what, script] of [
    ["is no JSON", `echo '{' > "$2"`],
    ["lacks a field", `sed -i '/"cwd"/d' "$2"`],
    ["has one too many", `sed -i 's/"cwd"/"umask": 3, "cwd"/' "$2"`],
    ["is no command", `sed -i 's/"make",/7,/' "$2"`],
    ["has a folder that is none", `sed -i 's/"cwd": .*/"cwd": 3,/' "$2"`],
    ["has a priority out of bounds", `sed -i 's/"priority": 5/"priority": 11/' "$2"`],
    ["has a time that is none", `sed -i 's/"due": .*/"due": "soonish",/' "$2"`]
  ] as const)
    it.live(`keeps a text that ${what} for another try`, () =>
      Effect.gen(function* () {
        const { edit, folder, id, job, kept } = yield* setUp
        const before = yield* job
        const refused = yield* edit(script)
        assert.strictEqual(refused.code, 2, refused.stderr)
        assert.match(refused.stderr, new RegExp(`the text is kept; sluice job edit ${id} --editor opens it again`))
        assert.deepStrictEqual(yield* job, before)
        assert.deepStrictEqual(kept(), [`${id}.json`])
        const text = readFileSync(path.join(folder, "state/sluice/edits", `${id}.json`), "utf8")
        yield* edit(`cp "$2" ${folder}/again`)
        assert.strictEqual(readFileSync(path.join(folder, "again"), "utf8"), text)
      }).pipe(Effect.scoped)
    )

  it.live("refuses a job that has ended meanwhile, and keeps the text", () =>
    Effect.gen(function* () {
      const { edit, id, job, kept } = yield* setUp
      const cancel = `${process.execPath} ${launcher} job cancel ${id}`
      const refused = yield* edit(`sed -i 's/test/all/' "$2"; ${cancel} > /dev/null`)
      assert.strictEqual(refused.code, 6, refused.stderr)
      assert.match(refused.stderr, /the text is kept.*\n.*is cancelled; only waiting jobs can be edited/)
      assert.deepStrictEqual((yield* job).payload.command, ["make", "test"])
      assert.deepStrictEqual(kept(), [`${id}.json`])
      assert.strictEqual((yield* edit("exit 9")).code, 6, "before an editor is opened")
    }).pipe(Effect.scoped)
  )
})
