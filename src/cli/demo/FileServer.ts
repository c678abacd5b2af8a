/**
 * A server on loopback that hands out the listed files and nothing else. Every user of the machine can reach loopback,
 * so the address holds a secret of 128 bits, and a request whose Host is not ours (DNS rebinding) is refused.
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpServer from "effect/http/HttpServer"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import { randomBytes } from "node:crypto"
import { open } from "node:fs/promises"
import { createServer } from "node:http"

export class FileServer extends Context.Service<
  FileServer,
  {
    /** Where the file of this place in the list is found. */
    readonly url: (index: number) => string
  }
>()("sluice/cli/demo/FileServer") {}

const host = "127.0.0.1"

/** Serves `files`, absolute paths, until the scope closes. */
export const layer = (files: ReadonlyArray<string>) => {
  const secret = randomBytes(16).toString("hex")
  const address = Effect.map(
    HttpServer.HttpServer,
    (server) => `${host}:${"port" in server.address ? server.address.port : 0}`
  )

  const respond = Effect.gen(function* () {
    const request = yield* HttpServerRequest.HttpServerRequest
    const [, given, index, ...rest] = request.url.split("/")
    const file = given === secret && rest.length === 0 && /^\d+$/.test(index ?? "") ? files[Number(index)] : undefined
    if (file === undefined || request.headers.host !== (yield* address))
      return HttpServerResponse.empty({ status: 404 })
    return yield* Effect.tryPromise(() => open(file)).pipe(
      Effect.map((handle) =>
        HttpServerResponse.raw(handle.createReadStream(), { contentType: "application/octet-stream" })
      ),
      Effect.orElseSucceed(() => HttpServerResponse.empty({ status: 410 }))
    )
  })

  const server = createServer()
  return Layer.effect(
    FileServer,
    Effect.acquireRelease(
      Effect.map(address, (at) => ({ url: (index: number) => `http://${at}/${secret}/${index}` })),
      // A client's idle connection would hold up the server's end.
      () => Effect.sync(() => server.closeAllConnections())
    )
  ).pipe(
    Layer.provide(HttpServer.serve(respond)),
    Layer.provide(NodeHttpServer.layerServer(() => server, { port: 0, host }))
  )
}
