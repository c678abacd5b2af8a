/**
 * A stand-in for Kubernetes' API server on loopback, real HTTPS: the scale sub-resource with resource versions, tokens,
 * roles and faults on order.
 *
 * In `certificates` lies one for 127.0.0.1 of an authority made for these tests alone, with its key, which protects
 * nothing.
 */
import { Effect } from "effect"
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import type { IncomingMessage, ServerResponse } from "node:http"
import { createServer } from "node:https"
import type { AddressInfo } from "node:net"
import path from "node:path"
import { fileURLToPath } from "node:url"

const fixture = (name: string) => fileURLToPath(new URL(`../certificates/${name}`, import.meta.url))

export interface Fault {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

interface Object {
  replicas: number
  version: number
}

export interface ApiServer {
  readonly port: number
  /** Token, namespace and authority as a pod has them. */
  readonly accountFolder: string
  readonly env: Readonly<Record<string, string>>
  /** `namespace/kind/name`. */
  readonly objects: Map<string, Object>
  /** `GET …`, `PATCH … 3` as they were answered with 200. */
  readonly done: Array<string>
  /** All requests, refused ones too. */
  readonly requests: () => number
  readonly tokens: Set<string>
  readonly verbs: Set<string>
  /**
   * Answers to the next requests, before anything else is looked at; `hang` never answers, `reset` drops the
   * connection.
   */
  readonly faults: Array<Fault | "hang" | "reset">
  /** Called before a patch is looked at: someone else is faster. */
  beforePatch: (key: string) => void
  readonly writeToken: (token: string) => void
}

const status = (code: number, reason: string, message: string): Fault => ({
  status: code,
  body: JSON.stringify({ kind: "Status", apiVersion: "v1", status: "Failure", reason, code, message })
})

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  let text = ""
  for await (const chunk of request.setEncoding("utf8")) text += chunk
  return text
}

/** As the server encodes it: zeros are left out. */
const scaleOf = (key: string, { replicas, version }: Object): string => {
  const [namespace, , name] = key.split("/")
  const count = replicas === 0 ? {} : { replicas }
  return JSON.stringify({
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata: { name, namespace, resourceVersion: String(version) },
    spec: count,
    status: { replicas, selector: `app=${name}` }
  })
}

export const start = (folder: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const accountFolder = path.join(folder, "serviceaccount")
      mkdirSync(accountFolder)
      copyFileSync(fixture("authority.crt"), path.join(accountFolder, "ca.crt"))
      writeFileSync(path.join(accountFolder, "namespace"), "jobs\n")
      const writeToken = (token: string) => writeFileSync(path.join(accountFolder, "token"), `${token}\n`)
      writeToken("first")
      let requests = 0

      const answer = async (api: ApiServer, request: IncomingMessage): Promise<Fault | "hang" | "reset"> => {
        const fault = api.faults.shift()
        const body = await bodyOf(request)
        if (fault !== undefined) return fault
        const [, token = ""] = /^Bearer (.+)$/.exec(request.headers.authorization ?? "") ?? []
        if (!api.tokens.has(token)) return status(401, "Unauthorized", "Unauthorized")
        const found = /^\/apis\/apps\/v1\/namespaces\/([^/]+)\/(deployments|statefulsets)\/([^/]+)\/scale$/.exec(
          request.url ?? ""
        )
        if (found === null) return status(404, "NotFound", "the server could not find the requested resource")
        const [namespace, kind, name] = found.slice(1).map((part) => decodeURIComponent(part)) as [
          string,
          string,
          string
        ]
        const verb = (request.method ?? "").toLowerCase()
        if (!api.verbs.has(verb)) {
          return status(
            403,
            "Forbidden",
            `${kind}.apps "${name}" is forbidden: User "system:serviceaccount:jobs:sluice" cannot ${verb} resource "${kind}/scale" in API group "apps" in the namespace "${namespace}"`
          )
        }
        const key = `${namespace}/${kind}/${name}`
        const object = api.objects.get(key)
        if (object === undefined) return status(404, "NotFound", `${kind}.apps "${name}" not found`)
        if (verb === "get") {
          api.done.push(`GET ${key}`)
          return { status: 200, body: scaleOf(key, object) }
        }
        if (verb !== "patch") return status(405, "MethodNotAllowed", "the server does not allow this method")
        if (request.headers["content-type"] !== "application/merge-patch+json")
          return status(415, "UnsupportedMediaType", "the body of the request was in an unknown format")
        api.beforePatch(key)
        const patch = JSON.parse(body) as {
          readonly metadata?: { readonly resourceVersion?: string }
          readonly spec: { readonly replicas: number }
        }
        const { resourceVersion } = patch.metadata ?? {}
        if (resourceVersion !== undefined && resourceVersion !== String(object.version))
          return status(
            409,
            "Conflict",
            "the object has been modified; please apply your changes to the latest version"
          )
        if (!(Number.isInteger(patch.spec.replicas) && patch.spec.replicas >= 0))
          return status(422, "Invalid", "spec.replicas: Invalid value: must be greater than or equal to 0")
        object.replicas = patch.spec.replicas
        object.version++
        api.done.push(`PATCH ${key} ${object.replicas}`)
        return { status: 200, body: scaleOf(key, object) }
      }

      const server = createServer(
        { cert: readFileSync(fixture("loopback.crt")), key: readFileSync(fixture("loopback.key")) },
        (request: IncomingMessage, response: ServerResponse) => {
          requests++
          void answer(api, request).then((reply) => {
            if (reply === "hang") return
            if (reply === "reset") return request.socket.destroy()
            response.writeHead(reply.status, { "content-type": "application/json", ...reply.headers })
            response.end(reply.body ?? "")
          })
        }
      )
      await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening))
      const { port } = server.address() as AddressInfo
      const api: ApiServer = {
        port,
        accountFolder,
        env: { KUBERNETES_SERVICE_HOST: "127.0.0.1", KUBERNETES_SERVICE_PORT: String(port) },
        objects: new Map(),
        done: [],
        requests: () => requests,
        tokens: new Set(["first"]),
        verbs: new Set(["get", "patch"]),
        faults: [],
        beforePatch: () => {},
        writeToken
      }
      return { api, server }
    }),
    ({ server }) =>
      Effect.promise(async () => {
        server.closeAllConnections()
        await new Promise((closed) => server.close(closed))
      })
  ).pipe(Effect.map(({ api }) => api))
