import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, Result } from "effect"
import { execFileSync } from "node:child_process"
import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import path from "node:path"
import * as SecretFile from "../../src/cli/SecretFile.ts"
import * as CommandLine from "./CommandLine.ts"

const secret = "a secret of more than twenty-four bytes"
const me = process.getuid!()
/** Files of other users can be made by root alone. As such the caller is played by this one. */
const isRoot = me === 0
const caller = isRoot ? 12_345 : me

const read = (file: string, own = caller) =>
  Effect.map(Effect.result(SecretFile.read(file, "setting", own)), (result) =>
    Result.isSuccess(result) ? Redacted.value(result.success) : result.failure.message
  )

const put = (file: string, mode: number, uid = caller, content = `${secret}\n`) => {
  writeFileSync(file, content)
  if (isRoot) chownSync(file, uid, uid)
  chmodSync(file, mode)
  return file
}

describe("a file with a secret", () => {
  for (const mode of [0o600, 0o400, 0o700])
    it.effect(`of one's own is read with mode ${mode.toString(8)}, through links too`, () =>
      Effect.gen(function* () {
        const folder = yield* CommandLine.temporaryFolder
        const file = put(path.join(folder, "secret"), mode)
        symlinkSync("secret", path.join(folder, "link"))
        assert.strictEqual(yield* read(file), secret)
        assert.strictEqual(yield* read(path.join(folder, "link")), secret)
      })
    )

  for (const mode of [0o640, 0o620, 0o604, 0o602, 0o610, 0o666, 0o644, 0o444, 0o777])
    it.effect(`of one's own is refused with mode ${mode.toString(8)}`, () =>
      Effect.gen(function* () {
        const file = put(path.join(yield* CommandLine.temporaryFolder, "secret"), mode)
        assert.match(
          yield* read(file),
          new RegExp(`^setting: .*secret has mode 0${mode.toString(8)}, so others may .*chmod 600`)
        )
      })
    )

  it.effect(
    "that is root's is read as systems mount secrets, and refused where others may read or anybody but root write",
    () =>
      Effect.gen(function* () {
        if (!isRoot) return assert.match(yield* read("/etc/passwd"), /has mode 0644/)
        const folder = yield* CommandLine.temporaryFolder
        for (const mode of [0o400, 0o440, 0o600, 0o640])
          assert.strictEqual(yield* read(put(path.join(folder, `ok${mode}`), mode, 0)), secret)
        for (const mode of [0o644, 0o444, 0o660, 0o646, 0o604, 0o420])
          assert.include(yield* read(put(path.join(folder, `no${mode}`), mode, 0)), "so others may read or change it")
      })
  )

  it.effect("of another user is refused, whatever its mode", () =>
    Effect.gen(function* () {
      const folder = yield* CommandLine.temporaryFolder
      const file = put(path.join(folder, "secret"), 0o600, 54_321)
      // Not root: the file is one's own, and the caller somebody else.
      assert.match(yield* read(file, isRoot ? caller : me + 1), /belongs to another user \(uid \d+\)/)
      const links = path.join(folder, "link")
      symlinkSync("secret", links)
      assert.match(yield* read(links, isRoot ? caller : me + 1), /belongs to another user/)
    })
  )

  it.effect("is one, not a folder, a pipe that nobody writes to, a device, nothing, too much or empty", () =>
    Effect.gen(function* () {
      const folder = yield* CommandLine.temporaryFolder
      const at = (name: string) => path.join(folder, name)
      mkdirSync(at("folder"), { mode: 0o700 })
      execFileSync("mkfifo", ["-m", "600", at("pipe")])
      symlinkSync("nowhere", at("dangling"))
      for (const name of ["folder", "pipe", "/dev/zero"])
        assert.include(yield* read(path.resolve(folder, name)), "is not a regular file", name)
      for (const name of ["missing", "dangling"])
        assert.include(yield* read(at(name)), "cannot be read; check its path and mode (ENOENT)", name)
      assert.include(yield* read(put(at("large"), 0o600, caller, "x".repeat(20_000))), "holds 20000 bytes")
      assert.include(yield* read(put(at("empty"), 0o600, caller, " \n")), "is empty")
    })
  )

  it.live(
    "is asked of the command line in these words",
    () =>
      Effect.gen(function* () {
        const cli = yield* CommandLine.make
        const file = path.join(cli.folder, "hook")
        writeFileSync(file, secret)
        chmodSync(file, 0o666)
        const env = {
          SLUICE_ALERT_WEBHOOKS: "https://hooks.example.com/x",
          SLUICE_ALERT_WEBHOOK_HOSTS: "hooks.example.com",
          SLUICE_ALERT_WEBHOOK_SECRET_FILE: file
        }
        const { code, stderr } = yield* cli.call(["alert", "test"], { env })
        assert.strictEqual(code, 2)
        assert.include(
          stderr,
          `alertWebhookSecretFile (SLUICE_ALERT_WEBHOOK_SECRET_FILE): ${file} has mode 0666, so others may read or change it`
        )
        assert.notInclude(stderr, secret)
      }).pipe(Effect.scoped),
    { timeout: 60_000 }
  )
})
