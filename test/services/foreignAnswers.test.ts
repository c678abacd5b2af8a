import { assert, describe, it, vi } from "@effect/vitest"
import { Clock, Duration, Effect, Redacted, Result } from "effect"
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import path from "node:path"
import tls from "node:tls"
import { defaults } from "../../src/services/Alerts/AlertSettings.ts"
import { webhookSink } from "../../src/services/Alerts/sinks/WebhookSink.ts"
import * as KubernetesApi from "../../src/services/Scaling/act/KubernetesApi.ts"
import { temporaryFolder } from "../cli/CommandLine.ts"
import { receiver } from "../support/alerts/Receiver.ts"
import { broken, echoes, type HostileAnswer, type Told } from "../support/HostileAnswers.ts"

const fixture = (name: string) => readFileSync(path.join(import.meta.dirname, "../support/certificates", name))
const certificate = { cert: fixture("loopback.crt"), key: fixture("loopback.key") }

const timeout = Duration.seconds(1)
const limit = { timeout: 20_000 }

/** As a service account's: three parts of base64 for URLs. */
const token = `eyJhbGciOiJSUzI1NiIsImtpZCI6IkNBTkFSWSJ9.${"QUJDREVGRw".repeat(40)}CANARY.c2lnbmF0dXJl_-CANARY`
const secret = "CANARY shared & known to <both>, of 40 bytes"
const hookPath = "/services/T00CANARY/B00CANARY/x9CANARYx9?key=CANARYkey1"

interface Place {
  /** What it said of the answer, good or bad. */
  readonly ask: (port: number) => Effect.Effect<string, unknown, never>
  readonly told: ReadonlyArray<string>
}

const webhook = (scheme: "http" | "https"): Place => ({
  told: [secret, hookPath, "x9CANARYx9", "T00CANARY/B00CANARY"],
  ask: (port) =>
    Effect.gen(function* () {
      const sink = webhookSink(
        new URL(`${scheme}://localhost:${port}${hookPath}`),
        Redacted.make(secret),
        { ...defaults, allowLoopback: true, sendTimeout: timeout, resolve: () => Promise.resolve(["127.0.0.1"]) },
        yield* Clock.Clock
      )
      const result = yield* Effect.result(sink.send({ id: "n", at: 0, store: "memory:", alerts: [] }))
      return Result.isSuccess(result) ? result.success : result.failure.message
    })
})

const kubernetes = (authority = "authority.crt"): Place => ({
  told: [token],
  ask: (port) =>
    Effect.gen(function* () {
      const accountFolder = path.join(yield* temporaryFolder, "account")
      mkdirSync(accountFolder)
      const from = path.join(import.meta.dirname, "../support/certificates", authority)
      copyFileSync(from, path.join(accountFolder, "ca.crt"))
      writeFileSync(path.join(accountFolder, "namespace"), "jobs")
      writeFileSync(path.join(accountFolder, "token"), `${token}\n`)
      const env = { KUBERNETES_SERVICE_HOST: "127.0.0.1", KUBERNETES_SERVICE_PORT: String(port) }
      const result = yield* Effect.result(
        KubernetesApi.KubernetesApi.use((api) =>
          api.read({ kind: "deployments", namespace: "jobs", name: "workers" })
        ).pipe(Effect.provide(KubernetesApi.layerInCluster({ env, accountFolder, timeout })))
      )
      return Result.isSuccess(result) ? JSON.stringify(result.success) : result.failure.message
    }).pipe(Effect.scoped)
})

const places = {
  "a webhook": { place: webhook("http"), server: {} },
  "Kubernetes' API": { place: kubernetes(), server: { certificate } }
}

/** What a log, a terminal and a person are spared. */
const isFit = (text: string) => {
  assert.isBelow(text.length, 400)
  assert.notMatch(text, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u)
}

/** No piece of a secret, in whichever spelling it was told. */
const isDiscreet = (text: string, told: ReadonlyArray<string>) => {
  const flat = text.toLowerCase()
  assert.notInclude(flat, "canary")
  for (const each of told) {
    const spellings = [
      each,
      encodeURIComponent(each),
      Buffer.from(each).toString("hex"),
      Buffer.from(each).toString("base64")
    ]
    for (const spelling of spellings) {
      for (let at = 0; at + 12 <= spelling.length; at += 4)
        assert.notInclude(flat, spelling.slice(at, at + 12).toLowerCase(), text)
    }
  }
}

const answering = (
  { place, server }: (typeof places)[keyof typeof places],
  answer: HostileAnswer,
  check: (said: string, told: ReadonlyArray<string>) => void
) =>
  Effect.gen(function* () {
    const elsewhere = yield* receiver((response) => response.end())
    const told: Told = { secrets: place.told, elsewhere: `http://127.0.0.1:${elsewhere.port}/` }
    const { port } = yield* receiver((response) => answer(response, told), server)
    const [took, said] = yield* Effect.timed(place.ask(port))
    check(said, place.told)
    assert.isBelow(Duration.toMillis(took), 8000)
    assert.deepStrictEqual(elsewhere.received, [])
  })

for (const [name, place] of Object.entries(places)) {
  describe(`${name} that answers`, { concurrent: true }, () => {
    for (const [what, answer] of Object.entries(echoes))
      it.live(
        `${what} has nothing of it told on`,
        () =>
          answering(place, answer, (said, told) => {
            isFit(said)
            isDiscreet(said, told)
          }),
        limit
      )

    for (const [what, answer] of Object.entries(broken))
      it.live(`${what} is told of in one line, in time`, () => answering(place, answer, isFit), limit)
  })
}

describe("a certificate", () => {
  it.live("is checked whatever the environment says, and without one nothing is told", () =>
    Effect.gen(function* () {
      vi.stubEnv("NODE_TLS_REJECT_UNAUTHORIZED", "0")
      yield* Effect.addFinalizer(() => Effect.sync(() => vi.unstubAllEnvs()))
      const { port, received } = yield* receiver((response) => response.writeHead(204).end(), { certificate })
      assert.include(yield* webhook("https").ask(port), "shows a certificate that is not accepted")
      assert.include(yield* kubernetes("loopback.crt").ask(port), "cannot be reached")
      assert.deepStrictEqual(received, [])
      // The same server, once its authority is known.
      const known = tls.getCACertificates("default")
      yield* Effect.acquireRelease(
        Effect.sync(() => tls.setDefaultCACertificates([...known, fixture("authority.crt").toString()])),
        () => Effect.sync(() => tls.setDefaultCACertificates(known))
      )
      assert.include(yield* webhook("https").ask(port), "localhost answered 204")
      yield* kubernetes().ask(port)
      assert.strictEqual(received.length, 2)
    })
  )
})
