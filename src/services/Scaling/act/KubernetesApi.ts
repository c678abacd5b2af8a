/**
 * The scale sub-resource of Kubernetes' API server, as far as an autoscaler needs it: read replicas, set replicas.
 *
 * A change is a merge patch that carries the `resourceVersion` it rests on; the server refuses it with 409 when someone
 * else was faster, so nothing is overwritten unseen. The token is read from its file for each request, since kubelets
 * replace it about hourly; it is sent to a server whose certificate was checked, whatever the environment says, is not
 * sent on where that server redirects, and is masked in what it answers.
 */
import { Clock, Context, Duration, Effect, Layer, Option, Schema } from "effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import { readFile } from "node:fs/promises"
import * as ForeignAnswer from "../../Queue/policy/ForeignAnswer.ts"
import {
  ActuatorConflict,
  ActuatorDenied,
  ActuatorError,
  ActuatorFailed,
  type ActuatorReason,
  ActuatorTargetMissing,
  ActuatorThrottled,
  ActuatorTimedOut,
  ActuatorUnreachable
} from "./Actuator.ts"

/** The name of the actuator over this API. */
export const name = "kubernetes"

/** What is scaled. */
export interface Workload {
  readonly kind: "deployments" | "statefulsets"
  readonly namespace: string
  readonly name: string
}

export interface Scale {
  readonly resourceVersion: string
  /** Asked for. */
  readonly replicas: number
  /** Pods there are, as the controller last counted them. */
  readonly observed: number
}

export class KubernetesApi extends Context.Service<
  KubernetesApi,
  {
    readonly read: (workload: Workload) => Effect.Effect<Scale, ActuatorError>
    /** Fails with `ActuatorConflict` when the workload has changed since `resourceVersion`. */
    readonly write: (
      workload: Workload,
      replicas: number,
      resourceVersion: string
    ) => Effect.Effect<Scale, ActuatorError>
    /** The namespace this process runs in. */
    readonly namespace: string
  }
>()("sluice/services/Scaling/act/KubernetesApi") {}

export interface KubernetesApiOptions {
  /** `https://host:port`. */
  readonly url: string
  readonly tokenFile: string
  readonly namespace: string
  /**
   * How long a request may take, its body included. Default 5 s: the API server answers in milliseconds or is in
   * trouble.
   */
  readonly timeout?: Duration.Input
}

/** An int32 of Kubernetes that counts. */
const Count = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 ** 31 - 1 }))

/** autoscaling/v1 Scale. Zero replicas are left out by the server, as Go leaves out zeros. */
const ScaleBody = Schema.fromJsonString(
  Schema.Struct({
    metadata: Schema.Struct({ resourceVersion: Schema.String }),
    spec: Schema.optionalKey(Schema.Struct({ replicas: Schema.optionalKey(Count) })),
    status: Schema.optionalKey(Schema.Struct({ replicas: Schema.optionalKey(Count) }))
  })
)
const decodeScale = Schema.decodeUnknownOption(ScaleBody)

/** A Scale is below 1 kB, a Status little more; a proxy's page of errors may be anything. */
const mostBodyBytes = 64 * 1024

const segment = encodeURIComponent

const pathOf = ({ kind, name, namespace }: Workload): string =>
  `/apis/apps/v1/namespaces/${segment(namespace)}/${kind}/${segment(name)}/scale`

const fullName = ({ kind, name, namespace }: Workload): string => `${kind.slice(0, -1)} ${namespace}/${name}`

const StatusBody = Schema.fromJsonString(Schema.Struct({ message: Schema.String }))
const decodeStatus = Schema.decodeUnknownOption(StatusBody)

/** The message of a Status, on one line; of anything else (a proxy's page) its beginning. */
const saidIn = (body: ForeignAnswer.Answer, token: string): string => {
  const status = decodeStatus(body.text)
  const said = ForeignAnswer.told(Option.isSome(status) ? { ...body, text: status.value.message } : body, [token])
  return said === "" ? "" : `: ${said}`
}

/** `Retry-After` in milliseconds: seconds or an HTTP date (RFC 9110, 10.2.3). */
export const retryAfterMs = (header: string | undefined, now: number): number | undefined => {
  if (header === undefined) return undefined
  if (/^\d{1,6}$/.test(header.trim())) return Number(header) * 1000
  const date = Date.parse(header)
  return Number.isNaN(date) ? undefined : Math.max(0, date - now)
}

/** Without a `Retry-After`; what API Priority and Fairness sends is 1. */
const defaultRetryMs = 1000
/** However long a server asks for: scaling must not stand still for days. */
const mostRetryMs = 5 * 60_000

const reasonOf = (
  verb: "get" | "patch",
  workload: Workload,
  response: HttpClientResponse.HttpClientResponse,
  said: string,
  now: number
): ActuatorReason => {
  const { status } = response
  const what = fullName(workload)
  switch (status) {
    case 401:
      return new ActuatorDenied({ message: `the API server does not accept the service account's token${said}` })
    case 403:
      return new ActuatorDenied({
        message: `not allowed to ${verb} ${workload.kind}/scale in namespace ${workload.namespace}; grant it with a Role${said}`
      })
    case 404:
      return new ActuatorTargetMissing({ message: `there is no ${what}; check namespace, kind and name${said}` })
    case 409:
      return new ActuatorConflict({ message: `${what} was changed by someone else at the same time${said}` })
    case 429:
      return new ActuatorThrottled({
        message: `the API server asks for fewer requests${said}`,
        retryAfterMs: Math.min(mostRetryMs, retryAfterMs(response.headers["retry-after"], now) ?? defaultRetryMs)
      })
  }
  return status >= 500
    ? new ActuatorUnreachable({ message: `the API server answered ${status}${said}` })
    : new ActuatorFailed({ message: `the API server answered ${status} to ${verb} the scale of ${what}${said}` })
}

const fails = (reason: ActuatorReason) => Effect.fail(new ActuatorError({ actuator: name, reason }))

export const make = (options: KubernetesApiOptions) =>
  Effect.gen(function* () {
    const client = yield* HttpClient.HttpClient
    const timeout = Duration.fromInputUnsafe(options.timeout ?? Duration.seconds(5))

    const token = Effect.tryPromise(() => readFile(options.tokenFile, "utf8")).pipe(
      Effect.map((text) => text.trim()),
      Effect.catch(() =>
        fails(new ActuatorDenied({ message: `the service account's token ${options.tokenFile} cannot be read` }))
      )
    )

    const send = (verb: "get" | "patch", workload: Workload, request: HttpClientRequest.HttpClientRequest) =>
      Effect.gen(function* () {
        const bearer = yield* token
        const response = yield* client.execute(
          request.pipe(HttpClientRequest.bearerToken(bearer), HttpClientRequest.acceptJson)
        )
        const body = yield* ForeignAnswer.read(response.stream, mostBodyBytes)
        const said = () => saidIn(body, bearer)
        if (response.status < 200 || response.status > 299) {
          return yield* fails(reasonOf(verb, workload, response, said(), yield* Clock.currentTimeMillis))
        }
        const scale = decodeScale(body.text)
        if (Option.isNone(scale)) {
          return yield* fails(
            new ActuatorFailed({ message: `the API server answered something that is no Scale${said()}` })
          )
        }
        const { metadata, spec, status } = scale.value
        return {
          resourceVersion: metadata.resourceVersion,
          replicas: spec?.replicas ?? 0,
          observed: status?.replicas ?? 0
        }
      }).pipe(
        Effect.catchTag("HttpClientError", (error) =>
          // A certificate's names are the server's words too.
          fails(
            new ActuatorUnreachable({
              message: `the API server ${options.url} cannot be reached: ${ForeignAnswer.told({ text: error.message, isWhole: true }, [])}`
            })
          )
        ),
        Effect.timeoutOrElse({
          duration: timeout,
          orElse: () =>
            fails(
              new ActuatorTimedOut({
                message: `the API server had not answered after ${Duration.format(timeout)}`,
                afterMs: Duration.toMillis(timeout)
              })
            )
        })
      )

    return KubernetesApi.of({
      namespace: options.namespace,
      read: (workload) => send("get", workload, HttpClientRequest.get(`${options.url}${pathOf(workload)}`)),
      write: (workload, replicas, resourceVersion) =>
        send(
          "patch",
          workload,
          HttpClientRequest.patch(`${options.url}${pathOf(workload)}`).pipe(
            HttpClientRequest.bodyText(
              JSON.stringify({ metadata: { resourceVersion }, spec: { replicas } }),
              "application/merge-patch+json"
            )
          )
        )
    })
  })

/** Where a pod finds its service account (Kubernetes, "Accessing the API from a Pod"). */
const accountFolder = "/var/run/secrets/kubernetes.io/serviceaccount"

export interface InClusterOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Default `/var/run/secrets/kubernetes.io/serviceaccount`. */
  readonly accountFolder?: string
  readonly timeout?: Duration.Input
}

/** As a pod finds it: address in the environment, token, namespace and certificate authority as files. */
export const layerInCluster = (options: InClusterOptions): Layer.Layer<KubernetesApi, ActuatorError> =>
  Layer.effect(
    KubernetesApi,
    Effect.gen(function* () {
      const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = "443" } = options.env
      if (host === undefined || host === "") {
        return yield* fails(
          new ActuatorTargetMissing({
            message: "KUBERNETES_SERVICE_HOST is not set: this process does not run in a pod"
          })
        )
      }
      const folder = options.accountFolder ?? accountFolder
      const read = (file: string) =>
        Effect.tryPromise(() => readFile(`${folder}/${file}`, "utf8")).pipe(
          Effect.catch(() =>
            fails(
              new ActuatorDenied({
                message: `${folder}/${file} cannot be read; mount the service account (automountServiceAccountToken: true)`
              })
            )
          )
        )
      const ca = yield* read("ca.crt")
      const namespace = (yield* read("namespace")).trim()
      // Loaded only here: whoever scales nothing on Kubernetes pays nothing for it.
      const { layerNodeHttpOptions } = yield* Effect.promise(() => import("@effect/platform-node/NodeHttpClient"))
      const client = yield* Layer.build(
        layerNodeHttpOptions({ ca, keepAlive: true, rejectUnauthorized: true, minVersion: "TLSv1.2" })
      )
      const literal = host.includes(":") ? `[${host}]` : host
      return yield* make({
        url: `https://${literal}:${port}`,
        tokenFile: `${folder}/token`,
        namespace,
        ...(options.timeout === undefined ? {} : { timeout: options.timeout })
      }).pipe(Effect.provideContext(client))
    })
  )
