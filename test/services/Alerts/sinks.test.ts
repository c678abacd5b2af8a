import { assert, describe, it, vi } from "@effect/vitest"
import { Duration, Effect, Redacted, Result } from "effect"
import { createHmac } from "node:crypto"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import tls from "node:tls"
import { type AlertSettings, defaults, Settings } from "../../../src/services/Alerts/AlertSettings.ts"
import type { Notification } from "../../../src/services/Alerts/Notification.ts"
import { makeSinks } from "../../../src/services/Alerts/sinks/Sinks.ts"
import { isPublicAddress } from "../../../src/services/Alerts/sinks/PublicAddress.ts"
import { readTarget } from "../../../src/services/Alerts/sinks/WebhookTarget.ts"
import { receiver } from "../../support/alerts/Receiver.ts"

const secret = "a secret that only the test and its receiver know"

const notification: Notification = {
  id: "n-1",
  at: 1_800_000_000_000,
  store: "memory:",
  alerts: [
    {
      status: "firing",
      rule: "backlog",
      severity: "critical",
      metric: "backlog",
      of: "group",
      subject: "mail",
      value: 12,
      threshold: 10,
      text: "backlog: group mail: 12 jobs",
      firedAt: 1_800_000_000_000,
      runbook: "docs/runbooks/backlog.md",
      silencedBy: null
    }
  ]
}

/** The only sink of these settings, asked to deliver: what it answered, or the tag and message of its error. */
const deliver = (settings: Partial<AlertSettings>) =>
  Effect.gen(function* () {
    const [sink] = yield* makeSinks
    const result = yield* Effect.result(sink!.send(notification))
    return Result.isSuccess(result)
      ? { tag: "Delivered", text: result.success }
      : { tag: result.failure.reason._tag, text: result.failure.message }
  }).pipe(Effect.provideService(Settings, { ...defaults, log: false, ...settings }))

const post = (port: number, settings: Partial<AlertSettings> = {}) =>
  deliver({
    webhooks: [{ url: `http://127.0.0.1:${port}/hook` }],
    webhookSecret: Redacted.make(secret),
    allowLoopback: true,
    ...settings
  })

const unusable = (settings: Partial<AlertSettings>) =>
  Effect.map(
    Effect.flip(makeSinks.pipe(Effect.provideService(Settings, { ...defaults, log: false, ...settings }))),
    ({ message }) => message
  )

describe("a webhook", () => {
  it.live("is signed over id, time and body as Standard Webhooks says, and carries the notification", () =>
    Effect.gen(function* () {
      const { port, received } = yield* receiver((response) => response.writeHead(204).end())
      const before = Math.floor(Date.now() / 1000)
      const { tag, text } = yield* post(port)
      assert.strictEqual(tag, "Delivered")
      assert.match(text, /^127\.0\.0\.1 answered 204 within /)
      const [{ body, headers }] = received as [(typeof received)[0]]
      assert.deepStrictEqual(JSON.parse(body), notification)
      assert.strictEqual(headers["webhook-id"], "n-1")
      assert.strictEqual(headers["content-type"], "application/json")
      assert.isAtLeast(Number(headers["webhook-timestamp"]), before)
      const expected = createHmac("sha256", secret)
        .update(`n-1.${headers["webhook-timestamp"]}.${body}`)
        .digest("base64")
      assert.strictEqual(headers["webhook-signature"], `v1,${expected}`)
      assert.notInclude(JSON.stringify(received), secret)
    })
  )

  it.live("takes a secret in the form of Standard Webhooks, and none that is short", () =>
    Effect.gen(function* () {
      const { port, received } = yield* receiver((response) => response.writeHead(200).end())
      const key = Buffer.alloc(32, 7)
      yield* post(port, { webhookSecret: Redacted.make(`whsec_${key.toString("base64")}`) })
      const [{ body, headers }] = received as [(typeof received)[0]]
      const expected = createHmac("sha256", key).update(`n-1.${headers["webhook-timestamp"]}.${body}`).digest("base64")
      assert.strictEqual(headers["webhook-signature"], `v1,${expected}`)
      const webhooks = [{ url: "https://hooks.example.com/" }]
      const rest = { webhooks, webhookHosts: ["hooks.example.com"] }
      const said = (text: string) => unusable({ ...rest, webhookSecret: Redacted.make(text) })
      for (const short of ["short", "x".repeat(23), `whsec_${Buffer.alloc(23, 7).toString("base64")}`, "whsec_", ""])
        assert.include(yield* said(short), "at least 24 bytes")
      for (const wrong of [
        "!!!!".repeat(16),
        "A".repeat(63),
        `${"A".repeat(62)}B=`,
        `${"A".repeat(64)}\n`,
        "-_".repeat(32)
      ]) {
        const message = yield* said(`whsec_${wrong}`)
        assert.include(message, "begins with whsec_ and goes on with something that is no base64")
        assert.notInclude(message, wrong.trim())
      }
      assert.include(yield* unusable(rest), "there is no secret")
    })
  )

  it.live("does not follow a redirect, and does not try it again", () =>
    Effect.gen(function* () {
      const other = yield* receiver((response) => response.end())
      const { port } = yield* receiver((response) =>
        response.writeHead(302, { location: `http://127.0.0.1:${other.port}/` }).end()
      )
      const { tag, text } = yield* post(port)
      assert.strictEqual(tag, "Refused")
      assert.include(text, "answered 302, a redirect")
      assert.deepStrictEqual(other.received, [])
    })
  )

  it.live("is worth another try when the receiver is busy, broken or gone, and not when it refuses", () =>
    Effect.gen(function* () {
      for (const [status, tag] of [
        [500, "NotDelivered"],
        [503, "NotDelivered"],
        [429, "NotDelivered"],
        [408, "NotDelivered"],
        [400, "Refused"],
        [404, "Refused"],
        [410, "Refused"]
      ] as const) {
        const { port } = yield* receiver((response) => response.writeHead(status).end("why\u001b[31m"))
        const answer = yield* post(port)
        assert.strictEqual(answer.tag, tag, String(status))
        assert.strictEqual(answer.text, `127.0.0.1 answered ${status}: why\ufffd[31m`)
      }
      const gone = yield* Effect.scoped(receiver((response) => response.end()))
      assert.deepStrictEqual(yield* post(gone.port), {
        tag: "NotDelivered",
        text: "127.0.0.1 did not answer: ECONNREFUSED"
      })
    })
  )

  it.live("is told only to who shows a certificate of a known authority with the name that was asked for", () =>
    Effect.gen(function* () {
      const fixture = (name: string) => readFileSync(path.join(import.meta.dirname, "../../support/certificates", name))
      const { port, received } = yield* receiver((response) => response.writeHead(204).end(), {
        certificate: { cert: fixture("loopback.crt"), key: fixture("loopback.key") }
      })
      const to = (host: string) =>
        post(port, {
          webhooks: [{ url: `https://${host}:${port}/hook` }],
          webhookHosts: [`${host}:${port}`],
          resolve: () => Promise.resolve(["127.0.0.1"])
        })
      const stranger = yield* to("localhost")
      assert.strictEqual(stranger.tag, "NotDelivered")
      assert.match(
        stranger.text,
        /^localhost shows a certificate that is not accepted \(UNABLE_TO_[A-Z_]+\); .*NODE_EXTRA_CA_CERTS$/
      )

      const known = tls.getCACertificates("default")
      yield* Effect.acquireRelease(
        Effect.sync(() => tls.setDefaultCACertificates([...known, fixture("authority.crt").toString()])),
        () => Effect.sync(() => tls.setDefaultCACertificates(known))
      )
      const other = yield* to("hooks.example.com")
      assert.include(
        other.text,
        "hooks.example.com shows a certificate that is not accepted (ERR_TLS_CERT_ALTNAME_INVALID)"
      )
      assert.deepStrictEqual(received, [])
      assert.strictEqual((yield* to("localhost")).tag, "Delivered")
      assert.strictEqual(received.length, 1)
    })
  )

  it.live("waits for a slow receiver no longer than its time, before the answer or within it", () =>
    Effect.gen(function* () {
      const silent = yield* receiver(() => undefined)
      const dripping = yield* receiver((response) => response.writeHead(200).write("x"))
      for (const { port } of [silent, dripping]) {
        const answer = yield* post(port, { sendTimeout: Duration.millis(150) })
        assert.deepStrictEqual(answer, { tag: "NotDelivered", text: "127.0.0.1 did not answer within 150 ms" })
      }
    })
  )

  it.live("reads no more than a few kilobytes of an answer without end", () =>
    Effect.gen(function* () {
      let written = 0
      const { port } = yield* receiver((response) => {
        response.writeHead(200)
        const chunk = "x".repeat(65_536)
        const more = () => {
          while (!response.destroyed && response.write(chunk)) written += chunk.length
        }
        response.on("drain", more)
        more()
      })
      assert.strictEqual((yield* post(port, { sendTimeout: Duration.seconds(20) })).tag, "Delivered")
      // What fits into the buffers of two sockets, and no stream of gigabytes.
      assert.isBelow(written, 50 * 1024 * 1024)
    })
  )

  it.live("goes to no address off the open internet, by default not to loopback either", () =>
    Effect.gen(function* () {
      const { port, received } = yield* receiver((response) => response.end())
      const to = (url: string, resolved: ReadonlyArray<string> = []) =>
        deliver({
          webhooks: [{ url }],
          webhookHosts: [`hooks.example.com:${port}`],
          webhookSecret: Redacted.make(secret),
          resolve: async () => resolved
        })
      for (const address of ["127.0.0.1", "10.0.0.8", "169.254.169.254", "::1", "fd00::1", "::ffff:10.0.0.1"]) {
        const answer = yield* to(`https://hooks.example.com:${port}/`, ["93.184.215.14", address])
        assert.deepStrictEqual(answer, {
          tag: "Refused",
          text: `hooks.example.com resolves to ${address}, which is not on the open internet`
        })
      }
      const webhookSecret = Redacted.make(secret)
      assert.include(
        yield* unusable({ webhooks: [{ url: `http://127.0.0.1:${port}/` }], webhookSecret }),
        "expected https://"
      )
      const listed = ["127.0.0.1", "[::1]", "169.254.169.254"]
      for (const host of listed) {
        const message = yield* unusable({
          webhooks: [{ url: `https://${host}/` }],
          webhookSecret,
          webhookHosts: ["::1", ...listed]
        })
        assert.include(message, "not on the open internet")
      }
      assert.deepStrictEqual(received, [])
    })
  )

  it.live("goes by no proxy, whatever the environment says", () =>
    Effect.gen(function* () {
      const proxy = yield* receiver((response) => response.end())
      for (const name of ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"])
        vi.stubEnv(name, `http://127.0.0.1:${proxy.port}`)
      vi.stubEnv("NODE_USE_ENV_PROXY", "1")
      yield* Effect.addFinalizer(() => Effect.sync(() => vi.unstubAllEnvs()))
      const { port, received } = yield* receiver((response) => response.writeHead(204).end())
      assert.strictEqual((yield* post(port)).tag, "Delivered")
      assert.deepStrictEqual([received.length, proxy.received.length], [1, 0])
    })
  )

  it.live("connects to the address that was checked, whatever the name server says a moment later", () =>
    Effect.gen(function* () {
      const checked = yield* receiver((response) => response.writeHead(200).end())
      // The same port at another address: where a second look-up would lead.
      const other = yield* receiver((response) => response.writeHead(200).end(), {
        host: "127.0.0.2",
        port: checked.port
      })
      let asked = 0
      const settings: Partial<AlertSettings> = {
        webhooks: [{ url: `http://localhost:${checked.port}/` }],
        webhookHosts: ["localhost"],
        webhookSecret: Redacted.make(secret),
        allowLoopback: true,
        resolve: async () => [asked++ === 0 ? "127.0.0.1" : "127.0.0.2"]
      }
      // A name is allowed in tests as an address is: through the same look-up.
      assert.strictEqual((yield* deliver(settings)).tag, "Delivered")
      assert.deepStrictEqual([asked, checked.received.length, other.received.length], [1, 1, 0])
      // The next try asks again, and is checked again.
      assert.strictEqual((yield* deliver({ ...settings, resolve: async () => ["10.1.2.3"] })).tag, "Refused")
      assert.strictEqual(checked.received.length + other.received.length, 1)
    })
  )
})

describe("where a webhook may go", () => {
  const read = (url: string, hosts: ReadonlyArray<string>) => {
    const target = readTarget(url, { hosts, allowLoopback: false })
    return typeof target === "string" ? target : "ok"
  }

  it("is what the allow-list names: hosts, hosts below, other ports", () => {
    assert.strictEqual(read("https://hooks.example.com/x?y=z", ["hooks.example.com"]), "ok")
    assert.strictEqual(read("https://HOOKS.example.com./x", ["hooks.example.com"]), "ok")
    assert.strictEqual(read("https://a.b.example.com/", ["*.example.com"]), "ok")
    assert.strictEqual(read("https://example.com:8443/", ["example.com:8443"]), "ok")
    for (const [url, hosts] of [
      ["https://example.com/", ["*.example.com"]],
      ["https://evilexample.com/", ["*.example.com"]],
      ["https://hooks.example.com.evil.com/", ["hooks.example.com"]],
      ["https://hooks.example.com:8443/", ["hooks.example.com"]],
      ["https://hooks.example.com/", []]
    ] as const)
      assert.include(read(url, hosts), "not on the allow-list", url)
  })

  it("is no other host, however it is written", () => {
    for (const url of [
      "https://hooks.example.com@evil.example/",
      "https://hooks.example.com:443@evil.example/",
      "https://evil.example#@hooks.example.com/",
      "https://evil.example/hooks.example.com",
      "https://evil.example?hooks.example.com",
      "https://evil.example\\@hooks.example.com/",
      "https://hooks.example.com.evil.example/",
      "https://hooks-example.com/",
      "https://hooks.example.com%2eevil.example/",
      "https://hooks.example.com%00.evil.example/",
      "https://hооks.example.com/",
      "https://hooks。example。com。evil.example/",
      "https://hooks.example.com:8443/",
      "https://hooks.example.com:0/",
      "http://hooks.example.com/",
      "HTTP://hooks.example.com/",
      "ftp://hooks.example.com/",
      "file:///etc/passwd",
      "gopher://hooks.example.com/",
      "javascript:alert(1)",
      "data:text/plain,x",
      "wss://hooks.example.com/",
      "//hooks.example.com/",
      "https:hooks",
      "https://",
      ""
    ])
      assert.notStrictEqual(read(url, ["hooks.example.com"]), "ok", url)
    // The same host in other words; the check is of what is connected to.
    for (const url of ["https:\\\\hooks.example.com\\x", "https:/hooks.example.com/x", "https://ｈooks.example.com/"])
      assert.strictEqual(read(url, ["hooks.example.com"]), "ok", url)
  })

  it("is no address off the open internet, however it is written and even if it is on the list", () => {
    for (const host of [
      "127.0.0.1",
      "127.1",
      "2130706433",
      "0x7f000001",
      "0x7f.1",
      "0177.0.0.1",
      "017700000001",
      "１２７.０.０.１",
      "0",
      "0.0.0.0",
      "10.0.0.1",
      "169.254.169.254",
      "0xa9fea9fe",
      "168.63.129.16",
      "[::1]",
      "[::]",
      "[::ffff:127.0.0.1]",
      "[::ffff:7f00:1]",
      "[64:ff9b::7f00:1]",
      "[2002:7f00:1::]",
      "[fd00:ec2::254]",
      "[fe80::1]"
    ]) {
      const url = `https://${host}/`
      const said = read(url, [new URL(url).hostname.replace(/^\[|\]$/g, ""), host])
      assert.include(said, "is not on the open internet", url)
    }
  })

  it("is never plain http, a URL with a password, or no URL, and what is said holds no path", () => {
    assert.include(read("http://hooks.example.com/hush", ["hooks.example.com"]), "expected https://")
    assert.include(read("https://me:pssst@hooks.example.com/hush", ["hooks.example.com"]), "carries a user or password")
    assert.include(read("hooks.example.com/hush", ["hooks.example.com"]), "is no URL")
    for (const text of ["http://hooks.example.com/hush", "https://me:pssst@h.example/hush", "https://no.example/hush"])
      assert.notMatch(read(text, []), /hush|pssst/)
  })

  it("is on the open internet", () => {
    const inside = [
      ...["0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1"],
      ...["172.31.255.255", "192.0.0.8", "192.0.2.1", "192.168.1.1", "198.18.0.1", "198.51.100.7", "203.0.113.9"],
      ...["224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "::ffff:8.8.8.8", "64:ff9b::a00:1", "100::1"],
      ...["2001::1", "2001:db8::1", "2002:a00:1::", "3fff::1", "fc00::1", "fd12::1", "fe80::1", "fec0::1", "ff02::1"],
      ...["localhost", "", "8.8.8", "fe80::1%eth0"],
      // What clouds answer their own machines on.
      ...[
        "168.63.129.16",
        "100.100.100.200",
        "192.0.0.192",
        "fd00:ec2::254",
        "fd20:ce::254",
        "161.26.0.10",
        "166.9.1.1"
      ]
    ]
    for (const address of inside) assert.isFalse(isPublicAddress(address), address)
    for (const address of ["168.63.129.15", "168.63.129.17", "161.27.0.1", "166.7.0.1", "166.12.0.1"])
      assert.isTrue(isPublicAddress(address), address)
    for (const address of ["8.8.8.8", "172.15.0.1", "172.32.0.1", "100.63.0.1", "223.255.255.1", "2606:4700::1111"])
      assert.isTrue(isPublicAddress(address), address)
  })
})

/** A zombie, that its parent has not buried yet, is dead. */
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"))
  } catch {
    return false
  }
}

describe("a command", () => {
  const folder = Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(path.join(tmpdir(), "sluice-alert-"))),
    (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
  )
  const node = (script: string, rest: ReadonlyArray<string> = []) => [process.execPath, "-e", script, "--", ...rest]

  it.live("is given the notification on its standard input, without a shell and without the webhooks' secret", () =>
    Effect.gen(function* () {
      vi.stubEnv("SLUICE_ALERT_WEBHOOK_SECRET", secret)
      yield* Effect.addFinalizer(() => Effect.sync(() => vi.unstubAllEnvs()))
      const command = node(
        `const { alerts } = JSON.parse(require("fs").readFileSync(0, "utf8"))
         console.log(alerts[0].rule, process.argv.at(-1), process.env.SLUICE_ALERT_WEBHOOK_SECRET)`,
        ["$HOME; echo `id`"]
      )
      assert.deepStrictEqual(yield* deliver({ command }), {
        tag: "Delivered",
        text: `${process.execPath} ended with 0: backlog $HOME; echo \`id\` undefined`
      })
    })
  )

  it.live("that fails is tried again, one that is not there is not", () =>
    Effect.gen(function* () {
      const failing = yield* deliver({ command: node("console.error('no network\u0007'); process.exit(3)") })
      assert.deepStrictEqual(failing, {
        tag: "NotDelivered",
        text: `${process.execPath} ended with 3: no network\ufffd`
      })
      assert.deepStrictEqual(yield* deliver({ command: ["/no/such/program"] }), {
        tag: "Refused",
        text: "/no/such/program is not to be found or not executable"
      })
    })
  )

  it.live("that ends without reading its input, or writes without end, is no trouble", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* deliver({ command: node("process.exit(0)") })).tag, "Delivered")
      const loud = yield* deliver({
        command: node("for (let i = 0; i < 300; i++) require('fs').writeSync(1, 'x'.repeat(10000))")
      })
      assert.strictEqual(loud.tag, "Delivered")
      assert.isBelow(loud.text.length, 301)
    })
  )

  it.live("that takes too long is ended, with what it started", () =>
    Effect.gen(function* () {
      const script = path.join(yield* folder, "late.sh")
      const started = `${script}.pid`
      writeFileSync(script, `#!/bin/sh\nsleep 600 &\necho $! > ${started}\nwait\n`, { mode: 0o700 })
      const answer = yield* deliver({ command: [script], sendTimeout: Duration.seconds(1) })
      assert.deepStrictEqual(answer, { tag: "NotDelivered", text: `${script} was not done within 1 s and was ended` })
      assert.isFalse(existsSync(started) && isAlive(Number(readFileSync(started, "utf8"))))
    })
  )
})
