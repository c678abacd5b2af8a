import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"

const folder = path.join(import.meta.dirname, "../../deploy/systemd")
const units = readdirSync(folder).filter((name) => name.endsWith(".service"))
const dropIns = readdirSync(path.join(folder, "drop-ins"))
const read = (name: string) => readFileSync(path.join(folder, name), "utf8")

/** The settings of `[Service]`, the last value of each name; of lists all values since the last empty one. */
const service = (...texts: ReadonlyArray<string>): ReadonlyMap<string, string> => {
  const found = new Map<string, string>()
  for (const text of texts) {
    let section = ""
    for (const line of text.split("\n")) {
      const [, name] = /^\[(\w+)\]$/.exec(line) ?? []
      const [, key, value] = /^(\w+)=(.*)$/.exec(line) ?? []
      if (name !== undefined) section = name
      else if (section === "Service" && key !== undefined) {
        const before = found.get(key)
        const isList = /^(SystemCallFilter|RestrictAddressFamilies|Environment|DeviceAllow)$/.test(key)
        found.set(key, isList && before && value !== "" ? `${before} ${value}` : value!)
      }
    }
  }
  return found
}

/** What every unit withholds. Node needs the rest: it compiles while it runs, and reads `/proc/meminfo`. */
const withheld: Readonly<Record<string, string>> = {
  NoNewPrivileges: "yes",
  CapabilityBoundingSet: "",
  AmbientCapabilities: "",
  RestrictSUIDSGID: "yes",
  ProtectSystem: "strict",
  ProtectHome: "yes",
  PrivateTmp: "yes",
  PrivateDevices: "yes",
  ProtectProc: "invisible",
  ProtectClock: "yes",
  ProtectControlGroups: "yes",
  ProtectHostname: "yes",
  ProtectKernelLogs: "yes",
  ProtectKernelModules: "yes",
  ProtectKernelTunables: "yes",
  LockPersonality: "yes",
  RestrictNamespaces: "yes",
  RestrictRealtime: "yes",
  SystemCallArchitectures: "native",
  SystemCallErrorNumber: "EPERM",
  UMask: "0077",
  User: "sluice"
}

/** What `systemd-analyze security` says of a unit; undefined without it. */
const rating = (text: string): { readonly exposure: number; readonly complaints: string } | undefined => {
  const at = mkdtempSync(path.join(tmpdir(), "sluice-unit-"))
  try {
    writeFileSync(path.join(at, "rated.service"), text)
    const { error, stderr, stdout } = spawnSync(
      "systemd-analyze",
      ["security", "--offline=true", "--no-pager", path.join(at, "rated.service")],
      { encoding: "utf8" }
    )
    const exposure = /exposure level for \S+: (\d+\.\d)/.exec(stdout ?? "")?.[1]
    return error !== undefined || exposure === undefined
      ? undefined
      : { exposure: Number(exposure), complaints: stderr }
  } finally {
    rmSync(at, { recursive: true, force: true })
  }
}

const withDropIn = (name: string) =>
  `${read("sluice-worker.service").split("[Install]")[0]}\n${read(`drop-ins/${name}`)}`

describe("the units of systemd", () => {
  for (const name of units) {
    it(`${name} gives no more rights than are needed`, () => {
      const settings = service(read(name))
      for (const [key, value] of Object.entries(withheld)) assert.strictEqual(settings.get(key), value, key)
      assert.match(settings.get("SystemCallFilter")!, /^@system-service ~@privileged/)
      assert.notInclude(settings.get("RestrictAddressFamilies")!, "PACKET")
      // Node compiles while it runs, and workers read the boot id and /proc/meminfo.
      assert.isFalse(settings.has("MemoryDenyWriteExecute") || settings.has("ProcSubset"))
      // Where this systemd can say so itself.
      const rated = rating(read(name))
      if (rated === undefined) return
      assert.isAtMost(rated.exposure, 5)
      assert.strictEqual(rated.complaints, "")
    })
  }

  it("write where they may, and nowhere else", () => {
    for (const name of units) {
      const settings = service(read(name))
      const states = settings
        .get("StateDirectory")!
        .split(" ")
        .map((state) => `/var/lib/${state}`)
      const environment = Object.fromEntries(
        settings
          .get("Environment")!
          .split(" ")
          .map((pair) => pair.split("="))
      )
      const written = [environment["SLUICE_STORE"], ...(settings.get("ExecStart")!.match(/\/var\/[^"]+/g) ?? [])]
      for (const file of written) assert.include(states, path.dirname(file!), file)
      assert.strictEqual(environment["XDG_STATE_HOME"], "/var/lib")
      assert.strictEqual(`${environment["XDG_CACHE_HOME"]}/${settings.get("CacheDirectory")}`, "/var/cache/sluice")
    }
  })

  it("have a backup without a network", () => {
    const settings = service(read("sluice-backup.service"))
    assert.strictEqual(settings.get("PrivateNetwork"), "yes")
    assert.strictEqual(settings.get("IPAddressDeny"), "any")
  })

  for (const name of dropIns) {
    it(`open by drop-ins/${name} what that says`, () => {
      const before = service(read("sluice-worker.service"))
      const after = service(read("sluice-worker.service"), read(`drop-ins/${name}`))
      const changed = [...after].filter(([key, value]) => before.get(key) !== value).map(([key]) => key)
      assert.isAbove(changed.length, 0)
      if (name !== "sudo.conf")
        for (const key of ["NoNewPrivileges", "CapabilityBoundingSet"]) assert.notInclude(changed, key)
      const rated = rating(withDropIn(name))
      if (rated === undefined) return
      assert.strictEqual(rated.complaints, "")
      if (name !== "sudo.conf") assert.isAtMost(rated.exposure, 5)
    })
  }

  it("forbid new privileges no longer with drop-ins/sudo.conf, in none of the ways that systemd has", () => {
    const settings = service(read("sluice-worker.service"), read("drop-ins/sudo.conf"))
    // systemd.exec(5), NoNewPrivileges=: what implies it for a unit with User=.
    for (const key of [
      "LockPersonality",
      "MemoryDenyWriteExecute",
      "NoNewPrivileges",
      "PrivateDevices",
      "ProtectClock",
      "ProtectHostname",
      "ProtectKernelLogs",
      "ProtectKernelModules",
      "ProtectKernelTunables",
      "RestrictNamespaces",
      "RestrictRealtime",
      "RestrictSUIDSGID"
    ])
      assert.oneOf(settings.get(key), ["no", undefined], key)
    for (const key of ["RestrictAddressFamilies", "SystemCallArchitectures", "SystemCallFilter"])
      assert.strictEqual(settings.get(key), "", key)
    assert.strictEqual(settings.get("CapabilityBoundingSet"), "~")
  })
})
