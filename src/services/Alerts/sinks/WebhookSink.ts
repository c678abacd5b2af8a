/**
 * Posts notifications, signed, as JSON. Nothing but the checked host is ever connected to: a name is resolved once for
 * each try, every address must be on the open internet, and the connection is made to those addresses and no others, so
 * that an answer of the name server that changes between the check and the connection changes nothing. Certificates are
 * checked whatever the environment says. Redirects are not followed; of the answer no more than 4 KiB is read, and what
 * is told of it holds neither the secret nor what the URL may hold of one.
 */
import type { Clock } from "effect"
import { Duration, Effect, Layer, Redacted } from "effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type { HttpClientError } from "effect/http/HttpClientError"
import dns from "node:dns"
import type { LookupFunction } from "node:net"
import { isIPv6 } from "node:net"
import type { AlertSettings } from "../AlertSettings.ts"
import { durationText } from "../../Queue/policy/DurationText.ts"
import * as ForeignAnswer from "../../Queue/policy/ForeignAnswer.ts"
import { safeText } from "../policy/RuleText.ts"
import { NotDelivered, Refused, type Sink, SinkError } from "../Sink.ts"
import { isLoopbackAddress, isPublicAddress } from "./PublicAddress.ts"
import { signedHeaders } from "./Signature.ts"
import { hostOf } from "./WebhookTarget.ts"

const answerMost = 4096

type WebhookSettings = Pick<AlertSettings, "allowLoopback" | "resolve" | "sendTimeout">

class AddressRefused extends Error {}

const systemResolve = async (host: string): Promise<ReadonlyArray<string>> =>
  (await dns.promises.lookup(host, { all: true })).map(({ address }) => address)

/** Resolves, checks, and hands over exactly what was checked. */
const checkedLookup =
  ({ allowLoopback, resolve = systemResolve }: WebhookSettings): LookupFunction =>
  (host, options, callback) => {
    const answer = (error: Error | null, addresses: ReadonlyArray<string>) => {
      if (error !== null) return callback(error, "", 0)
      const entries = addresses.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 }))
      return options.all === true ? callback(null, entries) : callback(null, entries[0]!.address, entries[0]!.family)
    }
    resolve(host).then(
      (addresses) => {
        if (addresses.length === 0) return answer(new Error(`${host} has no address`), [])
        const refused = addresses.find(
          (address) => !isPublicAddress(address) && !(allowLoopback && isLoopbackAddress(address))
        )
        return refused === undefined
          ? answer(null, addresses)
          : answer(new AddressRefused(`${host} resolves to ${refused}, which is not on the open internet`), [])
      },
      (error: Error) => answer(error, [])
    )
  }

const refused = (message: string) => new SinkError({ reason: new Refused({ message: safeText(message) }) })
const notDelivered = (message: string) => new SinkError({ reason: new NotDelivered({ message: safeText(message) }) })

/** Answers that may be another one next time (RFC 9110; 425 is RFC 8470, 429 RFC 6585). */
const isPassing = (status: number): boolean => status >= 500 || status === 408 || status === 425 || status === 429

/** How Node names what OpenSSL finds wrong with a certificate, and a name that is not in it. */
const isCertificateFault = (code: string): boolean =>
  /^(CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|ERR_TLS_CERT_|HOSTNAME_MISMATCH)/.test(code)

const causes = (error: unknown): ReadonlyArray<unknown> => {
  const found: Array<unknown> = []
  for (let each = error; each !== undefined && each !== null && found.length < 8; ) {
    found.push(each)
    const { cause, reason } = each as { readonly cause?: unknown; readonly reason?: unknown }
    // Of some errors of TLS it is a text.
    each = typeof reason === "object" && reason !== null ? reason : cause
  }
  return found
}

const transportError = (host: string, error: HttpClientError): SinkError => {
  const all = causes(error)
  const address = all.find((each) => each instanceof AddressRefused)
  if (address !== undefined) return refused(address.message)
  const last = all.at(-1)
  const code = (last as { readonly code?: string }).code
  if (code !== undefined && isCertificateFault(code))
    return notDelivered(
      `${host} shows a certificate that is not accepted (${code}); if its authority is your own, name it in NODE_EXTRA_CA_CERTS`
    )
  return notDelivered(`${host} did not answer: ${code ?? (last instanceof Error ? last.message : String(last))}`)
}

/** The name server's answer is one that Node would cache with a kept connection: each try makes its own. */
const clientLayer = (settings: WebhookSettings): Effect.Effect<Layer.Layer<HttpClient.HttpClient>> =>
  Effect.map(
    Effect.promise(() => import("@effect/platform-node/NodeHttpClient")),
    (NodeHttpClient) =>
      NodeHttpClient.layerNodeHttpOptions({
        keepAlive: false,
        lookup: checkedLookup(settings),
        rejectUnauthorized: true,
        minVersion: "TLSv1.2"
      }).pipe(Layer.orDie)
  )

/** What must not come back: the secret, and the parts of the URL, which many receivers take for one. */
const confidential = (url: URL, secret: Redacted.Redacted<string>): ReadonlyArray<string> => {
  const parts = [...url.pathname.split("/"), ...url.searchParams.values()].filter(({ length }) => length >= 8)
  return [
    Redacted.value(secret),
    Redacted.value(secret).replace("whsec_", ""),
    `${url.pathname}${url.search}`,
    ...parts
  ]
}

export const webhookSink = (
  url: URL,
  secret: Redacted.Redacted<string>,
  settings: WebhookSettings,
  clock: Clock.Clock
): Sink => {
  const host = hostOf(url)
  const secrets = confidential(url, secret)
  return {
    name: `webhook ${url.host}`,
    send: (notification) =>
      Effect.gen(function* () {
        const client = yield* HttpClient.HttpClient
        const body = JSON.stringify(notification)
        const began = clock.monotonicTimeNanosUnsafe()
        const request = HttpClientRequest.post(url).pipe(
          HttpClientRequest.setHeaders({
            "user-agent": "sluice",
            ...signedHeaders(secret, notification.id, clock.currentTimeMillisUnsafe(), body)
          }),
          HttpClientRequest.bodyText(body, "application/json")
        )
        const response = yield* client.execute(request)
        const told = ForeignAnswer.told(yield* ForeignAnswer.read(response.stream, answerMost), secrets)
        const { status } = response
        const said = `${host} answered ${status}`
        const excerpt = told === "" ? "" : `: ${told}`
        if (status >= 200 && status < 300) {
          const ms = Number(clock.monotonicTimeNanosUnsafe() - began) / 1e6
          return `${said} within ${durationText(ms)}`
        }
        if (status >= 300 && status < 400)
          return yield* refused(`${said}, a redirect, and those are not followed; name the final address`)
        return yield* isPassing(status) ? notDelivered(`${said}${excerpt}`) : refused(`${said}${excerpt}`)
      }).pipe(
        Effect.catchTag("HttpClientError", (error) => Effect.fail(transportError(host, error))),
        Effect.provideService(HttpClient.TracerPropagationEnabled, false),
        Effect.provide(Layer.unwrap(clientLayer(settings))),
        Effect.timeoutOrElse({
          duration: settings.sendTimeout,
          orElse: () =>
            Effect.fail(
              notDelivered(`${host} did not answer within ${durationText(Duration.toMillis(settings.sendTimeout))}`)
            )
        })
      )
  }
}
